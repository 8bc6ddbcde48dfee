"""SIP over UDP: datagrams in, messages to whoever carries the loop (RFC 3261 section 18)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.protocol import DatagramProtocol

from sbc.core.address import Address
from sbc.core.realm import Plan
from sbc.sip.dialect import SipDialect
from sbc.sip.framing import SipFramer
from sbc.sip.services import SERVICES
from sbc.spoken import Speech


class SipDatagrams(DatagramProtocol):
    """Hands on each datagram, keepalives too (RFC 5626 section 3.5.1): that a terminal speaks, whatever it says, tells
    that it lives."""

    def __init__(self, deliver: Callable[[Address, bytes], None]) -> None:
        self._deliver = deliver

    def datagramReceived(self, data: bytes, source: tuple[str, int]) -> None:
        self._deliver(Address(*source), data)


def _dialect(plan: Plan) -> SipDialect:
    timers = plan.timers
    return SipDialect(patience=timers.unanswered, linger=timers.linger, emergency=plan.emergency)


SPEECH = Speech(_dialect, SipDatagrams, SipFramer, SERVICES)
"""SIP, for whoever wires things."""
