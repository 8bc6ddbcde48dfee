"""Who is banned is listed; an operator bans and lifts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sbc.admin.tables import No, Table
from sbc.core.address import Address
from sbc.policy.flooding import Flooding
from tests.admin.desk import Desk, open_desk

BAD = "203.0.113.66"


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        desk.border.registry.gate.flood.replan({"access": Flooding(), "core": None})
        yield desk


def test_nobody_is_banned(desk: Desk) -> None:
    assert repr(desk.console.bans()) == "nobody is banned"
    assert isinstance(desk.console.unban(BAD), No)


def test_an_operator_bans_and_lifts(desk: Desk) -> None:
    flood, now = desk.border.registry.gate.flood, desk.reactor.seconds()
    assert desk.console.answer(["ban", f"{BAD}:5060", "600", "--reason", "abuse of 3 May"]).startswith(
        f"{BAD}:5060 is banned"
    )
    assert str(desk.console.answer(["ban", "2001:db8::1"])).endswith("in access")
    assert flood.banned("access", Address(BAD, 5060), now) and not flood.banned("core", Address(BAD, 5060), now)
    assert flood.banned("access", Address("2001:db8::1", 9), now)
    table = desk.console.bans()
    assert isinstance(table, Table)
    assert [(row["source"], row["by"], row["who"]) for row in table] == [
        ("2001:db8::/64", "operator", "all"),
        (f"{BAD}:5060", "operator", "all"),
    ]
    assert 590 < table[1]["left"] <= 600 and "abuse of 3 May" in repr(table)
    assert [row["source"] for row in desk.console.bans("3 may")] == [f"{BAD}:5060"]
    assert not desk.console.bans(realm="core") and isinstance(desk.console.bans(realm="moon"), No)
    assert desk.console.unban(f"{BAD}:5060") == f"{BAD}:5060 is banned no more in access"
    assert len(desk.console.bans()) == 1


@pytest.mark.parametrize("source", ["", "nobody", "203.0.113.0/24", "203.0.113.66:0x", "example.com:5060"])
def test_what_is_no_address_is_not_banned(desk: Desk, source: str) -> None:
    assert isinstance(desk.console.ban(source), No) and not desk.console.bans()


def test_a_realm_that_is_none(desk: Desk) -> None:
    assert isinstance(desk.console.ban(BAD, realm="moon"), No)
    assert isinstance(desk.console.unban(BAD, realm="moon"), No)
    assert not isinstance(desk.console.ban(BAD, None, realm="core"), No)
