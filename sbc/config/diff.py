"""What differs between two configurations, in words, and when each difference takes effect in a running SBC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import attrs

from sbc.config.flood import TABLES as FLOOD
from sbc.config.values import Config
from sbc.core.orders import Listener
from sbc.core.realm import Plan, Realm
from sbc.core.word import Word


class Effect(Enum):
    """When a change takes effect."""

    NOW = "at once"
    NEXT = "for what begins from now on"  # calls, registrations, connections; what there is keeps what it began with
    RESTART = "at the next start only"
    REFUSED = "never while it runs"  # a reload that would change it is refused as a whole


NOW, NEXT, RESTART, REFUSED = Effect

_RATES = ("calls_per_second", "burst", "bandwidth_in", "bandwidth_out")
EFFECTS: dict[str, dict[str, Effect]] = {
    "timers": {"call_max": NEXT, "audit": NOW, "unanswered": NEXT, "silence": NOW, "linger": NEXT},
    "realms.NAME": {
        "side": REFUSED,
        "domains": NOW,
        "sparing": NEXT,
        "media_security": NEXT,
        "peers": NOW,
        "alternates": NOW,
        "priority": NEXT,
    },
    "realms.NAME.marks": dict.fromkeys(("signalling", "media", "audio", "video", "fax", "incoming", "map"), NEXT)
    | {"signalling": NOW},
    "realms.NAME.marks.priority": dict.fromkeys(("media", "audio", "video", "fax"), NEXT) | {"signalling": NOW},
    "realms.NAME.marks.emergency": dict.fromkeys(("media", "audio", "video", "fax"), NEXT) | {"signalling": NOW},
    "realms.NAME.media": {
        "address": NEXT,
        "advertised": NEXT,
        "ports": NEXT,
        "latch": NEXT,
        "window": NEXT,
        "quarantine": NOW,
        "stream_rate": NEXT,
        "realm_rate": NOW,
        "shape": NEXT,
        "multiplexed": NEXT,
    },
    "realms.NAME.network": dict.fromkeys(("device", "vlan", "mark", "namespace", "dns"), NEXT),
    "realms.NAME.limits": dict.fromkeys(
        (
            "calls",
            "bindings",
            "exchanges",
            "exchanges_per_source",
            "exchanges_per_trunk",
            "lingering",
            "lingering_per_source",
            "names_per_call",
            "streams_per_call",
            "dialogues",
            *_RATES,
        ),
        NOW,
    ),
    "realms.NAME.terminals": dict.fromkeys(("calls", "bindings", *_RATES), NOW),
    "realms.NAME.bandwidth": dict.fromkeys(
        ("audio", "video", "other", "most", "fit", "police", "margin", "burst", "ahead"), NEXT
    ),
    "realms.NAME.customers[]": dict.fromkeys(("name", "users", "networks", "calls", "bindings", *_RATES), NOW),
    "realms.NAME.customers[].each": dict.fromkeys(("calls", "bindings", *_RATES), NOW),
    "realms.NAME.registrations": dict.fromkeys(("front", "behind_nat", "direct", "core", "forward_after"), NEXT),
    "realms.NAME.connections": dict.fromkeys(("total", "per_source", "handshakes"), NOW)
    | dict.fromkeys(("message", "idle", "connect", "queue", "keep", "alias", "control_ports", "control_hosts"), NEXT),
    "realms.NAME.keepalive": dict.fromkeys(
        ("mode", "period", "answer_within", "misses", "longest", "tell_core", "direct"), NOW
    )
    | {"calls": NEXT},
    "realms.NAME.flood": dict.fromkeys((key.name for key in FLOOD["realms.NAME.flood"]), NOW),
    "realms.NAME.tls": dict.fromkeys(
        ("certificate", "key", "ca", "crl", "require_peer", "server_name", "minimum", "ciphers"), NEXT
    ),
    "realms.NAME.tls.certificates[]": dict.fromkeys(("certificate", "key"), NEXT),
    "realms.NAME.websocket": dict.fromkeys(("origins", "hosts", "paths", "target"), NEXT) | {"ping": NOW},
    "realms.NAME.listeners[]": dict.fromkeys(("protocol", "transport", "address", "port"), NOW)
    | {"advertised": RESTART},
    "paths[]": dict.fromkeys(
        (
            "name",
            "access",
            "core",
            "next_hops",
            "domain",
            "signaling",
            "signaling_ports",
            "signaling_transports",
            "hosts",
            "hide_labels",
            "transport",
            "large_over_stream",
            "callers",
        ),
        NEXT,
    ),
    "console": dict.fromkeys(("listen", "host_key", "authorized_keys", "password_file", "allow_remote"), RESTART),
    "control": {"socket": RESTART},
    "audit": {"file": RESTART},
    "dns": {"servers": RESTART, "least": RESTART},
    "trace": dict.fromkeys(("enabled", "messages", "octets", "total", "refusals"), RESTART),
    "media": dict.fromkeys(("engine", "threads", "realtime"), RESTART),
    "media.dtls": dict.fromkeys(("certificate", "key"), RESTART),
    "media.kernel": dict.fromkeys(("interfaces", "directory", "room", "redirect_peer"), RESTART),
    "metrics": dict.fromkeys(("listen", "allow_remote"), RESTART),
    "log": {"level": NOW, "format": RESTART, "file": RESTART},
    "cdr": dict.fromkeys(("json", "sqlite", "sync", "interim", "pending", "rotate_size", "rotate_daily"), RESTART),
    "accounting": {"book": RESTART, "interim": NOW, "attempts": NOW},
    "accounting.csv": dict.fromkeys(("file", "rotate_size", "rotate_daily"), RESTART) | {"events": NOW},
    "accounting.radius": dict.fromkeys(
        ("servers", "secret_file", "nas_identifier", "octets", "timeout", "tries", "rest", "window"), NOW
    )
    | {"spool": RESTART},
    "prepaid": dict.fromkeys(("file", "pace"), RESTART),
    "realms.NAME.srtp": dict.fromkeys(("suites", "sdes_over_clear", "fax_in_clear", "end_unkeyed"), NEXT),
    "realms.NAME.prepaid": dict.fromkeys(("unknown", "incoming", "warn"), NOW),
    "store": dict.fromkeys(("sqlite", "silence", "key_file"), RESTART),
    "drain": dict.fromkeys(("limit", "retry_after", "hand_over"), NOW),
    "emergency": {"numbers": NEXT},
    "countries": {"database": NOW},
    "realms.NAME.rules[]": dict.fromkeys(
        (
            *("name", "action", "from", "from_file", "countries", "protocols", "transports", "methods", "agents"),
            *("callers", "called", "hours", "zone", "registered", "peers", "cause", "why", "rate", "burst", "per"),
            *("over", "seconds", "dry_run"),
        ),
        NOW,
    ),
    "realms.NAME.trunks[]": dict.fromkeys(
        ("name", "address", "next_hops", "protocol", "transport", "server_name", "called"), NOW
    ),
    "realms.NAME.trunks[].next_hops[]": dict.fromkeys(("to", "priority", "weight", "transport"), NOW),
    "realms.NAME.trunks[].failover": dict.fromkeys(("on", "patience", "tries"), NOW),
    "realms.NAME.trunks[].probing": dict.fromkeys(("mode", "period", "answer_within", "misses"), NOW),
    "priority": {"least": NEXT, "namespaces": NEXT},
}
"""When a change of each key takes effect, by the table it stands in; of tables within a path it is all NEXT.
docs/operations.rst is held to this."""

Spot = tuple[str, ...]
"""Where a value stands: the tables on the way to it, realms, paths and sockets by their names, and its key."""

_SECRET = ("secret", "password", "token")
_THERE = object()
_BY_NAME = frozenset({"rules", "customers", "trunks"})  # tables of a realm that have names of their own
"""Stands for a realm, path, socket or table as a whole, which another configuration may lack."""


@attrs.frozen
class Change:
    """One difference, and when it counts. `before` and `after` are for people: what the value was and will be; empty
    where there is none, and where a realm, path, socket or table is meant as a whole, which was `added` or `removed`.
    """

    spot: Spot
    before: str
    after: str
    effect: Effect
    added: bool = False
    removed: bool = False

    @property
    def key(self) -> str:
        """The dotted key; realms and paths by name."""
        return ".".join(self.spot)

    def __str__(self) -> str:
        if self.added:
            return f"{self.key}: added" + (f", {self.after}" if self.after else "")
        if self.removed:
            return f"{self.key}: removed" + (f", was {self.before}" if self.before else "")
        return f"{self.key}: {self.before} -> {self.after}"


def compare(old: Config, new: Config) -> list[Change]:
    """Every difference, in the order of the old file, then what is new. Nothing between equal configurations."""
    before, after = dict(_values(old)), dict(_values(new))
    changes = []
    for spot in [*before, *(spot for spot in after if spot not in before)]:
        added, removed = spot not in before, spot not in after
        if before.get(spot) == after.get(spot) or _told_by_a_whole(spot, before, after):
            continue
        was, will = _shown(spot, before.get(spot, _THERE)), _shown(spot, after.get(spot, _THERE))
        if was == will:  # not to be shown
            was = will = ""
        effect = _of_whole(spot) if _THERE in (before.get(spot), after.get(spot)) else effect_of(spot)
        if not (added or removed) and not was:
            was, will = "something", "something else"
        changes.append(Change(spot, was, will, effect, added, removed))
    return changes


def effect_of(spot: Spot) -> Effect:
    """When a change of the value there counts. Of what nobody knows it is said that a restart is needed."""
    if spot[0] == "paths" and len(spot) > 3:
        return NEXT  # whatever a path is told is used by what begins on it
    if spot[0] == "realms" and not _BY_NAME.isdisjoint(spot):
        return NOW
    if spot[0] == "realms" and spot[-1] == "certificates":
        return NEXT
    return EFFECTS.get(table_of(spot[:-1]), {}).get(spot[-1], RESTART)


def table_of(tables: Spot) -> str:
    """The name in TABLES of a table in a configuration."""
    match tables:
        case ("realms", _, "listeners", _):
            return "realms.NAME.listeners[]"
        case ("realms", _, *rest):
            return ".".join(("realms.NAME", *rest))
        case ("paths", _, *rest):
            return ".".join(("paths[]", *rest))
    return ".".join(tables)


def in_force(old: Config, new: Config) -> Config:
    """What runs after a reload of `new` over `old`: all of it but what waits for the next start."""
    kept: dict[str, Any] = {}
    for field in attrs.fields(Config):
        if field.name not in ("plan", "source"):
            kept[field.name] = _kept(field.name, getattr(old, field.name), getattr(new, field.name))
    realms = {name: _same_sockets(old.plan, realm) for name, realm in new.plan.realms.items()}
    if old.prepaid is None:  # nobody keeps accounts before the next start
        realms = {name: attrs.evolve(realm, prepaid=None) for name, realm in realms.items()}
    return attrs.evolve(new, plan=attrs.evolve(new.plan, realms=realms), **kept)


def _kept(table: str, old: Any, new: Any) -> Any:
    """The table as it is after a reload: what waits for the next start is as it was."""
    if type(old) is not type(new) or not attrs.has(type(old)):
        return old if _of_whole((table,)) is RESTART else new
    kept: dict[str, Any] = {}
    for field in attrs.fields(type(old)):
        was, name = getattr(old, field.name), f"{table}.{field.name}"
        if name in EFFECTS:
            kept[field.name] = _kept(name, was, getattr(new, field.name))
        elif effect_of((*table.split("."), field.name)) is RESTART:
            kept[field.name] = was
    return attrs.evolve(new, **kept)


def _same_sockets(old: Plan, realm: Realm) -> Realm:
    """The realm with the sockets that are open already as peers know them."""
    was = old.realms.get(realm.name)
    known = {(_socket(own), own.vpn): own for own in was.listeners} if was is not None else {}
    return attrs.evolve(realm, listeners=tuple(known.get((_socket(own), own.vpn), own) for own in realm.listeners))


def _socket(own: Listener) -> str:
    return f"{own.dialect}/{own.transport} {own.address}"


def _values(config: Config) -> Iterator[tuple[Spot, Any]]:
    """Every value, and every whole."""
    for field in attrs.fields(Plan):
        if field.name not in ("realms", "paths", "emergency", "countries"):
            yield from _walk((field.name,), getattr(config.plan, field.name))
    for name, realm in config.plan.realms.items():
        for own in realm.listeners:
            yield ("realms", name, "listeners", _socket(own)), _THERE
            yield ("realms", name, "listeners", _socket(own), "advertised"), own.advertised
        yield ("realms", name, "rules", "order"), tuple(rule.name for rule in realm.rules)
        for rule in realm.rules:
            yield ("realms", name, "rules", rule.name), rule
        for customer in realm.customers:
            yield ("realms", name, "customers", customer.name), customer
        yield ("realms", name, "trunks", "order"), tuple(trunk.name for trunk in realm.trunks)
        for trunk in realm.trunks:
            yield ("realms", name, "trunks", trunk.name), trunk
        yield from _walk(("realms", name), realm)
    for path in config.plan.paths:
        yield from _walk(("paths", path.name), path)
    yield ("emergency", "numbers"), config.plan.emergency
    if config.plan.countries is not None:
        yield ("countries", "database"), config.plan.countries
    for field in attrs.fields(Config):
        if field.name not in ("plan", "source"):
            yield from _walk((field.name,), getattr(config, field.name))


def _walk(spot: Spot, value: Any) -> Iterator[tuple[Spot, Any]]:
    if attrs.has(type(value)):
        yield spot, _THERE
        for field in attrs.fields(type(value)):
            told = field.name in ("name", "listeners", *_BY_NAME) and len(spot) == 2  # by the spots themselves
            if field.init and not told:
                yield from _walk((*spot, field.name), getattr(value, field.name))
    elif isinstance(value, Mapping):  # what dialects are told: to people it stands beside the rest
        for name, each in value.items():
            yield from _walk((*spot[:-1], str(name)), each)
    elif value is not None:
        yield spot, value


def _told_by_a_whole(spot: Spot, before: Mapping[Spot, Any], after: Mapping[Spot, Any]) -> bool:
    """Whether what holds the value was itself added or removed: then that is all there is to say."""
    wholes = [spot[:length] for length in range(1, len(spot))]
    return any((before.get(each) is _THERE) != (after.get(each) is _THERE) for each in wholes)


def _of_whole(spot: Spot) -> Effect:
    """When it counts that something is there, or is no longer."""
    if (spot[0] in ("realms", "paths") and len(spot) == 2) or "listeners" in spot:
        return NOW
    if spot[0] == "paths":
        return NEXT
    effects = EFFECTS.get(table_of(spot), {"": RESTART})
    return max(effects.values(), key=list(Effect).index)


def _word(value: Any) -> str:
    if not attrs.has(type(value)):
        return str(value)
    fields = [(field.name, getattr(value, field.name)) for field in attrs.fields(type(value))]
    return " ".join(str(each) if not place else f"{name}={each}" for place, (name, each) in enumerate(fields) if each)


def _shown(spot: Spot, value: Any) -> str:
    if value is _THERE:
        return ""
    if any(word in spot[-1] for word in _SECRET) and not spot[-1].endswith("_file"):
        return "(not shown)"
    if isinstance(value, range):
        return f"{value[0]}-{value[-1]}" if value else "none"
    if isinstance(value, (Enum, Word)):
        return str(value.value)
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value))) or "none"
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return ", ".join(map(_word, value)) or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value) or '""'
