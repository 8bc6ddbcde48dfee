"""Rules and what they have done, as the console shows them; what would become of a message, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sbc.admin.tables import Column, No, Record, Row, duration
from sbc.config.faults import Unfit, printable
from sbc.config.kinds import ip_maybe_port
from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.message import Intent, Kind, Phase
from sbc.core.orders import Listener
from sbc.core.realm import Callers, Side
from sbc.core.registry import Registry
from sbc.core.trust import standing, terminal_at
from sbc.policy.events import Message, Standing

COLUMNS = (
    Column("REALM", lambda row: row["realm"], widest=16),
    Column("RULE", lambda row: row["name"], widest=24),
    Column("DOES", lambda row: row["does"], widest=100),
    Column("HITS", lambda row: row["hits"], right=True),
    Column("LAST", lambda row: duration(row["last_ago"]), right=True),
    Column("SOURCE", lambda row: row["source"], widest=48),
)


def rule_views(registry: Registry, realm: str, find: str, now: float) -> Iterator[Row]:
    """Each rule in its order: what it does, how often it has (in a dry run: would have), when last and of whom."""
    for name, table in registry.gate.rules.tables.items():
        for rule, hits in zip(table.rules, table.hits, strict=True):
            if (realm and name != realm) or find.casefold() not in f"{rule.name} {rule}".casefold():
                continue
            yield {
                "realm": name,
                "name": rule.name,
                "action": rule.action.value,
                "does": str(rule),
                "dry_run": rule.dry_run,
                "hits": hits.count,
                "last_ago": now - hits.at if hits.count else None,
                "source": None if hits.source is None else str(hits.source),
            }


def hits(registry: Registry) -> Iterator[tuple[tuple[str, str], int]]:
    """How often each rule has decided, by realm and name; for the metrics."""
    for name, table in registry.gate.rules.tables.items():
        for rule, each in zip(table.rules, table.hits, strict=True):
            yield (name, rule.name), each.count


def explain_view(border: Border, source: str, method: str, said: dict[str, str], now: float) -> Record | No:
    """What would become of a request of that method from a source (an address, with or without a port). `said` may hold
    realm, protocol, transport, agent, caller, called and peer."""
    registry = border.registry
    try:
        host, port = ip_maybe_port().read(source)
    except Unfit:
        return No(f"{source!r} is no address; one is 203.0.113.66, 203.0.113.66:5060 or [2001:db8::1]:5060")
    own = _listener(border, said)
    if own is None:
        return No("no listener there is for that realm, protocol and transport")
    at = Address(host, port or 0)
    known, terminal = standing(registry, own, at, now), terminal_at(registry, own.realm, at)
    intent = Intent(Kind.OPEN, Phase.REQUEST, b"", b"", method=method)
    intent.agent, intent.user, intent.dialled = (said[name].encode() for name in ("agent", "caller", "called"))
    intent.urgent = _calls_help(said["called"], border.plan.emergency)
    message = Message(own, at, known, intent, "" if terminal is None else terminal.id, said["peer"])
    lines = registry.gate.explain(message, now)
    if registry.waits.in_call(own.realm, at):
        lines.append("it is in a call, which goes on whatever rules say")
    lines += _default(border, own, message)
    view = {"source": str(at), "method": method, "listener": str(own), "standing": known.value, "lines": lines}
    return Record(view | {"terminal": None if terminal is None else repr(terminal)}, explain_text)


def explain_text(view: Row) -> str:
    """The same for people."""
    who = f"{view['source']} at {view['listener']} is {view['standing']}"
    who += f": {view['terminal']}" if view["terminal"] else ""
    return "\n".join(map(printable, [who, *view["lines"]]))


def _default(border: Border, own: Listener, message: Message) -> list[str]:
    """What is done of calls that no rule decides about."""
    realm = border.plan.realms[own.realm]
    path = border.registry.networks.path_of(realm)
    if realm.side is Side.CORE:
        known = message.standing is not Standing.STRANGER
        return [f"a core realm: it is {'' if known else 'not '}one of those who may begin calls there"]
    if path is None:
        return ["the realm is on no path"]
    if path.callers is Callers.ANY:
        return [f"path {path.name} lets anybody begin calls"]
    if message.standing is Standing.STRANGER:
        return [f"path {path.name} takes calls from who is registered, which it is not, or whom a rule accepts by name"]
    return [f"path {path.name} takes calls from who is registered, which it is"]


def _calls_help(called: str, wanted: Iterable[str]) -> bool:
    """Whether one of those numbers or services is called."""
    number = called.removeprefix("+").lower()
    plain = [each.removeprefix("+").lower() for each in wanted]
    return any(number == each or (":" in each and number.startswith(f"{each}.")) for each in plain)


def _listener(border: Border, said: dict[str, Any]) -> Listener | None:
    """The first listener of the realm, protocol and transport that were named; of access realms, where none was."""
    for realm in border.plan.realms.values():
        if said["realm"] not in ("", realm.name) or (not said["realm"] and realm.side is Side.CORE):
            continue
        for own in realm.listeners:
            if said["protocol"] in ("", own.dialect) and said["transport"] in ("", own.transport):
                return own
    return None
