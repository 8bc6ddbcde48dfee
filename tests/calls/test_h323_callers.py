"""Who may call in H.323, either way: with a gatekeeper's leave, as who it has named, by what is configured, or not."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.fan import NextHop
from sbc.core.orders import HangUp, Listen, Listener, Order, Send
from sbc.core.realm import Callers
from sbc.core.registry import Arrival
from sbc.h323.codec import build_signal
from tests.h323_calls import (
    CALLS,
    GATEKEEPER,
    PROTOCOL,
    acf,
    arq,
    h323_plan,
    h323_rig,
    ip,
    rcf,
    read,
    registered,
    rrq,
    setup,
    to,
)
from tests.rig import NAT, PHONE, SBC_CORE, Rig, events, of

BY_TCP = NAT._replace(port=52001)
GATEKEEPER_CALLS = GATEKEEPER._replace(port=CALLS)
SIGNALLING = Address("198.51.100.20", 2720)
"""Where the gatekeeper takes calls, which is not where its RAS is."""
GATEWAY = Address("198.51.100.77", 33000)
PUBLIC = Address("203.0.113.50", 1719)


def heard(rig: Rig, at: Listener, source: Address, data: bytes) -> list[Order]:
    return rig._take(rig.border.receive(Arrival(at, source, data, rig.now)))


def tcp(rig: Rig) -> Listener:
    return next(own for own in rig.border.plan.realms["access"].listeners if own.transport == "tcp")


def calls_out(rig: Rig, data: bytes | None = None, source: Address = BY_TCP) -> Send | int | None:
    """A Setup from access: as it goes on, or the cause with which it is refused."""
    source = source._replace(port=source.port + len(rig.log))  # each call by another connection
    orders = heard(rig, tcp(rig), source, data or setup())
    onward = to(orders, "core")
    if onward:
        return onward[0]
    head = read(to(orders, "access")[0]).q931
    assert head is not None and head.name == "releaseComplete" and "refused" in events(orders)
    return head.cause


def with_hop_for_calls(**more: Any) -> Rig:
    """A rig whose path has a next hop for calls beside the gatekeeper."""
    plan = h323_plan(**more)
    hops = (NextHop(GATEKEEPER), NextHop(GATEKEEPER_CALLS, transport="tcp"))
    rig = h323_rig()
    rig.replan(attrs.evolve(plan, paths=tuple(attrs.evolve(path, next_hops=hops) for path in plan.paths)))
    return rig


def test_who_is_not_registered_and_has_no_leave_calls_nobody() -> None:
    for rig in (h323_rig(), with_hop_for_calls(), with_hop_for_calls(callers=Callers.REGISTERED)):
        assert calls_out(rig) == 21
        rig.wait(40)
        assert not rig.border.registry.calls


def test_calls_without_a_gatekeeper_go_where_is_configured_if_anybody_may_call() -> None:
    assert calls_out(h323_rig(callers=Callers.ANY)) == 3  # there is no next hop for calls
    sent = calls_out(with_hop_for_calls(callers=Callers.ANY))
    assert isinstance(sent, Send)
    assert sent.to == GATEKEEPER_CALLS and sent.listener.address == Address(SBC_CORE.host, CALLS)


def test_a_registered_terminal_that_need_not_ask_calls_where_the_gatekeeper_takes_calls() -> None:
    """The leave may have been given with the registration (preGrantedARQ)."""
    for named in ({}, {"endpointIdentifier": "17_endp"}):
        rig = h323_rig()
        (asked,) = to(rig.from_access(rrq(6)), "core")
        confirmed = rcf(asked.data, callSignalAddress=[ip(SIGNALLING)])
        rig.from_core(confirmed, GATEKEEPER, at=asked.listener)
        sent = calls_out(rig, setup(**named))
        assert isinstance(sent, Send) and sent.to == SIGNALLING
        assert sent.listener.address == asked.listener.address  # it is the terminal's own port
        bob = setup(sourceAddress=[("h323-ID", "bob")])
        assert calls_out(rig, bob) == 21 and calls_out(rig, source=BY_TCP._replace(host="203.0.113.99")) == 21


@pytest.mark.parametrize("nowhere", [Address("0.0.0.0", 0), Address("0.0.0.0", 1720), Address("198.51.100.20", 0)])
def test_a_gatekeeper_that_takes_no_calls_says_so(nowhere: Address) -> None:
    rig = with_hop_for_calls()
    (asked,) = to(rig.from_access(rrq(6)), "core")
    rig.from_core(rcf(asked.data, callSignalAddress=[ip(nowhere)]), GATEKEEPER, at=asked.listener)
    sent = calls_out(rig)
    assert isinstance(sent, Send) and sent.to == GATEKEEPER_CALLS


def called(rig: Rig, **confirmed: Any) -> Listener:
    """A terminal that may be reached; its own port for calls."""
    calls = PUBLIC._replace(port=CALLS)
    (asked,) = to(rig.from_access(rrq(6, PUBLIC, calls), PUBLIC), "core")
    rig.from_core(rcf(asked.data, **confirmed), GATEKEEPER, at=asked.listener)
    return attrs.evolve(asked.listener, transport="tcp")


def calls_in(rig: Rig, own: Listener, source: Address) -> bool:
    """Whether a Setup from the core gets to the terminal."""
    orders = heard(rig, own, source, setup(GATEKEEPER_CALLS, own.address))
    if not to(orders, "access"):
        (back,) = to(orders, "core")
        assert read(back).q931.cause == 21 and "refused" in events(orders)  # type: ignore[union-attr]
    return bool(to(orders, "access"))


def test_a_terminal_is_not_told_who_calls_in_private() -> None:
    rig = h323_rig()
    own = called(rig)
    data = setup(GATEKEEPER_CALLS, own.address, presentationIndicator=("presentationRestricted", 0))
    orders = heard(rig, own, GATEKEEPER._replace(port=33001), data)
    (down,) = to(orders, "access")
    assert "sourceAddress" in read(data).value and "sourceAddress" not in read(down).value
    assert "private" in events(orders)


def test_other_hosts_of_the_core_call_nobody() -> None:
    rig = h323_rig()
    own = called(rig)
    assert not calls_in(rig, own, GATEWAY) and not calls_in(rig, own, SIGNALLING)
    assert calls_in(rig, own, GATEKEEPER._replace(port=33001))


def test_the_gatekeeper_calls_from_where_it_takes_calls() -> None:
    rig = h323_rig()
    own = called(rig, callSignalAddress=[ip(SIGNALLING)])
    rig.now += 3000
    assert calls_in(rig, own, SIGNALLING._replace(port=40000)) and not calls_in(rig, own, GATEWAY)


def test_an_alternate_gatekeeper_may_call() -> None:
    rig = h323_rig()
    other = {"rasAddress": ip(GATEWAY), "needToRegister": False, "priority": 1}
    assert calls_in(rig, called(rig, alternateGatekeeper=[other]), GATEWAY._replace(port=40000))


def test_a_gateway_that_the_gatekeeper_has_named_may_call_for_a_while() -> None:
    rig = h323_rig()
    own = called(rig)
    other = registered(rig, name="18_endp", number=8)
    (asked,) = to(rig.from_access(arq(20, "18_endp")), "core")
    rig.from_core(acf(asked.data, GATEWAY._replace(port=1720)), GATEKEEPER, at=other)
    assert calls_in(rig, own, GATEWAY)
    rig.now += 2.5 * 3600
    assert not calls_in(rig, own, GATEWAY._replace(port=33002))


def test_who_is_configured_may_call() -> None:
    rig = h323_rig()
    plan = rig.border.plan
    core = attrs.evolve(plan.realms["core"], peers=(ip_network("198.51.100.64/26"),))
    rig.replan(attrs.evolve(plan, realms={**plan.realms, "core": core}))
    own = called(rig)
    assert calls_in(rig, own, GATEWAY) and not calls_in(rig, own, SIGNALLING)


def test_a_call_begun_by_q931_alone_goes_on_where_nobody_can_be_asked_to_open_h245() -> None:
    """Its Setup has no user-user part, so a Facility of ours could not say which conference it is of."""
    rig = with_hop_for_calls(callers=Callers.ANY)
    numbers = {0x6C: b"\x81123", 0x70: b"\x81200"}
    sent = to(heard(rig, tcp(rig), BY_TCP, build_signal("setup", 77, False, None, elements=numbers)), "core")[0]
    body = {"protocolIdentifier": PROTOCOL, "reason": ("startH245", 0), "h245Address": ip(PHONE._replace(port=55245))}
    orders = heard(rig, tcp(rig), BY_TCP, build_signal("facility", 77, False, ("facility", body)))
    (door,) = [each.listener for each in of(Listen, orders)]
    source = sent.to._replace(port=41000)
    assert rig.border.barred(door, source, rig.now) == ""
    orders = rig._take(rig.border.accepted(door, source, rig.now))
    assert "control-refused" in events(orders)
    assert [each.peer for each in of(HangUp, orders)] == [source]
    registry = rig.border.registry
    (call,) = registry.calls.values()
    rig._take(rig.border.end_call(call.id, "tested", rig.now))
    assert not registry.controls.listeners() and not registry.controls.hops()
