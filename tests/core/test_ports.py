"""Port pools against a model: nothing twice, nothing lost, and rest before the next use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.ports import PortPool


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
