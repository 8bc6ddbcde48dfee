"""Who is sent what when: an hour without a server loses nothing, mixes nothing up, and repeats only what may be."""

from __future__ import annotations

from collections import Counter

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.config.values import Event
from sbc.core.address import Address
from sbc.ledger.radius.packets import Attribute
from sbc.ledger.radius.sender import PASSED_OVER, Request, Sender, Terms
from tests.ledger.facts import START, turn
from tests.ledger.radius.answers import FIRST, NAMING, SECOND, answer, attributes, number, terms

REST = Terms((), b"", NAMING).rest


@attrs.define
class Bench:
    """Servers, of which some are up, and a clock that runs from deadline to deadline."""

    terms: Terms = attrs.field(factory=terms)
    up: set[Address] = attrs.field(factory=lambda: {FIRST, SECOND})
    now: float = 0.0
    sent: list[tuple[float, Address, bytes]] = attrs.field(factory=list)
    taken: list[tuple[Address, bytes, bytes]] = attrs.field(factory=list)  # session and status, at that server
    done: list[int] = attrs.field(factory=list)
    told: list[tuple[str, str]] = attrs.field(factory=list)
    counted: Counter[str] = attrs.field(factory=Counter)
    inbox: list[tuple[Address, bytes]] = attrs.field(factory=list)
    deaf_to: frozenset[bytes] = frozenset()
    sender: Sender = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.sender = Sender(self.terms, self.send, self.done.append, lambda: START + self.now, self.counted, self.tell)

    def tell(self, what: str, whom: str) -> None:
        self.told.append((what, whom))

    def send(self, server: Address, data: bytes) -> None:
        self.sent.append((self.now, server, data))
        session = attributes(data)[Attribute.ACCT_SESSION_ID]
        if server in self.up and session not in self.deaf_to:
            self.inbox.append((server, data))

    def offer(self, *sessions: str, first: int = 1) -> None:
        """Three turns of each session, one after the other."""
        requests = []
        for event in (Event.START, Event.INTERIM, Event.STOP):
            requests += [turn(event, session) for session in sessions]
        self.sender.offer([Request(first + id, each) for id, each in enumerate(requests)], self.now)
        self.settle()

    def settle(self) -> None:
        """Let servers answer until nothing more is on its way from them."""
        while self.inbox:
            server, data = self.inbox.pop(0)
            found = attributes(data)
            self.taken.append((server, found[Attribute.ACCT_SESSION_ID], found[Attribute.ACCT_STATUS_TYPE]))
            self.sender.heard(server, answer(data), self.now)

    def run(self, until: float) -> None:
        while (due := self.sender.due()) is not None and due <= until:
            assert due >= self.now
            self.now = due
            self.sender.wake(self.now)
            self.settle()
        self.now = until

    def order(self, session: bytes) -> list[int]:
        return [number(status) for _, name, status in self.taken if name == session]


def test_requests_of_a_session_go_one_after_the_other() -> None:
    bench = Bench(up=set())
    bench.offer("c1", "c2")
    assert [attributes(data)[Attribute.ACCT_SESSION_ID] for _, _, data in bench.sent] == [b"boot-c1", b"boot-c2"]
    bench.up = {FIRST}
    bench.run(1000.0)
    assert bench.order(b"boot-c1") == bench.order(b"boot-c2") == [1, 3, 2]
    assert sorted(bench.done) == [1, 2, 3, 4, 5, 6] and not len(bench.sender) and bench.sender.due() is None


def test_a_turn_of_which_no_request_can_be_made_holds_nobody_back() -> None:
    bench = Bench()
    broken = attrs.evolve(turn(Event.START, "c1"), at=float("nan"))
    good = [turn(Event.STOP, "c1"), turn(Event.STOP, "c2")]
    bench.sender.offer([Request(id, each) for id, each in enumerate([broken, *good])], bench.now)
    bench.settle()
    assert sorted(bench.done) == [0, 1, 2] and not len(bench.sender)
    assert bench.order(b"boot-c1") == bench.order(b"boot-c2") == [2]
    assert (bench.counted["radius-broken"], bench.told) == (1, [("broken", "boot-c1")])


def test_a_repetition_is_the_same_octets_and_what_comes_later_tells_its_delay() -> None:
    bench = Bench(up=set())
    bench.offer("c1")
    bench.run(3 + 6 + 12 + REST + 1)
    first, second, third, later = bench.sent
    assert first[2] == second[2] == third[2] and [first[0], second[0], third[0]] == [0.0, 3.0, 9.0]
    assert later[0] == 21.0 + REST and later[2][1] != first[2][1], "another identifier"
    before, after = attributes(first[2]), attributes(later[2])
    assert number(after[Attribute.ACCT_DELAY_TIME]) == 41 and number(before[Attribute.ACCT_DELAY_TIME]) == 0
    assert before[Attribute.EVENT_TIMESTAMP] == after[Attribute.EVENT_TIMESTAMP]
    assert bench.counted["radius-repeated"] == 2 and bench.counted["radius-unanswered"] == 1
    assert bench.told == [("down", str(FIRST))]


