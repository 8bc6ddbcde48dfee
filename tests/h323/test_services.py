"""What H.323 is called in the DNS."""

from __future__ import annotations

from sbc.config.schema import PROTOCOLS
from sbc.h323.services import SERVICES


def test_every_transport_has_its_service() -> None:
    assert tuple(SERVICES) == PROTOCOLS["h323"]
    assert [each.port for each in SERVICES.values()] == [1719, 1720, 1300]
