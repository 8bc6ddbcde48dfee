"""What banned sources are kept from."""

from __future__ import annotations

import attrs
import pytest

from sbc.bans.doors import Door, doors_of
from sbc.core.address import Address
from sbc.core.orders import Listener
from sbc.core.realm import Media, Path, Plan, Realm, Side, Signaling
from sbc.core.vpn import VpnLabel


def _realm(name: str, side: Side, host: str, *transports: str) -> Realm:
    at = Address(host, 5060)
    own = tuple(Listener(name, "toy", transport, at, at) for transport in transports)
    return Realm(name, side, own, Media(host, host, range(10_000, 10_010)))


ACCESS = _realm("access", Side.ACCESS, "192.0.2.1", "udp", "tcp")
CORE = _realm("core", Side.CORE, "198.51.100.1", "udp")
PATH = Path(
    "p", "access", "core", (Address("198.51.100.2", 5060),), signaling=Signaling.PORT_PER_TERMINAL,
    signaling_ports=range(6000, 6100),
)  # fmt: skip
PLAN = Plan({"access": ACCESS, "core": CORE}, (PATH,))


def test_they_are_the_ports_that_are_signalled_at_and_none_of_media() -> None:
    assert set(doors_of(PLAN)) == {
        Door("access", "192.0.2.1", range(5060, 5061), "udp"),
        Door("access", "192.0.2.1", range(5060, 5061), "tcp"),
        Door("core", "198.51.100.1", range(5060, 5061)),
        Door("core", "198.51.100.1", range(6000, 6100)),
    }


@pytest.mark.parametrize("network", [VpnLabel(mark=7), VpnLabel("eth1"), VpnLabel(namespace="red")])
def test_a_realm_whose_packets_are_told_apart_by_what_is_not_in_them_has_none(network: VpnLabel) -> None:
    apart = attrs.evolve(ACCESS, network=network)
    assert {door.realm for door in doors_of(attrs.evolve(PLAN, realms={"access": apart, "core": CORE}))} == {"core"}
