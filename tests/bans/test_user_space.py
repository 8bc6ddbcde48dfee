"""Where nothing below drops what is banned."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from sbc.bans.user_space import UserSpaceBans
from sbc.interfaces import IBanSink


def test_it_takes_no_ban_and_says_why() -> None:
    bans = UserSpaceBans("nft: not permitted")
    verifyObject(IBanSink, bans)
    bans.guard(())
    assert not bans.ban("access", "10.0.0.1", 0, 10.0)
    bans.lift("access", "10.0.0.1", 0)
    bans.clear()
    bans.stop()
    assert (bans.list(), bans.of("access", "10.1.0.2", 0), bans.dropped(), bans.why) == ([], 0, 0, "nft: not permitted")
