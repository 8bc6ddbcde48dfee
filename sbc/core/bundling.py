"""Which streams of a message share one transport on a side of the SBC (BUNDLE, RFC 9143), and what is told of that.
Each side has its own bundles: a browser's two streams come by one port, and leave by two.

It is decided by an answer: what both have said is known then. A stream that another one carries keeps its own ports,
and goes by them again when it is in no bundle any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from sbc.core.address import Address
from sbc.core.call import Stream
from sbc.core.secured import MOST_BUNDLED, Bundled, Secured
from sbc.core.securing import Ward, Wards, Way, is_same_end


@attrs.define(eq=False)
class Part:
    """A stream of a message, and how its sides are to be secured after it."""

    stream: Stream
    wards: Wards

    def ward(self, side: int) -> Ward:
        return self.wards[side]

    def put(self, side: int, ward: Ward) -> None:
        """Have a side secured so."""
        self.wards = (ward, self.wards[1]) if side == 0 else (self.wards[0], ward)

    def tell(self, side: int, told: Secured) -> None:
        """Tell the peer of a side that."""
        self.put(side, attrs.evolve(self.wards[side], told=told))

    def carrier(self, side: int) -> str:
        """The stream by whose transport it goes on that side so far, if it is one of a bundle."""
        force = None if self.stream.wards is None else self.stream.wards[side].force
        bundled = None if force is None else force.bundled
        return "" if bundled is None else bundled.carrier or self.stream.id

    def told(self, side: int) -> Secured:
        """What the peer of a side is told of it."""
        told = self.wards[side].told
        assert told is not None  # or it could be of no bundle
        return told


def offer(parts: Sequence[Part], streams: Iterable[Stream], side: int, host: str) -> None:
    """The peer of `side` is offered these streams: in a bundle, unless it wants none. `host` is ours, as it is told,
    and `streams` are all of the call."""
    asked = [part for part in parts if _may_share(part.ward(side))]
    heard = [said for part in asked if (said := part.ward(side).said) is not None]
    names = {said.mid for said in heard if said.mid}
    for number, part in enumerate(asked):
        if not part.told(side).mid:
            mid = next(each for each in (str(n) for n in range(number, 2 * len(parts) + 1)) if each not in names)
            names.add(mid)
            part.tell(side, attrs.evolve(part.told(side), mid=mid))
    if any(not said.bundle for said in heard):
        return
    members = _apart(asked, side, said_only=False)
    _tell(members, parts, _carrier(members, parts, streams, side), side, host)


def answer(parts: Sequence[Part], streams: Iterable[Stream], side: int, host: str, tells: bool) -> list[Stream]:
    """These streams of a side are agreed on. `tells`: its peer is told so, for it is who has asked; else it has told
    us. Returns those that cannot be had: they were to be in a bundle alone."""
    groups: dict[str, list[Part]] = {}
    for part in parts:
        said, told = part.ward(side).said, part.ward(side).told
        part.put(side, _alone(part.ward(side)))
        if said is not None and said.bundle and told is not None and told.bundle and _may_share(part.ward(side)):
            groups.setdefault(said.bundle, []).append(part)
        if tells and told is not None:
            part.tell(side, attrs.evolve(told, bundle=""))
    shared: list[Part] = []
    for first, group in groups.items():
        group.sort(key=lambda part: _said(part, side).mid != first)
        members = _apart(group, side, said_only=True)
        carrier = _carrier(members, parts, streams, side)
        if carrier is not None:
            _share(members, carrier, side)
        if tells:
            _tell(members, parts, carrier, side, host)
        shared += members
    lost = [part for part in parts if tells and part not in shared and _is_bundled_alone(part.ward(side))]
    for part in lost:
        part.tell(side, attrs.evolve(part.told(side), at=Address(host, 0)))
    return [part.stream for part in lost]


def carries(stream: Stream, side: int, streams: Iterable[Stream]) -> bool:
    """Whether others go by the transport of a stream on that side."""
    forces = (each.wards[side].force for each in streams if each is not stream and each.wards is not None)
    return any(f is not None and f.bundled is not None and f.bundled.carrier == stream.id for f in forces)


def alone(wards: Wards | None) -> Wards | None:
    """The same of a stream that is in no bundle any more, on neither side."""
    return None if wards is None else (_alone(wards[0]), _alone(wards[1]))


def emptied(wards: Wards, side: int) -> Wards:
    """The same of a stream of which no more than the transport serves, on that side."""
    ward = wards[side]
    if ward.force is not None:
        ward = attrs.evolve(ward, force=attrs.evolve(ward.force, bundled=Bundled()))
    return (ward, wards[1]) if side == 0 else (wards[0], ward)


def _may_share(ward: Ward) -> bool:
    """Whether a side's transport may be that of several: RTCP is to come by the port of RTP (RFC 9143 section 9.3)."""
    told, said = ward.told, ward.said
    if ward.way is not Way.DTLS or told is None or not told.fingerprints or not told.mux:
        return False
    return not ward.heard or (said is not None and said.mux)


