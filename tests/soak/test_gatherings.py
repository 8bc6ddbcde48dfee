"""Gateways and their agent at random, over a network that loses, repeats and reorders: the books balance at each step,
and nothing is left over when all that the gateways have is taken off."""

from __future__ import annotations

import os
from collections.abc import Callable
from heapq import heappop, heappush
from random import Random

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.orders import Listener, Order, Send
from tests.kept import restarted
from tests.rig import NAT, SOFTSWITCH, Rig, of
from tests.toy_gateway import (
    EVERY,
    NAMELESS,
    RESTART,
    GatewayDialect,
    adjusts,
    gateway_rig,
    joined,
    no,
    opens,
    registers,
    takes_off,
    yes,
)
from tests.toy_records import BIND, CHANGE, CLOSE, CONFIRM, OPEN, REQUEST, TELL, Record, granted, number

SEED = 20_261
STEPS = int(os.environ.get("SBC_SOAK_STEPS", "800"))
"""Of the long runs; `make soak` takes 1,500."""
RETRY, PATIENCE = 2.0, 9.0
"""Seconds after which the agent repeats what it has asked, and for which it does."""


@attrs.define(eq=False)
class SimGateway:
    """A gateway: who is in which of its calls, and what it has answered, so that it does nothing twice."""

    name: bytes
    at: Address
    own: Listener
    random: Random
    calls: dict[int, set[bytes]] = attrs.field(factory=dict)
    answers: dict[bytes, bytes] = attrs.field(factory=dict)
    count: int = 0

    def hear(self, data: bytes) -> bytes | None:
        """The answer to a request."""
        asked = Record.read(data)
        if asked.stage != REQUEST or asked.op in (CONFIRM, BIND):
            return None
        if asked.exchange not in self.answers:
            self.answers[asked.exchange] = self._do(data, asked)
        return self.answers[asked.exchange]

    def _do(self, data: bytes, asked: Record) -> bytes:
        call = int.from_bytes(asked.call, "big")
        if asked.op in (OPEN, CHANGE) and self.random.random() < 0.1:
            return no(data).pack()
        if asked.op == OPEN:
            self.count += 1
            call, member = call or 1_000 + self.count, b"%d" % self.count
            self.calls.setdefault(call, set()).add(member)
            return joined(data, member, call=number(call)).pack()
        if asked.op == CHANGE:
            known = asked.user in self.calls.get(call, ())
            return (yes(data) if known else no(data)).pack()
        if asked.op == CLOSE:
            for each in list(self.calls) if asked.call in (EVERY, NAMELESS) else [call]:
                there = self.calls.get(each, set())
                start, all_ = asked.user.rstrip(b"*"), asked.user.endswith(b"*")
                there -= {one for one in there if (one.startswith(start) if all_ else one == asked.user)}
                if not there:
                    self.calls.pop(each, None)
        return yes(data).pack()


