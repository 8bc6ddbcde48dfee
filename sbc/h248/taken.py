"""A message as the dialect's functions hand it on: the codec's, what it answers, and the descriptions in it."""

from __future__ import annotations

import attrs

from sbc.core.message import BadMessage
from sbc.h248 import binary, text
from sbc.h248.contexts import places
from sbc.h248.memo import Memo, matched, places_of
from sbc.h248.message import BadH248, Body, Command, Group, H248Message, Wire
from sbc.h248.sweep import sweep
from sbc.octets import tpkt
from sbc.text.edits import Edits
from sbc.text.sdp import Sdp


@attrs.define(eq=False)
class Described:
    """One alternative of a description, read: its slots, and the edits that fill them."""

    group: Group
    sdp: Sdp
    edits: Edits


class Unread(BadH248):
    """What came is no message, or holds what is none. `framed`: it came by a connection, in a packet."""

    def __init__(self, reason: str, code: int, partial: H248Message | None, framed: bool) -> None:
        super().__init__(reason, code, partial)
        self.framed = framed


@attrs.define(eq=False)
class Taken:
    """The codec's `message`. `framed`: it comes, or goes, by a connection, in a packet (TPKT). `asked` is the request
    that it answers, where that is known. `hidden` are the hosts that are not to be seen where it goes, `ours` stands
    for them there. `remarks` are what is to be said of it when it has crossed."""

    message: H248Message
    framed: bool = False
    asked: Memo | None = None
    came: bytes = b""
    descriptions: list[Described] = attrs.field(factory=list)
    hidden: frozenset[str] = frozenset()
    ours: str = ""
    remarks: list[tuple[str, str]] = attrs.field(factory=list)

    def answered(self) -> list[tuple[Command, int | None]]:
        """Each command, and of an answer which command of its request it is to, by its place, where that is known."""
        commands = self.message.commands
        if self.asked is None:
            return [(command, None) for command in commands]
        return list(zip(commands, matched(self.asked, commands, self.asked.begins(self.message)), strict=True))

    def places(self) -> list[int]:
        """Of which of the calls that it, or its request, is about each action is (`contexts.places`)."""
        actions = self.message.actions
        if self.message.body is Body.REQUEST:
            return places(actions)
        if self.asked is None:
            return [0] * len(actions)
        return places_of(self.asked, self.message, [place for _, place in self.answered()])

    def encode(self) -> bytes:
        """Its octets. @raises BadMessage."""
        for each in self.descriptions:
            each.sdp.finish()
            said = each.edits.apply(each.group.text)
            if said != each.group.text:
                self.message.edit(each.group.at, said)
        self.descriptions.clear()
        data = self.message.encode()
        if self.hidden:
            swept = sweep(data, self.message.wire is Wire.BINARY, self.hidden, self.ours)
            if swept != data:
                self.remarks.append(("swept", "an address where none belongs"))
                data = swept
        if len(data) > text.MAX_MESSAGE:  # of either wire: an address of ours may be longer than theirs
            raise BadMessage("message too long")
        if not self.framed:
            return data
        return self.came if self.came and data == self.message.data else tpkt.wrap(data)


def decode(data: bytes) -> Taken:
    """Read a message, text or binary, in a packet or by itself. @raises BadMessage."""
    framed = is_framed(data)
    inner = data[tpkt.HEADER :] if framed else data
    codec = binary if is_binary(inner) else text
    try:
        return Taken(codec.decode(inner), framed, came=data if framed else b"")
    except BadH248 as bad:
        raise Unread(bad.reason, bad.code, bad.partial, framed) from bad


def parts(data: bytes) -> tuple[bytes, ...]:
    """The messages of one transaction each that `data` is made of; what cannot be told apart is one."""
    framed = is_framed(data)
    inner = data[tpkt.HEADER :] if framed else data
    codec = binary if is_binary(inner) else text
    try:
        found = tuple(codec.parts(inner))
    except BadMessage:
        found = ()
    if len(found) < 2:
        return (data,)
    return tuple(map(tpkt.wrap, found)) if framed else found


def write(message: H248Message, framed: bool) -> bytes:
    """The octets of a message that is made, not read."""
    codec = binary if message.wire is Wire.BINARY else text
    data = codec.write(message)
    return tpkt.wrap(data) if framed else data


def carried(data: bytes, framed: bool) -> bytes:
    """A message as it goes by a connection, in a packet, or by itself."""
    if is_framed(data) == framed:
        return data
    return tpkt.wrap(data) if framed else data[tpkt.HEADER :]


def is_framed(data: bytes) -> bool:
    """Whether it is a packet of a connection (TPKT): neither text nor BER begins as one does."""
    return data[:1] == b"\x03" and len(data) > tpkt.HEADER


def is_binary(data: bytes) -> bool:
    """Whether it is BER: a message is a SEQUENCE, and no text begins with its tag, the digit 0."""
    return data[:1] == b"\x30"
