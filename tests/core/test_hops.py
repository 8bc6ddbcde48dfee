"""Next hops: priority is kept, weights converge, and how each is known to be decides whose turn it is."""

from __future__ import annotations

from collections import Counter

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.exchange import Hop
from sbc.core.fan import NextHop
from sbc.core.hops import FORMER, MOST_FORMER, Event, Hops, NeighbourState, Target
from sbc.core.mint import Mint
from sbc.core.orders import Listener
from sbc.core.realm import Path, Plan
from tests.rig import SECRET, SOFTSWITCH, make_plan

SECOND = Address("198.51.100.3", 5060)
THIRD = Address("198.51.100.4", 5060)
UP, SUSPECT, DOWN, RESTING = NeighbourState


def planned(*hops: NextHop | Address) -> tuple[Plan, Path]:
    plan = make_plan("toy")
    path = attrs.evolve(plan.paths[0], next_hops=hops)
    return attrs.evolve(plan, paths=(path,)), path


def made(*hops: NextHop | Address) -> tuple[Hops, Path]:
    plan, path = planned(*hops)
    return Hops(plan, Mint(SECRET)), path


def first(hops: Hops, path: Path, topic: int | str) -> Address:
    return hops.turns(path, str(topic).encode())[0].hop.peer


def be(hops: Hops, path: Path, address: Address, event: Event) -> None:
    neighbour = next(each for _, each in hops.of(path) if each.hop.peer == address)
    neighbour.becomes(event, "as the test has it", 0.0)


def test_plain_addresses_are_tried_in_their_order() -> None:
    hops, path = made(SOFTSWITCH, SECOND, THIRD)
    for topic in range(50):
        turns = [neighbour.hop.peer for neighbour in hops.turns(path, b"%d" % topic)]
        assert turns == [SOFTSWITCH, SECOND, THIRD]


def test_one_topic_has_one_order_and_others_have_others() -> None:
    hops, path = made(*(NextHop(address) for address in (SOFTSWITCH, SECOND, THIRD)))
    orders = {tuple(each.key for each in hops.turns(path, b"%d" % topic)) for topic in range(100)}
    assert len(orders) == 6
    assert hops.turns(path, b"one") == hops.turns(path, b"one")


def test_a_path_that_leads_to_another_realm_now_has_none_for_what_began_before() -> None:
    plan, path = planned(SOFTSWITCH, SECOND)
    hops = Hops(plan, Mint(SECRET))
    core = attrs.evolve(plan.realms["core"], name="other", listeners=(Listener("other", "toy", "udp", THIRD, THIRD),))
    realms = {"access": plan.realms["access"], "other": core}
    moved = attrs.evolve(path, core="other")
    hops.replan(attrs.evolve(plan, realms=realms, paths=(moved,)), 0.0)
    assert hops.turns(path, b"one") == [] and not hops.others(path, ())
    assert len(hops.turns(moved, b"one")) == 2


def test_whether_there_are_others() -> None:
    hops, path = made(SOFTSWITCH, SECOND)
    one, other = (neighbour.key for _, neighbour in hops.of(path))
    assert hops.others(path, ()) and hops.others(path, {one})
    assert not hops.others(path, {one, other})


@pytest.mark.parametrize("weights", [(1, 1), (1, 3), (60, 20, 20), (1, 2, 3), (0, 0), (100, 0)])
def test_weights_converge(weights: tuple[int, ...]) -> None:
    addresses = [Address(f"198.51.100.{number}", 5060) for number in range(10, 10 + len(weights))]
    hops, path = made(*(NextHop(to, weight=weight) for to, weight in zip(addresses, weights, strict=True)))
    calls = 6000
    counted = Counter(first(hops, path, topic) for topic in range(calls))
    whole = sum(weights) or len(weights)
    for to, weight in zip(addresses, weights, strict=True):
        expected = (weight if sum(weights) else 1) / whole
        assert abs(counted[to] / calls - expected) < 0.025, counted  # some four standard deviations


def test_the_share_of_one_that_fails_is_spread_and_no_other_moves() -> None:
    hops, path = made(*(NextHop(address) for address in (SOFTSWITCH, SECOND, THIRD)))
    before = {topic: first(hops, path, topic) for topic in range(900)}
    be(hops, path, THIRD, Event.FAILED)
    after = {topic: first(hops, path, topic) for topic in range(900)}
    assert all(after[topic] == went for topic, went in before.items() if went != THIRD)
    moved = Counter(after[topic] for topic, went in before.items() if went == THIRD)
    assert abs(moved[SOFTSWITCH] - moved[SECOND]) < 80 and sum(moved.values()) > 200


STATES = st.sampled_from(list(NeighbourState))
ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), STATES), min_size=1, max_size=8)


