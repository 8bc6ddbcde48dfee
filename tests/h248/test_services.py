"""What H.248 is called in the DNS."""

from __future__ import annotations

from sbc.config.schema import PROTOCOLS
from sbc.h248.services import BINARY_PORT, SERVICES


def test_every_transport_has_its_service() -> None:
    assert tuple(SERVICES) == PROTOCOLS["h248"]
    assert {each.port for each in SERVICES.values()} == {2944} and BINARY_PORT == 2945
