"""The rules of realms, asked in their order: which of them a message meets is told by masks, a bit for each rule."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from sbc.core.address import Address, network_of
from sbc.core.message import Cause, Intent
from sbc.core.orders import Listener
from sbc.policy.bucket import Bucket
from sbc.policy.events import Act, Message, Standing, Verdict
from sbc.policy.prefixes import PIECE, Prefixes
from sbc.policy.rule import Action, Over, Pattern, Per, Rule

if TYPE_CHECKING:
    from sbc.policy.countries import Countries

WORD = "rule"
"""By which it is counted what rules do not let pass."""
MOST = 65_536
"""Hosts, agents and certificates of which it is remembered which rules speak of them; buckets of one rule."""
AT_ONCE = 2_000
"""Prefixes of a table that are freed in passing: what takes a millisecond."""
MINUTE = 60.0

K = TypeVar("K", bound=Hashable)


class Hits:
    """How often a rule has decided (in a dry run: would have), when that was last, and of whom."""

    __slots__ = ("at", "count", "source")

    def __init__(self) -> None:
        self.count = 0
        self.at = 0.0
        self.source: Address | None = None

    def hit(self, source: Address, now: float) -> None:
        """Once more."""
        self.count += 1
        self.at = now
        self.source = source


class Table:
    """The rules of one realm."""

    def __init__(self, rules: Sequence[Rule], countries: Countries | None) -> None:
        self.rules = tuple(rules)
        self.hits = [Hits() for _ in rules]
        self.buckets: list[dict[Address, Bucket]] = [{} for _ in rules]
        self.unread = self._mask(lambda rule: rule.unread)
        self.countries = countries
        self._prefixes = Prefixes(
            (network, 1 << index)
            for index, rule in enumerate(rules)
            for network in (() if rule.sources is None else rule.sources.networks)
        )
        self._anywhere = self._mask(lambda rule: rule.sources is None)
        self._any_country = self._mask(lambda rule: not rule.countries)
        self.whole = (1 << len(rules)) - 1
        self.for_registered = self._mask(lambda rule: rule.registered is not False)
        self.for_strangers = self._mask(lambda rule: rule.registered is not True)
        self._timed = self._mask(lambda rule: rule.hours is not None)
        self._peered = self._mask(lambda rule: bool(rule.peers))
        self._minute = -1.0
        self._open = self.whole
        self._hosts: dict[str, int] = {}
        self._listeners: dict[Listener, int] = {}
        self._peers: dict[str, int] = {}
        self._agents: dict[bytes, int] = {}

    def is_for(self, rules: Sequence[Rule], countries: Countries | None) -> bool:
        """Whether these are the very rules that it holds."""
        return self.rules == tuple(rules) and self.countries == countries

    def inherit(self, old: Table) -> None:
        """What was counted of the rules of the same names, and what they have given of their rates, goes on."""
        before = {rule.name: index for index, rule in enumerate(old.rules)}
        for index, rule in enumerate(self.rules):
            was = before.get(rule.name)
            if was is None:
                continue
            self.hits[index] = old.hits[was]
            if old.rules[was].per is rule.per:
                self.buckets[index] = old.buckets[was]
                for bucket in self.buckets[index].values():
                    bucket.change(rule.rate, rule.burst)

    def met(
        self, listener: Listener, source: Address, known: int, proven: str, time: float, unproven: bool = False
    ) -> int:
        """The rules, of those that are for who is `known` so far, that may speak of what comes from there: as can be
        told before it is read. `time` is that of day; `unproven`: a certificate may still be shown."""
        mask = self._hosts.get(source.host)
        if mask is None:
            mask = self._of_host(source.host)
        if not mask:
            return 0
        here = self._listeners.get(listener)
        if here is None:
            here = self._of_listener(listener)
        mask &= here & known
        if mask & self._timed:
            mask &= self._of_time(time)
        if mask & self._peered and not unproven:
            mask &= self._of_peer(proven)
        return mask

    def of_agent(self, agent: bytes) -> int:
        """The rules that may speak of who is made so."""
        found = self._agents.get(agent)
        if found is None:
            found = self._mask(
                lambda rule: not rule.agents or any(each.match(agent) is not None for each in rule.agents)
            )
            _keep(self._agents, agent, found)
        return found

    def within(self, index: int, source: Address, now: float) -> bool:
        """Whether what comes from there is within the rate of a rule; if so, it is taken out of it."""
        rule, buckets, key = self.rules[index], self.buckets[index], _sharer(self.rules[index], source)
        bucket = buckets.get(key)
        if bucket is None:
            if len(buckets) >= MOST:
                del buckets[next(iter(buckets))]  # who came first may have its whole burst again
            bucket = buckets[key] = Bucket(rule.rate, rule.burst)
        return bucket.take(now)

    def holds(self, index: int, source: Address, now: float) -> bool:
        """Whether one more from there would be within the rate of a rule."""
        bucket = self.buckets[index].get(_sharer(self.rules[index], source))
        return self.rules[index].burst >= 1 if bucket is None else bucket.holds(now)

    @property
    def is_large(self) -> bool:
        """Whether to free it takes long."""
        return len(self._prefixes) > AT_ONCE

    def give_up(self) -> Iterator[None]:
        """Free it a bit at a time. Nobody may ask it any more."""
        yield from self._prefixes.give_up()
        networks = [network for rule in self.rules if rule.sources is not None for network in rule.sources.networks]
        self.rules = ()
        while networks:
            del networks[-PIECE:]
            yield

    def _of_host(self, host: str) -> int:
        mask = self._anywhere | self._prefixes.search(host)
        if mask & ~self._any_country & self.whole:
            country = "" if self.countries is None else self.countries.of(host)
            mask &= self._any_country | self._mask(lambda rule: country in rule.countries)
        _keep(self._hosts, host, mask)
        return mask

    def _of_listener(self, listener: Listener) -> int:
        mask = self._mask(
            lambda rule: (
                (not rule.protocols or listener.dialect in rule.protocols)
                and (not rule.transports or listener.transport in rule.transports)
            )
        )
        _keep(self._listeners, listener, mask)
        return mask

    def _of_time(self, time: float) -> int:
        minute = time // MINUTE
        if minute != self._minute:
            self._minute = minute
            self._open = self._mask(lambda rule: rule.hours is None or rule.hours.hold(time))
        return self._open

    def _of_peer(self, proven: str) -> int:
        found = self._peers.get(proven)
        if found is None:
            name = proven.encode()
            found = self._mask(
                lambda rule: not rule.peers or (bool(name) and any(p.match(name) is not None for p in rule.peers))
            )
            _keep(self._peers, proven, found)
        return found

    def _mask(self, speaks: Callable[[Rule], bool]) -> int:
        mask = 0
        for index, rule in enumerate(self.rules):
            if speaks(rule):
                mask |= 1 << index
        return mask


class Rules:
    """The rules of all realms. The time of day, in seconds since 1970, is `ahead` of `now`: hours go by that."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.tables: dict[str, Table] = {}
        self._prepared: dict[str, Table] = {}
        self.outgrown: list[Table] = []  # large ones that count no more, which `let_go` frees
        self._stopped: tuple[Table, Address, int] | None = None  # whom a rule has just been against, and its bit

    def prepare(self, rules: Mapping[str, Sequence[Rule]], countries: Countries | None) -> None:
        """Make what `replan` will need for these rules, and change nothing yet: in another thread where there may be
        very many prefixes, since a tree of them is not grown at once."""
        prepared: dict[str, Table] = {}
        for realm, each in rules.items():
            old = self.tables.get(realm)
            if each and (old is None or not old.is_for(each, countries)):
                prepared[realm] = Table(each, countries)
        self._prepared = prepared

    def replan(self, rules: Mapping[str, Sequence[Rule]], countries: Countries | None) -> None:
        """Let these rules, by realm, count from now on."""
        tables: dict[str, Table] = {}
        prepared, self._prepared = self._prepared, {}
        for realm, each in rules.items():
            if not each:
                continue
            old = self.tables.get(realm)
            if old is not None and old.is_for(each, countries):
                tables[realm] = old
                continue
            table = prepared.get(realm)
            if table is None or not table.is_for(each, countries):
                table = Table(each, countries)
            if old is not None:
                table.inherit(old)
            tables[realm] = table
        before = [*self.tables.values(), *prepared.values()]
        self.outgrown += [each for each in before if each.is_large and each not in tables.values()]
        self.tables, self._stopped = tables, None

    def let_go(self) -> Iterator[None]:
        """Free what has gone out of use: in another thread, since that takes long, a bit with each step."""
        while True:
            try:
                table = self.outgrown.pop()
            except IndexError:  # another thread may be at it, too
                return
            yield from table.give_up()

    def knock(
        self, listener: Listener, source: Address, standing: Standing, proven: str, now: float, size: int = 1
    ) -> str:
        """See IPolicy. Only rules that every message they speak of can be told by before it is read decide here, up to
        the first that has to see more: of a new connection (`size` 0) that may be its certificate."""
        table = self.tables.get(listener.realm)
        self._stopped = None
        if table is None or not table.unread:
            return ""
        known = table.for_strangers if standing is Standing.STRANGER else table.for_registered
        if listener.reliable:  # by another port than it is registered at, so that is told only when it is read
            known = table.whole
        unproven = not size and not proven and listener.secured
        mask = table.met(listener, source, known, proven, now + self.ahead, unproven)
        if not mask & table.unread:
            return ""
        while mask:
            bit = mask & -mask
            mask ^= bit
            index = bit.bit_length() - 1
            rule = table.rules[index]
            if not is_told_early(rule, listener) or (unproven and rule.peers):
                return ""
            if not rule.unread:
                if not rule.dry_run and rule.action is not Action.LIMIT:
                    return ""  # it is let in, or refused, for which it has to be read
                continue
            if rule.action is Action.LIMIT and table.within(index, source, now):
                continue
            table.hits[index].hit(source, now)
            if not rule.dry_run:
                self._stopped = (table, source, bit)
                return WORD
        return ""

    def message(self, message: Message, now: float) -> Verdict | None:
        """See IPolicy. Who calls for help is not asked for anything."""
        table = self.tables.get(message.listener.realm)
        intent = message.intent
        if table is None or intent.urgent:
            return None
        source, listener = message.source, message.listener
        known = table.for_strangers if message.standing is Standing.STRANGER else table.for_registered
        mask = table.met(listener, source, known, message.proven, now + self.ahead)
        agents = table.of_agent(intent.agent) if mask else 0
        judged = True  # whether the rules so far were asked before it was read
        stopped = self._stopped  # it is read all the same if its sender is in a call
        against = stopped[2] if stopped is not None and stopped[0] is table and stopped[1] == source else 0
        while mask:
            bit = mask & -mask
            mask ^= bit
            index = bit.bit_length() - 1
            rule = table.rules[index]
            judged = judged and is_told_early(rule, listener)
            if bit == against and judged:
                return verdict_of(rule)  # it has been counted
            if rule.unread and judged and (rule.dry_run or rule.action is Action.LIMIT):
                continue  # it has been counted
            if not rule.early and not (agents & bit and speaks_of(rule, intent)):
                continue
            if rule.action is Action.LIMIT and table.within(index, source, now):
                continue
            table.hits[index].hit(source, now)
            if rule.dry_run:
                continue
            if rule.action is Action.ACCEPT:
                intent.welcome = rule.names_sources
                return None
            return verdict_of(rule)
        return None


