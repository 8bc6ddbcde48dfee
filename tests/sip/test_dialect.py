"""The SIP dialect under the laws of all dialects."""

from __future__ import annotations

import re

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.sip.dialect import SipDialect
from tests.corpora import corpus
from tests.laws import DialectLaws, Wire

SDP = b"\r\n".join(
    (
        b"v=0",
        b"o=- 1 1 IN IP4 %(host)b",
        b"s=-",
        b"c=IN IP4 %(host)b",
        b"t=0 0",
        b"m=audio 4000 RTP/AVP 0 8",
        b"a=rtpmap:0 PCMU/8000",
        b"",
    )
)


def message(*lines: bytes, body: bytes = b"", content: bytes = b"application/sdp") -> bytes:
    """A message of these lines, with a body if there is one."""
    kind = (b"Content-Type: " + content,) if body else ()
    return b"\r\n".join((*lines, *kind, b"Content-Length: %d" % len(body), b"", body))


def header(data: bytes, name: bytes) -> bytes:
    """The value of the first header of that name, read without our own codec."""
    found = re.search(rb"(?im)^" + name + rb"[ \t]*:[ \t]*(.*?)[ \t]*\r$", data)
    assert found is not None, f"no {name!r} in {data!r}"
    return found[1]


def sdp(host: str) -> bytes:
    return SDP % {b"host": host.encode()}


def invite(sender: Address, call: bytes = b"one", to: bytes = b"sip:bob@sbc.example.com", seq: int = 1) -> bytes:
    host = sender.host.encode()
    return message(
        b"INVITE " + to + b" SIP/2.0",
        b"Via: SIP/2.0/UDP %b:%d;branch=z9hG4bK%b-%d;rport" % (host, sender.port, call, seq),
        b"Max-Forwards: 70",
        b'From: "Alice" <sip:alice@sbc.example.com>;tag=a-' + call,
        b"To: <" + to + b">",
        b"Call-ID: %b@%b" % (call, host),
        b"CSeq: %d INVITE" % seq,
        b"Contact: <sip:alice@%b:%d;ob>" % (host, sender.port),
        body=sdp(sender.host),
    )


def answer(request: bytes, host: str, status: bytes = b"200 OK", tag: bytes = b"b", body: bytes | None = None) -> bytes:
    """An answer of the party at `host`, of what it finds in the request."""
    to = header(request, b"To")
    vias = [line for line in request.split(b"\r\n") if line.lower().startswith(b"via:")]
    routes = [line for line in request.split(b"\r\n") if line.lower().startswith(b"record-route:")]
    media = sdp(host) if body is None and status[:1] == b"2" else body or b""
    return message(
        b"SIP/2.0 " + status,
        *vias,
        *routes,
        b"From: " + header(request, b"From"),
        b"To: " + (to if b"tag=" in to else to + b";tag=" + tag),
        b"Call-ID: " + header(request, b"Call-ID"),
        b"CSeq: " + header(request, b"CSeq"),
        b"Contact: <sip:bob@%b:5060>" % host.encode(),
        body=media,
    )


def inside(request: bytes, reply: bytes, method: bytes = b"BYE", seq: int = 2, body: bytes = b"") -> bytes:
    """A further request of the party that had sent `request` and got `reply`, within their dialogue."""
    contact = re.search(rb"<(.*?)>", header(reply, b"Contact"))
    assert contact is not None
    return message(
        b"%b %b SIP/2.0" % (method, contact[1]),
        re.sub(rb"branch=[^;]*", b"branch=z9hG4bKin-%b-%d" % (method, seq), b"Via: " + header(request, b"Via")),
        b"Max-Forwards: 70",
        b"From: " + header(request, b"From"),
        b"To: " + header(reply, b"To"),
        b"Call-ID: " + header(request, b"Call-ID"),
        b"CSeq: %d %b" % (seq, method),
        body=body,
    )


class TestSip(DialectLaws):
    dialect = SipDialect()
    wire = Wire(invite, answer, inside)

    @classmethod
    def samples(cls) -> list[tuple[str, bytes]]:
        own = [
            ("invite", invite(Address("192.0.2.7", 5060))),
            ("answer", answer(invite(Address("192.0.2.7", 5060)), "192.0.2.8")),
        ]
        found = []
        for name, data in corpus("sip/real", "*.sip") + corpus("sip/rfc4475", "*.dat"):
            try:
                cls.dialect.decode(data)
            except BadMessage:
                continue
            found.append((name, data))
        return own + found
