"""What all requests of our own have in common: their answer finds them, and they are sent again until then."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.asking import enter, own_name, retry_later
from sbc.core.exchange import Exchange, ExchangeState, Hop
from sbc.core.keys import far_key
from sbc.core.message import Intent, Kind, Phase
from tests.rig import PHONE, SECRET, SOFTSWITCH, Rig, sends
from tests.toy import PLAIN, ToyDialect
from tests.toy_calls import opened, read, toy_rig
from tests.toy_records import answer, number, opening


def question(rig: Rig, transport: str = "udp") -> Exchange:
    listener = attrs.evolve(rig.border.plan.realms["core"].listeners[0], transport=transport)
    intent = Intent(Kind.OTHER, Phase.REQUEST, b"call", b"name")
    return Exchange("toy", intent, PLAIN, b"", near=None, far=Hop(listener, SOFTSWITCH), sent=b"sent")


@pytest.mark.parametrize(("transport", "again"), [("udp", PLAIN.first), ("tcp", PLAIN.limit)])
def test_its_answer_finds_it_and_it_is_repeated_where_that_helps(transport: str, again: float) -> None:
    rig = toy_rig()
    asked = question(rig, transport)
    enter(rig.border.registry, asked, rig.now)
    assert rig.border.registry.exchanges[far_key("core", SOFTSWITCH.host, b"name")] is asked
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


def test_where_there_are_but_few_numbers_each_is_in_use_once_and_nobody_can_tell_the_next() -> None:
    few = 40
    rig = toy_rig(ToyDialect(numbers=few))
    sent = [opened(rig, opening(PHONE, call=each, exchange=each)).sent for each in range(1, 21)]
    used = [int.from_bytes(record.exchange, "big") for record in read(sent)]
    assert len(set(used)) == len(used) and all(1 <= each <= few for each in used)
    assert used != sorted(used)
    for each, data in enumerate(sent, 1):  # each answer is its own request's
        (back,) = read(sends(rig.from_core(answer(data, SOFTSWITCH.host).pack()), "access"))
        assert (back.exchange, back.call) == (number(each), number(each))


def test_the_same_request_has_the_same_number_after_a_restart() -> None:
    """Whoever was asked knows it by that: a transaction that is repeated then is carried out once."""
    rigs = [toy_rig(ToyDialect(numbers=999_999_999)) for _ in range(2)]
    rigs[1].border.registry.mint.assume(SECRET, b"another run")
    asked = [opening(PHONE, call=each, exchange=each) for each in range(1, 6)]
    first, second = ([opened(rig, each).sent for each in asked] for rig in rigs)
    numbers = [record.exchange for record in read(first)]
    assert numbers == [record.exchange for record in read(second)] and len(set(numbers)) == 5


def test_a_number_in_use_at_one_host_is_free_at_another() -> None:
    rig = toy_rig(ToyDialect(numbers=1))
    registry, dialect = rig.border.registry, rig.border.dialects["toy"]
    listener = rig.border.plan.realms["core"].listeners[0]
    here, there = Hop(listener, SOFTSWITCH), Hop(listener, PHONE)
    asked = Exchange("toy", Intent(Kind.OTHER, Phase.REQUEST, b"", b"1"), PLAIN, b"1", near=None, far=here)
    enter(registry, asked, rig.now)
    other = attrs.evolve(asked, far=there, keys=[])
    enter(registry, other, rig.now)
    assert registry.exchanges[far_key("core", SOFTSWITCH.host, b"1")] is asked
    assert registry.exchanges[far_key("core", PHONE.host, b"1")] is other
    assert own_name(registry, dialect, here) == b"1"  # there is no other
