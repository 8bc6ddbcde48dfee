"""The journal: everything is counted, and no event can fill the log."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from sbc.core.orders import Note, Record
from sbc.journal import CALL_LINES_A_SECOND, LINES_A_SECOND, MOST_STREAMS, Journal, told
from sbc.media.counters import SideCounters, StreamCounters, Volume


def lines_of(act: object) -> list[str]:
    """What is logged by the journal while `act` runs."""
    found: list[str] = []

    def observe(event: dict[str, object]) -> None:
        if event["log_namespace"] == "sbc.journal.Journal":
            found.append(str(event["log_format"]).format(**event))

    globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]
    try:
        act()  # type: ignore[operator]
    finally:
        globalLogPublisher.removeObserver(observe)  # type: ignore[arg-type]
    return found


def test_a_flood_of_one_event_is_counted_whole_and_logged_in_part() -> None:
    clock = Clock()
    journal = Journal(clock.seconds)

    def flood() -> None:
        for _ in range(1000):
            journal.note(Note("refused", "busy"))
        journal.note(Note("bound", "for 60 s"))
        clock.advance(1)
        journal.note(Note("refused", "busy"))

    said = lines_of(flood)
    assert journal.counted["refused"] == 1001
    assert len(said) == LINES_A_SECOND + 2
    assert said[-1] == f"refused: busy ({1000 - LINES_A_SECOND} more before this one not shown)"


def test_calls_are_counted_by_how_they_end() -> None:
    journal = Journal(Clock().seconds)
    for ending in ("busy", "normal", "busy"):
        journal.record(Record("c", "close", {"cause": "x", "ending": ending, "answered_for": None}))
    assert (journal.counted["ending-busy"], journal.counted["ending-normal"], journal.counted["call-close"]) == (
        2,
        1,
        3,
    )


def test_every_line_about_a_call_begins_with_its_id_and_the_end_tells_the_volume() -> None:
    journal = Journal(Clock().seconds)
    carried = StreamCounters((SideCounters(received_rtp=Volume(50, 8600)), SideCounters(sent_rtp=Volume(49, 8428))))

    def life() -> None:
        journal.record(Record("c1", "open", {"from": "a", "to": "b"}))
        journal.record(Record("c1", "answer", {}))
        journal.volume("c1", "c1/1", carried)
        journal.record(Record("c1", "close", {"cause": "486 Busy Here", "answered_for": 2.5}))
        journal.record(Record("c2", "close", {"cause": "timeout", "answered_for": None}))

    said = lines_of(life)
    assert all(line.startswith("call c1: ") for line in said[:2])
    assert said[1] == f"call c1: ended: 486 Busy Here; answered for 2.500 s; stream c1/1: {told(carried)}"
    assert "side 0 in 50+0 packets 8600 octets" in said[1] and "out 49+0" in said[1]
    assert said[2] == "call c2: ended: timeout; answered for -; no media"


def test_a_call_of_very_many_streams_has_a_line_of_bounded_length() -> None:
    journal = Journal(Clock().seconds)

    def life() -> None:
        for number in range(MOST_STREAMS + 5000):
            journal.volume("c1", f"c1/{number}", StreamCounters((SideCounters(), SideCounters())))
        journal.record(Record("c1", "close", {"cause": "ended", "answered_for": 2.5}))
        journal.record(Record("c1", "close", {"cause": "ended", "answered_for": 2.5}))

    whole, after = lines_of(life)
    assert whole.count("stream c1/") == MOST_STREAMS and whole.endswith("; and 5000 more streams")
    assert after.endswith("; no media")


def test_attempts_cannot_fill_the_log_and_leave_nothing_behind_answered_calls_are_always_told() -> None:
    journal = Journal(Clock().seconds)

    def flood() -> None:
        for number in range(1000):
            journal.record(Record(f"c{number}", "open", {"from": "a", "to": "b"}))
            journal.volume(f"c{number}", "s", StreamCounters((SideCounters(), SideCounters())))
            journal.record(Record(f"c{number}", "close", {"cause": "x", "answered_for": None}))
        journal.record(Record("c", "close", {"cause": "bye", "answered_for": 1.0}))

    said = lines_of(flood)
    assert len(said) == 2 * CALL_LINES_A_SECOND + 1 and said[-1].startswith("call c: ended: bye")
    assert journal.counted["call-open"] == 1000 and not journal._volumes


def test_ringing_is_counted_and_ends_nothing() -> None:
    journal = Journal(Clock().seconds)
    assert lines_of(lambda: journal.record(Record("c1", "ring", {"at": 1.0}))) == []
    assert journal.counted["call-ring"] == 1
