"""Names of endpoints and call agents."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.mgcp.names import domain, endpoint, entity, member, members_of


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
    assert members_of(b"aaln/1") == b"aaln/1 *"  # not those of aaln/11
    assert (members_of(b"*"), members_of(b"aaln/*"), members_of(b"ds/*/*")) == (b"*", b"aaln/*", b"ds/*")
