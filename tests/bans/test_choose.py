"""Which make of bans is taken."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from sbc.bans import choose
from sbc.bans.library import NftError
from sbc.bans.nft import NftBans


class Engine:
    def __init__(self, name: str) -> None:
        self.name = name


class Nft:
    def run(self, commands: str) -> list[Any]:
        return []


def _none() -> None:
    raise NftError("not permitted")


def test_the_kernel_engine_s_programs_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "Nft", _none)
    assert choose.take_sink(Engine("kernel"), Clock()).name == "kernel"


def test_then_nftables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "Nft", Nft)
    assert isinstance(choose.take_sink(Engine("native"), Clock()), NftBans)


def test_then_nobody_but_ourselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "Nft", _none)
    sink = choose.take_sink(Engine("twisted"), Clock())
    assert (sink.name, sink.why) == ("user-space", "nft: not permitted")
