"""The keys that say how a realm takes the bandwidth of streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sbc.config import kinds
from sbc.config.keys import Key
from sbc.policy.demand import Bandwidth, Fit, Police

TABLES: dict[str, tuple[Key, ...]] = {
    "realms.NAME.bandwidth": (
        *(Key(name, kinds.integer(1, 1_000_000)) for name in ("audio", "video", "other")),
        Key("most", kinds.integer(8, 1_000_000)),
        Key("fit", kinds.choice(Fit)),
        Key("police", kinds.choice(Police)),
        Key("margin", kinds.integer(0, 1_000)),
        Key("burst", kinds.seconds(0.1, 60.0)),
        Key("ahead", kinds.boolean()),
    ),
}


def bandwidth_of(values: Mapping[str, Any], media: Mapping[str, Any]) -> Bandwidth:
    """How a realm takes bandwidth, by its keys for that and those for media: what the engine lets no stream have none
    need be let reserve."""
    found = Bandwidth(**values)
    return attrs.evolve(found, most=min(found.most, media.get("stream_rate") or found.most))
