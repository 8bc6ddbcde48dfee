"""What is our own in a message of H.248 that crosses: transaction numbers, and by what gateways are called."""

from __future__ import annotations

from sbc.core import bound
from sbc.core.address import is_specific
from sbc.core.call import Call
from sbc.core.crossing import Crossing
from sbc.core.message import Cause, Keys, Refused
from sbc.core.realm import Side
from sbc.h248 import seals
from sbc.h248.causes import Illegal
from sbc.h248.contexts import GATHER, concerns_media
from sbc.h248.memo import CallMemo, Memo, asked
from sbc.h248.message import Body, Wire
from sbc.h248.mids import mid_text, read_mid
from sbc.h248.options import Identity, of
from sbc.h248.registering import registers, root_change
from sbc.h248.slots import HOSTS
from sbc.h248.taken import Taken

_HOP_BY_HOP = frozenset({Body.ACK, Body.SEGMENT})
"""What tells who has sent an answer that it has arrived: each side has its own."""
MOST_NAMES = 64
"""Terminations of one call whose spelling is remembered."""


def stamp(taken: Taken, crossing: Crossing) -> None:
    """Write what is our own on this hop. @raises Refused where the message is not to be taken across."""
    message = taken.message
    if message.body in _HOP_BY_HOP:
        raise Refused(Cause.NO_CALL, "of an answer that nobody waits to be told of")
    _refuse_mixed(taken, crossing)
    _refuse_borrowed(taken, crossing)
    taken.hidden, taken.ours = _hidden_hosts(taken, crossing), crossing.local.host
    taken.framed = crossing.hop.listener.reliable
    number = _number(taken, crossing)
    if number:
        message.edit(message.transaction_at, number)
    if message.mid.form not in HOSTS and _is_hidden(taken, crossing):
        message.edit(message.mid.at, mid_text(crossing.local))
    for call in crossing.calls:
        _learn(taken, crossing, call)
    seals.mend(taken, crossing)


def _refuse_mixed(taken: Taken, crossing: Crossing) -> None:
    """See that no call is in a transaction about a whole gateway: it would be taken for that alone. @raises Refused."""
    of_whole = not crossing.reply and root_change(taken.message) is not None
    if of_whole and any(map(concerns_media, taken.message.actions)):
        raise Illegal("media in a transaction about the whole gateway")


def _refuse_borrowed(taken: Taken, crossing: Crossing) -> None:
    """See that a gateway calls itself by no name of another. One by which it registers anew is new: its controller
    says whether it may have that. @raises Refused."""
    mid = taken.message.mid
    if crossing.reply or crossing.here.side is not Side.ACCESS or mid.form in HOSTS:
        return
    if registers(taken.message) is not None:
        return
    arrival = crossing.arrival
    known = [each.user for each in bound.here(crossing.registry, arrival.listener, arrival.source)]
    if mid not in map(read_mid, known):
        raise Refused(Cause.FORBIDDEN, "not the name that the gateway has registered by")


def _number(taken: Taken, crossing: Crossing) -> bytes:
    """The number of the transaction where the message goes; empty where it has none."""
    message = taken.message
    if message.body is Body.ERROR:
        return b""
    if crossing.reply:
        memo: Memo = crossing.exchange.memo
        if message.segment is not None:
            crossing.exchange.memo = memo.with_segment(message)
        return b"%d" % memo.transaction
    crossing.exchange.memo = asked(message, of(crossing.path).levels)
    return crossing.exchange.token


def _hidden_hosts(taken: Taken, crossing: Crossing) -> frozenset[str]:
    """Hosts of the side that the message comes from: who sent it, or says that it did; who is bound there; of whom it
    speaks where others are written for them."""
    message, gateway = taken.message, crossing.exchange.terminal
    said = [message.mid.address]
    for services in filter(None, (each.services for each in message.commands)):
        said += [each.address for each in (services.address, services.mgc) if each is not None]
    if gateway is not None and crossing.here.side is Side.ACCESS:
        said.append(gateway.place.address)
    for slot in (slot for each in taken.descriptions for slot in each.sdp.slots):
        said += [slot.place.address] if slot.at.place not in (None, slot.place) else []
    hosts = crossing.hidden_hosts().union(each.host for each in said if each is not None and is_specific(each.host))
    return hosts - crossing.there.addresses - {crossing.local.host}


def _learn(taken: Taken, crossing: Crossing, call: Call) -> None:
    """Remember of a call how its parties speak, and by what each knows the other: requests of ours are as theirs."""
    leg, message = crossing.from_leg, taken.message
    memo: CallMemo = call.memo or CallMemo()
    said_there = mid_text(crossing.local) if _is_hidden(taken, crossing) else message.mid.text
    mids = (memo.mids[0], said_there) if leg == 0 else (said_there, memo.mids[1])
    names = dict.fromkeys(memo.names)
    for command in message.commands if crossing.reply else ():
        for each in command.terminations:
            if command.verb in GATHER and each.name != each.key and not each.every:
                names[each.name] = None
    binary, spelled = message.wire is Wire.BINARY, tuple(names)[-MOST_NAMES:]
    learned = CallMemo(mids, binary, message.version, spelled)
    if learned != memo:
        call.memo = learned


def _is_hidden(taken: Taken, crossing: Crossing) -> bool:
    """Whether who sends the message is called by an address of ours where it goes."""
    to_core = crossing.there.side is Side.CORE
    return taken.message.mid.form in HOSTS or (to_core and of(crossing.path).mid is Identity.ADDRESS)


def keys(taken: Taken, crossing: Crossing) -> Keys:
    """What a stamped message is found by where it goes."""
    intent, exchange = crossing.intent, crossing.exchange
    if crossing.reply:
        return Keys(intent.call, exchange.intent.exchange)
    return Keys(intent.call, b"" if taken.message.body is Body.ERROR else exchange.token)
