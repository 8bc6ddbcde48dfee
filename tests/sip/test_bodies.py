"""Bodies and the parts of multipart bodies, to the octet."""

from __future__ import annotations

import pytest

from sbc.core.message import BadMessage
from sbc.sip.bodies import MAX_DEPTH, MAX_PARTS, BodyPart, body_parts

SDP = b"v=0\r\n"


def parts(body: bytes, content_type: bytes = b"multipart/mixed;boundary=b") -> list[tuple[str, bytes]]:
    data = b"header\r\n\r\n" + body + b"after"
    found = body_parts(data, 10, 10 + len(body), content_type)
    return [(part.content_type, data[part.start : part.end]) for part in found]


def test_one_body_as_it_is() -> None:
    assert parts(SDP, b" Application/SDP ; charset=x") == [("application/sdp", SDP)]
    assert parts(SDP, b"application\r\n / sdp") == [("application/sdp", SDP)]
    assert parts(SDP, b"") == [("", SDP)]
    assert parts(b"", b"application/sdp") == []
    assert body_parts(SDP, 0, 5, b"a/b") == [BodyPart("a/b", 0, 5, 0)]


def test_parts_and_what_is_around_them() -> None:
    body = (
        b"preamble\r\n--b\r\nContent-Disposition: session\r\nContent-Type : application/SDP;x=y\r\n\r\nv=0\r\n\r\n"
        b"--b  \r\n\r\nplain\r\n--b\r\nc:\r\n image/png\r\n\r\n\x00\r\n\xff\r\n--b--\r\nepilogue\r\n--b\r\n"
    )
    assert parts(body) == [("application/sdp", SDP), ("text/plain", b"plain"), ("image/png", b"\x00\r\n\xff")]


def test_lines_may_end_in_lf_alone() -> None:
    assert parts(b"--b\nContent-Type: a/b\n\none\n--b\n\ntwo\n--b--") == [("a/b", b"one"), ("text/plain", b"two")]


def test_an_empty_part() -> None:
    assert parts(b"--b\r\n\r\n\r\n--b--") == [("text/plain", b"")]
    assert parts(b"--b\r\n\r\n--b--") == [("text/plain", b"")]


def test_a_boundary_is_a_whole_line() -> None:
    assert parts(b"--b\r\n\r\n--bb\r\nx--b\r\n --b\r\n--b--\r\n") == [("text/plain", b"--bb\r\nx--b\r\n --b")]


def test_boundaries_may_be_quoted_and_odd() -> None:
    assert parts(b"--(a.b)+ ?\r\n\r\nx\r\n--(a.b)+ ?--", b'multipart/mixed; boundary="(a.b)+ ?"') == [
        ("text/plain", b"x")
    ]


def nested(depth: int) -> bytes:
    if not depth:
        return b"Content-Type: application/sdp\r\n\r\nv=0"
    name = b"n%d" % depth
    return b'Content-Type: multipart/alternative;boundary="%b"\r\n\r\n--%b\r\n%b\r\n--%b--\r\n' % (
        name,
        name,
        nested(depth - 1),
        name,
    )


def test_as_deep_as_is_allowed() -> None:
    assert parts(b"--b\r\n" + nested(MAX_DEPTH - 1) + b"\r\n--b--") == [("application/sdp", b"v=0")]


@pytest.mark.parametrize(
    ("body", "content_type", "why"),
    [
        (b"x", b"application", "Malformed Content-Type"),
        (b"x", b"a/b c", "Malformed Content-Type"),
        (b"x", b"a/b, c/d", "Malformed Content-Type"),
        (b"x", b"multipart/mixed", "Multipart without a usable boundary"),
        (b"x", b"multipart/mixed;boundary=", "Multipart without a usable boundary"),
        (b"x", b"multipart/mixed;boundary=" + b"x" * 71, "Multipart without a usable boundary"),
        (b"x", b"multipart/mixed;boundary=b", "Multipart without its closing boundary"),
        (b"--b\r\n\r\nx", b"multipart/mixed;boundary=b", "Multipart without its closing boundary"),
        (b"--b\r\n\r\nx\r\n--b\r\n", b"multipart/mixed;boundary=b", "Multipart without its closing boundary"),
        (b"--b\r\nx\r\n--b--", b"multipart/mixed;boundary=b", "Body part without an end of its headers"),
        (b"--b\r\nC: x\r\n\r\nx\r\n--b--", b"multipart/mixed;boundary=b", "Malformed Content-Type"),
        (b"--b\r\n" + nested(MAX_DEPTH) + b"\r\n--b--", b"multipart/mixed;boundary=b", "Multipart nested too deep"),
        (b"--b\r\n\r\nx\r\n" * (MAX_PARTS + 1) + b"--b--", b"multipart/mixed;boundary=b", "Too many body parts"),
    ],
)
def test_malformed(body: bytes, content_type: bytes, why: str) -> None:
    with pytest.raises(BadMessage) as raised:
        parts(body, content_type)
    assert raised.value.reason == why


def test_as_many_as_are_allowed() -> None:
    assert len(parts(b"--b\r\n\r\nx\r\n" * MAX_PARTS + b"--b--")) == MAX_PARTS
