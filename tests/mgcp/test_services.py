"""What MGCP is called in the DNS."""

from __future__ import annotations

from sbc.config.schema import PROTOCOLS
from sbc.mgcp.services import SERVICES


def test_every_transport_has_its_service() -> None:
    assert tuple(SERVICES) == PROTOCOLS["mgcp"]
    assert SERVICES["udp"].port == 2727
