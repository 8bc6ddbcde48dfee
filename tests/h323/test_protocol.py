"""Datagrams of RAS."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.h323.protocol import SPEECH


def test_each_datagram_is_handed_on_but_empty_ones() -> None:
    heard: list[tuple[Address, bytes]] = []
    protocol = SPEECH.datagrams(lambda source, data: heard.append((source, data)))
    protocol.datagramReceived(b"x", ("192.0.2.1", 1719))
    protocol.datagramReceived(b"", ("192.0.2.1", 1719))
    assert heard == [(Address("192.0.2.1", 1719), b"x")]
