"""Accounts of terminals: who they are of, and that no volume is in none or in two."""

from __future__ import annotations

import pytest

from sbc.ledger.record import MOST_STREAMS, CallRecord
from sbc.ledger.usage import Count, Flow, medium, usages_of
from sbc.ledger.volume import Plain
from tests.ledger.facts import answered, at, begun, carried, leg, over, record_of, stream, whole

IN, OUT = Count(101, 17260, 20088), Count(51, 8660, 10088)  # RTP and a report each


def test_a_call_is_charged_to_its_end_in_the_access_realm() -> None:
    (usage,) = usages_of(record_of("b-one"))
    assert (usage.session, usage.call, usage.realm, usage.user) == ("b-one", "one", "access", "alice@example.com")
    assert (usage.registered, usage.duration, usage.codecs) == (True, 8.0, ("PCMU/8000",))
    assert usage.media == {"audio": Flow(IN, OUT)} and usage.total == Flow(IN, OUT)


def test_of_a_call_from_the_core_in_is_what_the_called_terminal_sent() -> None:
    legs = [leg("core", behind_nat=False), leg("access")]
    terminal = {"realm": "access", "user": "bob", "registered": False}
    made = CallRecord("b-one", begun("one", legs=legs, terminal=terminal), at(0))
    made.opened(stream("one", media="image t38"))
    made.closed("one/1", carried())
    (usage,) = usages_of(made.snapshot(at(1), {}.__getitem__))
    assert (usage.user, usage.media) == ("bob", {"fax": Flow(OUT, IN)})


def test_a_joined_record_has_the_account_of_each_gateway() -> None:
    first, second = usages_of(whole())
    assert (first.session, second.session, first.record, second.record) == ("boot-a", "boot-b", "boot-a", "boot-a")
    assert (first.call, second.call) == ("a", "b") and first.seen != second.seen
    assert first.total == second.total == Flow(OUT, IN)


def test_streams_that_are_only_summed_are_in_the_account() -> None:
    made = CallRecord("k", begun(), at(0))
    for number in range(MOST_STREAMS + 5):
        made.opened(stream(number=number))
        made.closed(f"c1/{number}", carried(10))
    (usage,) = usages_of(made.snapshot(at(1), {}.__getitem__))
    assert usage.total.into.packets == (MOST_STREAMS + 5) * 11
    assert usage.media["other"].into == Count(5 * 11, 5 * 1780, 5 * (1780 + 11 * 28))


def old(record: Plain) -> Plain:
    """As it was before terminals and whole packets were told of."""
    counted = [
        {
            **side,
            **{
                way: {kind: {k: v for k, v in side[way][kind].items() if k != "ip_octets"} for kind in side[way]}
                for way in ("received", "sent")
            },
        }
        for side in record["streams"][0]["sides"]
    ]
    kept = {name: value for name, value in record.items() if name != "terminal"}
    return {**kept, "streams": [{**record["streams"][0], "sides": counted}]}


def test_records_of_before_are_understood() -> None:
    (usage,) = usages_of(old(record_of("b-one")))
    assert (usage.user, usage.registered, usage.total) == ("alice@example.com", False, Flow(IN, OUT))


def test_a_call_that_nobody_answered_has_an_account_without_duration() -> None:
    made = CallRecord("k", begun(), at(0))
    made.heard(over(ending="busy"), at(1))
    (usage,) = usages_of(made.snapshot(at(1), {}.__getitem__))
    assert (usage.duration, usage.ending, usage.total) == (None, "busy", Flow())


@pytest.mark.parametrize(("kind", "found"), [
    ("audio", "audio"), ("video", "video"), ("image", "fax"), ("t38", "fax"), ("message", "other"), ("", "other"),
])  # fmt: skip
def test_kinds_of_media(kind: str, found: str) -> None:
    assert medium(kind) == found


def test_answers_change_nothing_of_whose_it_is() -> None:
    made = CallRecord("k", begun(), at(0))
    made.heard(answered(), at(1))
    (usage,) = usages_of(made.snapshot(at(2), {}.__getitem__))
    assert (usage.answer is not None, usage.user) == (True, "alice@example.com")
