"""The table by which a realm is protected from floods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sbc.config import kinds
from sbc.config.faults import Findings
from sbc.config.keys import Key, read_keys
from sbc.core.realm import Side
from sbc.policy.flooding import Flooding, Ill

_RATES = ("stranger", "registered", "trusted", "host", "realm", "terminal", "open")

TABLES = {
    "realms.NAME.flood": (
        Key("enabled", kinds.boolean()),
        *(Key(f"{name}_rate", kinds.seconds(0.0, 1_000_000.0)) for name in _RATES),
        *(Key(f"{name}_burst", kinds.integer(1, 10_000_000)) for name in _RATES),
        *(Key(name, kinds.fraction()) for name in ("stranger_share", "registered_share", "busy")),
        Key("trusted_after", kinds.seconds(0.0, 10_000_000.0)),
        Key("sources", kinds.integer(100, 10_000_000)),
        Key("half_life", kinds.seconds(1.0, 86_400.0)),
        *(Key(name, kinds.seconds(1.0, 1_000_000.0)) for name in ("ban_score", "host_score")),
        *(Key(name, kinds.seconds(1.0, 10_000_000.0)) for name in ("ban", "ban_longest")),
        Key("registered", kinds.choice(Ill)),
        Key("demotion", kinds.seconds(1.0, 86_400.0)),
        Key("scanners", kinds.many(kinds.text("a part of what a program calls itself"), 0, "names")),
        Key("fraud_destinations", kinds.integer(1, 40)),
        Key("fraud_prefixes", kinds.many(kinds.text("how a number begins"), 0, "prefixes")),
        *(Key(name, kinds.many(kinds.network(), 0, "networks")) for name in ("trusted", "never")),
    ),
}


def read(table: Mapping[str, Any], at: str, side: Side | None, findings: Findings) -> Flooding | None:
    """How a realm of that side is protected whose table stands at `at`; None where it is not. Access realms are unless
    they say otherwise, core realms only where they say so."""
    values = read_keys(table, at, TABLES["realms.NAME.flood"], findings)
    return Flooding(**values) if values.pop("enabled", side is not Side.CORE) else None
