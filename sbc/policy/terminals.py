"""Who ranks as registered in a realm, and how many are at each host; guests apart, who only seem to be there."""

from __future__ import annotations

from collections import OrderedDict

from sbc.core.address import Address, network_of
from sbc.policy.flooding import Rank
from sbc.policy.source import Source


class Terminals:
    """`all` are terminals by transport address, and guests: whom a rule let call, or whose call was answered, by
    datagrams, which anybody may have sent in their name. `homes` counts the terminals at each host."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.all: OrderedDict[Address, Source] = OrderedDict()
        self.homes: dict[str, int] = {}
        self._lodgings: dict[str, int] = {}
        self._guests: OrderedDict[Address, None] = OrderedDict()

    def honest(self, host: str) -> int:
        """How many are at a host; guests there are one, however many they seem."""
        return self.homes.get(host, 0) or (host in self._lodgings)

    def enter(self, source: Address, known: Source, guest: bool, now: float) -> None:
        """Who is at `source` ranks as registered from now on; a guest that does already is none from now on."""
        if self.all.get(source) is known:
            self.leave(source)
        known.rank, known.guest, known.heard, known.since = Rank.REGISTERED, guest, now, now
        self.all[source] = known
        if guest:
            self._guests[source] = None
        _count(self._lodgings if guest else self.homes, network_of(source[0]), 1)

    def leave(self, source: Address) -> Source:
        """It does no longer."""
        known = self.all.pop(source)
        self._guests.pop(source, None)
        _count(self._lodgings if known.guest else self.homes, network_of(source[0]), -1)
        known.rank, known.guest = Rank.STRANGER, False
        return known

    def in_the_way(self, guest: bool, guests: int) -> Address | None:
        """Who has to leave before another may enter: the guest that came first, where there are so many already."""
        if guest and len(self._guests) >= guests:
            return next(iter(self._guests))
        return next(iter(self.all)) if len(self.all) >= self._most else None


def _count(there: dict[str, int], host: str, more: int) -> None:
    left = there.get(host, 0) + more
    if left:
        there[host] = left
    else:
        there.pop(host, None)
