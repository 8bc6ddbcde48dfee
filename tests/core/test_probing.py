"""What is heard of next hops: who is down, who rests and for how long, and what brings them back."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.audit import audit
from sbc.core.hops import Neighbour, NeighbourState
from sbc.core.orders import Note
from sbc.core.probing import MOST_REST, PENALTY, failed
from tests.rig import SOFTSWITCH, Rig, events, make_plan, of
from tests.toy import UNAVAILABLE, ToyDialect
from tests.toy_calls import Talk, opened, toy_rig
from tests.toy_records import FAILURE, PENDING, SUCCESS, answer, opening

UP, SUSPECT, DOWN, RESTING = NeighbourState


def only(rig: Rig) -> Neighbour:
    (neighbour,) = rig.border.registry.hops.neighbours.values()
    return neighbour


def fail(rig: Rig) -> None:
    rig._take(failed(rig.border.registry, only(rig), "silent", rig.now))


def says(talk: Talk, stage: int, **more: int) -> list[str]:
    return events(talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, stage, **more).pack()))


@pytest.mark.parametrize("stage", [PENDING, SUCCESS, FAILURE])
def test_any_answer_brings_one_back(stage: int) -> None:
    talk = opened()
    fail(talk.rig)
    assert only(talk.rig).state is DOWN
    assert "hop-up" in says(talk, stage)
    assert only(talk.rig).state is UP and only(talk.rig).due is None


def test_but_not_that_it_cannot() -> None:
    talk = opened()
    fail(talk.rig)
    assert "hop-up" not in says(talk, FAILURE, cause=UNAVAILABLE)
    assert only(talk.rig).state is DOWN and only(talk.rig).said == f"cause {UNAVAILABLE}"


def test_a_request_brings_one_back_too() -> None:
    rig = toy_rig()
    fail(rig)
    assert "hop-up" in events(rig.from_core(opening(SOFTSWITCH).pack()))
    fail(rig)
    other_port = Address(SOFTSWITCH.host, 5070)
    assert "hop-up" not in events(rig.from_core(opening(SOFTSWITCH, 2, 2).pack(), other_port))


def test_what_nobody_asks_is_tried_again_after_a_while() -> None:
    rig = toy_rig()
    fail(rig)
    rig.wait(PENALTY - 1)
    assert only(rig).state is DOWN
    assert events(rig.wait(1)) == ["hop-suspect"]
    assert only(rig).state is SUSPECT and only(rig).usable


@pytest.mark.parametrize(("asked", "rests"), [(30, 30), (MOST_REST, MOST_REST), (2**31, MOST_REST)])
def test_it_rests_for_as_long_as_it_asks_within_bounds(asked: int, rests: int) -> None:
    talk = opened()
    assert "hop-rests" in says(talk, FAILURE, cause=UNAVAILABLE, lifetime=asked)
    talk.rig.wait(rests - 0.5)
    assert only(talk.rig).state is RESTING
    talk.rig.wait(1)
    assert only(talk.rig).state is UP


def test_without_a_time_it_does_not_rest() -> None:
    talk = opened()
    says(talk, FAILURE, cause=UNAVAILABLE)
    assert only(talk.rig).state is UP
    talk = opened()
    says(talk, FAILURE, cause=UNAVAILABLE, lifetime=0)
    assert only(talk.rig).state is UP


def test_it_is_said_once_and_by_name_where_it_has_one() -> None:
    plan = make_plan("toy")
    rig = Rig.make(ToyDialect(), attrs.evolve(plan))
    neighbour = only(rig)
    neighbour.name = "softswitch.example.net"
    registry = rig.border.registry
    (note,) = of(Note, rig._take(failed(registry, neighbour, "refused", rig.now)))
    assert (note.event, note.reason) == ("hop-down", "refused")
    assert note.fields["hop"] == str(SOFTSWITCH) and note.fields["name"] == "softswitch.example.net"
    assert failed(registry, neighbour, "refused", rig.now) == []


def test_one_that_is_no_next_hop_any_more_sets_no_timer() -> None:
    talk = opened()
    registry, neighbour = talk.rig.border.registry, only(talk.rig)
    registry.hops.put(registry.plan.paths[0], [], talk.rig.now)
    assert failed(registry, neighbour, "refused", talk.rig.now) == []
    assert neighbour.due is None and audit(registry, talk.rig.open_streams) == []


def test_the_auditor_sees_one_that_would_be_down_for_ever() -> None:
    rig = toy_rig()
    fail(rig)
    rig.border.registry.timers.set(only(rig), None)
    assert any("has no timer" in fault for fault in audit(rig.border.registry))
