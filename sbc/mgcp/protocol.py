"""MGCP over UDP: datagrams in, messages to whoever carries the loop (RFC 3435 section 3.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from twisted.internet.protocol import DatagramProtocol

from sbc.core.address import Address
from sbc.core.realm import Plan
from sbc.mgcp.dialect import MgcpDialect
from sbc.mgcp.options import of
from sbc.mgcp.services import SERVICES
from sbc.spoken import Speech


class MgcpDatagrams(DatagramProtocol):
    """Hands on each datagram, empty ones, too: that a gateway speaks, whatever it says, tells that it lives."""

    def __init__(self, deliver: Callable[[Address, bytes], None]) -> None:
        self._deliver = deliver

    def datagramReceived(self, data: bytes, source: tuple[str, int]) -> None:
        self._deliver(Address(*source), data)


def _dialect(plan: Plan) -> MgcpDialect:
    return MgcpDialect({path.access: of(path) for path in plan.paths})


def _no_framer() -> NoReturn:
    raise TypeError("MGCP has no connections")


SPEECH = Speech(_dialect, MgcpDatagrams, _no_framer, SERVICES)
"""MGCP, for whoever wires things."""
