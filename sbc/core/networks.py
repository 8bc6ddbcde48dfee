"""Where the SBC stands: the networks of its plan, and what of former plans lives on until it is over."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs

from sbc.core.call import Call
from sbc.core.meeting import Meetings
from sbc.core.mint import Mint
from sbc.core.multiplexed import Numbers
from sbc.core.orders import Listener
from sbc.core.ports import PoolKey, Pools, PortPool, Wanted
from sbc.core.realm import Path, Plan, Realm
from sbc.core.secured import SUITES, Fingerprint
from sbc.core.vpn import Vpn
from sbc.policy.book import Book


class Networks:
    """The plan, and what a change of plan leaves behind.

    `plan` holds what is `configured`, and realms that are not any more but which somebody is still in; their names are
    `leaving`. `former` are realms as live calls began with them. `fading` are listeners that are configured no more:
    what lives there goes on, nothing begins there. `due` and `entry` are the timer's: the past is looked after for as
    long as there is any.
    """

    def __init__(self, plan: Plan, mint: Mint | None = None) -> None:
        """`mint` makes the numbers of streams that share ports; without it none does."""
        self.configured = plan
        self.plan = plan
        self.mint = mint
        self.suites: frozenset[str] = frozenset(SUITES)  # those that the media engine can
        self.fingerprints: tuple[Fingerprint, ...] = ()  # of the certificate that we do DTLS with; empty: we do not
        self.numbers = None if mint is None else Numbers(mint)
        self.media = Pools(2, _media(plan))
        self.former: list[Realm] = []
        self.meetings = Meetings()
        self.book = Book(plan)  # of the bandwidth of streams; the registry's is the gate's
        self.fading: set[Listener] = set()
        self.leaving: frozenset[str] = frozenset()
        self.retry_after = 30  # seconds after which who is turned away at a fading listener may ask again
        self.due: float | None = None
        self.entry: list[Any] | None = None
        self._know_ourselves()

    # -- what there is

    def is_ours(self, realm: Realm, host: str) -> bool:
        """Whether peers in `realm` mean the SBC by `host`."""
        return host in self._hosts[realm.name]

    def is_own_media(self, realm: Realm, host: str) -> bool:
        """Whether `host`, as peers in `realm` mean it, is where our own media is, in any realm: in another VPN it is
        somebody else."""
        return any(vpn.meets(realm.vpn) for vpn in self._media_hosts.get(host, ()))

    def media_as(self, realm: str, host: str) -> list[str]:
        """Where our own media in a realm may be that peers there know by `host`, today's first: two plans may have
        shown two of our addresses as one."""
        known = (*self.plan.realms.values(), *reversed(self.former))
        found = (each.media for each in known if each.name == realm)
        return [media.address for media in found if host in (media.address, media.advertised)]

    def path_of(self, realm: Realm) -> Path | None:
        """The path whose access realm `realm` is."""
        for path in self.plan.paths:
            if path.access == realm.name:
                return path
        return None

    def realm_of(self, call: Call | None, name: str) -> Realm:
        """The realm of that name: for what belongs to a call as the call began with it."""
        for leg in call.legs if call is not None else ():
            if leg.realm.name == name:
                return leg.realm
        return self.plan.realms[name]

    def ports(self, realm: Realm) -> PortPool | None:
        """The media ports of a realm, as a call began with it."""
        return self.media.at(*pool_of(realm))

    def listeners(self) -> set[Listener]:
        """Every listener that is to be open, but for terminals' own."""
        return _listeners(self.configured) | self.fading

    @property
    def past(self) -> bool:
        """Whether anything of a former plan is left."""
        return bool(self.former or self.fading or self.leaving or self.media.former)

    # -- what changes

    def replan(self, plan: Plan) -> None:
        """Have another plan. What the old one had and this one has not lives on, until `forget`."""
        old = self.plan
        self.fading = self.listeners() - _listeners(plan)
        for name, realm in old.realms.items():
            if plan.realms.get(name) != realm and not any(each is realm for each in self.former):
                self.former.append(realm)
        self.leaving = frozenset(old.realms) - frozenset(plan.realms)
        self.configured = plan
        self._have({**{name: old.realms[name] for name in self.leaving}, **plan.realms})
        self.media.become(_media(plan))

    def forget(self, realms: list[Realm], listeners: Collection[Listener]) -> set[Listener]:
        """Keep of the past only the `realms` that calls are in, with their listeners, and the `listeners` that somebody
        needs. Returns those that are to be closed."""
        needed = set(listeners).union(*(realm.listeners for realm in realms))
        closing, self.fading, self.former = self.fading - needed, self.fading & needed, realms
        self.leaving &= {own.realm for own in needed}
        self._have({**{name: self.plan.realms[name] for name in self.leaving}, **self.configured.realms})
        self.media.forget(set(map(pool_of, realms)))
        return closing

    def _have(self, realms: dict[str, Realm]) -> None:
        self.plan = attrs.evolve(self.configured, realms=realms)
        self._know_ourselves()

    def _know_ourselves(self) -> None:
        """By what hosts peers know us: in live calls by those of former plans, too."""
        realms = [*self.plan.realms.values(), *self.former]
        self._media_hosts: dict[str, set[Vpn]] = {}
        for realm in realms:
            for host in (realm.media.address, realm.media.advertised):
                self._media_hosts.setdefault(host, set()).add(realm.vpn)
        hosts: dict[str, set[str]] = {realm.name: set() for realm in realms}
        for realm in realms:
            hosts[realm.name] |= realm.hosts()
        for own in self.fading:
            hosts.setdefault(own.realm, set()).update((own.address.host, own.advertised.host))
        self._hosts = hosts


def pool_of(realm: Realm) -> PoolKey:
    """Which pool the ports of a realm's media are of."""
    return (realm.name, realm.media.address, realm.vpn)


def _listeners(plan: Plan) -> set[Listener]:
    return {own for realm in plan.realms.values() for own in realm.listeners}


def _media(plan: Plan) -> dict[str, Wanted]:
    return {
        realm.name: Wanted(realm.media.address, realm.media.ports, realm.media.quarantine, realm.vpn)
        for realm in plan.realms.values()
    }
