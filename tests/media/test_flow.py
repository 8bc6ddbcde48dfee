"""What of a stream may be forwarded without judging, and why nothing may."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, Rate, SideSpec
from sbc.media.flow import Flow, Footing, Stance, flows_of

A, A_RTCP = Address("192.0.2.1", 4000), Address("192.0.2.1", 4001)
B, B_RTCP = Address("198.51.100.1", 5000), Address("198.51.100.1", 5001)
AT_A, AT_A_RTCP = Address("203.0.113.1", 20_000), Address("203.0.113.1", 20_001)
AT_B, AT_B_RTCP = Address("203.0.113.2", 30_000), Address("203.0.113.2", 30_001)
SLOW = Rate(12_500, 2_000)


def stance(realm: str, local: Pair, rtp: Address, rtcp: Address, **spec: Any) -> Stance:
    made = SideSpec(realm, local, Pair(rtp, rtcp), False, rtp.host, Latch.NAT, 3.0, **spec)
    return Stance(made, False, False, Footing(rtp, True, rtp), Footing(rtcp, True, rtcp))


FIRST = stance("access", Pair(AT_A, AT_A_RTCP), A, A_RTCP, dscp=46, limit=SLOW, clock=8000)
SECOND = stance("core", Pair(AT_B, AT_B_RTCP), B, B_RTCP, dscp=34)
NOBODY = Footing(None, False, None)


def ports(flows: tuple[Flow, ...]) -> list[tuple[Address, Address, Address, Address, bool]]:
    return [(flow.source, flow.local, flow.out, flow.to, flow.rtcp) for flow in flows]


def test_a_stream_has_a_flow_for_each_port_with_the_marks_of_the_side_it_goes_to() -> None:
    flows, why = flows_of("rtp", (FIRST, SECOND))
    assert why == ""
    assert flows[0] == Flow(0, AT_A, A, AT_B, B, False, 34, SLOW, "access", 8000)
    assert ports(flows) == [
        (A, AT_A, AT_B, B, False),
        (A_RTCP, AT_A_RTCP, AT_B_RTCP, B_RTCP, True),
        (B, AT_B, AT_A, A, False),
        (B_RTCP, AT_B_RTCP, AT_A_RTCP, A_RTCP, True),
    ]
    assert [(flow.side, flow.dscp, flow.limit) for flow in flows[2:]] == [(1, 46, None)] * 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"held": True}, "held"),
        ({"rtp": NOBODY}, "not-latched"),
        ({"rtp": Footing(A, False, A)}, "learning"),
        ({"rtp": Footing(A, True, None)}, "no-destination"),
        ({"mux": True}, "mux"),
    ],
)
def test_what_keeps_one_side_from_it_keeps_the_stream(change: dict[str, Any], why: str) -> None:
    changed = attrs.evolve(FIRST, **change)
    assert flows_of("rtp", (changed, SECOND)) == ((), why)
    if why != "mux":
        assert flows_of("rtp", (attrs.evolve(SECOND, **change), FIRST)) == ((), why)


def test_fax_is_judged_packet_by_packet() -> None:
    assert flows_of("t38", (FIRST, SECOND)) == ((), "t38")


@pytest.mark.parametrize("rtcp", [NOBODY, Footing(A_RTCP, False, A_RTCP), None])
def test_rtcp_waits_until_it_is_latched_and_firm(rtcp: Footing | None) -> None:
    flows, why = flows_of("rtp", (attrs.evolve(FIRST, rtcp=rtcp), SECOND))
    assert why == ""
    assert (A, AT_A, AT_B, B, False) in ports(flows)
    assert A_RTCP not in [flow.source for flow in flows]


def test_with_rtcp_on_the_rtp_ports_of_both_there_is_one_flow_each_way() -> None:
    flows, why = flows_of("rtp", (attrs.evolve(FIRST, mux=True), attrs.evolve(SECOND, mux=True)))
    assert why == ""
    assert ports(flows) == [(A, AT_A, AT_B, B, False), (B, AT_B, AT_A, A, False)]


def test_what_has_only_an_rtp_port_need_not_be_told_apart() -> None:
    alone = attrs.evolve(SECOND, rtcp=None)
    flows, why = flows_of("rtp", (attrs.evolve(FIRST, mux=True, rtcp=None), alone))
    assert why == ""
    assert ports(flows) == [(A, AT_A, AT_B, B, False), (B, AT_B, AT_A, A, False)]
