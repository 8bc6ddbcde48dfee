"""Who is banned: transport addresses and whole hosts, why, until when; longer each time that one comes again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from sbc.core.address import Address, network_of

MOST = 100_000
"""Bans at once, and banned before that are remembered. Of too many, that which ends first is lifted."""
FORGIVEN = 86_400.0
"""Seconds after the end of a ban for which it makes the next one longer."""

Key = tuple[str, str, int]
"""Realm, host and port; port 0 is the whole host, of IPv6 its /64."""


class Ban:
    """One ban; times are on the core's clock. `times`: how often it was banned before. `kept`: an operator said so."""

    __slots__ = ("host", "kept", "port", "realm", "reason", "since", "times", "until")

    def __init__(
        self, realm: str, host: str, port: int, reason: str, since: float, until: float, times: int, kept: bool = False
    ) -> None:
        self.realm = realm
        self.host = host
        self.port = port
        self.reason = reason
        self.since = since
        self.until = until
        self.times = times
        self.kept = kept

    @property
    def key(self) -> Key:
        """By what it is found."""
        return (self.realm, self.host, self.port)

    def __str__(self) -> str:
        return str(Address(self.host, self.port)) if self.port else self.host


class Bans:
    """The bans of all realms.

    `hard` holds for each realm what nothing is taken from: transport addresses, and hosts. `soft` are hosts at which
    honest terminals are, too: only strangers there are banned. `news` are the keys of bans that have come, changed or
    gone, for whoever has to know, if anybody does.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._all: dict[Key, Ban] = {}
        self._ends: list[tuple[float, Key]] = []
        self._past: OrderedDict[Key, tuple[int, float]] = OrderedDict()  # times banned, and when the last ended
        self.hard: dict[str, dict[object, Ban]] = {}
        self.soft: dict[str, dict[str, Ban]] = {}
        self.news: dict[Key, None] | None = None

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Ban]:
        return iter(self._all.values())

    def get(self, key: Key) -> Ban | None:
        """The ban of that key, if there is one."""
        return self._all.get(key)

    def refused(self, realm: str) -> dict[object, Ban]:
        """What nothing is taken from in a realm: for ever the same dictionary, which is looked into for each packet."""
        return self.hard.setdefault(realm, {})

    def banned(self, realm: str, source: Address) -> bool:
        """Whether nothing is taken from `source`, whoever it is."""
        there = self.hard.get(realm)
        return bool(there) and there is not None and (source in there or network_of(source[0]) in there)

    def closed(self, realm: str, host: str) -> bool:
        """Whether nothing is taken from strangers at `host`."""
        there = self.soft.get(realm)
        return there is not None and host in there

    def term(self, key: Key, first: float, longest: float, now: float) -> tuple[float, int]:
        """For how many seconds one is to be banned, and how often it was before."""
        times, ended = self._past.get(key, (0, now))
        if now - ended > FORGIVEN:
            times = 0
        return min(first * 2.0 ** min(times, 40), longest), times

    def add(self, ban: Ban, soft: bool = False, counts: bool = True) -> None:
        """Ban; what was said of the same before no longer counts. If it `counts` the next is longer."""
        key = ban.key
        self._take_out(key)
        while len(self._all) >= self._most:
            self._soonest()
        self._all[key] = ban
        self._place(ban, soft)
        heappush(self._ends, (ban.until, key))
        if len(self._ends) > 2 * len(self._all) + 1_000:
            self._ends = [(each.until, each.key) for each in self._all.values()]
            heapify(self._ends)
        if counts:
            self._remember(key, ban)
        self._tell(key)

    def _remember(self, key: Key, ban: Ban) -> None:
        self._past.pop(key, None)
        while len(self._past) >= self._most:
            self._past.popitem(last=False)
        self._past[key] = (ban.times + 1, ban.until)

    def soften(self, realm: str, host: str) -> None:
        """An honest terminal is at `host`: if that is banned, only strangers there are from now on, unless an operator
        said so, who means all."""
        ban = self._all.get((realm, host, 0))
        if ban is not None and not ban.kept and self.refused(realm).pop(host, None) is not None:
            self._place(ban, True)
            self._tell(ban.key)

    def is_soft(self, ban: Ban) -> bool:
        """Whether only strangers are banned."""
        return not ban.port and ban.host in self.soft.get(ban.realm, ())

    def lift(self, key: Key) -> Ban | None:
        """Ban no more, and let it be as if it had not been; the ban that was there."""
        self._past.pop(key, None)
        return self._take_out(key)

    def expire(self, now: float) -> list[Ban]:
        """Let go of all bans whose time is over, which are returned."""
        over: list[Ban] = []
        while self._ends and self._ends[0][0] <= now:
            _, key = heappop(self._ends)
            ban = self._all.get(key)
            if ban is not None and ban.until <= now:
                self._take_out(key)
                over.append(ban)
        return over

    def _soonest(self) -> None:
        """Let go of the ban that ends first."""
        while True:
            until, key = heappop(self._ends)
            ban = self._all.get(key)
            if ban is not None and ban.until == until:
                self._take_out(key)
                return

    def _place(self, ban: Ban, soft: bool) -> None:
        if soft:
            self.soft.setdefault(ban.realm, {})[ban.host] = ban
        else:
            self.refused(ban.realm)[Address(ban.host, ban.port) if ban.port else ban.host] = ban

    def _take_out(self, key: Key) -> Ban | None:
        ban = self._all.pop(key, None)
        if ban is not None:
            if not ban.port:
                self.soft.get(ban.realm, {}).pop(ban.host, None)
            self.hard.get(ban.realm, {}).pop(Address(ban.host, ban.port) if ban.port else ban.host, None)
            self._tell(key)
        return ban

    def _tell(self, key: Key) -> None:
        if self.news is not None:
            self.news[key] = None
