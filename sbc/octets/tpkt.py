"""Messages on a stream, by TPKT (RFC 1006 section 6), which says in front of each how long it is: H.323, H.248."""

from __future__ import annotations

from zope.interface import implementer

from sbc.core.message import BadMessage
from sbc.interfaces import Framed, IFramer

HEADER = 4
"""Octets: version 3, one reserved, and the length of the whole packet in two."""
MAX_PACKET = 65_535
"""The longest packet, in octets, header included: what two octets can say."""
_VERSION = 3


def wrap(payload: bytes) -> bytes:
    """A payload as a packet. @raises BadMessage where it is too long for one."""
    size = HEADER + len(payload)
    if size > MAX_PACKET:
        raise BadMessage("packet too long")
    return bytes((_VERSION, 0)) + size.to_bytes(2, "big") + payload


@implementer(IFramer)
class TpktFramer:
    """Cuts what a connection brings into packets, header included. Keeps at most one packet that is not whole.

    An empty packet, which some stacks send to keep a NAT's mapping alive, is passed over. After `broken` it takes
    nothing more: what says no sound length does not say where the next packet begins.
    """

    def __init__(self, longest: int = MAX_PACKET) -> None:
        self._held = bytearray()
        self._longest = longest
        self._broken = False

    @property
    def partial(self) -> bool:
        """Whether a packet has begun and is not whole."""
        return bool(self._held)

    def feed(self, data: bytes) -> Framed:
        """What is whole now."""
        framed = Framed()
        if self._broken:
            return framed
        held = self._held
        held += data
        done = 0
        while done < len(held):
            fault = self._fault(held, done)
            if fault:
                framed.broken = BadMessage(fault)
                self._broken = True
                done = len(held)
                break
            if len(held) - done < HEADER:
                break
            size = held[done + 2] << 8 | held[done + 3]
            if len(held) - done < size:
                break
            if size > HEADER:
                framed.messages.append(bytes(held[done : done + size]))
            done += size
        del held[:done]
        return framed

    def _fault(self, held: bytearray, at: int) -> str:
        """Why what begins at `at` is no packet, as far as it has come; empty where it may be one. The reserved octet is
        not looked at: RFC 1006 says so."""
        if held[at] != _VERSION:
            return "no TPKT"
        if len(held) - at >= HEADER:
            size = held[at + 2] << 8 | held[at + 3]
            if size < HEADER:
                return "TPKT shorter than its header"
            if size > self._longest:
                return "TPKT too long"
        return ""
