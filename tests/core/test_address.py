"""Addresses: every spelling of one host is one host, and what is no address says why."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import (
    Address,
    bracketed,
    canonical,
    is_literal,
    is_private,
    is_unspecified,
    literal,
    parse_address,
    same_family,
    unspecified_like,
)

ports = st.integers(0, 65535)


@given(st.ip_addresses(), ports)
def test_what_is_written_is_read_again(ip: object, port: int) -> None:
    address = Address(str(ip), port)
    assert parse_address(str(address)) == address


@given(st.ip_addresses(v=6))
def test_every_spelling_of_an_ipv6_address_is_one(ip: object) -> None:
    spelled = ip_address(str(ip)).exploded
    assert canonical(spelled) == canonical(f"[{spelled.upper()}]") == str(ip)


@given(st.text())
def test_any_text_is_an_address_a_name_or_a_value_error(text: str) -> None:
    assert is_literal(text) == (literal(text) is not None)
    try:
        address = parse_address(text, 5060)
    except ValueError as error:
        assert str(error)
    else:
        assert address.host and 0 <= address.port <= 65535


def test_names_are_lower_case_and_no_literals() -> None:
    assert canonical("SBC.Example.COM") == "sbc.example.com"
    assert not is_literal("sbc.example.com")
    assert canonical("X" * 500) == "x" * 500
    assert literal("1" * 500) is None


def test_a_zone_is_no_part_of_an_address_of_ours() -> None:
    assert literal("fe80::1%eth0") is None


def test_brackets_are_for_ipv6_alone() -> None:
    assert bracketed("2001:db8::1") == "[2001:db8::1]"
    assert bracketed("[2001:db8::1]") == "[2001:db8::1]"
    assert bracketed("192.0.2.1") == "192.0.2.1"
    assert str(Address("2001:db8::1", 5060)) == "[2001:db8::1]:5060"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "[::]"])
def test_hold_addresses(host: str) -> None:
    assert is_unspecified(host)


def test_other_hosts_are_not_on_hold() -> None:
    assert not is_unspecified("192.0.2.1") and not is_unspecified("hold.example.com")


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "127.0.0.1", "169.254.0.1"])
def test_private(host: str) -> None:
    assert is_private(host)


@pytest.mark.parametrize("host", ["8.8.8.8", "2600::1", "phone.example.com"])
def test_not_private(host: str) -> None:
    assert not is_private(host)


def test_a_bare_host_needs_a_default_port() -> None:
    assert parse_address("192.0.2.1", 5060) == Address("192.0.2.1", 5060)
    assert parse_address("2001:db8::1", 5060) == Address("2001:db8::1", 5060)
    with pytest.raises(ValueError, match="has no port"):
        parse_address("192.0.2.1")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no host"),
        (":5060", "no host"),
        ("192.0.2.1:70000", "not a port"),
        ("192.0.2.1:-1", "not a port"),
        ("192.0.2.1:٣", "not a port"),
        ("[2001:db8::1", "not .IPv6.:port"),
        ("[2001:db8::1]5060", "not .IPv6.:port"),
        ("[nonsense]:5060", "not an IPv6 address"),
    ],
)
def test_what_is_no_address_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_address(text, 5060)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "0.0.0.0", True),
        ("::1", "2001:db8::1", True),
        ("::1", "127.0.0.1", False),
        ("a.example", "::1", True),
    ],
)
def test_families(one: str, other: str, same: bool) -> None:
    assert same_family(one, other) is same_family(other, one) is same


def test_the_unspecified_address_of_a_family() -> None:
    assert (unspecified_like("192.0.2.1"), unspecified_like("2001:db8::1")) == ("0.0.0.0", "::")
