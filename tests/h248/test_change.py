"""The Services descriptor: what it says of a gateway, and where each parameter stands."""

from __future__ import annotations

import pytest

from sbc.h248.message import BadH248, Services
from sbc.h248.text import decode


def services(inside: bytes) -> Services:
    found = decode(b"!/2 gw T=1{C=-{SC=root{SV{" + inside + b"}}}}").commands[0].services
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("written", "method"),
    [
        (b"RS", "restart"),
        (b"forced", "forced"),
        (b"GR", "graceful"),
        (b"Disconnected", "disconnected"),
        (b"ho", "handoff"),
        (b"FL", "failover"),
        (b"X-mine", "x-mine"),
    ],
)
def test_methods(written: bytes, method: str) -> None:
    assert services(b"MT=" + written).method == method


def test_values_stay_as_they_are_written() -> None:
    found = services(b"Method = X-Mine , RE=901, PF=ResGW/1, DL=0, V=3")
    assert (found.method, found.code, found.profile) == ("x-mine", 901, b"ResGW/1")
    assert (found.delay, found.version) == (0, 3)
    assert services(b'RE=" 905 gone "').code == 905


def test_a_point_code_says_where() -> None:
    found = services(b"MT=HO,MG=MTP { 00AB }, V=1")
    assert found.mgc is not None
    assert (found.mgc.name, found.mgc.text, found.version) == (b"00ab", b"MTP { 00AB }", 1)


def test_each_parameter_knows_where_it_stands() -> None:
    inside = b"V=1, AD = 2944 ,MG=mgc,20260101T12000000"
    found = services(inside)
    assert found.address is not None and found.mgc is not None
    data = b"!/2 gw T=1{C=-{SC=root{SV{" + inside + b"}}}}"
    assert [data[slice(*span)] for span in found.address.at.items] == [
        b"V=1",
        b"AD = 2944",
        b"MG=mgc",
        b"20260101T12000000",
    ]
    assert (found.address.at.nth, found.mgc.at.nth, found.version_at.nth) == (1, 2, 0)
    assert data[found.address.at.start : found.address.at.end] == b"2944"


@pytest.mark.parametrize(
    "inside",
    [
        b"V=x",
        b"V=" + b"1" * 11,
        b"DL=1.5",
        b"AD=65536",
        b"AD=",
        b"MG=[::g]",
        b"RE",
        b"MT,V=1",
        b"AD=1,AD=2",
        b"MG=a,MG=a",
    ],
)
def test_what_makes_no_sense_is_refused(inside: bytes) -> None:
    with pytest.raises(BadH248) as raised:
        services(inside)
    assert raised.value.code == 442


def test_what_is_unknown_says_nothing() -> None:
    assert services(b"X-mine=1, Other{a{b}}, SIC, V=1,").incomplete