def test_an_hour_without_servers_loses_nothing_and_keeps_the_order() -> None:
    bench = Bench(terms(FIRST, SECOND), up=set())
    for minute in range(60):
        bench.offer(*(f"c{minute}x{call}" for call in range(5)), first=1 + 15 * minute)
        bench.run(60.0 * (minute + 1))
    assert not bench.taken and len(bench.sender) == 900
    assert len(bench.sent) < 2 * 3 * 2 * 64 + 3600 / 25 * 3 * 2, "servers that are down are not flooded"
    bench.up = {FIRST, SECOND}
    bench.run(3600.0 + 2 * REST + 60)
    assert sorted(bench.done) == list(range(1, 901)) and not len(bench.sender)
    sessions = {name for _, name, _ in bench.taken}
    assert len(sessions) == 300 and all(bench.order(name) == [1, 3, 2] for name in sessions)
    assert len(bench.taken) == 900, "none is counted twice"
    assert [word for word, _ in bench.told].count("up") >= 1


def test_the_second_server_is_asked_when_the_first_is_down_and_the_first_again_later() -> None:
    bench = Bench(terms(FIRST, SECOND), up={SECOND})
    bench.offer("c1")
    bench.run(30.0)
    assert {server for server, _, _ in bench.taken} == {SECOND} and bench.order(b"boot-c1") == [1, 3, 2]
    bench.up = {FIRST, SECOND}
    bench.run(30.0 + REST)
    bench.offer("c2", "c3", first=10)
    assert [server for server, _, _ in bench.taken[3:]].count(FIRST) >= 3
    assert bench.told == [("down", str(FIRST)), ("up", str(FIRST))]


def test_no_more_than_a_window_is_on_its_way() -> None:
    bench = Bench(terms(window=10), up=set())
    bench.offer(*(f"c{number}" for number in range(50)))
    assert len(bench.sent) == 10
    bench.up = {FIRST}
    bench.run(500.0)
    assert len(bench.done) == 150


def test_what_no_server_takes_though_it_takes_others_is_given_up_and_said() -> None:
    bench = Bench(deaf_to=frozenset({b"boot-bad"}))
    bench.offer("bad")
    for minute in range(60):
        bench.offer(f"c{minute}", first=100 + 3 * minute)
        bench.run(60.0 * (minute + 1))
    assert bench.counted["radius-given-up"] >= 1 and ("given up", "boot-bad") in bench.told
    assert {each for each in bench.done if each >= 100} == set(range(100, 280))
    assert bench.counted["radius-unanswered"] >= PASSED_OVER


def test_answers_that_are_none_change_nothing() -> None:
    bench = Bench(up=set())
    bench.offer("c1")
    data = bench.sent[0][2]
    for source, wrong in (
        (FIRST, b""),
        (FIRST, data),
        (FIRST, answer(data, secret=b"guessed secret")),
        (SECOND, answer(data)),
        (FIRST._replace(port=9), answer(data)),
    ):
        bench.sender.heard(source, wrong, 1.0)
    assert bench.counted["radius-bad"] == 5 and not bench.done
    bench.sender.heard(FIRST, answer(data), 1.0)
    bench.sender.heard(FIRST, answer(data), 1.0)
    assert bench.done == [1] and bench.counted["radius-bad"] == 6


@pytest.mark.parametrize("change", [terms(SECOND), attrs.evolve(terms(FIRST), secret=b"another secret")])
def test_other_terms_count_at_once_and_nothing_is_lost(change: Terms) -> None:
    bench = Bench(up=set())
    bench.offer("c1", "c2")
    bench.up = {FIRST, SECOND}
    before = len(bench.sent)
    bench.sender.change(change, 1.0)
    assert {server for _, server, _ in bench.sent[before:]} == set(change.servers)
    if change.servers == (SECOND,):
        bench.settle()
        assert len(bench.done) == 6


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sets(st.sampled_from([FIRST, SECOND])), st.integers(1, 200)), max_size=15))
def test_whoever_is_down_for_however_long_each_turn_is_told_in_order(spells: list[tuple[set[Address], int]]) -> None:
    bench = Bench(terms(FIRST, SECOND, window=3))
    until = 0.0
    for number_, (up, seconds) in enumerate(spells):
        bench.up = up
        bench.offer(f"a{number_}", f"b{number_}", first=1 + 6 * number_)
        until += seconds
        bench.run(until)
    bench.up = {FIRST, SECOND}
    bench.run(until + 1000.0)
    assert sorted(bench.done) == list(range(1, 1 + 6 * len(spells)))
    assert all(bench.order(name) == [1, 3, 2] for name in {name for _, name, _ in bench.taken})
