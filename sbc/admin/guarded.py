"""What the guards against floods know, as metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sbc.policy.flood import Flood
from sbc.policy.flooding import Rank

Sample = tuple[tuple[str, ...], Any]


def bans(flood: Flood) -> Iterator[Sample]:
    """Bans in force, by realm and of what."""
    counted = Counter((ban.realm, "source" if ban.port else "host") for ban in flood.bans)
    for realm in flood.guards:
        for what in ("source", "host"):
            yield (realm, what), counted[realm, what]


def unpushed(flood: Flood) -> Iterator[Sample]:
    """Bans that what drops packets below the sockets has not taken, and is asked to take again."""
    yield (), len(flood.unpushed)


def sources(flood: Flood) -> Iterator[Sample]:
    """Sources that are remembered, by realm and rank."""
    for realm, guard in flood.guards.items():
        trusted = sum(each.rank is Rank.TRUSTED for each in guard.known.values())
        counted = ((Rank.STRANGER, len(guard.strangers)), (Rank.TRUSTED, trusted))
        for rank, count in (*counted, (Rank.REGISTERED, len(guard.known) - trusted)):
            yield (realm, rank.value), count


def dropped(flood: Flood) -> Iterator[Sample]:
    """Packets of banned sources that were dropped below the sockets, and by what."""
    if flood.sink is not None:
        yield (flood.sink.name,), flood.sink.dropped()
