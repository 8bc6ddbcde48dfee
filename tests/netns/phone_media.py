"""One audio stream of the softphone: RTP at 50 packets a second, RTCP beside it, and a count of everything that came.

Packets belong to a *batch*, whose number stands in every RTP payload and RTCP APP packet, so that a test can say "these
50 arrived, each once and in order" whatever else is on the wire.
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.netns.phone_loop import datagrams

INTERVAL = 0.02
TAG = b"lab:"
PRIME = 0  # the batch sent to open NATs and latch the SBC; never counted
_SIZE = 160  # 20 ms of PCMU
_SR, _SDES, _APP = 200, 202, 204
_NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970


def batch_tag(batch: int) -> bytes:
    """The bytes by which a capture finds a batch's packets."""
    return TAG + struct.pack(">I", batch)


@dataclass
class Heard:
    """What came in of one batch: RTP packets, RTCP packets, repeated and out-of-order RTP, and the senders' SSRCs."""

    rtp: int = 0
    rtcp: int = 0
    repeated: int = 0
    disordered: int = 0
    ssrcs: set[int] = field(default_factory=set)
    _seen: set[int] = field(default_factory=set)
    _last: int = -1

    def count(self, index: int, ssrc: int) -> None:
        self.rtp += 1
        self.ssrcs.add(ssrc)
        if index in self._seen:
            self.repeated += 1
        elif index < self._last:
            self.disordered += 1
        self._seen.add(index)
        self._last = max(self._last, index)


class PhoneMedia:
    """The sockets and counters. `due` tells the phone's loop when to call `tick`; `readable` takes what a socket
    holds."""

    def __init__(self, rtp: Any, rtcp: Any) -> None:
        """Sockets, or what sends and is closed as they are."""
        self.rtp, self.rtcp = rtp, rtcp
        self.ssrc = secrets.randbits(32)
        self.remote: tuple[tuple[str, int], tuple[str, int]] | None = None
        self.heard: dict[int, Heard] = {}
        self.sent: Counter[tuple[str, int]] = Counter()  # ("rtp" or "rtcp", batch)
        self.spoke = 0.0  # when RTP was sent last (CLOCK_MONOTONIC)
        self.sources: Counter[tuple[str, tuple[str, int]]] = Counter()  # what came from where
        self.went, self.came = [0, 0], [0, 0]  # packets and octets, of RTP and RTCP together
        self.other = 0  # media that is not of the lab's own making (sipp, baresip)
        self.due: float | None = None
        self._batch = PRIME
        self._rtp_left = self._rtcp_left = 0
        self._every = 0  # RTP packets between RTCP packets
        self._index = 0
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self.hurry = 1  # how many times faster than it should it sends
        self.swing = 0.0  # seconds by which every second packet leaves too late
        self._reported: tuple[int, bytes, float] | None = (
            None  # the other's report: SSRC, middle of its time, when it came
        )
        self._cname = secrets.token_hex(8).encode()  # RFC 7022: says nothing about the phone

    def begin(self, batch: int, packets: int, reports: int, now: float) -> None:
        """Start to send a batch: that many RTP packets, the RTCP ones spread among them."""
        self._batch, self._index = batch, 0
        self._rtp_left, self._rtcp_left = packets, reports
        self._every = max(1, packets // reports) if reports else 0
        self.due = now

    def stop(self) -> None:
        """Send no more of the present batch."""
        self.due = None
        self._rtp_left = self._rtcp_left = 0

    @property
    def idle(self) -> bool:
        return self.due is None

    def tick(self, now: float) -> None:
        """Send what is due. A phone that was late catches up, so that the count is kept."""
        while self.due is not None and self.due <= now:
            if self.remote is not None:
                if self._rtcp_left and self._index % self._every == 0:
                    self._send_rtcp(self.remote[1])
                if self._rtp_left:
                    self._send_rtp(self.remote[0])
            self._index += 1
            late = self.swing if self._index % 2 else -self.swing
            self.due = self.due + INTERVAL / self.hurry + late if self._rtp_left or self._rtcp_left else None

    def send_empty(self, to: tuple[str, int]) -> None:
        """RTP without a payload, which says nothing and opens a NAT (RFC 6263 section 4.2, H.460.19); not counted."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._send(self.rtp, struct.pack(">BBHII", 0x80, 127, self._sequence, self._timestamp, self.ssrc), to)

    def _send_rtp(self, to: tuple[str, int]) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + _SIZE) & 0xFFFFFFFF
        payload = (batch_tag(self._batch) + struct.pack(">I", self._index)).ljust(_SIZE, b"\xff")
        head = struct.pack(">BBHII", 0x80, 0, self._sequence, self._timestamp, self.ssrc)
        self._send(self.rtp, head + payload, to)
        self._rtp_left -= 1
        self.sent["rtp", self._batch] += 1
        self.spoke = time.monotonic()

    def _send_rtcp(self, to: tuple[str, int]) -> None:
        total = self.sent["rtp", self._batch]
        block = self._block()
        ntp = int((time.time() + _NTP_EPOCH) * 2**32)
        fields = (0x80 | bool(block), _SR, 6 + len(block) // 4, self.ssrc, ntp, self._timestamp, total, total * _SIZE)
        report = struct.pack(">BBHIQIII", *fields) + block
        item = struct.pack(">IBB", self.ssrc, 1, len(self._cname)) + self._cname
        item += bytes(4 - len(item) % 4)
        names = struct.pack(">BBH", 0x81, _SDES, len(item) // 4) + item
        mine = struct.pack(">BBHI", 0x80, _APP, 3, self.ssrc) + batch_tag(self._batch)
        self._send(self.rtcp, report + names + mine, to)
        self._rtcp_left -= 1
        self.sent["rtcp", self._batch] += 1

    def _send(self, sock: socket.socket, data: bytes, to: tuple[str, int]) -> None:
        sock.sendto(data, to)
        self.went[0] += 1
        self.went[1] += len(data)

    def _block(self) -> bytes:
        """A report block about the other's latest sender report (RFC 3550 section 6.4.1): which it was, and how long it
        is here. Nothing if none has come."""
        if self._reported is None:
            return b""
        ssrc, middle, came = self._reported
        return struct.pack(">IIII4sI", ssrc, 0, 0, 0, middle, int((time.monotonic() - came) * 65_536))

    def readable(self, sock: socket.socket) -> None:
        """Take and count everything a socket holds."""
        for data, source in datagrams(sock):
            self.take("rtp" if sock is self.rtp else "rtcp", data, source)

    def take(self, kind: str, data: bytes, source: tuple[str, int]) -> None:
        """Count one packet."""
        self.sources[kind, source] += 1
        self.came[0] += 1
        self.came[1] += len(data)
        place = data.find(TAG)
        if place < 0 or len(data) < place + 8:
            self.other += 1
            return
        batch = int.from_bytes(data[place + 4 : place + 8], "big")
        heard = self.heard.setdefault(batch, Heard())
        if kind == "rtcp":
            heard.rtcp += 1
            self._reported = (int.from_bytes(data[4:8], "big"), data[10:14], time.monotonic())
        else:
            heard.count(int.from_bytes(data[place + 8 : place + 12], "big"), int.from_bytes(data[8:12], "big"))

    def counts(self, batch: int) -> tuple[int, int]:
        """How many (RTP, RTCP) packets of a batch have come."""
        heard = self.heard.get(batch, Heard())
        return heard.rtp, heard.rtcp

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()
