"""A path's table for SIP: what may be asked of a rule, and how each fault is said."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.config.faults import Findings
from sbc.core.realm import Side
from sbc.sip.options import DEFAULTS, MOST_RULES, Asserted, SipOptions, read
from sbc.sip.rules import OURS, Action

RULE = {"direction": "to-core", "header": "User-Agent", "action": "remove"}


def good(**table: Any) -> SipOptions:
    findings = Findings("x.toml")
    options = read(table, "paths[0].sip", findings)
    assert not findings.faults, [*map(str, findings)]
    return options


def fault(**table: Any) -> str:
    findings = Findings("x.toml")
    read(table, "p", findings)
    (found,) = findings
    return str(found)


def test_nothing_said_is_the_default() -> None:
    assert good() == DEFAULTS
    assert DEFAULTS.asserted is Asserted.STRIP
    assert DEFAULTS.rules.towards(Side.CORE) == DEFAULTS.numbers.towards(Side.ACCESS) == ()


def test_rules_are_sorted_by_direction() -> None:
    back = RULE | {"direction": "to-access", "messages": "all", "methods": ["INVITE"], "match": "a*"}
    options = good(rules=[RULE, back])
    (rule,) = options.rules.towards(Side.CORE)
    assert (rule.header, rule.written, rule.action) == ("user-agent", b"User-Agent", Action.REMOVE)
    assert rule.requests and not rule.replies and rule.match is None
    (rule,) = options.rules.towards(Side.ACCESS)
    assert rule.requests and rule.replies and rule.methods == {"INVITE"} and rule.match is not None


@pytest.mark.parametrize("name", sorted(OURS | {"from", "to", "v", "i", "m", "l", "f", "t", "r", "x", "c"}))
def test_headers_of_our_own_and_of_the_dialogue_are_no_rules(name: str) -> None:
    assert "p.rules[0].header" in fault(rules=[RULE | {"header": name.title()}])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"header": "X Y"}, "no name of a header"),
        ({"header": "X\r\nY"}, "is not allowed here"),
        ({"header": "X:"}, "no name of a header"),
        ({"value": "x"}, "says nothing of the action"),
        ({"action": "add"}, "p.rules[0].value: missing"),
        ({"action": "add", "value": "x", "match": "y"}, "says nothing of the action"),
        ({"action": "add", "value": "{0}"}, "stands for nothing"),
        ({"action": "replace", "value": "a\r\nVia: b"}, "is not allowed here"),
        ({"action": "replace", "value": "a\nb"}, "is not allowed here"),
        ({"action": "replace", "value": "{1}"}, "has the mark {1}, but match has 0 stars"),
        ({"action": "replace", "value": "{2}", "match": "*"}, "but match has 1 stars"),
        ({"action": "replace", "value": "x" * 2000}, "longer than"),
        ({"match": "*" * 9}, "more than 8 stars"),
        ({"action": "drop"}, '"add", "remove", "replace"'),
        ({"methods": ["invite"]}, "a method in capitals"),
        ({"methods": []}, "methods"),
        ({"direction": "inwards"}, "to-access"),
        ({"extra": 1}, "unknown key"),
    ],
)
def test_each_fault_of_a_rule_is_said(rule: dict[str, Any], said: str) -> None:
    assert said in fault(rules=[RULE | rule])


NUMBER = {"direction": "to-core", "places": ["to"], "strip": "00", "add": "+"}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"places": ["contact"]}, '"request-uri"'),
        ({"places": []}, "places"),
        ({"strip": "x"}, "digits"),
        ({"add": "1" * 33}, "at most 32"),
        ({"strip": "", "add": ""}, "strip or add, or both"),
        ({"direction": "to-access", "places": ["request-uri"]}, "terminal's own contact"),
    ],
)
def test_each_fault_of_a_number_rule_is_said(rule: dict[str, Any], said: str) -> None:
    assert said in fault(numbers=[NUMBER | rule])


def test_number_rules_may_only_take_off_or_only_put_on() -> None:
    options = good(numbers=[NUMBER, {"direction": "to-access", "places": ["to", "from"], "add": "9"}])
    assert options.numbers.to_core[0].strip == b"00" and options.numbers.to_access[0].strip == b""


def test_there_are_not_too_many() -> None:
    good(rules=[RULE] * MOST_RULES)
    assert "at most 64" in fault(rules=[RULE] * (MOST_RULES + 1))
