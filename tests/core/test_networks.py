"""What of a former plan lives on: listeners, realms, media ports, the hosts by which peers know us."""

from __future__ import annotations

import attrs

from sbc.core.address import Address
from sbc.core.networks import Networks
from sbc.core.orders import Listener
from sbc.core.realm import Media, Path, Plan, Realm, Side
from sbc.core.vpn import MAIN, VpnLabel
from tests.rig import SBC_ACCESS, SOFTSWITCH, listener, make_plan

OTHER = Address("203.0.113.2", 5062)
PLAN = make_plan("toy")
ACCESS, CORE = PLAN.realms["access"], PLAN.realms["core"]
GUESTS = Realm("guests", Side.ACCESS, (listener("guests", OTHER, "toy"),), Media(OTHER.host, OTHER.host, range(20, 30)))


def but(**changes: object) -> Plan:
    return attrs.evolve(PLAN, realms={"access": attrs.evolve(ACCESS, **changes), "core": CORE})


def with_guests() -> Plan:
    second = Path("second", "guests", "core", (SOFTSWITCH,))
    return attrs.evolve(PLAN, realms={**PLAN.realms, "guests": GUESTS}, paths=(*PLAN.paths, second))


def at(address: Address) -> tuple[Listener, ...]:
    return (listener("access", address, "toy"),)


def test_the_same_plan_leaves_nothing_behind() -> None:
    networks = Networks(PLAN)
    networks.replan(make_plan("toy"))
    assert not networks.past
    assert networks.listeners() == {*ACCESS.listeners, *CORE.listeners}


def test_a_listener_that_moves_fades_until_nobody_needs_it() -> None:
    networks = Networks(PLAN)
    networks.replan(but(listeners=at(OTHER)))
    assert networks.fading == set(ACCESS.listeners)
    assert networks.listeners() == {*ACCESS.listeners, *at(OTHER), *CORE.listeners}
    assert networks.is_ours(ACCESS, SBC_ACCESS.host) and networks.is_ours(ACCESS, OTHER.host)
    assert networks.forget([], ACCESS.listeners) == set()
    assert networks.forget([], ()) == set(ACCESS.listeners)
    assert not networks.past


def test_all_listeners_of_a_realm_that_calls_began_with_stay() -> None:
    networks = Networks(PLAN)
    networks.replan(but(listeners=at(OTHER)))
    assert networks.forget([ACCESS], ()) == set()
    assert networks.forget([], ()) == set(ACCESS.listeners)


def test_a_realm_that_is_gone_is_there_until_it_has_drained() -> None:
    networks = Networks(with_guests())
    networks.replan(PLAN)
    assert networks.leaving == {"guests"} and networks.plan.realms["guests"] is GUESTS
    assert "guests" not in networks.configured.realms and networks.path_of(GUESTS) is None
    assert networks.forget([GUESTS], GUESTS.listeners) == set()
    assert networks.forget([], ()) == set(GUESTS.listeners)
    assert not networks.past and set(networks.plan.realms) == {"access", "core"}


def test_a_realm_may_come_back_before_it_has_drained() -> None:
    networks = Networks(with_guests())
    networks.replan(PLAN)
    networks.replan(with_guests())
    assert not networks.leaving and not networks.fading
    networks.forget([], ())
    assert not networks.past


def test_media_ports_at_a_former_address_are_known_until_they_are_given_back() -> None:
    networks = Networks(PLAN)
    pool = networks.ports(ACCESS)
    assert pool is not None and pool.take(0.0) == 20000
    moved = attrs.evolve(ACCESS.media, address=OTHER.host, advertised=OTHER.host)
    networks.replan(but(media=moved))
    assert networks.ports(ACCESS) is pool and networks.media.current["access"].host == OTHER.host
    assert networks.is_own_media(ACCESS, SBC_ACCESS.host) and networks.is_own_media(ACCESS, OTHER.host)
    networks.forget([], ())
    assert networks.past
    networks.media.give(("access", SBC_ACCESS.host, MAIN), 20000, 1.0)
    networks.forget([], ())
    assert not networks.past and networks.ports(ACCESS) is None


def test_what_changes_twice_is_remembered_twice() -> None:
    networks = Networks(PLAN)
    networks.replan(but(domains=frozenset({"a.example"})))
    networks.replan(but(domains=frozenset({"b.example"})))
    realm = networks.plan.realms["access"]
    assert len(networks.former) == 2
    assert all(networks.is_ours(realm, each) for each in ("sbc.example.com", "a.example", "b.example"))
    networks.forget([], ())
    assert [each for each in ("sbc.example.com", "a.example", "b.example") if networks.is_ours(realm, each)] == [
        "b.example"
    ]


def test_our_media_of_another_network_is_somebody_else() -> None:
    apart = attrs.evolve(CORE, network=VpnLabel(namespace="red"))
    networks = Networks(attrs.evolve(PLAN, realms={"access": ACCESS, "core": apart}))
    assert networks.is_own_media(ACCESS, ACCESS.media.address) and networks.is_own_media(apart, CORE.media.address)
    assert not networks.is_own_media(ACCESS, CORE.media.address)
    assert not networks.is_own_media(apart, ACCESS.media.address)


def test_a_realm_that_goes_to_another_network_keeps_its_sockets_until_nobody_needs_them() -> None:
    networks, label = Networks(PLAN), VpnLabel(namespace="red")
    there = tuple(attrs.evolve(own, vpn=label.vpn) for own in ACCESS.listeners)
    networks.replan(but(network=label, listeners=there))
    assert networks.fading == set(ACCESS.listeners)
    assert networks.listeners() == {*ACCESS.listeners, *there, *CORE.listeners}
    assert networks.forget([], ()) == set(ACCESS.listeners)
