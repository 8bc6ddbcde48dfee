"""Ports for the control channels of calls, and who is found by them."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.admission import resumed
from sbc.core.audit import audit
from sbc.core.call import Call
from sbc.core.doors import Controls
from sbc.core.exchange import Hop
from sbc.core.message import Cause, Refused
from sbc.core.orders import HangUp, Listen, Unlisten
from sbc.core.realm import Plan
from sbc.core.registry import Registry
from sbc.core.timers import Timers
from tests.core.test_registry import call, make
from tests.rig import NAT, SBC_ACCESS


def with_streams(registry: Registry) -> Call:
    """A call in realms that take connections, too."""
    one = call(registry)
    for leg in one.legs:
        own = leg.realm.listeners[0]
        leg.realm = attrs.evolve(leg.realm, listeners=(own, attrs.evolve(own, transport="tcp")))
    resumed(registry, one)
    registry.add_call(one, 0.0)
    return one


def test_a_door_is_of_one_call_and_goes_back_with_it() -> None:
    registry = make()
    one = with_streams(registry)
    controls = registry.controls
    door, orders = controls.open(controls.of(one), 0, 0.0)
    assert orders == [Listen(door)] and door.transport == "tcp" and door.address == Address(SBC_ACCESS.host, 20000)
    assert controls.open(controls.of(one), 0, 0.0) == (door, []) and audit(registry) == []
    assert controls.behind(door) == (controls.of(one), 0) and controls.is_door("access", door.advertised)
    assert controls.behind(attrs.evolve(door, lane="x")) is None and not controls.is_door("core", door.advertised)
    hop = Hop(door, NAT)
    controls.enter(controls.of(one), 0, hop)
    assert controls.at(hop) == (controls.of(one), 0) and hop in controls.hops()
    assert controls.close(one, 5.0) == [HangUp(door, NAT, late=True), Unlisten(door)]
    assert controls.close(one, 5.0) == [] and controls.at(hop) is None and not len(controls)
    assert controls.pools["access"].resting(5.0) == 1 and audit(registry) == []


def test_a_door_that_nobody_can_have_known_need_not_rest() -> None:
    registry = make()
    one = with_streams(registry)
    door, _ = registry.controls.open(registry.controls.of(one), 1, 0.0)
    assert registry.controls.shut(registry.controls.of(one), 1, 0.0, rest=False) == [Unlisten(door)]
    assert registry.controls.shut(registry.controls.of(one), 1, 0.0) == []
    assert registry.controls.pools["core"].resting(0.0) == 0


def test_without_ports_or_without_listeners_for_connections_there_is_none() -> None:
    registry = make(ports=2)
    one = with_streams(registry)
    while registry.controls.pools["access"].take(0.0) is not None:
        pass
    for each in (one, call(registry, "two")):
        with pytest.raises(Refused) as refused:
            registry.controls.open(registry.controls.of(each), 0, 0.0)
        assert refused.value.cause is Cause.NO_PORTS and "access" not in refused.value.why


def other_ports(plan: Plan, ports: range) -> Plan:
    access = plan.realms["access"]
    connections = attrs.evolve(access.connections, control_ports=ports)
    return attrs.evolve(plan, realms={**plan.realms, "access": attrs.evolve(access, connections=connections)})


def test_ports_of_their_own_may_be_configured_and_changed() -> None:
    plan = other_ports(make().plan, range(50000, 50010))
    controls, registry = Controls(plan, Timers()), make()
    assert controls.pools["access"].size == 10 and controls.pools["core"].size == 100
    one = with_streams(registry)
    door, _ = controls.open(controls.of(one), 0, 0.0)
    assert door.address.port == 50000
    controls.replan(other_ports(plan, range(51000, 51005)))
    assert controls.pools["access"].used == {50000}
    controls.close(one, 0.0)
    controls.sweep(())
    assert controls.pools["access"].size == 5 and not controls.pools["access"].used
    assert all(pool.balanced() for pool in controls.all_pools().values())
