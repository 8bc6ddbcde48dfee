"""Which sides of a stream go by the transport of another one (see Bundled), as streams of an engine come and go."""

from __future__ import annotations

from collections.abc import Callable, Container

from sbc.core.orders import SideSpec, StreamSpec
from sbc.core.secured import Bundled

Place = tuple[str, int]
"""A side: its stream and its number."""
Join = Callable[[str, int, str, Bundled], bool]
"""Let a stream's side go by the transport of the same side of another stream, which is open. Whether it can."""
Leave = Callable[[str, int], None]
"""Let a stream's side go by its own again."""


class Riding:
    """Keeps that, for an engine whose open streams are `streams`. Whose carrier is not open waits for it, and nothing
    of it passes; so does who is left behind by a carrier that is closed."""

    def __init__(self, streams: Container[str], join: Join, leave: Leave) -> None:
        self._streams, self._join, self._leave = streams, join, leave
        self._wanted: dict[Place, Bundled] = {}
        self._joined: set[Place] = set()
        self._riders: dict[Place, set[Place]] = {}  # by the carrier they want

    def opened(self, spec: StreamSpec) -> None:
        """A stream is open: its sides ride, and those that have waited for it."""
        for side, each in enumerate(spec.sides):
            self.changed(spec.id, side, each)
            for place in sorted(self._riders.get((spec.id, side), ())):
                self._ride(place)

    def changed(self, stream: str, side: int, spec: SideSpec) -> None:
        """A side has another spec."""
        bundled, place = None if spec.security is None else spec.security.bundled, (stream, side)
        if bundled == self._wanted.get(place):
            return
        self._forget(place)
        if bundled is not None:
            self._wanted[place] = bundled
            self._riders.setdefault((bundled.carrier or stream, side), set()).add(place)
            self._ride(place)

    def closed(self, stream: str) -> None:
        """A stream is about to close. It takes nobody along."""
        for side in (0, 1):
            self._forget((stream, side))
            for place in self._riders.get((stream, side), ()):
                self._fall(place)

    def _ride(self, place: Place) -> None:
        bundled, (stream, side) = self._wanted[place], place
        carrier = bundled.carrier or stream
        if carrier in self._streams and place not in self._joined and self._join(stream, side, carrier, bundled):
            self._joined.add(place)

    def _fall(self, place: Place) -> None:
        if place in self._joined:
            self._joined.remove(place)
            self._leave(*place)

    def _forget(self, place: Place) -> None:
        before = self._wanted.pop(place, None)
        if before is None:
            return
        self._fall(place)
        carrier = before.carrier or place[0], place[1]
        self._riders[carrier].discard(place)
        if not self._riders[carrier]:
            del self._riders[carrier]
