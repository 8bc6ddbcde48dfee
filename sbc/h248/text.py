"""H.248 messages in the text encoding, long and short: read once, written in place (H.248.1 Annex B)."""

from __future__ import annotations

import re

import attrs

from sbc.core.message import BadMessage
from sbc.h248.message import VERSIONS, Action, BadH248, Body, H248Message, Mark, Mid, Wire
from sbc.h248.mids import read_mid, read_place
from sbc.h248.reading import Reader
from sbc.h248.scan import LW, SAFE, Spot, at_end, skip
from sbc.h248.tokens import BODIES, CONTEXT, ENDS
from sbc.h248.writing import write
from sbc.text.edits import Edits

__all__ = ["MAX_MESSAGE", "MAX_PARTS", "TextMessage", "decode", "parts", "write"]

MAX_MESSAGE = 65_535
"""The longest message, in octets: what a UDP datagram can hold."""
MAX_PARTS = 16
"""The most transactions of one message that are taken."""
MAX_ACKS = 256
"""The most ranges of one TransactionResponseAck."""
LAST_ID = 0xFFFF_FFFF

_HEADER = re.compile(
    LW + rb"((?:Authentication|AU)" + LW + rb"=" + LW + SAFE + rb"++(?::" + SAFE + rb"++){2}" + LW + rb")?"
    rb"(MEGACO|!)/([0-9]{1,2}+)" + LW
    + rb"(\[[^]\r\n]*+\](?::[0-9]++)?|<[^>\r\n]*+>(?::[0-9]++)?|MTP[ \t]*+\{[^}]*+\}|" + SAFE + rb"++)" + LW,
    re.IGNORECASE,
)  # fmt: skip
_BODY = re.compile(
    LW + rb"([A-Za-z]++)" + LW
    + rb"(?:=" + LW + rb"([0-9]++)(?:/([0-9]++)(?:/(" + SAFE + rb"++))?)?" + LW + rb")?(\{)?"
)  # fmt: skip
_ACK = re.compile(LW + rb"([0-9]{1,10}+)(?:" + LW + rb"-" + LW + rb"([0-9]{1,10}+))?" + LW + rb"([,}])")
_NAME = re.compile(SAFE + rb"{1,256}")
_EMPTY = re.compile(LW + rb"\}")


@attrs.define(eq=False, slots=False)
class TextMessage(H248Message):
    """A message in the text encoding. Marks are spans of `data` (Spot), which never changes. `lists` are the insides of
    its Topology and Mux descriptors, which name terminations."""

    lists: list[tuple[int, int]] = attrs.field(factory=list, repr=False)
    edits: Edits = attrs.field(factory=Edits, repr=False)
    _dropped: list[Spot] = attrs.field(factory=list, repr=False)

    def edit(self, at: Mark, new: bytes) -> None:
        """See H248Message."""
        kind = at.kind
        if kind == "group":
            new = _escaped(new.rstrip())
        elif not _fits(kind, new):
            raise BadMessage(f"{new[:64]!r} is no {kind}")
        self.edits.replace(at.start, at.end, new)

    def drop(self, at: Mark) -> None:
        """See H248Message."""
        if at.items is None and at.kind != "header":
            raise BadMessage(f"a {at.kind} cannot be missing")
        if at not in self._dropped:
            self._dropped.append(at)

    def encode(self) -> bytes:
        """See H248Message."""
        if not self.edits and not self._dropped:
            return self.data
        edits = self.edits
        for spot in self._dropped:
            edits.drop(*_without(spot, self._dropped))
        data = edits.apply(self.data)
        if len(data) > MAX_MESSAGE:
            raise BadMessage("message too long")
        return data


def _fits(kind: str, new: bytes) -> bool:
    """Whether `new` can stand at a spot of that kind."""
    if kind == "number":
        return new.isdigit() and len(new) <= 10
    if kind == "mid":
        return read_mid(new) is not None
    if kind == "name":
        return _NAME.fullmatch(new) is not None
    return kind == "place" and read_place(new) is not None


def _escaped(text: bytes) -> bytes:
    """A session description as an octet string (nonEscapeChar). @raises BadMessage where it cannot be one."""
    if b"\x00" in text or text.endswith(b"\\"):
        raise BadMessage("no octet string")
    return text.replace(b"}", b"\\}") if b"}" in text else text


def _without(spot: Spot, dropped: list[Spot]) -> tuple[int, int]:
    """What is to go with a parameter: the comma behind it, or where all behind it go, too, the one before it."""
    if spot.items is None:
        return spot.start, spot.end
    items, index = spot.items, spot.nth
    gone = {each.nth for each in dropped if each.items is items}
    if any(later not in gone for later in range(index + 1, len(items))):
        return items[index][0], items[index + 1][0]
    return (items[index - 1][1] if index else items[0][0]), items[index][1]


