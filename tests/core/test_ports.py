"""Port pools against a model: nothing twice, nothing lost, and rest before the next use."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.ports import Pools, PortPool, Wanted
from sbc.core.vpn import MAIN, Vpn


@given(
    start=st.integers(1024, 1040),
    length=st.integers(0, 12),
    step=st.sampled_from([1, 2]),
    script=st.lists(st.tuples(st.sampled_from(["take", "give", "wait"]), st.integers(0, 20)), max_size=60),
)
def test_against_a_model(start: int, length: int, step: int, script: list[tuple[str, int]]) -> None:
    ports = range(start, start + length)
    pool = PortPool(ports, step, quarantine=10.0)
    free = [port for port in ports if port % step == 0 and port + step - 1 in ports]
    resting: dict[int, float] = {}
    taken: list[int] = []
    now = 0.0
    assert pool.size == len(free)
    for what, number in script:
        if what == "wait":
            now += number
        elif what == "give" and taken:
            port = taken.pop(number % len(taken))
            pool.give(port, now)
            resting[port] = now + 10.0
        elif what == "take":
            rested = [port for port, until in resting.items() if until <= now]
            may = {*free, *rested}
            port = pool.take(now)
            assert port in may if may else port is None
            if port is not None:
                taken.append(port)
                resting.pop(port, None)
                free = [each for each in free if each != port]
        assert pool.used == set(taken)
        assert pool.balanced()


def test_the_longest_rested_is_given_first() -> None:
    pool = PortPool(range(100, 104), 1, quarantine=0.0)
    first, second, third, fourth = (pool.take(0.0) for _ in range(4))
    for port in (third, first, fourth, second):
        assert port is not None
        pool.give(port, 1.0)
    assert [pool.take(1.0) for _ in range(4)] == [third, first, fourth, second]


def test_rtp_is_even_and_its_rtcp_within_the_range() -> None:
    pool = PortPool(range(10001, 10004), 2, 0.0)
    assert [pool.take(0.0), pool.take(0.0)] == [10002, None]
    assert PortPool(range(10002, 10003), 2, 0.0).size == 0


def test_giving_back_what_was_not_taken_is_a_fault() -> None:
    pool = PortPool(range(100, 104), 1, 0.0)
    with pytest.raises(KeyError):
        pool.give(100, 0.0)


def test_a_lost_port_is_noticed() -> None:
    pool = PortPool(range(100, 104), 1, 0.0)
    pool.take(0.0)
    pool.used.clear()
    assert not pool.balanced()


def test_a_port_can_be_claimed_once_if_it_is_the_pools() -> None:
    pool = PortPool(range(20000, 20010), 2, 10.0)
    assert pool.claim(20004) and not pool.claim(20004)
    assert not pool.claim(20005) and not pool.claim(30000)
    assert [pool.take(0.0) for _ in range(5)] == [20000, 20002, 20006, 20008, None]
    pool.give(20004, 0.0)
    assert pool.balanced() and pool.take(11.0) == 20004


HOSTS = ("one", "two")
ranges = st.tuples(st.integers(100, 108), st.integers(0, 8)).map(lambda each: range(each[0], each[0] + each[1]))


def wanted(a: range, b: range, hosts: tuple[str, str]) -> dict[str, Wanted]:
    """Two pools that do not overlap where they are at one host."""
    if hosts[0] == hosts[1] and set(a) & set(b):
        b = range(0)
    return {"a": Wanted(hosts[0], a, 5.0), "b": Wanted(hosts[1], b, 5.0)}


@given(
    first=st.tuples(ranges, ranges, st.tuples(st.sampled_from(HOSTS), st.sampled_from(HOSTS))),
    script=st.lists(
        st.one_of(
            st.tuples(st.just("take"), st.integers(0, 3)),
            st.tuples(st.just("give"), st.integers(0, 20)),
            st.tuples(st.just("wait"), st.integers(0, 10)),
            st.tuples(st.just("forget"), st.booleans()),
            st.tuples(
                st.just("become"),
                st.tuples(ranges, ranges, st.tuples(st.sampled_from(HOSTS), st.sampled_from(HOSTS))),
            ),
        ),
        max_size=60,
    ),
)
def test_pools_that_change_give_nothing_twice_and_lose_nothing(first: Any, script: list[tuple[str, Any]]) -> None:
    plan = wanted(*first)
    pools = Pools(1, plan)
    taken: list[tuple[str, str, int]] = []
    now = 0.0
    for what, how in script:
        if what == "take":
            there = list(pools.all().items())
            (name, host, _), pool = there[how % len(there)]  # of former ones too: calls that began there may need more
            port = pool.take(now)
            if port is not None:
                assert (host, port) not in {(at, each) for _, at, each in taken}
                assert pools.current[name] is not pool or port in plan[name].ports
                taken.append((name, host, port))
        elif what == "give" and taken:
            name, host, port = taken.pop(how % len(taken))
            pools.give((name, host, MAIN), port, now)
        elif what == "wait":
            now += how
        elif what == "forget":
            pools.forget({(name, host, MAIN) for name in "ab" for host in HOSTS} if how else ())
        elif what == "become":
            plan = wanted(*how)
            pools.become(plan)
        for (name, host, _), pool in pools.all().items():
            assert pool.balanced() and pool.host == host
            assert pool.used == {port for each, at, port in taken if (each, at) == (name, host)}
    for name, host, port in taken:
        pools.give((name, host, MAIN), port, now)
    pools.forget(())
    assert not pools.former
    now += 100
    for name, each in plan.items():  # and in the end every port of the last plan is there again
        got = set()
        while (port := pools.current[name].take(now)) is not None:
            got.add(port)
        assert got == set(each.ports)


def test_a_range_may_grow_and_shrink_while_ports_are_in_use() -> None:
    pool = PortPool(range(100, 104), 1, 0.0)
    assert [pool.take(0.0), pool.take(0.0)] == [100, 101]
    pool.become(range(101, 106), 0.0)
    assert [pool.take(0.0) for _ in range(5)] == [102, 103, 104, 105, None]
    pool.give(100, 0.0)  # is nobody's now
    pool.give(101, 0.0)
    assert [pool.take(1.0), pool.take(1.0)] == [101, None]
    assert pool.balanced()


def test_a_port_changes_hands_when_it_is_given_back() -> None:
    pools = Pools(1, {"a": Wanted("h", range(100, 102), 5.0), "b": Wanted("h", range(200, 202), 5.0)})
    assert pools.current["a"].take(0.0) == 100
    pools.become({"b": Wanted("h", range(100, 102), 5.0)})
    assert [pools.current["b"].take(0.0), pools.current["b"].take(0.0)] == [101, None]
    pools.give(("a", "h", MAIN), 100, 1.0)
    assert pools.current["b"].take(5.9) is None  # it rests first
    assert pools.current["b"].take(6.0) == 100


def test_what_no_pool_has_is_a_fault() -> None:
    pools = Pools(1, {"a": Wanted("h", range(100, 102), 5.0)})
    with pytest.raises(KeyError):
        pools.give(("a", "elsewhere", MAIN), 100, 0.0)
    with pytest.raises(KeyError):
        pools.give(("a", "h", MAIN), 100, 0.0)


def test_ports_of_one_host_in_two_networks_are_two() -> None:
    red, blue = Vpn("/run/netns/red"), Vpn("/run/netns/blue")
    both = {"a": Wanted("h", range(100, 102), 0.0, red), "b": Wanted("h", range(100, 102), 0.0, blue)}
    pools = Pools(1, both)
    assert [pools.current[name].take(0.0) for name in ("a", "b", "a", "b")] == [100, 100, 101, 101]
    pools.become({"a": Wanted("h", range(101, 103), 0.0, red), "b": both["b"]})
    assert pools.current["a"].take(0.0) == 102
    pools.give(("a", "h", red), 100, 0.0)  # is nobody's now: that of the other is in use all along
    assert pools.current["b"].take(0.0) is None and all(pool.balanced() for pool in pools.all().values())
    pools.become({"b": both["b"]})
    pools.give(("a", "h", red), 101, 1.0)
    assert pools.current["b"].used == {100, 101}


def test_realms_that_swap_networks_leave_each_port_where_it_is_open() -> None:
    red, blue = Vpn("/run/netns/red"), Vpn("/run/netns/blue")
    pools = Pools(1, {"a": Wanted("h", range(100, 102), 0.0, red), "b": Wanted("h", range(100, 102), 0.0, blue)})
    assert pools.current["a"].take(0.0) == 100
    pools.become({"a": Wanted("h", range(100, 102), 0.0, blue), "b": Wanted("h", range(100, 102), 0.0, red)})
    assert [pools.current["b"].take(0.0) for _ in range(2)] == [101, None]  # a call of the other's still has it there
    assert [pools.current["a"].take(0.0) for _ in range(3)] == [100, 101, None]
    assert pools.at("a", "h", red) in pools.former.values()
    pools.give(("a", "h", red), 100, 1.0)
    assert pools.current["b"].take(1.0) == 100 and all(pool.balanced() for pool in pools.all().values())


def test_a_device_shares_its_ports_with_who_is_bound_to_none() -> None:
    pools = Pools(1, {"a": Wanted("h", range(100, 102), 0.0, Vpn("", "eth1")), "b": Wanted("h", range(0), 0.0)})
    assert pools.current["a"].take(0.0) == 100
    pools.become({"b": Wanted("h", range(100, 102), 0.0)})
    assert [pools.current["b"].take(0.0), pools.current["b"].take(0.0)] == [101, None]
    pools.give(("a", "h", Vpn("", "eth1")), 100, 1.0)
    assert pools.current["b"].take(1.0) == 100
