"""Torture messages made here, each with the one oddity that a section of RFC 4475 or RFC 5118 is about.

Those of RFC 4475 are the ones that are not among the recorded (tests/corpora.py). `BY_US` says what the SBC answers by
itself to each of both RFCs, recorded ones included, when a phone sends it; whatever is not in it crosses.
"""

from __future__ import annotations

from tests.corpora import corpus
from tests.sip_messages import SDP, message

SIX = "2001:db8::9:1"


def made(start: bytes, *lines: bytes, body: bytes = b"", without: tuple[bytes, ...] = ()) -> bytes:
    """A request or reply with what every message needs, but for the headers that are given, or are to be missing."""
    method = b"INVITE" if start.startswith(b"SIP/") else start.split()[0]
    usual = {
        b"Via": b"SIP/2.0/UDP host.example.com;branch=z9hG4bKodd%d" % (hash_of(start, *lines) % 10_000_000),
        b"Max-Forwards": b"70",
        b"From": b"<sip:caller@example.com>;tag=odd",
        b"To": b"<sip:user@example.com>" + (b";tag=x" if method == b"BYE" else b""),
        b"Call-ID": b"odd-%d@host.example.com" % hash_of(start, *lines),
        b"CSeq": b"8 " + method,
    }
    if method in (b"INVITE", b"REGISTER"):
        usual[b"Contact"] = b"<sip:caller@host.example.com>"
    given = {line.partition(b":")[0].strip().title().replace(b"Id", b"ID").replace(b"Cseq", b"CSeq") for line in lines}
    kept = [name + b": " + value for name, value in usual.items() if name not in given | set(without)]
    return message(start, *kept, *lines, body=body)


def hash_of(*parts: bytes) -> int:
    """A number that is the same in every run."""
    return sum((at + 1) * octet for at, octet in enumerate(b"".join(parts)))


def _sdp6(*lines: bytes) -> bytes:
    return b"\r\n".join((b"v=0", b"o=caller 1 1 IN IP6 2001:db8::20", b"s=-", b"t=0 0", *lines, b""))


_PLAIN = SDP % {b"host": b"192.0.2.15"}
_REGISTER, _INVITE = b"REGISTER sip:example.com SIP/2.0", b"INVITE sip:user@example.com SIP/2.0"

