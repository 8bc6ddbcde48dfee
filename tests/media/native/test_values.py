"""Values in C and in Python: addresses as they are compared, the token bucket as the reference has it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.orders import Rate
from sbc.media.bucket import Bucket
from sbc.media.native.engine import missing
from sbc.media.native.values import Values

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture(scope="module")
def module() -> Any:
    return import_module("sbc.media.native._native")


@pytest.fixture(scope="module")
def values(module: Any) -> Values:
    return Values(module)


def written(values: Values, address: Address | None) -> Any:
    to = values.ffi.new("struct address *")
    to[0] = values.in_c(address)
    return to


@pytest.mark.parametrize(
    "address", [Address("192.0.2.1", 5000), Address("2001:db8::1", 1), Address("::", 65535), Address("0.0.0.0", 0)]
)
def test_addresses_come_back(values: Values, address: Address) -> None:
    assert values.address(written(values, address)) == address


def test_two_ports_of_one_host_differ(values: Values) -> None:
    one, other = (written(values, Address("192.0.2.1", port)) for port in (5000, 5001))
    assert values.address(one) == Address("192.0.2.1", 5000)
    assert values.address(other) == Address("192.0.2.1", 5001)


@pytest.mark.parametrize("host", ["phone.example.com", "127.0.0.1%lo", "", "1.2.3"])
def test_names_differ_from_each_other_and_are_no_address(values: Values, host: str) -> None:
    one, other = written(values, Address(host, 1)), written(values, Address(host + "x", 1))
    assert bytes(one.host) != bytes(other.host)
    assert values.address(written(values, Address(host, 1))) is None
    assert values.address(written(values, None)) is None


def test_reasons_are_words(values: Values, module: Any) -> None:
    words = [values.reason(number) for number in range(module.lib.REASONS)]
    assert words[0] == ""
    assert {"latched", "signalled", "seen-host", "rebound", "window-closed"} <= set(words)
    assert len(set(words)) == len(words)


steps = st.lists(
    st.tuples(
        st.integers(0, 2_000_000_000),  # nanoseconds that pass
        st.integers(0, 1500),  # octets that come
        st.sampled_from([None, None, None, Rate(1_000, 500), Rate(8_000, 1_000), Rate(125_000_000, 4_000)]),
    ),
    max_size=60,
)


@given(steps)
def test_the_bucket_is_the_references_to_an_octet(steps: list[tuple[int, int, Rate | None]]) -> None:
    """What passes differs at the most where the packet is as long as the bucket is full."""
    module = import_module("sbc.media.native._native")
    ffi, lib = module.ffi, module.lib
    now, rate = 1_000_000_000, Rate(2_000, 800)
    bucket = ffi.new("struct bucket *")
    lib.bucket_change(bucket, rate.octets, rate.burst, now)
    reference = Bucket(rate, now / 1e9)
    for passed, octets, change in steps:
        now += passed
        if change is not None:
            lib.bucket_change(bucket, change.octets, change.burst, now)
            reference.change(change, now / 1e9)
        has = bool(lib.bucket_has(bucket, octets, now))
        if has != reference.has(octets, now / 1e9):
            assert reference.has(octets - 1, now / 1e9)
            assert not reference.has(octets + 1, now / 1e9)
            return
        assert bool(lib.bucket_take(bucket, octets, now)) == has
        if has:
            reference.take(octets)


def test_a_full_bucket_passes_its_burst_and_no_more() -> None:
    module = import_module("sbc.media.native._native")
    bucket = module.ffi.new("struct bucket *")
    module.lib.bucket_change(bucket, 1, 5 * 172, 10)
    assert [module.lib.bucket_take(bucket, 172, 10) for _ in range(6)] == [1, 1, 1, 1, 1, 0]
    module.lib.bucket_change(bucket, 1, 5 * 172, 10)
    assert not module.lib.bucket_has(bucket, 172, 10)
