"""Where addresses, numbers and names stand in the octets of a PDU, and how others are written there.

What ends at an octet's boundary, as all of it does but digits, may become longer or shorter: what follows is shifted by
whole octets, which aligned PER does not notice, and only the lengths around it have to be mended (`sbc.h323.splice`).
"""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

import attrs

from sbc.core.address import Address, literal
from sbc.core.message import BadMessage
from sbc.h323 import per
from sbc.h323.splice import NotInPlace, Patch, joined
from sbc.h323.texts import write_text, write_words
from sbc.h323.types import Choice, ListOf, Node, Octets, Sequence, Text
from sbc.h323.walk import Frame, Read, Walk, length, octets


class Noted(Enum):
    """What stands at a spot."""

    ADDRESS = "address"  # IPv4 or IPv6, and a port
    SOURCE_ROUTE = "source-route"  # the same, with the hops on the way
    FOREIGN = "foreign"  # an address of another network than IP; it cannot be written
    NUMBER = "number"  # requestSeqNum
    REFERENCE = "reference"  # callReferenceValue
    LIFETIME = "lifetime"  # timeToLive, keepAliveInterval; seconds
    WIDTH = "width"  # bandWidth; hundreds of bit/s
    ALIAS = "alias"
    NAME = "name"  # gatekeeperIdentifier, endpointIdentifier
    CALL = "call"  # a callIdentifier's 16 octets
    CONFERENCE = "conference"  # a conferenceID's
    TOKENS = "tokens"  # what is signed or hashed: it may cover what is rewritten
    TEXT = "text"  # what is shown to people, or read by other programs, and is text by its type
    OPAQUE = "opaque"  # octets that nobody here reads: non-standard data, H.450, generic data of other features
    FLAG = "flag"  # maintainConnection, multipleCalls
    HELD = "held"  # octets that are another PDU


NUMBERS = {"requestSeqNum": Noted.NUMBER, "callReferenceValue": Noted.REFERENCE}
LIFETIMES = frozenset({"timeToLive", "keepAliveInterval", "lrqKeepAliveInterval"})
BANDWIDTH = "bandWidth"
NAMES = frozenset({"gatekeeperIdentifier", "endpointIdentifier"})
FLAGS = frozenset({"maintainConnection", "multipleCalls"})
TOKENS = frozenset({"tokens", "cryptoTokens", "integrityCheckValue"})
ALIASES = frozenset({"dialledDigits", "h323-ID", "url-ID", "email-ID", "url"})
HOLDERS = {
    "fastStart": "OpenLogicalChannel",
    "h245Control": "MultimediaSystemControlMessage",
    "parallelH245Control": "MultimediaSystemControlMessage",
}
TEXTS = frozenset({"cname", "text", "unicode", "alphanumeric", "name", "carrierName"})
OPAQUES = frozenset({"data", "raw", "octetString", "h4501SupplementaryService", "messageContent", "nonStandard"}) | {
    "messageNotUnderstood", "returnedFunction", "signal", "h248Message", "user-information",
    "productId", "versionId", "productNumber", "versionNumber", "nsap",
}  # fmt: skip
CRYPTO_TOKENS = "cryptoTokens"
GUID = 16
_PLAIN4, _PLAIN6 = frozenset({"ipAddress", "iPAddress"}), frozenset({"ip6Address", "iP6Address"})
_ROUTED = frozenset({"ipSourceRoute", "iPSourceRouteAddress"})
_PORT, _HOP = 2, 4


class Found(NamedTuple):
    """What the walk notes of a spot; `start` and `end` in bits. `extra` depends on what was noted."""

    noted: Noted
    path: Any
    value: Any
    start: int
    end: int
    frame: Frame | None
    extra: Any = None


