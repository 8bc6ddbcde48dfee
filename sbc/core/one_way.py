"""How streams are secured of which each party opens the channel by which it sends, and says its own key for that: what
is taken of what it says, and what the other party is told. Nothing answers that (sbc.core.securing has what does).
"""

from __future__ import annotations

import attrs

from sbc.core.message import Cause, Refused
from sbc.core.secured import MediaSecurity, OneWay, Secured, SideSecurity, going_on
from sbc.core.securing import (
    TAKEN,
    End,
    Negotiation,
    Ward,
    Wards,
    Way,
    in_order,
    of_suite,
    put_in_force,
    reflects,
    unfit,
    without,
)


def agree(
    negotiation: Negotiation, wards: Wards, side: int, said: Secured | None, channel: OneWay, again: bool
) -> tuple[Wards, Secured | None]:
    """The party of `side` opens a channel, proposes it, or takes what was proposed, and says `said` of how it is
    secured; with what the other is told. `again`: the same message has proposed another one of that stream before:
    which counts, its answer says. @raises Refused where that is not demanded here, or there."""
    near, far = (_end(each, channel) for each in (negotiation.ends[side], negotiation.ends[1 - side]))
    own = reflects(said, wards)
    said = without(said, own)
    ward, other = wards[side], wards[1 - side]
    way = _way(negotiation, ward, said, channel, near)
    if way is None:
        raise unfit(said, near, "a channel", own)
    there = _way_there(other, far)
    if channel.sent:
        ward = attrs.evolve(ward, said=_first(ward.said, said, near, again) if way is Way.SDES else said, heard=True)
        other, told = _told(negotiation, other, there, far)
    else:
        ward, other = _taking(negotiation, ward, other, way, said, near, channel.tag)
        sending = None if other.said is None else [key.suite for key in other.said.keys[:1]]
        told = None if there is Way.PLAIN else Secured(demands=True, takes=tuple(sending or far.suites))
    ward, other = attrs.evolve(ward, way=way), attrs.evolve(other, way=there)
    return in_order(side, put_in_force(ward, _force(ward)), put_in_force(other, _force(other))), told


def _end(end: End, channel: OneWay) -> End:
    return attrs.evolve(end, able=end.able & frozenset(channel.suites))


def _way(negotiation: Negotiation, ward: Ward, said: Secured | None, channel: OneWay, end: End) -> Way | None:
    """How what a party says is taken; None: not at all. Both directions of a side are secured alike."""
    ways = TAKEN[end.protection.mode]
    if _stands(ward):
        ways = tuple(each for each in ways if each is ward.way)
    if channel.sent:
        return negotiation.chosen(said, ways, end)
    keyless = said is not None and said.demands and end.may_say_keys and any(each in end.suites for each in said.takes)
    if keyless and Way.SDES in ways:
        return Way.SDES
    return Way.PLAIN if Way.PLAIN in ways and (said is None or not said.demands) else None


def _stands(ward: Ward) -> bool:
    """Whether it is settled how its side is secured: its peer has opened a channel, or was told of one."""
    return ward.heard or ward.told is not None


def _way_there(ward: Ward, end: End) -> Way:
    """How the other party is told that media is secured. @raises Refused where that cannot be said."""
    mode = end.protection.mode
    if _stands(ward):
        return ward.way
    if mode is MediaSecurity.DTLS:
        raise Refused(Cause.SECURITY, "no DTLS here", counted="no-dtls")
    sayable = end.may_say_keys and bool(_to_send(end))
    if mode is MediaSecurity.OPTIONAL:
        return Way.SDES if sayable and end.takes else Way.PLAIN
    if mode is not MediaSecurity.SDES:
        return Way.PLAIN
    if not sayable:
        raise Refused(
            Cause.SECURITY, "keys cannot be said there", counted="no-suite" if end.may_say_keys else "keys-in-clear"
        )
    return Way.SDES


def _to_send(end: End) -> tuple[str, ...]:
    """The suites by which a party can be sent to, as far as is known: in our order."""
    return end.suites if end.takes is None else tuple(each for each in end.suites if each in end.takes)


def _first(before: Secured | None, said: Secured | None, end: End, again: bool) -> Secured | None:
    """What a party says that it sends with; of several channels that it proposes for a stream the first comes first."""
    if said is None:
        return None
    keys = tuple(key for key in said.keys if key.suite in end.suites)[:1]
    known = before.keys if again and before is not None else ()
    return attrs.evolve(said, keys=(*known, *(key for key in keys if all(each.tag != key.tag for each in known))))


def _told(negotiation: Negotiation, ward: Ward, way: Way, end: End) -> tuple[Ward, Secured | None]:
    """The ward of who is sent to by a channel, and what it is told: one key of ours, that stays for the stream. @raises
    Refused where it can be sent to by no suite, though it may send by one itself."""
    if way is Way.PLAIN:
        return attrs.evolve(ward, told=Secured(best_effort=True)), None
    known = ward.told.keys[0].suite if ward.told is not None and ward.told.keys else None
    suite = known or next(iter(_to_send(end)), None)
    if suite is None:
        raise Refused(Cause.SECURITY, "keys cannot be said there", counted="no-suite")
    ward = negotiation.keyed(ward, (suite,))
    told = Secured(keys=(of_suite(ward.keys, suite),), takes=(suite,), demands=True)
    return attrs.evolve(ward, told=told), told


def _taking(
    negotiation: Negotiation, ward: Ward, other: Ward, way: Way, said: Secured | None, end: End, tag: int
) -> tuple[Ward, Ward]:
    """Who is to be sent to says by which suites; who has proposed several keys hears which was taken."""
    if way is Way.SDES and said is not None and (ward.told is None or not ward.told.keys):
        suite = next(each for each in said.takes if each in end.suites)
        ward = negotiation.keyed(ward, (suite,))
        ward = attrs.evolve(ward, told=Secured(keys=(of_suite(ward.keys, suite),), takes=(suite,), demands=True))
    if other.said is not None and len(other.said.keys) > 1:
        keys = [key for key in other.said.keys if key.tag == tag] or list(other.said.keys)
        other = attrs.evolve(other, said=attrs.evolve(other.said, keys=(keys[0],)))
    return ward, other


def _force(ward: Ward) -> SideSecurity | None:
    """What the engine is to have of a side: a direction without a key yet passes nothing."""
    if ward.way is not Way.SDES:
        return None
    receive = ward.said.keys[0] if ward.said is not None and ward.said.keys else None
    send = ward.told.keys[0] if ward.told is not None and ward.told.keys else None
    return going_on(SideSecurity(receive, send), ward.force)
