"""What packets of a secured side are read and written with: its keys, as they come and go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import attrs

from sbc.core.keyed import beyond
from sbc.core.secured import Key, SideSecurity, same
from sbc.media import rtcp

GRACE = 3.0
"""Seconds for which a key that has given way to another still counts for what is received: packets are under way."""
SOURCES = 256
"""SSRCs that one key is used for, in one direction; more are not taken. Each has counters, which must not be lost."""

Row = tuple[int, ...]
"""How far a key has been used for one SSRC, as the store keeps it: 1 if we have sent it and 0 if the peer has (more by
OF_RTCP where it is one of RTCP's own), the SSRC, the index of the furthest RTP packet (RFC 3711 section 3.3.1: 48 bits)
and that of the furthest RTCP packet (section 3.4: 31 bits), each -1 where there was none. Of a key that is good for so
many packets only there is a row besides of how many those were, under USED in the SSRC's place."""
USED = -1


Keys = tuple[Key | None, Key | None]
"""What the peer writes with, and we."""


class Unsealed(Exception):
    """A packet cannot be read or written; `reason` is "unkeyed", "forged", "replayed", "clear" or "expired"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Seal(Protocol):
    """One key in one direction: SRTP and SRTCP (RFC 3711)."""

    def open(self, data: bytes, is_rtcp: bool) -> bytes:
        """Read what a peer has sent. @raises Unsealed."""

    def close(self, data: bytes, is_rtcp: bool) -> bytes:
        """Write what is sent to a peer. @raises Unsealed."""

    def rollover(self) -> tuple[Row, ...]:
        """How far it has been used."""

    def grew(self) -> bool:
        """Whether it is used for an SSRC more since that was asked last."""


MakeSeal = Callable[[Key, bool, Sequence[Row], int], Seal]
"""Of a key, whether it is to write with, how far it was used before, and behind which number of RTCP sources begin
that are not in that (see SideSecurity.begins)."""


@attrs.frozen
class Use:
    """How far a key was used before: what MakeSeal takes."""

    rows: tuple[Row, ...] = ()
    begins: int = -1


class Past:
    """How far keys of a side were used that have given way to others, for the last MOST of them. One that comes again
    goes on there: two packets of one number under one key give each other away. It comes where several that ring answer
    each with another suite, and where an offer is refused."""

    MOST = 16

    def __init__(self) -> None:
        self._uses: dict[object, Use] = {}

    def leave(self, key: Key, sends: bool, rows: Sequence[Row], begins: int) -> None:
        """It has given way: `rows` are its side's, told a moment before."""
        of_it = tuple(row for row in rows if row[0] == sends)
        known = beyond(SideSecurity(rollover=of_it, begins=begins))
        self._uses.pop(_name(key, sends), None)
        self._uses[_name(key, sends)] = Use(known.rollover, known.begins)
        if len(self._uses) > self.MOST:
            del self._uses[next(iter(self._uses))]

    def use(self, key: Key, sends: bool, security: SideSecurity | None) -> Use:
        """How far a key was used that now counts: as `security` has it of another process, if it was not used here."""
        known = self._uses.get(_name(key, sends))
        if known is not None:
            return known
        if security is None:
            return Use()
        return Use(tuple(row for row in security.rollover if row[0] == sends), security.begins)


def _name(key: Key, sends: bool) -> object:
    return sends, key.suite, key.secret, key.mki


class Seals:
    """Those of a side. Where it has none yet, nothing passes. `past` outlives them."""

    def __init__(
        self,
        make: MakeSeal,
        security: SideSecurity,
        now: float,
        past: Past | None = None,
        tell: Callable[[str], None] = lambda word: None,
    ) -> None:
        """`tell` hears "used" and "expired" (see IMediaObserver)."""
        self._make = make
        self._tell = tell
        self._expired = False  # the peer's key, and that was said
        self._past = past or Past()
        self.security = security
        self._keys: Keys = (None, None)
        self._receive: Seal | None = None
        self._former: Seal | None = None  # the one before, which counts
        self._until = now  # so long
        self._send: Seal | None = None
        self.key(security.receive, security.send, now, security)

    @property
    def hears(self) -> bool:
        """See SideSecurity."""
        return self.security.hears

    @property
    def reads(self) -> bool:
        """Whether there is a key to read with."""
        return self._receive is not None

    @property
    def writes(self) -> bool:
        """Whether there is one to write with."""
        return self._send is not None

    @property
    def suite(self) -> str:
        """By what packets are written, for people; empty where nothing is yet."""
        return "" if self._keys[1] is None else self._keys[1].suite

    def take(self, security: SideSecurity, now: float) -> None:
        """The peer has signalled anew. What a handshake has given counts on, as long as its peer is the same."""
        self.key(*wanted(self.security, self._keys, security), now, security)
        self.security = security

    def key(self, receive: Key | None, send: Key | None, now: float, security: SideSecurity | None = None) -> None:
        """From now on packets are read and written with these. A key that was there goes on where it was; one that was
        not is new, unless `security` says how far another process has used it."""
        self.leave((receive, send))
        reads, writes = self._receive, self._send
        if not same(receive, self._keys[0]):
            reads = self._made(receive, False, security)
        if not same(send, self._keys[1]):
            writes = self._made(send, True, security)
        if reads is not self._receive:
            self._expired = False
            self._former, self._until = None if reads is None else self._receive, now + GRACE
        self._receive, self._send, self._keys = reads, writes, (receive, send)

    def leave(self, keys: Keys = (None, None)) -> None:
        """These are to take the place of those that are there: it is remembered how far those were used."""
        leave(self._past, self._keys, keys, self.rollover, self.security.begins)

    def _made(self, key: Key | None, sends: bool, security: SideSecurity | None) -> Seal | None:
        if key is None:
            return None
        use = self._past.use(key, sends, security)
        return self._make(key, sends, use.rows, use.begins)

    def open(self, data: bytes, is_rtcp: bool, now: float) -> bytes:
        """Read a packet. @raises Unsealed."""
        if self._receive is None:
            raise Unsealed("unkeyed")
        try:
            plain = self._receive.open(data, is_rtcp)
        except Unsealed as unsealed:
            if unsealed.reason == "expired" and not self._expired:
                self._expired = True
                self._tell("expired")
            if self._former is not None and now < self._until:
                return self._former.open(data, is_rtcp)
            self._former = None
            if unsealed.reason == "forged" and is_rtcp and is_whole(data):
                raise Unsealed("clear") from unsealed
            raise
        if self._receive.grew():
            self._tell("used")
        return plain

    def close(self, data: bytes, is_rtcp: bool) -> bytes:
        """Write a packet. @raises Unsealed."""
        if self._send is None:
            raise Unsealed("unkeyed")
        sealed = self._send.close(data, is_rtcp)
        if self._send.grew():
            self._tell("used")
        return sealed

    def rollover(self) -> tuple[Row, ...]:
        """How far its keys have been used."""
        return tuple(row for seal in (self._receive, self._send) if seal is not None for row in seal.rollover())


def wanted(before: SideSecurity | None, keys: Keys, security: SideSecurity) -> Keys:
    """The keys of a side when its peer has signalled anew: those that a handshake has given count on, as long as the
    peer is the same."""
    given = security.dtls is not None and not security.keyed
    if given and before is not None and before.dtls is not None and _peer(before) in ((), _peer(security)):
        return keys
    return security.receive, security.send


def leave(past: Past, before: Keys, keys: Keys, rows: Callable[[], Sequence[Row]], begins: int) -> None:
    """Remember how far those of the keys `before` were used that give way to others."""
    for sends, (one, other) in enumerate(zip(before, keys, strict=True)):
        if one is not None and not same(one, other):
            past.leave(one, bool(sends), rows(), begins)


def is_whole(data: bytes) -> bool:
    """Whether packets of RTCP fill a datagram to its end, as they do where nothing is encrypted: behind encrypted ones
    stands an index."""
    while data:
        head = rtcp.parse(data)
        if head is None:
            return False
        data = data[head.size :]
    return True


def follow(furthest: int, sequence: int) -> int:
    """The index that a packet most likely has, behind one whose index was furthest (RFC 3711 appendix A); -1: none."""
    if furthest < 0:
        return sequence
    rolls, last = furthest >> 16, furthest & 0xFFFF
    if last < 0x8000:
        if sequence - last > 0x8000 and rolls:
            rolls -= 1
    elif last - 0x8000 > sequence:
        rolls += 1
    return rolls << 16 | sequence


def _peer(security: SideSecurity) -> object:
    return () if security.dtls is None else security.dtls.fingerprints
