"""What streams have carried as records have it: packets, octets of UDP payloads, and octets of whole IP packets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

import attrs

from sbc.core.orders import SideSpec
from sbc.media.counters import Drops, Quality, SideCounters, Volume, together

Plain = dict[str, Any]
"""A record, or a part of one: nothing but what JSON has."""

UDP = 8
IPV4, IPV6 = 20, 40
"""Octets of a header (RFC 768, RFC 791 without options, RFC 8200 without extensions)."""

WAYS = ("received", "sent")
KINDS = ("rtp", "rtcp")

_COUNTS = ("packets", "octets", "ip_octets")
_REASONS = tuple(field.name for field in attrs.fields(Drops))
_FIGURES = tuple(field.name for field in attrs.fields(Quality))


def header_of(host: str) -> int:
    """Octets that IP and UDP put before each payload, where our address is `host`. A datagram that was sent in several
    fragments counts as one packet, with one header."""
    return UDP + (IPV6 if ":" in host else IPV4)


def header_of_side(spec: SideSpec) -> int:
    """The same of a side: both ends speak one version of IP."""
    return header_of(spec.local.rtp.host)


def carried(side: SideCounters, header: int) -> Plain:
    """What one side has carried, as a record has it; with `header` octets before each payload."""
    quality = side.quality
    return {
        "received": {"rtp": _counted(side.received_rtp, header), "rtcp": _counted(side.received_rtcp, header)},
        "sent": {"rtp": _counted(side.sent_rtp, header), "rtcp": _counted(side.sent_rtcp, header)},
        "drops": {reason: count for reason in _REASONS if (count := getattr(side.drops, reason))},
        "quality": None if quality is None else {name: getattr(quality, name) for name in _FIGURES},
    }


def ip_octets(volume: Volume, header: int) -> int:
    """Octets of the whole IP packets, with `header` octets before each payload."""
    return volume.octets + header * volume.packets


def _counted(volume: Volume, header: int) -> Plain:
    return {"packets": volume.packets, "octets": volume.octets, "ip_octets": ip_octets(volume, header)}


def ways_of(side: Plain) -> Plain:
    """Of a side what it has received and sent, and nothing else."""
    return {way: side[way] for way in WAYS}


def added(one: Plain, other: Plain) -> Plain:
    """What two sides have carried together; or one, in two lives. A record of before IP octets were counted has none of
    them, nor has then the sum."""
    ways = {way: {kind: summed((one[way][kind], other[way][kind])) for kind in KINDS} for way in WAYS}
    drops = {reason: one["drops"].get(reason, 0) + other["drops"].get(reason, 0) for reason in _REASONS}
    quality = together(_quality(one), _quality(other))
    return {
        **ways,
        "drops": {reason: count for reason, count in drops.items() if count},
        "quality": None if quality is None else {name: getattr(quality, name) for name in _FIGURES},
    }


def summed(volumes: Iterable[Plain]) -> Plain:
    """Volumes as one; all of them 0 of none."""
    found = list(volumes)
    counts = [name for name in _COUNTS if all(name in each for each in found)]
    return {name: sum(each[name] for each in found) for name in counts}


def add_up(sums: list[Plain]) -> Plain | None:
    """Several `more_streams` as one; None of none."""
    if not sums:
        return None
    sides = zip(*(each["sides"] for each in sums), strict=True)
    return {"streams": sum(each["streams"] for each in sums), "sides": [reduce(added, side) for side in sides]}


def _quality(side: Plain) -> Quality | None:
    found = side.get("quality")
    return None if found is None else Quality(**{name: found[name] for name in _FIGURES if name in found})


NOTHING = carried(SideCounters(), 0)
"""What a side has carried by which nothing came."""
