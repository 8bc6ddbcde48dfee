"""The structured headers: values in lists, folded, quoted and commented, each where it stands."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.sip.codec import SipMessage, decode
from sbc.sip.headers import MAX_VALUES, NameAddr, Via, name_addrs, split_values, vias


def message(*headers: bytes) -> SipMessage:
    """A request with these headers besides the mandatory ones."""
    return decode(
        b"\r\n".join(
            (
                b"OPTIONS sip:bob@example.com SIP/2.0",
                b"From: <sip:alice@example.com>;tag=1",
                b"To: sip:bob@example.com",
                b"Call-ID: x",
                b"CSeq: 7 OPTIONS",
                b"Via: SIP/2.0/UDP first.example:5070;branch=z9hG4bKa",
                *headers,
                b"",
                b"",
            )
        )
    )


def contacts(value: bytes) -> list[NameAddr]:
    found = message(b"Contact:" + value)
    (header,) = found.all("contact")
    return name_addrs(found, header)


def all_vias(*values: bytes) -> list[Via]:
    """Vias of a message, without the first, which every message here has."""
    return vias(message(*(b"Via:" + value for value in values)))[1:]


@pytest.mark.parametrize(
    ("value", "display", "uri", "params"),
    [
        (b" <sip:a@b>", b"", b"sip:a@b", {}),
        (b" sip:a@b", b"", b"sip:a@b", {}),
        (b" sip:a@b;tag=1", b"", b"sip:a@b", {"tag": "1"}),
        (b" <sip:a@b;lr>;q=0.7", b"", b"sip:a@b;lr", {"q": "0.7"}),
        (b'"A, \\"B\\" <x>" <sip:a@b> ;Expires= 5', b'"A, \\"B\\" <x>"', b"sip:a@b", {"expires": "5"}),
        (b" A. Bell <sip:a@b>", b"A. Bell", b"sip:a@b", {}),
        (b" token1~` token2'+_ token3*%!.-\r\n\t<sip:a@b>", b"token1~` token2'+_ token3*%!.-", b"sip:a@b", {}),
        (b' \\"arik\\" <sip:a@b>', b'\\"arik\\"', b"sip:a@b", {}),  # as seen in the corpora
        (b" Bell (home, really) <sip:a@b>", b"Bell (home, really)", b"sip:a@b", {}),
        (b" sip:a@b (Alice; and\\) Bob)", b"", b"sip:a@b", {}),
        (b" sip:oo(ps@b", b"", b"sip:oo(ps@b", {}),
        (b"\r\n <sip:a@b>\r\n ;\r\n x = \r\n y\r\n", b"", b"sip:a@b", {"x": "y"}),
        (b" <tel:+12015550123>;x", b"", b"tel:+12015550123", {"x": None}),
        (b' <sip:a@b>;+sip.instance="<urn:uuid:0,0>"', b"", b"sip:a@b", {"+sip.instance": "<urn:uuid:0,0>"}),
        (b" <sip:a@b>;;;;", b"", b"sip:a@b", {}),
        (b" \xc3\xa4\xff <sip:a@b>", b"\xc3\xa4\xff", b"sip:a@b", {}),
    ],
)
def test_one_value(value: bytes, display: bytes, uri: bytes, params: dict[str, str | None]) -> None:
    (found,) = contacts(value)
    assert found.display == display
    assert found.data[found.uri_start : found.uri_end] == uri
    assert found.uri.start == found.uri_start
    assert found.params == params
    assert found.data[found.start : found.end] == value.strip().removesuffix(b" (Alice; and\\) Bob)")
    assert not found.star


def test_several_values_each_in_its_place() -> None:
    text = b' "x,y" <sip:a@b;c,d>;q=1 ,\r\n sip:e@f;g="h,i" (j,k), <sip:l>'
    found = contacts(text)
    assert [each.data[each.start : each.end] for each in found] == [
        b'"x,y" <sip:a@b;c,d>;q=1',
        b'sip:e@f;g="h,i"',
        b"<sip:l>",
    ]
    assert [each.uri.host for each in found] == ["b", "f", "l"]
    assert found[0].bracketed
    assert not found[1].bracketed


def test_read_once() -> None:
    found = message(b"Contact: <sip:a@b>")
    header = found.first("contact")
    assert header is not None
    assert name_addrs(found, header) is name_addrs(found, header)
    assert vias(found)[0] is vias(found)[0]


def test_star() -> None:
    (found,) = contacts(b" *")
    assert found.star
    with pytest.raises(BadMessage):
        found.uri  # noqa: B018  # the property raises
    assert not contacts(b' "*" <sip:a@b>')[0].star


def test_parameters_of_the_header_are_not_those_of_the_uri() -> None:
    bare, bracketed = contacts(b" sip:a@b;x=1"), contacts(b" <sip:a@b;x=1>;y=2")
    assert (bare[0].params, bare[0].uri.params) == ({"x": "1"}, {})
    assert (bracketed[0].params, bracketed[0].uri.params) == ({"y": "2"}, {"x": "1"})


def test_where_parameters_stand() -> None:
    (found,) = contacts(b' <sip:a@b> ; expires = 60;q="x" ')
    span, whole = found.param_span("expires"), found.param_whole("expires")
    assert span is not None
    assert whole is not None
    assert found.data[slice(*span)] == b"60"
    assert found.data[slice(*whole)] == b" ; expires = 60"
    assert found.data[found.params_start : found.end] == b' ; expires = 60;q="x"'
    assert found.param_span("tag") is None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b",",
        b" <sip:a@b>,",
        b" ,<sip:a@b>",
        b" <sip:a@b>,,<sip:c@d>",
        b" <sip:a@b",
        b" sip:a@b>",
        b' "a <sip:a@b>',  # RFC 4475 quotbal
        b' a" <sip:a@b>',
        b' "a\\" <sip:a@b>',
        b" sip:a@b?Route=%3Csip:c%3E",  # RFC 4475 regbadct
        b" <sip:a@b> x",
        b" <sip:a@b>x=y",
        b" <sip:a@b>;x=y z",
        b' <sip:a@b>;x="y',
        b" sip:a@b (open",
        b" <<sip:a@b>>",
        b" sip:a@b <sip:c@d> <sip:e@f>",
    ],
)
def test_malformed_lists(value: bytes) -> None:
    with pytest.raises(BadMessage, match="Malformed Contact"):
        contacts(value)


@pytest.mark.parametrize("value", [b" <>", b" < sip:a@b>", b" <sip:a@b >", b" bob", b" <sip:a\r\n b@c>", b" a <b> "])
def test_malformed_uris_are_found_when_asked_for(value: bytes) -> None:
    (found,) = contacts(value)
    with pytest.raises(BadMessage):
        found.uri  # noqa: B018  # the property raises


def test_as_many_values_as_are_allowed() -> None:
    assert len(contacts(b",".join([b"<sip:a@b>"] * MAX_VALUES))) == MAX_VALUES
    with pytest.raises(BadMessage, match="Too many Contact values"):
        contacts(b",".join([b"<sip:a@b>"] * (MAX_VALUES + 1)))
    assert len(all_vias(*[b"SIP/2.0/UDP h"] * (MAX_VALUES - 1))) == MAX_VALUES - 1
    with pytest.raises(BadMessage, match="Too many Via values"):
        all_vias(*[b"SIP/2.0/UDP h"] * MAX_VALUES)


def test_vias_over_lines_lists_folds_and_spellings() -> None:
    """What RFC 4475's wsinv and transports do."""
    found = vias(
        message(
            b"Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw",
            b"v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
            b" SIP  /    2.0   / UDP  192.168.255.111 : 5066  ; branch=\r\n z9hG4bK30239",
            b"VIA: SIP/2.0/TLS [2001:DB8::1]:5071;rport;received=[2001:db8::2]",
            b"V: SIP/2.0/unknown T4.example.com",
        )
    )
    assert [(via.transport, via.host, via.port, via.branch.decode()) for via in found] == [
        ("UDP", "first.example", 5070, "z9hG4bKa"),
        ("UDP", "192.0.2.2", 0, "390skdjuw"),
        ("TCP", "spindle.example.com", 0, "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", 5066, "z9hG4bK30239"),
        ("TLS", "2001:db8::1", 5071, ""),
        ("UNKNOWN", "t4.example.com", 0, ""),
    ]
    assert [via.address.port for via in found] == [5070, 5060, 5060, 5066, 5071, 5060]
    assert found[4].params == {"rport": None, "received": "[2001:db8::2]"}


