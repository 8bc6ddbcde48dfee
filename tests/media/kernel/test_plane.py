"""The kernel's half as user space holds it: slots, buckets, what is pinned and taken over."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.orders import Rate
from sbc.media.kernel.arrival import Arrival
from sbc.media.kernel.peers import FRAMES, PEER
from sbc.media.kernel.pins import unpin_maps
from sbc.media.kernel.plane import POLICED, Plane, Tally
from sbc.media.meter import Tally as Measured
from tests.media.kernel.bench import (
    AT_PHONE,
    FLOW,
    PHONE,
    TC_REDIRECT,
    TC_SHOT,
    TC_UNSPEC,
    XDP_PASS,
    XDP_REDIRECT,
    Bench,
)
from tests.media.kernel.frames import Frame
from tests.media.packets import rtp, stun_request

RTP = Frame(PHONE, AT_PHONE, rtp())


def test_a_slot_knows_its_flow(bench: Bench) -> None:
    slot = bench.enter()
    assert bench.plane.addresses(slot) == (FLOW.local, FLOW.source, FLOW.out, FLOW.to)
    assert bench.plane.last(slot) == ()
    assert bench.plane.received(slot) == 0


def test_there_is_one_flow_to_a_port(bench: Bench) -> None:
    bench.enter()
    with pytest.raises(OSError, match="exists"):
        bench.enter()


def test_a_slot_rests_before_it_serves_again(bench: Bench) -> None:
    used = []
    for _ in range(8):
        slot = bench.plane.enter(FLOW, 65_535, False, 0, 0)
        bench.plane.shut(slot)
        used.append(slot)
    assert len(set(used)) == 8


def test_a_slot_that_a_program_does_not_leave_serves_no_more(bench: Bench) -> None:
    plane = bench.apart.call(Plane, str(bench.folder / "stuck"), 64)
    slot = plane.enter(FLOW, 65_535, False, 0, 0)
    free = len(plane._vacant)
    plane._slots[slot].gate += 1  # as if one were in it
    assert plane.shut(slot) == (Tally(), ())
    assert len(plane._vacant) == free
    assert plane.enter(FLOW, 65_535, False, 0, 0) != slot
    plane.close()


def test_a_flow_that_cannot_be_written_costs_no_slot(bench: Bench) -> None:
    free = len(bench.plane._vacant)
    with pytest.raises(OSError, match="illegal"):
        bench.plane.enter(attrs.evolve(FLOW, to=Address("fe80::1%left", 1)), 65_535, False, 0, 0)
    assert len(bench.plane._vacant) == free


def test_what_is_over_the_rate_is_dropped_and_counted(bench: Bench) -> None:
    """Ten packets fill the bucket; hardly any octet comes in while more are tried."""
    slot = bench.enter(attrs.evolve(FLOW, limit=Rate(octets=100, burst=1720)), own=-1)
    results = [bench.tc(RTP)[0] for _ in range(15)]
    assert results == [TC_REDIRECT] * 10 + [TC_SHOT] * 5
    assert bench.tally(slot) == Tally(packets=10, octets=1720, policed=5)
    assert bench.plane.look() == [(slot, POLICED)]


def test_a_bucket_fills_by_its_rate(bench: Bench) -> None:
    slot = bench.enter(attrs.evolve(FLOW, limit=Rate(octets=100, burst=1720)), own=-1)
    for _ in range(10):
        bench.tc(RTP)
    bench.plane._slots[slot].bucket.full_at -= 3_500_000_000  # as if so many ns had gone by: 350 octets
    assert [bench.tc(RTP)[0] for _ in range(3)] == [TC_REDIRECT] * 2 + [TC_SHOT]


def test_another_rate_gives_nothing_by_itself(bench: Bench) -> None:
    slot = bench.enter(attrs.evolve(FLOW, limit=Rate(octets=100, burst=1720)), own=-1)
    for _ in range(10):
        bench.tc(RTP)
    bench.plane.limit(slot, Rate(octets=10, burst=3440))
    assert {bench.tc(RTP)[0] for _ in range(5)} == {TC_SHOT}
    bench.plane.limit(slot, None)
    assert {bench.tc(RTP)[0] for _ in range(20)} == {TC_REDIRECT}
    bench.plane._slots[slot].bucket.full_at = bench.plane.now() + 10**12  # as by another clock
    assert {bench.tc(RTP)[0] for _ in range(20)} == {TC_REDIRECT}


def test_flows_of_a_realm_share_a_bucket_and_a_refusal_costs_nothing(bench: Bench) -> None:
    bench.plane.limit_realm("access", Rate(octets=100, burst=4 * 172))
    realm = bench.plane.realm("access")
    other = Address(AT_PHONE.host, 20_100)
    slots = [
        bench.enter(attrs.evolve(FLOW, limit=Rate(octets=100, burst=5 * 172)), own=-1, realm=realm),
        bench.enter(attrs.evolve(FLOW, local=other), realm=realm),
    ]
    for _ in range(3):
        bench.tc(RTP)
        bench.tc(attrs.evolve(RTP, to=other))
    assert sum(bench.tally(slot).packets for slot in slots) == 4
    bench.plane.limit_realm("access", None)
    assert [bench.tc(RTP)[0] for _ in range(4)] == [TC_REDIRECT] * 3 + [TC_SHOT]


def test_there_are_only_so_many_buckets_for_realms(bench: Bench) -> None:
    plane = bench.apart.call(Plane, str(bench.folder / "realms"), 8)
    plane.limit_realm("never", None)
    assert plane.realm("never") == 0
    for n in range(4096):
        plane.limit_realm(str(n), Rate(1, 1))
    assert plane.realm("4095") == 4096
    with pytest.raises(OSError, match="no bucket"):
        plane.limit_realm("one more", Rate(1, 1))
    plane.close()


def test_a_process_takes_over_what_another_has_left(bench: Bench) -> None:
    directory = str(bench.folder / "kept")
    first = bench.apart.call(Plane, directory, 64)
    slot = first.enter(FLOW, 65_535, False, 0, 0)
    came = Arrival(Measured(1, 2, 3, 4, 5, 6, jitter_sum=8), 9, 10)
    first.recorded.note(slot, Tally(1, 2, 3, 4, 5, 6), came)
    first.close()
    second = bench.apart.call(Plane, directory, 64)
    assert second.left == {FLOW.local: slot}
    assert second.addresses(slot)[1] == PHONE
    assert second.recorded.tally(slot) == Tally(1, 2, 3, 4, 5, 6)
    assert second.recorded.arrival(slot) == came
    fresh = [
        second.enter(attrs.evolve(FLOW, local=Address("10.1.0.1", port)), 65_535, False, 0, 0) for port in range(1, 64)
    ]
    assert slot not in fresh
    second.close()


@pytest.mark.parametrize(
    "change",
    [{}, {"to": Address("10.2.0.9", 1)}, {"source": Address("10.1.0.9", 1)}, {"out": Address("10.2.0.1", 9)}],
    ids=str,
)
def test_only_the_very_flow_is_taken_over(bench: Bench, change: dict[str, Any]) -> None:
    directory = str(bench.folder / "over")
    first = bench.apart.call(Plane, directory, 64)
    slot = first.enter(FLOW, 65_535, False, 0, 0)
    first.close()
    second = bench.apart.call(Plane, directory, 64)
    assert second.take_over(attrs.evolve(FLOW, **change)) == (None if change else slot)
    assert second.left == ({FLOW.local: slot} if change else {})
    assert second.forget(FLOW.local) == ((slot, Tally()) if change else None)
    assert second.take_over(FLOW) is None
    if not change:
        second.shut(slot)
    second.enter(FLOW, 65_535, False, 0, 0)
    bench.apart.call(unpin_maps, directory)
    second.close()


@pytest.mark.parametrize(
    ("change", "mux"),
    [({}, True), ({}, False), ({"dscp": 0}, True), ({"limit": Rate(1, 1)}, True), ({"clock": 16_000}, True)],
    ids=str,
)
def test_a_flow_that_is_to_be_forwarded_otherwise_does_not_fit(bench: Bench, change: dict[str, Any], mux: bool) -> None:
    directory = str(bench.folder / "fits")
    first = bench.apart.call(Plane, directory, 64)
    slot = first.enter(FLOW, 65_535, True, 0, 0)
    first.close()
    second = bench.apart.call(Plane, directory, 64)
    flow = attrs.evolve(FLOW, **change)
    assert second.take_over(flow) == slot
    assert second.fits(slot, flow, mux) == (not change and mux)
    bench.apart.call(unpin_maps, directory)
    second.close()


def test_a_rate_that_is_no_more_is_not_held_to(bench: Bench) -> None:
    directory = str(bench.folder / "rate")
    first = bench.apart.call(Plane, directory, 64)
    slot = first.enter(attrs.evolve(FLOW, limit=Rate(octets=1, burst=172)), 65_535, False, -1, 0)
    first.close()
    second = bench.apart.call(Plane, directory, 64)
    assert second.take_over(FLOW) == slot
    results = [bench.apart.call(second.run, RTP.data(), bench.a, True)[0] for _ in range(5)]
    assert results == [TC_REDIRECT] * 5
    bench.apart.call(unpin_maps, directory)
    second.close()


def test_what_nobody_has_answered_for_goes_on_no_more_and_its_counts_wait(bench: Bench) -> None:
    directory = str(bench.folder / "lapsed")
    first = bench.apart.call(Plane, directory, 64)
    slot = first.enter(FLOW, 65_535, False, 0, 0)
    forwarded = bench.apart.call(first.run, RTP.data(), bench.a, True)
    first.lease.end()
    first.lease.routes = 2
    first.close()
    second = bench.apart.call(Plane, directory, 64)
    assert not second.lease.ended()
    assert forwarded[0] == TC_REDIRECT
    assert bench.apart.call(second.run, RTP.data(), bench.a, True)[0] == TC_UNSPEC
    assert second.left == {FLOW.local: slot}
    assert second.take_over(FLOW) == slot
    assert not second.fits(slot, FLOW, False)
    assert second.last(slot) == ()
    assert second.shut(slot)[0] == Tally(packets=1, octets=172)
    assert second.lease.routes == 2
    second.close()
    third = bench.apart.call(Plane, directory, 128)  # maps of another size are new, but what was set is known
    assert third.lease.routes == 2
    third.close()


def test_what_was_said_before_the_lease_had_ended_is_old_news(bench: Bench) -> None:
    slot = bench.enter()
    bench.tc(RTP)
    assert bench.plane.last(slot)
    bench.plane.lease.end()
    assert bench.plane.last(slot) == ()
    assert bench.plane.lease.renew() == 0
    assert bench.plane.last(slot) == ()
    bench.tc(RTP)
    assert bench.plane.last(slot)


def test_what_may_be_done_at_an_interface_each_process_says_itself(bench: Bench) -> None:
    """It was told otherwise, or another's filter has come: who has said so before is gone."""
    directory = str(bench.folder / "outlets")
    first = bench.apart.call(Plane, directory, 64)
    bench.apart.call(first.outlet, bench.b, FRAMES)
    first.close()
    second = bench.apart.call(Plane, directory, 64)
    second.lease.renew()
    slot = second.enter(FLOW, 65_535, False, 0, 0)
    found = [bench.apart.call(second.run, RTP.data(), bench.a)[0] for _ in range(3)]
    bench.apart.call(second.outlet, bench.b, FRAMES)
    found += [bench.apart.call(second.run, RTP.data(), bench.a)[0] for _ in range(2)]
    second.shut(slot)
    second.close()
    assert found == [XDP_PASS] * 4 + [XDP_REDIRECT]


