"""SIP messages written by hand, for tests: what phones and softswitches say. Nothing here uses the codec under test."""

from __future__ import annotations

import re

from sbc.core.address import Address

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


def without_sdp(data: bytes) -> bytes:
    """The message with its body taken away."""
    head, _, _ = data.partition(b"\r\n\r\n")
    lines = [
        line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-type:", b"content-length:"))
    ]
    return b"\r\n".join((*lines, b"Content-Length: 0", b"", b""))


def request(
    method: bytes, uri: bytes, sender: Address, *more: bytes, call: bytes = b"one", seq: int = 1, user: bytes = b"alice"
) -> bytes:
    """A request outside any dialogue from `user`'s phone at `sender`."""
    host = sender.host.encode()
    return message(
        method + b" " + uri + b" SIP/2.0",
        b"Via: SIP/2.0/UDP %b:%d;branch=z9hG4bK%b-%b-%d;rport" % (host, sender.port, call, method, seq),
        b"Max-Forwards: 70",
        b"From: <sip:%b@sbc.example.com>;tag=f-%b" % (user, call),
        b"To: <sip:%b@sbc.example.com>" % (user if method == b"REGISTER" else b"bob"),
        b"Call-ID: %b@%b" % (call, host),
        b"CSeq: %d %b" % (seq, method),
        *more,
    )


def register(
    sender: Address, *more: bytes, call: bytes = b"reg", seq: int = 1, user: bytes = b"alice", expires: int = 300
) -> bytes:
    """A REGISTER of one contact at `sender`."""
    contact = b"Contact: <sip:%b@%b:%d;line=7>;expires=%d" % (user, sender.host.encode(), sender.port, expires)
    return request(b"REGISTER", b"sip:sbc.example.com", sender, contact, *more, call=call, seq=seq, user=user)


def registered(data: bytes, expires: int | None = None) -> bytes:
    """The registrar's 200 to a REGISTER as it arrived: the same contacts, with the expiry asked for or another."""
    contacts = [line for line in data.split(b"\r\n") if line.lower().startswith(b"contact:")]
    if expires is not None:
        contacts = [re.sub(rb"expires=\d+", b"expires=%d" % expires, line) for line in contacts]
    return plain_answer(data, b"200 OK", *contacts)


def plain_answer(data: bytes, status: bytes, *more: bytes, tag: bytes = b"b") -> bytes:
    """An answer without Contact or body to a request as it arrived."""
    to = header(data, b"To")
    vias = [line for line in data.split(b"\r\n") if line.lower().startswith(b"via:")]
    return message(
        b"SIP/2.0 " + status,
        *vias,
        b"From: " + header(data, b"From"),
        b"To: " + (to if b"tag=" in to or status[:3] == b"100" else to + b";tag=" + tag),
        b"Call-ID: " + header(data, b"Call-ID"),
        b"CSeq: " + header(data, b"CSeq"),
        *more,
    )


def hop_request(method: bytes, data: bytes, to_of: bytes | None = None) -> bytes:
    """The CANCEL or hop-by-hop ACK of an INVITE `data`, by whoever had sent it; ACK takes To from the answer."""
    return message(
        method + b" " + data.split(b" ", 2)[1] + b" SIP/2.0",
        b"Via: " + header(data, b"Via"),
        b"Max-Forwards: 70",
        b"From: " + header(data, b"From"),
        b"To: " + header(to_of or data, b"To"),
        b"Call-ID: " + header(data, b"Call-ID"),
        b"CSeq: %b %b" % (header(data, b"CSeq").split()[0], method),
    )


def contact(data: bytes) -> bytes:
    """The URI of the first Contact."""
    found = re.search(rb"<(.*?)>", header(data, b"Contact"))
    assert found is not None
    return found[1]


def status(data: bytes) -> int:
    """The status code of a reply."""
    assert data.startswith(b"SIP/2.0 "), data
    return int(data[8:11])
