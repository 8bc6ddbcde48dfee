"""The same things said in each of the four protocols: who registers, calls, is called and hangs up, and how who is
refused reads that on the wire. Where gateways are controlled it is their controller that has calls made."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.orders import Listener, Note, Order, Send
from sbc.core.realm import Plan
from sbc.core.registry import Arrival
from sbc.h323.codec import decode
from sbc.h323.dialect import H323Dialect
from sbc.sip.dialect import SipDialect
from tests import h248_calls, h323_calls, mgcp_calls
from tests import sip_messages as sip
from tests.h248_words import command, media, sdp, transaction
from tests.h323_calls import CALLS, GATEKEEPER, h323_plan
from tests.mgcp_messages import crcx, created, dlcx, response, rsip
from tests.rig import SOFTSWITCH, Rig, make_plan, of

EMERGENCY = ("112",)
Change = Callable[[Plan], Plan]
"""What is changed in the plan that a protocol's tests use."""


def host(who: int) -> str:
    """Where a terminal is seen."""
    return f"203.0.113.{50 + who}"


def to(orders: list[Order], realm: str) -> list[Send]:
    return [each for each in of(Send, orders) if each.listener.realm == realm]


class Speaker(ABC):
    """Terminals 0, 1, ... and who serves them, in one protocol. What is said returns "" where it crosses, and else what
    is said back: a code, and what comes with it."""

    name: str
    controls: bool = False  # whether calls are made by who controls the terminal

    def __init__(self, change: Change) -> None:
        self.rig = self.make(change)

    @abstractmethod
    def make(self, change: Change) -> Rig: ...

    @abstractmethod
    def register(self, who: int, place: int = 0) -> str:
        """A terminal registers, from one place or another; the core says yes."""

    @abstractmethod
    def call(self, number: int, who: int = 0, help: bool = False) -> str:
        """A terminal calls, and is answered."""

    @abstractmethod
    def ring(self, number: int, who: int = 0) -> str:
        """The core calls a terminal, which answers."""

    @abstractmethod
    def end(self, number: int) -> None:
        """Whoever began a call hangs up."""


class Sip(Speaker):
    name = "sip"

    def make(self, change: Change) -> Rig:
        self.contacts: dict[int, bytes] = {}
        self.byes: dict[int, tuple[str, bytes, Address]] = {}
        return Rig.make(SipDialect(emergency=EMERGENCY), change(make_plan("sip")))

    def register(self, who: int, place: int = 0) -> str:
        at = Address(host(who), 5060 + place)
        orders = self.rig.from_access(sip.register(at, call=b"r%d" % place, user=b"user%d" % who, expires=3600), at)
        if not to(orders, "core"):
            return self.refused(orders, "access")
        (sent,) = to(orders, "core")
        self.contacts[who] = sip.contact(sent.data)
        self.rig.from_core(sip.registered(sent.data))
        return ""

    def call(self, number: int, who: int = 0, help: bool = False) -> str:
        at = Address(host(who), 5060)
        called = b"sip:112@sbc.example.com" if help else b"sip:bob@sbc.example.com"
        asked = sip.invite(at, b"c%d" % number, called).replace(b"alice@sbc", b"user%d@sbc" % who)
        orders = self.rig.from_access(asked, at)
        if not to(orders, "core"):
            return self.refused(orders, "access")
        (sent,) = to(orders, "core")
        *_, back = to(self.rig.from_core(sip.answer(sent.data, SOFTSWITCH.host)), "access")
        self.rig.from_access(sip.inside(asked, back.data, b"ACK", 1), at)
        self.byes[number] = ("access", sip.inside(asked, back.data), at)
        return ""

    def ring(self, number: int, who: int = 0) -> str:
        asked = sip.invite(SOFTSWITCH, b"i%d" % number, self.contacts[who])
        orders = self.rig.from_core(asked)
        if not to(orders, "access"):
            return self.refused(orders, "core")
        (sent,) = to(orders, "access")
        *_, back = to(self.rig.from_access(sip.answer(sent.data, host(who)), sent.to), "core")
        self.rig.from_core(sip.inside(asked, back.data, b"ACK", 1))
        self.byes[number] = ("core", sip.inside(asked, back.data), SOFTSWITCH)
        return ""

    def end(self, number: int) -> None:
        realm, bye, source = self.byes.pop(number)
        says, other = (self.rig.from_access, "core") if realm == "access" else (self.rig.from_core, "access")
        (sent,) = to(says(bye, source), other)
        answers = self.rig.from_core if realm == "access" else self.rig.from_access
        answers(sip.plain_answer(sent.data, b"200 OK"), sent.to)

    @staticmethod
    def refused(orders: list[Order], realm: str) -> str:
        """The status, the seconds after which it may ask again, and the number of a warning that has one of its own."""
        *_, back = to(orders, realm)
        later = re.search(rb"Retry-After: (\d+)", back.data)
        warning = int(sip.header(back.data, b"Warning").split()[0])
        said = [str(sip.status(back.data)), later[1].decode() if later else "", str(warning) if warning != 399 else ""]
        return " ".join(filter(None, said))


