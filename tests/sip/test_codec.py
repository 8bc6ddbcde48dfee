"""SIP messages as spans: what is read, what is refused and why, and that nothing is lost."""

from __future__ import annotations

import pytest

from sbc.core.message import BadMessage
from sbc.sip.codec import MAX_HEADERS, MAX_LINE, MAX_MESSAGE, BadSip, SipMessage, decode
from sbc.sip.headers import name_addrs, vias
from sbc.sip.params import unfold
from sbc.sip.uri import parse_uri
from sbc.text.sdp import Sdp
from tests.corpora import ROOT, corpus

needs_corpora = pytest.mark.skipif(not ROOT.is_dir(), reason="needs the corpora in ../shared/corpora")

MANDATORY = (
    b"Via: SIP/2.0/UDP h;branch=z9hG4bKa",
    b"From: <sip:a@b>;tag=1",
    b"To: <sip:c@d>",
    b"Call-ID: x@y",
    b"CSeq: 7 INVITE",
)
REQUEST = b"INVITE sip:c@d SIP/2.0"
REPLY = b"SIP/2.0 200 OK"
NAME_ADDRS = frozenset({"from", "to", "contact", "route", "record-route", "refer-to", "p-asserted-identity"})


def text(*headers: bytes, start: bytes = REQUEST, body: bytes = b"", eol: bytes = b"\r\n") -> bytes:
    """A message with the mandatory headers and these."""
    return eol.join((start, *MANDATORY, *headers, b"", body))


def but(name: bytes, *instead: bytes) -> bytes:
    """A request without that mandatory header, and with these."""
    return b"\r\n".join((REQUEST, *(h for h in MANDATORY if not h.startswith(name)), *instead, b"", b""))


def read_all(message: SipMessage) -> None:
    """Ask a message for everything that is read on demand."""
    vias(message)
    if message.is_request:
        parse_uri(message.data, message.uri_start, message.uri_end)
    for header in message.headers:
        if header.name in NAME_ADDRS:
            for value in name_addrs(message, header):
                assert value.params is not None
                assert value.star or value.uri.params is not None
    for part in message.bodies():
        if part.content_type == "application/sdp":
            Sdp(message.data, part.start, part.end, message.edits)


# --- what is read


def test_request() -> None:
    data = text(b"Subject: hi", body=b"body")
    message = decode(data)
    assert message.is_request
    assert (message.method, message.status, message.reason) == ("INVITE", 0, b"")
    assert message.text(message.uri_start, message.uri_end) == b"sip:c@d"
    assert message.cseq == (7, "INVITE")
    assert message.text(message.body_start, message.body_end) == b"body"
    assert data[message.headers_start : message.headers_end] == b"".join(
        line + b"\r\n" for line in (*MANDATORY, b"Subject: hi")
    )
    assert message.cache == {}
    assert not message.edits
    assert message.data is data


def test_reply() -> None:
    message = decode(text(start=b"SIP/2.0 486 Busy Here"))
    assert not message.is_request
    assert (message.method, message.status, message.reason) == ("INVITE", 486, b"Busy Here")
    assert (message.uri_start, message.uri_end) == (-1, -1)


@pytest.mark.parametrize(
    ("start", "reason"),
    [(b"SIP/2.0 100 ", b""), (b"SIP/2.0 100", b""), (b"sip/2.0 200 = 2**3 \xd0\xbd", b"= 2**3 \xd0\xbd")],
)
def test_odd_reasons(start: bytes, reason: bytes) -> None:
    assert decode(text(start=start)).reason == reason


