"""As much SIP as scripted agents need: templates, and a reader that owes nothing to the codec under test."""

from __future__ import annotations

import attrs

SDP = (
    b"v=0\r\no=- 1 %d IN IP4 %b\r\ns=-\r\nc=IN IP4 %b\r\nt=0 0\r\nm=audio %d RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n%b"
)


def sdp(host: bytes, port: int, version: int = 1, held: bool = False) -> bytes:
    return SDP % (version, host, host, port, b"a=sendonly\r\n" if held else b"")


@attrs.define
class Read:
    """A message as an agent sees it: `method` of a reply is its CSeq's; `headers` are the first of each name."""

    data: bytes
    status: int
    method: bytes
    uri: bytes
    headers: dict[bytes, bytes]
    body: bytes
    number: int

    @property
    def branch(self) -> bytes:
        return self.headers[b"via"].split(b"branch=", 1)[1].split(b";", 1)[0]

    def tag(self, name: bytes) -> bytes:
        _, found, tag = self.headers[name].partition(b";tag=")
        return tag if found else b""

    @property
    def contact(self) -> bytes:
        """The URI of the first Contact; empty if there is none."""
        value = self.headers.get(b"contact", b"")
        return value[value.find(b"<") + 1 : value.find(b">")]


def read(data: bytes) -> Read:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        headers.setdefault(name.lower(), value.strip())
    number, _, method = headers[b"cseq"].partition(b" ")
    words = first.split(b" ", 2)
    if first.startswith(b"SIP/2.0"):
        return Read(data, int(words[1]), method, b"", headers, body, int(number))
    return Read(data, 0, method, words[1], headers, body, int(number))


def write(first: bytes, lines: list[bytes], body: bytes = b"") -> bytes:
    kind = [b"Content-Type: application/sdp"] if body else []
    return b"\r\n".join((first, *lines, *kind, b"Content-Length: %d" % len(body), b"", body))


def reply(to: Read, status: bytes, contact: bytes, tag: bytes, *more: bytes, body: bytes = b"") -> bytes:
    """An answer to a request."""
    whom = to.headers[b"to"]
    if tag and b";tag=" not in whom:
        whom += b";tag=" + tag
    lines = [
        b"Via: " + to.headers[b"via"],
        b"From: " + to.headers[b"from"],
        b"To: " + whom,
        b"Call-ID: " + to.headers[b"call-id"],
        b"CSeq: " + to.headers[b"cseq"],
        *([b"Contact: <" + contact + b">"] if contact else []),
        *more,
    ]
    return write(b"SIP/2.0 " + status, lines, body)


def same_hop(method: bytes, request: bytes, to: bytes) -> bytes:
    """The CANCEL or hop-by-hop ACK of a request."""
    asked = read(request)
    lines = [
        b"Via: " + asked.headers[b"via"],
        b"Max-Forwards: 70",
        b"From: " + asked.headers[b"from"],
        b"To: " + to,
        b"Call-ID: " + asked.headers[b"call-id"],
        b"CSeq: %d %b" % (asked.number, method),
    ]
    return write(b"%b %b SIP/2.0" % (method, asked.uri), lines)
