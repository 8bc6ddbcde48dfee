"""Messages of MGCP for tests, built by hand: what call agents and gateways say."""

from __future__ import annotations

import re

from tests.corpora import corpus

RECORDED = [*corpus("mgcp/real", "*.mgcp"), *corpus("mgcp/lab", "*.mgcp")]
_SDP = (
    "v=0\r\no=- {number} {number} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP {format}\r\n"
)


def sdp(host: str, port: int, number: int = 1, format: int = 8) -> bytes:
    """A session description of one stream of PCMA."""
    return _SDP.format(host=host, port=port, number=number, format=format).encode()


def command(verb: str, number: int, endpoint: str, *lines: str, described: bytes = b"") -> bytes:
    head = "".join(line + "\r\n" for line in (f"{verb} {number} {endpoint} MGCP 1.0", *lines))
    return head.encode() + (b"\r\n" + described if described else b"")


def response(code: int, asked: bytes | int, *lines: str, text: str = "OK", described: tuple[bytes, ...] = ()) -> bytes:
    """The response to a command as it arrived, or to the number of one."""
    number = asked if isinstance(asked, int) else number_of(asked)
    head = "".join(line + "\r\n" for line in (f"{code:03} {number} {text}", *lines))
    return head.encode() + b"".join(b"\r\n" + each for each in described)


def number_of(data: bytes) -> int:
    """The transaction identifier of a message."""
    return int(data.split()[1])


def value(data: bytes, name: str) -> str:
    """What the parameter of that name says; empty where there is none."""
    found = re.search(rb"^" + name.encode() + rb":[ \t]*([^\r\n]*)", data.partition(b"\r\n\r\n")[0], re.MULTILINE)
    return "" if found is None else found[1].decode()


def crcx(number: int, endpoint: str, call: str = "2a", described: bytes = b"", mode: str = "sendrecv") -> bytes:
    lines = (f"C: {call}", "L: p:20, a:PCMA", f"M: {mode}")
    return command("CRCX", number, endpoint, *lines, described=described)


def mdcx(number: int, endpoint: str, connection: str, call: str = "2a", described: bytes = b"") -> bytes:
    return command("MDCX", number, endpoint, f"C: {call}", f"I: {connection}", "M: sendrecv", described=described)


def dlcx(number: int, endpoint: str, call: str = "", connection: str = "", *lines: str) -> bytes:
    said = [f"{name}: {what}" for name, what in (("C", call), ("I", connection)) if what]
    return command("DLCX", number, endpoint, *said, *lines)


def rsip(number: int, domain: str, method: str = "restart", local: str = "*", *lines: str) -> bytes:
    return command("RSIP", number, f"{local}@{domain}", f"RM: {method}", *lines)


def created(asked: bytes | int, connection: str, host: str, port: int, *lines: str) -> bytes:
    """The gateway has created, or modified, a connection."""
    said = (f"I: {connection}",) if connection else ()
    return response(200, asked, *lines, *said, described=(sdp(host, port),))
