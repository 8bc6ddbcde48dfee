"""Who comes again: a source that was turned away a moment ago. Honest ones repeat what was lost; forged ones are new
each time. Remembered in a table of fixed size, where two sources may be taken for one another."""

from __future__ import annotations

from array import array
from typing import Final

SLOTS = 1 << 20
"""Two octets each. With ten thousand forged sources a second one in twelve is taken for one that has come before."""
SOONEST, LATEST = 0.3, 8.0
"""Seconds after which it may come again, so that it counts."""

_TICKS: Final = 10.0  # a second
_ROUND: Final = 0xFFFF
_NEVER: Final = int(LATEST * _TICKS) + 1


class Returning:
    """See above. Seconds throughout; what came in the first moment of time is not remembered."""

    def __init__(self) -> None:
        self._at = array("H", bytes(2 * SLOTS))

    def comes_again(self, source: object, now: float) -> bool:
        """Whether `source` has come before, not too long ago and not just now; if not, it has come now."""
        tick = int(now * _TICKS) % _ROUND + 1
        slot = hash(source) & (SLOTS - 1)
        was = self._at[slot]
        age = (tick - was) % _ROUND if was else _NEVER
        if age > LATEST * _TICKS:
            self._at[slot] = tick
            return False
        return age >= SOONEST * _TICKS
