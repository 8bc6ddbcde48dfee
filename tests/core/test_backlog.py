"""Many that lose their next hop at once: few in a turn, all in the end, and no fault with one keeps another waiting."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.backlog import AT_ONCE, PAUSE, Backlog, Left
from sbc.core.fan import Asking, Failover, Probes
from sbc.core.hops import NeighbourState
from sbc.core.orders import Listener, Note, Order
from sbc.core.taking import Mishap
from tests.core.test_failover import SECOND, say, state_of
from tests.rig import PHONE, SOFTSWITCH, Rig, make_plan, of
from tests.toy import ToyDialect
from tests.toy_calls import to_access, to_core
from tests.toy_records import PENDING, PROBE, Record, answer, opening

MANY = 3 * AT_ONCE + 4


def by_connection(*hops: Address) -> tuple[Rig, Listener]:
    plan = make_plan("toy", failover=Failover(patience=3.0), probing=Probes(Asking.OFF))
    core = plan.realms["core"]
    own = attrs.evolve(core.listeners[0], transport="tcp")
    path = attrs.evolve(plan.paths[0], next_hops=hops or (SOFTSWITCH, SECOND))
    realms = {**plan.realms, "core": attrs.evolve(core, listeners=(own,))}
    return Rig.make(ToyDialect(), attrs.evolve(plan, realms=realms, paths=(path,))), own


def ask_many(made: Rig, count: int = MANY) -> None:
    for number in range(count):
        (sent,) = to_core(made.from_access(opening(PHONE, number, 100 + number).pack()))
        assert sent.to == SOFTSWITCH


def gone(orders: list[Order]) -> list[int]:
    """The calls that have gone to the other next hop."""
    return [Record.read(send.data).call for send in to_core(orders) if send.to == SECOND]


def turns(made: Rig, orders: list[Order], taken: Any) -> list[int]:
    """How many were seen to in each turn, until none is left."""
    found = [len(taken(orders))]
    while len(made.border.registry.backlog):
        found.append(len(taken(made.wait(PAUSE))))
    return found


def test_those_that_are_put_off_come_in_their_turn() -> None:
    backlog = Backlog()
    lefts = [Left(None, str(number)) for number in range(AT_ONCE + 2)]  # type: ignore[arg-type]
    backlog.put(lefts)
    assert len(backlog) == AT_ONCE + 2
    told = []
    while len(backlog):
        told.append((backlog.take().why, backlog.next(5.0)))
    assert [why for why, _ in told] == [left.why for left in lefts]
    assert [at for _, at in told] == [5.0] * (AT_ONCE - 1) + [5.0 + PAUSE, 5.0, None]


def test_of_many_that_lose_their_connection_few_go_elsewhere_in_a_turn() -> None:
    made, own = by_connection()
    ask_many(made)
    orders = made._take(made.border.unreachable(own, SOFTSWITCH, "refused", made.now))
    assert state_of(made, SOFTSWITCH) is NeighbourState.DOWN
    (fresh,) = to_core(made.from_access(opening(PHONE, 900, 901).pack()))
    assert fresh.to == SECOND, "what comes meanwhile goes there at once"
    assert turns(made, orders, gone) == [AT_ONCE, AT_ONCE, AT_ONCE, 4]
    assert len([note for note in of(Note, made.log) if note.event == "failover"]) == MANY


def test_where_nobody_else_is_few_are_refused_in_a_turn() -> None:
    made, own = by_connection(SOFTSWITCH)
    ask_many(made)
    orders = made._take(made.border.unreachable(own, SOFTSWITCH, "refused", made.now))
    assert turns(made, orders, to_access) == [AT_ONCE, AT_ONCE, AT_ONCE, 4]
    made.wait(100_000)
    assert not made.border.registry.calls and not made.border.registry.live_exchanges


def test_who_has_ended_meanwhile_is_left_alone() -> None:
    made, own = by_connection()
    ask_many(made, AT_ONCE + 3)
    made._take(made.border.unreachable(own, SOFTSWITCH, "refused", made.now))
    call = made.border.registry.backlog._waiting[0].exchange.call
    assert call is not None
    made._take(made.border.end_call(call.id, "cleared", made.now))
    assert len(gone(made.wait(PAUSE))) == 2
    assert not made.border.registry.backlog and made.border.registry.backlog.due is None


def test_a_fault_with_one_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    made, own = by_connection()
    ask_many(made, AT_ONCE + 5)
    made._take(made.border.unreachable(own, SOFTSWITCH, "refused", made.now))
    ill = made.border.registry.backlog._waiting[1].exchange.asked
    real = ToyDialect.decode

    def decode(self: ToyDialect, data: bytes) -> Any:
        if data == ill:
            raise RuntimeError("of ours")
        return real(self, data)

    monkeypatch.setattr(ToyDialect, "decode", decode)
    made.now += PAUSE
    with pytest.raises(Mishap) as mishap:
        made.border.wake(made.now)
    assert len(gone(mishap.value.orders)) == 1
    assert len(gone(made.border.wake(made.now))) == 3


def test_of_many_that_a_next_hop_was_at_work_on_few_go_elsewhere_in_a_turn() -> None:
    plan = make_plan("toy", failover=Failover(patience=3.0), probing=Probes(period=10.0, answer_within=4.0, misses=2))
    path = attrs.evolve(plan.paths[0], next_hops=(SOFTSWITCH, SECOND))
    made = Rig.make(ToyDialect(), attrs.evolve(plan, paths=(path,)))
    made._take(made.border.start(made.now))
    for number in range(MANY):
        (sent,) = to_core(made.from_access(opening(PHONE, number, 100 + number).pack()))
        say(made, sent, PENDING)
    went: list[int] = []
    for _ in range(30_000):  # the other says that it lives
        orders = made.wait(PAUSE)
        for send in to_core(orders):
            if Record.read(send.data).op == PROBE and send.to == SECOND:
                made.from_core(answer(send.data, SECOND.host).pack(), SECOND)
        found = [call for send in to_core(orders) if send.to == SECOND and (call := Record.read(send.data)).op != PROBE]
        if found:
            went.append(len(found))
        if sum(went) == MANY:
            break
    assert went == [AT_ONCE, AT_ONCE, AT_ONCE, 4]
