"""Records of the made-up protocol, written and read by hand: one struct, no help from the dialect under test.

A record has 266 octets at fixed positions, then up to 4 places of 52 and up to 8 media entries of 16. A place is
written "host port name". Calls and exchanges have 80-bit numbers, parties 32-bit ones. What the fields mean is said in
tests/toy.py.
"""

from __future__ import annotations

import struct
from socket import inet_aton, inet_ntoa

import attrs

from sbc.core.address import Address

OPEN, CHANGE, CLOSE, BIND, PROBE, TELL, WITHDRAW, CONFIRM, CONVERSE = range(1, 10)
REQUEST, PENDING, PROVISIONAL, SUCCESS, FAILURE, CHALLENGE = range(6)
RTP, T38, CONTROL = 1, 2, 3
NEVER = 0xFFFFFFFF

_HEAD = struct.Struct("!2sBBBBIII10s10s10s6s16s32s48s48s48s16sBBBB")
_PLACE = struct.Struct("!48sI")
_MEDIA = struct.Struct("!HBB6s6s")
NOWHERE = bytes(6)


def packed(host: str, port: int) -> bytes:
    return inet_aton(host) + port.to_bytes(2, "big")


def unpacked(octets: bytes) -> Address:
    return Address(inet_ntoa(octets[:4]), int.from_bytes(octets[4:], "big"))


def number(value: int) -> bytes:
    """An 80-bit number, as calls and exchanges have."""
    return value.to_bytes(10, "big")


def place(host: str, port: int, name: str) -> bytes:
    return f"{host} {port} {name}".encode()


@attrs.frozen
class Media:
    """One media entry: a stream's key, its kind, whether it is only a further address; RTP and RTCP packed."""

    key: int
    rtp: bytes
    rtcp: bytes = NOWHERE
    kind: int = RTP
    further: int = 0


def audio(host: str, port: int = 4000, key: int = 0, **more: int) -> Media:
    return Media(key, packed(host, port), packed(host, port + 1) if port else NOWHERE, **more)


def fax(host: str, port: int = 5000, key: int = 0) -> Media:
    return Media(key, packed(host, port), kind=T38)


@attrs.frozen
class Record:
    """A whole record. Texts are given without their padding."""

    op: int
    stage: int = REQUEST
    cause: int = 0
    hops: int = 9
    sender: int = 0
    receiver: int = 0
    lifetime: int = NEVER
    call: bytes = bytes(10)
    exchange: bytes = bytes(10)
    withdrawn: bytes = bytes(10)
    believed: bytes = NOWHERE
    user: bytes = b""
    identity: bytes = b""
    target: bytes = b""
    hop: bytes = b""
    visit: bytes = b""
    agent: bytes = b""
    priority: int = 0
    proof: int = 0
    places: tuple[tuple[bytes, int], ...] = ()
    media: tuple[Media, ...] = ()

    def pack(self) -> bytes:
        head = _HEAD.pack(
            b"\xb0\x7d", self.op, self.stage, self.cause, self.hops, self.sender, self.receiver, self.lifetime,
            self.call, self.exchange, self.withdrawn, self.believed, self.user, self.identity, self.target,
            self.hop, self.visit, self.agent, self.priority, self.proof, len(self.places), len(self.media),
        )  # fmt: skip
        entries = [_MEDIA.pack(m.key, m.kind, m.further, m.rtp, m.rtcp) for m in self.media]
        return b"".join([head, *(_PLACE.pack(*each) for each in self.places), *entries])

    @classmethod
    def read(cls, data: bytes) -> Record:
        _, *fields, places, media = _HEAD.unpack_from(data)
        at = _HEAD.size
        found = [_PLACE.unpack_from(data, at + 52 * index) for index in range(places)]
        at += 52 * places
        entries = [_MEDIA.unpack_from(data, at + 16 * index) for index in range(media)]
        assert len(data) == at + 16 * media
        fields[10:16] = [text.rstrip(b"\0") for text in fields[10:16]]
        return cls(
            *fields,
            tuple((text.rstrip(b"\0"), life) for text, life in found),
            tuple(Media(key, rtp, rtcp, kind, further) for key, kind, further, rtp, rtcp in entries),
        )

    def but(self, **changes: object) -> Record:
        return attrs.evolve(self, **changes)


def opening(
    sender: Address, call: int = 1, exchange: int = 1, party: int = 7, target: bytes = b"203.0.113.1 5060 bob"
) -> Record:
    """A request that opens a call with one audio stream."""
    return Record(
        OPEN,
        sender=party,
        call=number(call),
        exchange=number(exchange),
        believed=packed(*sender),
        user=b"alice",
        identity=sender.host.encode(),
        target=target,
        places=((place(*sender, "alice"), NEVER),),
        media=(audio(sender.host),),
    )


def answer(request: bytes, host: str, stage: int = SUCCESS, party: int = 9, **changes: object) -> Record:
    """An answer of `party` at `host` to a request as it arrived, with an audio stream where it accepts an offer."""
    asked = Record.read(request)
    offered = stage in (PROVISIONAL, SUCCESS) and asked.op in (OPEN, CHANGE)
    reply = Record(
        asked.op,
        stage,
        sender=asked.receiver or party,
        receiver=asked.sender,
        call=asked.call,
        exchange=asked.exchange,
        user=b"bob",
        places=((place(host, 5060, "bob"), NEVER),) if offered else (),
        media=tuple(audio(host, key=m.key) for m in asked.media if not m.further) if offered else (),
    )
    return reply.but(**changes)


def inside(request: bytes, reply: bytes, op: int = CLOSE, exchange: int = 2, **changes: object) -> Record:
    """A further request of the party that had sent `request` and got `reply`."""
    asked, got = Record.read(request), Record.read(reply)
    record = Record(
        op,
        sender=asked.sender,
        receiver=got.sender,
        call=asked.call,
        exchange=asked.exchange if op == CONFIRM else number(exchange),
        believed=asked.believed,
        user=asked.user,
        target=got.places[0][0] if got.places else b"",
    )
    return record.but(**changes)


def from_other(request: bytes, reply: bytes, op: int = CLOSE, exchange: int = 3, **changes: object) -> Record:
    """A further request of the party that had got `request` and answered `reply`."""
    asked, said = Record.read(request), Record.read(reply)
    record = Record(
        op,
        sender=said.sender,
        receiver=asked.sender,
        call=asked.call,
        exchange=number(exchange),
        user=said.user,
        target=asked.places[0][0],
    )
    return record.but(**changes)


def binding(sender: Address, exchange: int = 1, user: bytes = b"alice", life: int = 60, **changes: object) -> Record:
    """A request that binds one place."""
    record = Record(
        BIND,
        sender=7,
        call=number(77),
        exchange=number(exchange),
        believed=packed(*sender),
        user=user,
        target=b"sbc.example.com 5060",
        places=((place(*sender, user.decode()), life),),
    )
    return record.but(**changes)


def granted(request: bytes, life: int | None = None, **changes: object) -> Record:
    """The registrar's yes: the places of the request, each for as long as it asked, or for `life`."""
    asked = Record.read(request)
    places = tuple((text, old if life is None else life) for text, old in asked.places)
    return Record(
        BIND, SUCCESS, sender=9, receiver=asked.sender, call=asked.call, exchange=asked.exchange, places=places
    ).but(**changes)


def controlled(sender: Address) -> Record:
    """A request that opens a call, and says where its sender takes the control channel."""
    record = opening(sender)
    return record.but(media=(*record.media, Media(9, packed(sender.host, 4500), kind=CONTROL)))
