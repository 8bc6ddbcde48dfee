"""Streams of a call: opened with a pair of ports on each side, and closed."""

from __future__ import annotations

from sbc.core import bundling
from sbc.core.call import Call, Stream
from sbc.core.message import Cause, Refused, Slot
from sbc.core.networks import Networks, pool_of
from sbc.core.orders import CloseStream, Order


def new_stream(networks: Networks, call: Call, slot: Slot, kind: str, now: float) -> Stream:
    """A stream with a pair in each leg's realm. @raises Refused when there is no pair, or one stream too many."""
    assert slot.stream is not None  # a media slot without a stream is a fault of the dialect
    if len(call.streams) >= call.legs[0].realm.limits.streams_per_call:
        raise Refused(Cause.BUSY, "too many media streams in one call")
    ports: list[int] = []
    for leg in call.legs:
        pool = networks.ports(leg.realm)
        port = None if pool is None else pool.take(now)
        if port is None:
            for taken, holder in zip(ports, call.legs, strict=False):
                networks.media.give(pool_of(holder.realm), taken, now)
            raise Refused(Cause.NO_PORTS, "no media ports left", 10, f"in realm {leg.realm.name}")
        ports.append(port)
    first, second = (
        Stream.pair(leg.realm.media.address, port, kind) for leg, port in zip(call.legs, ports, strict=True)
    )
    call.opened_streams += 1
    stream = Stream(f"{call.id}/{call.opened_streams}", slot.stream, kind, (first, second))
    if slot.shared is not None and networks.numbers is not None:
        stream.shared = [networks.numbers.draw(leg.realm) for leg in call.legs]
    call.streams[slot.stream, kind] = stream
    networks.meetings.enter(call, stream)
    return stream


def mute_stream(networks: Networks, call: Call, stream: Stream) -> list[Order]:
    """A stream is turned down by whose transport media of others goes (see Bundled): nothing passes on it any more, but
    it stays open until they are gone, too."""
    assert stream.wards is not None
    networks.book.release(stream.id)
    stream.muted, stream.admitted, stream.flows, stream.agreed = True, None, [(), ()], ((), ())
    orders: list[Order] = []
    for side in (0, 1):
        if bundling.carries(stream, side, call.streams.values()):
            stream.wards = bundling.emptied(stream.wards, side)
        else:
            stream.remote[side] = stream.latched[side] = None
    for side in (0, 1):
        orders += stream.changed(call, side)
    return orders


def close_stream(networks: Networks, call: Call, stream: Stream, now: float, rest: bool = True) -> list[Order]:
    """Take a stream out of its call and give its ports back, to rest unless nobody can have used them."""
    del call.streams[stream.key, stream.kind]
    networks.meetings.leave(call, stream)
    networks.book.release(stream.id)
    for leg, pair in zip(call.legs, stream.ours, strict=True):
        networks.media.give((leg.realm.name, pair.rtp.host, leg.realm.vpn), pair.rtp.port, now, rest)
    for shared in stream.shared:
        if shared is not None and networks.numbers is not None:
            networks.numbers.give(shared)
    return [CloseStream(stream.id, call.id)]
