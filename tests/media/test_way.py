"""Whether media sockets can be had as a realm wants them."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from sbc.core.realm import Media, Realm, Side
from sbc.media.way import shared_fault, way_fault
from tests.loopback import loopback


def realm(address: str = "127.0.0.1", **media: Any) -> Realm:
    return Realm("access", Side.ACCESS, (), Media(address, address, range(20_000, 20_002), **media))


def test_what_can_be_had_is_no_fault() -> None:
    assert way_fault(realm()) == way_fault(realm(), at_address=True) == way_fault(realm(device="lo")) == ""


@pytest.mark.parametrize("at_address", [True, False])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_device_that_is_not_there(address: str, at_address: bool) -> None:
    fault = way_fault(realm(address, device="sbc-no-such"), at_address)
    assert fault == "realms.access.media: device sbc-no-such: No such device"


def test_an_address_of_another_host_counts_where_it_is_asked_for() -> None:
    assert way_fault(realm("192.0.2.1")) == ""
    fault = way_fault(realm("192.0.2.1"), at_address=True)
    assert fault == "realms.access.media.address = 192.0.2.1: Cannot assign requested address"


def test_shared_ports_that_somebody_has() -> None:
    host = f"{loopback('way')}.1"
    assert shared_fault(realm(host)) == shared_fault(realm(host, multiplexed=2776)) == ""
    assert shared_fault(realm("192.0.2.1", multiplexed=2776)) == ""  # it may come to this host later
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((host, 2777))
        fault = shared_fault(realm(host, multiplexed=2776))
    assert fault == f"realms.access.media.multiplexed = 2776: {host}:2777: Address already in use"
