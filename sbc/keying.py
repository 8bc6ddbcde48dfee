"""Who hears what the handshakes of media come to: log, counters, call detail record and core."""

from __future__ import annotations

from collections.abc import Callable

from sbc.core.orders import Note
from sbc.core.secured import Key


class Keying:
    """`noted` takes a decision: it goes where all of them go. Keys are in none."""

    def __init__(self, noted: Callable[[Note], None]) -> None:
        self._noted = noted

    def secured(self, stream: str, side: int, receive: Key, send: Key) -> None:
        """Media of a side passes from now on, by these keys."""
        said = {"stream": stream, "side": side, "suite": receive.suite}
        self._noted(Note("secured", "handshake", stream.partition("/")[0], said))

    def unsecured(self, stream: str, side: int, why: str) -> None:
        """Media of a side does not pass, though it should or has; `why` is a fixed word."""
        self._noted(Note("unsecured", why, stream.partition("/")[0], {"stream": stream, "side": side}))
