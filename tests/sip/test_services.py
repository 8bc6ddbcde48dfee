"""The DNS names of SIP's transports, as the RFC has them."""

from __future__ import annotations

from sbc.config.schema import PROTOCOLS
from sbc.sip.services import SERVICES


def test_every_transport_has_its_own() -> None:
    assert tuple(SERVICES) == PROTOCOLS["sip"]
    assert [(each.naptr, each.srv, each.port) for each in SERVICES.values()] == [
        ("SIP+D2U", "_sip._udp", 5060),
        ("SIP+D2T", "_sip._tcp", 5060),
        ("SIPS+D2T", "_sips._tcp", 5061),
        ("SIP+D2W", "_sip._ws", 80),
        ("SIPS+D2W", "_sips._ws", 443),
    ]