@attrs.frozen(eq=False)
class Spot:
    """One thing in a message that may be written over.

    `value` is an Address, a number, a name, the octets of an identifier, or a pair of form and text of an alias; of a
    source route the Address whose way it is, of opaque octets these; of a text, tokens and foreign addresses what
    was read.
    `form` is the alternative that was chosen, `route` the hosts of a source route. `pdu` is the PDU
    (`sbc.h323.codec.Pdu`) it stands in.
    """

    kind: Noted
    value: Any
    form: str
    route: tuple[str, ...]
    pdu: Any
    found: Found = attrs.field(repr=False)

    @cached_property
    def path(self) -> tuple[str | int, ...]:
        """Components, chosen alternatives and indices that lead to it, outermost first."""
        return names_of(self.found.path)

    @cached_property
    def field(self) -> str:
        """The component it is in: the last of `path` but for indices, and what is inside a callIdentifier or alias."""
        around, name = self.found.path
        while around and (name in _INNER or isinstance(name, int)):
            around, name = around
        return str(name)

    @property
    def droppable(self) -> bool:
        """Whether it is an extension addition, and the message may do without."""
        return self.kind not in (Noted.CALL, Noted.FLAG) and self.pdu.addition(self.path) is not None


_INNER = frozenset({"guid", "unicastAddress", "multicastAddress", *ALIASES})


def note(node: Node, name: str, read: Read) -> Read:
    """The reader of a type, made to note what stands there (`sbc.h323.reader.Wrap`)."""
    if isinstance(node, Choice) and any(each in _PLAIN4 for each, _ in node.root):
        return _address(node, read)
    if isinstance(node, ListOf) and name in HOLDERS and isinstance(node.item, Octets):
        return _each(_held(name))
    if isinstance(node, ListOf) and name == "route":
        return _hops(read)
    if name in OPAQUES and isinstance(node, Octets) and (node.high is None or node.high > GUID):
        return _opaque if node.high is None else _bounded(read)
    if name in TEXTS and isinstance(node, Text):
        return _plain(Noted.TEXT, node, read) if node.high is not None else _text(node)
    if name in OPAQUES and isinstance(node, ListOf) and isinstance(node.item, Octets) and node.item.high is None:
        return _each(_opaque)
    kind = _kind(node, name)
    return read if kind is None else _plain(kind, node, read)


def _kind(node: Node, name: str) -> Noted | None:
    if name in NUMBERS:
        return NUMBERS[name]
    if name in LIFETIMES:
        return Noted.LIFETIME
    if name == BANDWIDTH:
        return Noted.WIDTH
    if name in NAMES and isinstance(node, Text):
        return Noted.NAME
    if name in ALIASES and isinstance(node, Text):
        return Noted.ALIAS
    if isinstance(node, Octets) and node.low == node.high == GUID and name in ("guid", "conferenceID"):
        return Noted.CALL if name == "guid" else Noted.CONFERENCE
    if name in FLAGS:
        return Noted.FLAG
    return Noted.TOKENS if name in TOKENS else None


def _plain(kind: Noted, node: Node, read: Read) -> Read:
    def plain(walk: Walk) -> Any:
        start = walk.pos
        value = read(walk)
        walk.found.append(Found(kind, walk.path, value, start, walk.pos, walk.frame, node))
        return value

    return plain


def _address(node: Choice, read: Read) -> Read:
    def address(walk: Walk) -> Any:
        start = walk.pos
        both = read(walk)
        form = both[0]
        if form in _PLAIN4 or form in _PLAIN6:
            kind = Noted.ADDRESS
        else:
            kind = Noted.SOURCE_ROUTE if form in _ROUTED else Noted.FOREIGN
        extra = (node, walk.mark) if kind is Noted.SOURCE_ROUTE else node
        walk.found.append(Found(kind, walk.path, both, start, walk.pos, walk.frame, extra))
        return both

    return address


def _hops(read: Read) -> Read:
    def hops(walk: Walk) -> Any:
        values = read(walk)
        walk.mark = (walk.pos >> 3) - _HOP * len(values)
        return values

    return hops


