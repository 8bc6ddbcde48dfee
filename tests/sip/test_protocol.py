"""SIP datagrams: what is handed on."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.sip.protocol import SPEECH


def test_whatever_comes_is_handed_on() -> None:
    """Keepalives too: they tell that somebody lives."""
    heard: list[tuple[Address, bytes]] = []
    protocol = SPEECH.datagrams(lambda source, data: heard.append((source, data)))
    for data in (b"\r\n\r\n", b"\x00", b"OPTIONS"):
        protocol.datagramReceived(data, ("192.0.2.1", 5060))
    assert heard == [(Address("192.0.2.1", 5060), data) for data in (b"\r\n\r\n", b"\x00", b"OPTIONS")]
