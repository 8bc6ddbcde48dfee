"""Messages of H.248 for tests, written by hand as text; and the same in binary.

What they say in binary is written by the codec under test, whose own tests hold it to what others have written.
"""

from __future__ import annotations

from collections.abc import Callable

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


def media(*, local: bytes = b"", remote: bytes = b"", mode: bytes = b"SendReceive", stream: int = 1) -> bytes:
    """A Media descriptor of one stream."""
    parts = [b"LocalControl { Mode = %b }" % mode]
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
