"""Hosts of the core that its next hops have named as such that take calls: from there calls may come, too."""

from __future__ import annotations

LASTS = 7200.0
"""Seconds for which that is believed: they are named again with each call, and with each registration."""
MOST = 4_096


class Vouched:
    """By realm and host, until when. Bounded: of too many the one that was named longest ago is forgotten."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def keep(self, realm: str, host: str, now: float) -> None:
        """A next hop in that realm has named the host."""
        self._until.pop((realm, host), None)
        self._until[realm, host] = now + LASTS
        if len(self._until) > MOST:
            del self._until[next(iter(self._until))]

    def find(self, realm: str, host: str, now: float) -> bool:
        """Whether it has, not too long ago."""
        until = self._until.get((realm, host))
        if until is not None and until <= now:
            del self._until[realm, host]
        return until is not None and until > now
