"""A group of properties (H.248.1 Annex C) as a session description: C.11, which has the lines of SDP one by one, and
C.6, whose addresses and ports are told as lines, too. What is written in the lines is put back where they came from.

The value of a property is octets, or, as section 12.2 would have it, BER once more inside octets: both are read, and
each is written as it came.
"""

from __future__ import annotations

from collections import deque
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from sbc.core.message import BadMessage
from sbc.h248 import ber
from sbc.h248.ber import Changes, Tlv

_LETTERS = b"vosiuepcbzkatrm"
"""The lines of SDP in the order of their properties, from `_FIRST` on."""
_FIRST = 0xB001
_IPV4, _IPV6, _PORT, _PAYLOAD, _MEDIA = 0x6001, 0x6002, 0x6003, 0x100F, 0x1001
_KINDS = (b"audio", b"video", b"application")
_STRINGS = frozenset({0x04, 0x0C, 0x13, 0x16, 0x1A})
"""Tags of strings that a value may be wrapped in: octets, UTF8, Printable, IA5, Visible."""
_INTEGER = 0x02
MOST_LINES = 2_000
"""The most lines of one group: what SDP may have."""


class Line(NamedTuple):
    """One line. `value` is the octet string that it stands in, `owner` the property that is of; `field` is what of the
    line is the value: the line after its ``c=``, or (``host``, ``port``) one word of it."""

    text: bytes
    value: Tlv
    owner: Tlv
    field: str


def lines(data: bytes, group: Tlv) -> list[Line]:
    """A group's lines. @raises BadMessage where one would be more than a line."""
    found: list[Line] = []
    hosts: list[Line] = []
    port: Line | None = None
    kind, payload = b"audio", b""
    for each in group.parts or ():
        name, values = each.part(0), each.part(1)
        if name is None or values is None:
            raise BadMessage("property without name or value")
        number = int.from_bytes(data[name.start : name.end], "big")
        if _FIRST <= number < _FIRST + len(_LETTERS):
            letter = _LETTERS[number - _FIRST : number - _FIRST + 1]
            found += [_line(letter, _text(data, value), value, each) for value in _values(values)]
        elif number in (_IPV4, _IPV6):
            hosts += [_host(data, number, value, each) for value in _values(values)]
        elif number == _PORT:
            value = _values(values)[0]
            port = Line(_integer(ber.octets(data, value)), value, each, "port")
        elif number == _PAYLOAD:
            payload = b" " + _integer(ber.octets(data, _values(values)[0]))
        elif number == _MEDIA:
            media = _integer(ber.octets(data, _values(values)[0]))
            kind = _KINDS[min(int(media), 2)] if media.isdigit() else kind
        if len(found) + len(hosts) > MOST_LINES:
            raise BadMessage("too many properties")
    if hosts:
        at = next((index for index, line in enumerate(found) if line.text[:2] == b"m="), len(found))
        if port is not None and at == len(found):
            found.append(port._replace(text=b"m=%b %b RTP/AVP%b" % (kind, port.text, payload or b" 0")))
        found[at:at] = hosts
    return found


def told(each: list[Line]) -> bytes:
    """Lines as one text."""
    return b"\r\n".join([line.text for line in each])


def _values(values: Tlv) -> list[Tlv]:
    """The octet strings of a property; some send one where a list of them should be."""
    found = [values] if values.parts is None else values.parts
    if not found:
        raise BadMessage("property without value")
    return found


def _unwrapped(octets: bytes, tags: frozenset[int]) -> int:
    """Where the value begins in octets that may hold BER once more."""
    if len(octets) > 1 and octets[0] in tags:
        size = octets[1]
        if size < 0x80 and size == len(octets) - 2:
            return 2
        count = size & 0x7F
        if size > 0x80 and count <= 2 and int.from_bytes(octets[2 : 2 + count], "big") == len(octets) - 2 - count:
            return 2 + count
    return 0


def rewrapped(octets: bytes, new: bytes) -> bytes:
    """A new value in place of the one in `octets`, in its form."""
    begin = _unwrapped(octets, _STRINGS)
    return ber.wrap(octets[0], new) if begin else new


def _text(data: bytes, value: Tlv) -> bytes:
    octets = ber.octets(data, value)
    return octets[_unwrapped(octets, _STRINGS) :].rstrip(b"\r\n")


def _line(letter: bytes, text: bytes, value: Tlv, owner: Tlv) -> Line:
    if any(each in text for each in (b"\r", b"\n", b"\0")):
        raise BadMessage("a property that is several lines")
    whole = letter in (b"c", b"m") and text[:2] == letter + b"="  # some write the line, not its value
    return Line(text if whole else letter + b"=" + text, value, owner, "line" if whole else "value")


def _host(data: bytes, number: int, value: Tlv, owner: Tlv) -> Line:
    octets = ber.octets(data, value)
    size = 4 if number == _IPV4 else 16
    if octets == b"$":
        return Line(b"c=IN IP%d $" % (4 if size == 4 else 6), value, owner, "host")
    packed = octets if len(octets) == size else octets[_unwrapped(octets, _STRINGS) :]
    if len(packed) != size:
        raise BadMessage("an address of another length")
    ip = ip_address(packed)
    return Line(b"c=IN IP%d %b" % (ip.version, str(ip).encode()), value, owner, "host")


