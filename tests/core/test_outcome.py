"""What answers do to calls, one answer at a time, of a protocol that is none of ours."""

from __future__ import annotations

from sbc.core.call import CallState
from sbc.core.message import Ending, Phase, Who
from sbc.core.outcome import conclude
from tests.rig import PHONE, SOFTSWITCH, Rig, events, sends
from tests.toy import ToyDialect
from tests.toy_records import CHALLENGE, FAILURE, PROVISIONAL, answer, opening


def opened() -> tuple[Rig, bytes]:
    made = Rig.make(ToyDialect())
    (sent,) = sends(made.from_access(opening(PHONE).pack()), "core")
    return made, sent


def only(made: Rig):  # type: ignore[no-untyped-def]
    (call,) = made.border.registry.calls.values()
    return call


def test_the_first_ringing_is_told_and_later_ones_are_not() -> None:
    made, sent = opened()
    ringing = answer(sent, SOFTSWITCH.host, PROVISIONAL)
    assert "ring" in events(made.from_core(ringing.pack())) and only(made).state is CallState.EARLY
    assert "ring" not in events(made.from_core(ringing.but(cause=3).pack()))


def test_an_answer_puts_it_up_and_a_failure_after_it_changes_nothing() -> None:
    made, sent = opened()
    assert "answer" in events(made.from_core(answer(sent, SOFTSWITCH.host).pack()))
    call = only(made)
    failure = made.border.dialects["toy"].describe(
        made.border.dialects["toy"].decode(answer(sent, SOFTSWITCH.host, FAILURE).pack())
    )
    assert failure.phase is Phase.FAILURE
    assert conclude(made.border.registry, call.opening, failure, made.now) == []
    assert call.state is CallState.UP


def test_a_failure_ends_it_and_says_through_whom() -> None:
    made, sent = opened()
    made.from_core(answer(sent, SOFTSWITCH.host, FAILURE).pack())
    call = only(made)
    assert call.state is CallState.CLOSED and call.ended_by is Who.CALLEE


def test_a_challenge_leaves_it_open_for_a_while() -> None:
    made, sent = opened()
    made.from_core(answer(sent, SOFTSWITCH.host, CHALLENGE).pack())
    call = only(made)
    assert call.state is CallState.OPENING and call.ending is Ending.UNAUTHORIZED
    made.wait(33)
    assert call.state is CallState.CLOSED


def test_an_answer_forgets_that_an_attempt_before_was_challenged() -> None:
    made, sent = opened()
    made.from_core(answer(sent, SOFTSWITCH.host, CHALLENGE).pack())
    (again,) = sends(made.from_access(opening(PHONE, exchange=2).pack()), "core")
    made.from_core(answer(again, SOFTSWITCH.host).pack())
    call = only(made)
    assert call.state is CallState.UP and (call.cause, call.ending, call.ended_by) == ("", None, None)


def test_what_is_over_stays_over() -> None:
    made, sent = opened()
    made.from_core(answer(sent, SOFTSWITCH.host, FAILURE).pack())
    call = only(made)
    success = made.border.dialects["toy"].describe(
        made.border.dialects["toy"].decode(answer(sent, SOFTSWITCH.host).pack())
    )
    assert conclude(made.border.registry, call.opening, success, made.now) == []
    assert call.state is CallState.CLOSED
