"""``[[realms.NAME.trunks]]``: gateways and switchboards of an access realm that do not register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sbc.config import kinds
from sbc.config.faults import Findings
from sbc.config.keys import Key, read_keys
from sbc.config.rules import WHO
from sbc.core.orders import DATAGRAMS, Listener
from sbc.core.realm import Side
from sbc.core.trunk import Trunk

TABLES: dict[str, tuple[Key, ...]] = {
    "realms.NAME.trunks[]": (
        Key("name", kinds.word(), required=True),
        Key("address", kinds.ip_port(), required=True),
        Key("protocol", kinds.text("a protocol"), required=True),
        Key("called", kinds.many(WHO, 1, "patterns")),
    ),
}
MOST_TRUNKS = 1_000
"""The most that one realm may have."""


def read_trunks(tables: Sequence[Mapping[str, Any]], at: str, findings: Findings) -> tuple[Trunk, ...]:
    """The trunks in the tables at `at`, in their order; what is wrong is added to `findings`, and left out."""
    if len(tables) > MOST_TRUNKS:
        findings.add(at, tables, "are too many", f"at most {MOST_TRUNKS}")
    found: list[Trunk] = []
    for index, table in enumerate(tables[:MOST_TRUNKS]):
        before = len(findings.faults)
        values = read_keys(table, f"{at}[{index}]", TABLES["realms.NAME.trunks[]"], findings)
        if len(findings.faults) == before:
            found.append(Trunk(**values))
    return tuple(found)


def check_trunks(
    trunks: Sequence[Trunk], at: str, side: Side | None, listeners: Sequence[Listener], findings: Findings
) -> None:
    """Add to `findings` trunks that cannot be called, and those that nobody can tell from others before them."""
    names: set[str] = set()
    for index, trunk in enumerate(trunks):
        key = f"{at}[{index}]"
        if side is Side.CORE:
            findings.add(key, trunk.name, "is in a core realm, whose hosts are next hops or peers", "an access realm")
        if trunk.name in names:
            findings.add(f"{key}.name", trunk.name, "is the name of another trunk of this realm", "a name of its own")
        names.add(trunk.name)
        ours = [own for own in listeners if own.dialect == trunk.protocol]
        if listeners and not any(own.transport == DATAGRAMS for own in ours):
            allowed = "one of " + ", ".join(sorted({own.dialect for own in listeners if own.transport == DATAGRAMS}))
            findings.add(
                f"{key}.protocol", trunk.protocol, "is that of no listener for datagrams of the realm", allowed
            )
        elif ours and (":" in trunk.address.host) != (":" in ours[0].address.host):
            problem = "is of the other IP version than the realm's listeners"
            findings.add(f"{key}.address", str(trunk.address), problem, "an address of the realm's IP version")
        if any(not each.called and each.protocol == trunk.protocol for each in trunks[:index]):
            findings.add(key, trunk.name, "is never called: one before it takes all calls", "called, in those before")
