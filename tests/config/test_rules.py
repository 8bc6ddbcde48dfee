"""Rules as they are written: what they become, and what is said of those that mean nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.config import rules
from sbc.config.diff import compare
from sbc.config.faults import ConfigError, Findings
from sbc.config.load import load_text
from sbc.config.values import Config
from sbc.core.message import Cause
from sbc.policy.rule import Action, Over, Per, Rule
from tests.config.test_load import SMALL
from tests.mmdb import database


def text(*tables: dict[str, Any], more: str = "") -> str:
    """A small configuration with these rules."""
    written = "".join(
        "[[realms.a.rules]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for table in tables
    )
    return SMALL + written + more


def load(*tables: dict[str, Any], more: str = "", source: str = "sbc.toml") -> Config:
    return load_text(text(*tables, more=more), source)


def only(**table: Any) -> Rule:
    (rule,) = load({"name": "it", **table}).plan.realms["a"].rules
    return rule


def faults(*tables: dict[str, Any], more: str = "") -> list[str]:
    with pytest.raises(ConfigError) as error:
        load(*tables, more=more)
    return [f"{fault.key}: {fault.problem}" for fault in error.value.faults]


def test_a_rule_with_every_condition(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("198.51.100.0/24\n")
    (tmp_path / "db").write_bytes(database({"192.0.2.0/24": "DE"}))
    table = {
        "name": "it",
        "action": "tarpit",
        "from": ["192.0.2.0/24"],
        "from_file": "list",
        "countries": ["DE"],
        "protocols": ["sip"],
        "transports": ["udp"],
        "methods": ["INVITE"],
        "agents": ["friendly*"],
        "callers": ["bob"],
        "called": ["00*", "0900"],
        "hours": ["mon-fri 08:00-18:00"],
        "zone": "Europe/Berlin",
        "registered": False,
        "peers": ["*.example.com"],
        "cause": "not-found",
        "why": "no",
        "seconds": 2,
        "dry_run": True,
    }
    more = '[countries]\ndatabase = "db"\n'
    config = load(table, more=more, source=str(tmp_path / "sbc.toml"))
    (rule,) = config.plan.realms["a"].rules
    assert (rule.action, rule.cause, rule.seconds, rule.dry_run) == (Action.TARPIT, Cause.NOT_FOUND, 2.0, True)
    assert rule.sources is not None and [str(each) for each in rule.sources.networks] == [
        *("192.0.2.0/24", "198.51.100.0/24")
    ]
    assert rule.methods == {"invite"} and rule.hours is not None and rule.hours.zone == "Europe/Berlin"
    assert config.plan.countries is not None and config.plan.countries.of("192.0.2.1") == "DE"


@pytest.mark.parametrize(
    ("rate", "more", "found"),
    [
        ("10/s", {}, (10.0, 10)),
        ("120/min", {}, (2.0, 120)),
        ("3600/h", {"burst": 5}, (1.0, 5)),
    ],
)
def test_rates(rate: str, more: dict[str, Any], found: tuple[float, int]) -> None:
    rule = only(action="limit", rate=rate, per="rule", over="reject", **more)
    assert (rule.rate, rule.burst) == found and (rule.per, rule.over) == (Per.RULE, Over.REJECT)


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"action": "burn"}, "action: is not allowed here"),
        ({"action": "limit"}, "rate: missing"),
        ({"action": "limit", "rate": "0/s"}, "rate: is no rate"),
        ({"action": "limit", "rate": "1/d"}, "rate: is no rate"),
        ({"action": "drop", "rate": "1/s"}, 'rate: says nothing of the action "drop"'),
        ({"action": "accept", "cause": "forbidden"}, 'cause: says nothing of the action "accept"'),
        ({"action": "reject", "cause": "merged"}, "cause: is nothing that a rule refuses for"),
        ({"action": "reject", "seconds": 3}, 'seconds: says nothing of the action "reject"'),
        ({"action": "drop", "from": ["192.0.2.1/24"]}, "from: number 0 of the array is no such value"),
        ({"action": "drop", "from": []}, "from: is not allowed here"),
        ({"action": "drop", "from_file": "/nowhere"}, "from_file: cannot be read"),
        ({"action": "drop", "countries": ["de"]}, "countries: number 0 of the array is no such value"),
        ({"action": "drop", "countries": ["DE"]}, "countries: needs a database of countries"),
        ({"action": "drop", "protocols": ["h323"]}, "protocols: is that of no listener of the realm"),
        ({"action": "drop", "transports": ["tls"]}, "transports: is that of no listener of the realm"),
        ({"action": "drop", "agents": ["*" * 20]}, "agents: number 0 of the array is no such value: has more than 8"),
        ({"action": "drop", "hours": ["someday"]}, "hours: number 0 of the array is no such value"),
        ({"action": "drop", "hours": ["mon"], "zone": "Mars/Base"}, "zone: is no time zone that this host knows"),
        ({"action": "drop", "zone": "UTC"}, "zone: says nothing without hours"),
        ({"action": "drop", "user_agent": ["x"]}, "user_agent: unknown key"),
    ],
)
def test_what_means_nothing_is_told(table: dict[str, Any], fault: str) -> None:
    (found,) = faults({"name": "it", **table})
    assert found.startswith(f"realms.a.rules[0].{fault}")


def test_two_of_one_name_and_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    drop = {"name": "it", "action": "drop"}
    assert faults(drop, drop) == ["realms.a.rules[1].name: is the name of another rule of this realm"]
    monkeypatch.setattr(rules, "MOST_RULES", 1)
    assert faults(drop, {**drop, "name": "other"}) == ["realms.a.rules: are too many"]


def test_a_database_that_is_none_is_told() -> None:
    found = faults(more='[countries]\ndatabase = "/nowhere"\n')
    assert found == ["countries.database: cannot be read: No such file or directory"]


def test_changes_of_rules_count_at_once_and_are_told_by_name() -> None:
    drop, reject = {"name": "one", "action": "drop"}, {"name": "two", "action": "reject"}
    changes = compare(load(drop, reject), load(reject, {**drop, "registered": False}))
    assert [str(change) for change in changes] == [
        "realms.a.rules.order: one, two -> two, one",
        "realms.a.rules.one: drop all -> drop registered no",
    ]
    assert {change.effect.value for change in changes} == {"at once"}
    (added,) = [each for each in compare(load(drop), load(drop, reject)) if each.added]
    assert str(added) == "realms.a.rules.two: added, reject all"


@given(
    st.dictionaries(
        st.sampled_from([key.name for key in rules.TABLES["realms.NAME.rules[]"]]),
        st.one_of(st.booleans(), st.integers(-1, 99), st.text(max_size=9), st.lists(st.text(max_size=9), max_size=3)),
        max_size=6,
    )
)
def test_no_table_raises(table: dict[str, Any]) -> None:
    findings = Findings("sbc.toml")
    found = rules.read_rules([{"name": "it", "action": "drop"} | table], "at", "/", findings)
    assert bool(found) != bool(findings.faults)
