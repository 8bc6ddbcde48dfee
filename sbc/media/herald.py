"""Tells an observer what an engine finds: what the observer raises is logged, and stops no media."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger
from zope.interface import implementer

from sbc.core.address import Address
from sbc.media.interfaces import IMediaObserver


@implementer(IMediaObserver)
class Herald:
    """Stands before the observer that an engine was given."""

    _log = Logger()

    def __init__(self, observer: IMediaObserver, call_of: Callable[[str], str]) -> None:
        """`call_of` gives the call that a stream is of, for the log; empty where the stream is no more."""
        self._observer: Any = observer
        self._call_of = call_of

    def latched(self, stream: str, side: int, address: Address, reason: str) -> None:
        """See IMediaObserver. It is logged, too."""
        self._log.info(
            "stream {stream} side {side}: media goes to {address} ({reason})",
            stream=stream,
            side=side,
            address=address,
            reason=reason,
            call=self._call_of(stream),
        )
        self.tell("latched", stream, side, address, reason)

    def rtcp_latched(self, stream: str, side: int, address: Address) -> None:
        """See IMediaObserver."""
        self.tell("rtcp_latched", stream, side, address)

    def silent(self, stream: str, seconds: float) -> None:
        """See IMediaObserver."""
        self.tell("silent", stream, seconds)

    def resumed(self, stream: str) -> None:
        """See IMediaObserver."""
        self.tell("resumed", stream)

    def policed(self, stream: str, side: int) -> None:
        """See IMediaObserver."""
        self.tell("policed", stream, side)

    def expired(self, stream: str, side: int) -> None:
        """See IMediaObserver."""
        self.tell("expired", stream, side)

    def used(self, stream: str) -> None:
        """See IMediaObserver."""
        self.tell("used", stream)

    def told(self, word: str, stream: str, side: int) -> None:
        """Tell what is called "policed", "expired" or "used"."""
        self.tell(word, stream, *(() if word == "used" else (side,)))

    def handshake(self, stream: str, side: int, rtcp: bool, data: bytes, source: Address) -> None:
        """See IHandshakeObserver."""
        self.tell("handshake", stream, side, rtcp, data, source)

    def forwards(self, stream: str, engine: str, reason: str) -> None:
        """See IMediaObserver."""
        self.tell("forwards", stream, engine, reason)

    def tell(self, what: str, stream: str, *details: Any) -> None:
        """Tell the observer by its method `what`, and no more: for what another engine has found, and logged."""
        call = self._call_of(stream)  # who hears of a stream may close it
        try:
            getattr(self._observer, what)(stream, *details)
        except Exception:  # noqa: BLE001 - what hears us must not stop the media
            self._log.failure(
                "the observer failed on what it was told of stream {stream} ({what})",
                stream=stream,
                what=what,
                call=call,
            )
