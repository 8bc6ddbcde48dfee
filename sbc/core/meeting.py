"""Calls of gateways that are halves of one call: the media of both meets at addresses of ours.

The core commands each gateway by itself, and tells one of them, as where the other is, what it has heard from us. So
the call that has that address is the other half; the records of both are to be one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sbc.core.address import Address, Pair
from sbc.core.orders import Order, Record

if TYPE_CHECKING:
    from sbc.core.call import Call, Stream
    from sbc.core.networks import Networks
    from sbc.core.realm import Realm

MOST = 16
"""Other halves of one call, one after the other: of more no account is given."""

_Place = tuple[str, Address]
"""A realm, and an address of our media in it: a change of plan may move that, and the ports begin anew."""


class Meetings:
    """The calls that gather, by where the media of their streams comes in in each realm."""

    def __init__(self) -> None:
        self._calls: dict[_Place, Call] = {}

    def enter(self, call: Call, stream: Stream) -> None:
        """A call has a stream."""
        self._calls.update((place, call) for place in _places(call, stream))

    def leave(self, call: Call, stream: Stream) -> None:
        """The twin of `enter`."""
        for place in _places(call, stream):
            del self._calls[place]

    def at(self, realm: str, address: Address) -> Call | None:
        """The call that has that address of ours in a realm; see Networks.media_as."""
        return self._calls.get((realm, address))

    def all(self) -> dict[_Place, Call]:
        """All there are; for the auditor."""
        return self._calls


def _places(call: Call, stream: Stream) -> list[_Place]:
    """Where the media of a stream comes in; none where it does not matter, or is shared by others."""
    if call.gathering is None or any(stream.shared):
        return []
    return [(leg.realm.name, pair.rtp) for leg, pair in zip(call.legs, stream.ours, strict=True)]


def met(call: Call, other: Call | None, now: float) -> list[Order]:
    """The media of `call` is to go to where that of `other` comes in: both are one from now on."""
    if call.gathering is None or other is None or other.gathering is None or other is call:
        return []
    mine, theirs = call.gathering.met, other.gathering.met
    if other.id in mine or max(len(mine), len(theirs)) >= MOST:
        return []
    mine.append(other.id)
    theirs.append(call.id)
    return [joined(call, other.id, now)]


def may_meet(networks: Networks, realm: Realm, call: Call, remote: Pair | None, now: float) -> list[Order]:
    """Whoever the media of a call is to go to, in that realm, may be another of ours, by what we have told the core."""
    if call.gathering is None or remote is None or not networks.is_own_media(realm, remote.rtp.host):
        return []
    host, port = remote.rtp
    places = (Address(each, port) for each in networks.media_as(realm.name, host))
    there = (networks.meetings.at(realm.name, place) for place in places)
    return met(call, next(filter(None, there), None), now)


def joined(call: Call, other: str, now: float) -> Record:
    """Two calls are one. Fields: `at`, and `with`: the other's id."""
    return Record(call.id, "join", {"at": now, "with": other})
