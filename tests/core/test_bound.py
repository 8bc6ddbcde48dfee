"""Which binding is meant, where several might be."""

from __future__ import annotations

import attrs
import pytest

from sbc.core import bound
from sbc.core.address import Address
from sbc.core.message import Intent, Kind, Phase, Place
from sbc.core.registry import Arrival, Registry
from tests.rig import NAT, PHONE, Rig
from tests.toy_calls import bound as registered
from tests.toy_calls import toy_rig

NEXT_DOOR = Address(NAT.host, 40009)
STRANGER = Address("203.0.113.66", 40001)


def arrival(rig: Rig, source: Address = NAT) -> Arrival:
    return Arrival(rig.border.plan.realms["access"].listeners[0], source, b"", rig.now)


def meant(registry: Registry, at: Arrival, place: Place, user: bytes = b"", handle: bytes = b"") -> object:
    return bound.binding_of(registry, at, Intent(Kind.BIND, Phase.REQUEST, b"", b"", user=user, handle=handle), place)


def test_a_place_is_meant_by_who_is_at_its_host_or_by_the_registrars_name() -> None:
    rig = toy_rig()
    registered(rig)
    registry = rig.border.registry
    (known,) = registry.bindings.values()
    bound.rename(registry, known, b"#7")
    assert meant(registry, arrival(rig, NEXT_DOOR), known.place, user=b"alice") is known
    assert meant(registry, arrival(rig, NEXT_DOOR), known.place, handle=b"#7") is known
    assert meant(registry, arrival(rig, STRANGER), known.place, user=b"alice", handle=b"#7") is None
    assert meant(registry, arrival(rig), Place(STRANGER), handle=b"#7") is None


def test_a_name_of_the_registrars_is_given_back_with_its_binding() -> None:
    rig = toy_rig()
    registered(rig)
    registry = rig.border.registry
    (known,) = registry.bindings.values()
    bound.rename(registry, known, b"#7")
    bound.rename(registry, known, b"#8")
    assert bound.named(registry, arrival(rig), b"#7") == [] and bound.named(registry, arrival(rig), b"#8") == [known]
    assert bound.named(registry, arrival(rig), b"") == []
    registry.forget_binding(known, "tested", rig.now)
    assert registry.bindings_by_handle == {}


def test_the_terminal_of_a_user_is_preferred_to_another_at_the_same_source() -> None:
    rig = toy_rig()
    registered(rig, user=b"alice")
    registered(rig, PHONE._replace(port=5070), user=b"carol", exchange=3)
    registry, own = rig.border.registry, rig.border.plan.realms["access"].listeners[0]
    for user, found in ((b"alice", b"alice"), (b"carol", b"carol"), (b"nobody", b"alice")):
        terminal = bound.terminal_of(registry, own, NAT, user)
        assert terminal is not None and terminal.user == found
    assert bound.terminal_of(registry, own, STRANGER, b"alice") is None


@pytest.mark.parametrize(("place", "found"), [(PHONE, b""), (NAT, b"alice")])
def test_what_comes_by_a_connection_is_of_another_where_a_nat_stands_between(place: Address, found: bytes) -> None:
    rig = toy_rig()
    registered(rig, place, user=b"alice")
    registry, own = rig.border.registry, rig.border.plan.realms["access"].listeners[0]
    terminal = bound.terminal_of(registry, attrs.evolve(own, transport="tcp"), NAT, b"nobody")
    assert (b"" if terminal is None else terminal.user) == found
