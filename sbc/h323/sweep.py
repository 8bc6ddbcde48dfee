"""Addresses of one side in what nobody here reads, or reads as a mere name: written over before the other sees them.

Vendors put addresses into non-standard data, H.450 into its services, people into aliases and displays. Of octets whose
inner structure is not known, none is added and none taken out: a packed address becomes ours, a written one ours if
that is as long, else its digits become 0. Only what is text by its type may change its length: octets may all be
printable, and one of them a length.

Four octets may be a hidden address by chance, one in four thousand million of random ones; that costs one value of a
vendor's, and is told (`swept`), while an address that gets through tells the other side how a network is built.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sbc.core import bound
from sbc.core.address import bracketed, is_specific
from sbc.core.crossing import Crossing
from sbc.core.message import BadMessage
from sbc.core.realm import Hosts, Side
from sbc.h323.codec import Element, Spot
from sbc.h323.message import H323Message
from sbc.h323.q931 import CALLED, CALLING, DISPLAY
from sbc.h323.spellings import DIGITS, TEXT, Spelling, spellings
from sbc.h323.spots import Noted
from sbc.text.literals import Literal, literals

MOST_WORK = 4_000_000
"""Hidden hosts times octets that they are looked for in: what of one message is more is refused. Some 20 ms."""
_FACILITY = 0x1C
_OTHER_CODESET = 0x100
_IN_WORDS = frozenset({CALLING, CALLED, 0x4C, 0x74, 0x6D, 0x71, 0x4D, 0x2C})
"""Numbers and subaddresses of all parties, and what was keyed in."""


class Hidden:
    """What the other side of a crossing is not to see of a message's, and what it is to see in its place."""

    def __init__(self, message: H323Message, crossing: Crossing) -> None:
        self._message, self._crossing = message, crossing
        self.elements = _elements(message)
        self.ours = crossing.local.host

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Hosts of this side: who sent it, who is bound there, and whoever the message itself speaks of."""
        crossing = self._crossing
        said = {
            spot.value.host for spot in self._message.message.spots if spot.kind in (Noted.ADDRESS, Noted.SOURCE_ROUTE)
        }
        terminal = bound.speaker(crossing.registry, crossing.arrival, crossing.intent)
        if terminal is not None:
            said.add(terminal.place.address.host)
        hidden = crossing.hidden_hosts().union(filter(is_specific, said))
        return hidden - crossing.there.addresses - {self.ours}

    @cached_property
    def _octets(self) -> bytes:
        """All the octets that hosts are looked for in."""
        spots = self._message.message.spots
        said = [spot.value for spot in spots if spot.kind is Noted.OPAQUE]
        return b"".join((*said, *(element.octets for element in self.elements)))

    @cached_property
    def spellings(self) -> list[Spelling]:
        """How hosts stand in those, the longest first. @raises BadMessage where it would take too long to look for
        them."""
        data = self._octets
        if len(data) * len(self.hosts) > MOST_WORK:
            raise BadMessage("too large: too many addresses, and too many octets that may hold them")
        found = [each for host in self.hosts for each in spellings(host, self.ours) if each.octets in data]
        return sorted(found, key=lambda each: len(each.octets), reverse=True)

    def in_octets(self, octets: bytes) -> bytes:
        """Octets, as they may go on: as many."""
        for spelling in self.spellings:
            octets = spelling.replace(octets)
        return self.in_text(octets, resize=False)

    def in_text(self, text: bytes, resize: bool = True) -> bytes:
        """A text, as it may go on: without `resize` as many octets."""
        parts, after = [], 0
        for each in sorted(literals(text, 0, len(text))):
            if each.host in self.hosts and each.start >= after:
                instead = self._instead(each) if resize else text[each.start : each.end].translate(DIGITS)
                if resize and text[each.start : each.start + 1] == b"[" and not each.port and instead[:1] != b"[":
                    instead = b"[%s]" % instead
                parts += [text[after : each.start], instead]
                after = each.end
        return b"".join((*parts, text[after:])) if parts else text

    def _instead(self, found: Literal) -> bytes:
        """What stands for an address: in the core, where the SBC itself is meant by it, whom it stands for there."""
        crossing, port = self._crossing, f":{found.port}" if found.port else ""
        if crossing.there.side is Side.CORE and crossing.registry.networks.is_ours(crossing.here, found.host):
            return (bracketed(crossing.peer_host) + port).encode()
        own = crossing.own("tcp")
        return f"{bracketed(own.host)}:{own.port}".encode() if port else self.ours.encode()


def sweep(message: H323Message, crossing: Crossing) -> None:
    """Write over what the other side is not to see, in all that is no address to us."""
    hidden, found = Hidden(message, crossing), list[str]()
    names = crossing.path.hosts is not Hosts.KEEP
    for spot in message.message.spots:
        if spot.kind is Noted.OPAQUE:
            octets = hidden.in_octets(spot.value)
            if octets != spot.value:
                message.put(spot, octets)
                found.append(_place(spot))
        elif (spot.kind is Noted.TEXT or (names and spot.kind is Noted.ALIAS)) and _sweep_text(message, spot, hidden):
            found.append(_place(spot))
    for element in hidden.elements:
        # whose octets begin with those of a character set is no mere text
        is_text = element.kind == DISPLAY and TEXT.issuperset(element.octets)
        octets = hidden.in_text(element.octets) if is_text else hidden.in_octets(element.octets)
        if octets != element.octets:
            message.message.put_element(element, octets)
            found.append(f"information element {element.kind & 0xFF}")
    if found:
        message.remarks.append(("swept", ", ".join(dict.fromkeys(found))))


def _elements(message: H323Message) -> list[Element]:
    """Those that may hold addresses: what is said in words, and what nobody here reads."""
    head = message.message.q931
    if head is None:
        return []
    swept = (DISPLAY, _FACILITY, *_IN_WORDS)
    return [each for each in head.elements if each.octets and (each.kind in swept or each.kind >= _OTHER_CODESET)]


def _sweep_text(message: H323Message, spot: Spot, hidden: Hidden) -> bool:
    text = spot.value if spot.kind is Noted.TEXT else spot.value[1]
    if "." not in text and ":" not in text:
        return False
    before = text.encode("utf-8", "surrogatepass")
    after = hidden.in_text(before)
    if after == before:
        return False
    try:
        message.put(spot, _said(spot, after))
    except BadMessage:  # it has no room for so long a text
        message.put(spot, _said(spot, hidden.in_text(before, resize=False)))
    return True


def _said(spot: Spot, text: bytes) -> Any:
    said = text.decode("utf-8", "surrogatepass")
    return said if spot.kind is Noted.TEXT else (spot.form, said)


def _place(spot: Spot) -> str:
    """Where it was, in a word or two: ``nonStandardData.data``."""
    return ".".join(str(name) for name in spot.path if not isinstance(name, int))[-80:]
