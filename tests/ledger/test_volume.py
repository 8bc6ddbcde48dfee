"""What records say of volumes: whole IP packets beside payloads, and sums that lose nothing."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sbc.ledger.volume import NOTHING, add_up, added, carried, header_of, header_of_side, summed, ways_of
from sbc.media.counters import Drops, Quality, SideCounters, Volume
from tests.ledger import facts

COUNTS = st.integers(0, 2**40)
VOLUMES = st.builds(Volume, COUNTS, COUNTS)
SIDES = st.builds(
    SideCounters,
    *(VOLUMES,) * 4,
    st.builds(Drops, *(COUNTS,) * 8),
    st.none() | st.builds(Quality, COUNTS, COUNTS, st.just(1.5), st.none(), st.just(4.0)),
)


def test_a_header_is_that_of_udp_and_of_the_version_of_ip() -> None:
    assert (header_of("203.0.113.1"), header_of("2001:db8::1")) == (28, 48)
    assert header_of_side(facts.side("access", 20000)) == 28


def test_octets_of_packets_are_those_of_payloads_and_headers() -> None:
    told = carried(facts.carried(100, dropped=3).sides[0], 48)
    assert told["received"]["rtp"] == {"packets": 100, "octets": 17200, "ip_octets": 17200 + 4800}
    assert told["sent"]["rtcp"] == {"packets": 1, "octets": 60, "ip_octets": 108}
    assert told["drops"] == {"wrong_source": 3} and told["quality"]["expected"] == 102
    assert ways_of(told) == {"received": told["received"], "sent": told["sent"]}


@given(SIDES, SIDES, st.sampled_from([28, 48]))
def test_a_sum_is_what_both_have_carried(one: SideCounters, other: SideCounters, header: int) -> None:
    both = added(carried(one, header), carried(other, 28))
    assert both["received"]["rtp"]["packets"] == one.received_rtp.packets + other.received_rtp.packets
    assert both["sent"]["rtcp"]["octets"] == one.sent_rtcp.octets + other.sent_rtcp.octets
    headers = header * one.received_rtcp.packets + 28 * other.received_rtcp.packets
    assert both["received"]["rtcp"]["ip_octets"] == both["received"]["rtcp"]["octets"] + headers
    assert sum(both["drops"].values()) == one.drops.total + other.drops.total
    assert added(NOTHING, carried(one, header)) == carried(one, header)
    assert json.loads(json.dumps(both)) == both


def test_a_record_of_before_ip_octets_were_counted_has_none() -> None:
    assert summed([]) == {"packets": 0, "octets": 0, "ip_octets": 0}
    old, new = {"packets": 1, "octets": 172}, {"packets": 2, "octets": 344, "ip_octets": 400}
    assert summed([old, new]) == {"packets": 3, "octets": 516}
    assert summed([new, new]) == {"packets": 4, "octets": 688, "ip_octets": 800}


def test_further_streams_add_up() -> None:
    side = carried(facts.carried(10).sides[0], 28)
    assert add_up([]) is None
    both = add_up([{"streams": 3, "sides": [side, NOTHING]}, {"streams": 4, "sides": [side, side]}])
    assert both is not None and both["streams"] == 7
    assert [each["received"]["rtp"]["packets"] for each in both["sides"]] == [20, 10]
