"""The binary encoding of H.248 (H.248.1 Annex A): messages as BER that is read once, written in place, and for the rest
passed as it came.

No ASN.1 library is needed: what matters is found by a few tags (`sbc.h248.binary_commands`), and what has no meaning
here is only well-formed.
"""

from __future__ import annotations

from collections.abc import Sequence

from sbc.core.message import BadMessage
from sbc.h248 import ber, properties
from sbc.h248.ber import Changes, Tlv
from sbc.h248.binary_commands import action
from sbc.h248.binary_values import (
    LARGEST,
    MID_FORMS,
    PLACE_FORMS,
    Spot,
    What,
    context_number,
    failure,
    mid,
    only,
    parsed,
    termination_octets,
    unsigned,
    wanted,
    write_mid,
)
from sbc.h248.binary_write import write
from sbc.h248.message import VERSIONS, BadH248, Body, Form, H248Message, Mark, Mid, Wire
from sbc.h248.mids import read_mid, read_place

__all__ = ["MAX_MESSAGE", "MAX_PARTS", "BinaryMessage", "decode", "parts", "write"]

MAX_MESSAGE = 65_535
"""The longest message, in octets."""
MAX_PARTS = 16
"""The most transactions in one message."""
_BODIES = (Body.REQUEST, Body.PENDING, Body.REPLY, Body.ACK, Body.SEGMENT)
"""The alternatives of a transaction, by their tags."""
_ERROR, _TRANSACTIONS = 0, 1
"""Those of a message's body."""
_MESSAGE, _BODY, _LIST = 0xA1, 0xA2, 0xA1
"""On the way to the transactions: their first octets."""


class BinaryMessage(H248Message):
    """One message as it came, and what is to be written in it. `root` is all of it as a tree."""

    root: Tlv
    _written: dict[Tlv, Changes]  # what is to be written at each spot

    def edit(self, at: Mark, new: bytes) -> None:
        """As H248Message has it. @raises BadMessage."""
        what, tlv, _ = self._spot(at)
        changes = Changes(self.data)
        if what is What.NUMBER:
            changes.content(tlv, ber.whole(parsed(new, LARGEST)))
        elif what is What.CONTEXT:
            changes.content(tlv, ber.whole(context_number(new)))
        elif what is What.MID:
            write_mid(tlv, _said(new, what), MID_FORMS, changes)
        elif what is What.PLACE:
            write_mid(tlv, _said(new, what), PLACE_FORMS, changes)
        elif what is What.GROUP:
            properties.rewrite(self.data, tlv, new, changes)
        elif what is What.TERMINATION:
            changes.replace(tlv, ber.wrap(self.data[tlv.at], termination_octets(new.lower())))
        else:
            raise BadMessage("nothing is written there")
        self._written[tlv] = changes

    def drop(self, at: Mark) -> None:
        """As H248Message has it. @raises BadMessage."""
        _, tlv, whole = self._spot(at)
        if whole is None:
            raise BadMessage("that must be there")
        self._written[tlv] = changes = Changes(self.data)
        changes.replace(whole, b"")

    def _spot(self, at: Mark) -> Spot:
        if not isinstance(at, Spot):
            raise BadMessage("no spot of this message")
        return at

    def encode(self) -> bytes:
        """As H248Message has it. @raises BadMessage."""
        if not self._written:
            return self.data
        changes = Changes(self.data)
        for each in self._written.values():
            changes.take(each)
        octets = changes.apply(self.root)
        if len(octets) > MAX_MESSAGE:
            raise BadMessage("message too long")
        return octets


def _said(text: bytes, what: What) -> Mid:
    said = read_place(text) if what is What.PLACE else read_mid(text)
    if said is None or (said.form is Form.MTP and not 4 <= len(said.name) <= 8):
        raise BadMessage("no identifier")
    return said


def decode(data: bytes) -> BinaryMessage:
    """Read one message with one transaction. @raises BadH248, and nothing else; 413 where it has several, which `parts`
    takes apart."""
    message: BinaryMessage | None = None
    try:
        root = _read(data)
        message, body = _header(data, root)
        _read_body(data, message, body)
    except BadMessage as bad:
        if message is None or message.version in VERSIONS:
            raise BadH248(bad.reason, bad.code if isinstance(bad, BadH248) else 400, message) from bad
    if message.version not in VERSIONS:  # it is answered, by the number of its transaction
        raise BadH248("version not supported", 406, message)
    return message


