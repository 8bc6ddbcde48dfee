"""Kinds: what each lets through, in which form, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.config import kinds
from sbc.config.faults import Unfit
from sbc.config.kinds import Kind
from sbc.core.address import Address


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


ALL: dict[str, Kind] = {
    "integer": kinds.integer(1, 10),
    "seconds": kinds.seconds(0.1, 60),
    "fraction": kinds.fraction(),
    "boolean": kinds.boolean(),
    "choice": kinds.choice(Colour),
    "choice_but": kinds.choice_but(Colour, {"green": "is out of fashion"}),
    "word": kinds.word(),
    "text": kinds.text("text"),
    "device": kinds.device(),
    "pins": kinds.pins(),
    "ip": kinds.ip(),
    "any ip": kinds.ip(unspecified=True),
    "network": kinds.network(),
    "ip_port": kinds.ip_port(),
    "ip_maybe_port": kinds.ip_maybe_port(),
    "port": kinds.port(),
    "port_range": kinds.port_range(),
    "pair_range": kinds.pair_range(),
    "host_name": kinds.host_name(),
    "many": kinds.many(kinds.ip_port(), 1, "addresses"),
    "table": kinds.table(),
    "tables": kinds.tables("[[x]]"),
}


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("integer", 1, 1),
        ("integer", 10, 10),
        ("seconds", 1, 1.0),
        ("seconds", 0.1, 0.1),
        ("fraction", 0, 0.0),
        ("fraction", 0.5, 0.5),
        ("fraction", 1, 1.0),
        ("boolean", False, False),
        ("choice", "blue", Colour.BLUE),
        ("choice_but", "blue", Colour.BLUE),
        ("device", "eth0.100", "eth0.100"),
        ("device", "x" * 15, "x" * 15),
        ("pins", "/sys/fs/bpf/sbc", "/sys/fs/bpf/sbc"),
        ("pins", "//run/sbc//bpf/", "/run/sbc/bpf"),
        ("word", "Core-1_b", "Core-1_b"),
        ("text", "/a b/ü", "/a b/ü"),
        ("ip", "192.0.2.1", "192.0.2.1"),
        ("ip", "2001:DB8:0::1", "2001:db8::1"),
        ("any ip", "0.0.0.0", "0.0.0.0"),
        ("any ip", "::", "::"),
        ("network", "198.51.100.0/24", IPv4Network("198.51.100.0/24")),
        ("network", "198.51.100.7", IPv4Network("198.51.100.7/32")),
        ("network", "2001:db8::/32", IPv6Network("2001:db8::/32")),
        ("ip_port", "192.0.2.1:5060", Address("192.0.2.1", 5060)),
        ("ip_port", "[2001:db8::1]:65535", Address("2001:db8::1", 65535)),
        ("ip_maybe_port", "192.0.2.1", ("192.0.2.1", None)),
        ("ip_maybe_port", "192.0.2.1:7", ("192.0.2.1", 7)),
        ("ip_maybe_port", "2001:db8::7", ("2001:db8::7", None)),
        ("ip_maybe_port", "[2001:db8::1]:7", ("2001:db8::1", 7)),
        ("port", 65535, 65535),
        ("port_range", "7001-7001", range(7001, 7002)),
        ("pair_range", "1024-65535", range(1024, 65536)),
        ("pair_range", "20000-20001", range(20000, 20002)),
        ("host_name", "SBC.Example.net", "sbc.example.net"),
        ("host_name", "localhost", "localhost"),
        ("host_name", "192.0.2.1", "192.0.2.1"),
        ("many", ["192.0.2.1:1", "192.0.2.1:2"], (Address("192.0.2.1", 1), Address("192.0.2.1", 2))),
        ("table", {}, {}),
        ("tables", [{}], [{}]),
    ],
)
def test_reads(kind: str, value: object, read: object) -> None:
    found = ALL[kind].read(value)
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", 0),
        ("integer", 11),
        ("integer", True),
        ("integer", 3.0),
        ("integer", "3"),
        pytest.param("integer", 10**5000, id="integer-huge"),
        ("seconds", True),
        ("seconds", float("nan")),
        ("seconds", float("inf")),
        ("seconds", -1),
        ("seconds", 0),
        pytest.param("seconds", 10**5000, id="seconds-huge"),
        ("seconds", "3"),
        ("boolean", 1),
        ("boolean", "true"),
        ("choice", "RED"),
        ("choice", ""),
        ("choice", ["red"]),
        ("word", ""),
        ("word", "a b"),
        ("word", "a.b"),
        ("word", "ü"),
        ("word", "x" * 65),
        ("text", ""),
        ("text", "a\n"),
        ("network", "198.51.100.1/24"),
        ("network", "198.51.100.0/33"),
        ("network", "core.example.net"),
        ("network", 7),
        ("ip", "localhost"),
        ("ip", "1.2.3"),
        ("ip", "1.2.3.4:5"),
        ("ip", "fe80::1%eth0"),
        ("ip", "0.0.0.0"),
        ("ip", "::"),
        ("ip", "224.0.0.1"),
        ("ip", "ff02::1"),
        ("ip", "255.255.255.255"),
        ("ip", "::ffff:192.0.2.1"),
        ("ip", 16909060),
        ("any ip", ""),
        ("ip_port", "192.0.2.1"),
        ("ip_port", "192.0.2.1:0"),
        ("ip_port", "192.0.2.1:65536"),
        ("ip_port", "192.0.2.1:-1"),
        ("ip_port", "example.net:5060"),
        ("ip_port", "2001:db8::1"),
        ("ip_port", ["192.0.2.1", 5060]),
        ("ip_maybe_port", "192.0.2.1:0"),
        ("ip_maybe_port", "example.net"),
        ("port", 0),
        ("port", 65536),
        ("port_range", "7000"),
        ("port_range", "7999-7000"),
        ("port_range", "1023-1030"),
        ("port_range", "7000-65536"),
        ("port_range", "7000 - 7999"),
        ("port_range", "+7000-7999"),
        ("port_range", "\u0667\u0660\u0660\u0660-7999"),
        pytest.param("port_range", "7000-" + "9" * 10_000, id="range-huge"),
        ("port_range", 7000),
        ("pair_range", "20001-20010"),
        ("pair_range", "20000-20000"),
        ("pair_range", "20000-20010"),
        ("host_name", "a..b"),
        ("host_name", "-a.b"),
        ("host_name", "a b"),
        ("host_name", "x" * 64),
        ("host_name", ".".join("x" * 60 for _ in range(5))),
        ("host_name", "1.2.3"),
        ("host_name", ""),
        ("many", []),
        ("many", "192.0.2.1:1"),
        ("many", ["192.0.2.1:1", 5]),
        ("many", ["192.0.2.1:1", "192.0.2.1:1"]),
        ("many", ["192.0.2.1:1"] * 65),
        ("table", []),
        ("tables", []),
        ("tables", [{}, 1]),
        ("tables", {}),
    ],
)
def test_refuses(kind: str, value: object) -> None:
    with pytest.raises(Unfit):
        ALL[kind].read(value)


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("pair_range", "20001-20010", "odd port 20001"),
        ("pair_range", "20000-20010", "even port 20010"),
        ("pair_range", "20000-20000", "no pair"),
        ("port_range", "7999-7000", "backwards"),
        ("ip", "example.net", "names are not looked up"),
        ("ip", "0.0.0.0", "any address"),
        ("many", ["192.0.2.1:1", "x"], "number 1"),
        ("many", ["192.0.2.1:1", "192.0.2.1:1"], "twice"),
    ],
)
def test_says_what_is_wrong_where_the_allowed_does_not(kind: str, value: object, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        ALL[kind].read(value)


SCALARS = st.booleans() | st.integers() | st.floats() | st.text() | st.just(date(2026, 1, 1))
NEARLY: Callable[[str], Any] = st.from_regex  # text that looks like an address, a range, a name
TEXTS = NEARLY(r"[\[\]0-9a-fx:.%\-]{0,20}") | NEARLY(r"[0-9]{1,6}-[0-9]{1,6}") | NEARLY(r"[a-zA-Z0-9_.\-]{0,20}")


@pytest.mark.parametrize("name", ALL)
@given(value=SCALARS | TEXTS | st.lists(SCALARS | TEXTS) | st.dictionaries(st.text(), SCALARS))
def test_never_raises_anything_else(name: str, value: object) -> None:
    try:
        ALL[name].read(value)
    except Unfit as unfit:
        assert isinstance(unfit.problem, str)


@pytest.mark.parametrize("name", ALL)
def test_says_what_it_allows(name: str) -> None:
    assert ALL[name].allowed


@pytest.mark.parametrize(
    "folder", ["", "/", "//", "bpf/sbc", "/sys/fs/bpf", "/sys/fs/bpf/", "/a.b", "/a/../b", "/a\n", "/" + "x" * 200, 5]
)
def test_no_folder_for_pins(folder: Any) -> None:
    with pytest.raises(Unfit):
        ALL["pins"].read(folder)


@pytest.mark.parametrize("name", ["", "x" * 16, "a/b", "a b", ".", "..", "a:1", "a\n", 5, "\u00e4" * 8])
def test_no_name_of_a_device(name: Any) -> None:
    with pytest.raises(Unfit):
        ALL["device"].read(name)
