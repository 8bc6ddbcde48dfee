"""The RADIUS client as a service: from the book to the servers, and nothing is removed that is not answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from sbc.config.values import Octets, RadiusConfig
from sbc.ledger.book import AccountBook
from sbc.ledger.radius.packets import Attribute
from sbc.ledger.radius.queue import Outbox, RadiusQueue
from sbc.ledger.radius.service import PACE, PARTING, RETRY, RadiusService, terms_of
from tests.ledger.facts import START, ended, live
from tests.ledger.radius.answers import FIRST, SECRET, answer, attributes, number, terms


class Wire(Clock):
    """A reactor with one socket, whose server answers as long as it is up."""

    def __init__(self, up: bool = True) -> None:
        super().__init__()
        self.up = up
        self.sent: list[bytes] = []
        self.status: list[int] = []
        self.closed = 0
        self._protocol: Any = None

    def listenUDP(self, port: int, protocol: Any, interface: str, maxPacketSize: int) -> Any:
        assert (port, interface) == (0, "")
        self._protocol = protocol
        return self

    def write(self, data: bytes, to: tuple[str, int]) -> None:
        self.sent.append(data)
        if self.up:
            self.callLater(0.01, self._answer, data)

    def _answer(self, data: bytes) -> None:
        self.status.append(number(attributes(data)[Attribute.ACCT_STATUS_TYPE]))
        self._protocol.datagramReceived(answer(data), tuple(FIRST))

    def stopListening(self) -> None:
        self.closed += 1


@attrs.define
class Office:
    """A book and its client."""

    path: str
    wire: Wire = attrs.field(factory=Wire)
    counted: Counter[str] = attrs.field(factory=Counter)
    book: AccountBook = attrs.field(init=False)
    service: RadiusService = attrs.field(init=False)
    breaks: bool = False

    def __attrs_post_init__(self) -> None:
        self.service = RadiusService(
            self.wire, self.path, terms(), self.counted, lambda: START + self.wire.seconds(), self.in_thread
        )
        self.book = AccountBook(self.path, [RadiusQueue(1_000_000, self.service.news)], 0.0, False)
        self.book.open()
        self.service.startService()

    def in_thread(self, call: Callable[..., Any], *said: Any) -> Deferred[Any]:
        if self.breaks:
            call = self.fail
        return maybeDeferred(call, *said)

    def fail(self, *_: object) -> None:
        raise OSError(5, "the disk is gone")

    def run(self, seconds: float) -> None:
        self.wire.pump([0.01] * int(seconds * 100))

    def left(self) -> int:
        outbox = Outbox(self.path)
        left = outbox.remove([])
        outbox.close()
        return left

    def close(self) -> None:
        gone = self.service.stopService()
        self.wire.advance(PARTING)
        assert gone.called
        self.book.close()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(str(tmp_path / "book.sqlite"))


def test_what_is_answered_is_out_of_the_book(office: Office) -> None:
    office.book.write([live("c1", 2, 0), ended("c2", 9, 1)])
    office.run(1.0)
    office.book.write([ended("c1", 9, 5)])
    office.run(1.0)
    assert office.wire.status == [1, 1, 2, 2] and office.left() == 0
    assert (office.counted["radius-answered"], office.counted["radius-waiting"]) == (4, 0)
    office.close()
    assert office.wire.closed == 1 and not office.wire.getDelayedCalls()


def test_an_hour_without_a_server_and_a_restart_in_it_lose_nothing(office: Office) -> None:
    office.wire.up = False
    for minute in range(30):
        office.book.write([ended(f"c{minute}x{call}", 9, 1) for call in range(25)])
        office.wire.advance(60.0)
    assert office.left() == 1500
    office.close()
    again = Office(office.path, Wire(up=False))
    for minute in range(30):
        again.book.write([ended(f"d{minute}", 9, 1)])
        again.wire.advance(60.0)
    assert again.left() == 1560 and again.counted["radius-answered"] == 0
    again.wire.up = True
    again.run(90.0)
    assert again.left() == 0 and len(again.wire.status) == again.counted["radius-answered"] == 1560
    again.close()


def test_a_request_that_was_not_written_down_as_answered_is_asked_again(office: Office) -> None:
    office.book.write([ended("c1", 9, 1)])
    office.wire.advance(0.011)
    assert office.wire.status == [1], "answered, and the process is killed before that is written"
    office.book.close()
    again = Office(office.path)
    again.run(1.0)
    assert again.wire.status == [1, 2] and again.left() == 0
    first, second = (attributes(data) for data in (office.wire.sent[0], again.wire.sent[0]))
    same = (Attribute.ACCT_SESSION_ID, Attribute.ACCT_STATUS_TYPE, Attribute.EVENT_TIMESTAMP)
    assert all(first[each] == second[each] for each in same)
    again.close()


def test_a_book_that_cannot_be_read_is_tried_again(office: Office) -> None:
    office.breaks = True
    office.book.write([ended("c1", 9, 1)])
    assert office.counted["radius-failures"] == 1
    office.breaks = False
    office.wire.advance(RETRY)
    office.run(1.0)
    assert office.wire.status == [1, 2] and office.left() == 0
    office.close()


def test_broken_requests_are_left_out_and_said(office: Office) -> None:
    assert office.book._database is not None
    office.book._database.execute("INSERT INTO requests (event, data) VALUES ('stop', 'rubbish')")
    office.book.write([ended("c1", 9, 1)])
    office.run(1.0)
    assert office.wire.status == [1, 2] and office.left() == 0 and office.counted["radius-broken"] == 1
    office.close()


def test_other_terms_count_from_now_on(office: Office) -> None:
    office.wire.up = False
    office.book.write([ended("c1", 9, 1)])
    office.service.change(terms(timeout=1.0))
    office.wire.up = True
    office.run(10.0)
    assert office.wire.status == [1, 2]
    office.close()


def test_the_secret_is_in_no_log(office: Office) -> None:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        office.wire.up = False
        office.book.write([ended("c1", 9, 1)])
        office.run(PACE + 60.0)
        office.close()
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert any(event["log_level"] is LogLevel.error for event in events)
    assert SECRET.decode() not in repr(events) and repr(SECRET) not in repr(events)


def test_the_terms_of_a_configuration() -> None:
    config = RadiusConfig((FIRST,), "secret", "here", Octets.PAYLOAD, 1.5, 2, 7.0, 10)
    made = terms_of(config, b"x")
    assert (made.servers, made.secret, made.timeout, made.tries) == ((FIRST,), b"x", 1.5, 2)
    assert (made.window, made.rest) == (10, 7.0)
    assert (made.naming.identifier, made.naming.octets) == ("here", Octets.PAYLOAD)
