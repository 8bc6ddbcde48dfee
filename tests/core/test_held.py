"""Who is slowed down hears late that it is refused; no more than so many wait."""

from __future__ import annotations

import pytest

from sbc.core import held
from sbc.core.address import Address
from sbc.core.message import Cause
from sbc.core.orders import Send
from sbc.policy.events import Act, Outcome, Verdict
from tests.core.test_gating import Keeper, kept
from tests.rig import NAT, PHONE, Rig, events, of, sends
from tests.toy_calls import read
from tests.toy_records import FAILURE, opening

SLOWLY = Verdict(Act.HOLD, "rule", "slow", "not allowed", Cause.DENIED, None, 5.0)


def slow() -> tuple[Rig, Keeper]:
    return kept(SLOWLY)


def test_the_answer_comes_when_the_time_has_come_and_once() -> None:
    rig, keeper = slow()
    asked = opening(PHONE).pack()
    orders = rig.from_access(asked)
    assert not of(Send, orders) and "held-rule" in events(orders)
    assert not of(Send, rig.wait(4.9))
    rig.from_access(asked)  # again: it is the same request
    (told,) = read(sends(rig.wait(0.2), "access"))
    assert told.stage == FAILURE and not rig.border.registry.held
    assert not of(Send, rig.wait(100))
    assert keeper.outcomes == [(Outcome.REFUSED, NAT, "open", Cause.DENIED)]


def test_where_too_many_wait_nobody_more_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "MOST_HELD", 3)
    rig, _ = slow()
    for number in range(10):
        source = Address(NAT.host, 1000 + number)
        noted = events(rig.from_access(opening(PHONE, exchange=number + 1).pack(), source))
        assert ("held-rule" if number < 3 else "dropped-rule") in noted
    assert len(rig.border.registry.held) == 3
    assert len(of(Send, rig.wait(6))) == 3 and not rig.border.registry.held
