"""H.248 over UDP, TCP and TLS: datagrams in, messages to whoever carries the loop (H.248.1 Annex D)."""

from __future__ import annotations

from sbc.core.realm import Plan
from sbc.h248.dialect import H248Dialect
from sbc.h248.services import SERVICES
from sbc.octets.tpkt import TpktFramer
from sbc.spoken import FullDatagrams, Speech


def _dialect(plan: Plan) -> H248Dialect:
    return H248Dialect()


SPEECH = Speech(_dialect, FullDatagrams, TpktFramer, SERVICES)
"""H.248, for whoever wires things."""
