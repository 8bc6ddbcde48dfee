"""Channels that parties open and close in a call one by one: each is for what its opener sends, and part of a stream.

There are protocols in which a stream is not described as a whole: it is there as long as one of its channels is. What
their answers do not say of a channel its opening has said. And a party may pause the other, which then sends nothing.
"""

from __future__ import annotations

import attrs

from sbc.core import account
from sbc.core.call import Call, Stream
from sbc.core.message import Intent
from sbc.core.networks import Networks
from sbc.core.orders import Note, Order
from sbc.core.streams import close_stream

MOST = 64
"""Channels that are known in one call; of more the oldest is forgotten, and its stream stays until the call ends."""


@attrs.define(eq=False)
class Channel:
    """What is known of a channel: the kind of its stream, "rtp" or "t38", and that stream, when it has an address."""

    kind: str
    stream: Stream | None = None


def opener(leg: int, by_other: bool) -> int:
    """The leg whose party has opened a channel of which the one of `leg` speaks."""
    return 1 - leg if by_other else leg


def known(call: Call, leg: int, name: bytes) -> Channel | None:
    """The channel of that name that the party of a leg has opened."""
    return call.channels.get((leg, name))


def join(call: Call, leg: int, name: bytes, stream: Stream) -> None:
    """A channel is part of a stream. That of a member of the call is found by what it is called itself."""
    if stream.member:
        call.channels.pop((leg, name), None)
        return
    channel = call.channels.get((leg, name))
    if channel is None:
        channel = _enter(call, leg, name, stream.kind)
    channel.stream = stream


def rename(call: Call, stream: Stream, key: int | str) -> None:
    """Who answers says what a stream is called that its opener has left unnamed; where another is called so, it stays
    beside that."""
    if (key, stream.kind) not in call.streams:
        del call.streams[stream.key, stream.kind]
        stream.key = key
        call.streams[key, stream.kind] = stream


def heard(networks: Networks, call: Call, leg: int, intent: Intent, now: float) -> list[Order]:
    """The party of a leg opens and closes channels, or pauses the other: what follows for the streams."""
    for name, kind in intent.opens:
        if (leg, name) not in call.channels or call.channels[leg, name].kind != kind:
            _enter(call, leg, name, kind)
    orders: list[Order] = []
    for name, by_other in intent.shuts:
        channel = call.channels.pop((opener(leg, by_other), name), None)
        stream = None if channel is None else channel.stream
        if stream is None or call.streams.get((stream.key, stream.kind)) is not stream:
            continue
        if not any(each.stream is stream for each in call.channels.values()):
            orders += close_stream(networks, call, stream, now)
    if intent.suites is not None:
        call.legs[leg].suites = intent.suites
    if intent.pauses is not None and intent.pauses != call.paused[leg]:
        call.paused[leg] = intent.pauses
        orders.append(Note("paused" if intent.pauses else "resumed", "", call.id, {"by": call.legs[leg].realm.name}))
        orders.append(account.held(call, now))
        for stream in call.streams.values():
            stream.held[leg] = intent.pauses
            orders += stream.changed(call, leg)
    return orders


def _enter(call: Call, leg: int, name: bytes, kind: str) -> Channel:
    call.channels.pop((leg, name), None)
    made = call.channels[leg, name] = Channel(kind)
    if len(call.channels) > MOST:
        del call.channels[next(iter(call.channels))]
    return made
