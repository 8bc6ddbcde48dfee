"""What can only be wrong between values: realms and paths that do not fit, addresses that are in each other's way."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

import attrs

from sbc.config.claims import claims, version_of
from sbc.config.dialects import own_ports
from sbc.config.faults import Findings
from sbc.config.files import check_files
from sbc.config.hops import check_probing
from sbc.config.network import why_one
from sbc.config.rules import check_rules
from sbc.config.trunks import check_trunks
from sbc.config.values import (
    AccountingConfig,
    AuditConfig,
    CdrConfig,
    ConsoleConfig,
    ControlConfig,
    DnsConfig,
    DrainConfig,
    LogConfig,
    MediaConfig,
    MetricsConfig,
    PrepaidConfig,
    StoreConfig,
    TraceConfig,
)
from sbc.config.wires import check_wires
from sbc.core.address import Address, is_unspecified, literal
from sbc.core.fan import NextHop, Probes
from sbc.core.orders import DATAGRAMS, Listener
from sbc.core.realm import Probing, Side, Signaling, Timers
from sbc.core.vpn import VpnLabel
from sbc.policy.countries import Countries
from sbc.policy.limits import Priority

MOST_ALTERNATES = 8


@attrs.frozen
class DraftRealm:
    """A realm as far as it could be read: `values` are the fields of Realm, `media` those of Media.

    What is missing in them is a default or already a fault. Each listener comes with its key.
    """

    at: str
    values: dict[str, Any] = attrs.field(factory=dict)
    media: dict[str, Any] = attrs.field(factory=dict)
    listeners: list[tuple[str, Listener]] = attrs.field(factory=list)
    faulty: frozenset[str] = frozenset()

    @property
    def label(self) -> VpnLabel:
        label: VpnLabel = self.values.get("network", VpnLabel())
        return label

    @property
    def side(self) -> Side | None:
        side: Side | None = self.values.get("side")
        return side


@attrs.frozen
class DraftPath:
    """A path as far as it could be read: `values` are the fields of Path."""

    at: str
    values: dict[str, Any]


@attrs.frozen
class Draft:
    """A configuration as far as it could be read."""

    realms: dict[str, DraftRealm]
    paths: list[DraftPath]
    timers: Timers
    console: ConsoleConfig | None
    control: ControlConfig | None
    audit: AuditConfig | None
    trace: TraceConfig
    media: MediaConfig
    metrics: MetricsConfig | None
    log: LogConfig
    cdr: CdrConfig | None
    accounting: AccountingConfig | None
    prepaid: PrepaidConfig | None
    dns: DnsConfig
    store: StoreConfig | None
    drain: DrainConfig
    emergency: tuple[str, ...]
    countries: Countries | None
    priority: Priority
    has_realms: bool


def check(draft: Draft, findings: Findings) -> None:
    """Add to `findings` whatever does not fit together in `draft`. Says nothing twice that reading has already said."""
    for realm in draft.realms.values():
        _check_addresses(realm, findings)
        _check_registrations(realm, findings)
        _check_keepalive(realm, findings)
        tls, faulty = realm.values.get("tls"), "tls" in realm.faulty
        check_wires(tls, faulty, realm.listeners, realm.at, findings)
        _check_rates(realm, findings)
        _check_multiplexed(realm, findings)
        _check_peers(realm, findings)
        listeners = [own for _, own in realm.listeners]
        check_rules(
            realm.values.get("rules", ()), f"{realm.at}.rules", listeners, draft.countries is not None, findings
        )
        own = realm.values.get("trunks", ())
        realm.values["trunks"] = check_trunks(own, f"{realm.at}.trunks", realm.side, listeners, findings)
        _check_alternates(realm, findings)
    _check_paths(draft, findings)
    if draft.console is not None:
        _check_loopback(draft.console, "console", "the console", findings)
    if draft.metrics is not None:
        _check_loopback(draft.metrics, "metrics", "the metrics", findings)
    check_files(draft, findings)
    for first, second in combinations(claims(draft), 2):
        if first.meets(second):
            problem = f"is in the way of {first.key} = {first.value}"
            allowed = "ports nothing else has" + (f"; {why}" if (why := why_one(first.label, second.label)) else "")
            findings.add(second.key, second.value, problem, allowed)


def _check_addresses(realm: DraftRealm, findings: Findings) -> None:
    """One realm is one network of one IP version, and peers must be told an address they can send to."""
    hosts: list[tuple[str, str]] = []
    for name in ("address", "advertised"):
        if name in realm.media:
            hosts.append((f"{realm.at}.media.{name}", realm.media[name]))
    for key, listener in realm.listeners:
        hosts.append((f"{key}.address", listener.address.host))
        if listener.advertised.host != listener.address.host:
            hosts.append((f"{key}.advertised", listener.advertised.host))
        elif is_unspecified(listener.advertised.host):
            problem = "peers cannot be told to send to any address; say with advertised what they are to be told"
            allowed = "the address of one host, or advertised beside it"
            findings.add(f"{key}.address", listener.address.host, problem, allowed)
    for key, host in hosts[1:]:
        if version_of(host) != version_of(hosts[0][1]):
            problem = f"is IPv{version_of(host)}, but {hosts[0][0]} is IPv{version_of(hosts[0][1])}"
            findings.add(key, host, problem, "one IP version in a realm; make two realms of it")


def _check_registrations(realm: DraftRealm, findings: Findings) -> None:
    """A terminal cannot be registered for longer than the SBC itself asks for."""
    times = realm.values.get("registrations")
    if times is None or not times.front:
        return
    for name in ("behind_nat", "direct"):
        told = getattr(times, name)
        if told > times.core:
            problem = "is longer than what the registrar is asked for (core)"
            findings.add(f"{realm.at}.registrations.{name}", told, problem, f"at most core, {times.core}")


def _check_keepalive(realm: DraftRealm, findings: Findings) -> None:
    """An answer must have come before the next is wanted, and a learned period can only grow."""
    alive = realm.values.get("keepalive")
    if alive is None or alive.mode is Probing.OFF:
        return
    if alive.answer_within >= alive.period:
        problem = "is not shorter than the period"
        findings.add(f"{realm.at}.keepalive.answer_within", alive.answer_within, problem, f"less than {alive.period:g}")
    if alive.mode is Probing.ADAPTIVE and alive.longest < alive.period:
        problem = "is shorter than the period, from which the search begins"
        findings.add(f"{realm.at}.keepalive.longest", alive.longest, problem, f"at least {alive.period:g}")


def _check_rates(realm: DraftRealm, findings: Findings) -> None:
    """One stream cannot have more than all of them together."""
    stream, whole = realm.media.get("stream_rate", 0), realm.media.get("realm_rate", 0)
    if whole and stream > whole:
        problem = f"is more than all streams of the realm may have together ({realm.at}.media.realm_rate)"
        findings.add(f"{realm.at}.media.stream_rate", stream, problem, f"at most {whole}")


def _check_multiplexed(realm: DraftRealm, findings: Findings) -> None:
    """Only terminals have reason to bring all their media to one pair of ports: RTP to the even one."""
    port = realm.media.get("multiplexed", 0)
    if port % 2:
        findings.add(f"{realm.at}.media.multiplexed", port, "is odd, and RTCP has the one above it", "an even port")
    if port and realm.side is Side.CORE:
        findings.add(f"{realm.at}.media.multiplexed", port, "is for terminals", 'nothing, where side is "core"')


def _check_peers(realm: DraftRealm, findings: Findings) -> None:
    """Nobody of an access realm is trusted by where it is, and no address of the other IP version is ever seen."""
    for index, network in enumerate(realm.values.get("peers", ())):
        key, version = f"{realm.at}.peers[{index}]", version_of(realm.media.get("address", str(network)))
        if realm.side is Side.ACCESS:
            findings.add(
                key, str(network), "is in an access realm, where nobody is trusted by an address", "a core realm"
            )
        elif network.version != version:
            problem = f"is IPv{network.version}, but its realm {realm.at} is IPv{version}"
            findings.add(key, str(network), problem, "a network of the realm's IP version")


def _check_alternates(realm: DraftRealm, findings: Findings) -> None:
    """Terminals are sent elsewhere, and not to where they have been; whoever is named can be reached from there."""
    own = {each.advertised for _, each in realm.listeners}
    for index, address in enumerate(realm.values.get("alternates", ())):
        key, version = f"{realm.at}.alternates[{index}]", version_of(realm.media.get("address", address.host))
        if index >= MOST_ALTERNATES:
            findings.add(key, str(address), f"is one of more than {MOST_ALTERNATES}", "fewer")
        elif realm.side is Side.CORE:
            findings.add(
                key, str(address), "is in a core realm, where nobody is turned away to others", "an access realm"
            )
        elif version_of(address.host) != version:
            findings.add(key, str(address), "is not of its realm's IP version", f"an IPv{version} address")
        elif address in own:
            findings.add(key, str(address), "is a listener of this SBC", "another SBC's")


def _check_paths(draft: Draft, findings: Findings) -> None:
    names: dict[str, str] = {}
    used: dict[str, str] = {}
    for path in draft.paths:
        name = path.values.get("name")
        if name in names:
            findings.add(f"{path.at}.name", name, f"is the name of {names[name]} already", "a name of its own")
        elif name is not None:
            names[name] = path.at
        access, core = (_check_end(path, side, draft, findings) for side in Side)
        if access is not None:
            realm = path.values["access"]
            if realm in used:
                problem = f"has a path already, {used[realm]}"
                findings.add(f"{path.at}.access", realm, problem, "exactly one path for each access realm")
            used.setdefault(realm, path.at)
        if core is not None:
            _check_core(path, core, _own_addresses(draft, core), findings)
        if access is not None and core is not None:
            _check_protocols(path, access, core, findings)
    _check_pathless(draft, findings)


def _check_end(path: DraftPath, side: Side, draft: Draft, findings: Findings) -> DraftRealm | None:
    """The realm that `path` names for `side`, if it is one."""
    name = path.values.get(side.value)
    if name is None or not draft.has_realms:
        return None
    fitting = [each for each, realm in draft.realms.items() if realm.side is side]
    allowed = f'a realm with side = "{side.value}": {", ".join(fitting) or "there is none"}'
    realm = draft.realms.get(name)
    if realm is None:
        findings.add(f"{path.at}.{side.value}", name, "is no realm", allowed)
        return None
    if realm.side is not side:
        if realm.side is not None:  # else its side is a fault already
            findings.add(f"{path.at}.{side.value}", name, f'is a realm with side = "{realm.side.value}"', allowed)
        return None
    return realm


def _own_addresses(draft: Draft, core: DraftRealm) -> dict[Address, str]:
    """Where a next hop in `core` would be ourselves: any listener in that network, and what those of that realm are
    known as."""
    ours = {listener.advertised: key for key, listener in core.listeners}
    near = [realm for realm in draft.realms.values() if realm.label.vpn.meets(core.label.vpn)]
    ours.update((listener.address, key) for realm in near for key, listener in realm.listeners)
    return ours


def _check_core(path: DraftPath, core: DraftRealm, ours: dict[Address, str], findings: Findings) -> None:
    """Next hops must be somebody else, reachable from the core realm; terminals with ports of their own need ports."""
    hops: tuple[NextHop, ...] = path.values.get("next_hops", ())
    told: set[tuple[Address, str]] = set()
    for index, hop in enumerate(hops):
        key, to = f"{path.at}.next_hops[{index}]", hop.to
        if to in ours:
            findings.add(key, str(to), f"is the SBC itself, {ours[to]}", "the address of a softswitch")
        address = core.media.get("address")
        if address is not None and literal(to.host) is not None and version_of(to.host) != version_of(address):
            problem = f"is IPv{version_of(to.host)}, but its realm {core.at} is IPv{version_of(address)}"
            findings.add(key, str(to), problem, "an address of the realm's IP version")
        if (to, hop.transport) in told:
            findings.add(key, str(to), "stands there twice", "each next hop once")
        told.add((to, hop.transport))
        _check_hop_transport(path, core, hop, key, findings)
    _check_transport(path, core, findings)
    check_probing(path.values.get("probing", Probes()), path.at, findings)
    if path.values.get("signaling") is Signaling.PORT_PER_TERMINAL and "signaling_ports" not in path.values:
        allowed = 'ports for signaling = "port-per-terminal", for example "7000-7999"'
        findings.missing(f"{path.at}.signaling_ports", allowed)


def _check_hop_transport(path: DraftPath, core: DraftRealm, hop: NextHop, key: str, findings: Findings) -> None:
    """A next hop's own transport is that of a listener of its realm; where terminals have ports, that of those."""
    transports = list(dict.fromkeys(listener.transport for _, listener in core.listeners))
    if not hop.transport or not transports:
        return
    ports = path.values.get("signaling") is Signaling.PORT_PER_TERMINAL
    if ports and hop.transport not in (DATAGRAMS, *path.values.get("signaling_transports", ())):
        problem = f"is not the transport of the UDP ports that {path.at}.signaling gives each terminal"
        findings.add(f"{key}.transport", hop.transport, problem, f'"{DATAGRAMS}"')
    elif hop.transport not in transports:
        problem = f"is not the transport of any listener of its realm {core.at}"
        findings.add(f"{key}.transport", hop.transport, problem, _one_of(transports))


