"""What stands at the leaves of a binary message: who sends it, terminations, contexts, errors; read, and made (H.248.1
Annex A)."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from sbc.core.address import Address, canonical, literal
from sbc.core.message import BadMessage
from sbc.h248 import ber
from sbc.h248.ber import Changes, Tlv
from sbc.h248.message import ALL, CHOOSE, NULL, ROOT, Failure, Form, Mid, Termination
from sbc.h248.mids import read_mid

MID_FORMS = (Form.IP4, Form.IP6, Form.DOMAIN, Form.DEVICE, Form.MTP)
PLACE_FORMS = (Form.PORT, *MID_FORMS)
"""The alternatives of a message identifier, and of a ServiceChangeAddress, by their tags."""
_ROOT_OCTETS = b"\xff" * 8
_CHOOSE, _ALL = 0xFFFF_FFFE, 0xFFFF_FFFF
LARGEST = 0xFFFF_FFFF
"""The largest number of a transaction or context."""
_EVERY, _BELOW, _POSITION = 0x80, 0x40, 0x3F
_MOST_WILDCARDS = 64


class What(Enum):
    """What stands at a spot."""

    NUMBER = "number"
    CONTEXT = "context"
    MID = "mid"
    PLACE = "place"  # a ServiceChangeAddress
    GROUP = "group"
    TERMINATION = "termination"
    PART = "part"  # what may be taken out, and not written


class Spot(NamedTuple):
    """A mark: the element that stands there, and the one that goes where it is taken out, None where it may not."""

    what: What
    tlv: Tlv
    whole: Tlv | None = None


def only(tlv: Tlv | None, what: str) -> Tlv:
    """The one element in an explicit tag, or that is the alternative of a choice. @raises BadMessage."""
    if tlv is None or not tlv.parts:
        raise BadMessage(f"no {what}")
    return tlv.parts[0]


def wanted(tlv: Tlv | None, what: str) -> Tlv:
    """What must be there. @raises BadMessage."""
    if tlv is None:
        raise BadMessage(f"no {what}")
    return tlv


def unsigned(data: bytes, tlv: Tlv | None, most: int, what: str) -> int:
    """A number from 0 to `most`. @raises BadMessage."""
    value = ber.number(data, wanted(tlv, what))
    if value > most:
        raise BadMessage(f"{what} out of range")
    return value


def mid(data: bytes, tlv: Tlv, forms: tuple[Form, ...] = MID_FORMS, whole: Tlv | None = None) -> Mid:
    """An identifier, or (PLACE_FORMS) where messages are to go. @raises BadMessage."""
    number = tlv.tag & 0x1F
    if tlv.tag & 0xC0 != 0x80 or number >= len(forms) or tlv.after - tlv.at > 512:
        raise BadMessage("identifier of an unknown form")
    said = _mid(forms[number], data[tlv.at : tlv.after])
    what = What.MID if forms is MID_FORMS else What.PLACE
    return Mid(said.form, said.address, said.text, said.name, Spot(what, tlv, whole))


@lru_cache(maxsize=4096)
def _mid(form: Form, octets: bytes) -> Mid:
    """Remembered, for each message has one, and there are few. Its `at` is nobody's."""
    said = _in_text(form, octets)
    if form is not Form.PORT and read_mid(said.text) != said:  # it could not be said again
        raise BadMessage("malformed identifier")
    return said


def _in_text(form: Form, octets: bytes) -> Mid:
    tlv = ber.read(octets)
    if form is Form.PORT:
        port = unsigned(octets, tlv, 0xFFFF, "port")
        return Mid(form, Address("", port), b"%d" % port)
    if form is Form.DEVICE:
        name = ber.octets(octets, tlv)
        return Mid(form, None, name, name.lower())
    if form is Form.MTP:
        digits = ber.octets(octets, tlv).hex().encode()
        return Mid(form, None, b"MTP{%b}" % digits, digits)
    packed = ber.octets(octets, wanted(tlv.part(0), "address"))
    port_at = tlv.part(1)
    port = 0 if port_at is None else unsigned(octets, port_at, 0xFFFF, "port")
    colon = b":%d" % port if port else b""
    if form is Form.DOMAIN:
        host = packed.decode("ascii", "replace")
        return Mid(form, Address(host.lower(), port), b"<%b>%b" % (packed, colon))
    if len(packed) != (4 if form is Form.IP4 else 16):
        raise BadMessage("an address of another length")
    host = ".".join(map(str, packed)) if form is Form.IP4 else canonical(_groups(packed))
    return Mid(form, Address(host, port), b"[%b]%b" % (host.encode(), colon))


def _groups(packed: bytes) -> str:
    return ":".join(packed[at : at + 2].hex() for at in range(0, 16, 2))


def mid_octets(said: Mid, forms: tuple[Form, ...] = MID_FORMS) -> bytes:
    """An identifier as an element, as it stands inside the explicit tag. @raises BadMessage."""
    if said.form not in forms:
        raise BadMessage("an identifier of no such form")
    tag = 0x80 | forms.index(said.form)
    address = said.address
    if address is None:
        return ber.wrap(tag, bytes.fromhex(said.name.decode()) if said.form is Form.MTP else said.text)
    if said.form is Form.PORT:
        return ber.wrap(tag, ber.whole(address.port))
    port = ber.wrap(0x81, ber.whole(address.port)) if address.port else b""
    return ber.wrap(tag | ber.CONSTRUCTED, ber.wrap(0x80, _host_octets(said, address.host)), port)


