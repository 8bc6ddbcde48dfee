"""Parameters of headers and URIs: what they say, and where they stand."""

from __future__ import annotations

import pytest

from sbc.core.message import BadMessage
from sbc.sip.params import MAX_PARAMS, Parameters, to_bytes, unescape, unquote


def params(text: bytes, *, uri: bool = False) -> Parameters:
    data = b"before" + text + b"after"
    return Parameters(data, 6, 6 + len(text), uri=uri)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (b"", {}),
        (b";lr", {"lr": None}),
        (b";Tag=aB", {"tag": "aB"}),
        (b" ; \r\n tag \t=\r\n  x ;q= 0.5", {"tag": "x", "q": "0.5"}),
        (b';a="b;c,d=\\"e\\\\"', {"a": 'b;c,d="e\\'}),
        (b';a=""', {"a": ""}),
        (b";a=", {"a": ""}),
        (b";;;a;;", {"a": None}),
        (b";a=1;A=2", {"a": "1"}),
        (b";received=[2001:db8::1]", {"received": "[2001:db8::1]"}),
        (b";x=a==", {"x": "a=="}),
        (b";x=%41", {"x": "%41"}),
        (b";x=\xc3\xa4\xff", {"x": "\xe4\udcff"}),
    ],
)
def test_of_headers(text: bytes, values: dict[str, str | None]) -> None:
    assert params(text).values == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (b";lr;transport=TCP", {"lr": None, "transport": "TCP"}),
        (b";%6C%72;n%61me=v%61lue%25%34%31", {"lr": None, "name": "value%41"}),  # RFC 4475 section 3.1.1.4
        (b";ttl=", {"ttl": ""}),
        (b";a=1;a=2", {"a": "1"}),
        (b";maddr=[::1]", {"maddr": "[::1]"}),
    ],
)
def test_of_uris(text: bytes, values: dict[str, str | None]) -> None:
    assert params(text, uri=True).values == values


def test_where_they_stand() -> None:
    text = b' ;lr ; tag = "x y" ;z='
    data = b"before" + text
    found = Parameters(data, 6, len(data))

    def at(span: tuple[int, int] | None) -> bytes | None:
        return None if span is None else data[slice(*span)]

    assert at(found.span("tag")) == b'"x y"'
    assert at(found.whole("tag")) == b' ; tag = "x y"'
    assert at(found.span("lr")) is None
    assert at(found.whole("lr")) == b" ;lr"
    assert at(found.span("z")) == b""
    assert at(found.span("absent")) is at(found.whole("absent")) is None


def test_as_many_as_are_allowed() -> None:
    assert len(params(b"".join(b";p%d" % i for i in range(MAX_PARAMS))).values) == MAX_PARAMS
    assert len(params(b';a="%b"' % (b";" * 1000)).values) == 1


@pytest.mark.parametrize("uri", [False, True])
def test_more_are_refused(uri: bool) -> None:
    with pytest.raises(BadMessage, match="Too many parameters"):
        params(b";" * (MAX_PARAMS + 1), uri=uri)


@pytest.mark.parametrize(
    ("text", "plain"), [(b"a", b"a"), (b"%41%00%fF", b"A\x00\xff"), (b"%4", b"%4"), (b"%%41", b"%A"), (b"%zz", b"%zz")]
)
def test_unescape(text: bytes, plain: bytes) -> None:
    assert unescape(text) == plain


@pytest.mark.parametrize(
    ("text", "plain"), [(b'"a\\"b"', b'a"b'), (b'""', b""), (b'"', b'"'), (b"a", b"a"), (b'a"b"', b'a"b"'), (b"", b"")]
)
def test_unquote(text: bytes, plain: bytes) -> None:
    assert unquote(text) == plain


def test_octets_survive() -> None:
    value = params(b";a=\xff\xc3\xa4").values["a"]
    assert value is not None
    assert to_bytes(value) == b"\xff\xc3\xa4"
