"""Where a message of H.248 has addresses, and how others are written there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import attrs

from sbc.core.address import Address
from sbc.core.message import BadMessage, Place, Role, Slot
from sbc.h248.causes import BAD_SDP
from sbc.h248.message import Body, Command, Form, Group, H248Message, Mid, Services, Verb, Wire
from sbc.h248.mids import mid_text
from sbc.h248.registering import registers
from sbc.h248.services import BINARY_PORT, TEXT_PORT
from sbc.h248.taken import Described, Taken, Unread
from sbc.text.edits import Edits
from sbc.text.sdp import Sdp, Spot

NOWHERE = "0.0.0.0"
"""The host of a gateway that does not say where it is: it is where it was seen."""
_CHOSEN = Place(Address("$", 0))
_AUDITS = frozenset({Verb.AUDIT_VALUE, Verb.AUDIT_CAPABILITY})
HOSTS = frozenset({Form.IP4, Form.IP6})
"""MIds that are addresses: all others are names, which may pass."""


def slots(taken: Taken) -> list[Slot]:
    """Every address in the message. @raises BadMessage where a session description is none."""
    message = taken.message
    found = _places(message)
    taken.descriptions.clear()
    calls = [call for action, call in zip(message.actions, taken.places(), strict=True) for _ in action.commands]
    for place, ((command, asked), call) in enumerate(zip(taken.answered(), calls, strict=True)):
        for slot in _media(taken, command, place if message.body is Body.REQUEST else asked):
            slot.beside = call
            found.append(slot)
    return found


def fill(taken: Taken, slot: Slot, place: Place) -> None:
    """Write `place` into a slot."""
    at = slot.at
    if isinstance(at, Spot):
        Sdp.fill(slot, place)
    elif isinstance(at, Chosen):
        at.spot.place = _CHOSEN
    elif isinstance(at, Mid):
        new = b"%d" % place.address.port if at.form is Form.PORT else mid_text(place.address)
        taken.message.edit(at.at, new)


def usual_port(message: H248Message) -> int:
    """The port that is meant where none is said."""
    return BINARY_PORT if message.wire is Wire.BINARY else TEXT_PORT


def place_name(message: H248Message) -> bytes:
    """How the core is to call the place of a gateway: by what it is to be spoken to, as ``text 1``."""
    return f"{message.wire.value} {message.version}".encode()


# -- who is where


def _places(message: H248Message) -> list[Slot]:
    """The addresses of the sender and of controllers."""
    found: list[Slot] = []
    service = registers(message)
    bound = None if service is None else _bound(message, service)
    for each in _spoken(message):
        if bound is not None and bound.at is each:
            found.append(bound)
        else:
            found += _hidden(message, each)
    if bound is not None and bound.at is None:
        found.append(bound)
    return found


def _spoken(message: H248Message) -> Iterator[Mid]:
    yield message.mid
    for command in message.commands:
        if command.services is not None:
            yield from filter(None, (command.services.address, command.services.mgc))


def _hidden(message: H248Message, mid: Mid) -> list[Slot]:
    """A place that must not leak. Names of gateways and controllers pass: they are no addresses."""
    if mid.form is Form.PORT and mid.address is not None:
        return [Slot(Role.HIDE, Place(Address(NOWHERE, mid.address.port or usual_port(message))), mid)]
    if mid.address is None or (mid is message.mid and mid.form not in HOSTS):
        return []
    return [Slot(Role.HIDE, Place(whole(message, mid.address)), mid)]


def _bound(message: H248Message, service: Services) -> Slot:
    """The place that a gateway registers: its ServiceChangeAddress, or its MId, or, where both say none, nowhere. It is
    the same gateway there, however it speaks."""
    address, spot = _said_at(message, service)
    flow = f"{address.host} {address.port}".encode()
    return Slot(Role.SIGNAL, Place(address, place_name(message)), spot, flow=flow, nearby=True)


def _said_at(message: H248Message, service: Services) -> tuple[Address, Mid | None]:
    """Where it says to be, and where that stands, if it is to be written over."""
    address = service.address
    if address is not None and address.form is Form.PORT and address.address is not None:
        host = message.mid.address.host if message.mid.address is not None else NOWHERE
        return Address(host, address.address.port or usual_port(message)), address
    for mid in (address, message.mid):
        if mid is not None and mid.address is not None:
            shown = mid.form in HOSTS or mid is address
            return whole(message, mid.address), mid if shown else None
    return Address(NOWHERE, usual_port(message)), None


def whole(message: H248Message, address: Address) -> Address:
    """An address with the port that is meant where none is said."""
    return address if address.port else Address(address.host, usual_port(message))


# -- media


class Chosen(NamedTuple):
    """A spot in a description of which the gateway is to choose the port: it chooses the host, too."""

    spot: Spot


def _media(taken: Taken, command: Command, place: int | None) -> list[Slot]:
    """The addresses of a command's streams; `place` is that of the command in its request, where it is known."""
    found: list[Slot] = []
    request = taken.message.body is Body.REQUEST
    asked = () if request or taken.asked is None or place is None else taken.asked.orders[place].reserves
    for stream in command.streams:
        named = _Named.of(taken, command, place, stream.id)
        reserves = stream.reserves if request else dict(asked).get(stream.id)
        for description, own in ((stream.local, not request), (stream.remote, request)):
            for rank, group in enumerate(description.groups if description is not None else ()):
                chosen = request and description is stream.local and b"$" in group.text
                for slot in _read(taken, group):
                    if slot.stream is not None:
                        named.name(slot, own, rank)
                        slot.by_other, slot.reserves = not request, reserves
                    found.append(attrs.evolve(slot, at=Chosen(slot.at)) if slot.stream is None and chosen else slot)
    return found


