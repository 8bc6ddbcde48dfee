"""SIP over UDP: datagrams in, messages to whoever carries the loop (RFC 3261 section 18)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.protocol import DatagramProtocol

from sbc.core.address import Address

_KEEPALIVE = b"\r\n\x00"


class SipDatagrams(DatagramProtocol):
    """Hands on each datagram that may be a message.

    Keepalives (nothing but line ends or NULs, RFC 5626 section 3.5.1 and the habits of phones) have done their work by
    arriving, and are dropped.
    """

    def __init__(self, deliver: Callable[[Address, bytes], None]) -> None:
        self._deliver = deliver

    def datagramReceived(self, data: bytes, source: tuple[str, int]) -> None:
        if data.strip(_KEEPALIVE):
            self._deliver(Address(*source), data)
