"""How much bandwidth a stream takes: worked out of what both sides have said of it, and of what is known of codecs.

All figures are upper bounds of what an honest peer sends: of several formats the dearest counts, nothing is taken off
for silence. Codecs of one rate take that, whatever a message says; others are held to what it says, and where it does
not say, to what they usually take.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from sbc.core.message import UNSAID, Flow, Width
from sbc.core.orders import Rate
from sbc.core.realm import LEAST_BURST
from sbc.policy.codecs import COMPANIONS, DOUBLES, Codec, codec_of, name_of, same_as
from sbc.policy.demand import Bandwidth, Demand, Need, Police

Flows = tuple[Flow, ...]
Formats = dict[str, tuple[Width, int]]
Possible = tuple[tuple[int, int], ...]
"""What is left of what a party says it could take: the places of it, best first, and of each how many bit/s of media
it may take; 0: as many as was said."""
Cut = tuple[tuple[Flow, tuple[int, ...] | None], ...]
"""What is left of an offer: each flow that it proposed, best first, and which formats of that, by their places; None
where it is gone as a whole. Of one that names no format none is cut."""

RTP = 12
"""Octets of the header (RFC 3550 section 5.1)."""
BELOW = 28
"""Octets of the headers of UDP and IPv4; those of IPv6 are 20 more."""
BELOW_V6 = 48
RTCP_PERCENT = 5
"""The share of RTCP where nobody says otherwise (RFC 3550 section 6.2)."""

_LONGEST_PACKING: Final = 200
_VIDEO_PACKET: Final = 1_200  # octets of media in a large packet
_VIDEO_FRAMES: Final = 30  # a second, each of which ends in a packet that is not full
_MOST_SAID: Final = 1_000_000_000  # bit/s; what is said beyond is taken for this
_LEAST_SAID: Final = 4_000  # bit/s of media; nobody who sends takes less, whatever is said
_LEAST_RTCP: Final = 300  # octets a second that are let pass besides the media: reports, and checks of the way
_LEAST_VIDEO: Final = 64  # kbit/s of media below which no picture is of use
_FAX_RATE: Final = 14_400
_FAX_FASTEST: Final = 33_600  # V.34, where the receiver has not said
_FAX_COPIES: Final = 2  # of each packet that later ones hold again (T.38 clause 9.1.4.1)
_FAX_HEADER: Final = 10  # octets of UDPTL, and of a packet's fields
_FAX_PACKETS: Final = 50  # a second


@lru_cache(maxsize=4096)
def need(sender: Flows, receiver: Flows, kind: str, believed: Bandwidth) -> Need:
    """What a peer may send who has said `sender` to one that has said `receiver`, either of them maybe nothing yet, on
    a stream of `kind` "rtp" or "t38"."""
    return _capped(_fax(sender, receiver) if kind == "t38" else _media(sender, receiver, believed), believed)


def _capped(one: Need, believed: Bandwidth) -> Need:
    """No more than a stream may have: what a message says would else take all that there is. What is sent in packets of
    the same size in less time are fewer."""
    most = believed.most * 125
    if one.octets <= most and one.most <= most and one.rtcp <= most * 8:
        return one
    octets = min(one.octets, most)
    packets = one.packets * octets / max(1, one.octets)
    return one._replace(
        octets=octets, packets=packets, rtcp=min(one.rtcp, most * 8 - octets * 8), most=min(one.most, most)
    )


def _media(sender: Flows, receiver: Flows, believed: Bandwidth) -> Need:
    """Of RTP."""
    sends, takes = _formats(sender), _formats(receiver)
    media = _kind(receiver) or _kind(sender)
    likely, possible = _agreed(sends, takes)
    reserved = _dearest([(each, *_said(takes.get(each), sends.get(each))) for each in likely], media, believed)
    # what a sender has said is what it takes itself: of what it sends only the receiver's word is a bound
    policed = _dearest([(each, *takes.get(each, (UNSAID, 0))) for each in possible], media, believed)
    return reserved._replace(most=max(reserved.most, policed.most), known=policed.known)


def _agreed(sends: Formats, takes: Formats) -> tuple[list[str], list[str]]:
    """The formats that are sent, as far as can be told, and all that may be: where each side has formats that the other
    has not, they may be the same by other names, and where only companions are left, they are."""
    everything = list(dict.fromkeys([*sends, *takes]))
    common = [each for each in sends if each in takes]
    if not any(_carries(each) for each in common):
        return everything or [""], everything or [""]
    doubtful = [any(_carries(each) and each not in common for each in side) for side in (sends, takes)]
    return common, everything if all(doubtful) else common


def _carries(coded: str) -> bool:
    """Whether it is media by itself, and goes along with no other format."""
    return name_of(coded) not in COMPANIONS | DOUBLES


def _dearest(said: list[tuple[str, Width, int]], media: str, believed: Bandwidth) -> Need:
    """The dearest of formats, of each of which so much is said."""
    told = [each for each in said if _carries(each[0])] or said
    twice = any(name_of(coded) in DOUBLES for coded, *_ in said)
    found: Need | None = None
    for coded, width, bound in told:
        one = _of_format(coded, media, width, bound, twice, believed)
        if found is None:
            found = one
        else:  # the dearest of each
            dearer = one if _cost(one) > _cost(found) else found
            found = dearer._replace(most=max(one.most, found.most), known=one.known and found.known)
    assert found is not None
    return found


def _cost(one: Need) -> float:
    return one.octets + BELOW * one.packets


def _kind(flows: Flows) -> str:
    """``audio``, ``video``, or whatever else."""
    return flows[0].media.partition(" ")[0] if flows else ""


def _formats(flows: Flows) -> Formats:
    """What a side says of each of its formats, by what it is the same as: of the stream, and in bit/s of the format
    itself. Of one that stands there several times the most that is said counts."""
    found: Formats = {}
    for flow in flows:
        bounds = flow.width.formats
        for place, coded in enumerate(flow.media.split(" ")[1:]):
            key, bound = same_as(coded), bounds[place] if place < len(bounds) else 0
            width, other = found.get(key, (flow.width, bound))
            found[key] = (width, max(bound, other) if bound and other else 0)
        if flow.width != UNSAID and " " not in flow.media:
            width, _ = found.get("", (UNSAID, 0))
            if (flow.width.media or flow.width.wire) >= (width.media or width.wire):
                found[""] = (flow.width, 0)
    return found


def _said(first: tuple[Width, int] | None, second: tuple[Width, int] | None) -> tuple[Width, int]:
    """What is reserved: the receiver's word (RFC 3264 section 5.1); without one, as much as the sender itself takes."""
    if first is None or second is None:
        return first or second or (UNSAID, 0)
    (one, bound), (other, further) = first, second
    if one == other:
        return one, bound or further
    said = bool(one.media or one.wire)
    merged = Width(
        one.media if said else other.media,
        one.wire if said else other.wire,
        one.packets or other.packets,
        one.rtcp if one.rtcp >= 0 else other.rtcp,
        one.packing or other.packing,
        max(one.extra, other.extra),
    )
    return merged, bound or further


