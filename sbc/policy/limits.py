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
    limited: bool = attrs.field(init=False, eq=False, repr=False)
    """Whether it limits anything."""

    @limited.default
    def _limits_something(self) -> bool:
        return any((self.calls, self.calls_per_second, self.bindings, self.bandwidth_in, self.bandwidth_out))

    @property
    def at_once(self) -> int:
        """How many calls may come at one moment, where their rate is limited."""
        return self.burst or max(1, math.ceil(self.calls_per_second))


UNLIMITED = Caps()


@attrs.frozen
class Priority:
    """Which calls go past all limits though nobody calls for help: those that somebody who is believed says to be of
    `least` or more (RFC 4412; from 1, the least of a namespace, up), in one of the `namespaces`; 0: none."""

    least: int = 4
    namespaces: tuple[str, ...] = ("dsn", "drsn", "q735", "ets", "wps")


USUAL = Priority()
