"""The bandwidth of streams: asked for with what is offered, trimmed to what was agreed upon, given back at the end.

The book (sbc/policy/book.py) has what each stream holds; here is how much that is to be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sbc.core.message import Cause, Flow, Refused
from sbc.policy.bandwidth import Cut, Flows, Possible, at_rate, cut, demand, fits, larger, left, lowered
from sbc.policy.book import NOTHING
from sbc.policy.demand import Bandwidth, Demand, Fit, less

if TYPE_CHECKING:
    from sbc.core.call import Call, Stream
    from sbc.core.networks import Networks


def sides_of(stream: Stream) -> tuple[bool, bool]:
    """On which sides a stream is of IPv6."""
    first, second = stream.ours
    return ":" in first.rtp.host, ":" in second.rtp.host


def asked(call: Call, stream: Stream, side: int, flows: Flows) -> Demand:
    """What a stream may take while an offer of `side` is open: the dearest of it, and still what was agreed before."""
    offer: tuple[Flows, Flows] = ((), flows) if side else (flows, ())
    wanted = besides(call, stream, _demand(call, stream, offer))
    return wanted if stream.admitted is None else larger(wanted, stream.admitted)


def besides(call: Call, stream: Stream, wanted: Demand) -> Demand:
    """What of it a stream needs besides what the one holds in whose place it is to come, as fax in that of voice: only
    one of both will be."""
    others = [each for each in call.streams.values() if each.key == stream.key and each.kind != stream.kind]
    for held in (each.admitted for each in others if each.admitted is not None):
        wanted = less(wanted, held)
    return wanted


def replaced(networks: Networks, call: Call, stream: Stream) -> None:
    """A stream stands in the place of one that is gone, and holds now what it takes, whatever that one held."""
    if stream.admitted is not None:
        hold(networks, call, stream, agreed(call, stream, 0, stream.flows[0]), forced=True)


def offer(networks: Networks, call: Call, stream: Stream, side: int, flows: Flows, late: bool = False) -> Cut:
    """Let a stream have what an offer of `side` may take. Where that is too much, and may be less, returns what is left
    of it, else nothing. `late`: somebody has picked up by now, so that it is cut though nobody wants it so. @raises
    Refused when there is too little for any."""
    try:
        hold(networks, call, stream, asked(call, stream, side, flows))
    except Refused:
        kept = _fitting(networks, call, stream, flows, late)
        if not kept:
            raise
        hold(networks, call, stream, asked(call, stream, side, left(kept)))
        return kept
    return ()


def _fitting(networks: Networks, call: Call, stream: Stream, flows: Flows, late: bool) -> Cut:
    believed = _believed(call)
    wanted = _fits_wanted(believed)
    room = networks.book.room(call.ticket, stream.id)
    if not (wanted or late) or room is None:
        return ()
    return cut(flows, stream.kind, room, sides_of(stream), believed, Fit.CHEAPEST in wanted)


def _fits_wanted(believed: tuple[Bandwidth, Bandwidth]) -> set[Fit]:
    return {each.fit for each in believed} - {Fit.REFUSE}


def possible(networks: Networks, call: Call, flows: Flows) -> Possible | None:
    """Of all that a party says it could take, that for which there is room now, best first; None where it may stay as
    it is: all of it fits, or nobody wants it cut. Video is to leave the voice beside it what that takes, and may take
    less than was said. Where none of its voice fits that stays: what opens a stream of it hears why it cannot."""
    believed = _believed(call)
    wanted = _fits_wanted(believed)
    if not wanted:
        return None
    sides = ":" in call.legs[0].realm.media.address, ":" in call.legs[1].realm.media.address
    costs: dict[int, tuple[int, int]] = {}
    spoken = NOTHING  # what voice will take besides what is held
    for place, flow in sorted(enumerate(flows), key=lambda each: not _is_voice(each[1])):
        stream = _stream_of(call, flow.media.partition(" ")[0])
        room = networks.book.room(call.ticket, stream)
        if room is None:
            return None
        if not _is_voice(flow):
            room = less(room, spoken)
        one, rate = demand(((flow,), ()), "rtp", sides, believed), 0
        if not fits(one, room):
            rate = lowered(flow, room, sides, believed)
            if not rate:
                continue
            one = demand(((at_rate(flow, rate),), ()), "rtp", sides, believed)
        elif _is_voice(flow):
            spoken = larger(spoken, less(one, call.ticket.held.get(stream, NOTHING)))
        costs[place] = sum(one.into), rate
    voice = [place for place, flow in enumerate(flows) if _is_voice(flow)]
    if not any(place in costs for place in voice):
        costs.update(dict.fromkeys(voice, (0, 0)))
    if len(costs) == len(flows) and not any(rate for _, rate in costs.values()):
        return None
    order = sorted(costs, key=lambda place: (costs[place][0] if Fit.CHEAPEST in wanted else 0, place))
    return tuple((place, costs[place][1]) for place in order)


def _is_voice(flow: Flow) -> bool:
    return flow.media.startswith("audio")


def _stream_of(call: Call, media: str) -> str:
    """What holds bandwidth for that kind of media in a call: its stream, or what was reserved before there is one."""
    named = (each for each in call.streams.values() for said in each.media if said and said.partition(" ")[0] == media)
    return next((each.id for each in named), foreseen(call))


def foresee(networks: Networks, call: Call, side: int, wanted: Flows) -> None:
    """Reserve the first of those `wanted` for which there is room, for a stream that the answer to a request of `side`
    may describe. Where members gather it is seen that there is room, no more: what each makes is asked for by itself.
    @raises Refused when there is too little for any."""
    room = networks.book.room(call.ticket, "")
    sides = ":" in call.legs[0].realm.media.address, ":" in call.legs[1].realm.media.address
    for each in wanted:
        flows: tuple[Flows, Flows] = ((), (each,)) if side == 0 else ((each,), ())
        one = demand(flows, "rtp", sides, _believed(call))
        if room is None or fits(one, room):
            if call.gathering is None:
                networks.book.reserve(call.ticket, foreseen(call), one)
            return
    raise Refused(Cause.BANDWIDTH, "not enough bandwidth", detail="nothing that the answer may describe would fit")


def foreseen(call: Call) -> str:
    """By what name bandwidth is held for streams that are yet to be described; those that are have numbers from 1."""
    return f"{call.id}/0"


def agreed(call: Call, stream: Stream, side: int, flows: Flows) -> Demand:
    """What a stream takes where `side` has said `flows`, and the other what it had said."""
    other = stream.flows[1 - side]
    return _demand(call, stream, (other, flows) if side else (flows, other))


def _demand(call: Call, stream: Stream, flows: tuple[Flows, Flows]) -> Demand:
    return demand(flows, stream.kind, sides_of(stream), _believed(call))


def _believed(call: Call) -> tuple[Bandwidth, Bandwidth]:
    return call.legs[0].realm.bandwidth, call.legs[1].realm.bandwidth


def hold(networks: Networks, call: Call, stream: Stream, wanted: Demand, forced: bool = False) -> None:
    """Let a stream have so much from now on. @raises Refused where that is too much; then it has what it had."""
    if wanted != stream.admitted or forced:
        networks.book.reserve(call.ticket, stream.id, wanted, forced)
        stream.admitted = wanted


def put_back(networks: Networks, call: Call, stream: Stream, before: Demand | None) -> None:
    """Let a stream have what it had, whatever else was given away meanwhile."""
    if before == stream.admitted:
        return
    if before is None:
        networks.book.release(stream.id)
        stream.admitted = None
    else:
        hold(networks, call, stream, before, forced=True)


def recount(networks: Networks, call: Call, stream: Stream, before: Demand | None) -> None:
    """An offer was refused: a stream has what is in force, and what offers that are still open ask for, whatever else
    was given away meanwhile. What it had `before` that offer counts where nothing was ever agreed upon."""
    if stream.agreed == ((), ()):
        put_back(networks, call, stream, before)
        return
    wanted = _demand(call, stream, stream.agreed)
    for side, flows in enumerate(stream.flows):
        if flows and flows != stream.agreed[side]:
            wanted = larger(wanted, _demand(call, stream, ((), flows) if side else (flows, ())))
    hold(networks, call, stream, wanted, forced=True)


def trim(networks: Networks, call: Call, stream: Stream) -> None:
    """What was agreed upon is all that a stream needs from now on. It was agreed upon within what was offered."""
    if stream.admitted is not None and stream.flows[0] and stream.flows[1]:
        wanted = agreed(call, stream, 0, stream.flows[0])
        if fits(wanted, stream.admitted):
            hold(networks, call, stream, wanted)
