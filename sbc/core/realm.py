"""Realms and paths: the networks the SBC is attached to and how they are joined. Plain values, made by the config."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import attrs

from sbc.core.address import Address, is_specific, literal
from sbc.core.fan import Failover, NextHop, Probes, in_order
from sbc.core.orders import DATAGRAMS, WEB, Latch, Listener, Rate
from sbc.core.secured import Protection
from sbc.core.trunk import Trunk
from sbc.core.vpn import Vpn, VpnLabel
from sbc.core.wires import Connections, Tls, Web
from sbc.core.word import Word
from sbc.policy.countries import Countries
from sbc.policy.customers import Customer
from sbc.policy.demand import Bandwidth
from sbc.policy.flooding import Flooding
from sbc.policy.limits import UNLIMITED, USUAL, Caps, Priority
from sbc.policy.marking import Marks
from sbc.policy.quota import Prepaid
from sbc.policy.rule import Rule

Network = IPv4Network | IPv6Network
LEAST_BURST = 3_000
"""Octets that a rate, however low, lets pass at once."""


class Side(Word):
    """Which end of a path a realm is."""

    ACCESS = "access"  # the first network: terminals, seen through NATs
    CORE = "core"  # the second network: softswitch, gatekeeper, call agent


class Signaling(Word):
    """What signalling address a terminal is given in the second network."""

    SHARED = "shared"  # the realm's own port, the terminal told apart by a token
    PORT_PER_TERMINAL = "port-per-terminal"  # a UDP port of its own


class Callers(Word):
    """Who of an access realm may begin calls, besides who calls for help and whom a rule welcomes."""

    REGISTERED = "registered"  # terminals that are bound, and who has leave of the core's
    ANY = "any"  # whoever is on no list of somebody else's: the core is asked


class Hosts(Word):
    """What happens to the hosts in the names of users."""

    KEEP = "keep"
    ADDRESSES = "addresses"  # IP addresses are replaced, domain names pass
    ALL = "all"


@attrs.frozen
class Limits:
    """The most of each thing a realm may hold at once; those `_per_source` count one transport address,
    and one host where requests mean the connection they come by; that `_per_trunk` one which is configured to be a
    trunk, or to be trusted, where it is more.

    What has ended is not counted as a call or exchange. `lingering` bounds it, exchanges and calls each: of what is too
    many the oldest is forgotten. `calls` counts those to peers there, too; `dialogues` those and subscriptions that
    peers there have asked for. What is not said here is said of Caps.
    """

    calls: int = 10_000
    bindings: int = 50_000
    exchanges: int = 100_000
    exchanges_per_source: int = 200
    lingering: int = 50_000
    lingering_per_source: int = 2_000
    names_per_call: int = 64
    streams_per_call: int = 16
    dialogues: int = 50_000
    calls_per_second: float = 0.0
    burst: int = 0
    bandwidth_in: int = 0
    bandwidth_out: int = 0
    exchanges_per_trunk: int = 5_000

    @property
    def caps(self) -> Caps:
        """What of it is counted in the book, as of paths and terminals."""
        return Caps(self.calls, self.calls_per_second, self.burst, self.bindings, self.bandwidth_in, self.bandwidth_out)


@attrs.frozen
class Media:
    """Where a realm's media is: our address, what peers are told, the ports, and the latching rules (seconds).

    `stream_rate` and `realm_rate` are in kbit/s of UDP payload; 0 for none. `shape`: ms that what is more may wait
    instead of being dropped, 0 for none. `multiplexed` is the port, RTCP's being the
    next, that streams of protocols which can tell them apart there share (see Shared); 0: none.
    """

    address: str
    advertised: str
    ports: range
    latch: Latch = Latch.NAT
    window: float = 3.0
    quarantine: float = 10.0
    stream_rate: int = 0
    realm_rate: int = 0
    shape: int = 0
    multiplexed: int = 0

    @property
    def stream_limit(self) -> Rate | None:
        """What a peer there may send on one stream."""
        return _rate(self.stream_rate)

    @property
    def realm_limit(self) -> Rate | None:
        """What all peers there may send together."""
        return self.shaped(_rate(self.realm_rate))

    def shaped(self, rate: Rate | None) -> Rate | None:
        """A rate as an engine is to have it: where what is more waits, bursts are spread."""
        return rate if rate is None or not self.shape else Rate(rate.octets, LEAST_BURST, self.shape / 1_000)


def _rate(kilobits: int) -> Rate | None:
    """The bucket of a rate in kbit/s; None for 0. A quarter of a second passes at once, or two packets as large as an
    Ethernet carries: video comes in bursts, and a peer's clock is not ours."""
    octets = kilobits * 125
    return Rate(octets, max(octets // 4, LEAST_BURST)) if kilobits else None


@attrs.frozen
class Registrations:
    """For how long terminals are registered, in seconds: what they are told, and what the registrar is.

    With `front` a terminal is told `behind_nat`, if it stands behind a NAT and its transport has no connection, or else
    `direct`; the registrar is asked for `core`, or what the terminal asked for if that is longer. Refreshes in between
    go no further than the SBC until the part `forward_after` of what the registrar granted has passed.
    """

    front: bool = True
    behind_nat: int = 60
    direct: int = 600
    core: int = 3600
    forward_after: float = 0.5


class Probing(Word):
    """How terminals behind NATs are kept reachable."""

    PROBE = "probe"  # by a request that must be answered, at a fixed period
    ADAPTIVE = "adaptive"  # the same, at a period that is learned of each NAT
    OFF = "off"


@attrs.frozen
class Keepalive:
    """How the terminals of a realm that stand behind NATs are kept reachable; seconds.
    After a silence of `period` a terminal is asked whether it lives, and has `answer_within` to answer. One that has
    missed `misses` in a row is dead. An adaptive period begins at `period` and grows to no more than `longest`. Who has
    registered for good is asked though it stands behind no NAT, after a silence of `direct`. `tell_core`: of a dead
    terminal the registrar is told (sbc/core/farewell.py). `calls`: after that silence whoever is in a call that goes by
    connections is asked (sbc/core/pulse.py); 0: never."""

    mode: Probing = Probing.PROBE
    period: float = 20.0
    answer_within: float = 8.0
    misses: int = 3
    longest: float = 600.0
    tell_core: bool = False
    calls: float = 60.0
    direct: float = 60.0


class Lasting(Word):
    """What is done about calls whose parties may have vanished without a word."""

    OFF = "off"
    END = "end"  # ended when the parties do not refresh it, as they have agreed to
    REFRESH = "refresh"  # the same, and where they have agreed on nothing, they are asked


@attrs.frozen
class Sessions:
    """How long calls last whose parties say nothing; seconds. `shortest` is the least that parties may agree on,
    `period` how often they are asked who have agreed on nothing."""

    mode: Lasting = Lasting.END
    shortest: int = 90
    period: float = 900.0


@attrs.frozen
class Realm:
    """One network. `domains` are host names under which peers there know the SBC itself. `sparing`: strangers get no
    more packets than they send (sbc/core/trust.py). `peers`: of a core realm, networks whose hosts are trusted as next
    hops are: to call, and to speak inside calls. `terminals`: what each terminal there may have; `customers`: those
    that have other limits. `rules`: in their order, what is let in (sbc/policy/rules.py). `flood`: how it is protected
    from floods; None: not at all. `priority`: whether peers are believed that say how urgent a call is; None: those of
    a core realm. `alternates`: of an access realm, other SBCs where terminals find what this one cannot do for them.
    `marks`: of what is sent there, and of what comes from there. `prepaid`: how calls of its terminals are paid for;
    None: they are not. `websocket`: which web pages may connect. `trunks`: who is there and does not register.
    `protection`: how media there is secured."""

    name: str
    side: Side
    listeners: tuple[Listener, ...]
    media: Media
    domains: frozenset[str] = frozenset()
    limits: Limits = Limits()
    registrations: Registrations = Registrations()
    connections: Connections = attrs.field(factory=Connections)
    keepalive: Keepalive = Keepalive()
    tls: Tls | None = None
    websocket: Web = attrs.field(factory=Web)
    protection: Protection = attrs.field(factory=Protection)
    sparing: bool = True
    bandwidth: Bandwidth = attrs.field(factory=Bandwidth)
    peers: tuple[Network, ...] = ()
    terminals: Caps = UNLIMITED
    network: VpnLabel = attrs.field(factory=VpnLabel)
    rules: tuple[Rule, ...] = ()
    flood: Flooding | None = None
    customers: tuple[Customer, ...] = ()
    priority: bool | None = None
    alternates: tuple[Address, ...] = ()
    marks: Marks = attrs.field(factory=Marks)
    prepaid: Prepaid | None = None
    trunks: tuple[Trunk, ...] = ()
    trunk_sources: frozenset[tuple[str, Address | str]] = attrs.field(init=False, eq=False, repr=False)
    """Where they are, with the protocol of each: asked for with all that comes."""
    addresses: frozenset[str] = attrs.field(init=False, eq=False, repr=False)
    """The IP addresses that peers there know the SBC by."""

    @trunk_sources.default
    def _trunk_sources(self) -> frozenset[tuple[str, Address | str]]:
        return frozenset(each for trunk in self.trunks for each in trunk.sources())

    @addresses.default
    def _own_addresses(self) -> frozenset[str]:
        return frozenset(filter(is_specific, self.hosts()))

    @property
    def believes_priority(self) -> bool:
        """Whether peers there are believed that say how urgent a call is."""
        return self.side is Side.CORE if self.priority is None else self.priority

    def hosts(self) -> frozenset[str]:
        """By which hosts peers there mean the SBC."""
        spoken = {host for own in self.listeners for host in (own.address.host, own.advertised.host)}
        return frozenset(spoken | {self.media.advertised} | self.domains)

    @property
    def vpn(self) -> Vpn:
        """The network that its addresses are of."""
        return self.network.vpn

    def trusts(self, host: str) -> bool:
        """Whether `host` is one of its `peers`."""
        ip = literal(host) if self.peers else None
        return ip is not None and any(ip in network for network in self.peers)

    def listener(self, dialect: str, transport: str) -> Listener | None:
        """The first listener of that transport, if there is one."""
        return next((own for own in self.listeners if own.transport == transport and own.dialect == dialect), None)

    def line(self, dialect: str) -> Listener | None:
        """The first listener that takes connections: a plain one, if there is one, and none for WebSockets."""
        usable = (own for own in self.listeners if own.transport not in WEB)
        secured = (own for own in usable if own.secured and own.dialect == dialect)
        return self.stream_listener(dialect) or next(secured, None)

    def stream_listener(self, dialect: str) -> Listener | None:
        """The first listener that takes plain connections without a WebSocket, if there is one."""
        usable = (own for own in self.listeners if own.reliable and not own.secured and own.transport not in WEB)
        return next((own for own in usable if own.dialect == dialect), None)


@attrs.frozen
class Path:
    """A configured pair of realms. `next_hops` stand in the core realm; `domain`, if given, is written where a terminal
    addressed the SBC itself. `signaling_ports` belong to the core realm's first listener address; each is open over
    that listener's transport and over `signaling_transports`.

    `transport` is how the next hops are reached, as that listener is if empty; `large_over_stream`: what a datagram
    should not hold goes by a connection. `options` are each dialect's own, by its name.
    """

    name: str
    access: str
    core: str
    next_hops: tuple[NextHop, ...] = attrs.field(converter=in_order)
    domain: str = ""
    signaling: Signaling = Signaling.SHARED
    signaling_ports: range = range(0)
    signaling_transports: tuple[str, ...] = ()
    hosts: Hosts = Hosts.ADDRESSES
    hide_labels: bool = True
    transport: str = ""
    large_over_stream: bool = True
    failover: Failover = attrs.field(factory=Failover)
    probing: Probes = attrs.field(factory=Probes)
    sessions: Sessions = attrs.field(factory=Sessions)
    options: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    callers: Callers = Callers.REGISTERED
    limits: Caps = UNLIMITED

    @property
    def label(self) -> str:
        """See Fan."""
        return self.name

    @property
    def there(self) -> str:
        """See Fan."""
        return self.core


@attrs.frozen
class Timers:
    """The core's own patience, in seconds. Each protocol's retransmission timers are the dialect's."""

    call_max: float = 43_200.0
    audit: float = 5.0
    unanswered: float = 180.0  # a call that rings longer is withdrawn (RFC 3261 timer C)
    silence: float = 0.0  # a call on which nobody speaks for so long is ended, unless it is on hold; 0: never
    linger: float = 32.0  # how long ended calls and exchanges absorb late messages


EMERGENCY = ("urn:service:sos", "112", "911", "110", "999", "000")
"""What is called for help in most countries."""


@attrs.frozen
class Plan:
    """All the core is configured with. `emergency` are the numbers and services that are never turned away, `countries`
    is by what it is told in which country an address is."""

    realms: dict[str, Realm]
    paths: tuple[Path, ...]
    timers: Timers = Timers()
    emergency: tuple[str, ...] = EMERGENCY
    countries: Countries | None = None
    priority: Priority = USUAL

    def core_listener(self, path: Path) -> Listener:
        """The shared listener of a path's core realm: the first, or the first of the path's transport."""
        listeners = self.realms[path.core].listeners
        return next((own for own in listeners if own.transport == path.transport), listeners[0])

    @property
    def trunks(self) -> list[Trunk]:
        """Those of all realms."""
        return [trunk for realm in self.realms.values() for trunk in realm.trunks]

    def hop_listener(self, path: Path | Trunk, transport: str) -> Listener | None:
        """The shared listener by which a next hop is reached over `transport`; the path's or trunk's own if empty."""
        if isinstance(path, Trunk):
            return self.realms[path.there].listener(path.protocol, transport or path.transport or DATAGRAMS)
        shared = self.core_listener(path)
        if transport in ("", shared.transport):
            return shared
        return self.realms[path.core].listener(shared.dialect, transport)


def is_behind_nat(realm: Realm, seen: Address, claimed: Address | None) -> bool:
    """Whether a peer in `realm` that believes to be at `claimed` but was seen at `seen` stands behind a NAT."""
    return realm.side is Side.ACCESS and claimed is not None and claimed != seen
