"""One message of H.323 over all of it: RAS, call signalling (Q.931) and H.245. Decoded to learn, written in place, and
for the rest passed as it came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

from sbc.core.message import BadMessage
from sbc.h323 import per, q931
from sbc.h323.anew import GONE, Chain, at_chain, chain_of, changed, refuse_losses, value_of
from sbc.h323.pdu import CONTROL, RAS, USER_INFORMATION, Pdu, prepare, read_pdu
from sbc.h323.q931 import Q931, Element
from sbc.h323.splice import AnyFrame, Counted, NotInPlace, Splice
from sbc.h323.spots import Spot, written
from sbc.octets.tpkt import HEADER, MAX_PACKET, wrap

MAX_DATAGRAM = 65_535
MOST_ANEW = 16
"""The most parts of one message that are written by encoding anew what surrounds them."""
MOST_HELD = 127
"""The most PDUs in one list of which some are left out: their number is one octet."""
MOST_OCTETS_ANEW = 8_192
"""The most octets of one message that are encoded anew: it takes some 2 microseconds an octet, and all others wait."""


class Wire(Enum):
    """How a message travels."""

    RAS = "ras"  # H.225.0 RAS: a UDP datagram
    SIGNAL = "signal"  # H.225.0 call signalling: a TPKT packet that holds a Q.931 message
    CONTROL = "control"  # H.245: a TPKT packet


class Message:
    """One message, and the changes made to it. Offsets, spots and values stay those of what was decoded."""

    def __init__(self, data: bytes, wire: Wire, pdu: Pdu | None, head: Q931 | None, packet: Counted | None) -> None:
        self.data = data
        self.wire = wire
        self.q931 = head
        self.pdu = pdu
        self.pdus: list[Pdu] = [] if pdu is None else list(pdu.pdus)
        self.resized: list[str] = []
        """What has become longer or shorter, or was encoded anew, in words for the trace."""
        self._packet = packet
        self._splice = Splice()
        self._spots: list[Spot] | None = None
        self._anew: dict[tuple[Chain, tuple[str | int, ...]], Any] = {}  # what no patch can do, by PDU and path
        self._lossless: dict[Chain, int] = {}  # the PDUs that may be encoded anew, and their octets

    def __repr__(self) -> str:
        return f"<{self.wire.value} {self.name}, {len(self.data)} octets>"

    @property
    def name(self) -> str:
        """``registrationRequest``, ``setup`` (by the Q.931 message type), ``openLogicalChannelAck``."""
        if self.q931 is not None:
            return self.q931.name
        return "" if self.pdu is None else self.pdu.name

    @property
    def value(self) -> Any:
        """The value of the root PDU's chosen alternative; empty for a Q.931 message without user-user element."""
        return {} if self.pdu is None else self.pdu.value

    @property
    def spots(self) -> list[Spot]:
        """The spots of all PDUs, nested ones after the one that holds them."""
        if self._spots is None:
            self._spots = [spot for pdu in self.pdus for spot in pdu.spots]
        return self._spots

    @property
    def changed(self) -> bool:
        """Whether `encode` gives something else than came."""
        return bool(self._splice or self._anew)

    def put(self, spot: Spot, value: Any) -> None:
        """Write `value`, of the kind that the spot holds, in its place; where that cannot be done in the octets,
        encode anew what surrounds it. @raises ValueError where it is none, something would be lost by that, or it would
        take too long."""
        pdu = spot.pdu
        try:
            patches = written(spot, value)
        except NotInPlace:
            self._put_anew(pdu, spot.path, value_of(spot, value), spot.field)
            return
        if self._anew:
            self._anew.pop((chain_of(pdu), spot.path), None)
        for patch in patches:
            size = patch.end - patch.start
            if len(patch.new) != size:
                self._note(f"{spot.field} in {pdu.name}: {size} octets became {len(patch.new)}")
            self._splice.put(patch, spot.found.frame)

    def _put_anew(self, pdu: Pdu, path: tuple[str | int, ...], part: Any, field: str) -> None:
        where = chain_of(pdu), path
        if where not in self._anew and len(self._anew) >= MOST_ANEW:
            raise ValueError(f"more than {MOST_ANEW} parts would have to be encoded anew")
        self._check_losses(pdu)
        self._anew[where] = part
        self._note(f"{field} in {pdu.name}: it was encoded anew")

    def take_out(self, spot: Spot) -> None:
        """Take out a component that may be missing: an extension addition as it stands, any other by encoding anew
        what surrounds it. @raises ValueError as `put` does."""
        self.take_out_at(spot.pdu, spot.path)

    def take_out_at(self, pdu: Pdu, path: tuple[str | int, ...]) -> None:
        """The same of the component of `pdu` at a path."""
        if not self.drop_addition(pdu, path):
            self._put_anew(pdu, path, GONE, str(path[-1]))

    def drop(self, spot: Spot) -> None:
        """Take out an extension addition. @raises ValueError where the spot is none."""
        if not spot.droppable:
            raise ValueError(f"{spot.field} is no extension addition")
        self.drop_addition(spot.pdu, spot.path)

    def drop_addition(self, pdu: Pdu, path: tuple[str | int, ...]) -> bool:
        """Take out the extension addition at a path of `pdu`; whether it was there."""
        addition = pdu.addition(tuple(path))
        if addition is None:
            return False
        self._splice.forget(addition.at, addition.end)
        self._splice.replace(addition.at, addition.end, b"", addition.frame)
        self._splice.clear(addition.bit)
        self._note(f"{path[-1]} was taken out of {pdu.name}")
        return True

    def leave(self, pdu: Pdu, holder: str, order: Sequence[int]) -> None:
        """Of the PDUs that `pdu` holds in its list `holder` leave those at these places alone, in that order, each
        octet by octet as it came; to be called before anything is written into them. @raises ValueError where it holds
        none."""
        held = [each for each in pdu.children if each.holder == holder]
        frames = [each.frame for each in held if each.frame is not None and not isinstance(each.frame, Counted)]
        start = frames[0][1] - 1 if frames else 0  # where their number stands
        if not frames or len(held) > MOST_HELD or self.data[start] != len(held):
            raise ValueError(f"{holder} in {pdu.name} holds nothing that could be left")
        kept = b"".join(self.data[frames[place][1] : frames[place][3]] for place in order)
        self._splice.replace(start, frames[-1][3], bytes((len(order),)) + kept, frames[0][0])
        self._note(f"{holder} in {pdu.name}: {', '.join(str(place + 1) for place in order)} of {len(held)} are left")

    def rebuild(self, pdu: Pdu, whole: Any) -> None:
        """Encode a PDU anew from a value, whatever was written into it.

        Only what the encoder gives back to the octet may be: where something was not understood, or the sender encodes
        otherwise than X.691 says, the receiver might find something else. @raises ValueError there, and where `whole`
        is no such value."""
        self._check_losses(pdu)
        self._encode_anew(pdu, whole)

    def put_value(self, pdu: Pdu, value: Any) -> None:
        """The same of a PDU's own value (Pdu.value): what that is an alternative of stays around it."""
        self.rebuild(pdu, (pdu.group, (pdu.name, value)) if pdu.group else value)

    def _check_losses(self, pdu: Pdu) -> None:
        """@raises ValueError where encoding a PDU anew would lose something, or take too long."""
        chain, size = chain_of(pdu), pdu.end - pdu.start
        if chain in self._lossless:
            return
        if sum(self._lossless.values()) + size > MOST_OCTETS_ANEW:
            raise ValueError(f"{pdu.name} is too long to be encoded anew")
        refuse_losses(pdu, self.data[pdu.start : pdu.end])
        self._lossless[chain] = size

    def _encode_anew(self, pdu: Pdu, whole: Any) -> None:
        new = per.encode(pdu.type, whole)
        self._splice.forget(pdu.start, pdu.end)
        self._splice.replace(pdu.start, pdu.end, new, pdu.frame)
        self._note(f"{pdu.name} was encoded anew: {pdu.end - pdu.start} octets became {len(new)}")

    def put_call_reference(self, number: int) -> None:
        """Write the Q.931 call reference, 0 to 32767; its flag stays. @raises ValueError."""
        if self.q931 is None or not 0 <= number < 0x8000:
            raise ValueError("no call reference")
        at = self.q931.after - 3
        flag = self.data[at] & 0x80
        self._splice.replace(at, at + 2, (number | flag << 8).to_bytes(2, "big"), self._packet)

    def put_element(self, element: Element, octets: bytes) -> None:
        """Write the content of an information element. @raises BadMessage where it is too long."""
        self._put_element(element, q931.element(element.kind, octets))

    def drop_element(self, element: Element) -> None:
        """Take an information element out."""
        self._put_element(element, b"")

    def _put_element(self, element: Element, new: bytes) -> None:
        if len(new) != element.end - element.start:
            self._note(f"information element {element.kind}: {element.end - element.start} octets became {len(new)}")
        self._splice.replace(element.start, element.end, new, self._packet)

    def _note(self, what: str) -> None:
        if what not in self.resized:
            self.resized.append(what)

    def encode(self) -> bytes:
        """The message with what was written; untouched, the very octets. @raises BadMessage where it grew too long, or
        cannot be written."""
        data = self._splice.apply(self.data)
        for depth in sorted({len(chain) for chain, _ in self._anew}):
            try:
                data = self._with_anew(data, depth)
            except ValueError as error:
                raise BadMessage(str(error)) from error
        if len(data) > MAX_DATAGRAM:
            raise BadMessage("message too long")
        return data

    def _with_anew(self, data: bytes, depth: int) -> bytes:
        """`data` with the PDUs encoded anew that are nested so deep: none of them is in another, and each is once."""
        again = decode(data, self.wire)
        wholes: dict[Chain, tuple[Pdu, Any]] = {}
        for (chain, path), part in self._anew.items():
            pdu = at_chain(again.pdu, chain) if again.pdu is not None and len(chain) == depth else None
            if pdu is not None:
                _, whole = wholes.get(chain, (pdu, pdu.whole))
                wholes[chain] = pdu, changed(whole, path, part)
        for pdu, whole in wholes.values():
            again._encode_anew(pdu, whole)
        return again._splice.apply(data)


