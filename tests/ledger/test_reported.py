"""What gateways count themselves, beside what is counted here."""

from __future__ import annotations

import pytest

from sbc.ledger.reported import counted, differing
from sbc.ledger.volume import carried
from sbc.media.counters import SideCounters, Volume

SIDE = carried(SideCounters(Volume(1000, 172_000), Volume(9, 600), Volume(500, 86_000), Volume(9, 600)), 28)


def test_the_gateways_words_are_for_what_came_from_it_and_went_to_it_without_headers() -> None:
    assert counted([SIDE, SIDE]) == {
        "packets_sent": 2000,
        "octets_sent": 320_000,
        "packets_received": 1000,
        "octets_received": 160_000,
    }
    assert set(counted([]).values()) == {0}


@pytest.mark.parametrize(("sent", "received", "words"), [
    ("1000", "500", []), ("1049", "451", []), ("1060", "500", ["packets_sent"]),
    ("0", "0", ["packets_sent", "packets_received"]), ("1000", "0", ["packets_received"]),
    ("948", "560", ["packets_sent", "packets_received"]),
    ("", "x", []), ("9" * 400, "-5", []), ("\u0661\u0662", "5e3", []),
])  # fmt: skip
def test_more_than_a_little_is_said(sent: str, received: str, words: list[str]) -> None:
    here = counted([SIDE])
    found = differing({"packets_sent": sent, "packets_received": received, "jitter": "900"}, here)
    assert [each.split(" ")[0] for each in found] == words


def test_of_much_a_part_may_be_lost() -> None:
    here = {"packets_sent": 100_000, "packets_received": 0}
    assert differing({"packets_sent": "104000"}, here) == []
    assert differing({"packets_sent": "106000"}, here) == ["packets_sent 106000, counted here 100000"]
