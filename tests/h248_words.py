"""Messages of H.248 for tests, written by hand as text; and the same in binary.

What they say in binary is written by the codec under test, whose own tests hold it to what others have written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from sbc.core.address import Address
from sbc.h248 import binary, text
from sbc.h248.message import Command, H248Message, Termination, Wire

VERSION = 1
LINE = b"aaln/1"
"""A physical termination: a telephone line."""
WIRES = ("text", "binary")


def message(mid: bytes | Address, *bodies: bytes, version: int = VERSION) -> bytes:
    """A message of these transactions, from who calls itself so."""
    said = f"[{mid.host}]:{mid.port}".encode() if isinstance(mid, Address) else mid
    return b"MEGACO/%d %b\r\n%b\r\n" % (version, said, b"\r\n".join(bodies))


def transaction(number: int, context: bytes | int, *commands: bytes) -> bytes:
    return b"Transaction = %d {\r\n %b\r\n}" % (number, action(context, *commands))


def reply(number: int, context: bytes | int, *commands: bytes, ack: bool = False) -> bytes:
    wants = b"ImmAckRequired, " if ack else b""
    return b"Reply = %d {\r\n %b%b\r\n}" % (number, wants, action(context, *commands))


def action(context: bytes | int, *commands: bytes) -> bytes:
    said = b"%d" % context if isinstance(context, int) else context
    return b"Context = %b { %b }" % (said, b", ".join(commands))


def failed(number: int, code: int, why: bytes = b"because") -> bytes:
    return b'Reply = %d { Error = %d { "%b" } }' % (number, code, why)


def registration(number: int, method: bytes = b"Restart", reason: bytes = b"901 Cold Boot", *more: bytes) -> bytes:
    """The ServiceChange of a whole gateway; `more` stands beside method and reason."""
    said = b", ".join((b"Method = " + method, b'Reason = "%b"' % reason, *more))
    return transaction(number, b"-", b"ServiceChange = ROOT { Services { %b } }" % said)


def sdp(host: str = "$", port: int | str = "$", more: bytes = b"") -> bytes:
    said = f"v=0\r\nc=IN IP4 {host}\r\nm=audio {port} RTP/AVP 8\r\n"
    return said.encode() + more


def media(
    *, local: bytes = b"", remote: bytes = b"", mode: bytes = b"SendReceive", stream: int = 1, group: bytes = b""
) -> bytes:
    """A Media descriptor of one stream. `group`: its ReserveGroup."""
    parts = [b"LocalControl { Mode = %b%b }" % (mode, b", ReserveGroup = " + group if group else b"")]
    parts += [b"Local {\r\n%b}" % local] if local else []
    parts += [b"Remote {\r\n%b}" % remote] if remote else []
    return b"Media { Stream = %d { %b } }" % (stream, b", ".join(parts))


def command(verb: bytes, termination: bytes, *descriptors: bytes) -> bytes:
    said = b"%b = %b" % (verb, termination)
    return said + b" { %b }" % b", ".join(descriptors) if descriptors else said


def statistics(**figures: int) -> bytes:
    """Of RTP and of the network: ``rtp_ps=10``."""
    return b"Statistics { %b }" % b", ".join(b"%b = %d" % (k.replace("_", "/").encode(), v) for k, v in figures.items())


def as_binary(data: bytes) -> bytes:
    """The same message in binary. Terminations are called by the octets of their names there."""
    said = text.decode(data)
    actions = tuple(attrs.evolve(each, commands=tuple(map(_binary_command, each.commands))) for each in said.actions)
    made = H248Message(Wire.BINARY, said.version, said.mid, said.body, said.transaction, actions)
    made = attrs.evolve(made, error=said.error, acks=said.acks, wants_ack=said.wants_ack, segment=said.segment)
    return binary.write(attrs.evolve(made, last=said.last))


def _binary_command(said: Command) -> Command:
    return attrs.evolve(said, terminations=tuple(map(_binary_name, said.terminations)))


def _binary_name(said: Termination) -> Termination:
    if said.key == b"root" or said.choose or said.every:
        return said
    name = said.name.hex().encode()
    return Termination(name, name)


WRITERS: dict[str, Callable[[bytes], bytes]] = {"text": bytes, "binary": as_binary}
"""How a message, given as text, goes by each wire."""


def together(messages: Sequence[bytes]) -> bytes:
    """One message of the transactions of several, all of one sender and one wire."""
    first, *others = messages
    if first[:1] != b"0":
        head = first.partition(b"\r\n")[0]
        assert all(each.startswith(head) for each in others)
        return b"".join((first, *(each.removeprefix(head) for each in others)))
    opened = [_opened(each) for each in messages]
    head = opened[0][0]
    return _tlv(0x30, _tlv(0xA1, head + _tlv(0xA2, _tlv(0xA1, b"".join(body for _, body in opened)))))


def _opened(data: bytes) -> tuple[bytes, bytes]:
    """Of a message in binary what stands before its transactions, and those (Annex A)."""
    said = _within(_within(data)[1])[1]
    at = 0
    for _ in range(2):  # the version, and who sends it
        at += _within(said[at:])[0]
    return said[:at], _within(_within(said[at:])[1])[1]


def _within(data: bytes) -> tuple[int, bytes]:
    """The size of the element that octets begin with, and what is in it."""
    length, at = data[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at], "big")
    return at + length, data[at : at + length]


def _tlv(tag: int, content: bytes) -> bytes:
    return bytes((tag, 0x82)) + len(content).to_bytes(2, "big") + content
