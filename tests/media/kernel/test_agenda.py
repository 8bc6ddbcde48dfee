"""What is due, once, the soonest first."""

from __future__ import annotations

from sbc.media.kernel.agenda import Agenda


def test_the_soonest_first_and_each_once() -> None:
    agenda = Agenda()
    agenda.put("b", 2.0)
    agenda.put("a", 1.0)
    agenda.put("c", 9.0)
    assert agenda.due(0.5, 10) == []
    assert agenda.due(3.0, 10) == ["a", "b"]
    assert agenda.due(3.0, 10) == []
    assert len(agenda) == 1


def test_sooner_wins_and_later_changes_nothing() -> None:
    agenda = Agenda()
    agenda.put("a", 5.0)
    agenda.put("a", 1.0)
    agenda.put("a", 3.0)
    assert agenda.due(1.0, 10) == ["a"]
    assert agenda.due(10.0, 10) == []


def test_only_so_many_at_a_time() -> None:
    agenda = Agenda()
    for n in range(5):
        agenda.put(str(n), float(n))
    assert agenda.due(9.0, 2) == ["0", "1"]
    assert agenda.due(9.0, 9) == ["2", "3", "4"]


def test_what_is_dropped_is_due_no_more() -> None:
    agenda = Agenda()
    agenda.put("a", 1.0)
    agenda.drop("a")
    agenda.drop("never")
    assert agenda.due(2.0, 9) == []
    agenda.put("a", 3.0)
    assert agenda.due(4.0, 9) == ["a"]


def test_says_whether_to_come_again_soon() -> None:
    agenda = Agenda()
    assert not agenda.has_due(9.0)
    agenda.put("a", 5.0)
    assert not agenda.has_due(4.9)
    assert agenda.has_due(5.0)
    agenda.due(5.0, 1)
    assert not agenda.has_due(9.0)
