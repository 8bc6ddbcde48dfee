"""The made-up protocol as one that controls gateways, and conversations in it: calls gather members, names count at one
gateway alone, and one datagram may hold several records.

Whoever controls a gateway opens a call at it, which lets members join: the answer has their names in its ``user``. To
open it again lets further ones join, to change it is about the member that ``user`` names, and to close it takes off
those that ``user`` means. A call of number 0 has yet to be named, by the answer; one of ones alone means all. A binding
of cause RESTART says that all members are gone; an answer of cause RECEIPT wants to hear that it has arrived. To open a
call for a ``user`` moves that member there from the call that it is in.
"""

from __future__ import annotations

from base64 import b32encode
from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.binding import Binding
from sbc.core.call import Call
from sbc.core.message import Ending, Intent, Kind, Phase, Place, Role, Slot, Timing
from sbc.core.orders import Listener, Order, Send
from sbc.core.realm import Signaling
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, make_plan, of
from tests.toy import (
    BIND,
    CALL,
    CAUSE,
    CHANGE,
    CLOSE,
    CONFIRM,
    EXCHANGE,
    HEAD,
    HOP,
    LIFETIME,
    MEDIA,
    MEDIA_SIZE,
    OP,
    OPEN,
    PLACE_SIZE,
    PLACES,
    TARGET,
    USER,
    Memo,
    ToyDialect,
    ToyMessage,
    read_route,
)
from tests.toy_records import Record, audio, binding, granted, number, place

RESTART, RECEIPT = 77, 78
NAMELESS, EVERY = bytes(10), b"\xff" * 10


@attrs.frozen
class Asked(Memo):
    """What an answer needs to be understood: whether it was to open a call, and which; whom it was about."""

    op: int
    call: bytes
    user: bytes


class GatewayDialect(ToyDialect):
    """The functions over one record of a gateway's, or of who controls it."""

    def parts(self, data: bytes) -> tuple[bytes, ...]:  # type: ignore[override]
        found, at = [], 0
        while len(data) - at >= HEAD:
            size = HEAD + PLACE_SIZE * data[at + PLACES] + MEDIA_SIZE * data[at + MEDIA]
            found.append(data[at : at + size])
            at += size
        rest = data[at:]
        return (*found, rest) if rest or not found else tuple(found)

    def describe(self, message: ToyMessage) -> Intent:
        intent, asked = super().describe(message), getattr(message, "asked", None)
        op, cause = message.octets[OP], message.octets[CAUSE]
        intent.local = intent.frank = True
        intent.party, intent.heralds, intent.target = b"", b"", None
        intent.call = self._call(message)
        intent.within = op == CHANGE and intent.phase is Phase.REQUEST
        if op == BIND:
            intent.call, intent.within, intent.label = b"", False, b32encode(intent.user[:10]).lower()
            if cause == RESTART:
                intent.leaves = ((b"*", b"*"),)
        elif op == CONFIRM:
            intent.kind, intent.within = Kind.OTHER, True
        elif op == CLOSE:
            intent.kind = Kind.OTHER
            intent.leaves = ((intent.call or b"*", intent.user or b"*"),) if not intent.phase.reply else ()
            intent.call = b"" if b"*" in intent.call else intent.call
        elif intent.phase is Phase.REQUEST:
            intent.gathers = op == OPEN
            intent.moves = tuple(intent.user.split()) if op == OPEN else ()
            intent.member = intent.user if op == CHANGE and not intent.call else b""
            intent.route = read_route(message.text(HOP)) if message.text(HOP) else None
        elif op == OPEN and asked is not None and intent.phase in (Phase.SUCCESS, Phase.PROVISIONAL):
            intent.joins = tuple(intent.user.split())
            intent.moves = intent.joins if getattr(asked, "user", b"") else ()
        intent.receipt = intent.phase.reply and cause == RECEIPT
        return intent

    def _call(self, message: ToyMessage) -> bytes:
        raw = message.raw(CALL)
        return b"" if raw == NAMELESS else b"*" if raw == EVERY else raw.hex().encode()

    def complete(self, message: ToyMessage, memo: object) -> ToyMessage:
        message.asked = memo  # type: ignore[attr-defined]
        return message

    def _streams(self, message: ToyMessage, at: int) -> list[Slot]:
        slots, asked = super()._streams(message, at), getattr(message, "asked", None)
        op, reply = message.octets[OP], self.describe(message).phase.reply
        for slot in slots:
            if slot.role is Role.CONTROL or op not in (OPEN, CHANGE):
                continue
            member, key = message.text(USER).split(b" ")[0], slot.stream
            if op == OPEN and not reply and not member:
                slot.stream, slot.channel = (
                    f"t{message.raw(EXCHANGE).hex()}.{key}",
                    b"%s.%d" % (message.raw(EXCHANGE), key),
                )
                continue
            slot.stream, slot.member = f"{member.decode('latin-1')}/{key}", member
            if op == OPEN and asked is not None and not getattr(asked, "user", b""):
                slot.channel, slot.by_other = b"%s.%d" % (asked.exchange, key), True
        return slots

    def stamp(self, message: ToyMessage, crossing: Any) -> None:
        call, target = message.raw(CALL), message.text(TARGET)
        asked = (message.octets[OP], call, message.text(USER))
        super().stamp(message, crossing)
        message.write(CALL, call)
        message.write(TARGET, target if message.octets[OP] == BIND else b"")
        if not crossing.reply:
            memo = crossing.exchange.memo
            crossing.exchange.memo = Asked(memo.exchange, memo.target, *asked)

    def confirm(self, sent: bytes, reply: ToyMessage) -> bytes | None:
        if reply.octets[CAUSE] != RECEIPT:
            return None
        own = ToyMessage(bytearray(sent[:PLACES] + bytes(2)))
        own.octets[OP] = CONFIRM
        return bytes(own.octets)

    def release(
        self,
        call: bytes,
        member: bytes,
        to_asker: bool,
        memo: object,
        place: Place,
        listener: Listener,
        token: bytes,
        ending: Ending,
    ) -> bytes:
        own = ToyMessage(bytearray(HEAD))
        own.octets[:3] = b"\xb0\x7d" + bytes((CLOSE,))
        own.write(LIFETIME, b"\xff" * 4)
        own.write(CALL, bytes.fromhex(call.decode()))
        own.write(EXCHANGE, self._written(token))
        own.write(USER, member)
        return bytes(own.octets)

    def inquire(self, *_: object) -> None:
        """Nobody is asked whether a call lives that lives by its members."""

    def timing(self, intent: Intent) -> Timing:
        return self.plain


