"""Rates in the `native` engine; what they do to packets tests/contract/test_media_policing.py asks."""

from __future__ import annotations

import pytest

from sbc.core.orders import Rate

native = pytest.importorskip("sbc.media.native._native", reason="the modules in C are not built")
from sbc.media.native.rates import Rates  # noqa: E402


class Elsewhere:
    """Somebody else's bucket."""

    def __init__(self) -> None:
        self.bucket = native.ffi.new("struct bucket *")
        self.address = int(native.ffi.cast("uintptr_t", self.bucket))


def test_a_realm_has_one_struct_whose_rate_is_its_own_or_elsewhere_or_none() -> None:
    rates, elsewhere = Rates(native), Elsewhere()
    realm = rates.realm("access")
    assert rates.realm("access") is realm
    assert not realm.limited
    rates.limit("access", Rate(1_000, 500, 0.25))
    assert (bool(realm.limited), realm.wait, realm.elsewhere) == (True, 250_000_000, native.ffi.NULL)
    assert realm.bucket.depth == 500_000_000
    rates.share("access", elsewhere)
    assert (bool(realm.limited), realm.wait, realm.elsewhere) == (True, 0, elsewhere.bucket)
    rates.share("access", None)
    assert not realm.limited
    rates.limit("access", Rate(1_000, 500))
    assert realm.elsewhere == native.ffi.NULL
    rates.limit("access", None)
    assert not realm.limited