def _of_format(coded: str, media: str, width: Width, bound: int, twice: bool, believed: Bandwidth) -> Need:
    if media == "video":
        return _video(width, bound, believed)
    codec, known = codec_of(coded), True
    if codec is None:
        rate = 1_000 * (believed.audio if media in ("audio", "") else believed.other)
        codec, known = Codec(rate, rate, 20, 10, True), False
    packing = min(max(width.packing or codec.packing, codec.frame), max(_LONGEST_PACKING, codec.packing))
    packets = 1_000 / packing
    each = RTP + width.extra
    rate, most = codec.rate, codec.most
    if bound:
        rate = most = max(min(bound, _MOST_SAID), _LEAST_SAID)
    said = _media_of(width, packets, each) if codec.follows else 0
    if said:
        known = True
        rate = most = min(said, bound or said, codec.most if codec_of(coded) is not None else said)
        packets = max(min(float(width.packets), 200.0), packets) if width.packets else packets
    if twice:
        rate, most = rate * 2, most * 2
    short = max(1_000 / min(codec.frame, packing), packets)
    return Need(
        int(rate / 8 + each * packets + 0.999),
        packets,
        width.rtcp,
        _with_rtcp(most / 8 + each * short, width.rtcp),
        known,
    )


def _video(width: Width, bound: int, believed: Bandwidth) -> Need:
    each = RTP + width.extra
    said = min(width.media or width.wire, _MOST_SAID)
    if said and not width.media:
        said = int(said * _VIDEO_PACKET / (_VIDEO_PACKET + each + BELOW))
    said = min(filter(None, (said, bound)), default=0)
    rate = max(said, _LEAST_SAID) if said else 1_000 * believed.video
    packets = float(width.packets) if width.packets and said else rate / 8 / _VIDEO_PACKET + _VIDEO_FRAMES
    packets = min(packets, rate / 8 / 100 + _VIDEO_FRAMES)  # none is so small
    octets = rate / 8 + each * packets
    return Need(int(octets + 0.999), packets, width.rtcp, _with_rtcp(octets, width.rtcp), bool(said))


