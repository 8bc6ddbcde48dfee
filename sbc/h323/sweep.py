"""Addresses of one side in what nobody here reads, or reads as a mere name: written over before the other sees them.

Vendors put addresses into non-standard data, H.450 into its services, people into aliases and displays. Of octets whose
inner structure is not known, none is added and none taken out: a packed address becomes ours, a written one ours if
that is as long, else its digits become 0. What is text as a whole may change its length.

Four octets may be a hidden address by chance, one in four thousand million of random ones; that costs one value of a
vendor's, and is told (`swept`), while an address that gets through tells the other side how a network is built.
"""

from __future__ import annotations

from functools import cached_property

from sbc.core import bound
from sbc.core.address import bracketed, is_specific, literal
from sbc.core.crossing import Crossing
from sbc.core.message import BadMessage
from sbc.core.realm import Hosts, Side
from sbc.h323.codec import Element, Spot
from sbc.h323.message import H323Message
from sbc.h323.spots import Noted
from sbc.text.literals import Literal, literals

_DISPLAY, _FACILITY = 0x28, 0x1C
_TEXT = frozenset(b"\t\r\n") | frozenset(range(0x20, 0x7F))
_DIGITS = bytes.maketrans(b"123456789abcdefABCDEF", b"0" * 21)


class Hidden:
    """What the other side of a crossing is not to see of a message's, and what it is to see in its place."""

    def __init__(self, message: H323Message, crossing: Crossing) -> None:
        self._message, self._crossing = message, crossing
        self.ours = crossing.local.host

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Hosts of this side: who sent it, who is bound there, and whoever the message itself speaks of."""
        crossing = self._crossing
        said = {
            spot.value.host for spot in self._message.message.spots if spot.kind in (Noted.ADDRESS, Noted.SOURCE_ROUTE)
        }
        terminal = bound.terminal_of(crossing.registry, crossing.here, crossing.arrival.source, crossing.intent.user)
        if terminal is not None:
            said.add(terminal.place.address.host)
        hidden = crossing.hidden_hosts().union(filter(is_specific, said))
        return hidden - crossing.there.addresses - {self.ours}

    @cached_property
    def spellings(self) -> dict[bytes, bytes]:
        """How each host that is somewhere in the message may stand in octets, and what octets, as many, are to stand
        there instead: the longest first."""
        found: dict[bytes, bytes] = {}
        data, ours = self._message.message.data, literal(self.ours)
        for host in self.hosts:
            ip, text = literal(host), host.encode()
            if ip is not None:
                same = ours is not None and len(ours.packed) == len(ip.packed)
                found[ip.packed] = ours.packed if same and ours is not None else bytes(len(ip.packed))
            written = self.ours.encode() if len(self.ours) == len(host) else text.translate(_DIGITS)
            found[text] = written
            found[text.decode().encode("utf-16-be")] = written.decode().encode("utf-16-be")
        present = [spelling for spelling in found if spelling in data]
        return {spelling: found[spelling] for spelling in sorted(present, key=len, reverse=True)}

    def in_octets(self, octets: bytes) -> bytes:
        """Octets, as they may go on."""
        if _TEXT.issuperset(octets):
            return self.in_text(octets)
        for spelling, instead in self.spellings.items():
            octets = octets.replace(spelling, instead)
        return octets

    def in_text(self, text: bytes) -> bytes:
        """A text, as it may go on."""
        parts, after = [], 0
        for each in sorted(literals(text, 0, len(text))):
            if each.host in self.hosts:
                instead = self._instead(each)
                if text[each.start : each.start + 1] == b"[" and not each.port and instead[:1] != b"[":
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
        elif spot.kind is Noted.ALIAS and names and _sweep_alias(message, spot, hidden):
            found.append(_place(spot))
    for element in _elements(message):
        octets = hidden.in_octets(element.octets)
        if octets != element.octets:
            message.message.put_element(element, octets)
            found.append(f"information element {element.kind}")
    if found:
        message.remarks.append(("swept", ", ".join(dict.fromkeys(found))))


def _elements(message: H323Message) -> list[Element]:
    head = message.message.q931
    return [] if head is None else [each for each in head.elements if each.kind in (_DISPLAY, _FACILITY)]


def _sweep_alias(message: H323Message, spot: Spot, hidden: Hidden) -> bool:
    form, text = spot.value
    if "." not in text and ":" not in text:
        return False
    before = text.encode("utf-8", "surrogatepass")
    after = hidden.in_text(before)
    if after == before:
        return False
    try:
        message.put(spot, (form, after.decode("utf-8", "surrogatepass")))
    except BadMessage:  # it has no room for so long a name
        message.put(spot, (form, before.translate(_DIGITS).decode("utf-8", "surrogatepass")))
    return True


def _place(spot: Spot) -> str:
    """Where it was, in a word or two: ``nonStandardData.data``."""
    return ".".join(str(name) for name in spot.path if not isinstance(name, int))[-80:]
