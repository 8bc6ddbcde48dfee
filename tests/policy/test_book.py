"""The book: what is let in and given back, what is refused and how, and that nothing is left over."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.core.message import Cause, Refused
from sbc.core.realm import Limits, Plan
from sbc.policy.book import LATER, MOST_IDLE, Book, Tallies, Ticket
from sbc.policy.customers import Customer
from sbc.policy.demand import Demand
from sbc.policy.limits import UNLIMITED, Caps
from sbc.policy.tally import BANDWIDTH, BINDINGS, CALLS, RATE
from tests.rig import NAT, make_plan


def plan(realm: Caps = UNLIMITED, path: Caps = UNLIMITED, terminal: Caps = UNLIMITED) -> Plan:
    made = make_plan("toy")
    limits = {field.name: getattr(realm, field.name) for field in attrs.fields(Caps) if field.init}
    access = attrs.evolve(made.realms["access"], limits=Limits(**limits), terminals=terminal)
    core = attrs.evolve(made.realms["core"], limits=Limits())
    main = attrs.evolve(made.paths[0], limits=path)
    return attrs.evolve(made, realms={"access": access, "core": core}, paths=(main,))


def legs(book: Book, who: bytes = b"alice", host: str = NAT.host) -> tuple[Tallies, Tallies]:
    return book.seats("access", "main", who, host), (book.realm("core"),)


def attempt(book: Book, who: bytes = b"alice", now: float = 100.0, asked: int = -1, urgent: bool = False) -> Ticket:
    return book.attempt(legs(book, who), asked, urgent, now)


def refused(book: Book, *args: Any, **more: Any) -> Refused:
    before = [tally.used for tally in book.tallies()]
    with pytest.raises(Refused) as no:
        attempt(book, *args, **more)
    assert [tally.used for tally in book.tallies()][: len(before)] == before
    assert "access" not in no.value.why and "alice" not in no.value.why  # which are for the log alone
    return no.value


@pytest.mark.parametrize("where", ["realm", "path", "terminal"])
def test_so_many_calls_at_once_and_no_more_wherever_that_is_said(where: str) -> None:
    book = Book(plan(**{where: Caps(calls=2)}))
    first, second = attempt(book), attempt(book)
    no = refused(book)
    assert (no.cause, no.retry_after) == (Cause.BUSY, LATER) and f"{where} " in no.detail
    book.close(first)
    third = attempt(book)
    for ticket in (second, third):
        book.close(ticket)
    assert book.faults([]) == [] and all(tally.empty for tally in book.tallies())
    (held,) = [tally for tally in book.tallies() if tally.refused]
    assert (held.kind, held.refused[CALLS], held.most_calls) == (where, 1, 2)


@pytest.mark.parametrize("where", ["realm", "path", "terminal"])
def test_so_many_calls_a_second_and_no_more(where: str) -> None:
    book = Book(plan(**{where: Caps(calls_per_second=0.5, burst=2)}))
    for _ in range(2):
        book.close(attempt(book, now=100.0))
    no = refused(book, now=100.5)
    assert (no.cause, no.retry_after) == (Cause.RATE, 2)  # there is one again after 2 s, of which 0.5 have passed
    book.close(attempt(book, now=100.5 + no.retry_after))
    assert sum(tally.refused[RATE] for tally in book.tallies() if tally.kind == where) == 1


def test_terminals_do_not_count_for_each_other() -> None:
    book = Book(plan(terminal=Caps(calls=1)))
    attempt(book)
    attempt(book, b"bob")
    refused(book)


def test_the_core_hears_that_who_it_calls_is_busy_and_is_not_told_to_keep_away() -> None:
    book = Book(plan(terminal=Caps(calls=1, calls_per_second=5.0)))
    attempt(book, asked=0)
    no = refused(book, asked=0)
    assert (no.cause, no.retry_after) == (Cause.ENGAGED, None)
    book = Book(plan(path=Caps(calls=1)))
    attempt(book, asked=0)
    no = refused(book, asked=0)
    assert (no.cause, no.retry_after) == (Cause.BUSY, None)


def test_a_call_for_help_is_counted_and_goes_past_all_limits() -> None:
    book = Book(plan(Caps(calls=1), Caps(calls=1), Caps(calls=1, calls_per_second=1.0)))
    attempt(book)
    urgent = attempt(book, urgent=True)
    assert {tally.kind: (tally.calls, tally.passed) for tally in book.tallies() if tally.name != "core"} == {
        "realm": (2, 1),
        "path": (2, 1),
        "terminal": (2, 1),
    }
    book.close(urgent)
    refused(book)


def test_lower_limits_leave_what_there_is_and_refuse_what_comes() -> None:
    book = Book(plan(terminal=Caps(calls=3)))
    tickets = [attempt(book) for _ in range(3)]
    book.replan(plan(terminal=Caps(calls=1)))
    assert book.faults(tickets) == []
    for ticket in tickets[:2]:
        book.close(ticket)
        refused(book)
    book.close(tickets[2])
    attempt(book)


def test_terminals_are_counted_from_the_day_that_they_are_limited() -> None:
    book = Book(plan())
    old = attempt(book)
    book.replan(plan(terminal=Caps(calls=1)))
    new = attempt(book)
    refused(book)
    assert book.faults([old, new]) == []
    book.replan(plan())
    for ticket in (old, new):
        book.close(ticket)
    assert book.faults([]) == []


def test_what_goes_on_after_a_restart_is_never_too_much() -> None:
    book = Book(plan(terminal=Caps(calls=1)))
    tickets = [book.resumed(legs(book), False) for _ in range(2)]
    assert book.faults(tickets) == []
    refused(book)


def test_who_only_asks_makes_nobody_be_forgotten_and_of_who_called_those_go_first_that_may_call_again() -> None:
    book = Book(plan(terminal=Caps(calls_per_second=0.01, burst=1)))
    book.close(attempt(book, b"victim", now=1_000.0))
    for number in range(MOST_IDLE + 10):
        book.may_call(legs(book, b"%d" % number), 1_000.0)
    refused(book, b"victim", now=1_001.0)
    book = Book(plan(terminal=Caps(calls_per_second=0.01, burst=2)))
    for _ in range(2):
        book.close(attempt(book, b"victim", now=1_000.0))
    for number in range(MOST_IDLE + 10):
        at = 1_000.0 if number % 10 == 0 else 0.0  # of some it is long ago
        book.close(attempt(book, b"%d" % number, now=at))
        legs(book, b"%d" % number)[0][0].call_fault(1_000.0)
    refused(book, b"victim", now=1_001.0)


def test_what_is_counted_for_others_from_now_on_is_taken_along() -> None:
    book = Book(plan())
    ticket = attempt(book)
    book.reserve(ticket, "s", Demand((10, 20), (30, 40)))
    book.replan(plan(terminal=Caps(calls=1, bandwidth_in=1)))
    book.reseat(ticket, legs(book))
    (terminal,) = [tally for tally in book.tallies() if tally.kind == "terminal"]
    assert terminal.used == (1, 0, 10, 30) and book.faults([ticket]) == []
    refused(book)
    book.reseat(ticket, legs(book))  # the same
    book.replan(plan())
    book.reseat(ticket, legs(book))
    assert terminal.empty and book.faults([ticket]) == []
    book.close(ticket)
    assert book.faults([]) == []


def test_only_so_many_idle_terminals_are_remembered() -> None:
    book = Book(plan(terminal=Caps(calls=1, calls_per_second=1.0)))
    for number in range(MOST_IDLE + 10):
        book.close(attempt(book, b"%d" % number))
    assert sum(tally.kind == "terminal" for tally in book.tallies()) == MOST_IDLE
    refused(book, b"%d" % (MOST_IDLE + 9))
    attempt(book, b"0")


# -- customers

ACME = Customer("acme", ("*@acme.example",), caps=Caps(calls=2), each=Caps(calls=1))


def with_customers(*customers: Customer, terminal: Caps = UNLIMITED) -> Plan:
    made = plan(terminal=terminal)
    access = attrs.evolve(made.realms["access"], customers=customers)
    return attrs.evolve(made, realms={**made.realms, "access": access})


def test_a_customers_terminals_have_their_limits_and_together_have_its() -> None:
    book = Book(with_customers(ACME, terminal=Caps(calls=5)))
    first = attempt(book, b"a@acme.example")
    no = refused(book, b"a@acme.example")
    assert no.cause is Cause.BUSY and no.detail.startswith("terminal a@acme.example of realm access")
    second = attempt(book, b"b@acme.example")
    no = refused(book, b"c@acme.example", asked=0)
    assert no.cause is Cause.ENGAGED and no.detail.startswith("customer acme of realm access")
    assert book.faults([first, second]) == [] and attempt(book).counts == CALLS


def test_a_customer_that_says_nothing_of_each_leaves_them_what_all_have() -> None:
    book = Book(with_customers(attrs.evolve(ACME, caps=UNLIMITED, each=None), terminal=Caps(calls=2)))
    for _ in range(2):
        attempt(book, b"a@acme.example")
    assert refused(book, b"a@acme.example").detail.startswith("terminal")


def test_a_terminal_may_be_known_by_where_it_is() -> None:
    office = Customer("office", (), (ip_network("203.0.113.0/24"),), Caps(calls=1))
    book = Book(with_customers(office))
    book.attempt(legs(book, b"192.0.2.1", "192.0.2.1"), -1, False, 0.0)
    book.attempt(legs(book, b"bob", "203.0.113.5"), -1, False, 0.0)
    with pytest.raises(Refused):
        book.attempt(legs(book, b"carol", "203.0.113.6"), -1, False, 0.0)


def test_customers_come_and_go_with_the_plan_and_what_there_is_stays_counted() -> None:
    book = Book(with_customers(ACME))
    tickets = [attempt(book, b"a@acme.example")]
    book.replan(with_customers(attrs.evolve(ACME, caps=Caps(calls=9), each=Caps(calls=3))))
    tickets += [attempt(book, b"a@acme.example") for _ in range(2)]
    refused(book, b"a@acme.example")
    book.replan(with_customers())
    tickets.append(attempt(book, b"a@acme.example"))
    assert book.faults(tickets) == []
    for ticket in tickets:
        book.close(ticket)
    book.replan(with_customers())
    assert book.faults([]) == [] and not any(tally.kind == "customer" for tally in book.tallies())


# -- registrations


def test_so_many_registrations_and_a_terminals_dead_ones_are_in_its_way_no_more() -> None:
    book = Book(plan(terminal=Caps(bindings=1), path=Caps(bindings=2)))
    seats = book.seats("access", "main", b"alice", NAT.host)
    book.may_bind(seats, 0, 0)
    first = book.bound(seats)
    with pytest.raises(Refused) as no:
        book.may_bind(seats, 0, 0)
    assert (no.value.cause, no.value.retry_after) == (Cause.BUSY, LATER)
    book.may_bind(seats, 1, 0)  # it takes the other's place
    book.may_bind(seats, 0, 1)
    second = book.bound(seats)
    with pytest.raises(Refused):
        book.may_bind(seats, 0, 2)  # which the registrar may still have
    assert book.faults([first, second]) == []
    book.close(first)
    book.close(second)
    assert book.faults([]) == [] and sum(tally.refused[BINDINGS] for tally in book.tallies()) == 2


# -- bandwidth

VOICE = Demand((80_000, 90_000), (80_000, 90_000))


def test_bandwidth_is_reserved_trimmed_and_given_back() -> None:
    book = Book(plan(Caps(bandwidth_in=200), Caps(bandwidth_out=150)))
    ticket, other = attempt(book), attempt(book, b"bob")
    book.reserve(ticket, "one/1", VOICE)
    with pytest.raises(Refused) as no:
        book.reserve(other, "two/1", VOICE)  # 160 of 150 that go out
    assert no.value.cause is Cause.BANDWIDTH and "two/1" not in other.held
    assert book.room(other, "two/1") == Demand((120_000, 1 << 62), (70_000, 1 << 62))
    assert book.room(ticket, "one/1") == Demand((200_000, 1 << 62), (150_000, 1 << 62))
    book.reserve(ticket, "one/1", Demand((30_000, 30_000), (30_000, 30_000)))
    book.reserve(other, "two/1", VOICE)
    assert book.faults([ticket, other]) == []
    book.release("one/1")
    book.release("one/1")
    book.release("nobody's")
    book.close(other)
    assert book.faults([ticket]) == [] and not book.streams()
    assert sum(tally.refused[BANDWIDTH] for tally in book.tallies()) == 1


def test_what_shrinks_is_forced_or_for_help_is_never_too_much() -> None:
    book = Book(plan(Caps(bandwidth_in=100)))
    ticket = attempt(book)
    book.reserve(ticket, "one/1", Demand((300_000, 0), (0, 0)), forced=True)
    book.reserve(ticket, "one/1", Demand((200_000, 0), (0, 0)))
    with pytest.raises(Refused):
        book.reserve(ticket, "one/1", Demand((200_001, 0), (0, 0)))
    urgent = attempt(book, urgent=True)
    book.reserve(urgent, "two/1", VOICE)
    assert book.room(urgent, "two/1") is None and book.faults([ticket, urgent]) == []


def test_of_what_is_counted_for_nobody_nothing_is_limited() -> None:
    book = Book(plan(Caps(bandwidth_in=1)))
    ticket = Ticket()
    book.reserve(ticket, "one/1", VOICE)
    assert book.room(ticket, "one/1") is None and book.faults([ticket]) == []
    book.close(ticket)
    assert book.faults([]) == []


def test_the_auditor_finds_what_is_not_given_back() -> None:
    book = Book(plan())
    ticket = attempt(book)
    book.reserve(ticket, "one/1", VOICE)
    assert book.faults([ticket]) == [] and len(book.faults([])) == 4  # realm, path, core, and the stream


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_happens_the_book_is_the_sum_of_its_tickets(data: st.DataObject) -> None:
    caps = st.builds(Caps, st.integers(0, 3), st.sampled_from([0.0, 0.5, 5.0]), st.integers(0, 2), st.integers(0, 2),
                     st.sampled_from([0, 200]), st.sampled_from([0, 200]))  # fmt: skip
    plans = st.builds(plan, caps, caps, caps)
    book, tickets, now = Book(data.draw(plans)), list[Ticket](), 0.0
    for step in range(data.draw(st.integers(0, 40))):
        now += data.draw(st.sampled_from([0.0, 0.1, 1.0]))
        what, who = data.draw(st.integers(0, 6)), data.draw(st.sampled_from([b"a", b"b", b""]))
        chosen = tickets[data.draw(st.integers(0, len(tickets) - 1))] if tickets else None
        rate = data.draw(st.integers(0, 150_000))
        try:
            if what == 0:
                tickets.append(attempt(book, who, now, data.draw(st.integers(-1, 0)), data.draw(st.booleans())))
            elif what == 1:
                seats = book.seats("access", "main", who, NAT.host)
                book.may_bind(seats, data.draw(st.integers(0, 1)), data.draw(st.integers(-1, 1)))
                tickets.append(book.bound(seats))
            elif what == 2:
                book.replan(data.draw(plans))
            elif chosen is not None and what in (3, 4):
                book.reserve(chosen, f"{id(chosen)}/{step % 2}", Demand((rate, rate), (rate, 0)), what == 4)
            elif chosen is not None and what == 5:
                book.release(next(iter(chosen.held), ""))
            elif chosen is not None:
                book.close(chosen)
                tickets.remove(chosen)
        except Refused:
            pass
        assert book.faults(tickets) == []
    for ticket in tickets:
        book.close(ticket)
    assert book.faults([]) == [] and all(tally.empty for tally in book.tallies())
