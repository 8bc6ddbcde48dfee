"""A town's gateways begin anew at once, after a power failure, with their calls: all are in again, each at its port, no
call is left over, none is turned away, and the last costs what the first does.

SBC_LAB_GATEWAYS says how many, each twenty behind one NAT.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.audit import audit
from sbc.core.binding import BindingState
from sbc.core.orders import CloseStream, Order, Send
from sbc.core.realm import Limits, Plan, Signaling
from sbc.h248.dialect import H248Dialect
from sbc.policy.flooding import Flooding
from tests import h248_calls, mgcp_calls
from tests.h248_words import message, registration
from tests.mgcp_messages import response, rsip
from tests.rig import SOFTSWITCH, Rig, make_plan, of
from tests.steps import steps

GATEWAYS = int(os.environ.get("SBC_LAB_GATEWAYS", "100"))
EACH = 20
WITHIN = 10.0
"""Seconds within which all begin anew."""
MEASURED = 10
"""Of the first and of the last it is counted what they cost."""
LATE = 1.0
"""Seconds after which whoever controls them answers: each has asked again by then."""


class Large(Rig):
    """A rig that is looked over at the end alone: each look is at all there is."""

    def _take(self, orders: list[Order]) -> list[Order]:
        for order in orders:
            if isinstance(order, CloseStream):
                self.open_streams.discard(order.stream)
        self.log = []
        return orders


@attrs.frozen
class Mgcp:
    rig: Rig
    wire = "mgcp"

    @staticmethod
    def plan(**more: Any) -> Plan:
        return mgcp_calls.mgcp_plan(**more)

    def begin(self, at: Address, number: int) -> None:
        """A gateway is there, and has a call."""
        mgcp_calls.Line.register(self.rig, at, self._domain(number)).connect()

    def anew(self, number: int) -> bytes:
        return rsip(number + 70_000, self._domain(number))

    def yes(self, asked: Send) -> list[Order]:
        return self.rig.from_core(response(200, asked.data), mgcp_calls.AGENT, at=asked.listener)

    @staticmethod
    def _domain(number: int) -> str:
        return f"[192.168.1.{10 + number % EACH}]"


@attrs.frozen
class H248:
    rig: Rig
    wire = "h248"

    @staticmethod
    def plan(**more: Any) -> Plan:
        return make_plan("h248", signaling=Signaling.PORT_PER_TERMINAL, **more)

    def begin(self, at: Address, number: int) -> None:
        h248_calls.gateway(self.rig, at, mid=self._mid(number)).call()

    def anew(self, number: int) -> bytes:
        return message(self._mid(number), registration(number + 70_000))

    def yes(self, asked: Send) -> list[Order]:
        data = message(SOFTSWITCH, h248_calls.answer_to(asked.data))
        return self.rig.from_core(data, SOFTSWITCH, at=asked.listener)

    @staticmethod
    def _mid(number: int) -> Address:
        return Address(f"192.168.1.{10 + number % EACH}", 2944)


def seen(number: int, port: int = 20_000) -> Address:
    """Where a gateway is seen: of those behind one NAT each at a port of its own."""
    home = number // EACH
    return Address(f"203.0.{114 + home // 200}.{1 + home % 200}", port + number % EACH)


@pytest.mark.parametrize("speaker", [Mgcp, H248])
def test_all_that_begin_anew_at_once_are_in_again(speaker: type[Mgcp | H248]) -> None:
    few, many = storm(speaker, EACH), storm(speaker, GATEWAYS)
    assert max(many) < 1.2 * max(few), "each costs the same beside very many"


def storm(speaker: type[Mgcp | H248], gateways: int) -> list[int]:
    """So many gateways begin anew, and are in again. How many lines of code the first and the last have cost."""
    limits = Limits(calls=5_000, bindings=5_000, exchanges=50_000, dialogues=5_000)
    plan = speaker.plan(limits=limits, ports=20 * gateways, signaling_ports=range(40_001, 40_001 + gateways))
    access = attrs.evolve(plan.realms["access"], flood=Flooding())
    plan = attrs.evolve(plan, realms={**plan.realms, "access": access})
    rig = Large.make(mgcp_calls.MgcpDialect() if speaker is Mgcp else H248Dialect(), plan)
    town = speaker(rig)
    for number in range(gateways):
        town.begin(seen(number), number)
    registry, own = rig.border.registry, plan.realms["access"].listeners[0]
    ports = {each.seen: each.id for each in registry.bindings.values()}
    assert len(ports) == len(registry.calls) == gateways
    rig.now += 3_600.0
    began, owed, costs = rig.now, list[tuple[float, Send]](), list[int]()
    for number in range(gateways):
        rig.wait(began + number * WITHIN / gateways - rig.now)
        moved = seen(number, 30_000 if number % 2 else 20_000)  # the NAT has forgotten half of them
        assert rig.border.knock(own, moved, 200, "", rig.now) == ""
        if MEASURED <= number < gateways - MEASURED:
            orders = rig.from_access(town.anew(number), moved)
        else:
            orders, cost = steps(partial(rig.from_access, town.anew(number), moved))
            costs.append(cost)
        owed += [(rig.now + LATE, each) for each in of(Send, orders) if each.listener.realm == "core"]
        assert not of(Send, rig.from_access(town.anew(number), moved)), "it is asked once"
        while owed and owed[0][0] <= rig.now:
            town.yes(owed.pop(0)[1])
    for _, each in owed:
        town.yes(each)
    bound = [each for each in registry.bindings.values() if each.state is BindingState.BOUND]
    assert len(bound) == gateways and {each.seen for each in bound} == {
        seen(number, 30_000 if number % 2 else 20_000) for number in range(gateways)
    }
    assert {each.id for each in bound} == set(ports.values()), "each is the same as before, at the same port"
    assert not registry.members.all(), "nobody is in a call any more"
    assert not registry.gate.flood.drain() and not len(registry.gate.flood.bans)
    assert max(costs[MEASURED:]) < 1.2 * max(costs[:MEASURED]), "the last cost what the first have cost"
    rig.wait(60.0)
    assert not registry.calls and audit(registry, set()) == []
    return costs
