"""What is heard of next hops: who is down, who rests and for how long, and what brings them back."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.audit import audit
from sbc.core.fan import Asking, Probes
from sbc.core.hops import Neighbour, NeighbourState, Target
from sbc.core.orders import Note, Order, Send
from sbc.core.probing import MOST_REST, PENALTY, failed
from sbc.core.realm import Registrations
from tests.rig import PHONE, SOFTSWITCH, Rig, events, make_plan, of
from tests.toy import UNAVAILABLE, ToyDialect
from tests.toy_calls import Talk, bound, opened, to_core, toy_rig
from tests.toy_records import FAILURE, PENDING, PROBE, SUCCESS, Record, answer, binding, inside, opening

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


# -- asking

SECOND = Address("198.51.100.3", 5060)
EVERY_10 = Probes(Asking.PROBE, period=10.0, answer_within=4.0, misses=2)


def asking(probes: Probes = EVERY_10, *hops: Address) -> Rig:
    plan = make_plan("toy", probing=probes)
    path = attrs.evolve(plan.paths[0], next_hops=hops or (SOFTSWITCH,))
    rig = Rig.make(ToyDialect(), attrs.evolve(plan, paths=(path,)))
    rig._take(rig.border.start(rig.now))
    return rig


def questions(orders: list[Order]) -> list[Send]:
    """Each question once, however often it was sent."""
    asked = {Record.read(send.data).exchange: send for send in to_core(orders) if Record.read(send.data).op == PROBE}
    return list(asked.values())


def replies(rig: Rig, question: Send, stage: int = SUCCESS, **more: int) -> list[Order]:
    return rig.from_core(answer(question.data, SOFTSWITCH.host, stage, **more).pack(), question.to)


def test_one_is_asked_soon_and_then_after_each_silence() -> None:
    rig = asking()
    (question,) = questions(rig.wait(1))
    assert question.to == SOFTSWITCH
    assert not replies(rig, question)[1:]
    assert not questions(rig.wait(8.9))
    (question,) = questions(rig.wait(1.2))
    replies(rig, question)
    assert only(rig).said and not rig.border.registry.live_exchanges


def test_what_was_heard_meanwhile_saves_a_question() -> None:
    rig = asking()
    replies(rig, questions(rig.wait(1))[0])
    rig.wait(6)
    rig.from_core(opening(SOFTSWITCH).pack())
    assert not questions(rig.wait(9.9))
    assert questions(rig.wait(0.2))


def test_some_answers_missed_in_a_row_make_it_down_and_one_answer_brings_it_back() -> None:
    rig = asking()
    orders = rig.wait(5.1)
    assert only(rig).state is SUSPECT and "hop-suspect" in events(orders)
    orders = rig.wait(5.1)
    assert only(rig).state is DOWN and events(orders).count("hop-down") == 1
    rig.wait(300)
    assert only(rig).state is DOWN, "no penalty ends while it is asked"
    while only(rig).probe is None:
        rig.wait(1)
    question = questions(rig.log)[-1]
    assert "hop-up" in events(replies(rig, question))
    assert only(rig).state is UP and only(rig).missed == 0


@pytest.mark.parametrize(("stage", "cause", "lives"), [(FAILURE, 1, True), (FAILURE, UNAVAILABLE, False)])
def test_any_answer_will_do_but_that_it_cannot(stage: int, cause: int, lives: bool) -> None:
    rig = asking()
    for _ in range(2):
        replies(rig, questions(rig.wait(1.1))[-1], stage, cause=cause)
        rig.wait(9.5 if lives else 0)
    assert (only(rig).state is UP) == lives


def test_one_that_answers_other_things_need_not_answer_this() -> None:
    rig = asking()
    for _ in range(10):
        rig.wait(2)
        rig.from_core(opening(SOFTSWITCH, 9, 9).pack())
    assert only(rig).state is UP


def test_one_that_rests_is_not_asked() -> None:
    rig = asking()
    replies(rig, questions(rig.wait(1))[0], FAILURE, cause=UNAVAILABLE, lifetime=60)
    assert only(rig).state is RESTING
    assert not questions(rig.wait(59.5))
    (question,) = questions(rig.wait(1))
    replies(rig, question)
    assert only(rig).state is UP


def test_a_question_that_is_open_cuts_no_rest_short() -> None:
    rig = asking()
    assert questions(rig.wait(1))
    (sent,) = to_core(rig.from_access(opening(PHONE).pack()))
    rig.from_core(answer(sent.data, SOFTSWITCH.host, FAILURE, cause=UNAVAILABLE, lifetime=60).pack())
    assert only(rig).state is RESTING
    rig.wait(59)
    assert only(rig).state is RESTING and only(rig).probe is None
    assert len(questions(rig.wait(2))) == 1


@pytest.mark.parametrize(
    ("mode", "hops", "asked"),
    [
        (Asking.AUTO, 1, 0),
        (Asking.AUTO, 2, 2),
        (Asking.PROBE, 1, 1),
        (Asking.OFF, 2, 0),
    ],
)
def test_who_is_asked(mode: Asking, hops: int, asked: int) -> None:
    rig = asking(Probes(mode), *(SOFTSWITCH, SECOND)[:hops])
    assert len({question.to for question in questions(rig.wait(30))}) == asked


def test_a_lost_connection_ends_the_question() -> None:
    plan = make_plan("toy", probing=EVERY_10)
    core = plan.realms["core"]
    own = attrs.evolve(core.listeners[0], transport="tcp")
    realms = {**plan.realms, "core": attrs.evolve(core, listeners=(own,))}
    rig = Rig.make(ToyDialect(), attrs.evolve(plan, realms=realms))
    rig._take(rig.border.start(rig.now))
    assert questions(rig.wait(1))
    orders = rig._take(rig.border.unreachable(own, SOFTSWITCH, "refused", rig.now))
    assert events(orders) == ["hop-suspect"] and only(rig).probe is None, "the first missed answer"
    assert questions(rig.wait(1)), "and soon the next question"
    orders = rig._take(rig.border.unreachable(own, SOFTSWITCH, "refused", rig.now))
    assert events(orders) == ["hop-down"] and only(rig).why == "refused"
    assert questions(rig.wait(11))


def test_the_auditor_sees_a_question_nobody_asks() -> None:
    rig = asking()
    rig.wait(1)
    neighbour = only(rig)
    assert neighbour.probe is not None
    rig.border.registry.forget_exchange(neighbour.probe, rig.now)
    assert any("forgotten exchange" in fault for fault in audit(rig.border.registry))


# -- other addresses


def resolve(rig: Rig, *targets: Target) -> list[str]:
    path = rig.border.plan.paths[0]
    return events(rig._take(rig.border.resolved(path, targets, rig.now)))


def test_a_name_is_nowhere_until_it_is_resolved() -> None:
    rig = asking(EVERY_10, Address("softswitch.example.net", 0))
    orders = rig.from_access(opening(PHONE).pack())
    assert "refused" in events(orders) and not to_core(orders)
    assert resolve(rig, Target(SECOND, name="softswitch.example.net")) == ["hop-new"]
    assert [send.to for send in to_core(rig.from_access(opening(PHONE, 2, 2).pack()))] == [SECOND]
    assert questions(rig.wait(1))


def test_a_change_touches_no_call_under_way_and_no_question_stays_open() -> None:
    rig = asking(EVERY_10)
    talk = opened(rig)
    rig.wait(1)
    assert only(rig).probe is not None
    gone = only(rig)
    assert sorted(resolve(rig, Target(SECOND))) == ["hop-gone", "hop-new"]
    assert gone.probe is None and gone.due is None
    (back,) = [s for s in of(Send, rig.from_core(answer(talk.sent, SOFTSWITCH.host).pack())) if s.to != SOFTSWITCH]
    (bye,) = to_core(rig.from_access(inside(talk.asked, back.data).pack()))
    assert bye.to == SOFTSWITCH
    assert [send.to for send in to_core(rig.from_access(opening(PHONE, 2, 22).pack()))] == [SECOND]
    rig.from_core(answer(bye.data, SOFTSWITCH.host).pack())
    rig.wait(1000)
    assert not rig.border.registry.calls


def test_who_is_alone_again_is_not_asked_any_more_but_tried_again_if_it_is_down() -> None:
    rig = asking(Probes(), SOFTSWITCH, SECOND)
    rig.wait(30)
    assert all(each.state is DOWN for each in rig.border.registry.hops.neighbours.values())
    resolve(rig, Target(SECOND))
    rig.wait(PENALTY + 20)
    assert only(rig).state is SUSPECT and only(rig).probe is None
    assert not questions(rig.wait(100))


def test_refreshes_go_to_another_when_the_registrar_is_no_next_hop_any_more() -> None:
    rig = toy_rig(registrations=Registrations())
    bound(rig, life=300)
    resolve(rig, Target(SECOND))
    rig.now += 20
    asked = binding(PHONE, exchange=2, life=300).pack()
    assert [send.to for send in to_core(rig.from_access(asked))] == [SECOND]
