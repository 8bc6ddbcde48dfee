"""For which of several streams a packet is that has come by the one transport they share (RFC 9143 section 9.2), once
it is decrypted: bytes in, streams out. The twin of native/bundle.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from sbc.core.secured import MOST_BUNDLED, Bundled
from sbc.media import rtcp
from sbc.media.rtp import MIN_SIZE

KNOWN = 64
"""SSRCs of which it is remembered whose they are, the latest: one key is used for no more."""
SENT = 16
"""SSRCs of what has been sent for one stream that are remembered, the latest."""

_SR, _RR, _SDES, _BYE, _RTPFB, _PSFB = 200, 201, 202, 203, 205, 206
_BLOCK = 24  # octets of a report block (RFC 3550 section 6.4.1)
_SENDER = {_SR: 20, _RR: 0}  # octets of what a sender says of itself, before the blocks
_ONE_BYTE, _TWO_BYTES = 0xBEDE, 0x1000  # what a header extension begins with (RFC 8285 section 4)

T = TypeVar("T")


class _Member(Generic[T]):
    def __init__(self, what: T, bundled: Bundled) -> None:
        self.what, self.bundled = what, bundled
        self.mid = bundled.mid.encode()
        self.sent: dict[int, None] = {}


class Bundle(Generic[T]):
    """The streams that one side's transport carries. `T` is whatever stands for one."""

    def __init__(self) -> None:
        self._members: dict[str, _Member[T]] = {}
        self._known: dict[int, _Member[T]] = {}

    def join(self, stream: str, what: T, bundled: Bundled) -> bool:
        """Have a stream from now on, or know it by this. Whether there is room."""
        found = self._members.get(stream)
        if found is None:
            if len(self._members) == MOST_BUNDLED:
                return False
            found = self._members[stream] = _Member(what, bundled)
        found.bundled, found.mid = bundled, bundled.mid.encode()
        for ssrc in bundled.sources:
            self._learn(ssrc, found)
        return True

    def leave(self, stream: str) -> None:
        """Have it no more."""
        found = self._members.pop(stream, None)
        self._known = {ssrc: member for ssrc, member in self._known.items() if member is not found}

    def __len__(self) -> int:
        return len(self._members)

    def all(self) -> list[T]:
        """Those that it has."""
        return [member.what for member in self._members.values()]

    def sent(self, stream: str, ssrc: int) -> None:
        """Something with that SSRC has been sent for a stream: what is reported of it is for that one."""
        sent = self._members[stream].sent
        if ssrc not in sent:
            sent[ssrc] = None
            if len(sent) > SENT:
                del sent[next(iter(sent))]

    def find(self, data: bytes) -> tuple[T | None, bytes]:
        """For which stream a packet of RTP is, None: for none; and the packet without what only its sender calls it."""
        ssrc, payload_type = int.from_bytes(data[8:12], "big"), data[1] & 0x7F
        mid, data = self._named(data)
        members = self._members.values()
        if mid is not None:
            found = next((each for each in members if each.mid == mid), None)
        else:
            found = self._known.get(ssrc) or next((e for e in members if payload_type in e.bundled.types), None)
        if found is None:
            return None, data
        if self._known.get(ssrc) is not found:
            self._learn(ssrc, found)
        return found.what, data

    def parts(self, data: bytes) -> list[tuple[T, bytes]]:
        """What of a compound of RTCP is for which stream."""
        packets = list(_packets(data))
        wanted: list[list[_Member[T]]] = []
        before: list[_Member[T]] = []
        for packet in packets:
            if packet[1] != _SDES or not before:  # whose name it tells has just reported
                before = self._wanted(packet) or before
            wanted.append(before)
        members = [each for each in self._members.values() if any(each in some for some in wanted)]
        if len(members) == 1:
            return [(members[0].what, data)]
        return [(each.what, self._part(each, packets, wanted)) for each in members]

    def _part(self, member: _Member[T], packets: list[bytes], wanted: list[list[_Member[T]]]) -> bytes:
        """A compound of what is for one stream; it begins with a report (RFC 3550 section 6.1)."""
        mine = [packet for packet, some in zip(packets, wanted, strict=True) if member in some]
        written = [self._report(member, each) if each[1] in _SENDER else each for each in mine]
        if written[0][1] not in _SENDER:
            written.insert(0, bytes((0x80, _RR, 0, 1)) + packets[0][4:8])
        return b"".join(written)

    def _report(self, member: _Member[T], packet: bytes) -> bytes:
        """A report with those of its blocks that are of what was sent for a stream; without what a sender of another
        stream's says of itself."""
        kind, count, at = packet[1], packet[0] & 0x1F, 8 + _SENDER[packet[1]]
        blocks = [packet[n : n + _BLOCK] for n in range(at, at + _BLOCK * count, _BLOCK)]
        kept = [each for each in blocks if int.from_bytes(each[:4], "big") in member.sent]
        body = packet[4:at]
        if self._known.get(int.from_bytes(packet[4:8], "big")) is not member:
            kind, body = _RR, packet[4:8]
        body += b"".join(kept)
        return bytes((0x80 | len(kept), kind)) + (len(body) // 4).to_bytes(2, "big") + body

    def _wanted(self, packet: bytes) -> list[_Member[T]]:
        """Those that one packet of a compound is for; none: it does not say."""
        kind, ssrc = packet[1], int.from_bytes(packet[4:8], "big")
        sender, found = self._known.get(ssrc), dict[int, _Member[T]]()
        if kind in _SENDER:
            if sender is not None:
                found[id(sender)] = sender
            at = 8 + _SENDER[kind]
            reported = [packet[n : n + 4] for n in range(at, at + _BLOCK * (packet[0] & 0x1F), _BLOCK)]
        elif kind in (_RTPFB, _PSFB):
            reported = [packet[8:12]]
        else:
            reported = []
        for each in reported:
            source = int.from_bytes(each, "big")
            of = next((member for member in self._members.values() if source in member.sent), None)
            if of is not None:
                found[id(of)] = of
        if not found and sender is not None:
            found[id(sender)] = sender
        return list(found.values())

    def _learn(self, ssrc: int, member: _Member[T]) -> None:
        self._known.pop(ssrc, None)
        self._known[ssrc] = member
        if len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]

    def _named(self, data: bytes) -> tuple[bytes | None, bytes]:
        """What a header extension calls the stream, and the packet with padding in its place."""
        if data[0] & 0x10:
            for number, begin, at, end in _extensions(data):
                if any(member.bundled.extension == number for member in self._members.values()):
                    return data[at:end], data[:begin] + bytes(end - begin) + data[end:]
        return None, data


