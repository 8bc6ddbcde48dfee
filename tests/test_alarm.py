"""The alarm: deadlines near each other cost one awakening, none is met early, and what is past is not kept waiting."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from sbc.alarm import GRAIN, Alarm

WAITS = st.lists(st.floats(0.0, 3.0), min_size=1, max_size=20)


@given(st.floats(0.0, 1e9), WAITS)
def test_none_is_met_early_and_none_later_than_a_grain(start: float, waits: list[float]) -> None:
    clock, due, late = Clock(), list[float](), list[float]()
    clock.rightNow = start

    def woken() -> None:
        late.extend(clock.seconds() - at for at in due if at <= clock.seconds())
        due[:] = [at for at in due if at > clock.seconds()]
        if due:
            alarm.set(min(due))

    alarm = Alarm(clock, woken)
    for wait in waits:
        due.append(start + wait)
        alarm.set(start + wait)
    for _ in range(len(waits) + 1):
        if clock.getDelayedCalls():
            clock.advance(max(0.0, clock.getDelayedCalls()[0].getTime() - clock.seconds()))
    assert not due and len(late) == len(waits) and all(0 <= each <= GRAIN + 1e-6 for each in late)


def test_deadlines_near_each_other_cost_one_awakening() -> None:
    clock, woken = Clock(), list[float]()
    alarm = Alarm(clock, lambda: woken.append(clock.seconds()))
    for at in (0.121, 0.103, 0.149, 0.14):
        alarm.set(at)
    clock.pump([0.01] * 30)
    assert len(woken) == 1 and 0.149 <= woken[0] < 0.17
    alarm.set(0.05)
    assert [call.getTime() for call in clock.getDelayedCalls()] == [clock.seconds()], "it is past"
    alarm.cancel()
    assert not clock.getDelayedCalls()