def decode(data: bytes, wire: Wire | None = None) -> Message:
    """Read one message: a datagram, or a whole TPKT packet. Without `wire` it is told by its octets: what says of
    itself that it is a packet is one, unless it makes sense, to its last octet, only as RAS. @raises BadMessage, and
    nothing else."""
    packet = len(data) > HEADER and data[:2] == b"\x03\x00" and data[2] << 8 | data[3] == len(data)
    if wire is Wire.RAS or (wire is None and not packet):
        return _decode_ras(data)
    if not packet:
        raise BadMessage("no TPKT")
    try:
        return _decode_packet(data, wire)
    except BadMessage as bad:
        if wire is not None:
            raise
        try:
            message = _decode_ras(data)
        except BadMessage:
            raise bad from None
        if message.pdu is None or not message.pdu.understood:
            raise
        return message


def _decode_ras(data: bytes) -> Message:
    if not data:
        raise BadMessage("empty")
    if len(data) > MAX_DATAGRAM:
        raise BadMessage("message too long")
    return Message(data, Wire.RAS, read_pdu(data, RAS, 0, len(data), None), None, None)


def _decode_packet(data: bytes, wire: Wire | None) -> Message:
    end = len(data)
    packet = Counted(None, 2, 2, HEADER, end, HEADER)
    # H.245's requestMode begins with the same octet, but has no 2 after it
    is_q931 = data[HEADER : HEADER + 2] == b"\x08\x02"
    if wire is Wire.CONTROL or (wire is None and not is_q931):
        return Message(data, Wire.CONTROL, read_pdu(data, CONTROL, HEADER, end, packet), None, packet)
    head = q931.read(data, HEADER, end)
    held = q931.user_user(head)
    pdu = None
    if held is not None:
        frame: AnyFrame = Counted(packet, held.start + 1, 2, held.content, held.end)
        pdu = read_pdu(data, USER_INFORMATION, held.content + 1, held.end, frame)
    return Message(data, Wire.SIGNAL, pdu, head, packet)


