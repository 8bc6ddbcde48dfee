"""Which make drops what is banned here: the kernel engine's programs, else nftables, else nobody below our own code."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from sbc.bans.kernel import KernelBans
from sbc.bans.library import Nft, NftError
from sbc.bans.nft import NftBans
from sbc.bans.user_space import UserSpaceBans

_log = Logger()


def take_sink(engine: Any, reactor: Any) -> Any:
    """The best IBanSink there is, where the media engine is `engine`; what it is, and why, is logged."""
    sink: Any
    if engine.name == "kernel":
        sink = KernelBans(engine, reactor)
    else:
        try:
            sink = NftBans(Nft(), reactor)
        except NftError as error:
            sink = UserSpaceBans(f"nft: {error}")
    _log.info("who is banned is dropped by {name}{why}", name=sink.name, why=f" ({sink.why})" if sink.why else "")
    return sink