def _apart(parts: Sequence[Part], side: int, said_only: bool) -> list[Part]:
    """Those of which it can be told which stream a packet is of. Where the peer has not `said` yet by what it sends,
    the numbers of formats alone do so."""
    found: list[Part] = []
    for part in parts[: 2 * MOST_BUNDLED]:
        if len(found) < MOST_BUNDLED and all(_differ(part, other, side, said_only) for other in found):
            found.append(part)
    return found


def _differ(one: Part, other: Part, side: int, said_only: bool) -> bool:
    types, others = dict(one.ward(1 - side).types), dict(other.ward(1 - side).types)
    shared = types.keys() & others.keys()
    if not shared:
        return True
    tells = said_only and all(_said(each, side).sources for each in (one, other))
    return tells and all(types[number] == others[number] for number in shared)


def _carrier(members: Sequence[Part], parts: Sequence[Part], streams: Iterable[Stream], side: int) -> Stream | None:
    """The stream whose transport these share: the one that they share so far, be it turned down by now, as long as
    their peer speaks of the same; else that of the first. None: there is none yet, or nothing to share."""
    if not members:
        return None
    first = members[0].ward(side)
    before = next((each.carrier(side) for each in members if each.carrier(side)), "")
    found = next((each for each in streams if each.id == before), None)
    if found is not None and any(part.stream is found for part in members):
        return found if len(members) > 1 else None
    if found is not None and found.wards is not None and all(part.stream is not found for part in parts):
        said, was = first.said, found.wards[side].said
        if said is None or (was is not None and is_same_end(was, said)):
            return found
    return members[0].stream if len(members) > 1 and first.heard and first.force is not None else None


def _share(members: Sequence[Part], carrier: Stream, side: int) -> None:
    numbers = [number for part in members for number, _ in part.ward(1 - side).types]
    for part in members:
        ward, said = part.ward(side), _said(part, side)
        own = tuple(number for number, _ in part.ward(1 - side).types if numbers.count(number) == 1)
        named = "" if part.stream is carrier else carrier.id
        bundled = Bundled(named, said.mid, said.extension, said.sources, own)
        if ward.force is not None:
            part.put(side, attrs.evolve(ward, force=attrs.evolve(ward.force, bundled=bundled)))


def _tell(members: Sequence[Part], parts: Sequence[Part], carrier: Stream | None, side: int, host: str) -> None:
    """Tell the peer of a side that these are a bundle. The first speaks of its transport: that of the carrier, if it is
    there; who does not go by that yet has its own."""
    members = sorted(members, key=lambda part: part.stream is not carrier)
    there = next((part.ward(side).told for part in parts if part.stream is carrier), None)
    if there is None and carrier is not None and carrier.wards is not None:
        there = carrier.wards[side].told
    for n, part in enumerate(members):
        told, force = attrs.evolve(part.told(side), bundle=members[0].told(side).mid), part.ward(side).force
        rides = force is not None and force.bundled is not None and force.bundled.carrier
        if carrier is not None and rides:
            told = attrs.evolve(told, rides=n > 0, at=Address(host, carrier.ours[side].rtp.port))
        if carrier is not None and rides and n == 0 and there is not None:
            told = attrs.evolve(told, fingerprints=there.fingerprints, setup=there.setup, ice=there.ice)
        part.tell(side, told)


def _is_bundled_alone(ward: Ward) -> bool:
    return ward.said is not None and ward.said.at is not None


def _alone(ward: Ward) -> Ward:
    if ward.force is None or ward.force.bundled is None:
        return ward
    return attrs.evolve(ward, force=attrs.evolve(ward.force, bundled=None))


def _said(part: Part, side: int) -> Secured:
    said = part.ward(side).said
    assert said is not None  # it has answered, or asked
    return said
