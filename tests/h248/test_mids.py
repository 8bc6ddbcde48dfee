"""Message identifiers as text."""

from __future__ import annotations

import pytest

from sbc.core.address import Address, canonical
from sbc.h248.message import Form, Mid
from sbc.h248.mids import mid_text, read_mid, read_place


@pytest.mark.parametrize(
    ("text", "form", "address", "name"),
    [
        (b"[192.0.2.1]:2944", Form.IP4, Address("192.0.2.1", 2944), b""),
        (b"[192.0.2.1]", Form.IP4, Address("192.0.2.1", 0), b""),
        (b"[192.000.002.001]:55555", Form.IP4, Address("192.0.2.1", 55555), b""),
        (b"[2001:DB8::1]:2944", Form.IP6, Address("2001:db8::1", 2944), b""),
        (b"[::ffff:192.0.2.1]", Form.IP6, Address(canonical("::ffff:192.0.2.1"), 0), b""),
        (b"<Gw.Example.NET>:2945", Form.DOMAIN, Address("gw.example.net", 2945), b""),
        (b"<gw.example.net>", Form.DOMAIN, Address("gw.example.net", 0), b""),
        (b"<192.168.1.10>:2944", Form.IP4, Address("192.168.1.10", 2944), b""),
        (b"<192.168.001.010>", Form.IP4, Address("192.168.1.10", 0), b""),
        (b"<192.168.1.10.>", Form.IP4, Address("192.168.1.10", 0), b""),
        (b"MG1", Form.DEVICE, None, b"mg1"),
        (b"gw/1@example.net", Form.DEVICE, None, b"gw/1@example.net"),
        (b"*aaln/*", Form.DEVICE, None, b"*aaln/*"),
        (b"MTP{00A1b2c3}", Form.MTP, None, b"00a1b2c3"),
        (b"mtp { 1234 }", Form.MTP, None, b"1234"),
    ],
)
def test_every_form_is_read(text: bytes, form: Form, address: Address | None, name: bytes) -> None:
    mid = read_mid(text)
    assert mid is not None
    assert mid.text == text
    assert mid == Mid(form, address, b"", name)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"[1.2.3]", b"[1.2.3.4.5]", b"[1.2.3.4", b"[1.2.3.4]:", b"[1.2.3.4]:65536", b"[1::2::3]", b"<>:1",
     b"<a b>", b"<-a>", b"MTP{12}", b"MTP{123456789}", b"a b", b"a{", b"[fe80::1%eth0]", b"a" * 600],
)  # fmt: skip
def test_what_is_none_is_none(text: bytes) -> None:
    assert read_mid(text) is None


def test_a_place_may_be_a_port_alone() -> None:
    assert read_place(b"55555") == Mid(Form.PORT, Address("", 55555), b"")
    assert read_place(b"65536") is None
    assert read_place(b"[192.0.2.1]:1") == read_mid(b"[192.0.2.1]:1")


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (Address("192.0.2.1", 2944), b"[192.0.2.1]:2944"),
        (Address("192.0.2.1", 0), b"[192.0.2.1]"),
        (Address("2001:db8::1", 2944), b"[2001:db8::1]:2944"),
        (Address("gw.example", 2944), b"<gw.example>:2944"),
    ],
)
def test_an_address_is_written_as_an_identifier(address: Address, text: bytes) -> None:
    assert mid_text(address) == text
    mid = read_mid(text)
    assert mid is not None and mid.address == address