def _opaque(walk: Walk) -> bytes:
    at = (walk.pos + 7) >> 3
    count = length(walk)
    start = walk.pos >> 3
    value = octets(walk, count)
    walk.found.append(
        Found(Noted.OPAQUE, walk.path, value, start << 3, walk.pos, (walk.frame, at, start, start + count))
    )
    return value


def _bounded(read: Read) -> Read:
    """The reader of octets of which there may only be so many: others, as many, may be written over them."""

    def bounded(walk: Walk) -> bytes:
        value: bytes = read(walk)
        walk.found.append(Found(Noted.OPAQUE, walk.path, value, walk.pos - 8 * len(value), walk.pos, walk.frame))
        return value

    return bounded


def _text(node: Text) -> Read:
    """The reader of a text without limit: its length, in characters, then these."""
    size = 2 if node.width == 16 else 1

    def text(walk: Walk) -> str:
        at = (walk.pos + 7) >> 3
        count = length(walk)
        start = walk.pos >> 3
        content = octets(walk, count * size)
        value = content.decode("latin-1" if size == 1 else "utf-16-be", "surrogatepass")
        frame = (walk.frame, at, start, start + count * size)
        walk.found.append(Found(Noted.TEXT, walk.path, value, start << 3, walk.pos, frame, node))
        return value

    return text


def _each(item: Read) -> Read:
    """The reader of a list without limit of what `item` reads."""

    def each(walk: Walk) -> list[Any]:
        count = length(walk)
        walk.left -= count
        if walk.left < 0:
            raise BadMessage("too many elements")
        around, values = walk.path, []
        for index in range(count):
            walk.path = (around, index)
            values.append(item(walk))
        walk.path = around
        return values

    return each


def _held(name: str) -> Read:
    def held(walk: Walk) -> bytes:
        value = _opaque(walk)
        walk.found[-1] = walk.found[-1]._replace(noted=Noted.HELD, value=name, extra=walk.path[1])
        return value

    return held


def names_of(path: Any) -> tuple[str | int, ...]:
    """A walk's path, outermost first."""
    names = []
    while path:
        path, name = path
        names.append(name)
    return tuple(reversed(names))


def spot_of(found: Found, pdu: Any) -> Spot:
    """What was noted, as it is told to others."""
    value, form = found.value, ""
    route: tuple[str, ...] = ()
    if found.noted in (Noted.ADDRESS, Noted.SOURCE_ROUTE):
        form, parts = found.value
        value = _read_address(parts)
        route = tuple(_host(hop) for hop in parts.get("route", ()))
    elif found.noted is Noted.FOREIGN:
        form, value = found.value
    elif found.noted is Noted.ALIAS:
        form = found.path[1]
        value = (form, found.value)
    return Spot(found.noted, value, form, route, pdu, found)


def _read_address(parts: dict[str, Any]) -> Address:
    host = parts["ip"] if "ip" in parts else parts["network"]
    port = parts["port"] if "port" in parts else parts["tsapIdentifier"]
    return Address(_host(host), port)


def _host(packed: bytes) -> str:
    return ".".join(map(str, packed)) if len(packed) == 4 else str(IPv6Address(packed))


