"""What terminals behind one public address, and hosts that the core has but named, can do to each other's calls."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core import promises
from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.orders import Listener
from sbc.h323.carried import wrap
from tests.calls.test_h323_calls import BY_TCP, admitted, from_gatekeeper, opened, tcp
from tests.calls.test_h323_lines import KEEPS, OTHER, incoming
from tests.calls.test_h323_traversal import access, by_tcp, heard, only
from tests.h323_calls import (
    CALLS,
    GATEKEEPER,
    GUID,
    acf,
    arq,
    drq,
    h323_rig,
    plain,
    registered,
    rrq,
    said_back,
    setup,
    to,
    urq,
)
from tests.rig import NAT, PHONE, SBC_CORE, SOFTSWITCH, Rig, events

NEIGHBOUR = NAT._replace(port=40999)
INSIDE = PHONE._replace(host="192.168.1.66", port=1720)
MALLORY: Any = [("h323-ID", "mallory")]
NAMED = Address("198.51.100.99", 1719)
"""A gateway that the gatekeeper has named to somebody once."""


def neighbour(rig: Rig, at: Address = NEIGHBOUR) -> Listener:
    """Another terminal that is registered; its port."""
    return registered(rig, at, "18_endp", 7, ras=INSIDE._replace(port=45000), calls=INSIDE, terminalAlias=MALLORY)


def leave(rig: Rig, number: int, guid: bytes, name: str = "18_endp", at: Address = NEIGHBOUR) -> None:
    """The neighbour asks for leave for a call, and gets it."""
    sent = only(to(rig.from_access(arq(number, name, srcInfo=MALLORY, callIdentifier={"guid": guid}), at), "core"))
    rig.from_core(acf(sent.data, GATEKEEPER._replace(port=CALLS)), GATEKEEPER, at=sent.listener)


def test_leave_of_who_is_registered_no_more_makes_nobody_another() -> None:
    """Its call says to be the neighbour's, by a connection that is to be kept for calls to it."""
    rig = h323_rig()
    alice = registered(rig)
    neighbour(rig)
    leave(rig, 20, OTHER)
    off = only(to(rig.from_access(urq(21, "18_endp", INSIDE), NEIGHBOUR), "core"))
    rig.from_core(plain("unregistrationConfirm", off.data), GATEKEEPER, at=off.listener)
    source = NAT._replace(port=60666)
    heard(rig, access(rig), source, setup(callIdentifier={"guid": OTHER}, **KEEPS))
    assert not rig.border.registry.lines
    assert not to(incoming(rig, alice, guid=bytes((9,)) * 16), "access")


def test_the_leave_of_the_terminal_itself_proves_it() -> None:
    """Also where it calls itself by another name in its Setup."""
    rig = h323_rig()
    registered(rig)
    neighbour(rig)
    leave(rig, 20, OTHER)
    heard(rig, access(rig), NAT._replace(port=60666), setup(callIdentifier={"guid": OTHER}, **KEEPS))
    (binding,) = rig.border.registry.lines.owners()
    assert binding.user == b"h323-ID:mallory"


# -- RAS by connections


def test_by_connections_the_core_sends_no_ras() -> None:
    """There more hosts may call than by datagrams may say anything: who was named, and terminals of ours."""
    rig = h323_rig()
    own = admitted(rig)
    sent = opened(rig)
    from_gatekeeper(rig, sent, said_back("connect", sent.data, SOFTSWITCH.host))
    rig.border.registry.vouched.keep("core", NAMED.host, rig.now)
    assert events(rig.from_core(drq(5), NAMED, at=own)) == ["refused"]
    for source in (NAMED._replace(port=5000), SBC_CORE._replace(port=5000), SOFTSWITCH._replace(port=5000)):
        for said in (drq(5), urq(3)):
            orders = heard(rig, by_tcp(own), source, wrap(said))
            assert events(orders) == ["bad-message"] and not to(orders, "access"), source
    assert "recalled" not in events(rig.wait(6))
    (call,) = rig.border.registry.calls.values()
    assert call.state is CallState.UP and rig.border.registry.bindings


def test_by_a_connection_of_ours_nobody_registers() -> None:
    """Calls by one that we have opened are not numbered: two would be of one name there."""
    rig = h323_rig()
    ras = Address("203.0.113.50", 1719)
    calls = ras._replace(port=CALLS)
    own = registered(rig, ras, ras=ras, calls=calls)
    down = only(to(incoming(rig, own), "access"))
    assert down.listener.lane
    orders = heard(rig, down.listener, calls, wrap(rrq(9, ras, calls, timeToLive=77)))
    assert events(orders) == ["bad-message"] and not to(orders, "core")
    (binding,) = rig.border.registry.bindings.values()
    assert binding.listener.transport == "udp"
    again = only(to(incoming(rig, own, SOFTSWITCH._replace(port=33001), guid=GUID), "access"))
    assert again.listener.lane != down.listener.lane


# -- leave


def test_who_asks_for_very_much_leave_takes_none_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promises, "MOST", 20)
    for at in (NEIGHBOUR, NEIGHBOUR._replace(host="203.0.113.77")):
        rig = h323_rig()
        own = registered(rig)
        neighbour(rig, at)
        (asked,) = to(rig.from_access(arq(20)), "core")
        rig.from_core(acf(asked.data, GATEKEEPER._replace(port=CALLS)), GATEKEEPER, at=own)
        for number in range(1, 40):
            leave(rig, 1000 + number, number.to_bytes(16, "big"), at=at)
        assert len(rig.border.registry.promises) == 20
        nameless = setup(sourceAddress=[("h323-ID", "nobody")])
        assert to(heard(rig, tcp(rig, "access"), BY_TCP, nameless), "core")