def _check_transport(path: DraftPath, core: DraftRealm, findings: Findings) -> None:
    """A path's next hops are reached by a listener of its core realm; ports of terminals are datagram ports."""
    transports = list(dict.fromkeys(listener.transport for _, listener in core.listeners))
    if not transports:
        return  # which is a fault already
    wanted = path.values.get("transport", transports[0])
    if wanted not in transports:
        problem = f"is not the transport of any listener of its realm {core.at}"
        findings.add(f"{path.at}.transport", wanted, problem, _one_of(transports))
    elif wanted != DATAGRAMS and path.values.get("signaling") is Signaling.PORT_PER_TERMINAL and not own_ports(core):
        problem = f"gives each terminal a UDP port, but the next hops are reached by {wanted}"
        allowed = f'"shared", or transport = "{DATAGRAMS}" and a listener for it'
        findings.add(f"{path.at}.signaling", path.values["signaling"].value, problem, allowed)
    for index, further in enumerate(path.values.get("signaling_transports", ())):
        if further not in transports:
            problem, allowed = f"is not the transport of any listener of its realm {core.at}", _one_of(transports)
            findings.add(f"{path.at}.signaling_transports[{index}]", further, problem, allowed)


def _check_protocols(path: DraftPath, access: DraftRealm, core: DraftRealm, findings: Findings) -> None:
    """The SBC does not convert: what one end of a path speaks, the other must speak."""
    spoken = {listener.dialect for _, listener in core.listeners}
    lost = sorted({listener.dialect for _, listener in access.listeners} - spoken)
    if spoken and lost:
        problem = f"its realm {core.at} has no listener for {', '.join(lost)}, which {access.at} has"
        allowed = "a realm with a listener for every protocol of the access realm"
        findings.add(f"{path.at}.core", path.values["core"], problem, allowed)


def _check_pathless(draft: Draft, findings: Findings) -> None:
    """An access realm without a path would take messages in and have nowhere to bring them."""
    named = {path.values.get("access") for path in draft.paths}
    if None in named:  # a path whose access is a fault may be the one
        return
    for name, realm in draft.realms.items():
        if realm.side is Side.ACCESS and name not in named and draft.paths:
            findings.add(realm.at, None, "has no path", f'one [[paths]] with access = "{name}"')


def _check_loopback(served: ConsoleConfig | MetricsConfig, key: str, what: str, findings: Findings) -> None:
    ip = literal(served.listen.host)
    if ip is not None and not ip.is_loopback and not served.allow_remote:
        problem = f"is not a loopback address, so others could reach {what}"
        allowed = "a loopback address, or allow_remote = true beside it"
        findings.add(f"{key}.listen", str(served.listen), problem, allowed)


def _one_of(words: Iterable[str]) -> str:
    return "one of " + ", ".join(f'"{word}"' for word in words)
