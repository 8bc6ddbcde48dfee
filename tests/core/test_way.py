"""Who of the core may send something to terminals."""

from __future__ import annotations

import attrs

from sbc.core.registry import Arrival
from sbc.core.way import is_core_peer
from tests.rig import NAT, SBC_CORE, SOFTSWITCH
from tests.toy_calls import toy_rig


def test_next_hops_and_by_connections_ourselves() -> None:
    rig = toy_rig()
    registry, realms = rig.border.registry, rig.border.plan.realms
    own = realms["core"].listeners[0]
    by_tcp = attrs.evolve(own, transport="tcp")
    for listener, source, may in (
        (own, SOFTSWITCH, True),
        (own, NAT, False),
        (own, SBC_CORE, False),  # anybody can write that on a datagram
        (by_tcp, SBC_CORE._replace(port=60000), True),
    ):
        assert is_core_peer(registry, realms["core"], Arrival(listener, source, b"", rig.now)) is may
    assert not is_core_peer(registry, realms["access"], Arrival(realms["access"].listeners[0], NAT, b"", rig.now))
