"""Pools of ports: book-keeping only, nothing is opened here."""

from __future__ import annotations

from collections import deque


class PortPool:
    """Ports of one address, given out in runs of `step` (2 for RTP and RTCP: even, odd; RFC 3550 section 11).

    A port given back rests for `quarantine` seconds, so that late packets of the old stream meet nobody; the longest
    rested is given out first.
    """

    def __init__(self, ports: range, step: int, quarantine: float) -> None:
        self.step = step
        self.quarantine = quarantine
        first = ports.start + (-ports.start) % step
        self._free: deque[int] = deque(range(first, ports.stop - step + 1, step))
        self._resting: deque[tuple[float, int]] = deque()
        self.used: set[int] = set()
        self.size = len(self._free)

    def take(self, now: float) -> int | None:
        """The first port of a free run, or None if all are in use or resting."""
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])
        if not self._free:
            return None
        port = self._free.popleft()
        self.used.add(port)
        return port

    def claim(self, port: int) -> bool:
        """Take this very run; False if it is not free, or none of the pool's."""
        try:
            self._free.remove(port)
        except ValueError:
            return False
        self.used.add(port)
        return True

    def give(self, port: int, now: float, rest: bool = True) -> None:
        """Give back a run taken before. It need not `rest` if nobody can have used it yet: it is the next given then.

        @raises KeyError if it is not in use: that would be a fault of ours.
        """
        self.used.remove(port)
        if rest:
            self._resting.append((now + self.quarantine, port))
        else:
            self._free.appendleft(port)

    def resting(self, now: float) -> int:
        """How many runs are not to be given out yet."""
        return sum(1 for until, _ in self._resting if until > now)

    def balanced(self) -> bool:
        """Whether every port is in exactly one place."""
        return len(self.used) + len(self._free) + len(self._resting) == self.size
