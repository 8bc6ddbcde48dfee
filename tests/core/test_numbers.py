"""Numbers of requests: what crosses and what is ours never meet, and a number is always translated alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sbc.core.numbers import MOST, Numbers


def test_without_requests_of_ours_every_number_stays() -> None:
    numbers = Numbers()
    for number in (1, 2, 7, 3, 2**31 - 1):
        assert numbers.onward(number) == number
        numbers.sent(number)
    assert numbers.highest == 2**31 - 1


def test_what_crosses_after_ours_is_numbered_after_it_and_what_was_before_stays() -> None:
    numbers = Numbers()
    numbers.sent(numbers.onward(5))
    assert numbers.own() == 6
    assert numbers.onward(6) == 7
    assert numbers.onward(5) == 5  # the acknowledgement of what was sent as 5
    numbers.sent(7)
    assert numbers.own() == 8 and numbers.own() == 9
    assert numbers.onward(7) == 10 and numbers.onward(6) == 7


def test_a_party_that_was_sent_nothing_begins_with_ours() -> None:
    numbers = Numbers()
    assert numbers.own() == 1
    assert numbers.onward(0) == 2  # with which some begin
    assert numbers.onward(1) == 3
    numbers.sent(3)
    assert numbers.own() == 4 and numbers.onward(2) == 5 and numbers.onward(1) == 3


def test_who_was_sent_nothing_of_ours_sees_a_first_zero() -> None:
    numbers = Numbers()
    numbers.sent(numbers.onward(0))
    assert numbers.highest == 0 and numbers.own() == 1
    assert (numbers.onward(0), numbers.onward(1)) == (0, 2)


@given(st.lists(st.one_of(st.none(), st.integers(1, 5)), max_size=200))
def test_numbers_rise_and_a_number_is_always_translated_alike(steps: list[int | None]) -> None:
    """Each step is a request of ours, or one that crosses, whose number is so much higher than the last."""
    numbers, came, sent = Numbers(), -1, []
    known: dict[int, int] = {}
    for step in steps:
        if step is None:
            sent.append(numbers.own())
            continue
        came += step
        known[came] = numbers.onward(came)
        numbers.sent(known[came])
        sent.append(known[came])
    assert sent == sorted(set(sent))
    assert numbers.highest == (sent[-1] if sent else -1)
    for number in list(known)[-3:] if steps.count(None) <= MOST else []:
        assert numbers.onward(number) == known[number]


def test_what_is_kept_is_bounded() -> None:
    numbers = Numbers()
    for number in range(1, 10 * MOST):
        numbers.sent(numbers.onward(number))
        numbers.own()
    assert len(numbers._before) == MOST
    assert numbers.onward(10 * MOST) == numbers.highest + 1
