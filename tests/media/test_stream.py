"""A stream without sockets: the quick way and the thorough way agree, the books balance, and what people are shown."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, Rate, SideSpec, StreamSpec
from sbc.media.counters import StreamCounters, Volume
from sbc.media.inlet import Inlet, Outlet, Source
from sbc.media.stream import Stream
from tests.media.packets import dtls_hello, receiver_report, report_block, rtp, sender_report, stun_request

A, A_RTCP, A_NAT = Address("192.168.1.10", 4000), Address("192.168.1.10", 4001), Address("203.0.113.11", 40000)
B, B_RTCP = Address("198.51.100.2", 5000), Address("198.51.100.2", 5001)
STRANGER = Address("203.0.113.66", 6666)
SPEC = StreamSpec(
    "stream-1",
    "call-1",
    "rtp",
    (
        SideSpec(
            realm="access",
            local=Pair(Address("203.0.113.1", 20000), Address("203.0.113.1", 20001)),
            remote=Pair(A, A_RTCP),
            behind_nat=True,
            seen_host=A_NAT.host,
            latch=Latch.NAT,
            window=3.0,
        ),
        SideSpec(
            realm="core",
            local=Pair(Address("198.51.100.1", 30000), Address("198.51.100.1", 30001)),
            remote=Pair(B, B_RTCP),
            behind_nat=False,
            seen_host=B.host,
            latch=Latch.NAT,
            window=3.0,
        ),
    ),
)


class Wire:
    """A stream whose sockets only note what they are given: (side, port, data, destination)."""

    def __init__(self, spec: StreamSpec = SPEC, longest: int = 2000) -> None:
        self.sent: list[tuple[int, str, bytes, Source]] = []
        self.policings: list[tuple[int, str]] = []
        self.latches: list[tuple[int, Address, str]] = []
        self.stream = Stream(
            spec,
            ((self.sender(0, "rtp"), self.sender(0, "rtcp")), (self.sender(1, "rtp"), self.sender(1, "rtcp"))),
            0.0,
            lambda *event: self.latches.append(event),
            longest,
            lambda *event: self.policings.append(event),
        )

    def sender(self, side: int, port: str) -> Any:
        return lambda data, to: self.sent.append((side, port, data, to))

    def inlet(self, side: int, port: str) -> Inlet:
        inlet = getattr(self.stream.sides[side], port)
        assert isinstance(inlet, Inlet)
        return inlet

    def arrive(self, side: int, port: str, data: bytes, source: Source, now: float = 0.5, fails: bool = False) -> bool:
        """Let a datagram arrive and do what an engine does; whether it was passed on."""
        outlet = self.inlet(side, port).arrive(data, source, now)
        if outlet is None:
            return False
        assert isinstance(outlet, Outlet)
        assert outlet.to is not None
        if fails:
            outlet.failed += 1
            return False
        outlet.send(data, outlet.to)
        outlet.packets += 1
        outlet.octets += len(data)
        return True

    def counters(self) -> StreamCounters:
        return self.stream.counters()


def test_rtp_and_rtcp_leave_by_the_sockets_of_the_other_side() -> None:
    wire = Wire()
    assert wire.arrive(0, "rtp", rtp(), A)
    assert wire.arrive(1, "rtcp", receiver_report(), B_RTCP)
    assert wire.sent == [(1, "rtp", rtp(), B), (0, "rtcp", receiver_report(), A_RTCP)]
    assert wire.latches == [(0, A, "signalled")]


def test_the_rtcp_latch_is_not_told_as_where_media_goes() -> None:
    wire = Wire()
    assert wire.arrive(0, "rtcp", receiver_report(), A_NAT)
    assert wire.latches == []
    assert wire.stream.sides[0].view().rtcp == A_NAT


def test_dtls_on_the_rtcp_port_leaves_by_the_rtcp_port_and_counts_with_it() -> None:
    wire = Wire()
    assert wire.arrive(0, "rtcp", dtls_hello(), A_RTCP)
    assert wire.sent == [(1, "rtcp", dtls_hello(), B_RTCP)]
    assert wire.counters().sides[0].received_rtcp == wire.counters().sides[1].sent_rtcp == Volume(1, len(dtls_hello()))


def test_the_scope_of_a_link_local_source_stays_with_the_destination() -> None:
    local = Pair(Address("fe80::1", 20000), Address("fe80::1", 20001))
    side = attrs.evolve(SPEC.sides[0], local=local, seen_host="fe80::11", remote=Pair(Address("fe80::a", 4000), None))
    wire = Wire(attrs.evolve(SPEC, sides=(side, SPEC.sides[1])))
    assert wire.arrive(0, "rtp", rtp(), ("fe80::11", 40000, 0, 3))
    assert wire.arrive(1, "rtp", rtp(), B)
    wire.stream.update(0, side, 10.0)
    assert wire.arrive(1, "rtp", rtp(), B, now=10.1)
    assert [to for at, _, _, to in wire.sent if at == 0] == [("fe80::11", 40000, 0, 3)] * 2


def test_a_side_keeps_its_local_pair() -> None:
    wire = Wire()
    other = Pair(Address("203.0.113.1", 20002), Address("203.0.113.1", 20003))
    with pytest.raises(ValueError, match="20002"):
        wire.stream.update(0, attrs.evolve(SPEC.sides[0], local=other), 1.0)


def test_a_changed_address_says_nothing_of_mux_yet() -> None:
    wire = Wire()
    wire.arrive(0, "rtp", receiver_report(), A)
    assert wire.stream.sides[0].mux
    wire.stream.update(0, attrs.evolve(SPEC.sides[0], remote=Pair(Address("192.168.1.20", 4000), None)), 1.0)
    assert not wire.stream.sides[0].mux


def test_the_sequence_is_known_of_packets_that_were_not_judged() -> None:
    wire = Wire()
    for sequence in range(1, 9000, 2000):
        assert wire.arrive(0, "rtp", rtp(sequence), A_NAT)
    wire.stream.update(0, SPEC.sides[0], 60.0)
    rebound = A_NAT._replace(port=41000)
    assert not wire.arrive(0, "rtp", rtp(2), rebound, now=60.1)
    assert wire.arrive(0, "rtp", rtp(8002), rebound, now=60.1)


def test_what_people_are_shown() -> None:
    wire = Wire()
    wire.arrive(0, "rtp", rtp(), A_NAT)
    wire.arrive(0, "rtp", rtp(), STRANGER)
    wire.arrive(0, "rtcp", receiver_report(), STRANGER)
    wire.arrive(1, "rtp", rtp(), STRANGER)
    access, core = (side.view() for side in wire.stream.sides)
    assert (access.realm, access.local, access.signalled) == ("access", SPEC.sides[0].local, Pair(A, A_RTCP))
    assert (access.rtp, access.rtp_reason) == (A_NAT, "seen-host")
    assert (access.rtcp, access.rtcp_reason) == (A_RTCP, "")
    assert access.refused == {"latched-elsewhere": 1, "not-rtp-host": 1}
    assert (core.rtp, core.rtp_reason, core.refused) == (B, "", {"not-behind-nat": 1})
    assert not (access.mux or access.held)


def test_one_socket_for_both_shows_and_counts_no_rtcp_latch() -> None:
    stream = Stream(SPEC, ((print, None), (print, None)), 0.0, lambda *event: None)
    view = stream.sides[0].view()
    assert (view.rtp, view.rtcp, view.rtcp_reason) == (A, None, "")


# -- properties

DATA = [
    rtp(1), rtp(2, ssrc=7), rtp(payload=bytes(1500)), receiver_report(), stun_request(), dtls_hello(), b"", b"\x80",
    b"\x80\xc8", b"\x9f" + rtp()[1:], b"junk" * 5, rtp(payload=bytes(3000)), rtp(payload=b""), b"\x80\xdf" + bytes(12),
]  # fmt: skip
REMOTES = [None, Pair(A, A_RTCP), Pair(A, A), Pair(A_NAT, None), Pair(Address("0.0.0.0", 9), None), Pair(B, B_RTCP)]
arrivals = st.tuples(
    st.just("arrive"),
    st.integers(0, 1),
    st.sampled_from(["rtp", "rtcp"]),
    st.sampled_from(DATA),
    st.sampled_from([A, A_RTCP, A_NAT, B, B_RTCP, STRANGER]),
    st.booleans(),
)
LIMITS = [None, None, Rate(1_000, 2_000), Rate(100, 200)]
updates = st.tuples(
    st.just("update"),
    st.integers(0, 1),
    st.sampled_from(REMOTES),
    st.booleans(),
    st.sampled_from(list(Latch)),
    st.sampled_from(LIMITS),
)
pauses = st.tuples(st.just("pause"), st.floats(0.0, 2.0))
scripts = st.lists(st.one_of(arrivals, arrivals, arrivals, updates, pauses), max_size=60)


def play(script: list[Any], always_judge: bool) -> tuple[Wire, int]:
    """Run a script; how many datagrams arrived. `always_judge` keeps every packet from the quick way."""
    wire, now, arrived = Wire(), 0.0, 0
    for what, *rest in script:
        if what == "arrive":
            side, port, data, source, fails = rest
            if always_judge:
                wire.inlet(side, port).trusted = None
            wire.arrive(side, port, data, source, now, fails)
            arrived += 1
        elif what == "update":
            side, remote, behind_nat, latch, limit = rest
            changed = attrs.evolve(SPEC.sides[side], remote=remote, behind_nat=behind_nat, latch=latch, limit=limit)
            wire.stream.update(side, changed, now)
        else:
            now += rest[0]
    return wire, arrived


@given(scripts)
def test_the_quick_way_for_known_sources_differs_in_nothing_from_judging_every_packet(script: list[Any]) -> None:
    quick, _ = play(script, always_judge=False)
    thorough, _ = play(script, always_judge=True)
    assert quick.sent == thorough.sent
    assert quick.latches == thorough.latches
    assert quick.policings == thorough.policings
    assert quick.counters() == thorough.counters()
    assert [side.view() for side in quick.stream.sides] == [side.view() for side in thorough.stream.sides]


@given(scripts)
def test_every_datagram_is_in_the_books_once(script: list[Any]) -> None:
    wire, arrived = play(script, always_judge=False)
    counters = wire.counters()
    judged = 0
    for here, there in (counters.sides, counters.sides[::-1]):
        assert here.received.packets == there.sent.packets + there.drops.no_destination + there.drops.send_error
        drops = here.drops
        judged += here.received.packets + drops.wrong_source + drops.too_short + drops.too_long + drops.not_rtp
        judged += drops.policed
    assert judged == arrived
    assert len(wire.sent) == sum(side.sent.packets for side in counters.sides)
    assert sum(len(data) for _, _, data, _ in wire.sent) == sum(side.sent.octets for side in counters.sides)
    assert wire.stream.received() == sum(side.received.packets for side in counters.sides)


@given(scripts)
def test_what_goes_to_a_side_goes_where_it_was_signalled_or_has_spoken_from(script: list[Any]) -> None:
    welcome = [{A, A_RTCP}, {B, B_RTCP}]
    for what, side, *rest in script:
        if what == "update" and rest[0] is not None:
            welcome[side] |= set(rest[0])
        elif what == "arrive":
            welcome[side].add(rest[2])
    wire, _ = play(script, always_judge=False)
    assert all(to in welcome[side] and to != Address("0.0.0.0", 9) for side, _, _, to in wire.sent)


def test_both_sides_have_the_quality_of_what_came_from_them() -> None:
    wire = Wire()
    for number in range(1, 301):
        if number % 10:
            wire.arrive(0, "rtp", rtp(number), A_NAT, number / 50)
        wire.arrive(1, "rtp", rtp(number), B, number / 50)
    near, far = (side.quality for side in wire.stream.counters().sides)
    assert near is not None and far is not None
    assert (near.expected, near.lost, far.expected, far.lost) == (299, 29, 300, 0)
    assert near.mos is not None and far.mos is not None and near.mos < far.mos
    assert near.jitter is not None and near.jitter < 0.01


def test_reports_of_both_sides_give_the_round_trip_to_each() -> None:
    wire = Wire()
    wire.arrive(0, "rtp", rtp(1), A_NAT, 1.0)
    wire.arrive(1, "rtp", rtp(1), B, 1.0)
    wire.arrive(0, "rtcp", sender_report(7, 0x1000), Address(A_NAT.host, 40001), 1.0)
    wire.arrive(1, "rtcp", sender_report(8, 0x2000, report_block(7, 0x1000, delay=65_536)), B_RTCP, 2.03)
    wire.arrive(0, "rtcp", receiver_report(7, report_block(8, 0x2000, lost=4)), Address(A_NAT.host, 40001), 2.08)
    near, far = (side.quality for side in wire.stream.counters().sides)
    assert near is not None and far is not None
    assert (near.rtt, far.rtt, near.missed, far.missed) == (50.0, 30.0, 4, 0)


def test_a_stream_by_which_nothing_came_has_no_quality() -> None:
    assert [side.quality for side in Wire().stream.counters().sides] == [None, None]