def _host_octets(said: Mid, host: str) -> bytes:
    if said.form is Form.DOMAIN:
        return host.encode("ascii", "replace")
    ip = literal(host)
    if ip is None:
        raise BadMessage("no IP address")
    return ip.packed


def write_mid(tlv: Tlv, said: Mid, forms: tuple[Form, ...], changes: Changes) -> None:
    """Put an identifier where another stands: octet by octet where it has the same form. @raises BadMessage."""
    address, old, port = said.address, tlv.part(0), tlv.part(1)
    same = said.form in forms and forms[tlv.tag & 0x1F] is said.form
    if not same or address is None or old is None:
        changes.replace(tlv, mid_octets(said, forms))
        return
    changes.content(old, _host_octets(said, address.host))
    if port is None:
        if address.port:
            changes.add(tlv, ber.wrap(0x81, ber.whole(address.port)))
    elif address.port:
        changes.content(port, ber.whole(address.port))
    else:
        changes.replace(port, b"")


def termination(data: bytes, tlv: Tlv) -> Termination:
    """A TerminationID. @raises BadMessage."""
    identifier = ber.octets(data, wanted(tlv.part(1), "termination identifier"))
    wildcards = tlv.part(0)
    fields = ber.octets(data, wildcards) if wildcards is not None and wildcards.parts is not None else b""
    if not 0 < len(identifier) <= 8 or len(fields) > _MOST_WILDCARDS:
        raise BadMessage("malformed termination identifier")
    key = _termination(identifier, fields)
    every = any(field & _EVERY for field in fields)
    choose = not all(field & _EVERY for field in fields)
    return Termination(key, key, choose, every, Spot(What.TERMINATION, tlv))


def _termination(identifier: bytes, fields: bytes) -> bytes:
    """``root``; ``01ff00``; ``01*``, where all below a whole digit is a wildcard, ``*`` where that is all of it;
    otherwise ``01ff00/8f`` with the wildcard fields after the slash (Annex A.1)."""
    if not fields:
        return ROOT if identifier == _ROOT_OCTETS else identifier.hex().encode()
    position = fields[0] & _POSITION
    above = 8 * len(identifier) - 1 - position
    if len(fields) == 1 and fields[0] & _BELOW and above >= 0 and not above & 3:
        return identifier.hex().encode()[: above >> 2] + (ALL if fields[0] & _EVERY else CHOOSE)
    return b"%b/%b" % (identifier.hex().encode(), fields.hex().encode())


def termination_octets(key: bytes, size: int = 8) -> bytes:
    """A TerminationID without its tag, from what `termination` has told; wildcards of whole levels get identifiers of
    `size` octets. @raises BadMessage."""
    if key == ROOT:
        return _identifier(_ROOT_OCTETS, b"")
    if key[-1:] in (ALL, CHOOSE):
        prefix = key[:-1]
        position = 8 * size - 1 - 4 * len(prefix)
        if position < 0:
            raise BadMessage("no termination identifier")
        field = position | _BELOW | (_EVERY if key[-1:] == ALL else 0)
        return _identifier(_hex(prefix.ljust(2 * size, b"0")), bytes((field,)))
    identifier, _, fields = key.partition(b"/")
    return _identifier(_hex(identifier), _hex(fields))


def _identifier(identifier: bytes, fields: bytes) -> bytes:
    if not 0 < len(identifier) <= 8:
        raise BadMessage("no termination identifier")
    wildcards = b"".join([ber.wrap(ber.OCTETS, bytes((field,))) for field in fields])
    return ber.wrap(0xA0, wildcards) + ber.wrap(0x81, identifier)


def _hex(digits: bytes) -> bytes:
    try:
        return bytes.fromhex(digits.decode("ascii", "replace"))
    except ValueError:
        raise BadMessage("no termination identifier") from None


def context(number: int) -> bytes:
    """A ContextID as text: ``-``, ``$``, ``*``, or digits."""
    if number in (0, _CHOOSE, _ALL):
        return NULL if not number else CHOOSE if number == _CHOOSE else ALL
    return b"%d" % number


def context_number(text: bytes) -> int:
    """The same backwards. @raises BadMessage."""
    special = {NULL: 0, CHOOSE: _CHOOSE, ALL: _ALL}.get(text)
    return parsed(text, _CHOOSE - 1) if special is None else special


def parsed(text: bytes, most: int) -> int:
    """A number from 0 to `most`, of decimal digits. @raises BadMessage."""
    if not text.isdigit() or len(text) > 10 or int(text) > most:
        raise BadMessage("a number out of range")
    return int(text)


def failure(data: bytes, tlv: Tlv) -> Failure:
    """An error descriptor. @raises BadMessage."""
    text = tlv.part(1)
    return Failure(unsigned(data, tlv.part(0), 0xFFFF, "error code"), b"" if text is None else ber.octets(data, text))


def failure_octets(failed: Failure) -> bytes:
    """What is inside an error descriptor."""
    text = ber.wrap(0x81, failed.text) if failed.text else b""
    return ber.wrap(0x80, ber.whole(failed.code)) + text