def test_headers_in_order_with_their_places() -> None:
    data = text(b"m :  <sip:a@b> \r\n\t;x ", b"Subject:", b"X-Odd: y")
    message = decode(data)
    assert [header.name for header in message.headers] == [
        "via", "from", "to", "call-id", "cseq", "contact", "subject", "x-odd",
    ]  # fmt: skip
    contact, subject, odd = message.headers[5:]
    assert data[contact.line_start : contact.line_end] == b"m :  <sip:a@b> \r\n\t;x \r\n"
    assert data[contact.start : contact.end] == b"<sip:a@b> \r\n\t;x"
    assert data[subject.line_start : subject.line_end] == b"Subject:\r\n"
    assert subject.start == subject.end == subject.line_end - 2
    assert data[odd.line_start : odd.line_end] == b"X-Odd: y\r\n"
    assert odd.line_end == message.headers_end
    for before, after in zip(message.headers, message.headers[1:], strict=False):
        assert before.line_end == after.line_start


def test_finding_headers() -> None:
    message = decode(text(b"Route: <sip:one>", b"s: compact", b"ROUTE: <sip:two>"))
    assert [message.text(h.start, h.end) for h in message.all("route")] == [b"<sip:one>", b"<sip:two>"]
    assert message.first("route") is message.all("route")[0] is message.headers[5]
    assert message.value("route") == b"<sip:one>"
    assert message.value("subject") == b"compact"
    assert message.all("warning") == []
    assert message.first("warning") is None
    assert message.value("warning") is None


def test_values_are_unfolded() -> None:
    assert decode(text(b"Subject:\r\n  a \t\r\n \tb\r\n c")).value("subject") == b"a b c"
    assert unfold(b"a\n b") == b"a b"


def test_the_line_ends_may_be_lf_alone() -> None:
    data = text(b"Subject: a\n b", body=b"v=0\r\n", eol=b"\n")
    message = decode(data)
    assert message.eol == b"\n"
    assert message.value("subject") == b"a b"
    assert message.text(message.body_start, message.body_end) == b"v=0\r\n"
    header = message.first("cseq")
    assert header is not None
    assert data[header.line_start : header.line_end] == b"CSeq: 7 INVITE\n"


def test_leading_line_ends_stay_and_do_not_count() -> None:
    data = b"\r\n\r\n" + text(b"l: 0")
    message = decode(data)
    assert message.method == "INVITE"
    assert message.edits.apply(data) is data
    assert message.text(message.uri_start, message.uri_end) == b"sip:c@d"


def test_content_length_ends_the_body() -> None:
    message = decode(text(b"Content-Length: 0003", body=b"bodyINVITE and more"))
    assert message.text(message.body_start, message.body_end) == b"bod"
    message = decode(text(b"l:0", body=b"more"))
    assert message.body_start == message.body_end
    assert message.bodies() == []


def test_bodies() -> None:
    message = decode(text(b"c: multipart/mixed;\r\n boundary=b", body=b"--b\r\nc: application/SDP\r\n\r\nv=0\r\n--b--"))
    (part,) = message.bodies()
    assert part.content_type == "application/sdp"
    assert message.text(part.start, part.end) == b"v=0"
    (part,) = decode(text(body=b"x")).bodies()
    assert part.content_type == ""


def test_edits_make_the_message_that_is_sent() -> None:
    message = decode(text(b"Content-Length: 4", body=b"body"))
    length, call = message.first("content-length"), message.first("call-id")
    assert length is not None
    assert call is not None
    message.edits.replace(message.body_start, message.body_start + 1, b"some")
    grown = message.body_end - message.body_start + message.edits.size_within(message.body_start, message.body_end)
    message.edits.replace(length.start, length.end, b"%d" % grown)
    message.edits.replace(call.start, call.end, b"other")
    again = decode(message.edits.apply(message.data))
    assert again.value("call-id") == b"other"
    assert again.text(again.body_start, again.body_end) == b"someody"
    assert [header.name for header in again.headers] == [header.name for header in message.headers]


