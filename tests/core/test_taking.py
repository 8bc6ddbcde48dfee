"""Requests go on and answers go back; what is only repeated is not asked about anew."""

from __future__ import annotations

from sbc.policy.events import Act, Verdict
from tests.core.test_gating import kept
from tests.rig import sends
from tests.toy_calls import opened
from tests.toy_records import WITHDRAW, Record, number


def test_what_was_let_in_is_repeated_and_taken_back_whatever_is_decided_since() -> None:
    rig, keeper = kept()
    talk = opened(rig)
    keeper.verdict = Verdict(Act.DROP, "rule")
    assert sends(rig.from_access(talk.asked), "access"), "a repetition"
    asked = Record.read(talk.asked)
    back = Record(WITHDRAW, sender=asked.sender, call=asked.call, exchange=number(99), withdrawn=asked.exchange)
    assert sends(rig.from_access(back.pack()), "access"), "a withdrawal"
    assert len(keeper.messages) == 1
