"""Where next hops are that are known by name: NAPTR, SRV and addresses (RFC 3263), asked again before they are stale.

What the DNS says is not believed further than need be: so many targets and no more, no alias of an alias without end,
and nobody who is ourselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import random
from socket import AF_INET6, inet_ntop
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import TimeoutError as NetTimeout
from twisted.logger import Logger
from twisted.names import client, dns
from twisted.names.error import DNSNameError, DomainError, ResolverError

from sbc.config.values import DnsConfig
from sbc.core.address import Address, is_literal, is_unspecified, literal, same_family
from sbc.core.fan import NextHop
from sbc.core.hops import Target, literal_targets
from sbc.core.orders import DATAGRAMS
from sbc.core.realm import Path, Plan, Realm, Signaling
from sbc.interfaces import Service
from sbc.resolvers import Resolvers

Services = Mapping[str, Service]
Found = tuple[list[Target], float]
"""Targets, and for how many seconds that holds."""

MOST_TTL = 3600.0
"""The most seconds for which an answer is believed; the least is DnsConfig's."""
RETRY = 2
"""Where there was no answer, it is asked again after so many times the least for which one is believed."""
JITTER = 0.1
"""The part of these times by which they may be shorter, so that not all SBCs ask at one moment."""
MOST_RECORDS = 16
"""NAPTR or SRV records of one name that count."""
MOST_WAYS = 4
"""Names of SRV records that are asked for."""
MOST_ADDRESSES = 8
"""Addresses of one name that count."""
MOST_TARGETS = 32
"""Targets that one next hop may stand for."""
MOST_ALIASES = 8
"""Aliases (CNAME) that are followed."""
TIMEOUTS = (1, 2, 4)
"""Seconds after which a question is asked again, and at last given up."""


_NO_ANSWER = (DomainError, ResolverError, DeferredTimeout, NetTimeout)


class NotFound(Exception):
    """The DNS knows no address for a name."""


@attrs.define(eq=False)
class Known:
    """What is known of one name: the targets it stood for last, and whether the last question failed."""

    path: Path
    hop: NextHop
    targets: list[Target] = attrs.field(factory=list)
    failing: bool = False
    again: Any = None


