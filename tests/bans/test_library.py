"""libnftables, as far as it can be had here."""

from __future__ import annotations

import pytest

from sbc.bans import library
from sbc.bans.library import Nft, NftError
from tests.media.kernel.apart import Apart, has_one

apart = pytest.fixture(has_one)


def test_commands_are_carried_out_or_refused_in_its_own_words(apart: Apart) -> None:
    nft = apart.call(Nft)
    apart.call(nft.run, "add table inet t; add counter inet t c { packets 7 bytes 0 }")
    assert apart.call(nft.counted.counter, "t", "c") == 7
    with pytest.raises(NftError, match="No such file"):
        apart.call(nft.run, "delete counter inet t d")
    with pytest.raises(NftError, match="syntax error"):
        apart.call(nft.run, "nonsense")
    apart.call(nft.close)
    with pytest.raises(NftError, match="let go"):  # who has waited for it
        apart.call(nft.run, "add table inet t")
    apart.call(nft.close)


def test_where_there_is_no_such_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_NAME", "libnothing.so.9")
    with pytest.raises(NftError, match="libnothing"):
        Nft()
