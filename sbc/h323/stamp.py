"""What is our own in a message of H.323 that crosses: RAS sequence numbers, and whom a Setup is for."""

from __future__ import annotations

from sbc.core.crossing import Crossing
from sbc.core.message import Keys, Phase
from sbc.core.realm import Side
from sbc.h323 import alive, seals
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
        alive.note(message, crossing)
        return
    _agree(message, crossing)
    if crossing.reply:
        memo: Memo = crossing.exchange.memo
        put_number(message, memo.number)
        return
    crossing.exchange.memo = Memo(number_of(message))
    put_number(message, int(crossing.exchange.token))


def _agree(message: H323Message, crossing: Crossing) -> None:
    """Features between a terminal and us are ours to answer, and the gatekeeper hears nothing of them."""
    if not crossing.reply:
        if crossing.here.side is Side.ACCESS and has_ours(message.value):
            message.features = Answered()
    elif message.name in ("gatekeeperConfirm", "registrationConfirm") and crossing.there.side is Side.ACCESS:
        comes = crossing.exchange.intent.comes and crossing.there.stream_listener(crossing.exchange.dialect) is not None
        if comes or has_ours(message.value):
            message.features = Answered((TRAVERSAL,) if comes else ())


def put_number(message: H323Message, number: int) -> None:
    """Write the requestSeqNum, wherever the message says it."""
    for spot in message.message.spots:
        if spot.kind is Noted.NUMBER:
            message.put(spot, number)


def _put_destination(message: H323Message, crossing: Crossing) -> None:
    """Where a Setup is for is where it is sent; of a source route no hop is told."""
    for spot in message.message.spots:
        if spot.kind in (Noted.ADDRESS, Noted.SOURCE_ROUTE) and spot.path[-1:] == (DESTINATION,):
            message.put(spot, crossing.hop.peer)


def keys(message: H323Message, crossing: Crossing) -> Keys:
    """What a stamped message is found by where it goes."""
    intent, exchange = crossing.intent, crossing.exchange
    if crossing.reply:
        return Keys(intent.call, exchange.intent.exchange)
    if message.message.wire is Wire.CONTROL:
        return Keys(b"", b"")
    if message.message.wire is Wire.SIGNAL:
        return Keys(intent.call, describe_signal(message).exchange)
    unanswered = intent.phase is Phase.CONFIRM and not (message.name == REPORT and not message.value.get("unsolicited"))
    return Keys(intent.call, b"" if unanswered else exchange.token)