def parts(data: bytes) -> Sequence[bytes]:
    """The messages of one transaction each that a message comes to; it alone where it has one, is none, or has too
    many: then `decode` says so."""
    if _is_one(data):
        return (data,)
    try:
        root = _read(data)
        listed = _body(wanted(root.part(1), "message"))
    except BadMessage:
        return (data,)
    found = listed.parts or []
    if listed.tag & 0x1F == _ERROR or not 1 < len(found) <= MAX_PARTS:
        return (data,)
    made = []
    for each in found:
        changes = Changes(data)
        for other in found:
            if other is not each:
                changes.replace(other, b"")
        made.append(changes.apply(root))
    return tuple(made)


def _is_one(data: bytes) -> bool:
    """Whether a message has one transaction, or an error, as far as a glance along its first elements tells."""
    try:
        start, end = ber.span(data, 0, len(data))
        for tag in (_MESSAGE, _BODY, _LIST):
            while data[start] != tag:
                _, start = ber.span(data, start, end)
            start, end = ber.span(data, start, end)
        return ber.span(data, start, end)[1] == end
    except (BadMessage, IndexError):
        return False


def _read(data: bytes) -> Tlv:
    if len(data) > MAX_MESSAGE:
        raise BadH248("message too long")
    root = ber.read(data)
    if root.tag != ber.SEQUENCE or root.parts is None:
        raise BadMessage("no message")
    return root


def _body(inner: Tlv) -> Tlv:
    """The error descriptor, or the list of transactions."""
    chosen = only(inner.part(2), "body")
    if chosen.tag & 0xC0 != 0x80 or chosen.tag & 0x1F > _TRANSACTIONS or chosen.parts is None:
        raise BadMessage("no body")
    return chosen


def _header(data: bytes, root: Tlv) -> tuple[BinaryMessage, Tlv]:
    """The message without its body, and that."""
    inner, signed = wanted(root.part(1), "message"), root.part(0)
    message = BinaryMessage(
        Wire.BINARY,
        unsigned(data, inner.part(0), 99, "version"),
        mid(data, only(inner.part(1), "identifier")),
        Body.ERROR,
        signed=signed is not None,
        signed_at=None if signed is None else Spot(What.PART, signed, signed),
        data=data,
    )
    message.root = root
    message._written = {}
    return message, _body(inner)


def _read_body(data: bytes, message: BinaryMessage, body: Tlv) -> None:
    if body.tag & 0x1F == _ERROR:
        message.error = failure(data, body)
        return
    transactions = body.parts or []
    if len(transactions) != 1:
        raise BadH248("several transactions" if transactions else "no transaction", 413 if transactions else 400)
    tlv = transactions[0]
    number = tlv.tag & 0x1F
    if tlv.tag & 0xC0 != 0x80 or number >= len(_BODIES):
        raise BadMessage("unknown transaction")
    message.body = _BODIES[number]
    if message.body is Body.ACK:
        message.acks = tuple([_acknowledged(data, each) for each in tlv.parts or ()])
        return
    identifier = wanted(tlv.part(0), "transaction")
    message.transaction = unsigned(data, identifier, LARGEST, "transaction")
    message.transaction_at = Spot(What.NUMBER, identifier)
    if message.body is Body.REQUEST:
        actions = wanted(tlv.part(1), "actions")
        try:
            message.actions = tuple([action(data, each, False) for each in actions.parts or ()])
        except BadH248:
            raise
        except BadMessage as bad:
            raise BadH248(bad.reason, 403) from bad
    elif message.body is Body.REPLY:
        _read_reply(data, message, tlv)
    elif message.body is Body.SEGMENT:
        message.segment = unsigned(data, tlv.part(1), 0xFFFF, "segment")
        message.last = tlv.part(2) is not None


def _read_reply(data: bytes, message: BinaryMessage, tlv: Tlv) -> None:
    message.wants_ack = tlv.part(1) is not None
    segment = tlv.part(3)
    message.segment = None if segment is None else unsigned(data, segment, 0xFFFF, "segment")
    message.last = tlv.part(4) is not None
    result = only(tlv.part(2), "result")
    if result.tag & 0x1F == 0:
        message.error = failure(data, result)
    else:
        message.actions = tuple([action(data, each, True) for each in result.parts or ()])


def _acknowledged(data: bytes, tlv: Tlv) -> tuple[int, int]:
    first, last = unsigned(data, tlv.part(0), LARGEST, "transaction"), tlv.part(1)
    return first, first if last is None else unsigned(data, last, LARGEST, "transaction")
