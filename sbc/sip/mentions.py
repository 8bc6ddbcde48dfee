"""Addresses that bodies mention, other than session descriptions: what each kind of body says of places and users.

A kind that is known is read, and no address in it crosses, whoever's it is. Of any other the stamp hides what the other
side must not see, as it does in headers (`Mentions.swept`). What users write to each other is theirs.
"""

from __future__ import annotations

import re

import attrs

from sbc.core.message import BadMessage, Place, Role, Slot
from sbc.sip import bulk
from sbc.sip.bodies import BodyPart
from sbc.sip.dialog_info import DialogInfo, Dialogue
from sbc.sip.uri import Uri, parse_uri
from sbc.sip.xml import Span, addresses, elements, escape_xml, slot_of, slots_of, unescape_xml
from sbc.text.edits import Edits

MAX_PLACES = 64
"""The most places of one body that are looked up; others are hidden unseen."""

_DIALOGUES = "application/dialog-info+xml"
_REGISTRATIONS = "application/reginfo+xml"
_INVITED = "application/resource-lists+xml"
_MESSAGES = frozenset({"message/sip", "message/sipfrag"})
_TEXTS = frozenset({"application/simple-message-summary", "application/vq-rtcpxr", "application/rs-metadata"})
_OF_USERS = ("text/", "image/", "audio/", "video/", "message/cpim")
_OPAQUE = frozenset(
    {"application/isup", "application/qsig", "application/pkcs7-mime", "application/pkcs7-signature"}
    | {"application/octet-stream", "application/vnd.3gpp.sms"}
)
"""What is no text. Digits and dots in it are no address, and who changes one octet breaks it."""

_REGISTERED = frozenset({b"registration", b"uri"})
_USER = re.compile(rb"(?:sips?|pres|im):(?:[^\s<>\"'@]{1,256}+@)?\Z", re.IGNORECASE)
"""What stands before a host in the URI of a user."""
_REACH = 270  # octets that are looked at for it
_ENTRY = re.compile(rb"\suri\s*+=\s*+(?:\"([^\"<]*+)\"|'([^'<]*+)')")


@attrs.frozen
class Mention:
    """A place that a body tells of (`Slot.at`): where its URI stands, in XML, and what it says."""

    span: Span
    uri: Uri

    def write(self, edits: Edits, place: Place) -> None:
        """Write a place that may be told; of another the address is hidden already, and the rest may stay."""
        if not place.ours:
            edits.overwrite(*self.span, escape_xml(bulk.for_user(place.name, self.uri)))


@attrs.define
class Mentions:
    """What the bodies of one message mention: addresses and places in `slots`, `dialogues` by their names, and `swept`,
    the spans that are no further read."""

    slots: list[Slot] = attrs.field(factory=list)
    dialogues: list[Dialogue] = attrs.field(factory=list)
    swept: list[Span] = attrs.field(factory=list)

    def read(self, data: bytes, part: BodyPart) -> None:
        """Take in what a part says. Raises BadMessage on more than is ever needed, and on dialog and registration
        information that cannot be read."""
        kind, start, end, head = part
        if head < start:
            self.swept.append((head, start))  # its Content-ID is said in headers, too (RFC 2392)
        if kind == _DIALOGUES:
            told = DialogInfo(data, start, end)
            self.dialogues += told.dialogues
            self.slots += told.slots
        elif kind == _REGISTRATIONS:
            self.slots += _registrations(data, start, end)
        elif kind in _MESSAGES:
            self.slots += [slot_of(each, named=False) for each in addresses(data, start, end)]
        elif kind in _TEXTS or kind.endswith(("+xml", "/xml")):
            self.slots += _text(data, start, end, kind == _INVITED)
        elif kind not in _OPAQUE and not kind.startswith(_OF_USERS) and data.find(b"\0", start, end) < 0:
            self.swept.append((start, end))


def _registrations(data: bytes, start: int, end: int) -> list[Slot]:
    """Registrations (RFC 3680): names of users, and where they are."""
    names, places = [], []
    for name, attributes, content in elements(data, start, end, _REGISTERED):
        if name == b"uri":
            places.append(content)
        elif b"aor" in attributes:
            names.append(attributes[b"aor"])
    return slots_of(data, start, end, names) + _places(data, places)


def _text(data: bytes, start: int, end: int, invited: bool) -> list[Slot]:
    """Any text of a machine's. A host in a URI with no port is a user's; where users are `invited` (RFC 5366), in any,
    and they may be called by the places they have."""
    found = []
    for each in addresses(data, start, end):
        is_name = _USER.search(data, max(start, each.start - _REACH), each.start) is not None
        found.append(slot_of(each, is_name and (invited or not each.port)))
    if invited:
        found += _places(data, [match.span(match.lastindex or 0) for match in _ENTRY.finditer(data, start, end)])
    return found


def _places(data: bytes, spans: list[Span]) -> list[Slot]:
    """Slots of the places among these URIs that may be names of ours. They come after those of the addresses in them,
    which is the order to fill them in."""
    found = []
    for start, end in spans[:MAX_PLACES]:
        text = unescape_xml(data[start:end].strip())
        try:
            uri = parse_uri(text, 0, len(text))
            token = bulk.token_of(uri) if uri.is_sip else b""
        except BadMessage:
            continue
        if token:
            found.append(Slot(Role.HIDE, Place(uri.address), Mention((start, end), uri), token=token))
    return found