def _extensions(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """The elements of a header extension: number, where it begins, and where what it says does and ends."""
    at = MIN_SIZE + 4 * (data[0] & 0x0F)
    profile, end = int.from_bytes(data[at : at + 2], "big"), at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
    at += 4
    wide = profile & 0xFFF0 == _TWO_BYTES
    if not wide and profile != _ONE_BYTE:
        return
    while at < end:
        if not data[at]:
            at += 1
            continue
        if wide:
            if at + 2 > end:
                return
            number, head, size = data[at], 2, data[at + 1]
        else:
            number, head, size = data[at] >> 4, 1, (data[at] & 0x0F) + 1
            if number == 15:  # what stops (RFC 8285 section 4.2)
                return
        if at + head + size > end:
            return
        yield number, at, at + head, at + head + size
        at += head + size


def _packets(data: bytes) -> Iterator[bytes]:
    """The packets of a compound, as far as they are whole."""
    while len(data) >= rtcp.MIN_SIZE and data[0] >> 6 == 2 and rtcp.is_type(data[1]):
        size, count = 4 + 4 * int.from_bytes(data[2:4], "big"), data[0] & 0x1F
        least = 8 + _SENDER[data[1]] + _BLOCK * count if data[1] in _SENDER else 12 if data[1] in (_RTPFB, _PSFB) else 8
        if not least <= size <= len(data):
            return
        yield data[:size]
        data = data[size:]
