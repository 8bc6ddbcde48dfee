"""A party that says back all audio and video it hears, each by its own ports, in plain RTP, with an SSRC of its own."""

from __future__ import annotations

import re
import struct
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.netns.phone_loop import PhoneLoop, datagrams

if TYPE_CHECKING:
    from tests.netns.lab import LabHost

KINDS = ("audio", "video")
_PLI = 206  # a picture is asked for (RFC 4585 section 6.3.1)


class Mirror:
    """At a host, audio at `port` and video two above; RTCP beside each."""

    def __init__(self, host: LabHost, port: int = 41000) -> None:
        self.address, self.port = host.address(), port
        self.heard: Counter[str] = Counter()  # packets of RTP, by what they came as,
        self.reports: Counter[str] = Counter()  # of RTCP,
        self.kinds: dict[str, Counter[int]] = {kind: Counter() for kind in KINDS}  # and by payload type
        self.sources: dict[str, set[Any]] = {kind: set() for kind in KINDS}
        self._sockets = {kind: (host.udp(port + 2 * n), host.udp(port + 2 * n + 1)) for n, kind in enumerate(KINDS)}
        self.loop = PhoneLoop("mirror", lambda now: None, lambda: ())
        for kind, pair in self._sockets.items():
            for rtcp, sock in enumerate(pair):
                sock.setblocking(False)
                self.loop.watch(sock, lambda sock, kind=kind, rtcp=rtcp: self._readable(sock, kind, bool(rtcp)))  # type: ignore[misc]
        self.loop.start()

    def describe(self, offered: bytes) -> bytes:
        """What it answers to an offer: PCMU, and VP8 by the number it was offered by."""
        vp8 = re.findall(rb"a=rtpmap:([0-9]+) VP8/90000", offered)[:1] or [b"96"]
        lines = ["v=0", f"o=- 1 1 IN IP4 {self.address}", "s=-", f"c=IN IP4 {self.address}", "t=0 0"]
        lines += [f"m=audio {self.port} RTP/AVP 0", f"m=video {self.port + 2} RTP/AVP {vp8[0].decode()}"]
        lines += [f"a=rtpmap:{vp8[0].decode()} VP8/90000"]
        return "".join(f"{line}\r\n" for line in lines).encode()

    def _readable(self, sock: Any, kind: str, rtcp: bool) -> None:
        for data, source in datagrams(sock):
            if rtcp or 192 <= data[1] <= 223:
                self.reports[kind] += 1
                continue
            self.heard[kind] += 1
            self.kinds[kind][data[1] & 0x7F] += 1
            self.sources[kind].add(source)
            ssrc = int.from_bytes(data[8:12], "big") ^ 0x5A5A5A5A
            sock.sendto(data[:8] + ssrc.to_bytes(4, "big") + data[12:], source)
            if kind == "video" and self.heard[kind] % 100 == 1:  # who looks in the middle needs a whole picture
                asked = struct.pack("!BBHI", 0x80, 201, 1, ssrc) + struct.pack(
                    "!BBHII", 0x81, _PLI, 2, ssrc, ssrc ^ 0x5A5A5A5A
                )
                self._sockets[kind][1].sendto(asked, (source[0], source[1] + 1))

    def close(self) -> None:
        """End it. RuntimeError if something went wrong in its thread."""
        self.loop.close()
        for sock in (each for pair in self._sockets.values() for each in pair):
            sock.close()
        if self.loop.faults:
            raise RuntimeError(f"mirror: {self.loop.faults}")
