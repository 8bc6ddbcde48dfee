"""H.225.0 RAS over UDP: datagrams in, messages to whoever carries the loop."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.protocol import DatagramProtocol

from sbc.core.address import Address
from sbc.core.realm import Plan
from sbc.h323.codec import prepare
from sbc.h323.dialect import H323Dialect
from sbc.h323.services import SERVICES
from sbc.octets.tpkt import TpktFramer
from sbc.spoken import Speech


class RasDatagrams(DatagramProtocol):
    """Hands on each datagram that is not empty: empty ones only hold a mapping open."""

    def __init__(self, deliver: Callable[[Address, bytes], None]) -> None:
        self._deliver = deliver

    def datagramReceived(self, data: bytes, source: tuple[str, int]) -> None:
        if data:
            self._deliver(Address(*source), data)


def _dialect(plan: Plan) -> H323Dialect:
    prepare()
    return H323Dialect(patience=plan.timers.unanswered, emergency=plan.emergency)


SPEECH = Speech(_dialect, RasDatagrams, TpktFramer, SERVICES)
"""H.323, for whoever wires things."""
