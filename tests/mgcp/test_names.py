"""Names of endpoints and call agents."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.patterns import Patterns
from sbc.mgcp.names import MOST_RANGED, domain, endpoint, entity, member, members_of


@pytest.mark.parametrize(
    ("name", "local", "host", "is_address"),
    [
        (b"AALN/1@RGW.whatever.net", b"aaln/1", "rgw.whatever.net", False),
        (b"*@[192.168.1.10]", b"*", "192.168.1.10", True),
        (b"ds/ds1-1/$@192.0.2.7", b"ds/ds1-1/$", "192.0.2.7", True),
        (b"aaln/1@[2001:DB8::1]", b"aaln/1", "2001:db8::1", True),
        (b"a@b@mgw", b"a@b", "mgw", False),
        (b"aaln/1@#123", b"aaln/1", "#123", False),
        (b"aaln/1", b"aaln/1", "", False),
        (b"*@[192.168.001.010]", b"*", "192.168.1.10", True),
        (b"*@192.168.1.10.", b"*", "192.168.1.10", True),
        (b"*@gw.example.", b"*", "gw.example", False),
    ],
)
def test_endpoints(name: bytes, local: bytes, host: str, is_address: bool) -> None:
    data = b"AUEP 1 " + name + b" MGCP 1.0"
    found = endpoint(data, 7, 7 + len(name))
    assert (found.local, found.host, found.is_address) == (local, host, is_address)
    assert name.endswith(data[found.start : found.end])
    assert not is_address or found.address == Address(host, 2427)


@pytest.mark.parametrize(
    ("said", "local", "host", "port", "span"),
    [
        (b"ca@ca1.whatever.net:5678", b"ca", "ca1.whatever.net", 5678, b"ca1.whatever.net:5678"),
        (b"CA@[128.96.41.12]", b"ca", "128.96.41.12", 0, b"[128.96.41.12]"),
        (b"[2001:db8::2]:2727", b"", "2001:db8::2", 2727, b"[2001:db8::2]:2727"),
        (b"128.96.41.12:2727", b"", "128.96.41.12", 2727, b"128.96.41.12:2727"),
        (b"ca@[128.096.041.012]", b"ca", "128.96.41.12", 0, b"[128.096.041.012]"),
    ],
)
def test_notified_entities(said: bytes, local: bytes, host: str, port: int, span: bytes) -> None:
    found = entity(said, 0, len(said))
    assert found is not None and (found.local, found.host, found.port) == (local, host, port)
    assert said[found.start : found.end] == span


@pytest.mark.parametrize("said", [b"", b"ca@", b"ca@x:99999", b"a b", b"ca@x:y", b"[::1", b"a@b@c"])
def test_what_is_no_entity(said: bytes) -> None:
    assert entity(said, 0, len(said)) is None


def test_domains() -> None:
    assert domain("192.0.2.1") == b"[192.0.2.1]" and domain("2001:db8::1") == b"[2001:db8::1]"
    assert domain("rgw.example") == b"rgw.example"


def test_members() -> None:
    assert member(b"aaln/1", b"1f") == b"aaln/1 1F"
    assert members_of(b"aaln/1") == (b"aaln/1 *",)  # not those of aaln/11
    assert [members_of(each) for each in (b"*", b"aaln/$", b"ds/*/*")] == [(b"*",), (b"aaln/*",), (b"ds/*",)]


@pytest.mark.parametrize("local", [b"*/1", b"ds/*/1", b"$/1/*x"])
def test_what_stands_behind_a_wildcard_does_not_make_it_mean_all(local: bytes) -> None:
    (pattern,) = members_of(local)
    assert not any(Patterns((pattern,)).fits(member(local.replace(b"*", each), b"1F")) for each in (b"ds", b"1", b"*"))


@pytest.mark.parametrize(
    ("local", "members"),
    [
        (b"aaln/[1-3,7]", (b"aaln/1 *", b"aaln/2 *", b"aaln/3 *", b"aaln/7 *")),
        (b"ds/[1-2]/[08-10]", tuple(b"ds/%d/%02d *" % (one, two) for one in (1, 2) for two in (8, 9, 10))),
        (b"ds/ds1-[1,3]/*", (b"ds/ds1-1/*", b"ds/ds1-3/*")),
        (b"aaln/[4-1]", ()),
        (b"aaln/[x]", (b"aaln/[x] *",)),
    ],
)
def test_ranges_are_taken_apart(local: bytes, members: tuple[bytes, ...]) -> None:
    assert members_of(local) == members


def test_ranges_are_taken_apart_no_further_than_counts() -> None:
    assert len(members_of(b"a/[1-999999]/[1-999999]/[1-999999]/[1-999999]")) == MOST_RANGED


@pytest.mark.parametrize(
    ("domain", "address"),
    [(b"[192.168.1.10]:2428", "192.168.1.10"), (b"192.168.1.10:2428", "192.168.1.10"), (b"[fe80::1]:2428", "fe80::1")],
)
def test_a_port_behind_the_domain_is_no_part_of_the_address(domain: bytes, address: str) -> None:
    found = endpoint(b"*@" + domain, 0, 2 + len(domain))
    assert (found.address, found.start, found.end) == (Address(address, 2428), 2, 2 + len(domain))
    assert not found.holds_address


@pytest.mark.parametrize(
    "domain",
    [
        "#192.168.1.10",
        "gw-192.168.001.010.lan",
        "[fe80::1%eth0]",
        "gw:1:2",
        "gw:99999",
        "[192.168.1.10",
        "256.1.1.1",
    ],
)
def test_domains_that_say_an_address_and_are_none(domain: str) -> None:
    assert endpoint(f"*@{domain}".encode(), 0, 2 + len(domain)).holds_address
    assert not endpoint(b"*@gw-1.2.3.example:2427", 0, 23).holds_address