def _media_of(width: Width, packets: float, each: int) -> int:
    """Bit/s of media that a message allows; 0 where it says nothing."""
    if width.media:
        return max(min(width.media, _MOST_SAID), _LEAST_SAID)
    if width.wire:
        return max(int(min(width.wire, _MOST_SAID) - packets * (each + BELOW) * 8), _LEAST_SAID)
    return 0


def _with_rtcp(octets: float, rtcp: int) -> int:
    share = octets * RTCP_PERCENT / 100 if rtcp < 0 else min(rtcp, _MOST_SAID) / 8
    return int(octets + max(share, _LEAST_RTCP))


def _fax(sender: Flows, receiver: Flows) -> Need:
    said = [flow.width.media for flow in (*receiver, *sender) if flow.width.media]
    rate = min(max(said[0], _LEAST_SAID), 64_000) if said else _FAX_RATE
    octets = rate / 8 * (1 + _FAX_COPIES) + _FAX_HEADER * _FAX_PACKETS
    received = [flow.width.media for flow in receiver if flow.width.media]
    fastest = min(max(rate, _FAX_FASTEST if not received else 0), 64_000)
    most = fastest / 8 * (2 + _FAX_COPIES) + _FAX_HEADER * 2 * _FAX_PACKETS
    return Need(int(octets), float(_FAX_PACKETS), 0, int(most) + _LEAST_RTCP, True)


def bits(one: Need, v6: bool) -> int:
    """Bit/s on the wire, with all headers from IP on, and RTCP."""
    wire = (one.octets + one.packets * (BELOW_V6 if v6 else BELOW)) * 8
    return int(wire + (wire * RTCP_PERCENT / 100 if one.rtcp < 0 else min(one.rtcp, _MOST_SAID)) + 0.5)


@lru_cache(maxsize=4096)
def demand(
    flows: tuple[Flows, Flows], kind: str, v6: tuple[bool, bool], believed: tuple[Bandwidth, Bandwidth]
) -> Demand:
    """What a stream takes on both sides of the border, of which each side has said `flows`; `v6`: whether the side is
    of IPv6."""
    first = need(flows[0], flows[1], kind, believed[0])
    second = need(flows[1], flows[0], kind, believed[1])
    return Demand(
        (bits(first, v6[0]), bits(second, v6[1])),
        (bits(second, v6[0]), bits(first, v6[1])),
    )


def larger(one: Demand, other: Demand) -> Demand:
    """The larger in each place: what suffices for either."""
    return Demand(
        (max(one.into[0], other.into[0]), max(one.into[1], other.into[1])),
        (max(one.out[0], other.out[0]), max(one.out[1], other.out[1])),
    )


def fits(wanted: Demand, room: Demand) -> bool:
    """Whether there is room for all of it."""
    return (
        wanted.into[0] <= room.into[0]
        and wanted.into[1] <= room.into[1]
        and wanted.out[0] <= room.out[0]
        and wanted.out[1] <= room.out[1]
    )


@lru_cache(maxsize=4096)
def allowed(sender: Flows, receiver: Flows, kind: str, believed: Bandwidth, beyond: Rate | None) -> Rate | None:
    """What the engine is to let pass of what a peer sends: what was admitted and a margin, and no more than `beyond`,
    if there is that. None: anything."""
    if believed.police is Police.OFF or not (sender or receiver):
        return beyond
    one = need(sender, receiver, kind, believed)
    if not one.known and believed.police is Police.KNOWN:
        return beyond
    octets = one.most * (100 + believed.margin) // 100
    if beyond is not None and beyond.octets <= octets:
        return beyond
    return Rate(octets, max(int(octets * believed.burst), LEAST_BURST))