@given(ROWS, st.binary(max_size=8), st.sets(st.integers(0, 7)))
def test_the_well_come_before_the_tired_and_these_before_the_dead_and_each_by_priority(
    rows: list[tuple[int, int, NeighbourState]], topic: bytes, tried: set[int]
) -> None:
    addresses = [Address(f"198.51.100.{10 + number}", 5060) for number in range(len(rows))]
    hops, path = made(
        *(NextHop(to, priority, weight) for to, (priority, weight, _) in zip(addresses, rows, strict=True))
    )
    known = {neighbour.hop.peer: neighbour for _, neighbour in hops.of(path)}
    for to, (_, _, state) in zip(addresses, rows, strict=True):
        known[to].state = state
    left_out = {known[addresses[number]].key for number in tried if number < len(rows)}
    turns = hops.turns(path, topic, left_out)
    assert {each.key for each in turns} == {each.key for each in known.values()} - left_out  # never nobody
    ranks = {UP: 0, SUSPECT: 0, RESTING: 1, DOWN: 2}
    order = [(ranks[each.state], rows[addresses.index(each.hop.peer)][0]) for each in turns]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("state", "event", "new"),
    [
        (UP, Event.MISSED, SUSPECT),
        (UP, Event.FAILED, DOWN),
        (SUSPECT, Event.HEARD, UP),
        (SUSPECT, Event.MISSED, SUSPECT),
        (DOWN, Event.HEARD, UP),
        (DOWN, Event.MISSED, DOWN),
        (DOWN, Event.WAITED, SUSPECT),
        (UP, Event.TIRED, RESTING),
        (RESTING, Event.HEARD, RESTING),
        (RESTING, Event.WAITED, UP),
        (RESTING, Event.FAILED, DOWN),
    ],
)
def test_the_life_of_a_next_hop(state: NeighbourState, event: Event, new: NeighbourState) -> None:
    hops, path = made(SOFTSWITCH)
    ((_, neighbour),) = hops.of(path)
    neighbour.state = state
    assert neighbour.becomes(event, "a reason", 5.0) == (state is not new)
    assert neighbour.state is new
    assert state is new or (neighbour.why, neighbour.since) == ("a reason", 5.0)
    assert new.value in repr(neighbour)


def test_two_paths_share_what_they_know_of_one_next_hop() -> None:
    plan, path = planned(SOFTSWITCH, SECOND)
    other = attrs.evolve(path, name="other", next_hops=(NextHop(SECOND, 7),))
    hops = Hops(attrs.evolve(plan, paths=(path, other)), Mint(SECRET))
    assert len(hops.neighbours) == 2
    be(hops, path, SECOND, Event.FAILED)
    assert hops.turns(other, b"")[0].state is DOWN
    assert not hops.put(path, [Target(SOFTSWITCH)], 0.0), "the other path still has it"
    (gone,) = hops.put(other, [Target(SOFTSWITCH)], 0.0)
    assert gone.hop.peer == SECOND and len(hops.neighbours) == 1


def test_what_is_known_of_those_that_stay_is_kept_and_those_that_go_may_call_for_a_while() -> None:
    hops, path = made(SOFTSWITCH, SECOND)
    be(hops, path, SOFTSWITCH, Event.FAILED)
    (gone,) = hops.put(path, [Target(SOFTSWITCH), Target(THIRD)], 100.0)
    assert gone.hop.peer == SECOND
    assert [each.state for _, each in hops.of(path)] == [DOWN, UP]
    assert hops.is_host("core", THIRD.host, 100.0)
    assert hops.is_host("core", SECOND.host, 100.0 + FORMER - 1)
    assert not hops.is_host("core", SECOND.host, 100.0 + FORMER)
    assert not hops.is_host("access", SOFTSWITCH.host, 100.0)
    assert hops.at(path, gone.hop) is None


def test_few_of_those_that_went_are_remembered() -> None:
    hops, path = made(SOFTSWITCH)
    for number in range(MOST_FORMER + 10):
        hops.put(path, [Target(Address(f"10.0.{number // 256}.{number % 256}", 5060))], float(number))
    remembered = sum(hops.is_host("core", f"10.0.{n // 256}.{n % 256}", 500.0) for n in range(MOST_FORMER + 9))
    assert remembered == MOST_FORMER
    assert not hops.is_host("core", SOFTSWITCH.host, 500.0)


def test_a_name_stands_for_nobody_until_it_is_resolved() -> None:
    hops, path = made(NextHop(Address("softswitch.example.net", 0)))
    assert hops.turns(path, b"") == []
    hops.put(path, [Target(SECOND, priority=(0, 10), name="softswitch.example.net")], 1.0)
    (neighbour,) = hops.turns(path, b"")
    assert (neighbour.hop.peer, neighbour.name) == (SECOND, "softswitch.example.net")


def test_a_name_stands_for_whom_it_stood_when_the_plan_changes() -> None:
    hops, path = made(NextHop(Address("softswitch.example.net", 0)))
    hops.put(path, [Target(SECOND, name="softswitch.example.net")], 1.0)
    plan, _ = planned(NextHop(Address("softswitch.example.net", 0)))
    assert not hops.replan(plan, 2.0)
    assert [each.hop.peer for each in hops.turns(path, b"")] == [SECOND]
    plan, _ = planned(NextHop(Address("other.example.net", 0)))
    (gone,) = hops.replan(plan, 3.0)
    assert gone.hop.peer == SECOND


def test_a_next_hop_is_spoken_to_by_the_listener_of_its_transport() -> None:
    plan, path = planned(NextHop(SOFTSWITCH), NextHop(SOFTSWITCH, transport="tcp"))
    core = plan.realms["core"]
    by_tcp = attrs.evolve(core.listeners[0], transport="tcp")
    plan = attrs.evolve(plan, realms={**plan.realms, "core": attrs.evolve(core, listeners=(*core.listeners, by_tcp))})
    hops = Hops(plan, Mint(SECRET))
    assert {neighbour.hop for _, neighbour in hops.of(path)} == {
        Hop(core.listeners[0], SOFTSWITCH),
        Hop(by_tcp, SOFTSWITCH),
    }
    stranger = Listener("core", "toy", "sctp", SECOND, SECOND)
    assert hops.at(path, Hop(stranger, SOFTSWITCH)) is None
    assert hops.put(path, [Target(SOFTSWITCH, "sctp")], 0.0), "for what there is no listener, nobody is reached by"
    assert hops.turns(path, b"") == []