def build_ras(name: str, value: Any) -> bytes:
    """A RAS message: the alternative `name` of RasMessage. @raises per.Unencodable."""
    return per.encode(RAS, (name, value))


def build_control(group: str, name: str, value: Any, tpkt: bool = True) -> bytes:
    """An H.245 message: `name` of ``request``, ``response``, ``command`` or ``indication``; as a packet, or as it is
    tunnelled. @raises per.Unencodable."""
    octets = per.encode(CONTROL, (group, (name, value)))
    return wrap(octets) if tpkt else octets


def build_signal(
    name: str,
    call_reference: int,
    from_destination: bool,
    body: Any = None,
    elements: dict[int, bytes] | None = None,
    control: Iterable[bytes] = (),
    extra: dict[str, Any] | None = None,
) -> bytes:
    """A call signalling message as a packet: the Q.931 message type `name`, its user-user part of the same name with
    the value `body` (a pair of name and value where it is another one, None where there is none), further information
    `elements` by kind, tunnelled H.245 messages, and `extra` components of the H323-UU-PDU. @raises per.Unencodable."""
    held = dict(elements or {})
    if body is not None:
        uu: dict[str, Any] = {"h323-message-body": body if isinstance(body, tuple) else (name, body)}
        uu |= extra or {}
        tunnelled = list(control)
        if tunnelled:
            uu["h245Control"] = tunnelled
        held[q931.USER_USER] = q931.asn1(per.encode(USER_INFORMATION, {"h323-uu-pdu": uu}))
    return wrap(q931.message(q931.TYPES[name], call_reference, from_destination, held))


__all__ = [
    "MAX_PACKET",
    "Q931",
    "Element",
    "Message",
    "Pdu",
    "Spot",
    "Wire",
    "build_control",
    "build_ras",
    "build_signal",
    "decode",
    "prepare",
]
