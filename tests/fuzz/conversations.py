"""Sound conversations with a border, as `tests.fuzz.targets.converse` reads them: what its fuzzing begins with."""

from __future__ import annotations

from sbc.core.address import Address
from tests.rig import PHONE, SOFTSWITCH
from tests.sip_messages import invite, register, request, sdp

DIVIDER = b"\n====\n"
OTHER_PHONE = Address("203.0.113.12", 40002)
STRANGER = Address("198.51.100.66", 5060)
HERE, THERE = sdp("192.168.1.10"), sdp("198.51.100.2")
ALICE, BOB = b"Contact: <sip:alice@192.168.1.10>", b"Contact: <sip:bob@198.51.100.2:5060>"


def _reply(status: bytes, *more: bytes, tag: bytes = b"", body: bytes = b"") -> bytes:
    lines = [
        b"SIP/2.0 " + status, b"Via: $RVia", b"From: $RFrom", b"To: $RTo" + tag, b"Call-ID: $RCall-ID", b"CSeq: $RCSeq",
        *more, *([b"Content-Type: application/sdp"] if body else []), b"Content-Length: %d" % len(body), b"", body,
    ]  # fmt: skip
    return b"\r\n".join(lines)


def _within(method: bytes, number: int, *more: bytes, body: bytes = b"") -> bytes:
    """Of whoever had asked, in the dialogue that the last reply has made."""
    lines = [
        b"%b $rContact SIP/2.0" % method, b"Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK%b%d" % (method, number),
        b"From: $rFrom", b"To: $rTo", b"Call-ID: $rCall-ID", b"CSeq: %d %b" % (number, method), b"Max-Forwards: 70",
        *more, *([b"Content-Type: application/sdp"] if body else []), b"Content-Length: %d" % len(body), b"", body,
    ]  # fmt: skip
    return b"\r\n".join(lines)


def conversations() -> list[bytes]:
    """To register, to call, to be called, to be refused, to take back, to change."""
    asked, ringing = b"a" + invite(PHONE), b"c" + _reply(b"180 Ringing")
    ok = b"c" + _reply(b"200 OK", BOB, tag=b";tag=b", body=THERE)
    reliable = (BOB, b"Require: 100rel", b"RSeq: 1")
    up = [asked, ringing, ok, b"a" + _within(b"ACK", 1)]
    bye = [b"a" + _within(b"BYE", 9), b"c" + _reply(b"200 OK")]
    bound = [b"a" + register(PHONE), b"c" + _reply(b"200 OK", b"Contact: <$RContact>;expires=600")]
    called = [*bound, b"c" + invite(SOFTSWITCH, b"in", b"$RContact")]
    presence = (b"Event: presence", b"Expires: 60")
    scenes = [
        [*bound, b"w30", b"a" + register(PHONE, seq=2), b"w400", b"a" + register(PHONE, seq=3, expires=0)],
        [*called, b"a" + _reply(b"200 OK", ALICE, tag=b";tag=a", body=HERE), b"w2"],
        [*up, *bye],
        [*up, b"a" + _within(b"INVITE", 2, body=HERE), b"c" + _reply(b"200 OK", BOB, body=THERE), *bye],
        [*up, b"a" + _within(b"UPDATE", 2), b"c" + _reply(b"491 Request Pending", BOB), *bye],
        [*up, b"a" + _within(b"REFER", 2, b"Refer-To: <sip:c@d?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>")],
        [*up, b"w1000"],
        [
            asked,
            b"c" + _reply(b"183 Session Progress", *reliable, tag=b";tag=b", body=THERE),
            b"a" + _within(b"PRACK", 2, b"RAck: 1 1 INVITE"),
            b"c" + _reply(b"200 OK", BOB),
            *bye,
        ],
        [asked, b"w1", ringing, b"w100"],
        [asked, b"c" + _reply(b"407 Proxy Authentication Required", tag=b";tag=x"), b"a" + invite(PHONE, seq=2), ok],
        [asked, b"c" + _reply(b"302 Moved", b"Contact: <sip:x@198.51.100.9>;q=0.5"), b"w40"],
        [b"a" + request(b"SUBSCRIBE", b"sip:bob@sbc.example.com", PHONE, *presence), b"c" + _reply(b"202 OK", BOB)],
        [b"d" + invite(STRANGER), b"b" + invite(OTHER_PHONE), b"c" + invite(SOFTSWITCH, b"in2")],
    ]
    return [DIVIDER.join(scene) for scene in scenes]
