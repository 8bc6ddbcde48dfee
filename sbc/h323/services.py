"""What H.323's transports are called in the DNS, and their usual ports (H.323 annex O, H.225.0 clause 7.1)."""

from __future__ import annotations

from sbc.interfaces import Service

SERVICES = {
    "udp": Service("H323+D2U", "_h323rs._udp", 1719),
    "tcp": Service("H323+D2T", "_h323cs._tcp", 1720),
    "tls": Service("H323+D2T", "_h323cs._tls", 1300),
}
