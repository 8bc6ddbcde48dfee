"""The codec: spans of the octets, and nothing that is no message."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.core.message import BadMessage, NoMessage
from sbc.mgcp.codec import (
    MAX_BODIES,
    MAX_LINE,
    MAX_LINES,
    MAX_PARTS,
    MAX_SIZE,
    BadMgcp,
    MgcpMessage,
    decode,
    parts,
)
from tests.mgcp_laws import keep_the_laws
from tests.mgcp_messages import RECORDED, command, crcx, response, sdp

HEAD = b"CRCX 1204 aaln/1@rgw.whatever.net MGCP 1.0\r\n"


def spans(message: MgcpMessage) -> list[tuple[str, bytes]]:
    return [(line.name, message.data[line.start : line.end]) for line in message.lines]


@pytest.mark.parametrize(("name", "data"), RECORDED)
def test_recorded_messages_come_out_as_they_came_in(name: str, data: bytes) -> None:
    keep_the_laws(data)
    message = decode(data)
    assert message.edits.apply(message.data) is data
    assert len(message.bodies) == data.count(b"v=0")


def test_a_command() -> None:
    message = decode(HEAD + b"C: A3C47F21456789F0\r\nL: p:10, a:PCMU\r\nM: recvonly\r\n\r\n" + sdp("192.0.2.1", 4000))
    assert (message.verb, message.number, message.code, message.version) == ("CRCX", 1204, None, "1.0")
    assert message.data[slice(*message.endpoint)] == b"aaln/1@rgw.whatever.net"
    assert spans(message) == [("C", b"A3C47F21456789F0"), ("L", b"p:10, a:PCMU"), ("M", b"recvonly")]
    assert message.value("C") == b"A3C47F21456789F0" and message.value("N") is None
    assert [message.data[slice(*each)] for each in message.bodies] == [sdp("192.0.2.1", 4000)]


def test_a_response_with_two_descriptions() -> None:
    local, remote = sdp("192.0.2.1", 4000), sdp("192.0.2.2", 5000)
    message = decode(b"200 1203 OK\nI: FDE234C8\n\n" + local + b"\n" + remote)
    assert (message.verb, message.code, message.number) == ("", 200, 1203)
    assert [message.data[slice(*each)] for each in message.bodies] == [local, remote]
    assert message.data[slice(*message.text)] == b"OK"


def test_a_code_of_a_package() -> None:
    message = decode(b"801 12 /L Package went wrong\r\n")
    assert message.data[slice(*message.package)] == b"/L"
    assert message.data[slice(*message.text)] == b"Package went wrong"
    assert decode(b"200 1001").text == (-1, -1)
    assert decode(b"000 7\r\n").code == 0


@pytest.mark.parametrize(
    ("line", "verb", "version", "text"),
    [
        (b"rqnt 1 *@gw.example MGCP 0.1\r\n", "RQNT", "0.1", b""),
        (b"AUEP\t17  \taaln/1@[2001:db8::1] mgcp 1.0 NCS 1.0\n", "AUEP", "1.0", b"NCS 1.0"),
        (b"XYZ1 999999999 $@[192.0.2.1] MGCP 1.0", "XYZ1", "1.0", b""),
    ],
)
def test_verbs_versions_and_profiles(line: bytes, verb: str, version: str, text: bytes) -> None:
    message = decode(line)
    assert (message.verb, message.version) == (verb, version)
    assert message.data[slice(*message.text)] == text if text else message.text == (-1, -1)


def test_lines_in_any_case_comments_continuations_and_vendors_own() -> None:
    said = b"; a comment\r\nr: l/hd(n),\r\n  l/hu(n)\r\n# 10.0.0.1\r\nX-Osmux: *\r\nX+Vendor/Y :  z \r\nT:\r\n"
    message = decode(b"RQNT 1 aaln/1@gw MGCP 1.0\r\n" + said)
    assert spans(message) == [
        ("", b"; a comment"),
        ("R", b"l/hd(n),\r\n  l/hu(n)"),
        ("", b"# 10.0.0.1"),
        ("X-OSMUX", b"*"),
        ("X+VENDOR/Y", b"z"),
        ("T", b""),
    ]


def test_empty_lines_behind_the_parameters_are_no_description() -> None:
    message = decode(b"200 31656860 ok\r\n\r\n \r\n")
    assert message.bodies == [] and message.lines == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"INVITE sip:a@b SIP/2.0\r\n", "no command, and no response"),
        (b"CRCX 0 a@b MGCP 1.0\r\n", "begin with 1"),
        (b"CRCX 1000000000 a@b MGCP 1.0\r\n", "no command, and no response"),
        (b"CRCX 1 a@b\r\n", "no command, and no response"),
        (HEAD + b"no parameter\r\n", "no parameter"),
        (HEAD + b" x\r\n", "no parameter"),
        (HEAD + b"C: 1\r\n\0\0M: x\r\n", "carriage return or NUL"),
        (HEAD + b"C: 1\rM: x\r\n", "carriage return"),
        (HEAD + b"C: \x00\r\n", "carriage return or NUL"),
        (HEAD + b"\r\nm=audio\r\n", "no session description"),
        (HEAD + b"\r\n\rx\r\n", "carriage return"),
        (HEAD + b"\r\n" + b"v=0\r\n\r\n" * (MAX_BODIES + 1), "too many session"),
        (HEAD + b"X: y\r\n" * (MAX_LINES + 1), "too many parameter"),
        (HEAD + b"X: " + b"y" * MAX_LINE, "too long"),
        (HEAD + b"X: y\r\n" + b" yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 200, "too long"),
        (HEAD + b"X: y\r\n" * (MAX_SIZE // 5), "too large"),
    ],
)
def test_what_is_no_message_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason) as raised:
        decode(data)
    bad = raised.value
    assert isinstance(bad, BadMgcp)
    numbered = data.startswith((HEAD, b"CRCX 1 a"))
    assert (bad.number == (b"1204" if data.startswith(HEAD) else b"1")) if numbered else bad.number in (b"", b"0")


def test_blanks_are_a_sign_of_life() -> None:
    for data in (b"", b"\r\n", b"  \n", b"\0"):
        with pytest.raises(NoMessage):
            decode(data)


@pytest.mark.parametrize("before", [b"", b"\r\n", b"\n\r\n", b" "])
@pytest.mark.parametrize("after", [b"", b"\0", b"\0\0"])
@pytest.mark.parametrize("blank", [b"", b" ", b"\t "])
def test_what_some_write_too_much_is_forgiven(before: bytes, after: bytes, blank: bytes) -> None:
    message = decode(before + HEAD + blank + b"C: 1\r\n 2\r\nM: x\r\n" + after)
    assert (message.verb, message.number) == ("CRCX", 1204)
    assert spans(message) == [("C", b"1\r\n 2"), ("M", b"x")]
    assert message.data == HEAD + blank + b"C: 1\r\n 2\r\nM: x\r\n", "it goes on without"
    answer = decode(before + b"200 7 OK\r\n" + blank + b"I: 1F\r\n" + after)
    assert (answer.code, answer.value("I")) == (200, b"1F")
    with pytest.raises(BadMgcp) as raised:
        decode(before + HEAD + b"C\r\n" + after)
    assert raised.value.number == b"1204"


def test_piggybacked_messages() -> None:
    first, second = response(200, 7), command("RQNT", 8, "aaln/1@gw", "X: 1", "R: L/hu(N)")
    assert parts(first) == (first,) and parts(first)[0] is first
    assert parts(first + b".\r\n" + second) == (first, second)
    assert parts(first + b".\n" + second + b".\n") == (first, second)
    assert parts(b".\r\n" + first) == (first,)
    assert parts(b".") == (b".",)
    assert parts(b"R: D/x.\r\n. x\r\n") == (b"R: D/x.\r\n. x\r\n",)
    many = b".\r\n".join([first] * (MAX_PARTS + 5))
    assert parts(many) == (first,) * MAX_PARTS


def test_a_description_holds_no_dividing_line() -> None:
    whole = crcx(9, "aaln/1@gw", described=sdp("192.0.2.1", 4000))
    assert parts(whole + b".\r\n" + whole) == (whole, whole)


WORDS = st.sampled_from(
    [b"\r\n", b"\n", b".\r\n", b"\r", b"\0", b" ", b":", b"K:", b"v=0\r\n", b"I: 1\r\n", b"C: 2a\r\n", b"200 7", HEAD]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(WORDS, st.binary(max_size=30), st.sampled_from([data for _, data in RECORDED] or [HEAD]))))
def test_whatever_it_is_the_laws_hold(pieces: list[bytes]) -> None:
    keep_the_laws(b"".join(pieces))
