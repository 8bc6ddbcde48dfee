"""How much of everything a realm, path, customer or terminal may have at once. Plain values, made by the config."""

from __future__ import annotations

import math

import attrs


@attrs.frozen
class Caps:
    """The most of each thing; 0: as much as there is.

    `calls` counts both directions. Of `calls_per_second` as many may come at once as `burst` says, or as come in a
    second. `bindings` are registrations that a registrar has confirmed. Bandwidth is in kbit/s of IP packets: what the
    peers there send to us comes `in`, what we send to them goes `out`.
    """

    calls: int = 0
    calls_per_second: float = 0.0
    burst: int = 0
    bindings: int = 0
    bandwidth_in: int = 0
    bandwidth_out: int = 0

    @property
    def at_once(self) -> int:
        """How many calls may come at one moment, where their rate is limited."""
        return self.burst or max(1, math.ceil(self.calls_per_second))


UNLIMITED = Caps()