class Locator:
    """Resolves the names of all paths, again and again, and gives `give` all the targets of a path when they change.

    `services` maps each dialect's word to what its transports are called in the DNS. The servers of `config` are asked,
    or those of the system (resolv.conf) if it has none; in a core realm whose network has servers, those, in there.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        plan: Plan,
        services: Mapping[str, Services],
        give: Callable[[Path, list[Target]], None],
        config: DnsConfig = DnsConfig(),  # noqa: B008
    ) -> None:
        self._reactor = reactor
        self._plan = plan
        self._services = services
        self._give = give
        self._servers = [(host, port) for host, port in config.servers]
        self._least, self._retry = config.least, RETRY * config.least
        self._known: dict[str, list[Known]] = {}
        self._running = False
        self.resolver: Any = None
        self._resolvers = Resolvers(reactor, TIMEOUTS)

    def start(self) -> None:
        """Ask for all names at once."""
        self._running = True
        for path in self._plan.paths:
            names = [Known(path, hop) for hop in path.next_hops if not is_literal(hop.to.host)]
            if names:
                self._known[path.name] = names
        if self._known and self.resolver is None:
            resolv = None if self._servers else "/etc/resolv.conf"
            self.resolver = client.Resolver(resolv, self._servers, TIMEOUTS, self._reactor)
        for names in self._known.values():
            for known in names:
                self._refresh(known)

    def replan(self, plan: Plan) -> None:
        """Ask for the names of another plan; those that stay are known as they were until they are found again."""
        before = self._known
        self.stop()
        self._plan, self._known = plan, {}
        self.start()
        for path, names in self._known.items():
            for known in names:
                known.targets = next((each.targets for each in before.get(path, ()) if each.hop == known.hop), [])

    def stop(self) -> None:
        """Ask no more."""
        self._running = False
        for names in self._known.values():
            for known in names:
                if known.again is not None and known.again.active():
                    known.again.cancel()
        self._known = {}

    def _refresh(self, known: Known) -> None:
        known.again = None
        unheard: list[Exception] = []
        asking = Deferred.fromCoroutine(self.find(known.path, known.hop, unheard))
        asking.addCallbacks(
            lambda found: self._found(known, found, unheard), lambda failure: self._failed(known, failure)
        )
        asking.addErrback(lambda failure: self._log.failure("a fault in looking up a next hop", failure))

    def _found(self, known: Known, found: Found, unheard: list[Exception]) -> None:
        targets, ttl = found
        if not self._wants(known):
            return
        if unheard:
            targets = _together(targets, known.targets)
            self._tell_failing(known, f"not all of it is answered: {unheard[0] or type(unheard[0]).__name__}")
        elif known.failing:
            known.failing = False
            self._log.info("next hop {name}: found again", name=known.hop.to.host)
        self._later(known, min(max(ttl, self._least), self._retry if unheard else MOST_TTL))
        if set(targets) != set(known.targets):
            known.targets = targets
            told = ", ".join(f"{target.transport} {target.address}" for target in targets)
            self._log.info("next hop {name}: {told}", name=known.hop.to.host, told=told)
            names = self._known[known.path.name]
            self._give(known.path, literal_targets(known.path) + [each for name in names for each in name.targets])

    def _wants(self, known: Known) -> bool:
        """Whether it is still to be known: names were asked for that another plan has not."""
        return self._running and any(each is known for each in self._known.get(known.path.name, ()))

    def _failed(self, known: Known, failure: Any) -> None:
        if not self._wants(known):
            return
        self._later(known, self._retry)
        self._tell_failing(known, failure.getErrorMessage() or failure.type.__name__)

    def _tell_failing(self, known: Known, why: str) -> None:
        if not known.failing:
            known.failing = True
            kept = "what was known stays" if known.targets else "nothing was known of it"
            self._log.warn("next hop {name}: {why}; {kept}", name=known.hop.to.host, why=why, kept=kept)

    def _later(self, known: Known, seconds: float) -> None:
        known.again = self._reactor.callLater(seconds * (1 - JITTER * random()), self._refresh, known)

    # -- the way of RFC 3263 section 4

    async def find(self, path: Path, hop: NextHop, unheard: list[Exception]) -> Found:
        """The targets that a next hop known by name stands for now. `unheard` gets why some of what was asked for has
        no answer, where the rest has. Raises NotFound, or an error of twisted.names."""
        realm = self._plan.realms[path.core]
        shared = self._plan.core_listener(path)
        services = self._services[shared.dialect]
        own = [own.transport for own in realm.listeners if own.dialect == shared.dialect and own.transport in services]
        if path.signaling is Signaling.PORT_PER_TERMINAL:
            own = [transport for transport in own if transport == DATAGRAMS]
        wanted = hop.transport or path.transport
        name, port = hop.to
        transports = [wanted] if wanted else list(dict.fromkeys(own))
        if port:
            transport = wanted or shared.transport
            targets, ttl = await self._hosts(realm, hop, name, port, transport, (hop.priority,), hop.weight)
        else:
            targets, ttl = await self._by_services(
                realm, hop, {each: services[each] for each in transports}, not wanted, unheard
            )
            if not targets and unheard:
                raise unheard[0]
            if not targets:
                transport = wanted or shared.transport
                port = services[transport].port
                targets, ttl = await self._hosts(realm, hop, name, port, transport, (hop.priority,), hop.weight)
        if not targets:
            raise NotFound(f"no address of the realm's IP version for {name}")
        return targets[:MOST_TARGETS], ttl

    async def _by_services(
        self, realm: Realm, hop: NextHop, services: Services, ask: bool, unheard: list[Exception]
    ) -> Found:
        """By the SRV records of the transports that are ours; which come first NAPTR records say, if asked."""
        name = hop.to.host
        ways: list[tuple[str, str]] = []  # transport and the name of its SRV records, best first
        ttl = MOST_TTL
        if ask:
            by_word = {service.naptr.lower(): transport for transport, service in services.items()}
            records, ttl = await self._records(self._resolver(realm).lookupNamingAuthorityPointer, dns.NAPTR, name)
            records.sort(key=lambda record: (record.order, record.preference))
            for record in records[:MOST_RECORDS]:
                word = record.service.string.decode("latin-1").lower()
                if record.flags.string.lower() == b"s" and word in by_word:
                    ways.append((by_word[word], _text(record.replacement)))
        if not ways:
            ways = [(transport, f"{service.srv}.{name}") for transport, service in services.items()]
        targets: list[Target] = []
        for place, (transport, asked) in enumerate(ways[:MOST_WAYS]):
            try:
                records, lives = await self._records(self._resolver(realm).lookupService, dns.SRV, asked)
            except _NO_ANSWER as error:
                unheard.append(error)
                continue
            ttl = min(ttl, lives) if records else ttl
            records.sort(key=lambda record: record.priority)
            for record in records[:MOST_RECORDS]:
                host = _text(record.target)
                if not host or not record.port or len(targets) >= MOST_TARGETS:
                    continue  # "." is for: not here (RFC 2782)
                priority = (hop.priority, place, record.priority)
                try:
                    found, lives = await self._hosts(realm, hop, host, record.port, transport, priority, record.weight)
                except _NO_ANSWER as error:  # of one host: the others are there all the same
                    unheard.append(error)
                    continue
                targets += found
                ttl = min(ttl, lives)
        return list(dict.fromkeys(targets)), ttl

    async def _hosts(
        self,
        realm: Realm,
        hop: NextHop,
        name: str,
        port: int,
        transport: str,
        priority: tuple[int, ...],
        weight: float,
    ) -> Found:
        """The addresses of a host, which share its weight."""
        four = literal(realm.media.address)
        resolver = self._resolver(realm)
        lookup, kind = resolver.lookupAddress, dns.A
        if four is not None and four.version == 6:
            lookup, kind = resolver.lookupIPV6Address, dns.AAAA
        records, ttl = await self._records(lookup, kind, name)
        addresses = [Address(record.dottedQuad() if kind == dns.A else _ipv6(record), port) for record in records]
        usable = [address for address in dict.fromkeys(addresses) if self._may_be(realm, address)][:MOST_ADDRESSES]
        return [Target(address, transport, priority, weight / len(usable), str(hop.to.host)) for address in usable], ttl

    async def _records(self, lookup: Callable[..., Any], kind: int, name: str) -> tuple[list[Any], float]:
        """The payloads of one kind at a name or what it is an alias of, and for how long they hold."""
        ttl = MOST_TTL
        for _ in range(MOST_ALIASES):
            try:
                answers, _, _ = await lookup(name.encode("latin-1"), TIMEOUTS)
            except DNSNameError:
                return [], self._least
            owner, passed = name.lower().rstrip("."), set()
            aliases = {_text(each.name): each for each in answers if each.type == dns.CNAME}
            while owner in aliases and owner not in passed:
                passed.add(owner)
                ttl = min(ttl, aliases[owner].ttl)
                owner = _text(aliases[owner].payload.name)
            found = [each for each in answers if each.type == kind and _text(each.name) == owner]
            if found or owner == name.lower().rstrip(".") or owner in passed:
                return [each.payload for each in found], min([ttl, *(float(each.ttl) for each in found)])
            name = owner
        return [], self._least

    def _resolver(self, realm: Realm) -> Any:
        """Who is asked for the next hops of a realm: in its own network, if that has servers."""
        return self._resolvers.of(realm.network) if realm.network.dns else self.resolver

    def _may_be(self, realm: Realm, address: Address) -> bool:
        """Whether a next hop of `realm` may be there: at one host of its IP version, that is not ourselves."""
        ip, own = literal(address.host), literal(realm.media.address)
        if ip is None or own is None or not same_family(address.host, realm.media.address):
            return False
        if ip.is_multicast or is_unspecified(address.host) or (ip.is_loopback and not own.is_loopback):
            return False
        return address not in _own(self._plan, realm)


def _together(targets: list[Target], before: list[Target]) -> list[Target]:
    """`targets`, and those from before that are not among them."""
    there = {(each.transport, each.address) for each in targets}
    return [*targets, *(each for each in before if (each.transport, each.address) not in there)][:MOST_TARGETS]


def _own(plan: Plan, realm: Realm) -> set[Address]:
    """Where we are in the network of `realm`."""
    near = [own for each in plan.realms.values() if each.vpn.meets(realm.vpn) for own in each.listeners]
    return {address for own in near for address in (own.address, own.advertised)}


def _ipv6(record: Any) -> str:
    return inet_ntop(AF_INET6, record.address)


def _text(name: Any) -> str:
    """A name of the DNS in lower case, without its last dot."""
    raw: bytes = name.name
    return raw.decode("latin-1").lower().rstrip(".")