class H323(Speaker):
    """Terminals with public addresses, which ask for leave."""

    name = "h323"
    asks = True

    def make(self, change: Change) -> Rig:
        self.own: dict[int, Listener] = {}
        self.ends: dict[int, tuple[Listener, Address, bytes]] = {}
        plan = h323_plan(keepalive=attrs.evolve(make_plan("h323").realms["access"].keepalive))
        return Rig.make(H323Dialect(emergency=EMERGENCY), change(plan))

    def register(self, who: int, place: int = 0) -> str:
        ras, calls = Address(host(who), 1719 + 2 * place), Address(host(who), CALLS + 2 * place)
        alias = [("h323-ID", f"user{who}")]
        orders = self.rig.from_access(h323_calls.rrq(6 + place, ras, calls, terminalAlias=alias), ras)
        if not to(orders, "core"):
            return self.refused(orders, "access")
        (sent,) = to(orders, "core")
        confirmed = h323_calls.rcf(sent.data, f"endp{who}{place}", timeToLive=3600)
        self.rig.from_core(confirmed, GATEKEEPER, at=sent.listener)
        self.own[who] = sent.listener
        return ""

    def call(self, number: int, who: int = 0, help: bool = False) -> str:
        dialled = [("dialledDigits", "112" if help else "200")]
        return self.leave(number, who, dialled) or self.set_up(number, who, dialled)

    def leave(self, number: int, who: int, dialled: Any) -> str:
        guid = number.to_bytes(16, "big")
        asked = h323_calls.arq(100 + number, f"endp{who}0", callIdentifier={"guid": guid}, destinationInfo=dialled)
        orders = self.rig.from_access(asked, Address(host(who), 1719))
        if not to(orders, "core"):
            return self.refused(orders, "access")
        (sent,) = to(orders, "core")
        self.rig.from_core(h323_calls.acf(sent.data), GATEKEEPER, at=sent.listener)
        return ""

    def set_up(self, number: int, who: int, dialled: Any) -> str:
        at, by = Address(host(who), 30_000 + number), self.calls("access")
        asked = self.setup(Address(host(who), CALLS), number, destinationAddress=dialled)
        orders = self.heard(by, at, asked)
        if not to(orders, "core"):
            return self.refused(orders, "access")
        (sent,) = to(orders, "core")
        self.heard(sent.listener, sent.to, h323_calls.said_back("connect", sent.data, SOFTSWITCH.host))
        self.ends[number] = (by, at, h323_calls.release(asked))
        return ""

    def ring(self, number: int, who: int = 0) -> str:
        own = attrs.evolve(self.own[who], transport="tcp")
        asked, at = self.setup(GATEKEEPER, number, own.address), GATEKEEPER._replace(port=33_000 + number)
        orders = self.heard(own, at, asked)
        if not to(orders, "access"):
            return self.refused(orders, "core")
        (sent,) = to(orders, "access")
        self.heard(sent.listener, sent.to, h323_calls.said_back("connect", sent.data, host(who)))
        self.ends[number] = (own, at, h323_calls.release(asked))
        return ""

    def end(self, number: int) -> None:
        self.heard(*self.ends.pop(number))

    def calls(self, realm: str) -> Listener:
        return next(own for own in self.rig.border.plan.realms[realm].listeners if own.transport == "tcp")

    def heard(self, at: Listener, source: Address, data: bytes) -> list[Order]:
        return self.rig._take(self.rig.border.receive(Arrival(at, source, data, self.rig.now)))

    @staticmethod
    def setup(calls: Address, number: int, at: Address | None = None, **more: Any) -> bytes:
        guid = number.to_bytes(16, "big")
        return h323_calls.setup(calls, at, reference=number, callIdentifier={"guid": guid}, **more)

    @staticmethod
    def refused(orders: list[Order], realm: str) -> str:
        """What refuses, and why: the reason, the cause of Q.850, or both."""
        *_, back = to(orders, realm)
        said = decode(back.data)
        reason = said.value.get("rejectReason") or said.value.get("reason")
        cause = None if said.q931 is None else said.q931.cause
        return " ".join(str(each) for each in (said.name, cause, reason[0] if reason else None) if each is not None)


class H323Setup(H323):
    """The same, where all have had leave to call before there was too much: it is the call itself that is refused."""

    name = "h323 Setup"

    def call(self, number: int, who: int = 0, help: bool = False) -> str:
        if not self.ends and number == 1:
            given = [self.leave(each, who, [("dialledDigits", "200")]) for each in range(1, 6)]
            assert not any(given)
        return self.set_up(number, who, [("dialledDigits", "112" if help else "200")])


