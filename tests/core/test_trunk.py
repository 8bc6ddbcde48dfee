"""A trunk is called by the numbers that are its own, and known by where it is."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.realm import Realm
from sbc.core.trunk import Trunk, is_at
from sbc.policy.rule import Pattern
from tests.rig import make_plan

PBX = Address("192.0.2.17", 5060)


@pytest.mark.parametrize(
    ("called", "dialled", "takes"),
    [
        ((), b"anybody", True),
        (("4930",), b"49301234", True),
        (("4930",), b"4940123", False),
        (("4930", "reception*"), b"reception-2", True),
    ],
)
def test_whose_calls_it_takes(called: tuple[str, ...], dialled: bytes, takes: bool) -> None:
    assert Trunk("pbx", (PBX,), "toy", tuple(map(Pattern, called))).takes(dialled) is takes


def test_by_datagrams_it_is_at_its_port_and_by_connections_at_any() -> None:
    realm: Realm = make_plan("toy").realms["access"]
    (own,) = realm.listeners
    streams, other = attrs.evolve(own, transport="tcp"), attrs.evolve(own, dialect="sip")
    assert not is_at(realm, own, PBX)
    several = attrs.evolve(realm, trunks=(Trunk("pbx", (PBX, Address("192.0.2.18", 5070)), "toy"),))
    assert is_at(several, own, Address("192.0.2.18", 5070)) and not is_at(several, own, Address("192.0.2.18", 5060))
    realm = attrs.evolve(realm, trunks=(Trunk("pbx", (PBX,), "toy"),))
    assert is_at(realm, own, PBX) and not is_at(realm, own, PBX._replace(port=5061)) and not is_at(realm, other, PBX)
    assert is_at(realm, streams, PBX._replace(port=40_000)) and not is_at(realm, streams, Address("192.0.2.18", 5060))
