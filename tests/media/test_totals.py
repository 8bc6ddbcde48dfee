"""Sums over streams: whatever order they are looked at in, nothing is counted twice and nothing shrinks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, SideSpec, StreamSpec
from sbc.media.counters import Drops, Quality, SideCounters, StreamCounters, Volume
from sbc.media.totals import Totals


def spec(id: str, *realms: str) -> StreamSpec:
    here = Pair(Address("192.0.2.9", 20000), None)
    first, second = (SideSpec(realm, here, None, False, "192.0.2.1", Latch.NAT, 3.0) for realm in realms)
    return StreamSpec(id, id.partition("/")[0], "rtp", (first, second))


def flowed(packets: int, back: int = 0, refused: int = 0) -> StreamCounters:
    rtp, rtcp = Volume(packets, packets * 100), Volume(1, 50) if packets else Volume()
    near = SideCounters(rtp, rtcp, Volume(back, back * 100), drops=Drops(wrong_source=refused))
    return StreamCounters((near, SideCounters(Volume(back, back * 100), sent_rtp=rtp, sent_rtcp=rtcp)))


def test_what_open_streams_carry_is_added_at_each_look_and_the_rest_at_the_end() -> None:
    totals = Totals()
    totals.opened(spec("a/1", "access", "core"), "twisted")
    totals.look(lambda _: flowed(10, 5, 2), 1)
    totals.look(lambda _: flowed(10, 5, 2), 1)
    assert totals.counted["packets", "access", "in"] == 11
    assert totals.counted["octets", "access", "in"] == 1050
    assert totals.counted["packets", "core", "out"] == 11
    assert totals.counted["packets", "access", "out"] == totals.counted["packets", "core", "in"] == 5
    assert +totals.dropped == {("access", "wrong_source"): 2}
    assert totals.by_media == {
        ("access", "other", "in"): 1050 + 11 * 28,
        ("access", "other", "out"): 5 * 128,
        ("core", "other", "in"): 5 * 128,
        ("core", "other", "out"): 1050 + 11 * 28,
    }
    totals.closed("a/1", flowed(100, 50, 3))
    assert totals.counted["packets", "access", "in"] == 101
    assert totals.dropped["access", "wrong_source"] == 3
    assert len(totals) == 0
    totals.closed("a/1", flowed(1000))
    assert totals.counted["packets", "access", "in"] == 101


def test_a_look_takes_a_few_in_turn() -> None:
    totals = Totals()
    for number in range(5):
        totals.opened(spec(f"{number}/1", "access", "core"), "twisted")
    asked: list[str] = []

    def counters(stream: str) -> StreamCounters:
        asked.append(stream)
        if stream == "2/1":
            raise KeyError(stream)  # gone from the engine
        return flowed(1)

    for _ in range(3):
        totals.look(counters, 2)
    assert asked == ["0/1", "1/1", "2/1", "3/1", "4/1", "0/1"]
    assert totals.counted["packets", "access", "in"] == 8


def test_streams_are_counted_by_who_forwards_them() -> None:
    totals = Totals()
    for number in range(3):
        totals.opened(spec(f"{number}/1", "access", "core"), "native")
    totals.forwards("1/1", "kernel", "latched")
    totals.forwards("2/1", "kernel", "latched")
    totals.forwards("2/1", "native", "held")
    assert totals.engines() == {"native": 2, "kernel": 1}
    totals.closed("1/1", flowed(1))
    totals.forwards("1/1", "native", "closed")  # was already on its way
    assert totals.engines() == {"native": 2}
    assert totals.forwarded == {("kernel", "latched"): 2, ("native", "held"): 1, ("native", "closed"): 1}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 50), st.booleans()), max_size=60))
def test_sums_are_what_all_streams_carried_and_never_shrink(steps: list[tuple[int, int, bool]]) -> None:
    totals, carried, final = Totals(), [0] * 5, 0
    for number in range(5):
        totals.opened(spec(f"{number}/1", "access", "core"), "twisted")
    seen = 0
    for number, more, close in steps:
        carried[number] += more
        if close:
            totals.closed(f"{number}/1", flowed(0, carried[number]))
            final += carried[number]
            carried[number] = 0
            totals.opened(spec(f"{number}/1", "access", "core"), "twisted")
        else:
            totals.look(lambda stream: flowed(0, carried[int(stream[0])]), 2)
        now = totals.counted["packets", "core", "in"]
        assert seen <= now <= final + sum(carried)
        seen = now
    for number in range(5):
        totals.closed(f"{number}/1", flowed(0, carried[number]))
    assert totals.counted["packets", "core", "in"] == final + sum(carried)


def rated(near: Quality | None, far: Quality | None = None) -> StreamCounters:
    return StreamCounters((SideCounters(quality=near), SideCounters(quality=far)))


def test_packets_lost_are_summed_and_what_came_late_is_lost_once() -> None:
    totals = Totals()
    totals.opened(spec("a/1", "access", "core"), "twisted")
    for expected, lost in ((100, 3), (200, 1), (300, 3)):
        totals.look(lambda _, e=expected, n=lost: rated(Quality(e, n)), 1)  # type: ignore[misc]
    totals.closed("a/1", rated(Quality(310, 4), Quality(50, 0)))
    assert totals.expected == {"access": 310, "core": 50} and +totals.lost == {"access": 4}


def test_figures_are_told_when_a_stream_ends() -> None:
    totals = Totals()
    for number, quality in enumerate((Quality(1000, 10, 4.0, 60.0, 4.1), Quality(1000, 0, None, None, None))):
        totals.opened(spec(f"{number}/1", "access", "core"), "twisted")
        totals.look(lambda _, q=quality: rated(q), 1)  # type: ignore[misc]
        totals.closed(f"{number}/1", rated(quality, Quality(20, 1, 1.0)))
    assert {key: (of.buckets()[-1][1], of.sum) for key, of in totals.figures.items()} == {
        ("mos", "access"): (1, 4.1),
        ("loss", "access"): (2, 0.01),
        ("jitter", "access"): (1, 0.004),
        ("rtt", "access"): (1, 0.06),
    }
