"""Accounts on the console."""

from __future__ import annotations

import attrs
import pytest

from sbc.admin import prepaid
from sbc.admin.tables import No
from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.policy.quota import Prepaid
from tests.rig import SECRET
from tests.toy import ToyDialect
from tests.toy_calls import toy_rig


def border(pays: bool = True) -> Border:
    plan = toy_rig().border.plan
    access = attrs.evolve(plan.realms["access"], prepaid=Prepaid() if pays else None)
    return Border(attrs.evolve(plan, realms={**plan.realms, "access": access}), {"toy": ToyDialect()}, Mint(SECRET))


@attrs.frozen
class Sources:
    border: Border


def test_an_account_is_filled_shown_and_closed() -> None:
    own = border()
    assert str(prepaid.grant(own, "alice", "10MB", "", "", False, 0.0)) == "alice in access: 10000000 octets left"
    assert str(prepaid.grant(own, "alice", "", "2h", "access", False, 0.0)).endswith("7200 s left")
    own.registry.gate.quota.spend(("access", b"alice"), 9_000_000, 60.0, 0.0)
    ((account, calls),) = prepaid.chosen(own, "ALI", "")
    row = prepaid.account_view(account, calls)
    assert (row["octets_left"], row["seconds_left"], row["state"], row["calls"]) == (1_000_000, 7140.0, "low", 0)
    assert prepaid.accounts(Sources(own)) == [(("access", "low"), 1)]
    assert prepaid.chosen(own, "bob", "") == [] and prepaid.chosen(own, "", "core") == []
    assert "no account any more" in str(prepaid.revoke(own, "alice", ""))
    assert isinstance(prepaid.revoke(own, "alice", ""), No)


@pytest.mark.parametrize(
    ("octets", "seconds", "realm"),
    [
        ("", "", ""),
        ("ten", "", ""),
        ("10XB", "", ""),
        ("", "1week", ""),
        ("9" * 16, "", ""),
        ("10TB", "", "core"),
        ("-5", "", ""),
    ],
)
def test_what_makes_no_sense_is_said(octets: str, seconds: str, realm: str) -> None:
    own = border()
    assert isinstance(prepaid.grant(own, "alice", octets, seconds, realm, False, 0.0), No)
    assert not own.registry.gate.quota.accounts


def test_where_nobody_pays_there_are_no_accounts() -> None:
    assert isinstance(prepaid.grant(border(pays=False), "alice", "5", "", "", False, 0.0), No)


def test_the_commands_and_the_metrics() -> None:
    class Desk(prepaid.Purse):
        def __init__(self) -> None:
            self._border, self._clock = border(), lambda: 5.0

    desk = Desk()
    desk.grant("alice", octets="1KB")
    desk.grant("bob", seconds="1")
    assert [row["user"] for row in desk.quota()] == ["alice", "bob"] and len(desk.quota(limit=1)) == 1
    quotas = desk._border.registry.gate.quota
    quotas.refused["access"], quotas.cut["access"] = 2, 3
    assert prepaid.refused(Sources(desk._border)) == [(("access",), 2)]
    assert prepaid.cut(Sources(desk._border)) == [(("access",), 3)]
    desk.revoke("alice")
    assert len(desk.quota()) == 1
