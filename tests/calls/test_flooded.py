"""Floods in each protocol: rubbish and rates ban and hold back a source, and nobody beside it; registered terminals go
on calling. One row a limit, as in test_limits."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.orders import Listener
from sbc.core.realm import Plan
from sbc.policy.flooding import Flooding
from tests.edge import SPEAKERS, Change, Speaker, host, to
from tests.h323_calls import GATEKEEPER, PROTOCOL, plain, rrq

BAD = Address(host(0), 666)
"""Behind the same address as the first terminal."""


def guarded(**limits: Any) -> Change:
    def change(plan: Plan) -> Plan:
        found = attrs.evolve(plan.realms["access"], flood=Flooding(**limits))
        return attrs.evolve(plan, realms={**plan.realms, "access": found})

    return change


def begun(name: str, **limits: Any) -> Speaker:
    speaker = SPEAKERS[name](guarded(**limits))
    assert speaker.register(0) == speaker.register(1) == ""
    return speaker


def own(speaker: Speaker) -> Listener:
    """Where terminals send datagrams to."""
    listeners = speaker.rig.border.plan.realms["access"].listeners
    return next(each for each in listeners if each.transport == "udp")


def knocked(speaker: Speaker, source: Address) -> str:
    return speaker.rig.border.knock(own(speaker), source, 100, "", speaker.rig.now)


def seen(speaker: Speaker) -> list[Address]:
    """Where the registered terminals send from."""
    return [binding.seen for binding in speaker.rig.border.registry.bindings.values()]


def call(speaker: Speaker, number: int) -> None:
    assert speaker.call(number) == ""
    speaker.end(number)


@pytest.mark.parametrize("name", SPEAKERS)
def test_who_sends_rubbish_is_banned_and_the_terminal_beside_it_calls(name: str) -> None:
    speaker = begun(name)
    for number in range(20):
        speaker.rig.from_access(b"\xff\xfe rubbish %d" % number, BAD, at=own(speaker))
    assert knocked(speaker, BAD) == "banned"
    assert knocked(speaker, Address(BAD.host, 667)) == ""
    assert {knocked(speaker, source) for source in seen(speaker)} == {""}
    call(speaker, 1)
    speaker.rig.wait(61)
    speaker.rig.border.registry.gate.flood.tick(speaker.rig.now)
    assert knocked(speaker, BAD) == "", "for a minute, the first time"


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_stranger_is_held_to_its_rate_and_the_terminal_beside_it_is_not(name: str) -> None:
    speaker = begun(name, stranger_rate=1.0, stranger_burst=10, ban_score=1e6)
    words = [knocked(speaker, BAD) for _ in range(50)]
    assert 9 <= words.count("") <= 10 and set(words) == {"", "source-rate"}
    assert not [source for source in seen(speaker) for _ in range(100) if knocked(speaker, source)]
    call(speaker, 1)


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_terminal_that_misbehaves_is_demoted_and_calls_all_the_same(name: str) -> None:
    speaker = begun(name)
    (source, *_) = seen(speaker)
    assert knocked(speaker, source) == ""
    for number in range(200):
        speaker.rig.from_access(b"\xff\xfe rubbish %d" % number, source, at=own(speaker))
    flood = speaker.rig.border.registry.gate.flood
    assert [note.event for note in flood.drain()] == ["demoted"] and not len(flood.bans)
    call(speaker, 1)


@pytest.mark.parametrize(
    ("name", "burst", "words"),
    [("sip", 1, "503 10"), ("h323", 1, "admissionReject resourceUnavailable")],
)
def test_requests_of_a_terminal_have_a_rate_where_that_is_wanted(name: str, burst: int, words: str) -> None:
    speaker = begun(name, terminal_rate=0.1, terminal_burst=burst)
    call(speaker, 1)
    assert speaker.call(2) == words
    speaker.rig.wait(20)
    call(speaker, 3)


def test_wrong_credentials_in_h323_count_more_than_none() -> None:
    speaker = begun("h323", ban_score=60.0)
    shown = [{"tokenOID": (0, 0, 8, 235, 0, 2, 1), "password": "guessed"}]
    for port, tokens in ((667, {}), (668, {"tokens": shown})):
        at = BAD._replace(port=port)
        for number in range(7):
            orders = speaker.rig.from_access(rrq(6 + number, at, terminalAlias=[("h323-ID", "root")], **tokens), at)
            (sent,) = to(orders, "core")
            no = plain("registrationReject", sent.data, protocolIdentifier=PROTOCOL, rejectReason=("securityDenial", 0))
            speaker.rig.from_core(no, GATEKEEPER, at=sent.listener)
    assert knocked(speaker, BAD._replace(port=667)) == "" and knocked(speaker, BAD._replace(port=668)) == "banned"
