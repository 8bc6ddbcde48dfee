"""Datagrams of H.248, and what the SBC calls itself."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.h248.protocol import SPEECH, own_mids
from tests.rig import NAT, SBC_ACCESS, SBC_CORE, SOFTSWITCH, make_plan


def test_each_datagram_is_handed_on_but_empty_ones() -> None:
    heard: list[tuple[Address, bytes]] = []
    protocol = SPEECH.datagrams(lambda source, data: heard.append((source, data)))
    protocol.datagramReceived(b"x", ("192.0.2.1", 2944))
    protocol.datagramReceived(b"", ("192.0.2.1", 2944))
    assert heard == [(Address("192.0.2.1", 2944), b"x")]


def test_it_speaks_to_each_side_by_the_address_it_has_there() -> None:
    own = own_mids(make_plan("h248"))
    assert own(NAT) == f"[{SBC_ACCESS.host}]:{SBC_ACCESS.port}".encode()
    assert own(SOFTSWITCH) == f"[{SBC_CORE.host}]:{SBC_CORE.port}".encode()
    assert own_mids(make_plan("sip"))(NAT) == b"sbc"
    assert SPEECH.dialect(make_plan("h248")).name == "h248"
