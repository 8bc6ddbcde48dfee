"""Streams that a message describes in several ways, of which the answer takes one: until it does the first counts.

Where all are to be held ready (`Stream.reserves`) it may take several: then the first of those counts, and the others
stay. Each way may have its own formats and its own address. To the other side all of them are at our one port of that
stream; of another kind (fax in place of voice) a way is a stream of its own, which goes when the answer is of the other
kind alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from sbc.core.address import Address, Pair
from sbc.core.call import Call, Said, Stream
from sbc.core.message import Flow, Role, Slot
from sbc.core.orders import Order
from sbc.media.codecs import foremost_of

MOST = 16
"""Ways of one stream beside the first that are kept."""


@attrs.define
class _Way:
    """One further way, as far as it was read."""

    places: dict[Role, Address] = attrs.field(factory=dict)
    media: str = ""
    held: bool = False
    flow: Flow | None = None

    def said(self) -> Said | None:
        rtp = self.places.get(Role.RTP) or self.places.get(Role.T38)
        if rtp is None:
            return None
        rtcp = self.places.get(Role.RTCP) or Address(rtp.host, rtp.port + 1)
        flows = () if self.flow is None else (self.flow,)
        return Said(Pair(rtp, rtcp if Role.RTP in self.places else None), self.media, self.held, flows)


class Ways:
    """The further ways that one message has for its streams."""

    def __init__(self) -> None:
        self._first: dict[Stream, int] = {}
        self._found: dict[Stream, dict[int, _Way]] = {}

    def leads(self, stream: Stream, slot: Slot) -> bool:
        """Whether a slot is of the first way of its stream: that says where it is, the others where it may be."""
        return self._first.setdefault(stream, slot.way) == slot.way

    def note(self, stream: Stream, slot: Slot, address: Address) -> None:
        """A slot of a further way."""
        ways = self._found.setdefault(stream, {})
        way = ways.get(slot.way)
        if way is None and len(ways) < MOST:
            way = ways[slot.way] = _Way()
        if way is None:
            return
        way.places[slot.role] = address
        way.held = way.held or slot.held
        if slot.media:
            way.media, way.flow = slot.media, Flow(slot.media, slot.width)

    def keep(self, stream: Stream, side: int) -> None:
        """What the message says of a stream is what counts for it on that side from now on."""
        found = [each.said() for each in self._found.get(stream, {}).values()]
        stream.choices[side] = tuple(each for each in found if each is not None)


def choose(stream: Stream, side: int, media: str) -> bool:
    """The other side has taken a stream, as `media` tells: by that it is known which of the ways counts that it had on
    `side`. Returns whether that is another than the first."""
    if not media:  # it has said nothing of it yet
        return False
    ways, stream.choices[side] = stream.choices[side], ()
    if not ways or _meets(stream.media[side], media):
        return False
    chosen = next((each for each in ways if _meets(each.media, media)), None)
    if chosen is None:
        return False
    _take(stream, side, chosen, chosen.flows)
    return True


def hold(stream: Stream, side: int) -> bool:
    """The same where all ways are held ready that the other side takes, too, which may have several itself."""
    taken = [stream.media[1 - side], *(each.media for each in stream.choices[1 - side])]
    if not any(taken):
        return False
    first = Said(stream.remote[side], stream.media[side], stream.held[side])
    left = [each for each in (first, *stream.choices[side]) if any(_meets(each.media, media) for media in taken)]
    stream.choices[side] = tuple(left[1:])
    said = {each.media for each in left}
    flows = tuple(flow for flow in stream.flows[side] if flow.media in said)
    if not left or left[0] is first:
        stream.flows[side] = flows or stream.flows[side]
        return False
    _take(stream, side, left[0], flows)
    return True


def _take(stream: Stream, side: int, chosen: Said, flows: tuple[Flow, ...]) -> None:
    before = stream.remote[side]
    if before != chosen.remote:
        stream.forget(side, before is None or chosen.remote is None or before.rtp != chosen.remote.rtp)
    stream.remote[side], stream.media[side], stream.held[side] = chosen.remote, chosen.media, chosen.held
    stream.flows[side] = flows


def chosen(streams: Mapping[Stream, bool | None], side: int, holder: Callable[[Stream], Call]) -> list[Order]:
    """The side `side` has answered: what was described in several ways is meant in one of them from now on, or in all
    that both can take, where that is said with the stream, or was before (None)."""
    orders: list[Order] = []
    for stream, reserves in streams.items():
        stream.reserves = stream.reserves if reserves is None else reserves
        for at in (1 - side, side):
            if hold(stream, at) if stream.reserves else choose(stream, at, stream.media[1 - at]):
                orders += stream.changed(holder(stream), at)
    return orders


def meant(stream: Stream, side: int, media: str) -> Pair | None:
    """Where the way is that would be chosen so."""
    if media and not _meets(stream.media[side], media):
        for each in stream.choices[side]:
            if _meets(each.media, media):
                return each.remote
    return stream.remote[side]


def _meets(one: str, other: str) -> bool:
    """Whether both are of one kind, and name a format in common that is no companion of another."""
    kind, *formats = one.split(" ")
    same, *others = other.split(" ")
    return kind == same and foremost_of([each for each in formats if each in others]) != ""
