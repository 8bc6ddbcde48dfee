"""H.245 by whomever, on whatever connection, in whatever order, with connections that come and go: the books balance
after every step, and nothing stays for ever."""

from __future__ import annotations

import random

import pytest

from sbc.core.address import Address
from sbc.core.orders import Connect, Listener, Send
from sbc.core.registry import Arrival
from sbc.octets.tpkt import wrap
from tests.calls.test_h323_channels import ack, ask_to_close, capabilities, close, for_fax, olc, reject
from tests.h323_calls import (
    CALLS,
    GATEKEEPER,
    acf,
    arq,
    h323_rig,
    ip,
    read,
    registered,
    release,
    said_back,
    setup,
    to,
    tunnel,
)
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, of

BY_TCP = [NAT._replace(port=52000 + n) for n in range(3)]
CORE = SOFTSWITCH.host
CONTROL = [
    *(olc(PHONE.host, n, 4001) for n in (1, 2)),
    *(olc(CORE, 3, 5001), olc(CORE, 4, None, 0, for_fax()), ack(PHONE.host, 3, 4000), ack(CORE, 1, 5000)),
    *(
        ack(PHONE.host, 4, 4400, session=33),
        close(1),
        close(2),
        close(3),
        close(4),
        reject(1),
        reject(3),
        ask_to_close(1),
    ),
    *(capabilities(True), capabilities(False)),
]
STEPS = 800


class Crowd:
    """Both sides of some calls, and doors and connections as they come and go."""

    def __init__(self, seed: int) -> None:
        self.chance, self.rig = random.Random(seed), h323_rig()
        self.own = registered(self.rig)
        self.up: list[tuple[Listener, Address, bytes]] = []  # our connections for calls, and the Setup on them
        self.there: list[tuple[Listener, Address]] = []  # control channels
        self.came = 0

    def take(self, rig: Rig, listener: Listener, source: Address, data: bytes) -> None:
        self.hear(rig._take(rig.border.receive(Arrival(listener, source, data, rig.now))))

    def hear(self, orders: list) -> None:  # type: ignore[type-arg]
        for send in of(Send, orders):
            message = read(send)  # nothing is sent that we could not read ourselves
            if message.name == "setup":
                self.up.append((send.listener, send.to, send.data))
        for each in of(Connect, orders):
            self.there.append((each.listener, each.peer))
            if self.chance.random() < 0.7:  # it comes about
                self.hear(self.rig._take(self.rig.border.accepted(each.listener, each.peer, self.rig.now)))

    def step(self) -> None:
        chance, rig = self.chance, self.rig
        access = rig.border.plan.realms["access"].listeners[1]
        what, source = chance.random(), chance.choice(BY_TCP)
        address = ip(Address(chance.choice([PHONE.host, "198.51.100.9", CORE]), chance.randrange(1, 65536)))
        if what < 0.1:
            (sent,) = to(rig.from_access(arq(chance.randrange(1, 60000))), "core") or [None]
            if sent is not None:
                rig.from_core(acf(sent.data, GATEKEEPER._replace(port=CALLS)), GATEKEEPER, at=self.own)
            more = {"h245Address": address} if chance.random() < 0.5 else {}
            self.take(rig, access, source, setup(fast=chance.random() < 0.3, **more))
        elif what < 0.25 and self.up:
            listener, peer, asked = chance.choice(self.up)
            name = chance.choice(["alerting", "connect", "connect"])
            self.take(rig, listener, peer, said_back(name, asked, h245Address=address))
        elif what < 0.45:
            doors = sorted(rig.border.registry.controls.listeners(), key=str)
            if doors:
                door, host = chance.choice(doors), chance.choice([NAT.host, CORE, "203.0.113.99"])
                peer = Address(host, chance.randrange(40000, 40010))
                if not rig.border.barred(door, peer, rig.now):
                    self.there.append((door, peer))
                    self.came += 1
                    self.hear(rig._take(rig.border.accepted(door, peer, rig.now)))
        elif what < 0.8:
            said = [chance.choice(CONTROL) for _ in range(chance.randrange(1, 4))]
            if self.there and chance.random() < 0.7:
                self.take(rig, *chance.choice(self.there), b"".join(map(wrap, said[:1])))
            elif self.up and chance.random() < 0.5:
                listener, peer, asked = chance.choice(self.up)
                self.take(rig, listener, peer, tunnel(asked, said, back=True))
            else:
                self.take(rig, access, source, tunnel(setup(), said))
        elif what < 0.9 and self.there:
            gone = self.there.pop(chance.randrange(len(self.there)))
            self.hear(rig._take(rig.border.unreachable(*gone, "lost", rig.now)))
        elif what < 0.93:
            self.take(rig, access, source, release(setup()))
        else:
            self.hear(rig.wait(chance.choice([0.5, 2, 15])))


@pytest.mark.parametrize("seed", [3, 4])
def test_the_books_balance_whatever_comes_and_goes(seed: int) -> None:
    crowd = Crowd(seed)
    for _ in range(STEPS):
        crowd.step()
    assert crowd.came and crowd.up
    crowd.rig.wait(200_000)
    registry = crowd.rig.border.registry
    assert not registry.calls and not len(registry.controls) and not registry.controls.hops()
    assert not registry.controls.listeners() and not crowd.rig.open_streams
    for pool in (*registry.controls.pools.values(), *registry.media_ports.values()):
        assert not pool.used and pool.balanced()
