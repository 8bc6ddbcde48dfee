"""The keys that say how a realm takes the bandwidth of streams."""

from __future__ import annotations

from sbc.config import kinds
from sbc.config.keys import Key
from sbc.policy.demand import Fit, Police

TABLES: dict[str, tuple[Key, ...]] = {
    "realms.NAME.bandwidth": (
        *(Key(name, kinds.integer(1, 1_000_000)) for name in ("audio", "video", "other")),
        Key("fit", kinds.choice(Fit)),
        Key("police", kinds.choice(Police)),
        Key("margin", kinds.integer(0, 1_000)),
        Key("burst", kinds.seconds(0.1, 60.0)),
    ),
}
