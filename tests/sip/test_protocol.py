"""SIP datagrams: what is handed on."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.sip.protocol import SipDatagrams


def test_messages_are_handed_on_and_keepalives_are_not() -> None:
    heard: list[tuple[Address, bytes]] = []
    protocol = SipDatagrams(lambda source, data: heard.append((source, data)))
    for data in (b"", b"\r\n", b"\r\n\r\n", b"\x00", b"\x00\x00\r\n", b"OPTIONS"):
        protocol.datagramReceived(data, ("192.0.2.1", 5060))
    assert heard == [(Address("192.0.2.1", 5060), b"OPTIONS")]
