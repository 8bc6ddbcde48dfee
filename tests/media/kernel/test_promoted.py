"""The counters of both planes, put together."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, SideSpec, StreamSpec
from sbc.core.vpn import Vpn
from sbc.media.counters import Drops, SideCounters, StreamCounters, Volume
from sbc.media.kernel.plane import Tally
from sbc.media.kernel.promoted import NOTHING, Promoted, merged
from tests.contract.engines import balanced

INNER = StreamCounters(
    (
        SideCounters(Volume(3, 300), Volume(1, 8), Volume(2, 200), Volume(), Drops(wrong_source=1, too_short=4)),
        SideCounters(Volume(2, 200), Volume(), Volume(3, 300), Volume(1, 8), Drops()),
    )
)


def test_what_came_from_one_side_went_to_the_other() -> None:
    both = merged(INNER, [Tally(10, 1000, 2, 16, 5, 6), Tally(20, 2000)])
    assert balanced(both)
    a, b = both.sides
    assert (a.received_rtp, a.received_rtcp, a.sent_rtp) == (Volume(13, 1300), Volume(3, 24), Volume(22, 2200))
    assert (b.received_rtp, b.sent_rtp, b.sent_rtcp) == (Volume(22, 2200), Volume(13, 1300), Volume(3, 24))
    assert a.drops == Drops(wrong_source=7, too_short=4, policed=5)
    assert b.drops == Drops()


def test_nothing_changes_nothing() -> None:
    assert merged(INNER, [NOTHING, NOTHING]) == INNER


@pytest.mark.parametrize(
    ("change", "why", "ports"),
    [({}, "", 4), ({"mark": 7}, "mark", 4), ({"vpn": Vpn("", "eth1")}, "vpn", 2), ({"vpn": Vpn("/n/red")}, "vpn", 2)],
)
def test_what_is_in_another_network_stays_in_user_space(change: dict[str, Any], why: str, ports: int) -> None:
    """And its ports are nobody's here: in this network others may have the same addresses."""
    sides = [
        SideSpec(
            "realm", Pair(Address("10.0.0.1", port), Address("10.0.0.1", port + 1)), None, False, "", Latch.NAT, 3.0
        )
        for port in (20_000, 20_002)
    ]
    for n in (0, 1):
        both = [attrs.evolve(side, **(change if n == place else {})) for place, side in enumerate(sides)]
        stream = Promoted(StreamSpec("c/1", "c", "rtp", (both[0], both[1])))
        assert (stream.hindrance(), len(stream.ports())) == (why, ports)


def test_where_what_is_more_waits_user_space_holds_it_back() -> None:
    pair = Pair(Address("10.0.0.1", 20_000), Address("10.0.0.1", 20_001))
    sides = [SideSpec(realm, pair, None, False, "", Latch.NAT, 3.0) for realm in ("access", "core")]
    stream = Promoted(StreamSpec("c/1", "c", "rtp", (sides[0], sides[1])))
    assert [stream.hindrance(shaped) for shaped in ((), ("core",), ("other",))] == ["", "shaped", ""]
