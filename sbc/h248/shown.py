"""Messages as people may see them: in a few words, or all they say, without what is secret."""

from __future__ import annotations

import re

import attrs

from sbc.core.message import BadMessage
from sbc.h248 import text
from sbc.h248.message import Body, H248Message, Wire
from sbc.h248.taken import Taken, decode, parts
from sbc.text.secrets import MASK, hide_keys

_MOST = 16_384  # octets shown of one message
_FEW = 3  # commands that are named

_PROOF = re.compile(rb"\b(Authentication|AU)(\s{0,16}=\s{0,16})0x[0-9A-Fa-f:x]{1,256}", re.IGNORECASE)
_DIGITS = re.compile(rb'\b(ds\s{0,16}=\s{0,16})("[^"]{0,256}"|[^\s,{}"]{1,256})', re.IGNORECASE)
"""Digits that are keyed in (H.248.1 Annex E.6): they may be a card's."""
_DIGIT = re.compile(rb"\b(x?d[dg]/d)[0-9a-dso]\b", re.IGNORECASE)
_TONES = re.compile(rb"\b(tl\s{0,16}=\s{0,16})(\[[^]]{0,256}\]|[^\s,{}]{1,256})", re.IGNORECASE)
"""One by one, as events and as signals, and as the tones of a list (Annex E.3 to E.6)."""


def tell(data: bytes) -> str:
    """What a message is: ``Transaction 9999 Add Modify``, ``Reply 9999 Add``, ``Pending 9``; of several the first."""
    pieces = parts(data)
    more = f" and {len(pieces) - 1} more" if len(pieces) > 1 else ""
    try:
        return _words(decode(pieces[0]).message) + more
    except BadMessage as bad:
        return bad.reason


def _words(message: H248Message) -> str:
    word = "Transaction" if message.body is Body.REQUEST else message.body.value.capitalize()
    verbs = [command.verb.value for command in message.commands]
    said = [word]
    if message.transaction:
        said.append(str(message.transaction))
    said += verbs[:_FEW]
    if len(verbs) > _FEW:
        said.append(f"and {len(verbs) - _FEW} more")
    error = message.error or next((each.error for each in message.actions if each.error is not None), None)
    error = error or next((each.error for each in message.commands if each.error is not None), None)
    if error is not None:
        said.append(f"error {error.code}")
    return " ".join(said)


def mask(data: bytes) -> bytes:
    """All that a message says; one in binary as the text encoding would say what the SBC has understood of it."""
    return b"\n".join(map(_masked, parts(data)))[:_MOST]


def _masked(data: bytes) -> bytes:
    try:
        taken = decode(data)
    except BadMessage as bad:
        return f"{bad.reason}: {data[:64].hex()}".encode()
    said = _as_text(taken)
    said = _PROOF.sub(rb"\1\2" + MASK, said)
    said = hide_keys(said)
    for pattern in (_DIGITS, _TONES, _DIGIT):
        said = pattern.sub(rb"\1" + MASK, said)
    return said


def _as_text(taken: Taken) -> bytes:
    message = taken.message
    if message.wire is Wire.TEXT:
        return message.data
    shown = H248Message(Wire.TEXT, message.version, message.mid, message.body, message.transaction)
    shown = attrs.evolve(shown, actions=message.actions, error=message.error, acks=message.acks)
    shown = attrs.evolve(shown, segment=message.segment, last=message.last)
    return b"(binary) " + text.write(shown)
