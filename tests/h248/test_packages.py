"""Names of packages and of what is in them, by number and back."""

from __future__ import annotations

import pytest

from sbc.h248.packages import EVENTS, PACKAGES, SIGNALS, STATISTICS


@pytest.mark.parametrize(
    ("names", "octets", "name"),
    [
        (SIGNALS, "00990001", b"ipnapt/latch"),
        (SIGNALS, "00090002", b"al/ri"),
        (SIGNALS, "00070030", b"cg/dt"),
        (SIGNALS, "0005001d", b"dg/dd"),
        (EVENTS, "00450001", b"it/ito"),
        (EVENTS, "00090005", b"al/of"),
        (EVENTS, "00060019", b"dd/d9"),
        (EVENTS, "00060021", b"dd/do"),
        (STATISTICS, "000c0004", b"rtp/ps"),
        (STATISTICS, "000b0002", b"nt/os"),
        (EVENTS, "00a10001", b"0x00a1/0x0001"),  # nobody's
        (EVENTS, "00990001", b"0x0099/0x0001"),  # a signal's number, and there is no such event
        (EVENTS, "0009ffff", b"al/*"),
        (EVENTS, "00a1ffff", b"0x00a1/*"),
        (EVENTS, "ffffffff", b"*/*"),
    ],
)
def test_there_and_back(names, octets: str, name: bytes) -> None:
    assert names.name(bytes.fromhex(octets)) == name
    assert names.octets(name) == bytes.fromhex(octets)


@pytest.mark.parametrize("name", [b"", b"al", b"xx/yy", b"0x/0x1", b"0x12345/0x1", b"0xzz/0x1", b"al/zz"])
def test_names_of_nothing(name: bytes) -> None:
    assert EVENTS.octets(name) is None


def test_a_half_known_name_has_its_number() -> None:
    assert STATISTICS.octets(b"rtp/0x0063") == bytes.fromhex("000c0063")
    assert STATISTICS.name(bytes.fromhex("000c0063")) == b"0x000c/0x0063"
    assert len(set(PACKAGES.values())) == len(PACKAGES)
