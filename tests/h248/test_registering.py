"""Gateways that register, and what their controllers say to it."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import Kind, Phase, Role
from sbc.h248.registering import EVERYTHING
from sbc.h248.slots import NOWHERE
from tests.h248_calls import DIALECT, meaning
from tests.h248_words import WIRES, WRITERS, command, message, registration, reply, transaction

AT = b"[192.168.1.10]:2944"


@pytest.mark.parametrize(
    ("method", "reason", "leaves"),
    [
        (b"Restart", b"901 Cold Boot", EVERYTHING),
        (b"Restart", b"902 Warm Boot", ()),
        (b"Disconnected", b"900 Service Restored", ()),
        (b"Handoff", b"903 MGC Directed Change", ()),
        (b"Failover", b"919 Warm Failover", ()),
        (b"Failover", b"920 Cold Failover", EVERYTHING),
    ],
)
@pytest.mark.parametrize("wire", WIRES)
def test_methods_that_register(wire: str, method: bytes, reason: bytes, leaves: object) -> None:
    intent = meaning(WRITERS[wire](message(AT, registration(9, method, reason))))
    assert (intent.kind, intent.lasting, intent.expires, intent.leaves) == (Kind.BIND, True, None, leaves)
    assert intent.user == AT and not intent.label


@pytest.mark.parametrize("wire", WIRES)
def test_the_profile_says_what_the_gateway_is(wire: str) -> None:
    profiled = registration(9, b"Restart", b"901 Cold Boot", b"Profile = ResGW/1")
    assert meaning(WRITERS[wire](message(AT, profiled))).agent == b"ResGW/1"
    assert meaning(WRITERS[wire](message(AT, registration(9)))).agent == b""


def test_a_gateway_takes_itself_off_or_only_says_that_it_will() -> None:
    gone = meaning(message(AT, registration(9, b"Forced", b"908 MG Impending Failure")))
    assert (gone.kind, gone.expires, gone.leaves, gone.user) == (Kind.BIND, 0, EVERYTHING, b"")
    assert meaning(message(AT, registration(9, b"Graceful", b"905"))).kind is Kind.OTHER
    line = transaction(9, b"-", command(b"ServiceChange", b"a1", b'Services { Method = Forced, Reason = "904" }'))
    assert (meaning(message(AT, line)).kind, meaning(message(AT, line)).leaves) == (Kind.OTHER, ())


@pytest.mark.parametrize(
    ("mid", "more", "place"),
    [
        (AT, b"", Address("192.168.1.10", 2944)),
        (b"[192.168.1.10]", b"", Address("192.168.1.10", 2944)),
        (AT, b"ServiceChangeAddress = 5000", Address("192.168.1.10", 5000)),
        (AT, b"ServiceChangeAddress = [192.168.1.11]:5000", Address("192.168.1.11", 5000)),
        (b"gw1", b"", Address(NOWHERE, 2944)),
        (b"gw1", b"ServiceChangeAddress = 5000", Address(NOWHERE, 5000)),
        (b"<gw.example.com>:5001", b"", Address("gw.example.com", 5001)),
    ],
)
def test_where_it_says_it_is(mid: bytes, more: bytes, place: Address) -> None:
    data = message(mid, registration(9, b"Restart", b"901", *([more] if more else [])))
    (slot,) = [each for each in DIALECT.slots(DIALECT.decode(data)) if each.role is Role.SIGNAL]
    assert slot.place.address == place and slot.place.name == b"text 1" and slot.primary
    assert meaning(data).label == (mid.lower() if mid.startswith(b"<") else b"")


def test_a_controller_may_say_where_it_is_found() -> None:
    def said(services: bytes, mid: bytes = b"[198.51.100.2]:2944") -> object:
        intent = meaning(message(mid, reply(9, b"-", command(b"ServiceChange", b"ROOT", services))))
        assert (intent.kind, intent.phase, intent.grants) == (Kind.BIND, Phase.SUCCESS, True)
        return None if intent.route is None else intent.route.first

    assert said(b"Services { Version = 1 }") is None
    assert said(b"Services { ServiceChangeAddress = 2950 }") == Address("198.51.100.2", 2950)
    assert said(b"Services { ServiceChangeAddress = 2950 }", b"mgc") is None
    assert said(b"Services { MgcIdToTry = [198.51.100.3]:2944 }") == Address("198.51.100.3", 2944)
