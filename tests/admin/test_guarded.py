"""What the guards know, as metrics."""

from __future__ import annotations

from sbc.admin.guarded import bans, dropped, sources, unpushed
from sbc.core.address import Address
from sbc.policy.flood import Flood
from sbc.policy.flooding import Flooding


class Sink:
    name = "nft"

    def dropped(self) -> int:
        return 12


def test_bans_sources_and_what_was_dropped() -> None:
    flood = Flood()
    flood.replan({"access": Flooding(), "core": None})
    assert dict(bans(flood)) == {("access", "source"): 0, ("access", "host"): 0}
    flood.ban("access", "203.0.113.66", 5060, 60.0, "", 0.0)
    flood.ban("access", "203.0.113.67", 0, 60.0, "", 0.0)
    flood.met("access", Address("203.0.113.11", 40_001), 0.0)
    assert dict(bans(flood)) == {("access", "source"): 1, ("access", "host"): 1}
    assert dict(sources(flood)) == {("access", "stranger"): 0, ("access", "registered"): 1, ("access", "trusted"): 0}
    flood.unpushed["access", "203.0.113.67", 0] = None
    assert not list(dropped(flood)) and list(unpushed(flood)) == [((), 1)]
    flood.sink = Sink()
    assert list(dropped(flood)) == [(("nft",), 12)]
