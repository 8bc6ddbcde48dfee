"""What SIP's transports are called in the DNS, and their usual ports (RFC 3263 section 4.1, RFC 7118 section 10)."""

from __future__ import annotations

from sbc.interfaces import Service

SERVICES = {
    "udp": Service("SIP+D2U", "_sip._udp", 5060),
    "tcp": Service("SIP+D2T", "_sip._tcp", 5060),
    "tls": Service("SIPS+D2T", "_sips._tcp", 5061),
    "ws": Service("SIP+D2W", "_sip._ws", 80),
    "wss": Service("SIPS+D2W", "_sips._ws", 443),
}
