"""The registry: what is taken in is found, counted against its limits, and given back as one piece."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.admission import admit, resumed
from sbc.core.audit import audit
from sbc.core.call import Call, Leg
from sbc.core.exchange import Exchange, ExchangeState, Hop
from sbc.core.keys import far_key, near_key
from sbc.core.message import Cause, Intent, Kind, Phase, Place, Refused, Role, Slot, Timing
from sbc.core.mint import Mint
from sbc.core.orders import CloseStream, Listen, Order, Record, Unlisten
from sbc.core.realm import Limits, Signaling
from sbc.core.registry import MOST_KEYS, Arrival, Registry
from sbc.core.streams import new_stream
from tests.rig import NAT, PHONE, SECRET, SOFTSWITCH, make_plan
from tests.toy import PLAIN

OTHER = Address("203.0.113.66", 5060)


def make(limits: Limits | None = None, ports: int = 100, **path: object) -> Registry:
    return Registry(make_plan("toy", limits, ports, **path), Mint(SECRET))


def call(registry: Registry, id: str = "one", seen: Address = NAT, label: bytes = b"label") -> Call:
    access, core = registry.plan.realms["access"], registry.plan.realms["core"]
    legs = (Leg(access, access.listeners[0], seen, label), Leg(core, core.listeners[0], SOFTSWITCH, b"far-" + label))
    return Call(id, "toy", registry.plan.paths[0], legs, 0.0)


def over(registry: Registry, one: Call) -> list[Order]:
    """The call ends."""
    one.life.end()
    return registry.close_call(one, 0.0)


def exchange(registry: Registry, id: bytes = b"x", source: Address = NAT, phase: Phase = Phase.REQUEST) -> Exchange:
    own = registry.plan.realms["access"].listeners[0]
    return Exchange("toy", Intent(Kind.OTHER, phase, b"call", id), PLAIN, b"token", Hop(own, source), None)


def slot(key: int = 0) -> Slot:
    return Slot(Role.RTP, Place(Address(PHONE.host, 4000)), None, stream=key)


def arrival(registry: Registry, source: Address = NAT) -> Arrival:
    return Arrival(registry.plan.realms["access"].listeners[0], source, b"", 0.0)


def bind(user: bytes) -> Intent:
    return Intent(Kind.BIND, Phase.REQUEST, b"call", b"bind", user=user)


def bound(registry: Registry, user: bytes = b"alice", port: int = 5060, source: Address = NAT):  # type: ignore[no-untyped-def]
    place = Place(Address(PHONE.host, port), b"%b at %d" % (user, port))
    return registry.binding_for(arrival(registry, source), registry.plan.paths[0], bind(user), place, b"")


# -- calls


def test_a_call_is_found_by_its_names_until_it_is_forgotten() -> None:
    registry = make()
    one = call(registry)
    assert [order.event for order in registry.add_call(one, 0.0) if isinstance(order, Record)] == ["open"]
    registry.name_call(one, one.legs[0], b"name")
    access = registry.plan.realms["access"]
    assert registry.call_named(access, NAT, b"name") is one
    assert registry.call_named(access, OTHER, b"name") is None
    assert registry.is_named(one, one.legs[0], b"name") and not registry.is_named(one, one.legs[1], b"name")
    assert registry.has_call("one")
    over(registry, one)
    registry.forget_call(one, 0.0)
    assert registry.call_named(access, NAT, b"name") is None and not registry.has_call("one")
    assert not registry.calls_by_key and not registry.calls_by_label and not registry.calls
    assert audit(registry) == []


def test_a_name_that_a_live_call_holds_stays_with_it() -> None:
    registry = make()
    first, second = call(registry), call(registry, "two")
    for each in (first, second):
        registry.add_call(each, 0.0)
        registry.name_call(each, each.legs[1], b"joined")
    assert registry.call_named(registry.plan.realms["core"], SOFTSWITCH, b"joined") is first
    registry.forget_call(second, 0.0)
    assert registry.call_named(registry.plan.realms["core"], SOFTSWITCH, b"joined") is first
    registry.unname_call(first)
    assert registry.call_named(registry.plan.realms["core"], SOFTSWITCH, b"joined") is None


def test_calls_of_one_label_are_all_kept_in_mind() -> None:
    registry = make()
    both = [call(registry), call(registry, "two")]
    for each in both:
        registry.add_call(each, 0.0)
    assert registry.calls_by_label["access", b"label"] == both
    registry.forget_call(both[0], 0.0)
    assert registry.calls_by_label["access", b"label"] == both[1:]


def test_a_flood_of_names_is_bounded() -> None:
    registry = make()
    one = call(registry)
    registry.add_call(one, 0.0)
    for number in range(MOST_KEYS + 10):
        registry.name_call(one, one.legs[0], b"%d" % number)
    assert len(one.keys) == len(registry.calls_by_key) == MOST_KEYS


def test_so_many_calls_and_no_more() -> None:
    registry = make(Limits(calls=1))
    intent = Intent(Kind.OPEN, Phase.REQUEST, b"", b"")
    one, two = call(registry), call(registry, "two")
    admit(registry, one, intent, None, 0.0)
    registry.add_call(one, 0.0)
    with pytest.raises(Refused) as refused:
        admit(registry, two, intent, None, 0.0)
    assert refused.value.cause is Cause.BUSY and "access" not in refused.value.why
    assert audit(registry) == []
    over(registry, one)  # it stays for late messages, and is in nobody's way
    admit(registry, two, intent, None, 0.0)
    registry.add_call(two, 0.0)
    assert audit(registry) == []


def test_of_calls_that_have_ended_the_oldest_make_room() -> None:
    registry = make(Limits(calls=1, lingering=2))
    ended = [call(registry, str(number)) for number in range(4)]
    for one in ended:
        registry.add_call(one, 0.0)
        over(registry, one)
    assert list(registry.calls.values()) == ended[2:] and audit(registry) == []


def test_a_call_that_makes_room_goes_with_what_has_ended_of_it_and_not_before_the_rest() -> None:
    registry = make(Limits(lingering=1))
    first, second = call(registry), call(registry, "two")
    for one, id in ((first, b"x"), (second, b"y")):
        registry.add_call(one, 0.0)
        asked = exchange(registry, id)
        registry.add_exchange(asked, 0.0)
        registry.timers.set(asked, 9.0)
        registry.join(asked, one)
    open_still = next(iter(first.exchanges))
    over(registry, first)
    over(registry, second)
    assert registry.calls == {"one": first, "two": second} and audit(registry) == []
    open_still.state = ExchangeState.DONE
    registry.linger(open_still, 0.0)
    third = call(registry, "three")
    registry.add_call(third, 0.0)
    over(registry, third)
    assert "two" in registry.calls  # it has a request under way
    assert audit(registry) == []


def test_the_connections_that_calls_are_reached_by_are_known() -> None:
    registry = make()
    one = call(registry)
    tcp = attrs.evolve(one.legs[0].listener, transport="tcp")
    one.legs[0].listener = tcp
    resumed(registry, one)
    registry.add_call(one, 0.0)
    assert registry.waits.joined(Hop(tcp, NAT)) and audit(registry) == []
    registry.move_leg(one, one.legs[0], Hop(tcp, OTHER), 0.0)
    assert registry.waits.joined(Hop(tcp, OTHER)) and not registry.waits.joined(Hop(tcp, NAT))
    assert (one.legs[0].seen, audit(registry)) == (OTHER, [])
    over(registry, one)
    assert not registry.waits.legs() and audit(registry) == []
    registry.move_leg(one, one.legs[0], Hop(tcp, NAT), 0.0)
    assert not registry.waits.legs() and audit(registry) == []


# -- the end of calls


def test_closing_a_call_closes_its_streams_and_keeps_its_names() -> None:
    registry = make()
    one = call(registry)
    registry.add_call(one, 0.0)
    registry.name_call(one, one.legs[0], b"name")
    streams = [new_stream(registry.networks, one, slot(key), "rtp", 0.0) for key in range(3)]
    one.life.end()
    orders = registry.close_call(one, 5.0)
    assert [order.stream for order in orders if isinstance(order, CloseStream)] == [stream.id for stream in streams]
    assert isinstance(orders[-1], Record) and orders[-1].event == "close"
    assert registry.call_named(registry.plan.realms["access"], NAT, b"name") is one
    assert not registry.has_call("one")  # it is over, though not forgotten
    assert registry.timers.next() == 5.0 + registry.plan.timers.linger


# -- exchanges


def test_an_exchange_is_found_from_the_source_it_came_from_alone() -> None:
    registry = make()
    one = exchange(registry)
    registry.add_exchange(one, 3.0)
    assert registry.exchanges[near_key("access", NAT, b"x")] is one
    assert near_key("access", OTHER, b"x") not in registry.exchanges
    assert one.deadline == 3.0 + PLAIN.limit
    registry.forget_exchange(one, 3.0)
    assert (
        not registry.exchanges and not registry.crowd.per_source and not registry.crowd.in_realm["exchanges", "access"]
    )


def test_forgetting_leaves_a_key_that_another_exchange_has_taken() -> None:
    registry = make()
    one, other = exchange(registry), exchange(registry, b"y")
    for each in (one, other):
        registry.add_exchange(each, 0.0)
        registry.key_exchange(each, far_key("core", SOFTSWITCH.host, b"same"))
    registry.forget_exchange(one, 0.0)
    assert registry.exchanges[far_key("core", SOFTSWITCH.host, b"same")] is other


def test_what_one_source_may_ask_is_counted_by_source_and_taking_back_is_always_let_in() -> None:
    registry = make(Limits(exchanges_per_source=1, exchanges=2))
    registry.add_exchange(exchange(registry), 0.0)
    with pytest.raises(Refused):
        registry.add_exchange(exchange(registry, b"y"), 0.0)
    registry.add_exchange(exchange(registry, b"y", OTHER), 0.0)
    with pytest.raises(Refused):
        registry.add_exchange(exchange(registry, b"z", SOFTSWITCH), 0.0)
    registry.add_exchange(exchange(registry, b"w", phase=Phase.WITHDRAW), 0.0)
    assert registry.crowd.per_source["access", NAT] == 2 and registry.crowd.in_realm["exchanges", "access"] == 3


def test_what_has_ended_is_in_nobodys_way_and_the_oldest_makes_room() -> None:
    registry = make(Limits(exchanges_per_source=1, exchanges=1, lingering=3, lingering_per_source=2))
    for number in range(5):
        one = exchange(registry, b"%d" % number, NAT if number else OTHER)
        registry.add_exchange(one, 0.0)
        one.state = ExchangeState.DONE
        registry.timers.set(one, 32.0)
        registry.linger(one, 0.0)
        registry.linger(one, 0.0)  # which changes nothing
        assert audit(registry) == []
    # of the source that asked so much the oldest are gone, not the other's, which came first of all
    assert {key[3] for key in registry.exchanges} == {b"0", b"3", b"4"}
    assert not registry.crowd.per_source and not registry.crowd.in_realm["exchanges", "access"]


def test_what_has_ended_is_bounded_in_the_realm_too() -> None:
    registry = make(Limits(lingering=2))
    for number in range(4):
        one = exchange(registry, b"%d" % number, Address("203.0.113.70", 5000 + number))
        registry.add_exchange(one, 0.0)
        one.state = ExchangeState.DONE
        registry.timers.set(one, 32.0)
        registry.linger(one, 0.0)
    assert {key[3] for key in registry.exchanges} == {b"2", b"3"} and audit(registry) == []


def test_an_exchange_that_moves_is_found_and_counted_where_it_is_now() -> None:
    registry = make()
    one = exchange(registry)
    registry.add_exchange(one, 0.0)
    assert one.near is not None
    registry.move_exchange(one, Hop(one.near.listener, OTHER), 0.0)
    assert registry.exchanges[near_key("access", OTHER, b"x")] is one
    assert dict(registry.crowd.per_source) == {("access", OTHER): 1}
    registry.forget_exchange(one, 0.0)
    assert not registry.exchanges and not registry.crowd.per_source


def test_an_exchange_joins_its_call_and_leaves_it() -> None:
    registry = make()
    one, asked = call(registry), exchange(registry)
    registry.add_call(one, 0.0)
    registry.add_exchange(asked, 0.0)
    registry.join(asked, one)
    assert one.exchanges == {asked}
    registry.forget_exchange(asked, 0.0)
    assert not one.exchanges


# -- bindings


def test_a_place_is_bound_once_for_each_user() -> None:
    registry = make()
    first, _ = bound(registry)
    again, _ = bound(registry)
    other, _ = bound(registry, b"carol")
    assert again is first and other is not first
    assert list(registry.bindings_by_source["access", NAT]) == [first, other]
    for binding in (first, other):
        registry.forget_binding(binding, "test", 0.0)
    assert not registry.bindings and not registry.bindings_by_user and not registry.bindings_by_source
    assert not registry.bindings_at


def test_pending_bindings_are_counted_apart() -> None:
    registry = make(Limits(bindings=2))
    first, _ = bound(registry)
    bound(registry, port=5061)
    with pytest.raises(Refused):
        bound(registry, port=5062)
    assert registry.crowd.in_realm["pending", "access"] == 2 and not registry.crowd.in_realm["bindings", "access"]
    registry.forget_binding(first, "test", 0.0)
    bound(registry, port=5062)


def test_a_binding_that_nobody_vouches_for_goes_with_its_last_exchange() -> None:
    registry = make()
    binding, _ = bound(registry)
    claims = [exchange(registry, b"x"), exchange(registry, b"y")]
    for claim in claims:
        registry.add_exchange(claim, 0.0)
        claim.bindings.append(binding)
        binding.claim(claim)
    registry.forget_exchange(claims[0], 0.0)
    assert registry.bindings == {binding.id: binding}
    registry.forget_exchange(claims[1], 0.0)
    assert not registry.bindings


def test_a_moved_binding_is_found_where_it_is_now() -> None:
    registry = make()
    binding, _ = bound(registry)
    own = registry.plan.realms["access"].listeners[0]
    assert registry.move_binding(binding, OTHER, own)
    assert not registry.move_binding(binding, OTHER, own)
    assert set(registry.bindings_by_source) == {("access", OTHER)}
    registry.forget_binding(binding, "test", 0.0)
    assert not registry.bindings_by_source


def test_a_terminals_own_port_is_opened_with_its_binding_and_closed_with_it() -> None:
    registry = make(signaling=Signaling.PORT_PER_TERMINAL)
    binding, opened = bound(registry)
    assert opened == [Listen(binding.onward)]
    (note, closed) = registry.forget_binding(binding, "test", 0.0)
    assert closed == Unlisten(binding.onward) and note.event == "unbound"  # type: ignore[union-attr]


def test_an_exchange_that_reaches_elsewhere_holds_the_port_it_speaks_by() -> None:
    registry = make(signaling=Signaling.PORT_PER_TERMINAL)
    binding, _ = bound(registry)
    asked = exchange(registry)
    registry.add_exchange(asked, 0.0)
    assert registry.reach(asked, Hop(binding.onward, SOFTSWITCH), 0.0) == []
    registry.forget_binding(binding, "test", 0.0)
    assert len(registry.terminal_ports) == 1
    assert registry.reach(asked, None, 0.0) == [Unlisten(binding.onward)]


# -- what the plan says


def test_who_we_are_depends_on_the_realm() -> None:
    registry = make()
    access, core = registry.plan.realms["access"], registry.plan.realms["core"]
    networks = registry.networks
    assert networks.is_ours(access, "203.0.113.1") and networks.is_ours(access, "sbc.example.com")
    assert not networks.is_ours(core, "203.0.113.1") and not networks.is_ours(core, "sbc.example.com")
    assert networks.is_own_media(access, "198.51.100.1") and networks.is_own_media(core, "203.0.113.1")
    assert registry.hops.is_host(core.name, SOFTSWITCH.host, 0.0)
    assert not registry.hops.is_host(core.name, "198.51.100.66", 0.0)
    assert networks.path_of(access) is registry.plan.paths[0] and networks.path_of(core) is None


def test_timings_do_not_move_a_deadline() -> None:
    registry = make()
    slow = attrs.evolve(exchange(registry), timing=Timing(1, 1, 77.0, 1, 1))
    registry.add_exchange(slow, 1.0)
    assert slow.deadline == 78.0
