"""Mutated registrations, answers and probes in any order: nothing is raised, and the books balance after each."""

from __future__ import annotations

from random import Random

import pytest

from sbc.core.address import Address
from sbc.core.orders import Order, Send
from sbc.core.realm import Keepalive, Probing, Registrations
from sbc.sip.dialect import SipDialect
from tests.rig import NAT, PHONE, Rig, events, make_plan, sends
from tests.sip_messages import plain_answer, register, request

MOVED = Address(NAT.host, 40099)
PIECES = [
    *(b"\r\n", b"\x00", b"\xff", b"9" * 12, b";", b'"', b"<", b">", b"[::1]", b" ", b"%00", b"\r\n ", b",", b"*", b""),
    *(b";expires=", b";bnc", b";sbc=", b"sip:", b"?x=y", b"Expires: 5\r\n", b"Contact: ", b"=", b";reg-id=1"),
]
FLOW = b';+sip.instance="<urn:uuid:0>";reg-id=1;expires'
SAMPLES = [
    register(PHONE),
    register(PHONE, b"Contact: <sip:alice@192.168.1.10:5062>;expires=300, sip:b@h;expires=7"),
    register(PHONE).replace(b";expires", FLOW),
    register(PHONE).replace(b"<sip:alice@192.168.1.10:5060;line=7>;expires", b"<sip:192.168.1.10;bnc>;expires"),
    register(PHONE, b"Path: <sip:203.0.113.30;lr>", b"Expires: 60"),
    request(b"REGISTER", b"sip:sbc.example.com", PHONE, b"Contact: *", b"Expires: 0", call=b"reg"),
]


class Storm:
    """Phones, a registrar and a network that garbles some of what they say."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        plan = make_plan("sip", registrations=Registrations(), keepalive=Keepalive(Probing.ADAPTIVE))
        self.rig = Rig.make(SipDialect(), plan)
        self.absorbed = self.granted = self.probed = 0

    def garbled(self, data: bytes) -> bytes:
        for _ in range(self.chance.randrange(4)):
            at, length = self.chance.randrange(len(data)), self.chance.randrange(12)
            data = data[:at] + self.chance.choice(PIECES) + data[at + length :]
        return data

    def step(self, number: int) -> None:
        data = self.chance.choice(SAMPLES).replace(b"-REGISTER-1", b"-REGISTER-%d" % number)
        if self.chance.random() < 0.7:
            data = self.garbled(data)
        orders = self.rig.from_access(data, self.chance.choice([NAT, NAT, NAT, MOVED]))
        self.absorbed += "absorbed" in events(orders)
        for sent in sends(orders, "core"):
            contacts = [line for line in sent.split(b"\r\n") if line.lower().startswith((b"contact:", b"m:"))]
            try:
                said = plain_answer(sent, b"200 OK", *contacts, b"Service-Route: <sip:198.51.100.30;lr>")
            except AssertionError:  # garbled past what our registrar can read
                continue
            self.rig.from_core(said if self.chance.random() < 0.5 else self.garbled(said))
            self.granted += 1
        if number % 10 == 0:
            self.answer(self.rig.wait(self.chance.choice([1, 20, 60])))
        self.rig.log.clear()

    def answer(self, orders: list[Order]) -> None:
        for order in orders:
            if isinstance(order, Send) and order.data.startswith(b"OPTIONS"):
                self.probed += 1
                if self.chance.random() < 0.7 and b"To:" in order.data:
                    self.rig.from_access(self.garbled(plain_answer(order.data, b"200 OK")), order.to)


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_registrations(seed: int) -> None:
    storm = Storm(seed)
    for number in range(600):
        storm.step(number)
    assert storm.absorbed > 10 and storm.granted > 100 and storm.probed > 10, "it was no storm"
    storm.rig.wait(2**20)
    registry = storm.rig.border.registry
    assert not registry.watches and not registry.live_exchanges and not len(registry.names)