def written(spot: Spot, value: Any) -> list[Patch]:
    """What to write so that `value` stands at the spot. @raises NotInPlace where the PDU must be encoded anew for that;
    ValueError where it cannot stand there."""
    found = spot.found
    match spot.kind:
        case Noted.ADDRESS:
            return [_write_address(found, value)]
        case Noted.SOURCE_ROUTE:
            return _write_route(found, value)
        case Noted.NUMBER | Noted.REFERENCE:
            low = found.extra.low
            if not low <= value <= found.extra.high:
                raise ValueError(f"{value} is no {spot.field}")
            end = found.end >> 3
            return [Patch(end - 2, end, (value - low).to_bytes(2, "big"))]
        case Noted.CALL | Noted.CONFERENCE:
            if len(value) != GUID:
                raise ValueError(f"{spot.field} of {len(value)} octets")
            return [Patch((found.end >> 3) - GUID, found.end >> 3, value)]
        case Noted.FLAG if not found.start & 7:  # an addition: it has its octet for itself
            return [Patch(found.start >> 3, (found.start >> 3) + 1, bytes((bool(value) << 7,)))]
        case Noted.OPAQUE:
            return [Patch(found.start >> 3, found.end >> 3, value)]
        case Noted.LIFETIME | Noted.WIDTH:
            return [_write_large(found, value)]
        case Noted.TEXT if found.extra.high is None:
            return write_words(found.extra, found.start >> 3, found.end >> 3, value)
        case Noted.NAME | Noted.TEXT:
            return write_text(found.extra, found.value, found.start, found.end, value)
        case Noted.ALIAS if value[0] == spot.form:
            return write_text(found.extra, found.value, found.start, found.end, value[1])
        case Noted.TOKENS if spot.field == CRYPTO_TOKENS and spot.droppable:  # it has octets of its own
            return [Patch(found.start >> 3, (found.end + 7) >> 3, per.encode(CRYPTO_TOKENS, value))]
        case Noted.TOKENS if spot.field == CRYPTO_TOKENS:
            raise NotInPlace("tokens among other components")
    raise ValueError(f"{spot.kind.value} {spot.form} cannot be written in place")


def _write_address(found: Found, address: Address) -> Patch:
    ip = literal(address.host)
    if ip is None:
        raise ValueError(f"{address.host} is no IP address")
    packed = ip.packed + address.port.to_bytes(_PORT, "big")
    form, node = found.value[0], found.extra
    start, end = found.start, (found.end + 7) >> 3
    bits = _choice_bits(node)
    if (form in _PLAIN4) == isinstance(ip, IPv4Address):
        at = (start + bits + _sequence_bit(node, form) + 7) >> 3
        return Patch(at, at + len(packed), packed)
    if found.end & 7:
        raise NotInPlace("an address with additions")
    wanted = _PLAIN6 if isinstance(ip, IPv6Address) else _PLAIN4
    index = next(index for index, (name, _) in enumerate(node.root) if name in wanted)
    flag = _sequence_bit(node, node.root[index][0])
    return joined(start, end, index << flag, bits + flag, packed)


def _choice_bits(node: Choice) -> int:
    return (len(node.root) - 1).bit_length() + node.extensible


def _sequence_bit(node: Choice, form: str) -> int:
    """How many bits come before the first component of an alternative."""
    sequence = next(each for name, each in node.root if name == form)
    return int(isinstance(sequence, Sequence) and sequence.extensible)


def _write_route(found: Found, address: Address) -> list[Patch]:
    """The address, and its host again in place of every hop: whoever is told no way must be reached directly."""
    ip = literal(address.host)
    if not isinstance(ip, IPv4Address):
        raise NotInPlace("a source route is of IPv4 addresses")
    form, parts = found.value
    node, first = found.extra
    before = _choice_bits(node) + _sequence_bit(node, form)
    if "network" in parts:  # H.245 says first how the hops are meant
        sequence = next(each for name, each in node.root if name == form)
        routing = sequence.root[0].node
        before += _choice_bits(routing)
    at = (found.start + before + 7) >> 3
    hops = len(parts["route"])
    head = Patch(at, at + _HOP + _PORT, ip.packed + address.port.to_bytes(_PORT, "big"))
    return [head, Patch(first, first + _HOP * hops, ip.packed * hops)] if hops else [head]


def _write_large(found: Found, value: int) -> Patch:
    """A number of up to four octets, which are as many as it needs."""
    if not found.extra.low <= value <= found.extra.high:
        raise ValueError(f"{value} is not in its range")
    number = value - found.extra.low
    size = max((number.bit_length() + 7) >> 3, 1)
    return joined(found.start, found.end >> 3, size - 1, 2, number.to_bytes(size, "big"))
