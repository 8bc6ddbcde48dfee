"""The keys that say how much realms, paths and terminals may have at once, and what is read of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sbc.config import kinds
from sbc.config.faults import Findings, Unfit
from sbc.config.keys import Key, read_keys
from sbc.policy.customers import ANY, Customer
from sbc.policy.limits import Caps, Priority

MOST = 10_000_000


def _limit(name: str, high: int = MOST) -> Key:
    return Key(name, kinds.integer(1, high))


def _rate() -> kinds.Kind:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1_000_000:
            raise Unfit
        return float(value)

    return kinds.Kind("a number from 0 to 1000000", read)


def _user() -> kinds.Kind:
    def read(value: object) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= 256 or not value.isprintable() or " " in value:
            raise Unfit
        rest = value.removeprefix("*@") if value.startswith("*@") else value.removesuffix(ANY)
        if not rest or ANY in rest:
            raise Unfit("a * stands before @, or at the end")
        return value

    return kinds.Kind('a user as it registers, "alice@example.com", "*@example.com" or "+4930*"', read)


def _space() -> kinds.Kind:
    def read(value: object) -> str:
        if not isinstance(value, str) or not kinds.is_word(value):
            raise Unfit
        return value.lower()

    return kinds.Kind('a namespace of RFC 4412, for example "ets"', read)


_RATES = (
    Key("calls_per_second", _rate()),
    Key("burst", kinds.integer(0, 1_000_000)),
    Key("bandwidth_in", kinds.integer(0, 1_000_000_000)),
    Key("bandwidth_out", kinds.integer(0, 1_000_000_000)),
)
CAPS = (Key("calls", kinds.integer(0, MOST)), Key("bindings", kinds.integer(0, MOST)), *_RATES)
"""The keys of what may be limited or not: the fields of Caps."""
TABLES: dict[str, tuple[Key, ...]] = {
    "realms.NAME.limits": (
        *(_limit(name) for name in ("calls", "bindings", "dialogues")),
        _limit("exchanges", 100_000_000),
        _limit("exchanges_per_source"),
        _limit("exchanges_per_trunk"),
        _limit("lingering", 100_000_000),
        _limit("lingering_per_source"),
        _limit("names_per_call", 10_000),
        _limit("streams_per_call", 1_000),
        *_RATES,
    ),
    "realms.NAME.terminals": CAPS,
    "realms.NAME.customers[]": (
        Key("name", kinds.word(), required=True),
        Key("users", kinds.many(_user(), 1, "users")),
        Key("networks", kinds.many(kinds.network(), 1, "networks")),
        *CAPS,
        Key("each", kinds.table()),
    ),
    "realms.NAME.customers[].each": CAPS,
    "paths[].limits": CAPS,
    "priority": (Key("least", kinds.integer(0, 6)), Key("namespaces", kinds.many(_space(), 0, "namespaces"))),
}


def read_customers(tables: Sequence[Mapping[str, Any]], at: str, findings: Findings) -> tuple[Customer, ...]:
    """The customers of a realm. What two of them claim is a fault, and so is one that nobody can be."""
    found: list[Customer] = []
    claimed: dict[object, str] = {}
    for index, table in enumerate(tables):
        spot = f"{at}[{index}]"
        values = read_keys(table, spot, TABLES["realms.NAME.customers[]"], findings)
        each = values.pop("each", None)
        own = None if each is None else read_keys(each, f"{spot}.each", CAPS, findings)
        who = {name: values.pop(name) for name in ("name", "users", "networks") if name in values}
        if not {"users", "networks"} & table.keys():
            findings.missing(f"{spot}.users", "users or networks, or both")
        for key in (who.get("name"), *who.get("users", ()), *who.get("networks", ())):
            if key is not None and key in claimed:
                findings.add(spot, str(key), f"is {claimed[key]} already", "each user and network once, by other names")
            claimed.setdefault(key, spot)
        if "name" in who:
            found.append(Customer(**who, caps=Caps(**values), each=None if own is None else Caps(**own)))
    return tuple(found)


def read_priority(table: Mapping[str, Any], findings: Findings) -> Priority:
    """Whose calls go past all limits."""
    return Priority(**read_keys(table, "priority", TABLES["priority"], findings))
