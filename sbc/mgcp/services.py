"""What MGCP is called in the DNS, and the usual port of call agents, who are the next hops (RFC 3435 section 3.5)."""

from __future__ import annotations

from sbc.interfaces import Service
from sbc.mgcp.names import AGENT_PORT

SERVICES = {"udp": Service("MGCP+D2U", "_mgcp._udp", AGENT_PORT)}
