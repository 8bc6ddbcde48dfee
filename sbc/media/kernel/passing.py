"""What the kernel's engine leaves to the one in user space that it stands upon: secured media, and news."""

from __future__ import annotations

from typing import Any

from sbc.core.address import Address
from sbc.core.secured import Key
from sbc.media.herald import Herald
from sbc.media.kernel.promoted import Entered
from sbc.media.kernel.tally import Last
from sbc.media.sealing import Row


class Passing:
    """Passes it on, and back."""

    inner: Any
    _herald: Herald

    def suites(self) -> tuple[str, ...]:
        """See IMediaEngine."""
        return tuple(self.inner.suites())

    def key(self, stream: str, side: int, receive: Key, send: Key, rtcp: bool = False) -> None:
        """See IMediaEngine. @raises KeyError; ValueError."""
        self.inner.key(stream, side, receive, send, rtcp)

    def aim(self, stream: str, side: int, rtp: Address | None, rtcp: Address | None) -> None:
        """See IMediaEngine. @raises KeyError."""
        self.inner.aim(stream, side, rtp, rtcp)

    def say(self, stream: str, side: int, data: bytes, to: Address, rtcp: bool = False) -> bool:
        """See IMediaEngine. @raises KeyError."""
        return bool(self.inner.say(stream, side, data, to, rtcp))

    def rollovers(self, stream: str) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
        """See IMediaEngine. @raises KeyError."""
        first, second = self.inner.rollovers(stream)
        return first, second

    def strays(self) -> int:
        """See IMediaEngine: user space has the ports that streams share."""
        return int(self.inner.strays())

    def _carried(self, name: str, each: Entered, last: tuple[Last, ...]) -> None:
        """Let user space know where a flow has got to."""
        for said in last:
            self.inner.carried(name, each.side, each.rtcp, said.ssrc, said.sequence, said.timestamp, said.ago)

    def _returned(self, name: str, each: Entered, last: tuple[Last, ...], lent: bool) -> None:
        """A flow comes to user space again. `lent`: it was taken out of the side's bucket in the kernel."""
        if lent:
            self.inner.lend(name, each.side, None)
        self._carried(name, each, last)
        if not each.rtcp:
            self.inner.away(name, each.side, False)

    def _lend_no_more(self, stream: str) -> None:
        """Let user space take what comes from both sides out of its own buckets, which go on with what was left."""
        for side in range(2):
            self.inner.lend(stream, side, None)

    def silent(self, stream: str, seconds: float) -> None:
        """See IMediaObserver: user space is not asked to tell."""
        self._herald.silent(stream, seconds)

    def resumed(self, stream: str) -> None:
        """See IMediaObserver."""
        self._herald.resumed(stream)

    def forwards(self, stream: str, engine: str, reason: str) -> None:
        """See IMediaObserver."""
        self._herald.forwards(stream, engine, reason)

    def rtcp_latched(self, stream: str, side: int, address: Address) -> None:
        """See IMediaObserver."""
        self._herald.tell("rtcp_latched", stream, side, address)

    def handshake(self, stream: str, side: int, rtcp: bool, data: bytes, source: Address) -> None:
        """See IHandshakeObserver."""
        self._herald.tell("handshake", stream, side, rtcp, data, source)

    def expired(self, stream: str, side: int) -> None:
        """See IMediaObserver."""
        self._herald.expired(stream, side)

    def used(self, stream: str) -> None:
        """See IMediaObserver."""
        self._herald.used(stream)
