"""H.225.0 RAS over UDP: datagrams in, messages to whoever carries the loop."""

from __future__ import annotations

from sbc.core.realm import Plan
from sbc.h323.codec import prepare
from sbc.h323.dialect import H323Dialect
from sbc.h323.services import SERVICES
from sbc.octets.tpkt import TpktFramer
from sbc.spoken import FullDatagrams, Speech


def _dialect(plan: Plan) -> H323Dialect:
    prepare()
    return H323Dialect(patience=plan.timers.unanswered, emergency=plan.emergency)


SPEECH = Speech(_dialect, FullDatagrams, TpktFramer, SERVICES)
"""H.323, for whoever wires things."""
