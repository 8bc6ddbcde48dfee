"""Who of the core may send something to terminals."""

from __future__ import annotations

from ipaddress import ip_network

import attrs
import pytest

from sbc.core.message import BadMessage, Intent, Kind, Phase
from sbc.core.orders import Listener
from sbc.core.registry import Arrival
from sbc.core.way import is_core_peer, refuse_misled
from tests.rig import NAT, SBC_CORE, SOFTSWITCH
from tests.toy_calls import ByConnection, toy_rig


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


def test_who_the_realm_is_configured_to_trust_and_who_the_core_has_named() -> None:
    rig, other = toy_rig(), SOFTSWITCH._replace(host="198.51.100.77")
    registry, realm = rig.border.registry, rig.border.plan.realms["core"]
    own = realm.listeners[0]
    by_tcp = attrs.evolve(own, transport="tcp")

    def may(listener: Listener, network: str = "") -> bool:
        trusting = attrs.evolve(realm, peers=(ip_network(network),) if network else ())
        return is_core_peer(registry, trusting, Arrival(listener, other, b"", rig.now))

    assert not may(own) and not may(by_tcp)
    assert may(own, "198.51.100.64/26") and may(by_tcp, "0.0.0.0/0")
    assert not may(own, "198.51.100.0/26") and not may(by_tcp, "2001:db8::/32")
    registry.vouched.keep("core", other.host, rig.now)
    assert may(by_tcp) and not may(own)  # anybody can write that on a datagram
    rig.now += 3 * 3600
    assert not may(by_tcp)


@pytest.mark.parametrize("kind", ["datagram", "bound", "carried"])
@pytest.mark.parametrize("realm", ["access", "core"])
@pytest.mark.parametrize("by", ["udp", "tcp", "lane"])
def test_what_is_for_datagrams_is_carried_by_connections_of_terminals_alone(kind: str, realm: str, by: str) -> None:
    rig = toy_rig()
    own = rig.border.plan.realms[realm].listeners[0]
    listener = attrs.evolve(own, transport="udp" if by == "udp" else "tcp", lane="lane" if by == "lane" else "")
    intent = Intent(Kind.OTHER, Phase.REQUEST, b"", b"", bound=kind == "bound", carried=kind == "carried")
    arrival = Arrival(listener, NAT, b"", rig.now)
    right = {"datagram": by == "udp", "bound": by != "udp", "carried": by == "tcp" and realm == "access"}
    if right[kind]:
        refuse_misled(rig.border.registry, ByConnection(), intent, arrival)
    else:
        with pytest.raises(BadMessage):
            refuse_misled(rig.border.registry, ByConnection(), intent, arrival)