def decode(data: bytes) -> TextMessage:
    """Read a message of one transaction. @raises BadH248, with the message as far as it was read."""
    if len(data) > MAX_MESSAGE:
        raise BadH248("message too long")
    header = _HEADER.match(data)
    if header is None:
        raise BadH248("no H.248 message")
    mid = read_mid(header[4])
    if mid is None:
        raise BadH248("malformed message identifier")
    at = Spot(*header.span(4), "mid")
    message = TextMessage(
        Wire.TEXT, int(header[3]), Mid(mid.form, mid.address, mid.text, mid.name, at), Body.ERROR,
        compact=header[2] == b"!", data=data,
    )  # fmt: skip
    if header[1] is not None:
        message.signed, message.signed_at = True, Spot(*header.span(1), "header")
    try:
        end = _read_body(message, header.end())
        if not at_end(data, end):
            several = _BODY.match(data, end)
            if several is not None and several[1].lower() in BODIES:
                raise BadH248("several transactions in one message", 413)
            raise BadH248("something after the end of the transaction")
    except BadH248 as bad:
        bad.partial = message
        raise
    return message


def _read_body(message: TextMessage, pos: int) -> int:
    """Read the transaction at `pos`; where it ends."""
    match = _BODY.match(message.data, pos)
    body = None if match is None else BODIES.get(match[1].lower())
    if match is None or body is None:
        raise BadH248("no transaction")
    message.body = body
    number, segment, last, brace = match.group(2, 3, 4, 5)
    if body is not Body.ACK and body is not Body.ERROR:
        if number is None or len(number) > 10 or int(number) > LAST_ID:
            raise BadH248("malformed TransactionID", 403)
        message.transaction = int(number)
        message.transaction_at = Spot(*match.span(2), "number")
    if message.version not in VERSIONS:
        raise BadH248("version not supported", 406)  # said only now, so that the answer can name the transaction
    if segment is not None:
        _read_segment(message, segment, last)
    if body is Body.SEGMENT:
        if segment is None or brace is not None:
            raise BadH248("malformed segment acknowledgement", 403)
        return match.end() if last is None else match.end(4)
    if brace is None:
        raise BadH248("a transaction without braces", 403)
    if body is Body.REQUEST:
        if not message.transaction:
            raise BadH248("no such TransactionID", 403)
        return _read_actions(message, match.end(), 403)
    if body is Body.REPLY:
        return _read_actions(message, match.end(), 400)
    if body is Body.ACK:
        return _read_acks(message, match.end())
    if body is Body.ERROR:
        return _read_error(message, match)
    empty = _EMPTY.match(message.data, match.end())
    return skip(message.data, match.end()) if empty is None else empty.end()


def _read_segment(message: TextMessage, segment: bytes, last: bytes | None) -> None:
    if len(segment) > 5 or int(segment) > 65_535 or message.body not in (Body.REPLY, Body.SEGMENT):
        raise BadH248("malformed segment number", 403)
    if last is not None and last.lower() not in ENDS:
        raise BadH248("malformed segment number", 403)
    message.segment, message.last = int(segment), last is not None


def _read_actions(message: TextMessage, pos: int, code: int) -> int:
    """The actions of a request or reply, or the error that stands for them."""
    reader = Reader(message.data)
    actions: list[Action] = []
    closed = False
    while not closed:
        item = reader.item(pos, code)
        name, pos = item[1], item.end()
        word = None if name is None else CONTEXT.get(name.lower())
        if word == "context":
            action, pos, closed = reader.action(item, code)
            actions.append(action)
        elif word == "error" and message.body is Body.REPLY:
            message.error, pos, closed = reader.failure(item, code)
        elif word == "immackrequired" and message.body is Body.REPLY:
            message.wants_ack = True
            closed = item[3] == b"}"
        elif name is None and (actions or message.body is Body.REPLY):
            closed = True
        else:
            raise BadH248("no action", code)
    message.actions, message.lists = tuple(actions), reader.lists
    return pos


def _read_acks(message: TextMessage, pos: int) -> int:
    acks: list[tuple[int, int]] = []
    while True:
        match = _ACK.match(message.data, pos)
        if match is None or len(acks) == MAX_ACKS:
            raise BadH248("malformed TransactionResponseAck")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last or last > LAST_ID:
            raise BadH248("malformed TransactionResponseAck")
        acks.append((first, last))
        pos = match.end()
        if match[3] == b"}":
            message.acks = tuple(acks)
            return pos


def _read_error(message: TextMessage, match: re.Match[bytes]) -> int:
    """An error that is the whole message."""
    reader = Reader(message.data)
    item = reader.item(match.start(1), 400)
    if item[3] != b"{":
        raise BadH248("malformed error")
    message.error, end = reader.error(item, 400)
    return end


def parts(data: bytes) -> tuple[bytes, ...]:
    """The messages of one transaction each that a message is made of: its header and one of them. What is one message,
    has too many, or cannot be told apart, comes back as it is: `decode` says so."""
    header = _HEADER.match(data)
    if header is None or len(data) > MAX_MESSAGE:
        return (data,)
    pos = header.end()
    spans: list[tuple[int, int]] = []
    try:
        while not at_end(data, pos):
            match = _BODY.match(data, pos)
            if match is None or match[1].lower() not in BODIES or len(spans) == MAX_PARTS:
                return (data,)
            pos = max(match.end(3), match.end(4), match.end(2)) if match[5] is None else skip(data, match.end())
            spans.append((match.start(1), pos))
    except BadH248:
        return (data,)
    if len(spans) < 2:
        return (data,)
    return tuple(data[: header.end()] + data[start:end] for start, end in spans)
