"""Datagrams of H.248, and what speaks it."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.h248.protocol import SPEECH
from tests.rig import make_plan


def test_each_datagram_is_handed_on_but_empty_ones() -> None:
    heard: list[tuple[Address, bytes]] = []
    protocol = SPEECH.datagrams(lambda source, data: heard.append((source, data)))
    protocol.datagramReceived(b"x", ("192.0.2.1", 2944))
    protocol.datagramReceived(b"", ("192.0.2.1", 2944))
    assert heard == [(Address("192.0.2.1", 2944), b"x")]


def test_it_is_spoken_under_any_plan() -> None:
    assert SPEECH.dialect(make_plan("h248")).name == "h248"
