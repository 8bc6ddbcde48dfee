"""Q.931 messages as H.225.0 uses them (its clause 7.2): a head, and information elements as spans of the octets."""

from __future__ import annotations

import attrs

from sbc.core.message import BadMessage

DISCRIMINATOR = 8
CAUSE, DISPLAY, CALLING, CALLED, USER_USER = 0x08, 0x28, 0x6C, 0x70, 0x7E
"""Information elements, as `Element.kind` names them."""
MOST_ELEMENTS = 64
LONGEST_ELEMENT = 131
"""Octets of a display's text or a number, more than which nobody is shown."""

NAMES = {
    0x01: "alerting",
    0x02: "callProceeding",
    0x03: "progress",
    0x05: "setup",
    0x07: "connect",
    0x0D: "setupAcknowledge",
    0x0F: "connectAcknowledge",
    0x45: "disconnect",
    0x4D: "release",
    0x5A: "releaseComplete",
    0x62: "facility",
    0x6E: "notify",
    0x75: "statusInquiry",
    0x7B: "information",
    0x7D: "status",
}
"""Message types, by the names that H.225.0 gives their user-user parts."""
TYPES = {name: number for number, name in NAMES.items()}

_X680 = 5  # the protocol discriminator of a user-user element whose content is ASN.1


@attrs.frozen
class Element:
    """One information element: `start` to `end` in the message's octets, its content from `content` on. `kind` is its
    identifier; where another codeset than 0 counts, that times 256 is added."""

    kind: int
    start: int
    content: int
    end: int
    octets: bytes


@attrs.frozen
class Q931:
    """A message's head and elements, in order. `from_destination` is the call reference's flag: who sends it did not
    allocate the reference. `after` is where the elements begin."""

    type: int
    call_reference: int
    from_destination: bool
    after: int
    elements: tuple[Element, ...]

    @property
    def name(self) -> str:
        """``setup``, ``releaseComplete``; ``message`` and its number where it is none of H.225.0's."""
        return NAMES.get(self.type, f"message{self.type}")

    def find(self, kind: int) -> Element | None:
        """The first element of that kind."""
        return next((element for element in self.elements if element.kind == kind), None)

    @property
    def cause(self) -> int | None:
        """The Q.850 cause, 0 to 127."""
        element = self.find(CAUSE)
        if element is None:
            return None
        octets = _after_extended(element.octets)
        return octets[0] & 0x7F if octets else None

    @property
    def display(self) -> str | None:
        """The text for the called party's display."""
        element = self.find(DISPLAY)
        return None if element is None else element.octets[:LONGEST_ELEMENT].decode("latin-1")

    @property
    def calling(self) -> str | None:
        """The digits of the calling party's number."""
        return self._number(CALLING)

    @property
    def called(self) -> str | None:
        """The digits of the called party's number."""
        return self._number(CALLED)

    def _number(self, kind: int) -> str | None:
        element = self.find(kind)
        return None if element is None else _after_extended(element.octets)[:LONGEST_ELEMENT].decode("latin-1")


def _after_extended(octets: bytes) -> bytes:
    """What follows an octet that may be continued: its last part has the highest bit set (Q.931, 4.5.1)."""
    for at, octet in enumerate(octets):
        if octet & 0x80:
            return octets[at + 1 :]
    return b""


def read(data: bytes, start: int, end: int) -> Q931:
    """Read the message in ``data[start:end]``. @raises BadMessage."""
    if end - start < 5 or data[start] != DISCRIMINATOR:
        raise BadMessage("no Q.931 message")
    if data[start + 1] != 2:
        raise BadMessage("call reference of another size than two octets")
    reference = data[start + 2] << 8 | data[start + 3]
    kind = data[start + 4]
    if kind & 0x80:
        raise BadMessage("malformed message type")
    elements = tuple(_elements(data, start + 5, end))
    return Q931(kind, reference & 0x7FFF, reference >= 0x8000, start + 5, elements)


def _elements(data: bytes, at: int, end: int) -> list[Element]:
    found: list[Element] = []
    codeset = following = 0
    while at < end:
        if len(found) == MOST_ELEMENTS:
            raise BadMessage("too many information elements")
        start, kind = at, data[at]
        counted, following = (following or codeset) << 8, 0
        if kind & 0x80:
            at = content = start + 1
            if kind & 0xF8 == 0x90:  # locking shift (Q.931, 4.5.3)
                codeset = kind & 7
            elif kind & 0xF8 == 0x98:  # for the next element alone
                following = kind & 7
        else:
            wide = kind == USER_USER and not counted  # H.225.0, 7.2.2.31: its length has two octets
            content = start + (3 if wide else 2)
            if content > end:
                raise BadMessage("truncated information element")
            at = content + (data[start + 1] << 8 | data[start + 2] if wide else data[start + 1])
            if at > end:
                raise BadMessage("truncated information element")
        found.append(Element(counted | kind, start, content, at, data[content:at]))
    return found


def user_user(message: Q931) -> Element | None:
    """The user-user element that holds H.323's part of a message; None where there is none. @raises BadMessage where
    there are several, or its content is something else."""
    held = [element for element in message.elements if element.kind == USER_USER]
    if not held:
        return None
    if len(held) > 1:
        raise BadMessage("more than one user-user element")
    if not held[0].octets or held[0].octets[0] != _X680:
        raise BadMessage("user-user element without ASN.1")
    return held[0]


def element(kind: int, octets: bytes) -> bytes:
    """An information element. @raises BadMessage where it is too long for one."""
    if kind & 0x80:
        return bytes((kind & 0xFF,))
    wide = kind == USER_USER
    if len(octets) > (0xFFFF if wide else 0xFF):
        raise BadMessage("information element too long")
    return bytes((kind & 0x7F,)) + len(octets).to_bytes(2 if wide else 1, "big") + octets


def cause(value: int, location: int = 0) -> bytes:
    """The content of a cause element (Q.850): `location` 0 is the user."""
    return bytes((0x80 | location & 0x0F, 0x80 | value & 0x7F))


def message(kind: int, call_reference: int, from_destination: bool, elements: dict[int, bytes]) -> bytes:
    """A message with these elements, which are put in the order of their kinds, as Q.931 4.5.1 asks; what of them
    is ASN.1 is told by its discriminator."""
    reference = call_reference & 0x7FFF | (0x8000 if from_destination else 0)
    head = bytes((DISCRIMINATOR, 2)) + reference.to_bytes(2, "big") + bytes((kind,))
    return head + b"".join(element(each, octets) for each, octets in sorted(elements.items()))


def asn1(octets: bytes) -> bytes:
    """The content of a user-user element that holds this encoding."""
    return bytes((_X680,)) + octets
