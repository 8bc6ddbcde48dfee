"""What H.248's transports are called in the DNS, and their usual ports: one for text, one for binary (Annex D)."""

from __future__ import annotations

from sbc.interfaces import Service

TEXT_PORT, BINARY_PORT = 2944, 2945
SERVICES = {
    "udp": Service("H248+D2U", "_megaco-h248._udp", TEXT_PORT),
    "tcp": Service("H248+D2T", "_megaco-h248._tcp", TEXT_PORT),
    "tls": Service("H248S+D2T", "_megaco-h248s._tcp", TEXT_PORT),  # as SIP has it: no standard names it, or a port
}
