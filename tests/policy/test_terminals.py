"""Who ranks as registered is counted at its host; guests are one there, and never too many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address, network_of
from sbc.policy.flooding import Rank
from sbc.policy.source import Source
from sbc.policy.terminals import Terminals

HOST = "203.0.113.11"
STEPS = st.lists(st.tuples(st.integers(1, 12), st.sampled_from(["enter", "guest", "leave"])), max_size=120)


def test_guests_of_one_host_count_once_and_a_terminal_for_itself() -> None:
    there = Terminals(100)
    for port in range(1, 20):
        there.enter(Address(HOST, port), Source(0.0), True, 0.0)
    assert there.honest(HOST) == 1 and not there.homes and not there.honest("203.0.113.12")
    guest = there.all[Address(HOST, 5)]
    there.enter(Address(HOST, 5), guest, False, 1.0)
    assert there.homes == {HOST: 1} and not guest.guest and guest.rank is Rank.REGISTERED
    assert there.leave(Address(HOST, 5)) is guest and guest.rank is Rank.STRANGER and not there.homes


def test_the_first_guest_makes_room_for_guests_and_whoever_is_first_for_terminals() -> None:
    there = Terminals(3)
    there.enter(Address(HOST, 1), Source(0.0), False, 0.0)
    there.enter(Address(HOST, 2), Source(0.0), True, 0.0)
    assert there.in_the_way(False, 1) is None and there.in_the_way(True, 1) == Address(HOST, 2)
    there.enter(Address(HOST, 3), Source(0.0), True, 0.0)
    assert there.in_the_way(False, 9) == Address(HOST, 1)


def test_of_ipv6_the_whole_network_is_one_host() -> None:
    there = Terminals(100)
    for last in range(1, 5):
        there.enter(Address(f"2001:db8::{last}", 5060), Source(0.0), False, 0.0)
    assert there.homes == {"2001:db8::/64": 4}


@given(STEPS)
def test_the_counts_are_those_of_who_is_there(steps: list[tuple[int, str]]) -> None:
    there = Terminals(1_000)
    for port, what in steps:
        source = Address(HOST if port % 2 else "2001:db8::7", port)
        if what != "leave":
            there.enter(source, there.all.get(source) or Source(0.0), what == "guest", 0.0)
        elif source in there.all:
            there.leave(source)
    hosts = [network_of(source.host) for source, known in there.all.items() if not known.guest]
    assert there.homes == {host: hosts.count(host) for host in set(hosts)}
