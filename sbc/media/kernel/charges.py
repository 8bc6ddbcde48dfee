"""What of the packets that the kernel forwards was paid for: noted beside its counters, which outlive the process."""

from __future__ import annotations

from collections.abc import Mapping

from sbc.media.counters import Volume
from sbc.media.kernel.plane import Plane
from sbc.media.kernel.promoted import Promoted


class Charges:
    """See IMediaEngine.charges."""

    def __init__(self, plane: Plane, streams: Mapping[str, Promoted]) -> None:
        self._plane, self._streams = plane, streams

    def note(self, stream: str) -> None:
        """All that was carried of it until now is booked. @raises KeyError."""
        for each in self._streams[stream].entered:
            self._plane.book(each.slot)

    def owed(self, stream: str) -> Volume:
        """What the kernel has carried of it, both ways, since another process has noted that last; nothing where none
        has. To be asked once, before it is noted here."""
        found = self._streams.get(stream)
        if found is None:
            return Volume()
        return sum((self._plane.unbooked(each.slot) for each in found.entered), found.owed)