def test_default_ports_of_via() -> None:
    assert all_vias(b" SIP/2.0/TLS h")[0].address == Address("h", 5061)
    assert all_vias(b" SIP/2.0/WS h")[0].address == Address("h", 5060)


def test_where_a_via_stands() -> None:
    text = b"  SIP/2.0/UDP h.example : 5071 ;rport ;branch=z9 , SIP/2.0/UDP i (why, not)"
    first, second = all_vias(text)
    data = first.data
    assert data[first.start : first.end] == b"SIP/2.0/UDP h.example : 5071 ;rport ;branch=z9"
    assert data[second.start : second.end] == b"SIP/2.0/UDP i"
    assert data[first.host_start : first.host_end] == b"h.example"
    assert data[first.port_start : first.port_end] == b"5071"
    assert (second.port_start, second.port_end) == (-1, -1)
    whole, span = first.param_whole("rport"), first.param_span("branch")
    assert whole is not None
    assert span is not None
    assert data[slice(*whole)] == b" ;rport"
    assert data[slice(*span)] == b"z9"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b" SIP/2.0/UDP 192.0.2.15;;,;,,", "Malformed Via"),  # RFC 4475 badinv01
        (b"", "Malformed Via"),
        (b" SIP/2.0/UDP", "Malformed Via"),
        (b" SIP/2.0 h", "Malformed Via"),
        (b" SIP/2.0/UDP h i", "Malformed Via"),
        (b" SIP/2.0/UDP h:", "Malformed Via"),
        (b" SIP/2.0/UDP h:x", "Malformed Via"),
        (b" SIP/2.0/UDP 2001:db8::1", "Malformed Via"),
        (b" SIP/2.0/UDP [1:2]", "Malformed IPv6 address in Via"),
        (b" SIP/2.0/UDP h:65536", "Port out of range in Via"),
        (b" SIP/2.0/UDP h;branch=z9 x", "Malformed Via"),
    ],
)
def test_malformed_via(value: bytes, why: str) -> None:
    with pytest.raises(BadMessage) as raised:
        all_vias(value)
    assert raised.value.reason == why


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (b"", []),
        (b" \r\n ", []),
        (b"a", [b"a"]),
        (b" a , b\t,\r\n c ", [b"a", b"b", b"c"]),
        (b'"a,b";c=",",<d,e>,f', [b'"a,b";c=","', b"<d,e>", b"f"]),
        (b'"\\",\\\\",x', [b'"\\",\\\\"', b"x"]),
    ],
)
def test_split_values(text: bytes, values: list[bytes]) -> None:
    data = b"," + text + b","
    assert [data[start:end] for start, end in split_values(data, 1, 1 + len(text))] == values


@pytest.mark.parametrize("text", [b",", b"a,", b",a", b"a,,b", b'"a', b"<a", b'a,"b,c', b"a,<b"])
def test_malformed_split(text: bytes) -> None:
    with pytest.raises(BadMessage):
        split_values(text, 0, len(text))


def test_too_many_to_split() -> None:
    assert len(split_values(b",".join([b"a"] * MAX_VALUES), 0, 2 * MAX_VALUES - 1)) == MAX_VALUES
    with pytest.raises(BadMessage, match="Too many values"):
        split_values(b",".join([b"a"] * (MAX_VALUES + 1)), 0, 2 * MAX_VALUES + 1)
