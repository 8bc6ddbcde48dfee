"""A telephone beside a media gateway, or a media server: RTP and RTCP at two ports, and no signalling of its own.
`talk()` takes it as it takes a call."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.netns.phone_loop import PhoneLoop
from tests.netns.phone_media import PhoneMedia

if TYPE_CHECKING:
    from tests.netns.lab import LabHost


class RtpPhone:
    """RTP at `port` of a host's first address, RTCP at the next port."""

    def __init__(self, host: LabHost, port: int) -> None:
        sockets = [host.udp(each) for each in (port, port + 1)]
        for each in sockets:
            each.setblocking(False)
        self.media = PhoneMedia(*sockets)
        self.address, self.port = host.address(), port
        self.loop = PhoneLoop("rtp phone", self.media.tick, self._moments)
        for each in sockets:
            self.loop.watch(each, self.media.readable)
        self.loop.start()

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"

    def towards(self, host: str, port: int, rtcp: int = 0) -> RtpPhone:
        """Send there from now on; RTCP to the next port, or to `rtcp`."""
        self.media.remote = ((host, port), (host, rtcp or port + 1))
        return self

    def send_batch(self, batch: int, packets: int, reports: int) -> None:
        """Begin to send media; `media.idle` says when all of it is out."""
        self.loop.do(lambda: self.media.begin(batch, packets, reports, time.monotonic()))

    def stop_sending(self) -> None:
        self.loop.do(self.media.stop)

    def volume(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(Packets sent, received) and (octets sent, received), of RTP and RTCP together, headers of RTP included: as a
        gateway counts them."""
        return (self.media.went[0], self.media.came[0]), (self.media.went[1], self.media.came[1])

    def close(self) -> None:
        """End it. RuntimeError if something went wrong in its thread."""
        self.loop.close()
        self.media.close()
        if self.loop.faults:
            raise RuntimeError(f"{self}: {self.loop.faults}")

    def _moments(self) -> Iterable[float]:
        return () if self.media.due is None else (self.media.due,)
