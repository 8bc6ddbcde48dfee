"""Bandwidth as values: what a stream takes, and what a realm is configured to think of it."""

from __future__ import annotations

from typing import NamedTuple

import attrs

from sbc.core.word import Word


class Demand(NamedTuple):
    """What a stream takes on the wire, in bit/s with all headers from IP on: `into` from the peer of each leg to us,
    `out` from us to it."""

    into: tuple[int, int]
    out: tuple[int, int]


def less(one: Demand, other: Demand) -> Demand:
    """What of `one` is beyond the other, in each place."""
    into = max(0, one.into[0] - other.into[0]), max(0, one.into[1] - other.into[1])
    return Demand(into, (max(0, one.out[0] - other.out[0]), max(0, one.out[1] - other.out[1])))


def more(one: Demand, other: Demand) -> Demand:
    """Both together."""
    into = one.into[0] + other.into[0], one.into[1] + other.into[1]
    return Demand(into, (one.out[0] + other.out[0], one.out[1] + other.out[1]))


def turned(one: Demand) -> Demand:
    """The same of a call that was asked for from the other side."""
    return Demand(one.into[::-1], one.out[::-1])


class Need(NamedTuple):
    """What one direction of a stream takes, whatever carries it. `octets` a second of RTP packets, in so many `packets`
    a second; `rtcp` bit/s besides, -1: the usual share. `most` are the octets a second of UDP payload that who sends
    it may come to, RTCP included; `known`: the codec or the message says so, it is no default."""

    octets: int
    packets: float
    rtcp: int
    most: int
    known: bool


class Fit(Word):
    """What is done with an offer that asks for more bandwidth than there is."""

    REFUSE = "refuse"
    FILTER = "filter"  # it goes on with those of its formats for which there is enough, if there are any
    CHEAPEST = "cheapest"  # the same, and of those the cheapest comes first


class Police(Word):
    """Whose streams are held to what was admitted."""

    OFF = "off"
    KNOWN = "known"  # those of which the codec or the message says what they take
    ALL = "all"


@attrs.frozen(cache_hash=True)
class Bandwidth:
    """How a realm takes the bandwidth of streams. `audio`, `video` and `other` are kbit/s of media that are believed of
    a stream of which nobody says more, `most` those that one direction of a stream may have, whatever is said. Peers
    may send `margin` percent more than was admitted, and after a pause what that makes in `burst` seconds at once.
    `ahead`: what leave for a call is asked for is believed, and held from then on."""

    audio: int = 64
    video: int = 2_000
    other: int = 64
    most: int = 20_000
    fit: Fit = Fit.REFUSE
    police: Police = Police.KNOWN
    margin: int = 20
    burst: float = 5.0
    ahead: bool = False