def is_told_early(rule: Rule, listener: Listener) -> bool:
    """Whether it is told of what is not read yet that a rule speaks of it: by a connection who is registered may come
    from another port than it is registered at."""
    return rule.early and not (rule.registered is not None and listener.reliable)


def speaks_of(rule: Rule, intent: Intent) -> bool:
    """Whether a rule speaks of a message, as far as that is told by methods and by who calls whom."""
    if rule.methods and intent.method.lower() not in rule.methods:
        return False
    if rule.callers and not _is_of(rule.callers, intent):
        return False
    if not rule.called:
        return True
    return bool(intent.dialled) and any(pattern.match(intent.dialled) for pattern in rule.called)


def _is_of(callers: tuple[Pattern, ...], intent: Intent) -> bool:
    """Whether one of these is who sends, by its whole name or by what that is without its kind."""
    return any(each.match(intent.user) or (intent.calling and each.match(intent.calling)) for each in callers)


def verdict_of(rule: Rule) -> Verdict:
    """What a rule that does not let pass says."""
    if rule.action is Action.TARPIT:
        return Verdict(Act.HOLD, WORD, rule.name, rule.why, rule.cause, None, rule.seconds)
    if rule.action is Action.LIMIT:
        act = Act.DROP if rule.over is Over.DROP else Act.REJECT
        return Verdict(act, WORD, rule.name, "too many requests", Cause.RATE, max(1, round(1 / rule.rate)))
    act = Act.DROP if rule.action is Action.DROP else Act.REJECT
    return Verdict(act, WORD, rule.name, rule.why, rule.cause)


_EVERYBODY: Final = Address("", 0)


def _sharer(rule: Rule, source: Address) -> Address:
    """Whose rate is counted that is at a source."""
    if rule.per is Per.SOURCE:
        return source
    return Address(network_of(source.host), 0) if rule.per is Per.HOST else _EVERYBODY


def _keep(known: dict[K, int], key: K, mask: int) -> None:
    if len(known) >= MOST:
        known.clear()
    known[key] = mask
