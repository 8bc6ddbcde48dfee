"""``[[realms.NAME.trunks]]``: gateways and switchboards of an access realm that do not register."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from sbc.config import kinds
from sbc.config.dialects import calls_by_connections
from sbc.config.faults import Findings
from sbc.config.hops import TABLES as HOPS
from sbc.config.hops import check_probing, read_hops
from sbc.config.keys import Key, read_keys
from sbc.config.rules import WHO
from sbc.core.address import Address
from sbc.core.fan import Failover, NextHop, Probes
from sbc.core.orders import DATAGRAMS, WEB, Listener
from sbc.core.realm import Side
from sbc.core.trunk import Trunk

_TRUNK = "realms.NAME.trunks[]"
_HOPS = kinds.either(kinds.many(kinds.ip_port(), 1, "addresses"), kinds.tables("[[realms.NAME.trunks.next_hops]]"))

TABLES: dict[str, tuple[Key, ...]] = {
    _TRUNK: (
        Key("name", kinds.word(), required=True),
        Key("address", kinds.ip_port()),
        Key("next_hops", _HOPS),
        Key("protocol", kinds.text("a protocol"), required=True),
        Key("transport", kinds.text("a transport")),
        Key("server_name", kinds.host_name()),
        Key("called", kinds.many(WHO, 1, "patterns")),
        Key("failover", kinds.table()),
        Key("probing", kinds.table()),
    ),
    f"{_TRUNK}.next_hops[]": tuple(
        Key("to", kinds.ip_port(), required=True) if key.name == "to" else key for key in HOPS["paths[].next_hops[]"]
    ),
    f"{_TRUNK}.failover": HOPS["paths[].failover"],
    f"{_TRUNK}.probing": HOPS["paths[].probing"],
}
MOST_TRUNKS = 1_000
"""The most that one realm may have."""


def read_trunks(tables: Sequence[Mapping[str, Any]], realm: str, at: str, findings: Findings) -> tuple[Trunk, ...]:
    """The trunks of a realm in the tables at `at`, in order; what is wrong is added to `findings`, and left out."""
    if len(tables) > MOST_TRUNKS:
        findings.add(at, tables, "are too many", f"at most {MOST_TRUNKS}")
    found: list[Trunk] = []
    for index, table in enumerate(tables[:MOST_TRUNKS]):
        before, key = len(findings.faults), f"{at}[{index}]"
        values = read_keys(table, key, TABLES[_TRUNK], findings)
        for name, kind in (("failover", Failover), ("probing", Probes)):
            values[name] = kind(
                **read_keys(values.pop(name, {}), f"{key}.{name}", TABLES[f"{_TRUNK}.{name}"], findings)
            )
        hops = list(_next_hops(values, key, findings))
        if len(findings.faults) == before:
            found.append(Trunk(**values, next_hops=hops, there=realm))
    return tuple(found)


def _next_hops(values: dict[str, Any], at: str, findings: Findings) -> Iterator[Address | NextHop]:
    """What `values` says of where a trunk is, which it holds no more."""
    address, given = values.pop("address", None), values.pop("next_hops", None)
    if address is None and given is None:
        findings.missing(f"{at}.address", "IP:port or [IPv6]:port, or next_hops")
    if address is not None:
        yield address
    yield from read_hops(given or (), f"{at}.next_hops", TABLES[f"{_TRUNK}.next_hops[]"], findings)


def check_trunks(
    trunks: Sequence[Trunk], at: str, side: Side | None, listeners: Sequence[Listener], findings: Findings
) -> tuple[Trunk, ...]:
    """Add to `findings` trunks that cannot be called, and those that nobody can tell from others before them. Returns
    them as they are called: of those that say no transport, by the one that calls of their protocol go by."""
    names: set[str] = set()
    done: list[Trunk] = []
    for index, each in enumerate(trunks):
        key, trunk = f"{at}[{index}]", _by_transport(each, listeners)
        if side is Side.CORE:
            findings.add(key, trunk.name, "is in a core realm, whose hosts are next hops or peers", "an access realm")
        if trunk.name in names:
            findings.add(f"{key}.name", trunk.name, "is the name of another trunk of this realm", "a name of its own")
        names.add(trunk.name)
        _check_hops(trunk, key, listeners, findings)
        if any(trunk.server_name != other.server_name and _share_an_address(trunk, other) for other in done):
            problem = "is not that of a trunk before it at the same address, to which there is one connection for both"
            findings.add(f"{key}.server_name", trunk.server_name, problem, "the same server_name for both")
        check_probing(trunk.probing, key, findings)
        if any(not other.called and other.protocol == trunk.protocol for other in trunks[:index]):
            findings.add(key, trunk.name, "is never called: one before it takes all calls", "called, in those before")
        done.append(trunk)
    return tuple(done)


def _by_transport(trunk: Trunk, listeners: Sequence[Listener]) -> Trunk:
    if trunk.transport or not calls_by_connections(trunk.protocol):
        return trunk
    ours = [own for own in listeners if own.dialect == trunk.protocol and own.reliable]
    best = min(ours, key=lambda own: own.secured, default=None)  # a plain one, if there is one
    return trunk if best is None else attrs.evolve(trunk, transport=best.transport)


def _share_an_address(one: Trunk, other: Trunk) -> bool:
    """Whether somebody is spoken to for both of two trunks by the same connection."""

    def doors(trunk: Trunk) -> set[tuple[str, str, Address]]:
        ways = ((hop.transport or trunk.transport or DATAGRAMS, hop.to) for hop in trunk.next_hops)
        return {(trunk.protocol, transport, to) for transport, to in ways if transport != DATAGRAMS}

    return bool(doors(one) & doors(other))


def _check_hops(trunk: Trunk, at: str, listeners: Sequence[Listener], findings: Findings) -> None:
    """Each is of the realm's IP version, stands there once, and there is a listener to speak to it by."""
    ours = [own for own in listeners if own.dialect == trunk.protocol and own.transport not in WEB]
    allowed = "one of " + ", ".join(
        sorted({f"{own.dialect} by {own.transport}" for own in listeners if own.transport not in WEB})
    )
    told: set[tuple[Address, str]] = set()
    for hop in trunk.next_hops:
        transport = hop.transport or trunk.transport or DATAGRAMS
        if listeners and not any(own.transport == transport for own in ours):
            said = f"{trunk.protocol} by {transport}"
            findings.add(f"{at}.protocol", said, "is spoken by no listener of the realm", allowed)
        elif ours and (":" in hop.to.host) != (":" in ours[0].address.host):
            problem = "is of the other IP version than the realm's listeners"
            findings.add(f"{at}.address", str(hop.to), problem, "an address of the realm's IP version")
        if (hop.to, transport) in told:
            findings.add(f"{at}.next_hops", str(hop.to), "stands there twice", "each next hop once")
        told.add((hop.to, transport))