class Mgcp(Speaker):
    name = "mgcp"
    controls = True

    def make(self, change: Change) -> Rig:
        self.lines: dict[int, mgcp_calls.Line] = {}
        self.whose: dict[int, int] = {}
        return Rig.make(mgcp_calls.MgcpDialect(), change(mgcp_calls.mgcp_plan()))

    def register(self, who: int, place: int = 0) -> str:
        at = Address(host(who), 2427 + place)
        orders = self.rig.from_access(rsip(31 + place, f"gw{who}.example"), at)
        if not to(orders, "core"):
            return self.refused(orders, "access")
        (asked,) = to(orders, "core")
        self.rig.from_core(response(200, asked.data), mgcp_calls.AGENT, at=asked.listener)
        name = asked.data.split()[2].partition(b"@")[2].decode()
        self.lines[who] = mgcp_calls.Line(self.rig, at, asked.listener, name)
        return ""

    def call(self, number: int, who: int = 0, help: bool = False) -> str:
        return self.ring(number, who)

    def ring(self, number: int, who: int = 0) -> str:
        line = self.lines[who]
        described = mgcp_calls.sdp(mgcp_calls.FAR, 6000)
        orders = line.agent(crcx(line.next(), line.at(), f"{number:x}", described))
        if not to(orders, "access"):
            return self.refused(orders, "core")
        (heard,) = to(orders, "access")
        line.told(created(heard.data, f"F{number}", host(who), 4000))
        self.whose[number] = who
        return ""

    def end(self, number: int) -> None:
        line = self.lines[self.whose.pop(number)]
        line.told(response(250, line.asked(dlcx(line.next(), line.at(), f"{number:x}", f"F{number}"))))

    @staticmethod
    def refused(orders: list[Order], realm: str) -> str:
        """The return code."""
        *_, back = to(orders, realm)
        return back.data.split()[0].decode()


class H248(Speaker):
    name = "h248"
    controls = True
    wire = "text"

    def make(self, change: Change) -> Rig:
        self.gateways: dict[int, h248_calls.Gateway] = {}
        self.whose: dict[int, int] = {}
        base = make_plan("h248", signaling=h248_calls.Signaling.PORT_PER_TERMINAL)
        return Rig.make(h248_calls.DIALECT, change(base))

    def register(self, who: int, place: int = 0) -> str:
        at = Address(host(who), 2944 + place)
        mid = f"<gw{who}.example>".encode()
        data = h248_calls.WRITERS[self.wire](h248_calls.message(mid, h248_calls.registration(1 + place)))
        orders = self.rig.from_access(data, at)
        if not to(orders, "core"):
            return self.refused(orders, "access")
        (sent,) = to(orders, "core")
        made = h248_calls.Gateway(self.rig, at, sent.listener, self.wire, mid)
        made.ask(h248_calls.answer_to(sent.data))
        self.gateways[who] = made
        return ""

    def call(self, number: int, who: int = 0, help: bool = False) -> str:
        made = self.gateways[who]
        line = b"aaln/%d" % number
        wanted = (command(b"Add", line), command(b"Add", b"$", media(local=sdp())))
        asked = transaction(100 + number, b"$", *((b"Emergency",) if help else ()), *wanted)
        orders = made.ask(asked)
        if not to(orders, "access"):
            return self.refused(orders, "core")
        number_heard = h248_calls.read(*made.told(orders)).transaction
        rtp = command(b"Add", b"rtp/%d" % number, media(local=sdp(host(who), 4000 + 2 * number)))
        orders = made.say(h248_calls.reply(number_heard, number, command(b"Add", line), rtp))
        if any(isinstance(order, Note) and order.event == "gave-up" for order in orders):
            return self.refused(orders, "core")
        self.whose[number] = who
        return ""

    def ring(self, number: int, who: int = 0) -> str:
        return self.call(number, who)

    def end(self, number: int) -> None:
        made = self.gateways[self.whose.pop(number)]
        gone = (command(b"Subtract", b"aaln/%d" % number), command(b"Subtract", b"rtp/%d" % number))
        asked = h248_calls.read(*made.told(made.ask(transaction(500 + number, number, *gone))))
        made.say(h248_calls.reply(asked.transaction, number, *gone))

    @staticmethod
    def refused(orders: list[Order], realm: str) -> str:
        """The error code."""
        *_, back = to(orders, realm)
        said = h248_calls.read(back.data)
        found = [said.error, *(each.error for each in said.actions)]
        found += [each.error for action in said.actions for each in action.commands]
        return str(next(each for each in found if each is not None).code)


class H248Binary(H248):
    name = "h248 binary"
    wire = "binary"


SPEAKERS: dict[str, type[Speaker]] = {each.name: each for each in (Sip, H323, H323Setup, Mgcp, H248, H248Binary)}
