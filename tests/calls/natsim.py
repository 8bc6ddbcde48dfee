"""NATs in memory: phones that register and answer through a mapping that is forgotten after so much silence."""

from __future__ import annotations

import re

import attrs

from sbc.core.address import Address
from sbc.core.orders import Order, Send
from sbc.core.realm import Keepalive, Registrations
from sbc.sip.dialect import SipDialect
from tests.rig import Rig, make_plan, of
from tests.sip_messages import header, plain_answer, register, registered


@attrs.define
class SimPhone:
    """A phone at `private`, behind the NAT. It comes back when `comes_back` of its registration has passed."""

    private: Address
    user: bytes
    comes_back: float = 0.9
    due: float = 0.0
    seq: int = 0
    public: Address | None = None
    alive_until: float = 0.0  # when its mapping is forgotten
    heard: int = 0  # messages from the SBC
    sent: int = 0
    unreachable: float = 0.0  # seconds
    outages: int = 0
    on: bool = True


class NatSim:
    """One NAT host with `timer` seconds of patience, phones behind it, and a registrar that grants what it is asked.

    Only what goes outwards keeps a mapping, as RFC 4787 (REQ-6) lets a NAT have it. A connection whose mapping is
    forgotten is not closed: what is sent by it goes nowhere, and the phone's next message opens another.
    """

    def __init__(
        self, timer: float, keepalive: Keepalive, phones: int = 1, comes_back: float = 0.9, transport: str = "udp"
    ) -> None:
        self.timer = timer
        plan = make_plan("sip", registrations=Registrations(), keepalive=keepalive)
        access = plan.realms["access"]
        own = attrs.evolve(access.listeners[0], transport=transport)
        plan.realms["access"] = attrs.evolve(access, listeners=(own,))
        self.rig = Rig.make(SipDialect(), plan)
        self.phones = [
            SimPhone(Address(f"192.168.1.{10 + n}", 5060), b"user%d" % n, comes_back, due=1000.0 + 7 * n)
            for n in range(phones)
        ]
        self._port = 20_000

    def run(self, seconds: float) -> None:
        """Let time pass, in steps of one second, for the reachability of each phone to be taken."""
        rig, end = self.rig, self.rig.now + seconds
        while rig.now < end:
            for phone in self.phones:
                if phone.on and rig.now >= phone.due:
                    self._register(phone)
                self._look(phone)
            self._deliver(rig.wait(1.0))

    def _look(self, phone: SimPhone) -> None:
        binding = next((b for b in self.rig.border.registry.bindings.values() if b.user.startswith(phone.user)), None)
        reachable = binding is not None and binding.seen == phone.public and self.rig.now < phone.alive_until
        phone.unreachable += phone.on and not reachable

    def _register(self, phone: SimPhone) -> None:
        phone.seq += 1
        phone.due = self.rig.now + 10  # should nobody answer
        data = register(phone.private, call=b"reg-" + phone.user, seq=phone.seq, user=phone.user, expires=3600)
        self._deliver(self._outwards(phone, data))

    def _outwards(self, phone: SimPhone, data: bytes) -> list[Order]:
        now = self.rig.now
        if phone.public is None or now >= phone.alive_until:
            phone.outages += phone.public is not None
            self._port += 1
            phone.public = Address("203.0.113.11", self._port)
        phone.alive_until = now + self.timer
        phone.sent += 1
        return self.rig.from_access(data, phone.public)

    def _deliver(self, orders: list[Order]) -> None:
        for send in of(Send, orders):
            if send.listener.realm == "core":
                self._deliver(self.rig.from_core(registered(send.data)))
                continue
            phone = next((p for p in self.phones if p.public == send.to), None)
            if phone is None or not phone.on or self.rig.now >= phone.alive_until:
                continue
            phone.heard += 1
            if send.data.startswith(b"OPTIONS"):
                self._deliver(self._outwards(phone, plain_answer(send.data, b"200 OK")))
            elif send.data.startswith(b"SIP/2.0 200") and b"REGISTER" in header(send.data, b"CSeq"):
                told = re.search(rb"expires=(\d+)", header(send.data, b"Contact"))
                assert told is not None
                phone.due = self.rig.now + phone.comes_back * int(told[1])

    @property
    def messages(self) -> int:
        """What went through the NAT, both ways."""
        return sum(phone.heard + phone.sent for phone in self.phones)

    @property
    def reachability(self) -> float:
        """The part of the time in which a call would have reached a phone. Call after `run`."""
        passed = (self.rig.now - 1000.0) * len(self.phones)
        return 1 - sum(phone.unreachable for phone in self.phones) / passed