# --- what is refused


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n", b"\x00", b"\n", b"\x00\x00\r\n"])
def test_keepalives(data: bytes) -> None:
    with pytest.raises(BadMessage, match="keepalive"):
        decode(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"hello", "Not SIP"),
        (b"hello\r\n\r\n", "Not SIP"),
        (b"GET / HTTP/1.1\r\n\r\n", "Not SIP"),
        (b" " + text(), "Not SIP"),
        (b"\x00" + text(), "Not SIP"),
        (text(start=b"INVITE sip:c@d"), "Not SIP"),
        (b"INVITE sip:c@d SIP/2.0", "Not SIP"),
        (text(start=b"SIP/2.0 20 OK"), "Malformed Status-Line"),
        (text(start=b"SIP/2.0 4294967301 better not break"), "Malformed Status-Line"),  # RFC 4475 bigcode
        (text(start=b"SIP/2.0  200 OK"), "Malformed Status-Line"),
        (text(start=b"SIP/3.0 200 OK"), "Malformed Status-Line"),
        (text(start=b"SIP/2.0 099 Early"), "Status code out of range"),
        (text(start=b"SIP/2.0 700 Late"), "Status code out of range"),
        (b"x" * (MAX_MESSAGE + 1), "Message too large"),
    ],
)
def test_what_cannot_be_answered(data: bytes, why: str) -> None:
    with pytest.raises(BadMessage) as raised:
        decode(data)
    assert raised.value.reason == why
    assert getattr(raised.value, "partial", None) is None


