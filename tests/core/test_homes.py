"""Gateways whose call agent, or whatever the core has, is another after a reload, by the DNS, or after a restart."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.fan import NextHop
from sbc.core.hops import Target
from sbc.core.orders import Order
from sbc.core.realm import Keepalive, Plan, Probing
from tests.core.test_lasting import ASKED, TELLING, binds, dies, gateway, restored, rig, speaks, the_binding
from tests.kept import restarted
from tests.rig import PHONE, SOFTSWITCH, events
from tests.toy_calls import to_core
from tests.toy_records import Record, opening

SECOND = Address("198.51.100.3", 5060)


def to_whom(plan: Plan, *peers: Address, transport: str = "") -> Plan:
    """A plan whose path leads to those."""
    hops = tuple(NextHop(peer, transport=transport) for peer in peers)
    return attrs.evolve(plan, paths=tuple(attrs.evolve(path, next_hops=hops) for path in plan.paths))


def told_to(orders: list[Order]) -> set[Address]:
    """Who hears that the gateway is there."""
    return {each.to for each in binds(orders) if Record.read(each.data).user == b"again"}


@pytest.mark.parametrize("keepalive", [ASKED, TELLING])
def test_whoever_is_its_next_hop_after_a_reload_hears_of_it(keepalive: Keepalive) -> None:
    made = rig(keepalive)
    gateway(made)
    assert "homeless" in events(made.replan(to_whom(made.border.plan, SECOND)))
    said = binds(made.wait(5.1))[0]
    assert (said.to, said.listener) == (SECOND, the_binding(made).onward)
    assert restored(made, said) == ["restored"]
    assert the_binding(made).granted_by == ("core", "udp", SECOND)
    assert not told_to(made.replan(made.border.plan) + made.wait(200.0)), "once and no more"
    (told,) = to_core(made.from_access(opening(PHONE).but(exchange=b"z" * 10).pack()))
    assert told.to == SECOND


def test_one_that_has_its_next_hop_still_is_not_told_of() -> None:
    made = rig()
    gateway(made)
    orders = made.replan(to_whom(made.border.plan, SECOND, SOFTSWITCH)) + made.wait(10.0)
    path = made.border.plan.paths[0]
    orders += made._take(made.border.resolved(path, [Target(SOFTSWITCH), Target(SECOND)], made.now)) + made.wait(10.0)
    assert not told_to(orders) and "homeless" not in events(made.log)


def test_the_dns_may_give_it_another_and_who_does_not_answer_is_told_again() -> None:
    made = rig(Keepalive(Probing.OFF))
    gateway(made)
    path = made.border.plan.paths[0]
    made._take(made.border.resolved(path, [], made.now))
    assert not told_to(made.wait(100.0)), "of nobody nothing is known"
    made._take(made.border.resolved(path, [Target(SECOND)], made.now))
    assert told_to(made.wait(5.1)) == {SECOND}
    again = made.wait(200.0)
    now: list[Order] = []
    while not binds(now):
        now = made.wait(0.5)
    assert len({each.data for each in binds(again)}) >= 3 and told_to(again) == {SECOND}
    assert restored(made, binds(now)[-1]) == ["restored"]


def test_one_that_was_lost_is_told_of_when_it_is_back() -> None:
    made = rig(TELLING)
    gateway(made)
    dies(made)
    made.replan(to_whom(made.border.plan, SECOND))
    assert not told_to(made.wait(60.0))
    assert told_to(speaks(made)) == {SECOND}


def test_a_restart_by_another_configuration_is_the_same() -> None:
    made = rig()
    gateway(made)
    after, _ = restarted(made, plan=to_whom(made.border.plan, SECOND))
    assert told_to(after.wait(5.1)) == {SECOND}
    after, _ = restarted(after)
    (said,) = {each.data: each for each in binds(after.wait(5.1))}.values()
    assert restored(after, said) == ["restored"]


def test_after_a_restart_names_are_waited_for() -> None:
    """Who a name stands for is not known before it is resolved: nobody is homeless by that."""
    made = rig()
    gateway(made)
    plan = to_whom(made.border.plan, SECOND, Address("agent.example", 5060))
    after, _ = restarted(made, plan=plan)
    assert not told_to(after.wait(10.0))
    after._take(after.border.resolved(plan.paths[0], [Target(SECOND), Target(SOFTSWITCH)], after.now))
    assert not told_to(after.wait(10.0))


def test_who_is_not_spoken_to_by_its_port_cannot_be_told() -> None:
    made = rig(Keepalive(Probing.OFF))
    gateway(made)
    plan = to_whom(made.border.plan, SECOND, transport="tcp")
    core = plan.realms["core"]
    by_tcp = attrs.evolve(core.listeners[0], transport="tcp")
    core = attrs.evolve(core, listeners=(*core.listeners, by_tcp))
    made.replan(attrs.evolve(plan, realms={**plan.realms, "core": core}))
    orders = made.wait(66.0)
    assert not told_to(orders) and events(orders).count("unrestored") == 2
