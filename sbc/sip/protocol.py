"""SIP over UDP: datagrams in, messages to whoever carries the loop (RFC 3261 section 18)."""

from __future__ import annotations

from sbc.core.realm import Plan
from sbc.sip.dialect import SipDialect
from sbc.sip.framing import SipFramer, SipFrames
from sbc.sip.services import SERVICES
from sbc.spoken import Datagrams, Speech


def _dialect(plan: Plan) -> SipDialect:
    timers = plan.timers
    spaces = plan.priority.namespaces
    return SipDialect(timers.unanswered, timers.linger, plan.emergency, spaces)


SPEECH = Speech(_dialect, Datagrams, SipFramer, SERVICES, SipFrames)
"""SIP, for whoever wires things."""