def test_it_may_be_said_of_thousands_of_interfaces(bench: Bench) -> None:
    plane = bench.apart.call(Plane, str(bench.folder / "thousands"), 64)
    for index in range(1, 5000):
        plane.outlet(index, PEER)
    plane.close()


def test_a_slot_with_much_news_hides_nobody_s(bench: Bench) -> None:
    """Looks so small that each ends with the first word in which there is something."""
    plane = bench.apart.call(Plane, str(bench.folder / "round"), 128)
    ports = range(20_000, 20_100)
    flows = [attrs.evolve(FLOW, local=Address(AT_PHONE.host, port)) for port in ports]
    slots = [plane.enter(flow, 65_535, False, 0, 0) for flow in flows]
    plane._found = plane._ffi.new("unsigned int[]", 64)
    found = []
    for _ in range(3):
        for flow in (flows[0], flows[-1]):
            bench.apart.call(plane.run, Frame(PHONE, flow.local, stun_request()).data(), bench.a, True)
        found += plane.look()
    plane.close()
    assert {slot for slot, _ in found} == {slots[0], slots[-1]}


@pytest.mark.parametrize("change", ["layout", "room"])
def test_what_does_not_fit_any_more_is_forgotten(bench: Bench, change: str) -> None:
    directory = str(bench.folder / f"old-{change}")
    first = bench.apart.call(Plane, directory, 64)
    slot = first.enter(FLOW, 65_535, False, 0, 0)
    if change == "layout":
        first._slots[slot].layout += 1
    first.close()
    second = bench.apart.call(Plane, directory, 64 if change == "layout" else 128)
    assert second.left == {}
    second.enter(FLOW, 65_535, False, 0, 0)
    second.close()