class World:
    """A border between an agent and some gateways, and the network to both."""

    def __init__(self, seed: int, loss: float, gateways: int = 4) -> None:
        self.random, self.loss = Random(seed), loss
        self.rig: Rig = gateway_rig(GatewayDialect(numbers=999_999))
        self.waiting: list[tuple[float, int, Callable[[], None]]] = []
        self.open: dict[tuple[Listener, bytes], bytes] = {}
        self.sent, self.steps = 0, 0
        self.gateways = []
        for index in range(gateways):
            at, name = NAT._replace(port=30_000 + index), b"gw%d" % index
            self.gateways.append(SimGateway(name, at, registers(self.rig, at, name, 900 + index), self.random))

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        self.steps += 1
        heappush(self.waiting, (self.rig.now + seconds, self.steps, do))

    def run(self, seconds: float) -> None:
        end = self.rig.now + seconds
        while self.waiting and self.waiting[0][0] <= end:
            at, _, do = heappop(self.waiting)
            self.carry(self.rig.wait(max(0.0, at - self.rig.now)))
            do()
        self.carry(self.rig.wait(end - self.rig.now))

    def carry(self, orders: list[Order]) -> None:
        """What is sent arrives, or does not, or twice."""
        for send in of(Send, orders):
            chance = self.random.random()
            for _ in range(0 if chance < self.loss else 2 if chance > 1 - self.loss / 2 else 1):
                self.after(self.random.uniform(0, 3 * self.loss), lambda send=send: self._arrive(send))  # type: ignore[misc]

    def _arrive(self, send: Send) -> None:
        if send.listener.realm == "core":
            return self._agent(send)
        there = next((each for each in self.gateways if each.at == send.to), None)
        answer = None if there is None else there.hear(send.data)
        if there is not None and answer is not None:
            self._lossy(lambda: self.rig.from_access(answer, there.at))

    def _lossy(self, say: Callable[[], list[Order]]) -> None:
        if self.random.random() >= self.loss:
            self.after(self.random.uniform(0, 3 * self.loss), lambda: self.carry(say()))

    def _agent(self, send: Send) -> None:
        said = Record.read(send.data)
        if said.stage != REQUEST:
            self.open.pop((send.listener, said.exchange), None)
        elif said.op != CONFIRM:
            answer = granted(send.data) if said.op == BIND else yes(send.data)
            self._lossy(lambda: self.rig.from_core(answer.pack(), send.to, send.listener))

    def ask(self, gateway: SimGateway, record: Record) -> None:
        """The agent asks a gateway, and repeats that until it is answered or has waited for too long."""
        self.sent += 1
        record = record.but(exchange=number(self.sent))
        self.open[gateway.own, record.exchange] = record.pack()
        self._again(gateway.own, record.exchange, self.rig.now + PATIENCE)

    def _again(self, own: Listener, exchange: bytes, until: float) -> None:
        data = self.open.get((own, exchange))
        if data is None or self.rig.now > until:
            self.open.pop((own, exchange), None)
            return
        self._lossy(lambda: self.rig.from_core(data, SOFTSWITCH, own))
        self.after(RETRY, lambda: self._again(own, exchange, until))

    # -- what happens

    def act(self) -> None:
        """Something at random."""
        gateway = self.random.choice(self.gateways)
        call = self.random.randrange(0, 5)
        known = [(each, one) for each, there in gateway.calls.items() for one in sorted(there)]
        at, member = self.random.choice(known) if known else (1, b"1")
        happens = self.random.random()
        if happens < 0.45:
            self.ask(gateway, opens(call))
        elif happens < 0.6:
            self.ask(gateway, adjusts(member, self.random.choice((at, 0, 77))))
        elif happens < 0.85:
            self.ask(gateway, takes_off(member, self.random.choice((at, at, 0))))
        elif happens < 0.9:
            self.ask(gateway, takes_off(b"*", at))
        elif happens < 0.92:
            self.ask(gateway, takes_off(b"%d*" % self.random.randrange(1, 9), 0).but(call=EVERY))
        elif happens < 0.95:
            self.sent += 1
            tell = Record(TELL, exchange=number(5_000_000 + self.sent), user=b"off-hook").pack()
            self._lossy(lambda: self.rig.from_access(tell, gateway.at))
        elif happens < 0.97:
            self._registers(gateway, RESTART)
        elif happens < 0.99:
            gateway.at = Address(f"203.0.113.{self.random.randrange(11, 200)}", self.random.randrange(20_000, 60_000))
            self._registers(gateway)
        else:
            calls = sorted(self.rig.border.registry.calls)
            if calls:
                self.carry(self.rig._take(self.rig.border.end_call(self.random.choice(calls), "kicked", self.rig.now)))

    def _registers(self, gateway: SimGateway, cause: int = 0) -> None:
        """A gateway registers, begun anew or from elsewhere; that arrives."""
        if cause:
            gateway.calls.clear()
        self.sent += 1
        assert registers(self.rig, gateway.at, gateway.name, 6_000_000 + self.sent, cause=cause) == gateway.own


@pytest.mark.parametrize(
    ("loss", "restarts", "steps"),
    [
        (0.0, False, 200),
        (0.2, True, 200),
        *(pytest.param(loss, each, STEPS, marks=pytest.mark.slow) for loss in (0.1, 0.4) for each in (False, True)),
    ],
)
def test_nothing_is_left_over(loss: float, restarts: bool, steps: int) -> None:
    world = World(SEED, loss)
    opened = joined_ = 0
    for step in range(steps):
        world.act()
        world.run(world.random.uniform(0, 1.5))
        if restarts and step % 40 == 39:
            before = set(world.rig.open_streams)
            made, orders = restarted(world.rig, run=b"%d" % step)
            world.waiting = [(at - world.rig.now + made.now, *rest) for at, *rest in world.waiting]  # type: ignore[misc]
            world.rig = made
            world.carry(orders)
            assert made.open_streams <= before
        opened = max(opened, len(world.rig.border.registry.calls))
        joined_ = max(joined_, sum(len(each) for _, each in world.rig.border.registry.members.all().values()))
    assert opened > 5 and joined_ > 10, "something has happened"
    world.run(60)
    if not loss:
        for each in world.gateways:
            port = world.rig.border.registry.terminal_ports.find(each.own)
            assert port is not None and port.binding is not None
            known = {member for _, member in world.rig.border.registry.members.at(port.binding.id)}
            assert known == {member for there in each.calls.values() for member in there}
    world.loss = 0.0
    for each in world.gateways:
        world.ask(each, takes_off(b"*", 0).but(call=EVERY))
    world.run(60)
    registry = world.rig.border.registry
    assert not any(each.calls for each in world.gateways)
    assert registry.members.all() == {} and not world.rig.open_streams
    assert not registry.calls and not [each for each in registry.live_exchanges if each.open]
    world.run(2_000)
    assert not registry.live_exchanges and not registry.calls_by_key
    assert all(not pool.used for pool in registry.media_ports.values())
