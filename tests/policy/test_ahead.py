"""Bandwidth that is held ahead for calls to come."""

from __future__ import annotations

import pytest

from sbc.core.message import Cause, Flow, Refused, Width
from sbc.policy.ahead import Ahead, may_be_less, media_in, needed
from sbc.policy.book import AMPLE, NOTHING, Book
from sbc.policy.demand import Bandwidth, Demand, Fit, less, more, turned
from sbc.policy.limits import Caps
from tests.policy.test_book import attempt, legs, plan

CALL = Demand((80_000, 80_000), (80_000, 80_000))
HALF = Demand((40_000, 40_000), (40_000, 40_000))
LIMIT = Caps(bandwidth_in=200, bandwidth_out=200)
V4 = (False, False)


def made(terminal: Caps | None = None) -> tuple[Book, Ahead]:
    book = Book(plan(realm=LIMIT) if terminal is None else plan(terminal=terminal))
    return book, Ahead(book)


def used(book: Book) -> int:
    return book.realm("access").into


def test_it_is_held_refused_and_given_back() -> None:
    book, ahead = made()
    assert ahead.hold("one", legs(book), CALL, False, False) == CALL
    ahead.hold("two", legs(book), CALL, False, False)
    with pytest.raises(Refused) as no:
        ahead.hold("three", legs(book), CALL, False, False)
    assert no.value.cause is Cause.BANDWIDTH and used(book) == 160_000 and book.faults(ahead.tickets()) == []
    assert ahead.hold("four", legs(book), CALL, True, False) == HALF, "what there is, where that may be"
    ahead.hold("five", legs(book), CALL, False, True)  # of who calls for help
    for each in ("one", "two", "three", "four", "five"):
        ahead.drop(each)
    assert used(book) == 0 and book.faults([]) == []


def test_leave_has_what_was_granted_and_the_call_what_the_leave_had() -> None:
    book, ahead = made()
    ahead.hold("asked", legs(book), CALL, False, False)
    ahead.pass_on("asked", "leave", HALF)
    assert used(book) == 40_000
    ticket = attempt(book)
    ahead.give("leave", ticket, False)
    assert used(book) == 40_000 and ticket.total == NOTHING and not list(ahead.tickets())
    book.reserve(ticket, "1/1", HALF)
    assert used(book) == 40_000 and ticket.total == HALF, "its stream takes what was held ahead"
    book.reserve(ticket, "1/2", CALL)
    assert used(book) == 120_000 and book.faults([ticket]) == []
    book.release("1/2")
    assert used(book) == 40_000
    book.close(ticket)
    assert used(book) == 0 and book.faults([]) == []


def test_of_a_call_that_was_asked_for_from_the_other_side() -> None:
    book, ahead = made()
    odd = Demand((1, 2), (3, 4))
    assert turned(odd) == Demand((2, 1), (4, 3)) and more(odd, odd) == Demand((2, 4), (6, 8))
    assert less(odd, Demand((0, 9), (1, 1))) == Demand((1, 0), (2, 3))
    ahead.hold("leave", legs(book), odd, False, False)
    ticket = book.attempt(legs(book)[::-1], -1, False, 100.0)
    ahead.give("leave", ticket, True)
    assert (book.realm("access").into, book.realm("access").out) == (1, 3) and book.faults([ticket]) == []


def test_a_change_is_held_and_taken_back() -> None:
    book, ahead = made()
    ticket = attempt(book)
    book.reserve(ticket, "1/1", HALF)
    assert ahead.room(ticket, V4) == int(200_000 / 1.05) - 16_000
    ahead.change("ask", ticket, CALL, False)
    assert used(book) == 80_000 and ticket.total == HALF
    ahead.changed("ask", None)
    assert used(book) == 40_000
    with pytest.raises(Refused):
        ahead.change("much", ticket, Demand((300_000,) * 2, (300_000,) * 2), False)
    assert used(book) == 40_000
    ahead.changed("much", CALL)  # which is not known
    ahead.change("again", ticket, CALL, False)
    ahead.changed("again", HALF)
    assert used(book) == 40_000 and book.faults([ticket]) == []
    ahead.change("late", ticket, CALL, False)
    book.close(ticket)
    ahead.changed("late", CALL)
    assert used(book) == 0 and book.faults([]) == []


