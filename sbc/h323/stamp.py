"""What is our own in a message of H.323 that crosses: RAS sequence numbers, and whom a Setup is for."""

from __future__ import annotations

from sbc.core.crossing import Crossing
from sbc.core.message import Keys, Phase
from sbc.core.realm import Side
from sbc.h323 import alive, pinholes, seals, securing
from sbc.h323.codec import Wire
from sbc.h323.describe import REPORT, number_of
from sbc.h323.features import TRAVERSAL, Answered, has_ours
from sbc.h323.memo import Memo
from sbc.h323.message import H323Message
from sbc.h323.privacy import hide
from sbc.h323.signal import describe_signal
from sbc.h323.slots import DESTINATION
from sbc.h323.spots import Noted
from sbc.h323.sweep import sweep


def stamp(message: H323Message, crossing: Crossing) -> None:
    """Write what is our own on this hop. @raises Refused where that is not to be."""
    sweep(message, crossing)
    hide(message, crossing)
    _stamp(message, crossing)
    seals.mend(message, crossing)


def _stamp(message: H323Message, crossing: Crossing) -> None:
    if message.message.wire is not Wire.RAS:
        if message.name == "setup":
            _put_destination(message, crossing)
        number = _number_there(crossing)
        if number is not None and message.message.wire is Wire.SIGNAL:
            message.message.put_call_reference(number)
        _put_flags(message, _stays(crossing))
        message.securing = securing.settle(message.message, message.securing, crossing)
        alive.note(message, crossing)
        offer = pinholes.agree(message.message, crossing)
        if pinholes.concerns(message.message, offer):
            message.pinholes = offer
        return
    message.carried = crossing.hop.listener.reliable
    _agree(message, crossing)
    if message.name == "registrationConfirm":
        _put_flags(message, _stays(crossing))
    if crossing.reply:
        memo: Memo = crossing.exchange.memo
        put_number(message, memo.number)
        return
    crossing.exchange.memo = Memo(number_of(message))
    if crossing.exchange.allowed is not None:
        _put_bandwidth(message, crossing.exchange.allowed)
    put_number(message, int(crossing.exchange.token))


def _agree(message: H323Message, crossing: Crossing) -> None:
    """Features between a terminal and us are ours to answer, and the gatekeeper hears nothing of them."""
    if not crossing.reply:
        if crossing.here.side is Side.ACCESS and has_ours(message.value):
            message.features = Answered()
    elif message.name in ("gatekeeperConfirm", "registrationConfirm") and crossing.there.side is Side.ACCESS:
        asked = crossing.exchange.intent
        plain = crossing.there.stream_listener(crossing.exchange.dialect)
        comes = asked.comes and not asked.carried and plain is not None
        if comes or has_ours(message.value):
            message.features = Answered((TRAVERSAL,) if comes else ())


def put_number(message: H323Message, number: int) -> None:
    """Write the requestSeqNum, wherever the message says it."""
    for spot in message.message.spots:
        if spot.kind is Noted.NUMBER:
            message.put(spot, number)


def _put_bandwidth(message: H323Message, allowed: int) -> None:
    """Ask for no more than is there: BandWidth is hundreds of bit/s of both ways (H.225.0 clause 7.11.1)."""
    for spot in message.message.spots:
        if spot.kind is Noted.WIDTH:
            message.put(spot, allowed // 50)


def _stays(crossing: Crossing) -> bool:
    """Whether the connection that a message goes by, or that a terminal is to make for its calls, may stay without one,
    and several may go by it. Those that we make are for one call alone."""
    realm, listener = crossing.there, crossing.hop.listener
    return realm.side is Side.ACCESS and not listener.lane and realm.connections.keep


def _put_flags(message: H323Message, stays: bool) -> None:
    """Say whether connections are kept: that is between neighbours."""
    for spot in message.message.spots:
        if spot.kind is Noted.FLAG and spot.value != stays:
            message.put(spot, stays)


def _number_there(crossing: Crossing) -> int | None:
    """The call reference where a message goes; None where it is the same as here."""
    return None if crossing.call is None else crossing.call.legs[1 - crossing.from_leg].number


def _put_destination(message: H323Message, crossing: Crossing) -> None:
    """Where a Setup is for is where it is sent; of a source route no hop is told."""
    for spot in message.message.spots:
        if spot.kind in (Noted.ADDRESS, Noted.SOURCE_ROUTE) and spot.path[-1:] == (DESTINATION,):
            message.put(spot, crossing.hop.peer)


def keys(message: H323Message, crossing: Crossing) -> Keys:
    """What a stamped message is found by where it goes."""
    intent, exchange = crossing.intent, crossing.exchange
    if message.message.wire is Wire.CONTROL:
        return Keys(b"", exchange.intent.exchange if crossing.reply else b"")
    if message.message.wire is Wire.SIGNAL:
        number = _number_there(crossing)
        call = intent.call if number is None else b"%d" % number
        asked = b"setup " + call if describe_signal(message).exchange else b""
        return Keys(call, exchange.intent.exchange if crossing.reply else asked)
    if crossing.reply:
        return Keys(intent.call, exchange.intent.exchange)
    unanswered = intent.phase is Phase.CONFIRM and not (message.name == REPORT and not message.value.get("unsolicited"))
    return Keys(intent.call, b"" if unanswered else exchange.token)
