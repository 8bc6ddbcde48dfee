"""Addresses as packets have them."""

from __future__ import annotations

import socket

import pytest

from sbc.core.address import Address
from sbc.media.kernel.addresses import FOUR, WIDE, of_flow, of_slot, pack, unpack
from tests.media.kernel.bench import FLOW, FLOW6


@pytest.mark.parametrize("address", [Address("192.0.2.1", 1), Address("2001:db8::1", 65_535)])
def test_addresses_are_kept_as_packets_have_them(address: Address) -> None:
    assert unpack(pack(address)) == address
    assert len(pack(address)) == 20


def test_a_name_is_no_address() -> None:
    with pytest.raises(OSError, match="illegal"):
        pack(Address("voice.example", 1))


def test_a_flow_s_four_are_read_as_they_were_written() -> None:
    for flow in (FLOW, FLOW6):
        four, wide = of_flow(flow)
        assert (len(four), len(wide)) == (FOUR, WIDE)
        assert of_slot(four + b"what follows", wide) == (flow.local, flow.source, flow.out, flow.to)


def test_hosts_of_ipv4_stand_where_a_packet_s_are_looked_for() -> None:
    four, wide = of_flow(FLOW)
    assert four[:8] == socket.inet_aton(FLOW.local.host) + socket.inet_aton(FLOW.source.host)
    assert four[16:20] == FLOW.local.port.to_bytes(2, "big") + FLOW.source.port.to_bytes(2, "big")
    assert four[24] == 4
    assert wide == bytes(64)
