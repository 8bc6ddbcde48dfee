"""URIs: their parts and where they are, and which are no URIs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.sip.uri import Uri, parse_uri, unescape


def parse(text: bytes) -> Uri:
    data = b"<" + text + b">"
    return parse_uri(data, 1, len(data) - 1)


def part(uri: Uri, name: str) -> bytes | None:
    start = getattr(uri, f"{name}_start")
    return None if start < 0 else uri.data[start : getattr(uri, f"{name}_end")]


@pytest.mark.parametrize(
    ("text", "user", "host", "port", "address"),
    [
        (b"sip:bob@biloxi.com", b"bob", b"biloxi.com", None, Address("biloxi.com", 5060)),
        (b"SIP:bob:secret@BILOXI.com:5062", b"bob", b"BILOXI.com", b"5062", Address("biloxi.com", 5062)),
        (b"sips:1212@192.0.2.4", b"1212", b"192.0.2.4", None, Address("192.0.2.4", 5061)),
        (b"sip:[2001:DB8:0::1]", None, b"[2001:DB8:0::1]", None, Address("2001:db8::1", 5060)),
        (b"sip:a@[2001:db8::1]:7;lr?x=y", b"a", b"[2001:db8::1]", b"7", Address("2001:db8::1", 7)),
        (b"sip:@host", b"", b"host", None, Address("host", 5060)),
        (b"sip:under_score.example.", None, b"under_score.example.", None, Address("under_score.example.", 5060)),
        # RFC 4475: esc01, semiuri, intmeth
        (b"sip:sips%3Auser%40example.com@a.net", b"sips%3Auser%40example.com", b"a.net", None, Address("a.net", 5060)),
        (b"sip:user;par=u%40example.net@a.com", b"user;par=u%40example.net", b"a.com", None, Address("a.com", 5060)),
        (
            b"sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
            b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*", b"example.com", None, Address("example.com", 5060),
        ),
    ],
)  # fmt: skip
def test_parts(text: bytes, user: bytes | None, host: bytes, port: bytes | None, address: Address) -> None:
    uri = parse(text)
    assert uri.is_sip
    assert (part(uri, "user"), part(uri, "host"), part(uri, "port")) == (user, host, port)
    assert uri.address == address
    assert uri.data[uri.start : uri.end] == text
    assert (uri.userinfo_end >= 0) == (user is not None)
    if user is not None:
        assert uri.data[uri.userinfo_end : uri.userinfo_end + 1] == b"@"
        assert uri.user == unescape(user)


def test_absent_parts() -> None:
    uri = parse(b"sip:host")
    assert (uri.user_start, uri.user_end, uri.port_start, uri.port_end, uri.headers_start) == (-1,) * 5
    assert uri.port == 0
    assert uri.user == b""
    assert uri.params == {}
    assert uri.params_start == uri.params_end == uri.host_end


def test_parameters_and_headers() -> None:
    text = b"sip:a@h:5070;transport=TCP;LR;m%61ddr=1.2.3.4?Replaces=x%40y&b=c"
    uri = parse(text)
    assert uri.scheme == "sip"
    assert uri.params == {"transport": "TCP", "lr": None, "maddr": "1.2.3.4"}
    assert uri.data[uri.headers_start : uri.end] == b"Replaces=x%40y&b=c"
    span, whole = uri.param_span("maddr"), uri.param_whole("maddr")
    assert span is not None
    assert whole is not None
    assert uri.data[slice(*span)] == b"1.2.3.4"
    assert uri.data[slice(*whole)] == b";m%61ddr=1.2.3.4"
    assert uri.param_span("lr") is None
    assert uri.data[uri.params_start : uri.params_end] == b";transport=TCP;LR;m%61ddr=1.2.3.4"


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        (b"tel:+1-201-555-0123;phone-context=example.com", "tel"),
        (b"nobodyKnowsThisScheme:totallyopaquecontent", "nobodyknowsthisscheme"),  # RFC 4475 unkscm
        (b"urn:service:sos", "urn"),
        (b"sipx:a@b", "sipx"),
        (b"http://example.com/?a=b", "http"),
    ],
)
def test_other_schemes(text: bytes, scheme: str) -> None:
    uri = parse(text)
    assert (uri.scheme, uri.host, uri.user_start) == (scheme, "", -1)
    assert not uri.is_sip


def test_parameters_of_tel() -> None:
    assert parse(b"tel:7042;phone-context=example.com;isub").params == {"phone-context": "example.com", "isub": None}
    assert parse(b"tel:7042").params == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "Malformed URI"),
        (b"bob", "Malformed URI"),
        (b"1a:x", "Malformed URI"),
        (b"tel:", "Malformed URI"),
        (b"mailto:a b", "Malformed URI"),
        (b"sip:", "Malformed SIP URI"),
        (b"sip:bob@", "Malformed SIP URI"),
        (b"sip:a@b@c", "Malformed SIP URI"),
        (b"sip:host:", "Malformed SIP URI"),
        (b"sip:alice;x=1@192.168.1.10_[", "Malformed SIP URI"),  # a user is no host, whatever comes after it
        (b"sip:alice;day=1@10.0.0.5:99999999", "Malformed SIP URI"),
        (b"sip:alice?x@10.0.0.5[", "Malformed SIP URI"),
        (b"sip:host:x", "Malformed SIP URI"),
        (b"sip:host:5060x", "Malformed SIP URI"),
        (b"sip:host:123456", "Malformed SIP URI"),
        (b"sip:bob@ho st", "Malformed SIP URI"),
        (b"sip:user@example.com; lr", "Malformed SIP URI"),  # RFC 4475 lwsruri
        (b"sip:bo\r\n b@host", "Malformed SIP URI"),
        (b"sip:-host", "Malformed SIP URI"),
        (b"sip:2001:db8::1", "Malformed SIP URI"),
        (b"sip:[2001:db8::1", "Malformed SIP URI"),
        (b"sip:h\xc3\xb6st", "Malformed SIP URI"),
        (b"sip:a%40b", "Malformed SIP URI"),
        (b"sip:[1:2]", "Malformed IPv6 address in URI"),
        (b"sip:[1.2.3.4.5]", "Malformed IPv6 address in URI"),
        (b"sip:host:65536", "Port out of range in URI"),
    ],
)
def test_malformed(text: bytes, why: str) -> None:
    with pytest.raises(BadMessage) as raised:
        parse(text)
    assert raised.value.reason == why


def test_only_its_span_counts() -> None:
    data = b"sip:a@host.example:5060;x"
    assert parse_uri(data, 0, 10).host == "host"
    assert parse_uri(data, 0, 10).params == {}


def test_parameters_without_end_are_refused() -> None:
    uri = parse(b"sip:host" + b";a" * 65)
    with pytest.raises(BadMessage, match="Too many parameters"):
        uri.params  # noqa: B018  # the property raises


@given(st.binary(max_size=40))
def test_what_is_escaped_comes_back(user: bytes) -> None:
    escaped = b"".join(b"%%%02X" % octet for octet in user)
    assert unescape(escaped) == user
    assert parse(b"sip:" + escaped + b"@host").user == user
