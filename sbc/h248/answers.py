"""What the SBC answers by itself in H.248: errors (H.248.8), that it is there, that answers have arrived."""

from __future__ import annotations

import attrs

from sbc.core.address import Address
from sbc.core.message import BadMessage, Refused
from sbc.h248.causes import code_of
from sbc.h248.message import VERSIONS, Action, Body, Command, Failure, H248Message, Mid
from sbc.h248.mids import mid_text, read_mid
from sbc.h248.taken import Taken, Unread, decode, write

NAMELESS = b"sbc"
"""The MId of an answer of ours before it has any other (`in_name_of`)."""
_LONGEST = 200
"""Octets of an error's text."""


def refuse(taken: Taken, refused: Refused) -> bytes | None:
    """The reply that says `refused`; None where nothing is answered."""
    if taken.message.body is not Body.REQUEST:
        return None
    error = Failure(code_of(refused), _text(refused.why))
    return write(attrs.evolve(_reply(taken.message), error=error), taken.framed)


def complain(bad: BadMessage) -> bytes | None:
    """What is said to who sent what is no message: to a transaction a reply, else an error about the whole. None where
    not even its header could be read, and to what is an answer itself."""
    if not isinstance(bad, Unread) or bad.partial is None:
        return None
    partial = bad.partial
    error = Failure(bad.code, _text(bad.reason))
    unread = partial.body is Body.ERROR and partial.error is None  # it is not known what it would have been
    if partial.body is not Body.REQUEST and not unread:
        return None
    said = attrs.evolve(_reply(partial), error=error)
    return write(said if partial.transaction else attrs.evolve(said, body=Body.ERROR), bad.framed)


def in_name_of(answer: bytes, known: bytes, at: Address) -> bytes:
    """An answer of ours, with the MId of who has said `known`: they may take none of anybody else. Who has heard of
    nobody takes it from us, at our address `at`."""
    own = _mid_of(known) if known else mid_text(at)
    try:
        said = decode(answer)
        said.message.edit(said.message.mid.at, own)
    except BadMessage:
        return answer
    return said.encode()


def _mid_of(known: bytes) -> bytes:
    try:
        return decode(known).message.mid.text
    except BadMessage:
        return NAMELESS


def accept(taken: Taken) -> bytes | None:
    """The plain positive reply to a request that the SBC has carried out, or that only asks whether it is there."""
    message = taken.message
    if message.body is not Body.REQUEST:
        return None
    done = [
        Action(action.context, tuple(Command(each.verb, each.terminations) for each in action.commands))
        for action in message.actions
    ]
    return write(attrs.evolve(_reply(message), actions=tuple(done)), taken.framed)


def confirm(sent: bytes, reply: Taken) -> bytes | None:
    """What says that an answer, or a segment of one, has arrived; None where its sender does not ask for that."""
    message = reply.message
    if message.body is not Body.REPLY or not sent:
        return None
    try:
        taken = decode(sent)
        asked, framed = taken.message, taken.framed
    except Unread as bad:  # by what was sent there is an answer: its header says all that matters here
        if bad.partial is None:
            return None
        asked, framed = bad.partial, bad.framed
    said = attrs.evolve(_reply(asked, asked.mid.text), transaction=0)
    if message.segment is not None and not message.last:
        said = attrs.evolve(said, body=Body.SEGMENT, transaction=message.transaction, segment=message.segment)
    elif message.wants_ack:
        said = attrs.evolve(said, body=Body.ACK, acks=((message.transaction, message.transaction),))
    else:
        return None
    return write(said, framed)


def mid(own: bytes) -> Mid:
    """An MId of ours that is written as `own`."""
    found = read_mid(own)
    if found is None:
        raise ValueError(f"{own!r} is no MId")
    return found


def _reply(message: H248Message, own: bytes = NAMELESS) -> H248Message:
    """An empty reply to a message, written as it is; to a version that nobody speaks yet, in the newest one."""
    version = message.version if message.version in VERSIONS else VERSIONS[-1]
    made = H248Message(message.wire, version, mid(own), Body.REPLY, message.transaction)
    made.compact = message.compact
    return made


def _text(why: str) -> bytes:
    return why.replace('"', "'").encode("ascii", "replace")[:_LONGEST]
