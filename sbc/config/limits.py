"""The keys that say how much realms, paths and terminals may have at once, and what is read of them."""

from __future__ import annotations

from sbc.config import kinds
from sbc.config.faults import Unfit
from sbc.config.keys import Key

MOST = 10_000_000


def _limit(name: str, high: int = MOST) -> Key:
    return Key(name, kinds.integer(1, high))


def _rate() -> kinds.Kind:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1_000_000:
            raise Unfit
        return float(value)

    return kinds.Kind("a number from 0 to 1000000", read)


_RATES = (
    Key("calls_per_second", _rate()),
    Key("burst", kinds.integer(0, 1_000_000)),
    Key("bandwidth_in", kinds.integer(0, 1_000_000_000)),
    Key("bandwidth_out", kinds.integer(0, 1_000_000_000)),
)
CAPS = (Key("calls", kinds.integer(0, MOST)), Key("bindings", kinds.integer(0, MOST)), *_RATES)
"""The keys of what may be limited or not: the fields of Caps."""
TABLES: dict[str, tuple[Key, ...]] = {
    "realms.NAME.limits": (
        *(_limit(name) for name in ("calls", "bindings", "dialogues")),
        _limit("exchanges", 100_000_000),
        _limit("exchanges_per_source"),
        _limit("lingering", 100_000_000),
        _limit("lingering_per_source"),
        _limit("names_per_call", 10_000),
        _limit("streams_per_call", 1_000),
        *_RATES,
    ),
    "realms.NAME.terminals": CAPS,
    "paths[].limits": CAPS,
}
