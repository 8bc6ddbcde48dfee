"""What a path may be told about SIP alone: its table ``[paths.sip]``, read into what the dialect works by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from sbc.config import kinds
from sbc.config.faults import Findings, Unfit
from sbc.config.keys import Key, read_keys
from sbc.core.realm import Path, Side
from sbc.core.word import Word
from sbc.sip.rules import Action, Rule, check_header, check_value
from sbc.sip.telephone import NUMBERED, NumberRule
from sbc.text.globs import Glob

T = TypeVar("T")

MOST_RULES = 64
"""The most rules of each kind that one path may have."""


class Direction(Word):
    """Which way a message goes."""

    TO_CORE = "to-core"
    TO_ACCESS = "to-access"


class Messages(Word):
    """Which messages a rule is for."""

    REQUESTS = "requests"
    REPLIES = "replies"
    ALL = "all"


class Asserted(Word):
    """What becomes of identities that a network has vouched for (RFC 3325)."""

    STRIP = "strip"  # terminals are not trusted: theirs are taken out, and they see none that is private
    KEEP = "keep"  # the access realm is trusted, as a trunk may be


class Reliable(Word):
    """What becomes of reliable provisional answers (100rel, RFC 3262)."""

    PASS = "pass"  # they are between caller and callee
    SHIELD = "shield"  # for a caller that does not know of them the SBC receives them
    OFFER = "offer"  # and the core is told that it may send them


@attrs.frozen
class Ways:
    """Something for each way a message can go."""

    to_core: tuple[Any, ...] = ()
    to_access: tuple[Any, ...] = ()

    def towards(self, side: Side) -> tuple[Any, ...]:
        """What there is for messages that go to a realm of that side."""
        return self.to_core if side is Side.CORE else self.to_access


@attrs.frozen
class SipOptions:
    """What a path is told about SIP. `rules` are of Rule, `numbers` of NumberRule."""

    asserted: Asserted = Asserted.STRIP
    reliable: Reliable = Reliable.PASS
    rules: Ways = attrs.field(factory=Ways)
    numbers: Ways = attrs.field(factory=Ways)


DEFAULTS = SipOptions()


def of(path: Path) -> SipOptions:
    """The options of a path."""
    found: SipOptions = path.options.get("sip", DEFAULTS)
    return found


def _methods() -> kinds.Kind:
    def read(value: object) -> str:
        if not isinstance(value, str) or not value.isascii() or not value.isalpha() or value != value.upper():
            raise Unfit
        return value

    return kinds.many(kinds.Kind("a method in capitals", read), 1, "methods")


def _prefix() -> kinds.Kind:
    def read(value: object) -> bytes:
        if not isinstance(value, str) or len(value) > 32 or not set(value) <= set("+*0123456789"):
            raise Unfit
        return value.encode()

    return kinds.Kind('digits, "+" and "*", at most 32', read)


def _place() -> kinds.Kind:
    def read(value: object) -> str:
        if value not in NUMBERED:
            raise Unfit
        return str(value)

    return kinds.Kind("one of " + ", ".join(f'"{each}"' for each in NUMBERED), read)


TABLES: dict[str, tuple[Key, ...]] = {
    "paths[].sip": (
        Key("asserted", kinds.choice(Asserted)),
        Key("reliable", kinds.choice(Reliable)),
        Key("rules", kinds.tables("[[paths.sip.rules]]")),
        Key("numbers", kinds.tables("[[paths.sip.numbers]]")),
    ),
    "paths[].sip.rules[]": (
        Key("direction", kinds.choice(Direction), required=True),
        Key("header", kinds.text("the name of a header"), required=True),
        Key("action", kinds.choice(Action), required=True),
        Key("messages", kinds.choice(Messages)),
        Key("methods", _methods()),
        Key("match", kinds.text("a pattern, in which * stands for any text")),
        Key("value", kinds.text("a header's value, on one line")),
    ),
    "paths[].sip.numbers[]": (
        Key("direction", kinds.choice(Direction), required=True),
        Key("places", kinds.many(_place(), 1, "places"), required=True),
        Key("strip", _prefix()),
        Key("add", _prefix()),
    ),
}
"""Every key of a path's table, named as in sbc.config.schema.TABLES."""


def read(table: Mapping[str, Any], at: str, findings: Findings) -> SipOptions:
    """The options in the table at `at`; what is wrong is added to `findings`, and left out."""
    values = read_keys(table, at, TABLES["paths[].sip"], findings)
    for kind, reader in (("rules", _rule), ("numbers", _number)):
        tables = values.pop(kind, [])
        if len(tables) > MOST_RULES:
            findings.add(f"{at}.{kind}", tables, "are too many", f"at most {MOST_RULES}")
        found = [reader(each, f"{at}.{kind}[{index}]", findings) for index, each in enumerate(tables[:MOST_RULES])]
        values[kind] = Ways(*(_towards(direction, found) for direction in Direction))
    return SipOptions(**values)


def _towards(direction: Direction, found: Sequence[tuple[Direction, Any] | None]) -> tuple[Any, ...]:
    return tuple(each[1] for each in found if each is not None and each[0] is direction)


def _rule(table: Mapping[str, Any], at: str, findings: Findings) -> tuple[Direction, Rule] | None:
    before = len(findings.faults)
    values = read_keys(table, at, TABLES["paths[].sip.rules[]"], findings)
    action: Action | None = values.get("action")
    header = _checked(findings, at, values, "header", check_header)
    match = _checked(findings, at, values, "match", Glob.read)
    value = _checked(findings, at, values, "value", lambda text: check_value(text, action, values.get("match", "")))
    if action in (Action.ADD, Action.REPLACE) and "value" not in table:
        findings.missing(f"{at}.value", "what is to be written")
    for name, allowed in (("match", (Action.REMOVE, Action.REPLACE)), ("value", (Action.ADD, Action.REPLACE))):
        if name in values and action is not None and action not in allowed:
            findings.add(f"{at}.{name}", values[name], f'says nothing of the action "{action.value}"', "no such key")
    if len(findings.faults) > before:
        return None
    assert action is not None and header is not None
    messages = values.get("messages", Messages.REQUESTS)
    rule = Rule(
        header=header,
        written=values["header"].encode(),
        action=action,
        methods=frozenset(values.get("methods", ())),
        requests=messages is not Messages.REPLIES,
        replies=messages is not Messages.REQUESTS,
        match=match,
        value=value,
    )
    return values["direction"], rule


def _checked(findings: Findings, at: str, values: Mapping[str, Any], name: str, check: Callable[[str], T]) -> T | None:
    """What `check` makes of a value that is there."""
    if name not in values:
        return None
    try:
        return check(values[name])
    except ValueError as error:
        findings.add(f"{at}.{name}", values[name], str(error))
        return None


def _number(table: Mapping[str, Any], at: str, findings: Findings) -> tuple[Direction, NumberRule] | None:
    before = len(findings.faults)
    values = read_keys(table, at, TABLES["paths[].sip.numbers[]"], findings)
    if not values.get("strip") and not values.get("add") and len(findings.faults) == before:
        findings.missing(f"{at}.strip", "strip or add, or both")
    if values.get("direction") is Direction.TO_ACCESS and "request-uri" in values.get("places", ()):
        problem = "is the terminal's own contact in this direction"
        findings.add(f"{at}.places", "request-uri", problem, 'it only with direction = "to-core"')
    if len(findings.faults) > before:
        return None
    rule = NumberRule(frozenset(values["places"]), values.get("strip", b""), values.get("add", b""))
    return values["direction"], rule
