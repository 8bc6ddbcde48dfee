"""What a writer has to say stands in the log, in words for people, said by the reactor's thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from sbc.ledger.teller import teller


class Reactor:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def callFromThread(self, *call: Any) -> None:
        self.calls.append(call)


@pytest.fixture
def said() -> Iterator[list[tuple[str, str]]]:
    heard: list[tuple[str, str]] = []

    def hear(event: LogEvent) -> None:
        heard.append((event["log_level"].name, formatEvent(event)))

    globalLogPublisher.addObserver(hear)
    yield heard
    globalLogPublisher.removeObserver(hear)


def test_each_word_of_a_writer(said: list[tuple[str, str]]) -> None:
    reactor = Reactor()
    tell = teller(reactor, "the store /s", "values")
    tell("failing", {"error": "OSError: full", "waiting": 3})
    tell("lost", {"count": 2, "all": 5})
    tell("writing-again", {"waiting": 1})
    assert said == []
    for call, *what in reactor.calls:
        call(*what)
    assert said == [
        ("error", "the store /s cannot be written: OSError: full; 3 values wait"),
        ("critical", "the store /s: 2 values are lost, 5 in all"),
        ("warn", "the store /s is written again; 1 values still wait"),
    ]
