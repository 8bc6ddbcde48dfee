"""However hostile the bytes, the readers of SIP and SDP take linear time: no expression goes back again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from sbc.sip.bodies import body_parts
from sbc.sip.headers import split_values
from sbc.sip.params import Parameters
from sbc.sip.uri import parse_uri
from tests.effort import effort
from tests.fuzz.test_text import check, check_sdp, quietly

LONG = 60_000  # octets
ENOUGH = 250  # yardsticks; what is quadratic takes many times that

# Forms repeated to that length, each of which makes a careless expression go back.
FORMS = [
    b'"', b"\\", b'\\"', b'"\\', b"(", b"\\)", b")(", b"<", b"<a>,", b"a ", b" ", b"\t", b"\r\n ", b"a\r\n ",
    b"a=b\n", b"\n\n", b"\r", b"\n", b"\r\n", b";", b"; ", b";=", b';="', b";a=", b" ;a = b", b";a=b\t", b",", b", ",
    b"a,", b'"a",', b"sip:", b"sip:a@", b"a@b;c?", b"@", b":", b"a:", b"[", b"[:", b"::", b"?", b"%", b"%4", b"a.",
    b"-", b"x-", b"- ", b"SIP/2.0/UDP h,", b"SIP / ", b"/ ", b"/", b"1", b"IN ", b"IN IP4 ", b"--b\r\n", b"--b",
    b"--", b"c:\r\n ", b"Content-Type:", b"msrp://", b"msrp://a@", b"msrp://[", b"raddr ", b"\xff", b"\0",
]  # fmt: skip
START = b"INVITE sip:a@b SIP/2.0\r\n"
MANDATORY = b"Via: SIP/2.0/UDP h\r\nFrom: <sip:a@b>\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
MEDIA = b"c=IN IP4 1.1.1.1\nm=audio 1 RTP/AVP 0\n"
SDP_LINES = (
    b"c=", b"c=IN IP4 ", b"o=", b"o=- 1 1 IN ", b"m=", b"m=audio 1 ", b"a=rtcp:1 ", b"a=path:",
    b"a=candidate:1 1 UDP 1 1.1.1.1 9 typ host ",
)  # fmt: skip


def contacts(value: bytes) -> bytes:
    """A message with that value, cut to what one header may hold, as many times as make it up."""
    lines = (b"Contact: " + value[at : at + 8000] + b"\r\n" for at in range(0, len(value), 8000))
    return START + MANDATORY + b"".join(lines) + b"\r\n"


def described(line: bytes) -> Callable[[bytes], object]:
    def read(data: bytes) -> None:
        whole = MEDIA + line + data
        check_sdp(whole, 0, len(whole))

    return read


READERS: dict[str, Callable[[bytes], object]] = {
    "message": check,
    "start line": lambda data: check(data + b" SIP/2.0\r\n\r\n"),
    "after the method": lambda data: check(b"INVITE " + data + b" SIP/2.0\r\n\r\n"),
    "after the status": lambda data: check(b"SIP/2.0 200 " + data + b"\r\n\r\n"),
    "header lines": lambda data: check(START + data + b"\r\n\r\n"),
    "contact": lambda data: check(contacts(data)),
    "contact in brackets": lambda data: check(contacts(b"<" + data)),
    "via": lambda data: check(START + MANDATORY.replace(b"UDP h", b"UDP h" + data[:8000]) + b"\r\n"),
    "cseq": lambda data: check(START + MANDATORY.replace(b"1 INVITE", data[:8000]) + b"\r\n"),
    "sip uri": lambda data: quietly(parse_uri, b"sip:" + data, 0, len(data) + 4),
    "uri": lambda data: quietly(parse_uri, data, 0, len(data)),
    "parameters": lambda data: quietly(Parameters, b";a" + data, 0, len(data) + 2),
    "list": lambda data: quietly(split_values, data, 0, len(data)),
    "parts": lambda data: quietly(body_parts, b"\n--b\r\n" + data, 1, len(data) + 6, b"multipart/mixed;boundary=b"),
    "content type": lambda data: quietly(body_parts, b"x", 0, 1, b"multipart/mixed" + data),
    **{f"sdp {line.decode()}": described(line) for line in (b"", *SDP_LINES)},
}


def slow(read: Callable[[bytes], object], forms: Iterable[bytes], octets: int, enough: float) -> dict[bytes, float]:
    """Of which forms that many octets take more yardsticks than that, and how many."""
    said = {form: (form * (octets // len(form) + 1))[:octets] for form in forms}
    took = {form: effort(read, lambda data=data: (data,), enough) for form, data in said.items()}
    return {form: each for form, each in took.items() if each > enough}


@pytest.mark.parametrize("reader", READERS)
def test_time_is_linear(reader: str) -> None:
    assert not slow(READERS[reader], FORMS, LONG, ENOUGH)
