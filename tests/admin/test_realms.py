"""Realms as they are shown."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest

from sbc.admin import realms
from sbc.core.address import Address
from sbc.core.orders import Listener
from sbc.core.vpn import VpnLabel
from tests.admin.desk import Desk, open_desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


def test_a_realm(desk: Desk) -> None:
    desk.call()
    desk.register()
    realm = desk.border.plan.realms["access"]
    view = realms.realm_view(desk.border, realm, desk.runner.listeners(), desk.reactor.seconds())
    assert view["network"] == ""
    assert view["calls"] == {"now": 1, "most": 10_000}
    assert view["bindings"] == {"now": 1, "most": 50_000}
    assert view["exchanges"]["now"] == 0 and view["lingering"] == {"calls": 0, "exchanges": 2, "most": 50_000}
    assert view["media"]["ports"] == "20000-20199"
    assert (view["media"]["pairs"], view["media"]["used"], view["media"]["resting"], view["media"]["free"]) == (
        100,
        1,
        0,
        99,
    )
    (listener,) = view["listeners"]
    assert listener["open"]
    assert listener["receive_buffer"] > 0
    assert listener["kernel_drops"] == 0


def test_a_listener_that_is_not_open_is_shown_as_such(desk: Desk) -> None:
    view = realms.realm_view(desk.border, desk.border.plan.realms["core"], {}, 0.0)
    assert view["listeners"] == [
        {
            "listener": str(desk.core),
            "advertised": str(desk.core.advertised),
            "open": False,
            "receive_buffer": None,
            "send_buffer": None,
            "kernel_drops": None,
            "read_errors": None,
        }
    ]


def test_a_listener_for_connections_has_no_datagrams_to_drop() -> None:
    address = Address("127.0.0.1", 5060)
    own = Listener("access", "sip", "tcp", address, address)
    view = realms.listener_view(own, object())
    assert view["open"] and view["listener"] == str(own)
    assert view["kernel_drops"] is view["receive_buffer"] is view["read_errors"] is None


def test_a_realm_in_a_network_of_its_own(desk: Desk) -> None:
    realm = attrs.evolve(desk.border.plan.realms["core"], network=VpnLabel("eth1", 7, 9, "red"))
    view = realms.realm_view(desk.border, realm, {}, 0.0)
    assert view["network"] == "namespace red, device eth1.7, mark 9"
