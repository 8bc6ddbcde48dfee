"""Which turns of an account are told, and what a file keeps of one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.config.values import Event
from sbc.core.plain import Unfit
from sbc.ledger.record import CallRecord, cut_short
from sbc.ledger.turns import Told, Turn, packed, turns_of, unpacked
from sbc.ledger.usage import Flow, Usage, usages_of
from tests.ledger.facts import START, account, at, begun, ended, live, over, stream, turn


def events(turns: list[Turn]) -> list[str]:
    return [each.event.value for each in turns]


def usage_of(record: dict[str, object]) -> Usage:
    (found,) = usages_of(record)
    return found


def test_a_call_starts_when_it_is_answered_and_stops_at_its_end() -> None:
    first, told = turns_of(usage_of(live("c1", 2, 0).record), None, 300.0, False)
    assert events(first) == ["start"] and first[0].at == START + 2
    again, same = turns_of(usage_of(live("c1", 3, 50).record), told, 300.0, False)
    assert not again and same is told
    last, done = turns_of(account(), told, 300.0, False)
    assert events(last) == ["stop"] and last[0].at == START + 10 and done is not None and done.over
    assert last[0].usage.total.into.packets == 101
    assert turns_of(account(), done, 300.0, False) == ([], done)


def test_what_has_come_to_its_period_is_told() -> None:
    _, told = turns_of(usage_of(live("c1", 2, 0).record), None, 60.0, False)
    early, told = turns_of(usage_of(live("c1", 61.9, 50).record), told, 60.0, False)
    due, told = turns_of(usage_of(live("c1", 62, 60).record), told, 60.0, False)
    soon, told = turns_of(usage_of(live("c1", 100, 70).record), told, 60.0, False)
    assert (events(early), events(due), events(soon)) == ([], ["interim"], [])
    assert due[0].usage.total.into.packets == 61 and due[0].at == START + 62
    assert turns_of(usage_of(live("c1", 9000, 70).record), told, 0.0, False)[0] == []


def test_another_codec_or_stream_is_told_at_once() -> None:
    _, told = turns_of(usage_of(live("c1", 2, 0).record), None, 0.0, False)
    assert told is not None
    later = Told(told.at, told.turns - 1)
    found, _ = turns_of(usage_of(live("c1", 3, 50).record), later, 0.0, False)
    assert events(found) == ["interim"]


def test_a_short_call_starts_and_stops_at_once_and_its_start_knows_nothing_of_its_end() -> None:
    (start, stop), told = turns_of(account(), None, 300.0, False)
    assert events([start, stop]) == ["start", "stop"] and told is not None and told.over
    assert (start.usage.ending, start.usage.end, start.usage.duration, start.usage.total) == (None, None, 0, Flow())


def test_attempts_are_told_where_they_are_wanted() -> None:
    made = CallRecord("k", begun(), at(0))
    ringing = usage_of(made.snapshot(at(1), {}.__getitem__))
    made.heard(over(ending="busy"), at(3))
    busy = usage_of(made.snapshot(at(3), {}.__getitem__))
    assert turns_of(ringing, None, 1.0, True) == ([], None) == turns_of(busy, None, 1.0, False)
    found, _ = turns_of(busy, None, 1.0, True)
    assert events(found) == ["stop"] and found[0].at == START + 3


def test_what_a_crash_cut_short_stops_where_it_was_last_known() -> None:
    left = cut_short(live("c1", 30, 40).record)
    found, _ = turns_of(usage_of(left), Told(START + 2, 1), 300.0, False)
    assert events(found) == ["stop"] and found[0].at == START + 30
    assert found[0].usage.ending == "incomplete" and found[0].usage.total.into.packets == 41


def test_a_turn_reads_back_as_it_was() -> None:
    for each in (turn(), turn(Event.START), Turn(Event.INTERIM, 1.5, usage_of(live("c1", 5, 7).record))):
        assert unpacked(packed(each)) == each
    assert stream("x").id == "x/1" and ended("c1", 3, 1).final


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(str))
def test_whatever_a_file_holds_is_a_turn_or_unfit(text: str) -> None:
    with pytest.raises(Unfit):
        unpacked(text)


@given(st.data())
def test_a_turn_that_is_damaged_is_one_or_unfit(data: st.DataObject) -> None:
    whole = packed(turn())
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:place] + data.draw(st.text(max_size=3)) + whole[place + data.draw(st.integers(0, 9)) :]
    try:
        found = unpacked(damaged)
    except Unfit:
        return
    assert isinstance(found.event, Event) and isinstance(found.usage.total.into.octets, int)


@pytest.mark.parametrize(
    ("name", "value"), [('"at":', "NaN"), ('"at":', "1e999"), ('"duration":', "NaN"), ('"duration":', "-Infinity")]
)
def test_numbers_that_are_none_are_no_turn(name: str, value: str) -> None:
    """JSON may have them, and what is made of them would fail for ever."""
    text = packed(turn(Event.STOP, "c1"))
    assert unpacked(text)
    with pytest.raises(Unfit, match="none"):
        unpacked(re.sub(f"{name}[^,}}]+", name + value, text, count=1))
