"""Each limit in each protocol: what is too much is refused on the wire, in the protocol's own words, nothing of it is
left over, and the next one passes when there is room again. One row a limit; what a protocol has nothing for stands in
no row."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import attrs
import pytest

from sbc.core.realm import Plan
from sbc.policy.customers import Customer
from sbc.policy.limits import Caps
from sbc.policy.quota import Account, Prepaid, Unknown
from tests.edge import SPEAKERS, Change, Speaker

BUSY = {
    "sip": "503 30",
    "h323": "admissionReject resourceUnavailable",
    "h323 Setup": "releaseComplete 42",
    "mgcp": "409",
    "h248": "510",
    "h248 binary": "510",
}
"""Of a realm, path or terminal that calls too much. Who controls gateways is told of an endpoint that is busy."""
RATE = {**BUSY, "sip": "503 10"}
TERMINAL = {**BUSY, "mgcp": "403"}
CALLED = {"sip": "486", "h323": "releaseComplete 17", "mgcp": "403", "h248": "510", "h248 binary": "510"}
FROM_CORE = {"sip": "503", "h323": "releaseComplete 42", "mgcp": "409", "h248": "510", "h248 binary": "510"}
BINDINGS = {
    "sip": "503 30",
    "h323": "registrationReject resourceUnavailable",
    "mgcp": "409",
    "h248": "510",
    "h248 binary": "510",
}
CONTACTS = {name: BINDINGS[name] for name in ("sip", "h323")}
"""A gateway is at one place by nature."""
BANDWIDTH = {
    "h323": "releaseComplete 34 noBandwidth",
    "h323 Setup": "releaseComplete 34 noBandwidth",
    "sip": "488 370",
    "mgcp": "404",
    "h248": "526",
    "h248 binary": "526",
}
HELP = ("sip", "h323", "h323 Setup", "h248", "h248 binary")
"""MGCP tells a controller what is dialled, digit by digit, but nobody that it is for help."""


def realm(name: str = "access", **caps: Any) -> Change:
    def change(plan: Plan) -> Plan:
        there = plan.realms[name]
        found = attrs.evolve(there, limits=attrs.evolve(there.limits, **caps))
        return attrs.evolve(plan, realms={**plan.realms, name: found})

    return change


def path(**caps: Any) -> Change:
    return lambda plan: attrs.evolve(plan, paths=tuple(attrs.evolve(each, limits=Caps(**caps)) for each in plan.paths))


def terminals(**caps: Any) -> Change:
    def change(plan: Plan) -> Plan:
        found = attrs.evolve(plan.realms["access"], terminals=Caps(**caps))
        return attrs.evolve(plan, realms={**plan.realms, "access": found})

    return change


EVERYBODY = (ip_network("203.0.113.0/24"),)
"""Where all terminals are."""


def customer(**caps: Any) -> Change:
    """All terminals are one customer's, who has so much for all of them."""

    def change(plan: Plan) -> Plan:
        whose = Customer("acme", networks=EVERYBODY, caps=Caps(**caps))
        found = attrs.evolve(plan.realms["access"], customers=(whose,))
        return attrs.evolve(plan, realms={**plan.realms, "access": found})

    return change


def begun(name: str, change: Change) -> Speaker:
    """Two terminals that are registered."""
    speaker = SPEAKERS[name](change)
    assert speaker.register(0) == speaker.register(1) == ""
    return speaker


def table(rows: dict[str, tuple[Change, dict[str, str]]]) -> list[Any]:
    """Each limit with what is said of it in each protocol."""
    return [
        pytest.param(name, change, words, id=f"{limit}, {name}")
        for limit, (change, said) in rows.items()
        for name, words in said.items()
    ]


def left(speaker: Speaker) -> list[str]:
    """What is counted of calls, and which streams are open."""
    book = speaker.rig.border.registry.gate.book
    return [repr(each) for each in book.tallies() if each.calls or each.into or each.out] + [*speaker.rig.open_streams]


AT_ONCE = {
    "calls of a realm": (realm(calls=1), BUSY),
    "calls of the core's realm": (realm("core", calls=1), BUSY),
    "calls of a path": (path(calls=1), BUSY),
    "calls of a customer": (customer(calls=1), TERMINAL),
    "calls of a terminal": (terminals(calls=1), TERMINAL),
    "bandwidth into a realm": (realm(bandwidth_in=100), BANDWIDTH),
    "bandwidth out of a realm": (realm(bandwidth_out=100), BANDWIDTH),
    "bandwidth from the core": (realm("core", bandwidth_in=100), BANDWIDTH),
    "bandwidth to the core": (realm("core", bandwidth_out=100), BANDWIDTH),
    "bandwidth into a path": (path(bandwidth_in=100), BANDWIDTH),
    "bandwidth out of a path": (path(bandwidth_out=100), BANDWIDTH),
    "bandwidth of a customer": (customer(bandwidth_in=100), BANDWIDTH),
    "bandwidth to a customer": (customer(bandwidth_out=100), BANDWIDTH),
    "bandwidth from a terminal": (terminals(bandwidth_in=100), BANDWIDTH),
    "bandwidth of a terminal": (terminals(bandwidth_out=100), BANDWIDTH),
}


@pytest.mark.parametrize(("name", "change", "words"), table(AT_ONCE))
def test_so_many_calls_or_so_much_bandwidth_at_once(name: str, change: Change, words: str) -> None:
    """One call of G.711 takes 84 kbit/s of 100."""
    speaker = begun(name, change)
    assert speaker.call(1) == ""
    assert speaker.rig.border.registry.gate.book.realm("access").into == 84_000
    assert speaker.call(2) == words
    speaker.end(1)
    assert left(speaker) == []
    assert speaker.call(3) == ""
    speaker.end(3)
    assert left(speaker) == []


