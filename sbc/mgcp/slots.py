"""Where addresses stand in an MGCP message, and how others are written there: the domain of who registers, and session
descriptions (RFC 3435 sections 2.1.2 and 3.4).

In a command the description is the remote one, of the call agent; in a response the first is the local one, of the
gateway. What else is described repeats what the other side had said. The other domains are written by `stamp`, which
knows which side they are of.
"""

from __future__ import annotations

from sbc.core.message import BadMessage, Place, Role, Slot
from sbc.mgcp.codec import MgcpMessage
from sbc.mgcp.codes import BAD_DESCRIPTION
from sbc.mgcp.describe import bad, identifier, joining, method_of, name_of
from sbc.mgcp.memo import Memo
from sbc.mgcp.names import Name, domain, member
from sbc.text.sdp import Sdp

_MOVES = ("CRCX", "MDCX")


def slots(message: MgcpMessage) -> list[Slot]:
    """All of them. @raises BadMessage."""
    found: list[Slot] = []
    if message.verb == "RSIP":
        name = name_of(message)
        found.append(Slot(Role.SIGNAL, Place(name.address), name, expires=0 if _ends(message) else None))
    if not message.bodies:
        return found
    try:
        read = [Sdp(message.data, start, end, message.edits) for start, end in message.bodies]
    except BadMessage as wrong:
        bad(message, wrong.reason, BAD_DESCRIPTION)
    message.cache["sdp"], message.cache["described"] = read, [len(each.media) for each in read]
    for index, sdp in enumerate(read):
        for slot in sdp.slots:
            if slot.stream is not None:
                _name(message, slot, index)
            found.append(slot)
    return found


def _ends(message: MgcpMessage) -> bool:
    return method_of(message) == "forced" and name_of(message).local == b"*"


def _name(message: MgcpMessage, slot: Slot, index: int) -> None:
    """Say which stream of which connection a slot is of: until its gateway has named that, of which command."""
    line, asked = slot.stream, message.asked
    assert isinstance(line, int)
    if message.code is None:
        _name_of_command(message, slot, line, index)
        return
    if not isinstance(asked, Memo):
        slot.stream = f"{index}.{line}"
        return
    if asked.verb == "CRCX":
        joins = joining(message, asked)
        slot.member = joins[0] if joins else b""
        if line < asked.described and index == 0:
            slot.channel, slot.by_other = b"%d.%d" % (int(asked.number), line), True
        slot.stream = stream_of(slot.member, line) if slot.member else f"t{int(asked.number)}.{line}"
        slot.primary &= bool(slot.member)
    else:
        slot.member = member(asked.endpoint, asked.connection) if asked.connection else b""
        slot.stream = stream_of(slot.member, line) if slot.member else f"{index}.{line}"
    if index or asked.verb not in _MOVES or asked.remote_only:
        slot.primary = False


def _name_of_command(message: MgcpMessage, slot: Slot, line: int, index: int) -> None:
    if message.verb == "CRCX":
        slot.stream, slot.channel = f"t{message.number}.{line}", b"%d.%d" % (message.number, line)
    else:
        connection = identifier(message, "I")
        slot.member = member(name_of(message).local, connection) if connection else b""
        slot.stream = stream_of(slot.member, line) if slot.member else f"{index}.{line}"
    if index or message.verb not in _MOVES:
        slot.primary = False


def stream_of(who: bytes, line: int) -> str:
    """What the core calls a stream of a connection: the first media line's bears its name."""
    name = who.decode("latin-1")
    return f"{name} {line}" if line else name


def fill(message: MgcpMessage, slot: Slot, place: Place) -> None:
    """Write a place into a slot."""
    if isinstance(slot.at, Name):
        if slot.at.is_address:
            message.edits.replace(slot.at.start, slot.at.end, domain(place.address.host))
        return
    Sdp.fill(slot, place)