RFC4475: dict[str, bytes] = {
    # 3.1.1: valid ones
    "escnull": made(  # 3.1.1.4
        _REGISTER,
        b"To: <sip:null-%00-null@example.com>",
        b"Contact: <sip:%00@host.example.com>, <sip:%00%00@host.example.com>",
    ),
    "esc02": made(b"RE%47IST%45R sip:example.com SIP/2.0", b'To: "%Z%45" <sip:resource@example.com>'),  # 3.1.1.5
    "lwsdisp": made(
        b"OPTIONS sip:user@example.com SIP/2.0", b"From: caller<sip:caller@example.com>;tag=323"
    ),  # 3.1.1.6
    # 3.1.2: invalid ones
    "scalarlg": made(
        b"SIP/2.0 503 Service Unavailable",
        b"Retry-After: 949302838503028349304023988",
        b"CSeq: 9292394834772304023312 OPTIONS",
    ),
    "ltgtruri": made(b"INVITE <sip:user@example.com> SIP/2.0", body=_PLAIN),  # 3.1.2.7
    "lwsstart": made(b"INVITE  sip:user@example.com  SIP/2.0", body=_PLAIN),  # 3.1.2.9
    "trws": made(b"OPTIONS sip:remote-target@example.com SIP/2.0  "),  # 3.1.2.10
    "escruri": made(b"INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0", body=_PLAIN),  # 3.1.2.11
    "baddate": made(_INVITE, b"Date: Fri, 01 Jan 2010 16:00:00 EST", body=_PLAIN),  # 3.1.2.12
    "regbadct": made(_REGISTER, b"Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E"),  # 3.1.2.13
    "badaspec": made(b"OPTIONS sip:user@example.org SIP/2.0", b'To: "Watson, Thomas" < sip:t.watson@example.org >'),
    "baddn": made(
        b"OPTIONS sip:t.watson@example.org SIP/2.0", b"From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43"
    ),
    "mismatch01": made(b"OPTIONS sip:user@example.com SIP/2.0", b"CSeq: 8 INVITE"),  # 3.1.2.17
    "mismatch02": made(b"NEWMETHOD sip:user@example.com SIP/2.0", b"CSeq: 8 INVITE"),  # 3.1.2.18
    "bigcode": made(b"SIP/2.0 4294967301 better not break the receiver"),  # 3.1.2.19
    # 3.2 and 3.3: transactions and applications
    "badbranch": made(b"OPTIONS sip:user@example.com SIP/2.0", b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"),  # 3.2.1
    "novelsc": made(b"OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"),  # 3.3.3
    "unksm2": made(
        _REGISTER, b"To: <isbn:2983792873>", b"From: <http://www.example.com>;tag=3", b"Contact: <name:John_Smith>"
    ),
    "invut": made(
        _INVITE, b"Content-Type: application/unknownformat", b"\r\n<audio>\r\n</audio>", without=(b"Content-Length",)
    ),
    "regaut01": made(_REGISTER, b"Authorization: NoOneKnowsThisScheme opaque-data=here"),  # 3.3.7
    "mcl01": made(
        b"OPTIONS sip:user@example.com SIP/2.0",
        b"Content-Length: 13",
        body=b"There's no way to know how many octets are here",
    ),
    "bcast": made(
        b"SIP/2.0 200 OK",
        b"Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923, SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23",
    ),
    "cparam02": made(_REGISTER, b"Contact: <sip:user@host.example.com;unknownparam>"),  # 3.3.13 to 3.3.14
    "regescrt": made(_REGISTER, b"Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>"),  # 3.3.14
}
"""What stands in RFC 4475, sections 3.1 to 3.3, and not among the recorded messages, by the RFC's own names."""

RFC5118: dict[str, bytes] = {
    "ipv6-good": made(
        b"REGISTER sip:[2001:db8::10] SIP/2.0",
        b"Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-1",
        b"Contact: <sip:caller@[2001:db8::1]>",
    ),
    "ipv6-bad": made(
        b"REGISTER sip:2001:db8::10 SIP/2.0", b"Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-2"
    ),  # 4.2
    "port-ambiguous": made(b"REGISTER sip:[2001:db8::10:5070] SIP/2.0", b"Contact: <sip:caller@[2001:db8::1]>"),  # 4.3
    "port-unambiguous": made(
        b"REGISTER sip:[2001:db8::10]:5070 SIP/2.0", b"Contact: <sip:caller@[2001:db8::1]>"
    ),  # 4.4
    "via-received-param-with-delim": made(
        b"OPTIONS sip:[2001:db8::10] SIP/2.0",
        b"Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-5",
    ),
    "via-received-param-no-delim": made(
        b"OPTIONS sip:[2001:db8::10] SIP/2.0",
        b"Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3-6",
    ),
    "ipv6-in-sdp": made(
        b"INVITE sip:user@[2001:db8::10] SIP/2.0",
        b"Contact: <sip:caller@[2001:db8::20]>",
        body=_sdp6(b"c=IN IP6 2001:db8::20", b"m=audio 7890 RTP/AVP 0"),
    ),
    "mult-ip-in-header": made(
        b"OPTIONS sip:user@host.example.net SIP/2.0",
        b"Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-8",
        b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8",
        b"Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj",
    ),
    "mult-ip-in-sdp": made(
        _INVITE,
        b"Contact: <sip:caller@[2001:db8::20]>",
        body=_sdp6(
            b"m=audio 22334 RTP/AVP 0", b"c=IN IP4 192.0.2.1", b"m=video 6024 RTP/AVP 107", b"c=IN IP6 2001:db8::1"
        ),
    ),
    "ipv4-mapped-ipv6": made(
        _INVITE,
        b"Contact: <sip:caller@[::ffff:192.0.2.10]>",
        b"Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKas3-10",
        body=_sdp6(b"c=IN IP6 ::ffff:192.0.2.10", b"m=audio 6000 RTP/AVP 0"),
    ),
    "ipv6-bug-abnf-3-colons": made(b"OPTIONS sip:user@[2001:db8:::192.0.2.1] SIP/2.0"),  # 4.10
}
"""The oddities of RFC 5118 section 4, by its own names."""


def torture() -> dict[str, bytes]:
    """All of them, the recorded ones included where they are there."""
    return {**{name.removesuffix(".dat"): data for name, data in corpus("sip/rfc4475", "*.dat")}, **RFC4475, **RFC5118}


BY_US = {
    "badinv01": "400 Malformed Via",
    "badvers": "505 Version Not Supported",
    "clerr": "400 Content-Length is larger than the body",
    "insuf": "400 Missing From",
    "lwsruri": "400 Malformed Request-Line",
    "multi01": "400 More than one From",
    "ncl": "400 Malformed Content-Length",
    "quotbal": "400 Malformed To",
    "scalar02": "400 CSeq number out of range",
    "ltgtruri": "400 Malformed URI",
    "lwsstart": "400 Malformed Request-Line",
    "trws": "400 Malformed Request-Line",
    "regbadct": "400 Malformed Contact",
    "badaspec": "400 Malformed URI",
    "baddn": "400 Malformed From",
    "mismatch01": "400 CSeq method does not match",
    "mismatch02": "400 CSeq method does not match",
    "mcl01": "400 More than one Content-Length",
    "ipv6-bad": "400 Malformed SIP URI",
    "ipv6-bug-abnf-3-colons": "400 Malformed IPv6 address in URI",
    "wsinv": "481 Call/Transaction Does Not Exist",  # it can be read, and stands in a dialogue nobody knows
    "zeromf": "200 OK",  # OPTIONS that goes no further (RFC 3261 section 11)
    **dict.fromkeys(("noreason", "unreason", "scalarlg", "bigcode", "bcast"), ""),  # replies to nothing are dropped
}
"""What the SBC says to it itself; nothing to what is here with an empty string."""
