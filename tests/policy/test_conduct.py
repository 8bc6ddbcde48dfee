"""What outcomes count: who tries passwords, users or numbers gets many points, an honest terminal few."""

from __future__ import annotations

import pytest

from sbc.core.message import Cause, Intent, Kind, Phase
from sbc.policy.conduct import judge, number_of
from sbc.policy.events import Outcome
from sbc.policy.flooding import Flooding
from sbc.policy.source import Source

SET = Flooding(fraud_prefixes=("00", "+"))


def intent(kind: Kind = Kind.BIND, user: bytes = b"alice", called: bytes = b"") -> Intent:
    return Intent(kind, Phase.REQUEST, b"call", b"exchange", user=user, called=called)


def dial(number: int) -> Intent:
    return intent(Kind.OPEN, called=b"sip:1%05d@sbc" % number)


def points(
    source: Source, outcome: Outcome, what: Intent | None = None, cause: Cause | None = None, now: float = 0.0
) -> float:
    return judge(source, outcome, what, cause, SET, now)[0]


@pytest.mark.parametrize(
    ("outcome", "cause", "least"),
    [
        (Outcome.BAD, None, 10.0),
        (Outcome.STRAY, None, 1.0),
        (Outcome.WRONG, None, 10.0),
        (Outcome.FAILED, None, 5.0),
        (Outcome.REFUSED, Cause.DENIED, 1.0),
        (Outcome.REFUSED, Cause.BUSY, 0.0),
        (Outcome.REFUSED, Cause.RATE, 0.0),
        (Outcome.REFUSED, Cause.DRAINING, 0.0),
        (Outcome.CHALLENGED, None, 0.0),
    ],
)
def test_what_each_outcome_counts(outcome: Outcome, cause: Cause | None, least: float) -> None:
    found = points(Source(0.0), outcome, None if outcome is Outcome.BAD else intent(), cause)
    assert found >= least and (found > 0) == (least > 0)


def test_one_password_typed_wrong_and_then_right_is_nothing() -> None:
    source = Source(0.0)
    found = [points(source, outcome, intent()) for outcome in (Outcome.CHALLENGED, Outcome.WRONG, Outcome.ACCEPTED)]
    assert sum(found) <= 0.0


def test_many_users_of_one_exchange_register_at_once() -> None:
    source, total = Source(0.0), 0.0
    for number in range(100):  # all are asked before the first has answered
        total += points(source, Outcome.CHALLENGED, intent(user=b"%d" % number), now=number / 100)
    for number in range(100):
        total += points(source, Outcome.ACCEPTED, intent(user=b"%d" % number), now=2.0)
    assert total < 0.0


@pytest.mark.parametrize("lines", [144, 500])
def test_an_office_with_more_lines_than_can_be_remembered_registers_at_once_and_again(lines: int) -> None:
    source, worst = Source(0.0), 0.0
    for round_ in range(20):
        at = 60.0 * round_
        for outcome, late in ((Outcome.CHALLENGED, 0.0), (Outcome.ACCEPTED, 5.0)):
            for number in range(lines):
                now = at + late + number / 200
                found = points(source, outcome, intent(user=b"%d" % number), now=now)
                worst = max(worst, source.add(found, now, 60.0))
    assert worst == 0.0


def test_who_tries_users_one_by_one_and_leaves_them_is_found() -> None:
    source, total = Source(0.0), 0.0
    for number in range(100):
        total += points(source, Outcome.CHALLENGED, intent(user=b"%d" % number), now=float(number))
    assert total >= 100.0


def test_who_calls_many_numbers_in_vain_is_found() -> None:
    source = Source(0.0)
    found = [points(source, Outcome.FAILED, dial(number)) for number in range(30)]
    assert not any(found[:10]) and all(each >= 10.0 for each in found[10:])


def test_who_tries_numbers_and_shows_no_credentials_is_found_when_its_time_for_that_is_over() -> None:
    source = Source(0.0)
    assert not any(points(source, Outcome.CHALLENGED, dial(number), now=5.0) for number in range(40))
    assert points(source, Outcome.CHALLENGED, dial(99), now=30.0) >= 100.0


@pytest.mark.parametrize(("every", "taken"), [(4.0, 2), (2.0, 2), (1.0, 3), (0.1, 4)])
def test_a_switchboard_whose_calls_are_challenged_and_many_in_vain(every: float, taken: int) -> None:
    source, now, worst = Source(0.0), 0.0, 0.0
    for number in range(2_000):  # one in `taken` is taken, the others are busy, or nobody answers
        now += every
        for outcome in (Outcome.CHALLENGED, Outcome.FAILED if number % taken else Outcome.ACCEPTED):
            call = dial(number)
            call.proves = outcome is not Outcome.CHALLENGED
            worst = max(worst, source.add(points(source, outcome, call, now=now), now, 60.0))
    assert worst < 50.0


def test_a_switchboard_that_hardly_anybody_answers_is_found() -> None:
    source, total = Source(0.0), 0.0
    for number in range(200):
        outcome = Outcome.ACCEPTED if number % 10 == 9 else Outcome.FAILED
        total += points(source, outcome, dial(number), now=float(number))
    assert total > 500.0


def test_dear_numbers_are_few() -> None:
    source = Source(0.0)
    found = [points(source, Outcome.FAILED, intent(Kind.OPEN, called=b"sip:00%d@sbc" % number)) for number in range(4)]
    assert found[0] == found[1] == 0.0 and found[2] >= 20.0
    asked = Source(0.0)
    dear = [intent(Kind.OPEN, called=b"sip:00%d@sbc" % number) for number in range(4)]
    assert not any(points(asked, Outcome.CHALLENGED, each) for each in dear[:3]), "it may yet show credentials"
    assert points(asked, Outcome.CHALLENGED, dear[3], now=20.0) >= 20.0


def test_calls_that_are_answered_excuse_and_old_ones_are_forgotten() -> None:
    source, total = Source(0.0), 0.0
    for number in range(200):
        call = intent(Kind.OPEN, called=b"%d" % number)
        total += points(source, Outcome.CHALLENGED, call, now=number) + points(
            source, Outcome.ACCEPTED, call, now=number
        )
    assert total <= 0.0
    assert not any(
        points(source, Outcome.FAILED, intent(Kind.OPEN, called=b"%d" % n), now=1e3 + 70 * n) for n in range(50)
    )


@pytest.mark.parametrize(
    ("called", "number"),
    [(b"sip:0044@sbc", b"0044"), (b"0044", b"0044"), (b"tel:+44", b"+44"), (b"aaln/1@host", b"aaln/1"), (b"", b"")],
)
def test_the_number_in_what_is_called(called: bytes, number: bytes) -> None:
    assert number_of(intent(Kind.OPEN, called=called)) == number


def test_a_number_that_is_told_by_itself_counts_also_of_who_only_asks_for_leave() -> None:
    source = Source(0.0)
    for number in range(3):
        asked = intent(Kind.OTHER, called=b"dialledDigits:0-0-9")
        asked.dialled = b"00%d" % number
        assert number_of(asked) == asked.dialled
        found = points(source, Outcome.FAILED, asked)
        assert (found > 0) == (number == 2), "two are nothing"