def test_a_change_that_comes_to_nothing_before_it_is_answered_is_taken_back() -> None:
    book, ahead = made()
    ticket = attempt(book)
    for wanted in (CALL, HALF):
        ahead.change("ask", ticket, CALL, False)
        ahead.changed("ask", CALL)
        ahead.change("spoiled", ticket, wanted, False)
        ahead.drop("spoiled")
        assert used(book) == 80_000 and book.faults([ticket]) == []
    ahead.change("late", ticket, HALF, False)
    book.close(ticket)
    ahead.drop("late")
    assert used(book) == 0 and book.faults([]) == []


@pytest.mark.parametrize("granted", [(None, None), (None, CALL), (CALL, None), (CALL, HALF)])
@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_two_changes_of_one_call_leave_what_was_granted_last(
    order: tuple[str, str], granted: tuple[Demand | None, Demand | None]
) -> None:
    """Both are open at once; what was refused is held by nobody, in whatever order answers come."""
    book, ahead = made()
    ticket = attempt(book)
    ahead.change("before", ticket, HALF, False)
    ahead.changed("before", HALF)
    ahead.change("one", ticket, CALL, False)
    ahead.change("two", ticket, more(CALL, HALF), False)
    assert used(book) == 120_000
    last = HALF
    for name, answer in zip(order, granted, strict=True):
        last = answer or last
        ahead.changed(name, answer)
        assert used(book) >= last.into[0]
    assert used(book) == last.into[0] and book.faults([ticket]) == []


def test_a_terminals_own_limit_holds_over_all_that_it_asks_for() -> None:
    book, ahead = made(Caps(bandwidth_in=100, bandwidth_out=100))
    ahead.hold("one", legs(book), CALL, False, False)
    with pytest.raises(Refused):
        ahead.hold("two", legs(book), CALL, False, False)
    ahead.hold("other", legs(book, b"bob"), CALL, False, False)
    ahead.drop("one")
    ahead.hold("two", legs(book), CALL, False, False)
    assert book.faults(ahead.tickets()) == []


def test_where_others_count_for_it_from_now_on_it_is_held_there() -> None:
    book, ahead = made()
    ahead.hold("leave", legs(book), CALL, False, False)
    ticket = attempt(book)
    ahead.give("leave", ticket, False)
    book.reserve(ticket, "1/1", HALF)
    book.reseat(ticket, legs(book, b"bob"))
    assert used(book) == 80_000 and ticket.total == HALF and book.faults([ticket]) == []


def test_what_is_needed() -> None:
    flows = (Flow("audio", Width(media=64_000)),)
    found = needed(flows, (False, False), (Bandwidth(), Bandwidth()))
    assert (
        found == Demand((84_000, 84_000), (84_000, 84_000)) and needed((), (False, False), (Bandwidth(),) * 2) is None
    )
    assert may_be_less((Bandwidth(), Bandwidth(fit=Fit.FILTER))) and not may_be_less((Bandwidth(), Bandwidth()))


def test_where_nothing_is_limited_there_is_room_for_all() -> None:
    book = Book(plan())
    assert Ahead(book).room(attempt(book), V4) == AMPLE


def test_how_much_media_there_is_in_what_a_call_takes() -> None:
    assert media_in(Demand((84_000,) * 2, (84_000,) * 2), V4) == 64_000
    assert media_in(Demand((84_000, 25_200), (25_200, 84_000)), V4) == 8_000, "each way the less"
    assert media_in(Demand((1_000,) * 2, (1_000,) * 2), V4) == 0


@pytest.mark.parametrize("v6", [V4, (True, False), (False, True), (True, True)])
def test_media_is_what_is_left_of_the_headers_of_each_side(v6: tuple[bool, bool]) -> None:
    wanted = needed((Flow("audio", Width(media=64_000)),), v6, (Bandwidth(), Bandwidth()))
    assert wanted is not None and media_in(wanted, v6) == 64_000
