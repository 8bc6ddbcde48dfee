"""On whatever bytes, the readers of SIP and SDP raise BadMessage and nothing else, and lose nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.message import BadMessage, Place
from sbc.sip.bodies import body_parts
from sbc.sip.codec import BadSip, SipMessage, decode
from sbc.sip.dialog_info import DialogInfo
from sbc.sip.headers import name_addrs, split_values, vias
from sbc.sip.params import Parameters
from sbc.sip.uri import parse_uri
from sbc.text.edits import Edits
from sbc.text.sdp import Sdp
from tests.corpora import corpus

KEPT = Path(__file__).parent / "kept"  # what once went wrong, one input a file

SDP = b"""v=0
o=- 1 1 IN IP4 10.0.0.1
s=-
c=IN IP4 10.0.0.2/127
t=0 0
a=sendonly
m=audio 4000/2 RTP/AVP 0
i=x
a=rtcp:4001 IN IP4 10.0.0.2
a=candidate:1 1 UDP 1 10.0.0.3 9 typ srflx raddr 1.1.1.1 rport 9
m=image 5000 udptl t38
c=IN IP6 2001:db8::1
a=altc:1 IP4 10.0.0.9 9
m=message 7 TCP/MSRP *
a=path:msrp://10.0.0.4:7/x;tcp
m=video 0 RTP/AVP 31
""".replace(b"\n", b"\r\n")
INVITE = b"""INVITE sip:bob:pw@[2001:db8::1]:5070;lr?a=b SIP/2.0
Via: SIP/2.0/UDP h:5060 ;branch=z9;rport ,
 SIP / 2.0 / TCP i
f: "A \\" B" <sip:a%40b@c>;tag=1
t: Bob (home) <tel:+1;x=y> ; z = "q;,"
i: x@y
CSeq: 7 INVITE
m: *, sip:d@e;q=0.1,"x,<y>" <sips:f@g:1>
Max-Forwards: 70
c: multipart/mixed;boundary="b"

--b
Content-Type: application/sdp

""".replace(b"\n", b"\r\n")
INVITE += SDP + b"\r\n--b--\r\n"
NOTIFY = b"""NOTIFY sip:bob@192.168.1.10 SIP/2.0
Via: SIP/2.0/UDP h:5060;branch=z9
From: <sip:a@b>;tag=1
To: <sip:b@c>;tag=2
Call-ID: x@y
CSeq: 7 NOTIFY
Event: dialog
Content-Type: application/dialog-info+xml

""".replace(b"\n", b"\r\n")
NOTIFY += b"""<?xml version="1.0"?>
<dialog-info version="1" state="full" entity="sip:b@192.168.1.10">
 <dialog id="1" call-id="x@10.0.0.1" local-tag="1" remote-tag='2'><!-- x --><state>early</state>
  <remote><identity>sip:c@[2001:db8::1]:5060</identity><target uri="sip:c@10.0.0.2:5062;lr"/></remote>
  <session-description><![CDATA[c=IN IP4 10.0.0.3]]></session-description></dialog>
