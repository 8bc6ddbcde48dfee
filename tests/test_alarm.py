"""The alarm: deadlines near each other cost one awakening, none is met early, and what is past is not kept waiting."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from sbc.alarm import GRAIN, Alarm
from sbc.core.backlog import PAUSE
from sbc.core.orders import Order, Wake
from tests.core.test_backlog import MANY, ask_many, by_connection, gone
from tests.rig import SOFTSWITCH, of

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


def test_an_exact_deadline_is_met_exactly_also_where_the_alarm_is_set_for_an_earlier_one() -> None:
    clock, woken = Clock(), list[float]()
    alarm = Alarm(clock, lambda: woken.append(clock.seconds()))
    alarm.set(0.101)
    alarm.set(0.102, exact=True)
    clock.pump([0.001] * 103)
    assert len(woken) == 1 and abs(woken[0] - 0.102) < 0.0015
    alarm.set(0.1035, exact=True)
    alarm.set(0.1031)
    clock.pump([0.001])
    assert len(woken) == 2, "the grain puts nothing off that is set already"


def test_those_that_were_put_off_have_their_turns_as_soon_as_is_written() -> None:
    made, own = by_connection()
    clock, went = Clock(), list[float]()
    ask_many(made)
    clock.rightNow = made.now = made.now + 0.5 * GRAIN

    def carry_out(orders: list[Order]) -> None:
        for order in of(Wake, orders):
            alarm.set(order.at, order.exact)
        went.extend([clock.seconds()] * len(gone(orders)))

    alarm = Alarm(clock, lambda: carry_out(made.border.wake(clock.seconds())))
    alarm.set(made.border.restless())
    carry_out(made.border.unreachable(own, SOFTSWITCH, "refused", made.now))
    clock.pump([PAUSE / 2] * 100)
    assert len(went) == MANY
    assert went[-1] - went[0] <= 4 * PAUSE < GRAIN / 5, "not a grain for every ten"
