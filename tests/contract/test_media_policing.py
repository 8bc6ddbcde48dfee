"""How every media engine polices: the rate of a stream's side and of a realm, who is told, who is not held back."""

from __future__ import annotations

import time
from math import inf
from typing import Any

import attrs
import pytest

from sbc.core.orders import Rate
from sbc.core.vpn import Vpn
from sbc.media.counters import Drops, Volume
from tests.contract.engines import QUIET, Call, Rig, balanced
from tests.media.packets import receiver_report, rtp

PACKET = 172
RATE = Rate(100 * PACKET, 50 * PACKET)  # a hundred packets a second, and half as many at once
SMALL = Rate(1, 5 * PACKET)  # five packets, and then none for minutes


class Lent:
    """A bucket in memory, on the clock of the threads in C, which tests put forward."""

    def __init__(self, rate: Rate) -> None:
        module: Any = pytest.importorskip("sbc.media.native._native", reason="the modules in C are not built")
        self._lib, self._ffi = module.lib, module.ffi
        self._bucket = self._ffi.new("struct bucket *")
        self._lib.bucket_change(self._bucket, rate.octets, rate.burst, self._lib.clock_now())

    @property
    def address(self) -> int:
        return int(self._ffi.cast("uintptr_t", self._bucket))

    def delay(self, octets: int, now: float) -> float:
        return 0.0 if self._lib.bucket_has(self._bucket, octets, self._lib.clock_now()) else inf

    def take(self, octets: int) -> None:
        self._lib.bucket_take(self._bucket, octets, self._lib.clock_now())

    def held(self) -> float:
        empty = max(0, self._bucket.full_at - self._lib.clock_now())
        return float((self._bucket.depth - empty) * 65_536 / self._bucket.step)


def test_a_side_passes_its_rate_within_two_parts_in_a_hundred(rig: Rig) -> None:
    """Each round brings more than the bucket can hold, so what it passes is what has flowed in since the last."""
    call = Call(rig, a={"limit": RATE})
    began = rig.reactor.seconds()
    least, ended = float(RATE.burst), began
    for round_ in range(7):
        if round_:
            rig.pass_time(0.3)
            least += min(RATE.burst, RATE.octets * (rig.reactor.seconds() - ended))
        call.send(call.a, call.at_a, *[rtp(n) for n in range(130)])
        ended = rig.reactor.seconds()
    most = RATE.burst + RATE.octets * (ended - began)
    counters = call.counters()
    passed = counters.sides[0].received_rtp
    assert 0.98 * least - PACKET <= passed.octets <= 1.02 * most
    assert counters.sides[0].drops == Drops(policed=7 * 130 - passed.packets)
    assert counters.sides[1].sent_rtp == passed
    assert len(call.b.data()) == passed.packets
    assert balanced(counters)


def test_a_burst_that_is_shaped_leaves_at_the_rate_in_its_order_and_whole(rig: Rig) -> None:
    """However late this process looks at its sockets: what came sooner than the rate allows would show all the same."""
    shape = Rate(100 * PACKET, 3_000, 1.0)
    call = Call(rig, a={"limit": shape})
    rig.engine.counters(call.id)  # it is open, whatever threads there are
    began = time.monotonic()
    sent = [rtp(n) for n in range(60)]
    call.send(call.a, call.at_a, *sent)
    came: list[bytes] = []
    while len(came) < len(sent):
        rig.reactor.iterate(0.005)
        come = call.b.data()
        most = shape.burst + 1.02 * shape.octets * (time.monotonic() - began)
        came += come
        assert PACKET * len(came) <= most + PACKET
    took = time.monotonic() - began
    assert came == sent
    assert took >= 0.98 * (60 * PACKET - shape.burst) / shape.octets
    counters = call.counters()
    assert counters.sides[0].drops == QUIET and balanced(counters)
    assert (counters.sides[1].sent_rtp.packets, counters.sides[1].sent_rtp.octets) == (60, 60 * PACKET)
    assert rig.engine.forwarder(call.id)[1] == "shaped"


def test_what_would_wait_longer_than_it_may_is_dropped_and_nothing_before_it(rig: Rig) -> None:
    shape = Rate(100 * PACKET, 3_000, 0.5)
    call = Call(rig, a={"limit": shape})
    began = rig.reactor.seconds()
    call.send(call.a, call.at_a, *[rtp(n) for n in range(200)])
    taken = call.counters().sides[0].received_rtp.packets
    at_least, within = shape.burst + 0.5 * shape.octets, shape.octets * (rig.reactor.seconds() - began)
    assert at_least / PACKET - 2 <= taken <= (at_least + within) / PACKET + 2
    assert call.counters().sides[0].drops == Drops(policed=200 - taken)
    rig.wait(lambda: call.counters().sides[1].sent_rtp.packets == taken, "what waits has left")
    assert balanced(call.counters())


