"""The keys that say how much realms, paths and terminals may have at once."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from sbc.config.faults import ConfigError, Findings, Unfit
from sbc.config.limits import CAPS, TABLES, read_customers, read_priority
from sbc.policy.customers import Customer
from sbc.policy.limits import Caps, Priority

RATE = next(key.kind for key in CAPS if key.name == "calls_per_second")


@pytest.mark.parametrize("value", [0, 1, 0.2, 1_000_000])
def test_rates_may_be_less_than_one_a_second(value: float) -> None:
    assert RATE.read(value) == value


@pytest.mark.parametrize("value", [-1, True, "1", 1_000_001, float("nan"), float("inf"), None])
def test_what_is_no_rate(value: object) -> None:
    with pytest.raises(Unfit):
        RATE.read(value)


ACME = {"name": "acme", "users": ["*@acme.example"], "calls": 10, "each": {"calls": 2}}


def test_a_customer_is_read_with_what_each_of_its_terminals_may_have() -> None:
    findings = Findings("x")
    office = {"name": "office", "networks": ["203.0.113.0/24"], "bandwidth_in": 512}
    assert read_customers([ACME, office], "at", findings) == (
        Customer("acme", ("*@acme.example",), caps=Caps(calls=10), each=Caps(calls=2)),
        Customer("office", (), (ip_network("203.0.113.0/24"),), Caps(bandwidth_in=512)),
    )
    findings.settle()


@pytest.mark.parametrize(
    ("tables", "key"),
    [
        ([{"name": "acme", "calls": 1}], "at[0].users"),
        ([{**ACME, "users": ["a*b"]}], "at[0].users"),
        ([{**ACME, "users": ["*"]}], "at[0].users"),
        ([{**ACME, "each": {"dialogues": 5}}], "at[0].each.dialogues"),
        ([{**ACME, "names": 5}], "at[0].names"),
        ([ACME, {**ACME, "name": "other"}], "at[1]"),
        ([ACME, {**ACME, "users": ["bob"]}], "at[1]"),
    ],
)
def test_what_is_no_customer_or_one_twice(tables: list[dict[str, Any]], key: str) -> None:
    findings = Findings("x")
    read_customers(tables, "at", findings)
    with pytest.raises(ConfigError) as error:
        findings.settle()
    assert [fault.key for fault in error.value.faults] == [key]


def test_priorities_are_read_in_lower_case() -> None:
    findings = Findings("x")
    assert read_priority({"least": 0, "namespaces": ["ETS"]}, findings) == Priority(0, ("ets",))
    findings.settle()


def test_a_realm_as_a_whole_always_has_limits_and_the_rest_may_have_none() -> None:
    (of_realm,) = (key.kind for key in TABLES["realms.NAME.limits"] if key.name == "calls")
    (of_terminals,) = (key.kind for key in CAPS if key.name == "calls")
    with pytest.raises(Unfit):
        of_realm.read(0)
    assert of_terminals.read(0) == 0