def wider(one: Rate | None, other: Rate | None) -> Rate | None:
    """What lets pass what either does. None: anything."""
    if one is None or other is None:
        return None
    return Rate(max(one.octets, other.octets), max(one.burst, other.burst))


def only(flow: Flow, keep: tuple[int, ...]) -> Flow:
    """A flow with those of its formats alone, by their places, in that order."""
    kind, *coded = flow.media.split(" ")
    bounds = flow.width.formats
    kept = tuple(bounds[each] if each < len(bounds) else 0 for each in keep) if bounds else ()
    return Flow(" ".join([kind, *(coded[each] for each in keep)]), flow.width._replace(formats=kept))


def fitting(
    flow: Flow, kind: str, room: Demand, v6: tuple[bool, bool], believed: tuple[Bandwidth, Bandwidth], cheapest: bool
) -> tuple[int, ...]:
    """The formats of an offer for which there is room, by their places, in the order of the offer, or the `cheapest`
    first; with them those that go along with one. Empty where nothing of use is left."""
    coded = flow.media.split(" ")[1:]
    costs: dict[int, int] = {}
    for place, each in enumerate(coded):
        if name_of(each) in COMPANIONS or name_of(each) in DOUBLES:
            continue
        wanted = demand(((only(flow, (place,)),), ()), kind, v6, believed)
        if fits(wanted, room):
            costs[place] = sum(wanted.into)
    if not costs:
        return ()
    beside = [place for place, each in enumerate(coded) if name_of(each) in COMPANIONS]
    chosen = sorted(costs, key=lambda place: (costs[place], place))
    return (*chosen, *beside) if cheapest else tuple(sorted([*chosen, *beside]))


def at_rate(flow: Flow, rate: int) -> Flow:
    """A flow that takes so many bit/s of media, whatever was said of it."""
    return flow._replace(width=flow.width._replace(media=rate, wire=0, formats=()))


def lowered(flow: Flow, room: Demand, v6: tuple[bool, bool], believed: tuple[Bandwidth, Bandwidth]) -> int:
    """How many bit/s of media video for which there is too little may take instead; 0 where that is of no use, and for
    all that has but one rate."""
    if not flow.media.startswith("video"):
        return 0
    least, beyond = _LEAST_VIDEO - 1, 1 + max(room.into) // 1_000  # kbit/s that fit, and such as do not
    while beyond - least > 1:
        middle = (least + beyond) // 2
        if fits(demand(((at_rate(flow, middle * 1_000),), ()), "rtp", v6, believed), room):
            least = middle
        else:
            beyond = middle
    return 1_000 * least if least >= _LEAST_VIDEO else 0


def cut(
    flows: Flows, kind: str, room: Demand, v6: tuple[bool, bool], believed: tuple[Bandwidth, Bandwidth], cheapest: bool
) -> Cut:
    """What there is room for of an offer that proposes each of `flows`, in its order, or the `cheapest` first. Empty
    where that is nothing of use."""
    found: list[tuple[Flow, tuple[int, ...] | None]] = []
    costs: list[int] = []
    for flow in flows:
        wanted = demand(((flow,), ()), kind, v6, believed)
        keep: tuple[int, ...] | None = ()
        if " " in flow.media:
            keep = fitting(flow, kind, room, v6, believed, cheapest) or None
        elif not fits(wanted, room):
            keep = None
        if keep:
            wanted = demand(((only(flow, keep),), ()), kind, v6, believed)
        found.append((flow, keep))
        costs.append(sum(wanted.into))
    if all(keep is None for _, keep in found):
        return ()
    if cheapest:
        found = [
            found[each] for each in sorted(range(len(found)), key=lambda each: (found[each][1] is None, costs[each]))
        ]
    return tuple(found)


def left(kept: Cut) -> Flows:
    """What is offered after it was cut."""
    return tuple(only(flow, keep) if keep else flow for flow, keep in kept if keep is not None)