</dialog-info>
"""
SEEDS = [INVITE, NOTIFY, *(data for _, data in [*corpus("sip/real", "*.sip"), *corpus("sip/rfc4475", "*.dat")])]
PIECES = st.one_of(
    st.binary(max_size=4),
    st.sampled_from([
        b"\r\n", b"\n", b"\r", b"\r\n ", b"\0", b" ", b"\t", b":", b";", b",", b'"', b"\\", b"<", b">", b"(", b")",
        b"[", b"]", b"@", b"?", b"=", b"/", b"%", b"%4", b"%00", b"--", b"--b", b"$", b"SIP/2.0", b"IN IP4 ", b"\xff",
        b"9" * 5000, b"m=", b"c=", b"a=rtcp:", b"Content-Length: ", b"l:", b"CSeq: ", b"v: ", b"[::1]", b"::",
        b"0.0.0.0", b"65536",
    ]),
)  # fmt: skip
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), PIECES), min_size=1, max_size=5)


def changed(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for where, length, new in changes:
        at = int(where * len(data))
        data = data[:at] + new + data[at + length :]
    return data


def check(data: bytes) -> None:
    """Decode, read everything, fill everything: BadMessage at most."""
    try:
        message = decode(data)
    except BadMessage as bad:
        if isinstance(bad, BadSip) and bad.partial is not None:
            check_headers(bad.partial)
        return
    assert message.edits.apply(data) is data
    check_headers(message)
    lines = b"".join(data[header.line_start : header.line_end] for header in message.headers)
    assert lines == data[message.headers_start : message.headers_end]
    assert message.headers_end < message.body_start <= message.body_end <= len(data)
    if message.is_request:
        quietly(parse_uri, data, message.uri_start, message.uri_end)
    quietly(vias, message)
    try:
        parts = message.bodies()
    except BadMessage:
        return
    for part in parts:
        assert message.body_start <= part.start <= part.end <= message.body_end
        check_sdp(data, part.start, part.end)
        check_dialog_info(data, part.start, part.end)


def check_headers(message: SipMessage) -> None:
    """Every header, read as a list of addresses, as a list, and as text, whether it is one or not."""
    for header in message.headers:
        assert 0 <= header.line_start <= header.start <= header.end <= header.line_end <= len(message.data)
        assert message.first(header.name) is not None
        message.value(header.name)
        quietly(split_values, message.data, header.start, header.end)
        try:
            values = name_addrs(message, header) if header.name != "via" else []
        except BadMessage:
            continue
        for value in values:
            assert header.start <= value.start <= value.uri_start <= value.uri_end <= value.end <= header.end
            quietly(lambda each: (each.params, each.uri.params, each.uri.address, each.uri.user, each.display), value)


def check_sdp(data: bytes, start: int, end: int) -> None:
    """Fill every slot, and read what has come of it: it must be a description again, and hold what was written."""
    edits = Edits()
    try:
        sdp = Sdp(data, start, end, edits)
    except BadMessage:
        return
    for slot in sdp.slots:
        sdp.fill(slot, Place(Address("203.0.113.9", 40000)))
    sdp.finish()
    grown = edits.size_within(start, end)
    after = edits.apply(data)
    assert grown == len(after) - len(data)
    assert after[:start] == data[:start]
    assert after[end + grown :] == data[end:]
    again = Sdp(after, start, end + grown, Edits())
    assert len(again.media) == len(sdp.media)
    assert {slot.place.address.host for slot in again.slots} <= {"203.0.113.9", "0.0.0.0"}


def check_dialog_info(data: bytes, start: int, end: int) -> None:
    """Fill every address, and read what has come of it: no other is there."""
    try:
        told = DialogInfo(data, start, end)
    except BadMessage:
        return
    edits = Edits()
    for slot in told.slots:
        edits.replace(*slot.at, b"203.0.113.9")
    for dialogue in told.dialogues:
        for span in (dialogue.call_id, *dialogue.tags):
            assert start <= span[0] <= span[1] <= end
    grown = edits.size_within(start, end)
    after = edits.apply(data)
    again = DialogInfo(after, start, end + grown)
    assert {slot.place.address.host for slot in again.slots} <= {"203.0.113.9"}
    assert len(again.dialogues) == len(told.dialogues)


def quietly(function: Callable[..., object], *arguments: object) -> None:
    try:
        function(*arguments)
    except BadMessage:
        return


@given(st.sampled_from(SEEDS), CHANGES)
@settings(max_examples=400)
@example(INVITE, [])
def test_changed_messages(seed: bytes, changes: list[tuple[float, int, bytes]]) -> None:
    check(changed(seed, changes))


@given(CHANGES)
@settings(max_examples=400)
def test_changed_descriptions(changes: list[tuple[float, int, bytes]]) -> None:
    data = b"x" + changed(SDP, changes) + b"y"
    check_sdp(data, 1, len(data) - 1)


@given(st.lists(PIECES, max_size=12))
@settings(max_examples=300)
def test_anything_at_all(pieces: list[bytes]) -> None:
    """Bytes that were never a message, given to each reader by itself."""
    data = b"x" + b"".join(pieces) + b"y"
    start, end = 1, len(data) - 1
    check(data[start:end])
    check(INVITE.partition(b"\r\n")[0] + b"\r\n" + data[start:end])
    check_sdp(data, start, end)
    quietly(parse_uri, data, start, end)
    quietly(parse_uri, b"sip:" + data, 0, end)
    quietly(Parameters, data, start, end)
    quietly(split_values, data, start, end)
    quietly(body_parts, b"\n" + data, 1, len(data) + 1, b"multipart/mixed;boundary=b")
    for name in (b"Via", b"Contact"):
        check(INVITE.replace(b"Max-Forwards: 70", name + b": " + data[start:end]))


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.bin")), ids=lambda path: path.name)
def test_kept(path: Path) -> None:
    data = path.read_bytes()
    check(data)
    check_sdp(data, 0, len(data))