def _integer(octets: bytes) -> bytes:
    """A number in decimal digits; ``$`` is to be chosen. @raises BadMessage where it is too large."""
    if octets == b"$":
        return octets
    if len(octets) > 2:
        begin = _unwrapped(octets, frozenset({_INTEGER, 0x0A}))
        if not begin and octets.isdigit():
            begin, octets = 0, int(octets[:6]).to_bytes(4, "big")
        octets = octets[begin:]
    value = int.from_bytes(octets, "big")
    if not 0 < len(octets) <= 8 or value > 0xFFFF:
        raise BadMessage("a number out of range")
    return b"%d" % value


def _number_like(octets: bytes, value: int) -> bytes:
    """A number in the form of the one in `octets`."""
    if len(octets) > 2 and _unwrapped(octets, frozenset({_INTEGER, 0x0A})):
        return ber.wrap(octets[0], ber.whole(value))
    if len(octets) > 2 and octets.isdigit():
        return b"%d" % value
    return value.to_bytes(max(2, len(octets)), "big")


def rewrite(data: bytes, group: Tlv, text: bytes, changes: Changes) -> None:
    """Put `text` where a group's lines are: lines that stay keep their octets, whatever is no line stays where it is.
    @raises BadMessage where a line cannot stand there."""
    old = lines(data, group)
    form = _form(data, old)
    gone: dict[Tlv, int] = {}  # by property: how many of its values are taken out
    places: dict[bytes, deque[int]] = {}
    for index, line in enumerate(old):
        places.setdefault(line.text, deque()).append(index)
    at = 0
    for new in [each.rstrip(b"\r") for each in text.split(b"\n") if each.strip(b"\r")]:
        stays = places.get(new, deque())
        while stays and stays[0] < at:
            stays.popleft()
        if stays:
            for line in old[at : stays[0]]:
                _take_out(line, gone, changes)
            at = stays[0] + 1
        elif at < len(old) and _kind(old[at].text) == _kind(new):
            _write(data, old[at], new, changes)
            at += 1
        else:
            before = old[at].owner if at < len(old) and old[at].field in ("line", "value") else None
            changes.add(group, _property(new, form), before)
    for line in old[at:]:
        _take_out(line, gone, changes)


def _kind(line: bytes) -> bytes:
    """What tells lines of one kind: the letter, and the name of an attribute."""
    return line.partition(b":")[0] if line[:2] == b"a=" else line[:2]


def _take_out(line: Line, gone: dict[Tlv, int], changes: Changes) -> None:
    owner = line.owner
    gone[owner] = gone.get(owner, 0) + 1
    values = owner.part(1)
    if values is None or gone[owner] == len(_values(values)):
        changes.replace(owner, b"")
    else:
        changes.replace(line.value, b"")


def _write(data: bytes, line: Line, new: bytes, changes: Changes) -> None:
    octets = ber.octets(data, line.value)
    words = new.split()
    if line.field == "line":
        changes.content(line.value, rewrapped(octets, new))
    elif line.field == "value":
        changes.content(line.value, rewrapped(octets, new[2:]))
    elif line.field == "port":
        if len(words) < 2 or not words[1].isdigit() or int(words[1][:6]) > 0xFFFF:
            raise BadMessage("no port")
        changes.content(line.value, _number_like(octets, int(words[1][:6])))
    else:
        _write_host(data, line, octets, words[-1] if words else b"", changes)


def _write_host(data: bytes, line: Line, octets: bytes, host: bytes, changes: Changes) -> None:
    try:
        ip: IPv4Address | IPv6Address = ip_address(host.decode("ascii", "replace"))
    except ValueError:
        raise BadMessage("no IP address") from None
    name = line.owner.part(0)
    assert name is not None  # it was read by it
    bare = len(octets) in (4, 16) or octets == b"$"
    changes.content(line.value, ip.packed if bare else ber.wrap(octets[0], ip.packed))
    number = data[name.end - 2 : name.end]
    wanted = (_IPV4 if ip.version == 4 else _IPV6).to_bytes(2, "big")
    if number != wanted:
        changes.content(name, data[name.start : name.end - 2] + wanted)


def _form(data: bytes, old: list[Line]) -> int:
    """The tag of the strings that lines are wrapped in, that a new one be as the others are; 0 where they are bare."""
    values = (ber.octets(data, line.value) for line in old if line.field in ("line", "value"))
    return next((octets[0] for octets in values if _unwrapped(octets, _STRINGS)), 0)


def _property(line: bytes, form: int = 0) -> bytes:
    """A line as a property of its own, in a string of the tag `form`. @raises BadMessage where SDP has no such line."""
    place = _LETTERS.find(line[:1]) if line[1:2] == b"=" else -1
    if place < 0:
        raise BadMessage("no line of SDP")
    name = ber.wrap(0x80, (_FIRST + place).to_bytes(4, "big"))
    value = ber.wrap(form, line[2:]) if form else line[2:]
    return ber.wrap(0x30, name, ber.wrap(0xA1, ber.wrap(ber.OCTETS, value)))


def group_octets(text: bytes) -> bytes:
    """A session description as a group of properties. @raises BadMessage where a line is none of SDP."""
    return ber.wrap(0x30, *[_property(each.rstrip(b"\r")) for each in text.split(b"\n") if each.strip()])


def plain(octets: bytes) -> bytes:
    """A value as the text encoding would have it: digits, or the text; other octets in hexadecimal digits."""
    begin = _unwrapped(octets, frozenset({_INTEGER}))
    if begin and len(octets) <= 11:
        return b"%d" % int.from_bytes(octets[begin:], "big", signed=True)
    text = octets[_unwrapped(octets, _STRINGS) :]
    return text if all(0x20 <= each < 0x7F for each in text) else b"0x" + octets.hex().encode()