RATES = {
    "calls a second of a realm": (realm(calls_per_second=0.1), RATE),
    "calls a second of the core's realm": (realm("core", calls_per_second=0.1), RATE),
    "calls a second of a customer": (customer(calls_per_second=0.1), RATE),
    "calls a second of a path": (path(calls_per_second=0.1), RATE),
    "calls a second of a terminal": (terminals(calls_per_second=0.1), RATE),
}


@pytest.mark.parametrize(("name", "change", "words"), table(RATES))
def test_so_many_calls_a_second(name: str, change: Change, words: str) -> None:
    speaker = begun(name, change)
    assert speaker.call(1) == ""
    speaker.end(1)
    assert speaker.call(2) == words and left(speaker) == []
    speaker.rig.wait(10)
    assert speaker.call(3) == ""
    speaker.end(3)
    assert left(speaker) == []


TO_TERMINALS = {
    "calls to a terminal": (terminals(calls=1), CALLED),
    "calls to a customer": (customer(calls=1), CALLED),
    "calls to a realm": (realm(calls=1), FROM_CORE),
    "calls a second to a path": (path(calls_per_second=0.1), FROM_CORE),
}


@pytest.mark.parametrize(("name", "change", "words"), table(TO_TERMINALS))
def test_calls_to_terminals_count_as_theirs_do(name: str, change: Change, words: str) -> None:
    speaker = begun(name, change)
    assert speaker.ring(1) == ""
    assert speaker.ring(2) == words
    speaker.end(1)
    speaker.rig.wait(10)
    assert speaker.ring(3) == "" and left(speaker) != []
    speaker.end(3)
    assert left(speaker) == []


@pytest.mark.parametrize("name", SPEAKERS)
def test_one_terminal_is_not_in_the_way_of_another(name: str) -> None:
    speaker = begun(name, terminals(calls=1, calls_per_second=0.1))
    assert speaker.call(1, 0) == ""
    if name != "h323 Setup":
        assert speaker.call(2, 1) == ""
        speaker.end(2)
    speaker.end(1)
    assert left(speaker) == []


@pytest.mark.parametrize("name", HELP)
def test_a_call_for_help_goes_past_all_of_them_and_is_counted(name: str) -> None:
    def change(plan: Plan) -> Plan:
        return terminals(calls=1, calls_per_second=0.1)(path(calls=1)(realm(calls=1)(plan)))

    speaker = begun(name, change)
    assert speaker.call(1) == "" and speaker.call(2) != ""
    assert speaker.call(3, help=True) == ""
    assert speaker.rig.border.registry.gate.book.realm("access").calls == 2
    speaker.end(1)
    assert speaker.call(4) != ""
    speaker.end(3)
    assert left(speaker) == []


REGISTRATIONS = {
    "registrations of a realm": (realm(bindings=2), BINDINGS),
    "registrations of a path": (path(bindings=2), BINDINGS),
    "registrations of a customer": (customer(bindings=2), BINDINGS),
}


@pytest.mark.parametrize(("name", "change", "words"), table(REGISTRATIONS))
def test_so_many_registrations(name: str, change: Change, words: str) -> None:
    speaker = begun(name, change)
    assert speaker.register(2) == words
    registry = speaker.rig.border.registry
    first = next(iter(registry.bindings.values()))
    speaker.rig._take(registry.forget_binding(first, "gone", speaker.rig.now))
    speaker.rig.wait(40)  # for as long as a refusal is repeated to who asks again
    assert speaker.register(2) == ""
    assert registry.gate.book.realm("access").bindings == 2


@pytest.mark.parametrize(("name", "change", "words"), table({"contacts": (terminals(bindings=1), CONTACTS)}))
def test_so_many_contacts_of_a_terminal(name: str, change: Change, words: str) -> None:
    speaker = begun(name, change)
    assert speaker.register(0, 1) == words
    assert len(speaker.rig.border.registry.bindings) == 2


QUOTA = {
    "sip": "402",
    "h323": "admissionReject invalidPermission",
    "h323 Setup": "releaseComplete 21 noPermission",
    "mgcp": "502",
    "h248": "510",
    "h248 binary": "510",
}


def prepaid(plan: Plan) -> Plan:
    found = attrs.evolve(plan.realms["access"], prepaid=Prepaid(Unknown.REFUSE))
    return attrs.evolve(plan, realms={**plan.realms, "access": found})


@pytest.mark.parametrize(("name", "words"), QUOTA.items())
def test_an_account_that_is_used_up(name: str, words: str) -> None:
    speaker = begun(name, lambda plan: plan)
    assert speaker.call(1) == ""
    (call,) = (each for each in speaker.rig.border.registry.calls.values() if not each.lifetime)
    whose = (call.path.access, call.holder)
    speaker.end(1)
    speaker.rig.replan(prepaid(speaker.rig.border.plan))
    assert speaker.call(2) == words and left(speaker) == []
    quotas = speaker.rig.border.registry.gate.quota
    quotas.enter(Account(*whose, octets=1))
    assert speaker.call(3) == ""
    speaker.end(3)
    quotas.spend(whose, 1, 0.0, speaker.rig.now)
    assert speaker.call(4) == words and left(speaker) == []
    if name in HELP:
        assert speaker.call(5, help=True) == ""