# -- records, by hand


def opens(call: int = 1, exchange: int = 1, **changes: object) -> Record:
    """Have members join a call (0: one that is yet to be named), with one audio stream."""
    return Record(OPEN, call=number(call), exchange=number(exchange), media=(audio("198.51.100.77"),)).but(**changes)


def joined(request: bytes, members: bytes = b"1", host: str = PHONE.host, **changes: object) -> Record:
    """The gateway's yes: those have joined, with a stream for each that was offered."""
    asked = Record.read(request)
    media = tuple(audio(host, key=each.key) for each in asked.media)
    return Record(OPEN, 3, call=asked.call, exchange=asked.exchange, user=members, media=media).but(**changes)


def adjusts(member: bytes = b"1", call: int = 1, exchange: int = 2, **changes: object) -> Record:
    """Change what is said of a member."""
    media = (audio("198.51.100.88"),)
    return Record(CHANGE, call=number(call), exchange=number(exchange), user=member, media=media).but(**changes)


def moves(member: bytes = b"1", call: int = 2, exchange: int = 5, **changes: object) -> Record:
    """Have a member go to a call from the one that it is in."""
    return Record(OPEN, call=number(call), exchange=number(exchange), user=member).but(**changes)


def takes_off(member: bytes = b"1", call: int = 1, exchange: int = 3, **changes: object) -> Record:
    """Take off those that are meant."""
    return Record(CLOSE, call=number(call), exchange=number(exchange), user=member).but(**changes)


def yes(request: bytes, **changes: object) -> Record:
    """A positive answer that says no more."""
    asked = Record.read(request)
    return Record(asked.op, 3, call=asked.call, exchange=asked.exchange, user=asked.user).but(**changes)


def no(request: bytes, **changes: object) -> Record:
    """A failure."""
    return yes(request, stage=4, cause=9, **changes)


# -- conversations


@attrs.define
class Gateway:
    """A gateway in a rig: where it is seen, and the port of ours that it is at for the core."""

    rig: Rig
    at: Address
    own: Listener
    name: bytes = b"gw1"

    @property
    def binding(self) -> Binding:
        port = self.rig.border.registry.terminal_ports.find(self.own)
        assert port is not None and port.binding is not None
        return port.binding

    def ask(self, record: Record | bytes, source: Address = SOFTSWITCH) -> list[Order]:
        """The core asks it something."""
        return self.rig.from_core(_packed(record), source, at=self.own)

    def say(self, record: Record | bytes) -> list[Order]:
        """It says something."""
        return self.rig.from_access(_packed(record), self.at)

    def told(self, orders: list[Order]) -> list[bytes]:
        """What it is sent."""
        return [each.data for each in of(Send, orders) if each.to == self.at]

    def heard(self, orders: list[Order]) -> list[bytes]:
        """What the core is sent in its name."""
        return [each.data for each in of(Send, orders) if each.listener == self.own]

    def gather(self, record: Record | None = None, members: bytes = b"1", **changes: object) -> Call:
        """The core has members join, which they do. Returns their call."""
        (asked,) = self.told(self.ask(record or opens()))
        self.say(joined(asked, members, **changes))
        call = self.rig.border.registry.members.find(self.binding.id, members.split()[0])
        assert call is not None
        return call


def _packed(record: Record | bytes) -> bytes:
    return record if isinstance(record, bytes) else record.pack()


def gateway_rig(dialect: GatewayDialect | None = None, **plan: Any) -> Rig:
    """A rig in which every gateway has a port of its own."""
    dialect = dialect or GatewayDialect()
    return Rig.make(dialect, make_plan(dialect.name, signaling=Signaling.PORT_PER_TERMINAL, **plan))


def gateway(rig: Rig | None = None, at: Address = NAT, name: bytes = b"gw1", exchange: int = 90) -> Gateway:
    """A gateway that has registered."""
    rig = rig or gateway_rig()
    own = registers(rig, at, name, exchange)
    return Gateway(rig, at, own, name)


def registers(rig: Rig, at: Address, name: bytes = b"gw1", exchange: int = 90, **changes: object) -> Listener:
    """A gateway registers, and is granted that. Returns the port of ours that stands for it."""
    record = binding(PHONE, exchange, name, 600, places=((place(*PHONE, "gw"), 600),), **changes)
    (sent,) = [each for each in of(Send, rig.from_access(record.pack(), at)) if each.listener.realm == "core"]
    rig.from_core(granted(sent.data).pack(), sent.to, sent.listener)
    return sent.listener