@attrs.frozen
class _Named:
    """What the streams of a command are called: by termination and stream, or, where the termination is not known yet,
    by the command; what its answer then calls them by, too. What wildcards stand for is nobody's own address."""

    key: str
    channel: bytes
    member: bytes
    own: bool

    @classmethod
    def of(cls, taken: Taken, command: Command, place: int | None, stream: int) -> _Named:
        """The names of a stream of the command that stands, or whose request stood, at `place`."""
        termination, message, asked = command.termination, taken.message, taken.asked
        channel = b""
        if message.body is Body.REQUEST and termination.choose:
            channel = b"%d.%d.%d" % (message.transaction, place or 0, stream)
        elif asked is not None and place is not None and asked.orders[place].opens(stream):
            channel = b"%d.%d.%d" % (asked.transaction, place, stream)
        open_ = termination.choose or termination.every
        key = f"t{channel.decode()}" if termination.choose else f"{termination.key.decode('latin-1')} {stream}"
        own = command.verb not in _AUDITS and not termination.every
        return cls(key, channel, b"" if open_ else termination.key, own)

    def name(self, slot: Slot, own: bool, rank: int) -> None:
        """Say whose address a slot of a description is; `own`: it is that of who speaks. `rank`: of which of several
        alternatives, that are meant each instead of the others."""
        line = slot.stream
        slot.stream = f"{self.key} {line}" if line else self.key
        said = slot.primary and own and self.own
        slot.primary, slot.way = said and not rank, rank if said else 0
        slot.member = self.member
        if said and self.channel:
            kind = b".t38" if slot.role is Role.T38 else b""
            slot.channel = b"%b.%b%b" % (self.channel, str(line).encode(), kind)


def _read(taken: Taken, group: Group) -> list[Slot]:
    """The slots of a session description. @raises Unread where it is none."""
    edits = Edits()
    try:
        sdp = Sdp(group.text, 0, len(group.text), edits)
    except BadMessage as bad:
        raise Unread(bad.reason, BAD_SDP, taken.message, taken.framed) from bad
    taken.descriptions.append(Described(group, sdp, edits))
    return sdp.slots
