"""One port by itself: what it takes, what it tells its side, and whither it points."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.address import Address
from sbc.core.orders import Rate, SideSpec
from sbc.media.bucket import Bucket
from sbc.media.inlet import Inlet, Outlet
from sbc.media.latching import SideLatch
from tests.media.packets import receiver_report, rtp, udptl
from tests.media.test_stream import SPEC, STRANGER, A, B

CONNECTED: SideSpec = SPEC.sides[1]
"""A side that has signalled B and is behind no NAT."""


class Owner:
    """A side that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def latched(self, inlet: Inlet, address: Address, reason: str) -> None:
        self.told.append((address, reason))

    def turned(self) -> None:
        self.told.append("turned")

    def rtcp_came(self, muxed: bool, now: float) -> None:
        self.told.append("mux" if muxed else "rtcp")

    def reported(self, data: bytes, now: float) -> None:
        self.told.append("report")

    def was_policed(self) -> None:
        self.told.append("policed")

    def unusable(self, address: Address) -> bool:
        return address.port == 9


class Alone:
    """An inlet, its owner, and the outlets of a side that wants RTP at A and no RTCP."""

    def __init__(self, kind: str = "rtp", longest: int = 2000) -> None:
        self.owner = Owner()
        self.onward, self.onward_rtcp = Outlet(_nowhere), Outlet(_nowhere)
        self.onward.to = A
        self.inlet = Inlet(self.owner, SideLatch(CONNECTED, B, 0.0), _nowhere, kind, longest)
        self.inlet.join(self.onward, self.onward_rtcp)


def _nowhere(data: bytes, to: Any) -> None:
    raise AssertionError("an inlet sends nothing")


def test_what_is_accepted_leaves_by_the_outlet_of_its_kind() -> None:
    alone = Alone()
    assert alone.inlet.arrive(rtp(), B, 1.0) is alone.onward
    assert alone.inlet.arrive(receiver_report(), B, 1.0) is None  # nobody is there for it
    assert alone.onward_rtcp.no_destination == 1
    assert alone.owner.told == [(B, "signalled"), "mux", "report"]
    assert (alone.inlet.packets, alone.inlet.rtcp_packets) == (1, 1)


def test_who_is_known_is_not_judged_again_until_the_side_doubts_it() -> None:
    alone = Alone()
    alone.inlet.arrive(rtp(1), B, 1.0)
    assert alone.inlet.trusted == B
    assert alone.inlet.arrive(rtp(2), STRANGER, 1.0) is None
    assert alone.inlet.refused == {"not-behind-nat": 1}


@pytest.mark.parametrize("known", [True, False])
def test_what_is_over_a_rate_is_counted_and_told_of(known: bool) -> None:
    alone = Alone()
    if known:
        alone.inlet.arrive(rtp(0), B, 1.0)
    alone.inlet.buckets = (Bucket(Rate(1, 172), 1.0),)
    assert alone.inlet.arrive(rtp(1), B, 1.0) is alone.onward
    assert alone.inlet.arrive(rtp(2), B, 1.0) is None
    assert alone.inlet.arrive(rtp(3), STRANGER, 1.0) is None  # is refused, not policed
    assert (alone.inlet.packets, alone.inlet.policed) == (1 + known, 1)
    assert alone.owner.told[-1] == "policed"


def test_who_is_policed_is_latched_all_the_same() -> None:
    alone = Alone()
    alone.inlet.buckets = (Bucket(Rate(1, 1), 1.0),)
    assert alone.inlet.arrive(rtp(1), B, 1.0) is None
    assert alone.inlet.latch.latched == B


def test_where_nothing_may_be_sent_is_no_destination() -> None:
    alone = Alone()
    assert alone.inlet.destination() == B
    alone.inlet.latch = SideLatch(CONNECTED, Address("198.51.100.2", 9), 0.0)
    assert alone.inlet.destination() is None


def test_an_rtcp_port_takes_no_rtp() -> None:
    alone = Alone("rtcp")
    alone.onward_rtcp.to = A
    assert alone.inlet.arrive(rtp(), B, 1.0) is None
    assert alone.inlet.not_rtp == 1
    assert alone.inlet.arrive(receiver_report(), B, 1.0) is alone.onward_rtcp
    assert alone.owner.told == [(B, "signalled"), "rtcp", "report"]


def test_rtp_is_measured_whether_or_not_it_is_judged() -> None:
    alone = Alone()
    alone.inlet.time_by(8000)
    for number in [*range(10), 12, 11, 11, *range(14, 200)]:
        alone.inlet.arrive(rtp(number), B, 1.0 + number / 50)
    alone.inlet.arrive(receiver_report(), B, 5.0)
    alone.inlet.arrive(rtp(201), STRANGER, 5.0)
    tally = alone.inlet.measured()
    assert (tally.received, tally.lost, tally.duplicates, tally.late) == (198, 2, 1, 1)
    assert 0 < tally.samples < 198 and tally.jitter_max < 4000
    assert alone.inlet.measured() == tally


def test_what_is_policed_is_lost_to_who_listens() -> None:
    alone = Alone()
    alone.inlet.arrive(rtp(1), B, 1.0)
    alone.inlet.buckets = (Bucket(Rate(172, 172), 1.0),)
    for number in range(2, 7):
        alone.inlet.arrive(rtp(number), B, 1.0)
    alone.inlet.arrive(rtp(7), B, 3.0)
    tally = alone.inlet.measured()
    assert alone.inlet.policed == 4 and (tally.received, tally.lost) == (3, 4)


def test_reports_that_are_policed_are_not_measured() -> None:
    alone = Alone()
    alone.inlet.arrive(rtp(1), B, 1.0)
    alone.inlet.buckets = (Bucket(Rate(1, 1), 1.0),)
    assert alone.inlet.arrive(receiver_report(), B, 1.0) is None
    assert alone.owner.told == [(B, "signalled"), "mux", "policed"]  # where RTCP comes by is learned all the same


def test_what_others_have_forwarded_is_not_lost() -> None:
    alone = Alone()
    alone.inlet.arrive(rtp(1), B, 1.0)
    alone.inlet.carried(0x1234, 500, 80_000, 11.0)
    alone.inlet.carried(0x1234, None, None, 11.01)
    alone.inlet.arrive(rtp(502), B, 11.04)
    tally = alone.inlet.measured()
    assert (tally.received, tally.lost) == (2, 1)


def test_what_flows_otherwise_is_not_measured() -> None:
    rtcp = Alone("rtcp")
    rtcp.inlet.arrive(receiver_report(), B, 1.0)
    fax = Alone("t38")
    fax.inlet.arrive(udptl(), B, 1.0)
    assert rtcp.inlet.measured().received == fax.inlet.measured().received == 0


def test_a_turn_to_the_other_port_is_told_once_in_a_while_and_the_last_one_in_the_end() -> None:
    alone = Alone()
    told = alone.owner.told
    alone.inlet.arrive(rtp(0), B, 1.0)
    for n in range(1, 9):
        alone.inlet.arrive(rtp(n), B, 1.0 + n / 16, shared=n % 2 == 1)
        assert alone.inlet.shared is (n % 2 == 1), "it is followed at once"
    assert told == [(B, "signalled"), (B, "latched"), *["turned"] * 7]
    alone.inlet.arrive(rtp(9), B, 1.75)  # it stays at its own port now
    assert told[-1] == "turned"
    alone.inlet.arrive(rtp(10), B, 2.125)
    assert told[-1] == (B, "latched")
    alone.inlet.arrive(rtp(11), B, 9.0)
    assert told.count((B, "latched")) == 2