def test_the_streams_of_a_realm_wait_for_each_other(rig: Rig) -> None:
    rig.engine.limit_realm("access", Rate(100 * PACKET, 3_000, 1.0))
    calls = [Call(rig), Call(rig)]
    began = time.monotonic()
    for call in calls:
        call.send(call.a, call.at_a, *[rtp(n) for n in range(30)])
    rig.wait(lambda: all(call.counters().sides[1].sent_rtp.packets == 30 for call in calls), "all has left")
    assert time.monotonic() - began >= 0.98 * (60 * PACKET - 3_000) / (100 * PACKET)
    for call in calls:
        assert call.b.data() == [rtp(n) for n in range(30)] and call.counters().sides[0].drops == QUIET


def test_what_waits_at_the_end_of_its_stream_is_sent(rig: Rig) -> None:
    call = Call(rig, a={"limit": Rate(10 * PACKET, 3_000, 1.0)})
    call.send(call.a, call.at_a, *[rtp(n) for n in range(25)])
    final = rig.engine.close(call.id)
    assert final.sides[0].received_rtp == final.sides[1].sent_rtp == Volume(25, 25 * PACKET)
    assert balanced(final)
    assert call.b.data() == [rtp(n) for n in range(25)]


def test_the_other_side_is_not_held_back(rig: Rig) -> None:
    call = Call(rig, a={"limit": SMALL})
    call.send(call.a, call.at_a, *[rtp(n) for n in range(20)])
    call.send(call.b, call.at_b, *[rtp(n) for n in range(20)])
    a, b = call.counters().sides
    assert (a.received_rtp.packets, a.drops) == (5, Drops(policed=15))
    assert (b.received_rtp.packets, b.drops) == (20, QUIET)


def test_rtp_and_rtcp_of_a_side_share_a_bucket(rig: Rig) -> None:
    call = Call(rig, a={"limit": SMALL})
    call.send(call.a, call.at_a, *[rtp(n) for n in range(5)])
    call.send(call.a_rtcp, call.at_a_rtcp, receiver_report())
    side = call.counters().sides[0]
    assert (side.received_rtp.packets, side.received_rtcp.packets) == (5, 0)
    assert side.drops == Drops(policed=1)
    assert call.b_rtcp.data() == []


def test_strangers_use_nothing_up(rig: Rig) -> None:
    call = Call(rig, a={"limit": SMALL})
    stranger = rig.peer(9)
    call.send(stranger, call.at_a, *[rtp(n) for n in range(50)])
    call.send(call.a, call.at_a, *[rtp(n) for n in range(5)])
    side = call.counters().sides[0]
    assert side.received_rtp.packets == 5
    assert side.drops == Drops(wrong_source=50)


def test_fax_is_policed_too(rig: Rig) -> None:
    call = Call(rig, kind="t38", a={"limit": Rate(1, 1000)})
    call.send(call.a, call.at_a, *[bytes([0, n, 1, 6, 0, 0]) + bytes(394) for n in range(5)])
    side = call.counters().sides[0]
    assert side.received == Volume(2, 800)
    assert side.drops == Drops(policed=3)


def test_it_is_told_once_and_again_after_an_update(rig: Rig) -> None:
    call = Call(rig, a={"limit": SMALL}, b={"limit": SMALL})
    call.send(call.a, call.at_a, *[rtp(n) for n in range(20)])
    rig.wait(lambda: rig.observer.policings, "policed")
    call.send(call.a, call.at_a, *[rtp(n) for n in range(20)])
    assert rig.observer.policings == [(call.id, 0)]
    call.send(call.b, call.at_b, *[rtp(n) for n in range(20)])
    rig.wait(lambda: len(rig.observer.policings) == 2, "policed, the other side")
    call.update(1)
    call.send(call.a, call.at_a, rtp())
    rig.wait(lambda: len(rig.observer.policings) == 3, "policed, again")
    assert rig.observer.policings == [(call.id, 0), (call.id, 1), (call.id, 0)]


def test_an_update_gives_no_new_burst_but_another_rate(rig: Rig) -> None:
    call = Call(rig, a={"limit": SMALL})
    call.send(call.a, call.at_a, *[rtp(n) for n in range(8)])
    call.update(0)
    call.send(call.a, call.at_a, rtp())
    assert call.counters().sides[0].drops == Drops(policed=4)
    call.update(0, limit=None)
    call.send(call.a, call.at_a, *[rtp(n) for n in range(20)])
    assert call.counters().sides[0].drops == Drops(policed=4)
    call.update(0, limit=SMALL)
    call.send(call.a, call.at_a, *[rtp(n) for n in range(8)])
    assert call.counters().sides[0].drops == Drops(policed=7)


