"""What all requests of our own have in common: their answer finds them, and they are sent again until then."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.asking import enter, retry_later
from sbc.core.exchange import Exchange, ExchangeState, Hop
from sbc.core.keys import far_key
from sbc.core.message import Intent, Kind, Phase
from tests.rig import SOFTSWITCH, Rig
from tests.toy import PLAIN
from tests.toy_calls import toy_rig


def question(rig: Rig, transport: str = "udp") -> Exchange:
    listener = attrs.evolve(rig.border.plan.realms["core"].listeners[0], transport=transport)
    intent = Intent(Kind.OTHER, Phase.REQUEST, b"call", b"name")
    return Exchange("toy", intent, PLAIN, b"", near=None, far=Hop(listener, SOFTSWITCH), sent=b"sent")


@pytest.mark.parametrize(("transport", "again"), [("udp", PLAIN.first), ("tcp", PLAIN.limit)])
def test_its_answer_finds_it_and_it_is_repeated_where_that_helps(transport: str, again: float) -> None:
    rig = toy_rig()
    asked = question(rig, transport)
    enter(rig.border.registry, asked, rig.now)
    assert rig.border.registry.exchanges[far_key("core", b"name")] is asked
    assert asked.due == rig.now + again and asked.deadline == rig.now + PLAIN.limit
    assert rig.border.registry.waits.at(asked.far) == ([asked] if transport == "tcp" else [])  # type: ignore[arg-type]


def test_the_waits_grow_up_to_the_deadline() -> None:
    rig = toy_rig()
    asked = question(rig)
    enter(rig.border.registry, asked, rig.now)
    waits = []
    now = rig.now
    while asked.due is not None and asked.due < asked.deadline:
        waits.append(asked.due - now)
        now = asked.due
        retry_later(rig.border.registry, asked, now)
    assert waits == sorted(waits) and waits[:2] == [PLAIN.first, 2 * PLAIN.first] and max(waits) == PLAIN.cap
    assert asked.due == asked.deadline


def test_patience_may_end_before_but_only_while_nothing_is_heard() -> None:
    rig = toy_rig()
    asked = question(rig)
    enter(rig.border.registry, asked, rig.now)
    asked.moves_on = rig.now + 0.25
    retry_later(rig.border.registry, asked, rig.now)
    assert asked.due == asked.moves_on
    asked.state = ExchangeState.PROCEEDING
    retry_later(rig.border.registry, asked, rig.now)
    assert asked.due != asked.moves_on
