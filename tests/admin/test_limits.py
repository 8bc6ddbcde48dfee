"""What is used of each limit, on the console and in the metrics."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from sbc.admin import limits
from sbc.admin.tables import Table
from sbc.core.address import Address
from sbc.core.realm import Limits
from sbc.policy.limits import Caps
from sbc.policy.tally import KINDS
from tests.admin.desk import open_desk
from tests.core.test_admission import call, limited
from tests.rig import NAT, Rig


def full() -> Rig:
    """A rig in which one terminal has all it may have, and was refused more; another has less."""
    rig = limited(Caps(calls=2))
    for which, source in ((1, NAT), (2, NAT), (3, NAT), (4, Address("203.0.113.99", 5))):
        call(rig, which, source)
    return rig


def test_the_fullest_come_first_by_kind() -> None:
    book = full().border.registry.gate.book
    found = limits.fullest(book.tallies(), "", "", "")
    assert [each.kind for each in found] == sorted((each.kind for each in found), key=KINDS.index)
    assert [each.name for each in found if each.kind == "terminal"] == [NAT.host, "203.0.113.99"]
    assert [each.name for each in limits.fullest(book.tallies(), ".99", "access", "terminal")] == ["203.0.113.99"]
    assert limits.fullest(book.tallies(), "", "nowhere", "") == []


def test_a_row_says_what_is_used_what_may_be_and_what_was_refused() -> None:
    book = full().border.registry.gate.book
    (tally, *_) = limits.fullest(book.tallies(), "", "", "terminal")
    view = limits.tally_view(tally)
    assert view["calls"] == {"now": 2, "peak": 2, "most": 2} and view["refused"]["calls"] == 1 and json.dumps(view)
    text = repr(Table([view], limits.COLUMNS))
    assert "2/2 (2)" in text and "calls 1" in text and "0/- (0)" in text


def test_metrics_name_no_terminal() -> None:
    sources: Any = SimpleNamespace(border=full().border)
    used, most = dict(limits.used(sources)), dict(limits.most(sources))
    assert used["realm", "access", "access", "calls"] == 3 and used["path", "access", "main", "calls"] == 3
    assert most["realm", "access", "access", "calls"] == 10_000 and ("path", "access", "main", "calls") not in most
    refused = dict(limits.refused(sources))
    assert refused["terminal", "access", "", "calls"] == 1 and refused["realm", "access", "access", "calls"] == 0
    assert not any(NAT.host in labels for labels in (*used, *refused)) and not any(n for _, n in limits.passed(sources))


def test_the_console_shows_them() -> None:
    with open_desk(Limits(calls=7)) as desk:
        desk.call()
        rows = desk.console.answer(["limits", "--kind", "realm", "--realm", "access"])
        assert [(row["name"], row["calls"]["now"], row["calls"]["most"]) for row in rows] == [("access", 1, 7)]
        assert "no kind 'x'" in str(desk.console.answer(["limits", "--kind", "x"]))
        assert "no realm 'x'" in str(desk.console.answer(["limits", "--realm", "x"]))
