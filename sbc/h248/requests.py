"""What the SBC asks by itself in H.248: whether somebody lives, to take a termination off, and for whole gateways."""

from __future__ import annotations

import attrs

from sbc.core.message import BadMessage, Ending, Place
from sbc.core.orders import Listener
from sbc.h248.answers import mid
from sbc.h248.causes import reason_of
from sbc.h248.memo import CallMemo
from sbc.h248.message import NULL, ROOT, Action, Body, Command, H248Message, Services, Termination, Verb, Wire
from sbc.h248.mids import mid_text
from sbc.h248.registering import root_change
from sbc.h248.services import BINARY_PORT
from sbc.h248.taken import decode, write

_ALL_OF_IT = Termination(b"ROOT", ROOT)
_LOST, _BACK = b"906 Loss of lower layer connectivity", b"900 Service Restored"


def probe(place: Place, listener: Listener, token: bytes) -> bytes:
    """What asks only whether somebody lives: an audit of the whole that shows nothing. A controller refuses it, which
    shows as much."""
    wire, version = _spoken_at(place)
    audit = Command(Verb.AUDIT_VALUE, (_ALL_OF_IT,), audit=())
    message = H248Message(wire, version, mid(mid_text(listener.advertised)), Body.REQUEST, int(token))
    return write(attrs.evolve(message, actions=(Action(NULL, (audit,)),)), listener.reliable)


def _spoken_at(place: Place) -> tuple[Wire, int]:
    """How a gateway has registered; a controller is spoken to as its port has it."""
    word, _, version = place.name.partition(b" ")
    if version.isdigit():
        return Wire(word.decode()), int(version)
    return Wire.BINARY if place.address.port == BINARY_PORT else Wire.TEXT, 1


def release(
    call: bytes, member: bytes, to_asker: bool, memo: CallMemo | None, listener: Listener, token: bytes, ending: Ending
) -> bytes | None:
    """What takes a termination off a context: the gateway is told to subtract it; its controller, who has asked for it,
    that it is out of service, and subtracts it then (H.248.1 clause 7.2.8). None where the context has no number, or
    the termination no name that can be said there."""
    if not call.isdigit():
        return None
    known, leg = memo or CallMemo(), 0 if to_asker else 1
    spelled = next((each for each in known.names if each.lower() == member), member)
    termination = Termination(spelled, member)
    if to_asker:
        change = Services(method="forced", reason=reason_of(ending))
        command = Command(Verb.SERVICE_CHANGE, (termination,), services=change)
    else:
        command = Command(Verb.SUBTRACT, (termination,))
    own = mid(known.mids[leg] or mid_text(listener.advertised))
    wire = Wire.BINARY if known.binary else Wire.TEXT
    message = H248Message(wire, known.version, own, Body.REQUEST, int(token), actions=(Action(call, (command,)),))
    try:
        return write(message, listener.reliable)
    except BadMessage:  # it was called so in the other encoding, in which nobody speaks there any more
        return None


def unbind(sent: bytes, token: bytes) -> bytes | None:
    """The ServiceChange by which the gateway that has registered by `sent` is lost to its controller."""
    return _change(sent, token, Services(method="forced", reason=_LOST))


def restore(sent: bytes, token: bytes) -> bytes | None:
    """The ServiceChange by which it is back, as it was."""
    return _change(sent, token, Services(method="disconnected", reason=_BACK))


def _change(sent: bytes, token: bytes, change: Services) -> bytes | None:
    before = decode(sent)
    registered, message = root_change(before.message), before.message
    if registered is None:
        return None
    if change.method == "disconnected":
        address, profile, version = registered.address, registered.profile, registered.version
        change = attrs.evolve(change, address=address, profile=profile, version=version)
    command = Command(Verb.SERVICE_CHANGE, (_ALL_OF_IT,), services=change)
    made = H248Message(message.wire, message.version, message.mid, Body.REQUEST, int(token))
    return write(attrs.evolve(made, actions=(Action(NULL, (command,)),)), before.framed)
