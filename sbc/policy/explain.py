"""Why rules decide as they do: each condition of each rule looked at by itself, and nothing counted."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from sbc.core.address import network_of
from sbc.policy.events import Message, Standing
from sbc.policy.rule import Action, Rule
from sbc.policy.rules import is_told_early, speaks_of

if TYPE_CHECKING:
    from sbc.policy.countries import Countries
    from sbc.policy.flood import Flood
    from sbc.policy.rules import Rules, Table


class Step(NamedTuple):
    """What one rule makes of a message: `lacks` is the first of its conditions that does not hold, in words, and empty
    where it speaks of the message; `decides`: no rule after it is asked; `early`: before the message is read."""

    rule: Rule
    lacks: str
    decides: bool
    early: bool = False


def steps(table: Table, message: Message, now: float, ahead: float = 0.0) -> list[Step]:
    """What each rule makes of a message, up to the one that decides. The time of day is `ahead` of `now`."""
    found, early = list[Step](), True
    for index, rule in enumerate(table.rules):
        told = is_told_early(rule, message.listener)
        lacks = lacking(rule, message, table.countries, now + ahead)
        if not lacks and rule.action is Action.LIMIT and table.holds(index, message.source, now):
            lacks = "it is within the rate"
        if not _unseen(rule, message, table.countries, now + ahead):
            early = early and told
        decides = not lacks and not rule.dry_run
        found.append(Step(rule, lacks, decides, early and rule.unread))
        if decides:
            break
    return found


def lacking(rule: Rule, message: Message, countries: Countries | None, time: float) -> str:
    """The first condition of a rule that does not hold for a message, in words; empty where all do. `time` is that of
    day."""
    return _unseen(rule, message, countries, time) or _unread(rule, message)


def _unseen(rule: Rule, message: Message, countries: Countries | None, time: float) -> str:
    """Of those conditions that are told before anything is read."""
    host, listener = message.source.host.partition("%")[0], message.listener
    if rule.sources is not None:
        ip = ip_address(host)
        if not any(ip in network for network in rule.sources.networks if network.version == ip.version):
            return f"it is not from {rule.sources}"
    if rule.countries:
        country = "" if countries is None else countries.of(host)
        if country not in rule.countries:
            return f"its country is {country or 'not known'}"
    if rule.protocols and listener.dialect not in rule.protocols:
        return f"it is {listener.dialect}"
    if rule.transports and listener.transport not in rule.transports:
        return f"it came by {listener.transport}"
    if rule.hours is not None and not rule.hours.hold(time):
        return "it is another time"
    if rule.registered is not None and rule.registered is (message.standing is Standing.STRANGER):
        return f"its sender is {message.standing.value}"
    proven = message.proven
    if rule.peers and not (proven and any(each.match(proven.encode()) is not None for each in rule.peers)):
        return f"its sender has shown a certificate of {proven}" if proven else "its sender has shown no certificate"
    return ""


def _unread(rule: Rule, message: Message) -> str:
    """Of those that the message itself must tell."""
    intent = message.intent
    if rule.agents and all(each.match(intent.agent) is None for each in rule.agents):
        return f"it was made by {intent.agent.decode(errors='replace') or 'nobody that it names'}"
    if not speaks_of(rule, intent):
        if rule.methods and intent.method.lower() not in rule.methods:
            return f"it is {intent.method}"
        return "others call, or are called"
    return ""


def explain_bans(flood: Flood, message: Message, now: float) -> list[str]:
    """Which bans hold for who sends a message, a line for each."""
    realm, source = message.listener.realm, message.source
    guard, bans, lines = flood.guards.get(realm), flood.bans, list[str]()
    for key in dict.fromkeys(((realm, *source), (realm, network_of(source.host), 0))):
        ban = bans.get(key)
        if ban is None or ban.until <= now:
            continue
        whom, soft = "all", bans.is_soft(ban)
        served = guard is not None and not ban.port and guard.spares(source, ban.host, now)
        if soft:
            whom = "strangers there"
            served = served or message.standing is not Standing.STRANGER or bool(message.proven)
            served = served or (guard is not None and source in guard.known)
        said = f"{ban} is banned for {ban.until - now:.0f} s more ({whom}): {ban.reason}"
        lines.append(f"{said}; it is {'none of them, and served' if served else 'dropped unread'}")
    return lines or ["it is not banned"]


def explain(rules: Rules, message: Message, now: float, scans: bool = False) -> list[str]:
    """What the rules of its realm make of a message, a line for each that is asked, and what comes of it. `scans`: it
    was made by what is known to be a scanner."""
    lines, early = _explain_rules(rules, message, now)
    if scans and not early:
        return [*lines[:-1], "it calls itself what scanners do: dropped, and counted against it, whatever rules say"]
    return lines


def _explain_rules(rules: Rules, message: Message, now: float) -> tuple[list[str], bool]:
    """The lines, and whether it is dropped before it is read."""
    table = rules.tables.get(message.listener.realm)
    if table is None:
        return [f"realm {message.listener.realm} has no rules"], False
    lines, last = list[str](), None
    for step in steps(table, message, now, rules.ahead):
        said = f"does not speak of it: {step.lacks}" if step.lacks else "decides" if step.decides else "only counts it"
        lines.append(f"rule {step.rule.name} ({step.rule}): {said}")
        last = step if step.decides else last
    if last is None:
        return [*lines, "no rule decides: it goes on"], False
    when = "before it is read" if last.early else "when it has been read"
    done = last.rule.action.value if last.rule.action is not Action.LIMIT else f"limit, {last.rule.over.value}"
    if message.intent.urgent and not last.early:
        return [*lines, "it calls for help: no rule is asked"], False
    return [*lines, f"rule {last.rule.name} decides: {done}, {when}"], last.early
