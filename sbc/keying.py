"""Who hears what the handshakes of media come to: log, counters, call detail record and core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sbc.core.border import Border
from sbc.core.orders import Note
from sbc.core.secured import Fingerprint, Key


class Keying:
    """`runner` takes decisions, which go where all of them go, and carries out what follows. Keys are told to the core
    alone, which keeps them for who takes the call up after a restart."""

    def __init__(self, reactor: Any, border: Border, runner: Any) -> None:
        """`reactor` provides IReactorTime."""
        self._reactor, self._border, self._runner = reactor, border, runner
        self._noted: Callable[[Note], None] = runner.noted

    def keyed(
        self,
        stream: str,
        side: int,
        receive: Key,
        send: Key,
        fingerprints: tuple[Fingerprint, ...],
        rtcp: bool = False,
    ) -> None:
        """What the peer of a side encrypts with, and what we do, as a handshake has given it; one of the fingerprints
        is its certificate's. `rtcp`: RTCP alone, which has keys of its own."""
        self._border.secured(stream, side, receive, send, fingerprints, rtcp)

    def secured(self, stream: str, side: int, suite: str) -> None:
        """Media of a side passes from now on, by that suite."""
        said = {"stream": stream, "side": side, "suite": suite}
        self._noted(Note("secured", "handshake", stream.partition("/")[0], said))

    def unsecured(self, stream: str, side: int, why: str) -> None:
        """Media of a side does not pass, though it should or has; `why` is a fixed word."""
        self._noted(Note("unsecured", why, stream.partition("/")[0], {"stream": stream, "side": side}))

    def failed(self, stream: str, side: int, why: str) -> None:
        """Nor will it. What follows is not done before whoever tells this has done with the stream."""
        self._reactor.callLater(0, self._failed, stream, side, why)

    def _failed(self, stream: str, side: int, why: str) -> None:
        self._runner.carry_out(self._border.unsecured(stream, side, why, self._reactor.seconds()))
