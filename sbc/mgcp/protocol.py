"""MGCP over UDP: datagrams in, messages to whoever carries the loop (RFC 3435 section 3.5)."""

from __future__ import annotations

from typing import NoReturn

from sbc.core.realm import Plan
from sbc.mgcp.dialect import MgcpDialect
from sbc.mgcp.options import of
from sbc.mgcp.services import SERVICES
from sbc.spoken import Datagrams, Speech


def _dialect(plan: Plan) -> MgcpDialect:
    return MgcpDialect({path.access: of(path) for path in plan.paths})


def _no_framer() -> NoReturn:
    raise TypeError("MGCP has no connections")


SPEECH = Speech(_dialect, Datagrams, _no_framer, SERVICES)
"""MGCP, for whoever wires things."""