@pytest.mark.parametrize(
    ("data", "status", "why"),
    [
        (text(start=b"INVITE sip:c@d; lr SIP/2.0"), 400, "Malformed Request-Line"),  # RFC 4475 lwsruri
        (text(start=b"INVITE  sip:c@d  SIP/2.0"), 400, "Malformed Request-Line"),  # lwsstart
        (text(start=b"INVITE sip:c@d SIP/2.0  "), 400, "Malformed Request-Line"),  # trws
        (text(start=b"INVITE SIP/2.0"), 400, "Malformed Request-Line"),
        (text(b"no colon", start=b"INVITE  sip:c@d SIP/2.0"), 400, "Malformed header line"),
        (text(start=b"INVITE sip:c@d SIP/7.0"), 505, "Version Not Supported"),  # badvers
        (text(start=b"INVITE sip:" + b"x" * MAX_LINE + b" SIP/2.0"), 414, "Start line too long"),
        (but(b"Via"), 400, "Missing Via"),
        (but(b"From"), 400, "Missing From"),
        (but(b"To"), 400, "Missing To"),
        (but(b"Call-ID"), 400, "Missing Call-ID"),
        (but(b"CSeq"), 400, "Missing CSeq"),
        (b"INVITE sip:c@d SIP/2.0\r\n\r\n", 400, "Missing Via"),
        (text(b"f: <sip:e@f>"), 400, "More than one From"),
        (text(b"t: <sip:e@f>"), 400, "More than one To"),
        (text(b"i: z"), 400, "More than one Call-ID"),
        (text(b"CSEQ: 7 INVITE"), 400, "More than one CSeq"),
        (text(b"l: 0", b"Content-Length: 0"), 400, "More than one Content-Length"),
        (text(b"c: a/b", b"Content-Type: a/b"), 400, "More than one Content-Type"),
        (text(b"Max-Forwards: 1", b"Max-Forwards: 1"), 400, "More than one Max-Forwards"),
        (but(b"Call-ID", b"Call-ID: "), 400, "Empty Call-ID"),
        (but(b"CSeq", b"CSeq: 7"), 400, "Malformed CSeq"),
        (but(b"CSeq", b"CSeq: x INVITE"), 400, "Malformed CSeq"),
        (but(b"CSeq", b"CSeq: -7 INVITE"), 400, "Malformed CSeq"),
        (but(b"CSeq", b"CSeq: 7 INVITE x"), 400, "Malformed CSeq"),
        (but(b"CSeq", b"CSeq: 2147483648 INVITE"), 400, "CSeq number out of range"),
        (but(b"CSeq", b"CSeq: 36893488147419103232 INVITE"), 400, "CSeq number out of range"),  # scalar02
        (but(b"CSeq", b"CSeq: " + b"9" * 5000 + b" INVITE"), 400, "CSeq number out of range"),
        (but(b"CSeq", b"CSeq: 8 OPTIONS"), 400, "CSeq method does not match"),  # mismatch01
        (but(b"CSeq", b"CSeq: 8 invite"), 400, "CSeq method does not match"),
        (text(b"Max-Forwards: 256"), 400, "Malformed Max-Forwards"),
        (text(b"Max-Forwards: 1 x"), 400, "Malformed Max-Forwards"),
        (text(b"Max-Forwards:"), 400, "Malformed Max-Forwards"),
        (text(b"Content-Length: -1"), 400, "Malformed Content-Length"),  # ncl
        (text(b"Content-Length: 1.5"), 400, "Malformed Content-Length"),
        (text(b"Content-Length: " + b"1" * 11), 400, "Malformed Content-Length"),
        (text(b"Content-Length: 5", body=b"body"), 400, "Content-Length is larger than the body"),  # clerr
        (text(b"no colon"), 400, "Malformed header line"),
        (text(b": no name"), 400, "Malformed header line"),
        (text(b"two words: x"), 400, "Malformed header line"),
        (text(b"Via\x00: x"), 400, "Malformed header line"),
        (REQUEST + b"\r\n folded: x\r\n" + text()[len(REQUEST) + 2 :], 400, "Malformed header line"),
        (text(b"Subject: a\rb"), 400, "Stray CR or LF in the headers"),
        (text(b"Subject: a\nVia: hidden"), 400, "Stray CR or LF in the headers"),
        (text(b"Subject: a\n folded"), 400, "Stray CR or LF in the headers"),
        (text(b"Subject: a\r", eol=b"\n"), 400, "Stray CR or LF in the headers"),
        (text()[:-2], 400, "No end of headers"),
        (text()[:-20], 400, "No end of headers"),
        (text(b"Subject: " + b"x" * MAX_LINE), 400, "Header too long"),
        (text(b"Subject:" + b"\r\n x" * (MAX_LINE // 4)), 400, "Header too long"),
        (text(*[b"Subject: x"] * MAX_HEADERS), 400, "Too many headers"),
    ],
)
def test_what_can_be_answered(data: bytes, status: int, why: str) -> None:
    with pytest.raises(BadSip) as raised:
        decode(data)
    assert (raised.value.status, raised.value.reason) == (status, why)
    partial = raised.value.partial
    assert partial is not None
    assert partial.is_request
    assert partial.method == "INVITE"
    if b"Via: SIP" in data:
        assert partial.value("via") == b"SIP/2.0/UDP h;branch=z9hG4bKa"
    for header in partial.headers:
        assert 0 <= header.line_start <= header.start <= header.end <= header.line_end <= len(data)


@pytest.mark.parametrize("header", [b"f: <sip:e@f>", b"no colon", b"Content-Length: 5"])
def test_malformed_replies_are_not_answered(header: bytes) -> None:
    with pytest.raises(BadSip) as raised:
        decode(text(header, start=REPLY))
    assert raised.value.partial is None


def test_as_much_as_is_allowed() -> None:
    message = decode(text(*[b"Subject: x"] * (MAX_HEADERS - len(MANDATORY))))
    assert len(message.headers) == MAX_HEADERS
    longest = b"Subject: ".ljust(MAX_LINE, b"x")
    assert decode(text(longest)).value("subject") == longest[9:]
    assert decode(text(b"X-Y: y\r\n" + b" " + b"z" * 8000, b"Max-Forwards: 255")).value("x-y") == b"y " + b"z" * 8000
    room = MAX_MESSAGE - len(text())
    assert decode(text(body=b"x" * room)).body_end == MAX_MESSAGE


# --- RFC 4475: what each of its messages comes to, here ("decode") or when its values are read ("read")

TORTURE = {
    "badinv01.dat": ("read", "Malformed Via"),
    "badvers.dat": ("decode", "Version Not Supported"),
    "bext01.dat": ("ok", ""),
    "clerr.dat": ("decode", "Content-Length is larger than the body"),
    "cparam01.dat": ("ok", ""),
    "dblreq.dat": ("ok", ""),
    "esc01.dat": ("ok", ""),
    "insuf.dat": ("decode", "Missing From"),
    "intmeth.dat": ("ok", ""),
    "inv2543.dat": ("ok", ""),
    "longreq.dat": ("ok", ""),
    "lwsruri.dat": ("decode", "Malformed Request-Line"),
    "mpart01.dat": ("ok", ""),
    "multi01.dat": ("decode", "More than one From"),
    "ncl.dat": ("decode", "Malformed Content-Length"),
    "noreason.dat": ("ok", ""),
    "quotbal.dat": ("read", "Malformed To"),
    "scalar02.dat": ("decode", "CSeq number out of range"),
    "sdp01.dat": ("ok", ""),
    "semiuri.dat": ("ok", ""),
    "transports.dat": ("ok", ""),
    "unkscm.dat": ("ok", ""),
    "unreason.dat": ("ok", ""),
    "wsinv.dat": ("ok", ""),
    "zeromf.dat": ("ok", ""),
}


@needs_corpora
def test_torture_table() -> None:
    messages = dict(corpus("sip/rfc4475", "*.dat"))
    assert messages.keys() == TORTURE.keys()
    found = {}
    for name, data in messages.items():
        stage = "decode"
        try:
            message = decode(data)
            assert message.edits.apply(message.data) is data
            stage = "read"
            read_all(message)
        except BadMessage as bad:
            found[name] = (stage, bad.reason)
        else:
            found[name] = ("ok", "")
    assert found == TORTURE


@needs_corpora
def test_torture_details() -> None:
    messages = {name.partition(".")[0]: data for name, data in corpus("sip/rfc4475", "*.dat")}
    strange = decode(messages["intmeth"])
    assert strange.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert strange.cseq == (139122385, strange.method)
    assert strange.value("call-id") == b"intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    spaced = decode(messages["wsinv"])
    assert spaced.cseq == (9, "INVITE")
    assert spaced.value("subject") == b""
    assert spaced.value("newfangledheader") == b"newfangled value continued newfangled value"
    assert [via.host for via in vias(spaced)] == ["192.0.2.2", "spindle.example.com", "192.168.255.111"]
    double = decode(messages["dblreq"])
    assert double.method == "REGISTER"
    assert double.body_start == double.body_end < len(double.data)
    assert len(decode(messages["longreq"]).all("via")) == 34
    parts = decode(messages["mpart01"]).bodies()
    assert [part.content_type for part in parts] == ["text/plain", "application/octet-stream"]
    assert messages["mpart01"][parts[0].start : parts[0].end] == b"Hello"


@needs_corpora
def test_real_messages() -> None:
    """All come out as they came in; one, the first half of what a stream carried, is rightly refused."""
    messages = corpus("sip/real", "*.sip")
    assert len(messages) > 90
    for name, data in messages:
        if name == "92bcd5df5d9c.sip":
            with pytest.raises(BadSip, match="No end of headers"):
                decode(data)
            continue
        message = decode(data)
        read_all(message)
        assert message.edits.apply(message.data) is data
        lines = b"".join(data[header.line_start : header.line_end] for header in message.headers)
        assert data[message.headers_start : message.headers_end] == lines


def flows() -> list[tuple[str, bytes]]:
    """The messages of RFC 3665's call flows, out of the little YAML they are kept in."""
    found = []
    for name, data in corpus("sip/rfc-flows", "*.yaml"):
        blocks = data.decode().split("\n- |+\n")[1:]
        for number, block in enumerate(blocks):
            lines = [line.removeprefix("  ") for line in f"{block}\n".split("\n")]
            found.append((f"{name} {number}", "\r\n".join(lines).encode()))
    return found


@needs_corpora
def test_call_flows() -> None:
    messages = flows()
    assert len(messages) > 100
    refused = []
    for name, data in messages:
        try:
            message = decode(data)
            read_all(message)
        except BadMessage as bad:
            refused.append((name, bad.reason))
        else:
            assert message.edits.apply(message.data) is data
    assert refused == []
