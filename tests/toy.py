"""A made-up protocol as unlike SIP as can be, and its dialect: the proof that the core is neutral.

Its records are binary, at fixed positions (tests/toy_records.py writes them): media addresses are six packed octets,
places are text, calls, exchanges and parties are numbers. It has eight requests: open, change and close a call, bind a
place, probe, tell, withdraw, confirm. A request may say by which hop its sender is to be reached, and which hop it is
to visit. Who tells as user ``leave``, ``take`` or ``return`` wants leave to make a call or take it, or gives it back;
as ``ask N`` it asks whether the other party lives, as ``told N`` it says so. Who binds a user that begins with ``gate``
does so for good.
"""

from __future__ import annotations

from base64 import b32decode, b32encode
from collections.abc import Collection
from socket import inet_aton, inet_ntoa
from typing import Any

import attrs
from zope.interface import implementer

from sbc.core.address import Address, canonical
from sbc.core.message import (
    NO_ROUTE,
    BadMessage,
    Cause,
    Elsewhere,
    Ending,
    Intent,
    Keys,
    Kind,
    Phase,
    Place,
    Refused,
    Role,
    Route,
    Slot,
    Timing,
)
from sbc.core.orders import Listener
from sbc.core.question import Question
from sbc.core.reticent import Reticent
from sbc.interfaces import IDialect

OPEN, CHANGE, CLOSE, BIND, PROBE, TELL, WITHDRAW, CONFIRM, CONVERSE = range(1, 10)
KINDS = {OPEN: Kind.OPEN, CHANGE: Kind.MODIFY, CLOSE: Kind.CLOSE, BIND: Kind.BIND, CONFIRM: Kind.ANSWER}
METHODS = ("", "open", "change", "close", "bind", "probe", "tell", "withdraw", "confirm", "converse")
STAGES = (Phase.REQUEST, Phase.PENDING, Phase.PROVISIONAL, Phase.SUCCESS, Phase.FAILURE, Phase.CHALLENGE)
NEVER = 0xFFFFFFFF
CAUSES = list(Cause)
UNAVAILABLE, WAITED, BROKEN = 201, 202, 203
ELSEWHERE = {UNAVAILABLE: Elsewhere.UNAVAILABLE, WAITED: Elsewhere.TIMEOUT, BROKEN: Elsewhere.ERROR}
OFFERS = (OPEN, CHANGE)
LEAVE = (b"leave", b"take", b"return")

# where things stand
OP, STAGE, CAUSE, HOPS = 2, 3, 4, 5
SENDER, RECEIVER, LIFETIME = slice(6, 10), slice(10, 14), slice(14, 18)
CALL, EXCHANGE, WITHDRAWN = slice(18, 28), slice(28, 38), slice(38, 48)
BELIEVED, USER, IDENTITY = slice(48, 54), slice(54, 70), slice(70, 102)
TARGET, HOP, VISIT = slice(102, 150), slice(150, 198), slice(198, 246)
AGENT, PRIORITY, PROOF = slice(246, 262), 262, 263
PLACES, MEDIA, HEAD = 264, 265, 266
PLACE_SIZE, MEDIA_SIZE, TEXT = 52, 16, 48
NOBODY, NOWHERE = bytes(4), bytes(6)

QUIET = Timing(first=1.0, cap=3.0, limit=10.0, linger=5.0, patience=20.0, quiet=True, confirmed=True, repeat=2.0)
PLAIN = Timing(first=1.0, cap=2.0, limit=10.0, linger=5.0, patience=10.0)


class ToyMessage:
    """A record: its octets, changed in place."""

    def __init__(self, octets: bytearray) -> None:
        self.octets = octets

    def number(self, where: slice) -> int:
        return int.from_bytes(self.octets[where], "big")

    def text(self, where: slice) -> bytes:
        return bytes(self.octets[where]).rstrip(b"\0")

    def raw(self, where: slice) -> bytes:
        return bytes(self.octets[where])

    def write(self, where: slice, data: bytes) -> None:
        size = where.stop - where.start
        assert len(data) <= size, data
        self.octets[where] = data.ljust(size, b"\0")

    def places(self) -> list[slice]:
        return [slice(at, at + TEXT) for at in range(HEAD, HEAD + PLACE_SIZE * self.octets[PLACES], PLACE_SIZE)]

    def media(self) -> list[int]:
        first = HEAD + PLACE_SIZE * self.octets[PLACES]
        return list(range(first, first + MEDIA_SIZE * self.octets[MEDIA], MEDIA_SIZE))


