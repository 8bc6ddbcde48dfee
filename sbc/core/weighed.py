"""What becomes of streams for how they would be secured: those of an offer that do not fit are turned down where others
of it do (RFC 3264 section 6); where none does it is refused. And whose media goes on in the clear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sbc.core.call import Call, Stream
from sbc.core.exchange import Exchange
from sbc.core.message import Cause, Refused, Role, Slot, StreamKey
from sbc.core.orders import Note, Order
from sbc.core.realm import Realm
from sbc.core.secured import Secured
from sbc.core.securing import Wards, Way, laid_bare

_MEDIA = frozenset({Role.RTP, Role.T38})


def turned_down(
    slots: Iterable[Slot], way: Callable[[Secured | None], Way | None], realms: Iterable[Realm], call: Call
) -> dict[StreamKey, Secured | None]:
    """The streams, by their keys, with what their sender says of them. `way` is how what it says would be taken, None:
    not at all. What is live in the `call` is not turned down by the way: then the offer is refused, and all stays.

    A phone that takes both offers the same stream twice, as secured and as plain: the one that does not fit goes. Where
    both do, and are at one address, the plain one does: only one of them can be meant."""
    offered = [
        slot
        for slot in slots
        if slot.role in _MEDIA and slot.primary and slot.one_way is None and slot.place.address.port
    ]
    if len(offered) < 2:
        return {}
    ways: dict[Slot, Way | None] = {}
    for slot in offered:
        if slot.role is Role.T38:
            ways[slot] = None if bars_fax(realms) is not None else Way.PLAIN
        elif slot.secured is None or not slot.secured.foreign:
            ways[slot] = way(slot.secured)
    taken = [slot for slot, each in ways.items() if slot.role is Role.RTP and each is not None]
    secured = {_spot(slot) for slot in taken if ways[slot] is not Way.PLAIN}
    unfit = [slot for slot, each in ways.items() if taken and each is None]
    unfit += [slot for slot in taken if ways[slot] is Way.PLAIN and _spot(slot) in secured]
    live = {stream.key for stream in call.streams.values()}
    kept = {slot.stream for slot in taken if slot not in unfit}  # one may be described in several ways
    return {
        slot.stream: slot.secured
        for slot in unfit
        if slot.stream is not None and slot.stream not in kept and slot.stream not in live
    }


def profile_of(slot: Slot, exchange: Exchange, call: Call, side: int, answers: bool) -> Secured | None:
    """What side `side` is to be told of a stream that is turned down, which is its profile alone: that of the offer,
    where it `answers` that, else that of the stream there was."""
    if slot.stream is None:
        return None
    if answers and slot.stream in exchange.unfit:
        return exchange.unfit[slot.stream]
    known = call.streams.get((slot.stream, "rtp"))
    return None if known is None or known.wards is None else known.wards[side].told


def told(call: Call, unfit: Iterable[StreamKey]) -> list[Order]:
    """What is to be said of the streams of an offer that were turned down."""
    return [Note("turned-down", "would not be secured as demanded", call.id, {"stream": key}) for key in unfit]


def bars_fax(realms: Iterable[Realm]) -> Realm | None:
    """Which of the `realms` lets no fax over UDPTL pass, which nothing secures."""
    demanding = (each for each in realms if each.protection.demands and not each.protection.fax_in_clear)
    return next(demanding, None)


def let_fax_pass(slot: Slot, realms: Iterable[Realm]) -> None:
    """@raises Refused where one of the `realms` does not."""
    realm = bars_fax(realms) if slot.place.address.port or slot.one_way is not None else None
    if realm is not None:
        where = f"T.38 in realm {realm.name}"
        raise Refused(Cause.SECURITY, "fax cannot be secured", None, where, "fax-in-clear")


def laid_open(call: Call, stream: Stream, wards: Wards | None) -> list[Order]:
    """What is to be said where media of a call under way was secured and, with `wards`, goes on in the clear: allowed
    where that is left open, and not in silence."""
    if call.answered_at is None:
        return []
    why = "its media was secured, and goes on in the clear"
    realms = (call.legs[side].realm.name for side in laid_bare(stream.wards, wards))
    return [Note("downgraded", why, call.id, {"stream": stream.id, "realm": realm}) for realm in realms]


def _spot(slot: Slot) -> tuple[str, Any]:
    return slot.media.partition(" ")[0], slot.place.address
