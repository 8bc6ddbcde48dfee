"""One message that refuses a call or ends it, by what was said before."""

from __future__ import annotations

import attrs

from sbc.core.message import Intent, Kind, Phase
from sbc.core.registry import Arrival
from sbc.core.standing import as_it_stands
from tests.rig import SOFTSWITCH
from tests.toy_calls import Talk, answered, opened


def stands(talk: Talk, **changes: object) -> Intent:
    registry = talk.rig.border.registry
    key = next(key for key, each in registry.exchanges.items() if each is talk.exchange and key[2] == -1)
    said = Intent(Kind.ANSWER, Phase.FAILURE, b"", key[3], ends=True)
    own = talk.rig.border.plan.realms["core"].listeners[0]
    return as_it_stands(registry, attrs.evolve(said, **changes), Arrival(own, SOFTSWITCH, b"", talk.rig.now))


def test_while_the_request_is_open_it_fails() -> None:
    assert stands(opened()).phase is Phase.FAILURE


def test_when_it_was_answered_the_call_ends() -> None:
    intent = stands(answered())
    assert (intent.kind, intent.phase, intent.within) == (Kind.CLOSE, Phase.CONFIRM, True)


def test_what_does_not_end_calls_stays_what_it_is() -> None:
    assert stands(answered(), ends=False).phase is Phase.FAILURE


def test_an_answer_that_nobody_asked_for_may_be_said_of_oneself() -> None:
    for phase, exchange in ((Phase.CONFIRM, b""), (Phase.REQUEST, b"nobody")):
        intent = stands(opened(), ends=False, exchange=b"nobody", phase=Phase.SUCCESS, unasked=phase)
        assert (intent.phase, intent.exchange, intent.unasked) == (phase, exchange, None)
    assert stands(opened(), ends=False, phase=Phase.SUCCESS, unasked=Phase.REQUEST).phase is Phase.SUCCESS
