"""Rules in each protocol: who is refused hears so in its own words, calls that are live go on, and without the rule the
next one passes. Rules come and go while all runs."""

from __future__ import annotations

from ipaddress import ip_network

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.realm import Callers, Plan
from sbc.policy.rule import Action, Glob, Over, Pattern, Per, PrefixList, Rule
from tests.calls.test_limits import left
from tests.edge import SPEAKERS, Speaker, host, to
from tests.h323_calls import VENDOR, rrq

DENIED = {
    "sip": "403",
    "h323": "admissionReject securityDenial",
    "h323 Setup": "releaseComplete 21 securityDenied",
    "mgcp": "500",
    "h248": "504",
    "h248 binary": "504",
}
RATE = {
    "sip": "503 10",
    "h323": "admissionReject resourceUnavailable",
    "h323 Setup": "releaseComplete 42",
    "mgcp": "409",
    "h248": "510",
    "h248 binary": "510",
}
NO = Rule("no", Action.REJECT)
SLOW = Rule("slow", Action.LIMIT, rate=0.1, burst=0.5, per=Per.RULE, over=Over.REJECT)


def ruled(speaker: Speaker, *rules: Rule) -> None:
    """From now on these rules count where calls come from: in the access realm, or where gateways are controlled in the
    core's."""
    plan: Plan = speaker.rig.border.plan
    name = "core" if speaker.controls else "access"
    realm = attrs.evolve(plan.realms[name], rules=rules)
    speaker.rig.replan(attrs.evolve(plan, realms={**plan.realms, name: realm}))


def begun(name: str) -> Speaker:
    """Two terminals that are registered, and a call."""
    speaker = SPEAKERS[name](lambda plan: plan)
    assert speaker.register(0) == speaker.register(1) == ""
    assert speaker.call(1) == ""
    return speaker


@pytest.mark.parametrize(("rule", "words"), [(NO, DENIED), (SLOW, RATE)], ids=["no", "slow"])
@pytest.mark.parametrize("name", list(DENIED))
def test_who_is_refused_hears_so_and_calls_that_are_live_go_on(name: str, rule: Rule, words: dict[str, str]) -> None:
    speaker = begun(name)
    ruled(speaker, rule)
    assert speaker.call(2) == words[name]
    speaker.end(1)
    assert left(speaker) == []
    ruled(speaker)
    assert speaker.call(3) == ""
    speaker.end(3)
    assert left(speaker) == []


@pytest.mark.parametrize("name", list(DENIED))
def test_a_dry_run_lets_all_pass(name: str) -> None:
    speaker = begun(name)
    ruled(speaker, attrs.evolve(NO, dry_run=True))
    assert speaker.call(2) == ""
    (table,) = speaker.rig.border.registry.gate.rules.tables.values()
    assert table.hits[0].count >= 1


@pytest.mark.parametrize("name", ["h323", "h323 Setup"])
def test_a_rule_by_number_speaks_of_leave_and_of_calls(name: str) -> None:
    speaker = begun(name)
    ruled(speaker, attrs.evolve(NO, called=(Pattern("20"),)))
    assert speaker.call(2) == DENIED[name]
    ruled(speaker, attrs.evolve(NO, called=(Pattern("201"), Pattern("0900"))))
    assert speaker.call(3) == ""


def test_a_rule_by_maker_speaks_of_registrations() -> None:
    speaker = SPEAKERS["h323"](lambda plan: plan)
    ruled(speaker, attrs.evolve(NO, agents=(Glob.read("old phone 1.*"),)))
    at = Address(host(1), 1719)
    told = []
    for number, version in enumerate((b"1.9\0", b"2.0\0")):
        vendor = {**VENDOR, "productId": b"Old Phone\0", "versionId": version}
        orders = speaker.rig.from_access(rrq(6 + number, at, endpointVendor=vendor), at)
        told.append("" if to(orders, "core") else speaker.refused(orders, "access"))
    assert told == ["registrationReject securityDenial", ""]


def only_registered(plan: Plan) -> Plan:
    return attrs.evolve(plan, paths=tuple(attrs.evolve(each, callers=Callers.REGISTERED) for each in plan.paths))


def test_who_is_not_registered_calls_nobody_unless_a_rule_names_it_or_it_is_for_help() -> None:
    """In SIP; tests/calls/test_h323_callers.py has H.323, and of gateways none that is not registered is known."""
    speaker = SPEAKERS["sip"](only_registered)
    assert speaker.register(0) == ""
    assert speaker.call(1) == "" and speaker.call(2, 7) == "403"
    assert speaker.call(3, 7, help=True) == ""
    ruled(speaker, Rule("all", Action.ACCEPT))
    assert speaker.call(4, 7) == "403", "it does not say who they are"
    ruled(speaker, Rule("trunk", Action.ACCEPT, sources=PrefixList((ip_network(host(7)),))))
    assert speaker.call(5, 7) == "" and speaker.call(6, 8) == "403"