def read_place(text: bytes) -> tuple[Place, bytes]:
    """The place that a text names, and its last word. @raises BadMessage."""
    words = text.split(b" ")
    host, port, name = [*words, b""][:3] if len(words) in (2, 3) else (b"", b"", b"")
    if not host or len(host) > 24 or not host.isascii() or not port.isdigit() or int(port) > 65535 or len(name) > 16:
        raise BadMessage("malformed place")
    return Place(Address(canonical(host.decode()), int(port)), text), name


def write_place(old: bytes, place: Place) -> bytes:
    if place.ours:
        return f"{place.address.host} {place.address.port} {place.name.decode()}".encode()
    if place.name:
        return place.name
    _, _, rest = old.partition(b" ")
    return place.address.host.encode() + b" " + rest


def read_route(text: bytes) -> Route:
    return Route((text,), read_place(text)[0].address) if text else NO_ROUTE


def pack(address: Address) -> bytes:
    return inet_aton(address.host) + address.port.to_bytes(2, "big")


def unpack(octets: bytes) -> Address:
    return Address(inet_ntoa(octets[:4]), int.from_bytes(octets[4:], "big"))


@attrs.frozen
class Memo:
    """What an answer gets back."""

    exchange: bytes
    target: bytes


@implementer(IDialect)
class ToyDialect(Reticent):
    """The functions over one record. `quiet` and `plain` are the timings of what may take long, and of the rest. Where
    there are but so many `numbers`, exchanges are named by one, else by whatever their ten octets hold."""

    name = "toy"
    parted = False
    references = 0
    sure, kind = True, "ask"  # whether whoever lives answers its questions, and of what kind they are

    def __init__(self, quiet: Timing = QUIET, plain: Timing = PLAIN, numbers: int = 0) -> None:
        self.quiet = quiet
        self.plain = plain
        self.numbers = numbers

    def _said(self, octets: bytes) -> bytes:
        """The name of an exchange that stands in a record so."""
        return b"%d" % int.from_bytes(octets, "big") if self.numbers else octets

    def _written(self, token: bytes) -> bytes:
        """How our own name of an exchange stands in a record."""
        return int(token).to_bytes(10, "big") if self.numbers else b32decode(token.upper())

    def decode(self, data: bytes) -> ToyMessage:
        if len(data) < HEAD or data[:2] != b"\xb0\x7d":
            raise BadMessage("no record")
        if data[PLACES] > 4 or data[MEDIA] > 8:
            raise BadMessage("too many entries")
        if len(data) != HEAD + PLACE_SIZE * data[PLACES] + MEDIA_SIZE * data[MEDIA]:
            raise BadMessage("wrong length")
        if not OPEN <= data[OP] <= CONVERSE or data[STAGE] >= len(STAGES):
            raise BadMessage("unknown operation")
        if data[OP] in (CONFIRM, CONVERSE) and data[STAGE]:
            raise BadMessage("never answered")
        return ToyMessage(bytearray(data))

    def encode(self, message: ToyMessage) -> bytes:
        return bytes(message.octets)

    def describe(self, message: ToyMessage) -> Intent:
        op, phase = message.octets[OP], STAGES[message.octets[STAGE]]
        if op == CONVERSE:  # on a connection of its own
            return Intent(Kind.MODIFY, Phase.CONFIRM, b"", b"", method="converse", within=True, control=True)
        sender, receiver = message.raw(SENDER), message.raw(RECEIVER)
        both = sender != NOBODY and receiver != NOBODY
        within = both and phase is Phase.REQUEST and op not in (OPEN, BIND, WITHDRAW)
        label = b32encode(message.raw(CALL)).lower()
        call = label + (b"".join(sorted((sender, receiver))) if both else sender + message.text(TARGET))
        lifetime = message.number(LIFETIME)
        intent = Intent(
            kind=KINDS.get(op, Kind.OTHER),
            phase=phase,
            call=call,
            exchange=self._said(message.raw(EXCHANGE)),
            label=label,
            party=b"" if sender == NOBODY else sender,
            method=METHODS[op],
            within=within,
            probe=op == PROBE and not within,
            user=message.text(USER),
            agent=message.text(AGENT),
            priority=message.octets[PRIORITY],
            proves=bool(message.octets[PROOF]),
            claimed=None if message.raw(BELIEVED) == NOWHERE else unpack(message.raw(BELIEVED)),
            expires=None if lifetime == NEVER else lifetime,
        )
        if op == BIND and intent.user.startswith(b"#"):  # what the registrar calls it
            intent.handle, intent.user = intent.user, b""
            intent.refreshes = intent.grants = not message.places()
        if op == BIND and intent.user.startswith(b"gate"):
            intent.lasting = True
        if op == TELL and intent.user[:4] in (b"ask ", b"told"):
            intent.phase, intent.exchange = Phase.CONFIRM, b""
            word, _, number = intent.user.partition(b" ")
            intent.asks, intent.tells = (number,) * (word == b"ask"), (number,) * (word == b"told")
        if op == TELL and intent.user in LEAVE and not within:
            intent.heralds, intent.takes, intent.returns = label, intent.user == b"take", intent.user == b"return"
            intent.frank = True
        if phase.reply:
            intent.kind = Kind.ANSWER if op in OFFERS else KINDS.get(op, Kind.OTHER)
            if op in (OPEN, BIND) and phase in (Phase.PROVISIONAL, Phase.SUCCESS):
                intent.route = read_route(message.text(HOP))
            if phase in (Phase.FAILURE, Phase.CHALLENGE):
                intent.cause = f"cause {message.octets[CAUSE]}"
                intent.elsewhere = ELSEWHERE.get(message.octets[CAUSE])
                intent.retry_after = intent.expires
                intent.gone = message.octets[CAUSE] == 1 + CAUSES.index(Cause.NO_CALL)
            elif phase is Phase.SUCCESS and op in OFFERS and lifetime == NEVER:
                intent.session = 0
            return intent
        intent.hops = message.octets[HOPS]
        if message.text(TARGET):
            place, token = read_place(message.text(TARGET))
            intent.target = Slot(Role.SIGNAL, place, TARGET, token=token)
            intent.urgent = op == OPEN and token == b"help"
            intent.dialled = token if op == OPEN else b""
        if op in (OPEN, BIND):
            intent.route = read_route(message.text(HOP))
            if op == BIND:
                intent.terms = b"".join(message.raw(where) for where in (HOP, TARGET, *message.places()))
        elif op == WITHDRAW:
            intent.phase, intent.withdraws = Phase.WITHDRAW, self._said(message.raw(WITHDRAWN))
        elif op == CONFIRM:
            intent.phase = Phase.CONFIRM
        return intent

    def slots(self, message: ToyMessage) -> list[Slot]:
        found = []
        told = message.octets[OP] == TELL or message.octets[STAGE] == STAGES.index(Phase.FAILURE)
        for where in message.places():
            place, token = read_place(message.text(where))
            life = message.number(slice(where.stop, where.stop + 4))
            expires = None if life == NEVER else life
            leads = told and message.octets[OP] == TELL and message.octets[STAGE] == STAGES.index(Phase.SUCCESS)
            role = Role.HIDE if leads else Role.SIGNAL
            found.append(Slot(role, place, where, primary=not told, token=token, expires=expires, leads=leads))
        if message.text(IDENTITY):
            host = message.text(IDENTITY).decode("latin-1")
            found.append(Slot(Role.IDENTITY, Place(Address(canonical(host), 0)), IDENTITY))
        if message.raw(BELIEVED) != NOWHERE:
            found.append(Slot(Role.HIDE, Place(unpack(message.raw(BELIEVED))), BELIEVED))
        for at in message.media():
            found += self._streams(message, at)
        return found

    def _streams(self, message: ToyMessage, at: int) -> list[Slot]:
        key = message.number(slice(at, at + 2))
        kind, primary = message.octets[at + 2], not message.octets[at + 3]
        rtp, rtcp = slice(at + 4, at + 10), slice(at + 10, at + 16)
        if kind == 3:
            return [Slot(Role.CONTROL, Place(unpack(message.raw(rtp))), rtp)]
        if kind not in (1, 2):
            raise BadMessage("unknown kind of media")
        role = Role.RTP if kind == 1 else Role.T38
        found = [Slot(role, Place(unpack(message.raw(rtp))), rtp, stream=key, primary=primary)]
        if kind == 1 and message.raw(rtcp) != NOWHERE:
            found.append(Slot(Role.RTCP, Place(unpack(message.raw(rtcp))), rtcp, stream=key, primary=primary))
        return found

    def fill(self, message: ToyMessage, slot: Slot, place: Place) -> None:
        if slot.role is Role.SIGNAL or slot.leads:
            message.write(slot.at, write_place(message.text(slot.at), place))
        elif slot.role is Role.IDENTITY:
            message.write(slot.at, place.address.host.encode("latin-1"))
        else:
            message.write(slot.at, pack(place.address))

    def stamp(self, message: ToyMessage, crossing: Any) -> None:
        message.write(CALL, b32decode(crossing.label.upper()))
        message.write(HOP, b"")
        message.write(VISIT, b"")
        if crossing.reply:
            memo: Memo = crossing.exchange.memo
            message.write(EXCHANGE, memo.exchange)
            message.write(TARGET, memo.target)
            return
        crossing.exchange.memo = Memo(message.raw(EXCHANGE), message.text(TARGET))
        message.write(EXCHANGE, self._written(crossing.exchange.token))
        message.octets[HOPS] -= 1
        target, text = crossing.target, message.text(TARGET)
        if target is not None:
            message.write(TARGET, write_place(text, target))
            message.write(VISIT, target.route.hops[0] if target.route.hops else b"")
        elif text:
            slot = Slot(Role.IDENTITY, read_place(text)[0], TARGET)
            host = crossing.translate(slot).address.host
            message.write(TARGET, write_place(text, Place(Address(host, 0))))

    def keep_memo(self, memo: Memo | None) -> bytes:
        return b"" if memo is None else memo.exchange + memo.target

    def recall_memo(self, data: bytes) -> Memo | None:
        if data and len(data) < 10:
            raise BadMessage("no memo")
        return Memo(data[:10], data[10:]) if data else None

    def keys(self, message: ToyMessage, crossing: Any) -> Keys:
        there = self.describe(message)
        return Keys(there.call, there.exchange)

    def _reply(self, message: ToyMessage, phase: Phase, cause: int = 0) -> bytes | None:
        if message.octets[OP] in (CONFIRM, CONVERSE) or message.octets[STAGE]:
            return None
        reply = ToyMessage(bytearray(HEAD))
        reply.octets[:3] = message.octets[:3]
        reply.octets[STAGE], reply.octets[CAUSE] = STAGES.index(phase), cause
        reply.write(RECEIVER, message.raw(SENDER))
        reply.write(LIFETIME, b"\xff" * 4)
        reply.write(CALL, message.raw(CALL))
        reply.write(EXCHANGE, message.raw(EXCHANGE))
        return bytes(reply.octets)

    def refuse(self, message: ToyMessage, refused: Refused, source: Address) -> bytes | None:
        return self._reply(message, Phase.FAILURE, 1 + CAUSES.index(refused.cause))

    def complain(self, bad: BadMessage, source: Address) -> bytes | None:
        return None

    def pending(self, message: ToyMessage, source: Address) -> bytes | None:
        return self._reply(message, Phase.PENDING) if message.octets[OP] in OFFERS else None

    def accept(self, message: ToyMessage, source: Address) -> bytes | None:
        return self._reply(message, Phase.SUCCESS)

    def question(
        self, answer: bytes, to_asker: bool, memo: object, number: int, control: bool = False
    ) -> Question | None:
        ends = (answer[RECEIVER], answer[SENDER])
        own = ToyMessage(bytearray(answer[:HEAD]))
        own.octets[OP], own.octets[STAGE], own.octets[PLACES], own.octets[MEDIA] = TELL, 0, 0, 0
        own.write(SENDER, ends[to_asker])
        own.write(RECEIVER, ends[not to_asker])
        own.write(USER, b"ask %d" % (number % 4))
        return Question(bytes(own.octets), b"%d" % (number % 4), self.sure, self.kind)

    def strip(self, message: ToyMessage, told: Collection[bytes]) -> bool:
        return bool(message.octets[MEDIA])

    def inquire(
        self, answer: bytes, to_asker: bool, place: Place, listener: Listener, token: bytes, sequence: int | None
    ) -> bytes | None:
        if answer[OP] != OPEN:
            return None
        ends = (answer[RECEIVER], answer[SENDER])
        own = ToyMessage(bytearray(self.probe(place, listener, token)))
        own.write(CALL, answer[CALL])
        own.write(SENDER, ends[to_asker])
        own.write(RECEIVER, ends[not to_asker])
        return bytes(own.octets)

    def beckon(self, opening: bytes, to_asker: bool, address: Address) -> bytes | None:
        own = ToyMessage(bytearray(HEAD))
        own.octets[:3] = b"\xb0\x7d" + bytes((TELL,))
        own.octets[MEDIA] = 1
        own.write(RECEIVER if to_asker else SENDER, opening[SENDER])
        own.write(CALL, opening[CALL])
        own.octets += bytes((0, 0, 3, 0)) + pack(address) + NOWHERE
        return bytes(own.octets)

    def withdraw(self, sent: bytes, asked: object, ending: object = None) -> bytes:
        own = ToyMessage(bytearray(sent[:PLACES] + bytes(2)))
        own.octets[OP] = WITHDRAW
        own.write(WITHDRAWN, sent[EXCHANGE])
        own.write(EXCHANGE, bytes(octet ^ 0xFF for octet in sent[EXCHANGE]))
        return bytes(own.octets)

    def confirm(self, sent: bytes, reply: ToyMessage) -> bytes | None:
        if sent[OP] not in OFFERS:
            return None
        own = ToyMessage(bytearray(sent[:PLACES] + bytes(2)))
        own.octets[OP] = CONFIRM
        own.write(RECEIVER, reply.raw(SENDER))
        return bytes(own.octets)

    def summon(self, call: bytes, place: Place, listener: Listener, token: bytes) -> bytes | None:
        """A telling: whom it calls, and where to come to."""
        if not call:
            return None
        own = ToyMessage(bytearray(self.probe(place, listener, token)))
        own.octets[OP] = TELL
        own.write(USER, b"come")
        own.write(CALL, b32decode(call.upper()))
        own.write(TARGET, f"{listener.advertised.host} {listener.advertised.port}".encode())
        return bytes(own.octets)

    def grant(self, message: ToyMessage, slot: Slot, seconds: int) -> None:
        if not message.octets[PLACES]:  # it grants whatever it is about
            message.write(LIFETIME, seconds.to_bytes(4, "big"))
            return
        message.write(slice(slot.at.stop, slot.at.stop + 4), seconds.to_bytes(4, "big"))

    def keep(self, answer: bytes) -> bytes:
        return answer[IDENTITY]

    def renew(
        self, message: ToyMessage, source: Address, kept: bytes, lives: dict[Slot, int], others: list[tuple[Place, int]]
    ) -> bytes | None:
        data = self._reply(message, Phase.SUCCESS)
        assert data is not None
        reply = ToyMessage(bytearray(data))
        reply.write(IDENTITY, kept)
        if not message.octets[PLACES]:
            reply.write(LIFETIME, min(lives.values()).to_bytes(4, "big"))
            return bytes(reply.octets)
        places = [(message.raw(slot.at), life) for slot, life in lives.items()]
        places += [(place.name.ljust(TEXT, b"\0"), life) for place, life in others]
        for text, life in places[:4]:
            reply.octets += text + life.to_bytes(4, "big")
            reply.octets[PLACES] += 1
        return bytes(reply.octets)

    def tell(self, data: bytes) -> str:
        try:
            message = self.decode(data)
        except BadMessage as bad:
            return bad.reason
        return f"{METHODS[message.octets[OP]]} {STAGES[message.octets[STAGE]].value}"

    def mask(self, data: bytes) -> bytes:
        return data

    def quoted(self, data: bytes) -> bytes | None:
        return self._said(data[EXCHANGE]) if len(data) >= EXCHANGE.stop else None

    def unbind(self, sent: bytes, name: bytes, handle: bytes, listener: Listener, token: bytes) -> bytes | None:
        message = self.decode(sent)
        where = next((w for w in message.places() if read_place(message.text(w))[1] == name), None)
        if where is None:
            return None
        own = ToyMessage(bytearray(sent[:HEAD]))
        own.octets[PLACES], own.octets[MEDIA] = 1, 0
        own.write(EXCHANGE, self._written(token))
        own.octets += message.raw(where) + bytes(4)
        return bytes(own.octets)

    def restore(self, sent: bytes, name: bytes, handle: bytes, listener: Listener, token: bytes) -> bytes | None:
        """As it had registered, but as user ``again``."""
        own = ToyMessage(bytearray(sent))
        own.write(EXCHANGE, self._written(token))
        own.write(USER, b"again")
        return bytes(own.octets)

    def give_back(self, sent: bytes, ending: Ending | None, token: bytes) -> bytes | None:
        own = ToyMessage(bytearray(sent[:PLACES] + bytes(2)))
        own.write(USER, b"return")
        own.write(EXCHANGE, self._written(token))
        return bytes(own.octets)

    def probe(self, place: Place, listener: Listener, token: bytes) -> bytes:
        own = ToyMessage(bytearray(HEAD))
        own.octets[:3] = b"\xb0\x7d" + bytes((PROBE,))
        own.octets[HOPS] = 9
        own.write(LIFETIME, b"\xff" * 4)
        own.write(EXCHANGE, self._written(token))
        own.write(TARGET, place.name or f"{place.address.host} {place.address.port}".encode())
        own.write(VISIT, place.route.hops[0] if place.route.hops else b"")
        return bytes(own.octets)

    def timing(self, intent: Intent) -> Timing:
        return self.quiet if intent.method in ("open", "change") else self.plain
