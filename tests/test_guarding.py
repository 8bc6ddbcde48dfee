"""What the guard decides is carried out: said, counted, kept, and connections closed."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import attrs
from twisted.internet.task import Clock

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.orders import Note
from sbc.core.realm import Plan
from sbc.guarding import PACE, GuardService, cut
from sbc.policy.bans import Ban, Key
from sbc.policy.flooding import Flooding
from tests.rig import NAT, SECRET
from tests.streams import PEER, Bench, bench
from tests.toy import ToyDialect
from tests.toy_calls import bound, toy_rig

__all__ = ["bench"]

BAD = Address("203.0.113.66", 5060)


@attrs.define
class Port:
    refusals: int = 0


@attrs.define
class Doer:
    """A runner as far as the guard needs one."""

    counted: Counter[str] = attrs.field(factory=Counter)
    notes: list[Note] = attrs.field(factory=list)
    ports: dict[int, Any] = attrs.field(factory=dict)
    connections: Any = None

    def noted(self, note: Note) -> None:
        self.notes.append(note)

    def listeners(self) -> dict[int, Any]:
        return dict(self.ports)


class NoConnections:
    def books(self) -> Any:
        return self

    connections = ()


def protected(plan: Plan) -> Plan:
    realms = dict(plan.realms)
    realms["access"] = attrs.evolve(realms["access"], flood=Flooding())
    return attrs.evolve(plan, realms=realms)


def guarded(border: Border) -> tuple[GuardService, Doer, Clock, dict[Key, Ban | None]]:
    clock, doer, kept = Clock(), Doer(connections=NoConnections()), dict[Key, Ban | None]()
    border.registry.gate.replan(protected(border.plan))
    guard = GuardService(clock, border, cast(Any, doer))
    guard.keep = kept.__setitem__
    return guard, doer, clock, kept


def border() -> Border:
    return Border(toy_rig().border.plan, {"toy": ToyDialect()}, Mint(SECRET))


def test_a_ban_is_said_and_kept_and_ends() -> None:
    guard, doer, clock, kept = guarded(own := border())
    guard.startService()
    own.registry.gate.flood.ban("access", BAD.host, BAD.port, 60.0, "abuse", 0.0)
    clock.advance(PACE)
    assert [note.event for note in doer.notes] == ["banned"] and set(kept.values()) != {None}
    clock.pump([1.0] * 60)
    assert [note.event for note in doer.notes] == ["banned", "unbanned"] and kept == {("access", *BAD): None}
    guard.stopService()
    assert not clock.getDelayedCalls()


def test_terminals_that_were_registered_before_a_restart_are_known() -> None:
    rig = toy_rig()
    bound(rig)
    guard, _, _, _ = guarded(rig.border)
    guard.startService()
    assert rig.border.registry.gate.flood.guards["access"].terminals.homes == {NAT.host: 1}
    guard.stopService()


def test_what_sockets_drop_is_counted_once_and_costs_time() -> None:
    guard, doer, clock, _ = guarded(own := border())
    doer.ports[1] = port = Port()
    guard.startService()
    for more in (1_000, 0, 50_000):
        port.refusals += more
        clock.advance(PACE)
    assert doer.counted["dropped-banned"] == 51_000
    clock.advance(PACE)
    assert own.registry.gate.flood.load.level > 0.1
    doer.ports.clear()
    guard.stopService()


def test_a_fault_of_ours_costs_a_turn() -> None:
    guard, doer, clock, _ = guarded(own := border())
    guard.startService()
    whole, own.registry.gate.flood.tick = own.registry.gate.flood.tick, cast(Any, None)  # type: ignore[method-assign]
    clock.advance(PACE)
    assert doer.counted["internal-error"] == 1
    own.registry.gate.flood.tick = whole  # type: ignore[method-assign]
    own.registry.gate.flood.ban("access", BAD.host, 0, 60.0, "abuse", 0.0)
    clock.advance(PACE)
    assert [note.event for note in doer.notes] == ["banned"]
    guard.stopService()


def test_connections_of_who_is_banned_are_closed_and_no_others(bench: Bench) -> None:
    one, two = bench.phone(), bench.phone()
    bench.wait(lambda: len(bench.table.books().connections) == 2, "both connections")
    cut(bench.table, [Ban("access", PEER, one.getsockname()[1], "abuse", 0.0, 60.0, 0)])
    bench.turn()
    assert bench.ended(one) and not bench.ended(two)
    cut(
        bench.table, [Ban("core", PEER, 0, "abuse", 0.0, 60.0, 0), Ban("access", "192.0.2.9", 0, "abuse", 0.0, 60.0, 0)]
    )
    bench.turn()
    assert not bench.ended(two)
    cut(bench.table, [Ban("access", PEER, 0, "abuse", 0.0, 60.0, 0)])
    bench.turn()
    assert bench.ended(two)
    assert bench.heard.counted["connection-banned"] == 2
