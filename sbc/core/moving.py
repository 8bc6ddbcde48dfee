"""Members that go from one call of their gateway to another, and their streams with them, by the ports that they have.

Whoever is at the far end of such a stream, and the gateway too, go on sending where they did. What was carried until
then is the volume of the call that is left: to the engine the stream is closed, and opened again for the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from sbc.core import account, admitted, bundling, keyed
from sbc.core.call import Call, CallState, Stream
from sbc.core.message import Cause, Intent, Phase, Refused, StreamKey
from sbc.core.orders import CloseStream, OpenStream, Order, StreamSpec

if TYPE_CHECKING:
    from sbc.core.registry import Registry

Moving = dict[tuple[StreamKey, str], tuple[Call, Stream]]
"""Streams that are on their way into a call, by what they are called, and the calls that they are still in."""


def on_their_way(registry: Registry, call: Call | None, intent: Intent) -> Moving:
    """The streams of members that a message moves into `call`, or says to have moved there."""
    found: Moving = {}
    if call is None or call.gathering is None or call.state is CallState.CLOSED:
        return found
    for member in intent.moves:
        before = registry.members.find(call.gathering.gateway, member)
        for stream in before.streams.values() if before is not None and before is not call else ():
            if stream.member == member and before is not None:
                found[stream.key, stream.kind] = before, stream
    return found


def check(call: Call, moving: Moving, intent: Intent) -> None:
    """See that what a request moves has room where it goes, and stays between the same networks. @raises Refused."""
    if intent.phase is not Phase.REQUEST or not moving:
        return
    if len(call.streams) + len(moving) > call.legs[0].realm.limits.streams_per_call:
        raise Refused(Cause.BUSY, "too many media streams in one call")
    for before, _ in moving.values():
        if not _alike(before, call):
            raise Refused(Cause.UNSUPPORTED, "media is not moved to a call between other networks")


def _alike(before: Call, call: Call) -> bool:
    """Whether both calls lead from the same realm to the same."""
    return [leg.realm.name for leg in before.legs] == [leg.realm.name for leg in call.legs]


def holder(registry: Registry, call: Call, stream: Stream) -> Call | None:
    """The call that a stream is in, which a message of `call` was about; None where it is in none any more."""
    if call.streams.get((stream.key, stream.kind)) is stream:
        return call
    if call.gathering is None or not stream.member:
        return None
    other = registry.members.find(call.gathering.gateway, stream.member)
    return other if other is not None and other.streams.get((stream.key, stream.kind)) is stream else None


def move(registry: Registry, before: Call, call: Call, member: bytes, now: float) -> list[Order]:
    """A member leaves a call for another, in which it is from now on, with those of its streams that have a place there
    (see `check`); others are left where they are, for who ends them."""
    registry.members.part(before, member)
    registry.members.join(call, member)
    registry.touch(before)
    registry.touch(call)
    orders: list[Order] = [account.moved(before, call, member, now), account.came(before, call, member, now)]
    for stream in [each for each in before.streams.values() if each.member == member] if _alike(before, call) else ():
        if (stream.key, stream.kind) not in call.streams:
            orders += _take_over(registry, before, call, stream)
    return orders


def _take_over(registry: Registry, before: Call, call: Call, stream: Stream) -> list[Order]:
    networks, wanted = registry.networks, stream.admitted
    closing = CloseStream(stream.id, before.id)
    del before.streams[stream.key, stream.kind]
    networks.meetings.leave(before, stream)
    networks.book.release(stream.id)
    call.opened_streams += 1
    stream.id = f"{call.id}/{call.opened_streams}"
    stream.wards = bundling.alone(stream.wards)  # it shares no transport with those that stay
    stream.early.clear()  # of who else might have answered the other call
    keyed.reopen(stream)
    call.streams[stream.key, stream.kind] = stream
    networks.meetings.enter(call, stream)
    if wanted is not None:
        admitted.hold(networks, call, stream, wanted, forced=True)
    return [closing, OpenStream(as_it_was(call, stream))]


def as_it_was(call: Call, stream: Stream) -> StreamSpec:
    """A stream that was open before, as the engine is to have it: media goes on to where it went."""
    spec = stream.spec(call)
    first, second = (
        attrs.evolve(each, latched=stream.latched[index], latched_rtcp=stream.latched_rtcp[index])
        for index, each in enumerate(spec.sides)
    )
    return attrs.evolve(spec, sides=(first, second))