def test_what_is_lent_in_the_place_of_a_side_s_own_is_one_with_it(rig: Rig) -> None:
    """As the kernel's programs draw from it, too: see IUserSpaceEngine."""
    lent = Lent(SMALL)
    call = Call(rig, a={"limit": SMALL})
    call.send(call.a, call.at_a, rtp())
    rig.engine.lend(call.id, 0, lent)
    rig.engine.sides(call.id)  # answered when the threads have done what they were told before
    lent.take(PACKET)
    call.send(call.a, call.at_a, rtp(), rtp())
    rig.engine.lend(call.id, 0, None)
    call.send(call.a, call.at_a, rtp(), rtp())
    side = call.counters().sides[0]
    assert (side.received_rtp.packets, side.drops) == (4, Drops(policed=1))
    rig.engine.lend(call.id, 1, lent)  # which has no rate
    call.send(call.b, call.at_b, *[rtp(n) for n in range(9)])
    assert call.counters().sides[1].received_rtp.packets == 9


def test_what_is_larger_than_the_burst_never_passes(rig: Rig) -> None:
    call = Call(rig, a={"limit": Rate(1_000_000, 500)})
    call.send(call.a, call.at_a, rtp(payload=bytes(600)), rtp())
    assert call.b.data() == [rtp()]
    assert call.counters().sides[0].drops == Drops(policed=1)


def test_the_streams_of_a_realm_share_its_rate(rig: Rig) -> None:
    before = Call(rig)
    rig.engine.limit_realm("access", SMALL)
    after = Call(rig)
    for call in (before, after):
        call.send(call.a, call.at_a, *[rtp(n) for n in range(4)])
        call.send(call.b, call.at_b, *[rtp(n) for n in range(20)])
    assert [call.counters().sides[0].received_rtp.packets for call in (before, after)] == [4, 1]
    assert [call.counters().sides[0].drops for call in (before, after)] == [QUIET, Drops(policed=3)]
    assert [call.counters().sides[1].received_rtp.packets for call in (before, after)] == [20, 20]
    assert rig.observer.policings == [(after.id, 0)]


def test_a_realms_rate_is_changed_and_lifted_while_streams_are_open(rig: Rig) -> None:
    call = Call(rig)
    rig.engine.limit_realm("access", SMALL)
    call.send(call.a, call.at_a, *[rtp(n) for n in range(8)])
    rig.engine.limit_realm("access", Rate(1, 100 * PACKET))
    call.send(call.a, call.at_a, rtp())
    assert call.counters().sides[0].drops == Drops(policed=4)
    rig.engine.limit_realm("access", None)
    call.send(call.a, call.at_a, *[rtp(n) for n in range(20)])
    assert call.counters().sides[0].drops == Drops(policed=4)
    assert call.counters().sides[0].received_rtp.packets == 25


def test_what_the_stream_may_not_send_costs_the_realm_nothing(rig: Rig) -> None:
    rig.engine.limit_realm("access", Rate(1, 20 * PACKET))
    greedy, modest = Call(rig, a={"limit": SMALL}), Call(rig)
    greedy.send(greedy.a, greedy.at_a, *[rtp(n) for n in range(50)])
    modest.send(modest.a, modest.at_a, *[rtp(n) for n in range(20)])
    assert greedy.counters().sides[0].received_rtp.packets == 5
    assert modest.counters().sides[0].received_rtp.packets == 15


def test_two_sides_of_one_realm_share_its_rate(rig: Rig) -> None:
    """Media between two terminals of one network comes and goes there."""
    rig.engine.limit_realm("access", SMALL)
    call = Call(rig, b={"realm": "access"})
    call.send(call.a, call.at_a, *[rtp(n) for n in range(4)])
    call.send(call.b, call.at_b, *[rtp(n) for n in range(4)])
    a, b = call.counters().sides
    assert (a.received_rtp.packets, b.received_rtp.packets) == (4, 1)


@pytest.mark.parametrize("side", [0, 1])
def test_mark_and_network_are_for_the_life_of_the_sockets(rig: Rig, side: int) -> None:
    call = Call(rig)
    spec = call.spec.sides[side]
    for change in ({"mark": 5}, {"vpn": Vpn("", "lo")}):
        with pytest.raises(ValueError, match="mark and network"):
            rig.engine.update(call.id, side, attrs.evolve(spec, **change))
