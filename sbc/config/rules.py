"""``[[realms.NAME.rules]]``: who and what is let in, read into what the gate works by."""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sbc.config import kinds
from sbc.config.faults import Findings, Unfit
from sbc.config.keys import Key, read_keys
from sbc.config.prefixes import prefix_list
from sbc.core.message import Cause
from sbc.core.orders import Listener
from sbc.policy.countries import Countries
from sbc.policy.hours import WRITTEN, Hours, read_span
from sbc.policy.rule import CAUSES, Action, Over, Pattern, Per, PrefixList, Rule
from sbc.text.globs import Glob

T = TypeVar("T")

MOST_RULES = 256
"""The most rules that one realm may have."""
_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}
_RATE = re.compile(r"([1-9][0-9]{0,6})/(s|min|h)", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_RATE_KEYS = ("rate", "burst", "per", "over")


def _read_by(allowed: str, read: Callable[[str], T]) -> kinds.Kind:
    """A text that `read` takes; what ValueError that raises is the fault."""

    def checked(value: object) -> T:
        if not isinstance(value, str) or not value or not value.isprintable() or len(value) > 128:
            raise Unfit
        try:
            return read(value)
        except ValueError as error:
            raise Unfit(str(error)) from error

    return kinds.Kind(allowed, checked)


def _span(text: str) -> str:
    read_span(text)
    return text


def _country(text: str) -> str:
    if not _COUNTRY.fullmatch(text):
        raise ValueError("is no code of ISO 3166")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError("is no time zone that this host knows") from error
    return text


def _cause(text: str) -> Cause:
    found = next((cause for cause in CAUSES if cause.value == text), None)
    if found is None:
        raise ValueError("is nothing that a rule refuses for")
    return found


def _rate(text: str) -> tuple[int, float]:
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError("is no rate")
    return int(found[1]), _UNITS[found[2]]


_GLOB = _read_by("a text in which * stands for any", Glob.read)
WHO = _read_by('the digits that a number begins with, or a text in which * stands for any ("00*")', Pattern)

TABLES: dict[str, tuple[Key, ...]] = {
    "realms.NAME.rules[]": (
        Key("name", kinds.word(), required=True),
        Key("action", kinds.choice(Action), required=True),
        Key("from", kinds.many(kinds.network(), 1, "networks")),
        Key("from_file", kinds.text("the path of a file with a prefix on each line")),
        Key("countries", kinds.many(_read_by('two capitals, as "DE"', _country), 1, "codes")),
        Key("protocols", kinds.many(kinds.text("a protocol"), 1, "protocols")),
        Key("transports", kinds.many(kinds.text("a transport"), 1, "transports")),
        Key("methods", kinds.many(kinds.text("a method or kind of message"), 1, "methods")),
        Key("agents", kinds.many(_GLOB, 1, "patterns")),
        Key("callers", kinds.many(WHO, 1, "patterns")),
        Key("called", kinds.many(WHO, 1, "patterns")),
        Key("hours", kinds.many(_read_by(WRITTEN, _span), 1, "spans")),
        Key("zone", _read_by('the name of a time zone, "Europe/Berlin"', _zone)),
        Key("registered", kinds.boolean()),
        Key("peers", kinds.many(_GLOB, 1, "patterns")),
        Key("cause", _read_by("one of " + ", ".join(f'"{each.value}"' for each in CAUSES), _cause)),
        Key("why", kinds.text("what is told to who is refused")),
        Key("rate", _read_by('a number a second, minute or hour: "10/s", "100/min", "1000/h"', _rate)),
        Key("burst", kinds.integer(1, 10_000_000)),
        Key("per", kinds.choice(Per)),
        Key("over", kinds.choice(Over)),
        Key("seconds", kinds.seconds(0.1, 30.0)),
        Key("dry_run", kinds.boolean()),
    ),
    "countries": (
        Key(
            "database",
            kinds.text("the path of a file; a relative one starts at the configuration file's directory"),
            required=True,
        ),
    ),
}
"""Every key, named as in sbc.config.schema.TABLES."""

_SETS = ("countries", "protocols", "transports")


def read_countries(table: Mapping[str, Any], directory: str, findings: Findings) -> Countries | None:
    """The database that ``[countries]`` names, open; None where it cannot be had."""
    values = read_keys(table, "countries", TABLES["countries"], findings)
    if "database" not in values:
        return None
    path = os.path.join(directory, values["database"])
    try:
        return Countries.open(path)
    except ValueError as error:
        findings.add("countries.database", values["database"], str(error), "a database of countries, as MaxMind has it")
        return None


def read_rules(tables: Sequence[Mapping[str, Any]], at: str, directory: str, findings: Findings) -> tuple[Rule, ...]:
    """The rules in the tables at `at`, in their order; what is wrong is added to `findings`, and left out."""
    if len(tables) > MOST_RULES:
        findings.add(at, tables, "are too many", f"at most {MOST_RULES}")
    found: dict[str, Rule] = {}
    for index, table in enumerate(tables[:MOST_RULES]):
        rule = _rule(table, f"{at}[{index}]", directory, findings)
        if rule is not None and rule.name in found:
            findings.add(
                f"{at}[{index}].name", rule.name, "is the name of another rule of this realm", "a name of its own"
            )
        if rule is not None:
            found.setdefault(rule.name, rule)
    return tuple(found.values())


def check_rules(
    rules: Sequence[Rule], at: str, listeners: Sequence[Listener], countries: bool, findings: Findings
) -> None:
    """Add to `findings` each rule of a realm that can never speak of anything there."""
    spoken, carried = {own.dialect for own in listeners}, {own.transport for own in listeners}
    for index, rule in enumerate(rules):
        for name, words, there in (("protocols", rule.protocols, spoken), ("transports", rule.transports, carried)):
            for word in sorted(words - there) if listeners else ():
                allowed = "one of " + ", ".join(sorted(there))
                findings.add(f"{at}[{index}].{name}", word, "is that of no listener of the realm", allowed)
        if rule.countries and not countries:
            findings.add(
                f"{at}[{index}].countries",
                ", ".join(sorted(rule.countries)),
                "needs a database of countries",
                "[countries]",
            )


def _rule(table: Mapping[str, Any], at: str, directory: str, findings: Findings) -> Rule | None:
    before = len(findings.faults)
    values = read_keys(table, at, TABLES["realms.NAME.rules[]"], findings)
    action: Action | None = values.get("action")
    _check_action(values, action, table, at, findings)
    sources = _sources(values, at, directory, findings)
    if len(findings.faults) > before:
        return None
    if "rate" in values:
        count, unit = values.pop("rate")
        values["rate"] = count / unit
        values.setdefault("burst", count)
    if "hours" in values:
        values["hours"] = Hours(values["hours"], values.get("zone", "UTC"))
    values.pop("zone", None)
    values |= {name: frozenset(values[name]) for name in _SETS if name in values}
    if "methods" in values:
        values["methods"] = frozenset(each.lower() for each in values["methods"])
    return Rule(sources=sources, **values)


def _check_action(
    values: Mapping[str, Any], action: Action | None, table: Mapping[str, Any], at: str, findings: Findings
) -> None:
    """See that a rule says what its action needs, and nothing that would mean nothing."""
    if action is None:
        return
    limits = action is Action.LIMIT
    if limits and "rate" not in table:
        findings.missing(f"{at}.rate", 'for action = "limit", for example "10/s"')
    over = values.get("over", Over.DROP)
    refuses = action in (Action.REJECT, Action.TARPIT)
    for names, fits in (
        (_RATE_KEYS, limits),
        (("cause",), refuses),
        (("why",), refuses or (limits and over is Over.REJECT)),
        (("seconds",), action is Action.TARPIT),
    ):
        for name in names:
            if name in values and not fits:
                findings.add(f"{at}.{name}", table[name], f'says nothing of the action "{action.value}"', "no such key")
    if "zone" in values and "hours" not in table:
        findings.add(f"{at}.zone", values["zone"], "says nothing without hours", "hours beside it")


def _sources(values: dict[str, Any], at: str, directory: str, findings: Findings) -> PrefixList | None:
    """The prefixes of ``from`` and of the file ``from_file``, which are taken out of `values`."""
    written, file = values.pop("from", None), values.pop("from_file", None)
    if written is None and file is None:
        return None
    named = "" if file is None else os.path.join(directory, file)
    if not named:
        return PrefixList(tuple(written or ()))
    return prefix_list(written or (), named, f"{at}.from_file", findings)
