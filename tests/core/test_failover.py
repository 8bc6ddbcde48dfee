"""Failover with a protocol of the tests' own: who is asked next, and what becomes of the attempt given up."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.exchange import ExchangeState
from sbc.core.fan import Asking, Failover, NextHop, Probes
from sbc.core.hops import NeighbourState
from sbc.core.message import Cause, Elsewhere
from sbc.core.orders import Note, OpenStream, Order, Send
from sbc.core.probing import DOUBT
from sbc.core.realm import Signaling
from tests.rig import PHONE, SOFTSWITCH, Rig, events, make_plan, of
from tests.toy import BROKEN, CAUSES, UNAVAILABLE, WAITED, ToyDialect
from tests.toy_calls import bound, to_access, to_core
from tests.toy_records import (
    BIND,
    CHALLENGE,
    CHANGE,
    CLOSE,
    CONFIRM,
    FAILURE,
    PENDING,
    PROBE,
    PROVISIONAL,
    WITHDRAW,
    Record,
    answer,
    binding,
    from_other,
    granted,
    inside,
    number,
    opening,
)

SECOND = Address("198.51.100.3", 5060)
THIRD = Address("198.51.100.4", 5060)
PATIENCE = Failover(patience=3.0)
NEVER_ASKED = Probes(Asking.OFF)


def rig(*hops: Address | NextHop, failover: Failover = PATIENCE, **path: Any) -> Rig:
    plan = make_plan("toy", failover=failover, **{"probing": NEVER_ASKED, **path})
    changed = attrs.evolve(plan.paths[0], next_hops=hops or (SOFTSWITCH, SECOND, THIRD))
    return Rig.make(ToyDialect(), attrs.evolve(plan, paths=(changed,)))


def ask(made: Rig, data: bytes | None = None) -> tuple[Send, list[Order]]:
    orders = made.from_access(data or opening(PHONE).pack())
    (sent,) = to_core(orders)
    return sent, orders


def say(made: Rig, sent: Send, stage: int, cause: int = 0, source: Address | None = None, **more: Any) -> list[Order]:
    """The next hop that was asked answers."""
    data = answer(sent.data, sent.to.host, stage, cause=cause, **more).pack()
    return made.from_core(data, source or sent.to, at=sent.listener)


def ops(orders: list[Order]) -> list[tuple[int, Address]]:
    return [(Record.read(send.data).op, send.to) for send in to_core(orders)]


def state_of(made: Rig, address: Address) -> NeighbourState:
    return next(n.state for key, n in made.border.registry.hops.neighbours.items() if key[2] == address)


def empty(made: Rig) -> bool:
    made.wait(100_000)
    registry = made.border.registry
    return not (
        registry.calls or registry.live_exchanges or registry.exchanges or made.open_streams or len(registry.names)
    )


@pytest.mark.parametrize(
    ("cause", "on", "goes"),
    [
        (UNAVAILABLE, Failover().on, True),
        (WAITED, Failover().on, True),
        (BROKEN, Failover().on, False),
        (BROKEN, (Elsewhere.ERROR,), True),
        (UNAVAILABLE, (Elsewhere.ERROR,), False),
        (1, tuple(Elsewhere), False),
    ],
)
def test_an_answer_that_another_might_better_goes_no_further(cause: int, on: tuple[Elsewhere, ...], goes: bool) -> None:
    made = rig(failover=Failover(on, patience=3.0))
    sent, _ = ask(made)
    orders = say(made, sent, FAILURE, cause)
    assert ops(orders)[0] == (CONFIRM, SOFTSWITCH), "it is acknowledged either way"
    assert (len(to_access(orders)) == 0) == goes == ("failover" in events(orders))
    assert ops(orders)[1:] == ([(1, SECOND)] if goes else [])
    assert empty(made)


def test_the_attempt_elsewhere_is_the_same_call_by_another_branch() -> None:
    made = rig()
    first, began = ask(made)
    (second,) = [send for send in to_core(say(made, first, FAILURE, UNAVAILABLE)) if send.to == SECOND]
    one, other = Record.read(first.data), Record.read(second.data)
    assert one.exchange != other.exchange
    assert one.but(exchange=b"", target=b"", places=()) == other.but(exchange=b"", target=b"", places=())
    (told, _), (anew, _) = one.places[0], other.places[0]
    assert told.rpartition(b" ")[0] == anew.rpartition(b" ")[0] and told != anew, "where the asker is it is told anew"
    registry, token = made.border.registry, told.rpartition(b" ")[2]
    assert registry.names.find("core", token) is None
    assert registry.names.find("core", anew.rpartition(b" ")[2]) is not None
    assert len(of(OpenStream, made.log)) == len(of(OpenStream, began)) == 1
    *_, back = to_access(say(made, second, 3))
    (call,) = made.border.registry.calls.values()
    assert call.answered_at is not None and call.legs[1].seen == SECOND
    (bye,) = to_core(made.from_access(inside(opening(PHONE).pack(), back.data).pack()))
    assert bye.to == SECOND
    say(made, bye, 3)
    assert empty(made)


def test_silence_is_borne_for_so_long() -> None:
    made = rig()
    ask(made)
    assert {to for _, to in ops(made.wait(2.9))} <= {SOFTSWITCH}
    orders = made.wait(0.2)
    assert ops(orders) == [(1, SECOND)] and "hop-down" in events(orders)
    assert state_of(made, SOFTSWITCH) is NeighbourState.DOWN
    assert {to for _, to in ops(made.wait(2.8))} <= {SECOND}
    assert ops(made.wait(0.3))[-1] == (1, THIRD)
    assert made.border.registry.hops.turns(made.border.plan.paths[0], b"")[0].hop.peer == THIRD
    orders = made.wait(20)
    (told,) = [Record.read(send.data) for send in to_access(orders)][:1]
    assert (told.stage, told.cause) == (FAILURE, 1 + CAUSES.index(Cause.TIMEOUT))
    assert empty(made)


@pytest.mark.parametrize("stage", [PENDING, PROVISIONAL])
def test_who_says_anything_is_waited_for(stage: int) -> None:
    made = rig()
    sent, _ = ask(made)
    say(made, sent, stage)
    assert not {to for _, to in ops(made.wait(15))} - {SOFTSWITCH}
    assert state_of(made, SOFTSWITCH) is NeighbourState.UP


def test_who_was_told_that_it_rings_hears_the_failure() -> None:
    made = rig()
    sent, _ = ask(made)
    say(made, sent, PROVISIONAL)
    orders = say(made, sent, FAILURE, UNAVAILABLE)
    assert [Record.read(send.data).cause for send in to_access(orders)] == [UNAVAILABLE]
    assert ops(orders) == [(CONFIRM, SOFTSWITCH)]
    assert empty(made)


def test_so_many_are_tried_and_no_more_and_the_last_answer_is_told() -> None:
    made = rig(failover=Failover(tries=2))
    sent, _ = ask(made)
    second = to_core(say(made, sent, FAILURE, UNAVAILABLE))[-1]
    assert second.to == SECOND
    orders = say(made, second, FAILURE, WAITED)
    assert ops(orders) == [(CONFIRM, SECOND)]
    assert [Record.read(send.data).cause for send in to_access(orders)] == [WAITED]
    assert empty(made)


def test_where_the_others_are_down_an_answer_is_told_but_silence_tries_them() -> None:
    made = rig(SOFTSWITCH, SECOND)
    ask(made)
    made.wait(3.1)  # the first is down
    sent, _ = ask(made, opening(PHONE, 2, 22).pack())
    assert sent.to == SECOND
    orders = say(made, sent, FAILURE, UNAVAILABLE)
    assert ops(orders) == [(CONFIRM, SECOND)] and to_access(orders)
    ask(made, opening(PHONE, 3, 23).pack())
    assert (1, SOFTSWITCH) in ops(made.wait(3.1))
    assert empty(made)


def test_alone_it_has_all_the_time_of_the_protocol() -> None:
    made = rig(SOFTSWITCH)
    ask(made)
    assert not to_access(made.wait(9.9))
    (told,) = {Record.read(send.data).cause for send in to_access(made.wait(1))}
    assert told == 1 + CAUSES.index(Cause.TIMEOUT)
    assert state_of(made, SOFTSWITCH) is NeighbourState.DOWN
    sent, _ = ask(made, opening(PHONE, 2, 22).pack())
    assert sent.to == SOFTSWITCH, "who is down is asked last, but not never"
    say(made, sent, PENDING)
    assert state_of(made, SOFTSWITCH) is NeighbourState.UP


def test_one_that_asks_to_be_left_alone_is() -> None:
    made = rig()
    sent, _ = ask(made)
    orders = say(made, sent, FAILURE, UNAVAILABLE, lifetime=30)
    assert "hop-rests" in events(orders)
    second = to_core(orders)[-1]
    say(made, second, PENDING)
    say(made, second, FAILURE, 1)
    other, _ = ask(made, opening(PHONE, 2, 22).pack())
    assert other.to == SECOND
    say(made, other, FAILURE, 1)
    made.wait(31)
    assert state_of(made, SOFTSWITCH) is NeighbourState.UP
    assert ask(made, opening(PHONE, 3, 23).pack())[0].to == SOFTSWITCH
    assert empty(made)


# -- the attempt that was given up


def moved(made: Rig) -> tuple[Send, Send]:
    first, _ = ask(made)
    (second,) = to_core(made.wait(3.05))[-1:]
    assert second.to == SECOND
    return first, second


def test_a_late_sign_of_life_has_it_taken_back() -> None:
    made = rig()
    first, second = moved(made)
    orders = say(made, first, PROVISIONAL)
    assert ops(orders) == [(WITHDRAW, SOFTSWITCH)] and not to_access(orders)
    assert state_of(made, SOFTSWITCH) is NeighbourState.UP
    assert not to_access(say(made, first, PROVISIONAL))
    orders = say(made, first, FAILURE, 1)
    assert ops(orders) == [(CONFIRM, SOFTSWITCH)] and not to_access(orders)
    assert ops(say(made, first, FAILURE, 1)) == [(CONFIRM, SOFTSWITCH)], "and again, if that was lost"
    assert to_access(say(made, second, 3))
    (call,) = made.border.registry.calls.values()
    assert call.answered_at is not None


def test_a_late_success_does_not_reach_the_asker() -> None:
    made = rig()
    first, second = moved(made)
    assert not to_access(say(made, first, 3))
    assert to_access(say(made, second, PROVISIONAL))
    assert not to_access(say(made, first, 3))
    assert to_access(say(made, second, 3))


def test_a_stranger_cannot_answer_for_it() -> None:
    made = rig()
    first, _ = moved(made)
    assert "stray-reply" in events(say(made, first, PROVISIONAL, source=SECOND))


def test_what_is_taken_back_meanwhile_is_taken_back_from_the_present_one() -> None:
    made = rig()
    _, second = moved(made)
    asked = opening(PHONE)
    made.from_access(asked.but(op=WITHDRAW, exchange=number(9), withdrawn=asked.exchange).pack())
    assert the_exchange_of(made, SECOND).state is ExchangeState.WITHDRAWING
    orders = say(made, second, PENDING)
    assert ops(orders) == [(WITHDRAW, SECOND)]
    assert to_access(say(made, second, FAILURE, 1))
    assert empty(made)


def the_exchange_of(made: Rig, address: Address) -> Any:
    return next(
        e for e in made.border.registry.live_exchanges if e.near is not None and e.far and e.far.peer == address
    )


def test_what_is_being_taken_back_goes_nowhere_else() -> None:
    made = rig()
    sent, _ = ask(made)
    asked = opening(PHONE)
    made.from_access(asked.but(op=WITHDRAW, exchange=number(9), withdrawn=asked.exchange).pack())
    assert {to for _, to in ops(made.wait(8))} == {SOFTSWITCH}
    orders = say(made, sent, FAILURE, UNAVAILABLE)
    assert ops(orders) == [(CONFIRM, SOFTSWITCH)] and to_access(orders)
    assert empty(made)


# -- other requests


def test_a_registration_goes_elsewhere_and_the_binding_goes_on() -> None:
    made = rig()
    place = bound(made, life=60)
    made.now += 30
    sent, _ = ask(made, binding(PHONE, exchange=2, life=60).pack())
    assert sent.to == SOFTSWITCH
    orders = made.wait(3.1)
    second = to_core(orders)[-1]
    assert second.to == SECOND and Record.read(second.data).places[0][0] == place
    assert to_access(made.from_core(granted(second.data).pack(), SECOND))
    (terminal,) = made.border.registry.bindings.values()
    assert terminal.granted_by is not None and terminal.granted_by[2] == SECOND
    made.wait(40)
    asked = opening(SECOND, 5, 5, party=3, target=place)
    assert [send.to for send in to_access(made.from_core(asked.pack(), SECOND))] == [terminal.seen]
    assert empty(made)


def test_a_registration_that_goes_elsewhere_names_no_terminal_that_is_taken_off_meanwhile() -> None:
    made = rig()
    bound(made, life=600)
    sent, _ = ask(made, binding(PHONE, exchange=2, life=600).pack())
    off, _ = ask(made, binding(PHONE, exchange=3, life=0).pack())
    made.from_core(granted(off.data).pack(), off.to)
    assert not made.border.registry.bindings
    assert to_core(say(made, sent, FAILURE, UNAVAILABLE))[-1].to == SECOND
    assert empty(made)


def test_a_request_that_may_take_long_waits_for_one_that_lives() -> None:
    made = rig()
    bound(made, life=600)
    ask(made, binding(PHONE, exchange=2, life=600).pack())
    made.now += 1
    sent, _ = ask(made, opening(PHONE, 2, 22).pack())
    say(made, sent, PENDING)
    assert {to for _, to in ops(made.wait(5))} == {SOFTSWITCH}
    assert state_of(made, SOFTSWITCH) is NeighbourState.UP


def up(made: Rig) -> tuple[bytes, bytes, Send]:
    asked = opening(PHONE).pack()
    sent, _ = ask(made, asked)
    *_, back = to_access(say(made, sent, 3))
    return asked, back.data, sent


@pytest.mark.parametrize("op", [CLOSE, CHANGE])
def test_inside_a_call_silence_sends_the_same_request_elsewhere(op: int) -> None:
    made = rig()
    asked, back, _ = up(made)
    made.wait(10)
    (first,) = to_core(made.from_access(inside(asked, back, op).pack()))
    assert first.to == SOFTSWITCH
    second = to_core(made.wait(3.1))[-1]
    assert second.to == SECOND
    assert Record.read(first.data).but(exchange=b"") == Record.read(second.data).but(exchange=b"")
    assert to_access(say(made, second, 3))
    if op == CLOSE:
        assert empty(made)


def test_inside_a_call_one_that_is_down_is_not_asked() -> None:
    made = rig()
    asked, back, sent = up(made)
    ask(made, opening(PHONE, 2, 22).pack())
    made.wait(3.1)
    (bye,) = to_core(made.from_access(inside(asked, back).pack()))
    assert bye.to == SECOND
    say(made, bye, 3)
    # and from the other side the call is reached by whomever
    assert sent.to == SOFTSWITCH
    assert empty(made)


def test_a_call_from_the_core_is_ended_by_another_next_hop() -> None:
    made = rig()
    place = bound(made, life=3600)
    asked = opening(SOFTSWITCH, 5, 5, party=3, target=place).pack()
    (ring,) = [send for send in to_access(made.from_core(asked)) if Record.read(send.data).op == 1]
    said = answer(ring.data, PHONE.host).pack()
    made.from_access(said)
    ask(made, opening(PHONE, 2, 22).pack())
    made.wait(3.1)  # the first is down
    (bye,) = to_core(made.from_access(from_other(ring.data, said).pack()))
    assert bye.to == SECOND


def test_terminals_ports_stay_theirs() -> None:
    made = rig(signaling=Signaling.PORT_PER_TERMINAL)
    bound(made, life=60)
    own = next(iter(made.border.registry.terminal_ports.values())).listener
    sent, _ = ask(made, opening(PHONE, 2, 22).pack())
    assert sent.listener == own
    second = to_core(made.wait(3.1))[-1]
    assert (second.listener, second.to) == (own, SECOND)
    assert empty(made) and not made.border.registry.terminal_ports


def test_a_terminals_port_goes_back_where_its_call_goes_elsewhere_by_another_transport() -> None:
    plan = make_plan("toy", failover=PATIENCE, probing=NEVER_ASKED, signaling=Signaling.PORT_PER_TERMINAL)
    core = plan.realms["core"]
    both = (core.listeners[0], attrs.evolve(core.listeners[0], transport="tcp"))
    path = attrs.evolve(plan.paths[0], next_hops=(SOFTSWITCH, NextHop(SECOND, 1, transport="tcp")))
    realms = {**plan.realms, "core": attrs.evolve(core, listeners=both)}
    made = Rig.make(ToyDialect(), attrs.evolve(plan, realms=realms, paths=(path,)))
    bound(made, life=60)
    sent, _ = ask(made, opening(PHONE, 2, 22).pack())
    second = to_core(say(made, sent, FAILURE, UNAVAILABLE))[-1]
    assert (second.listener, second.to) == (both[1], SECOND)
    assert empty(made) and not made.border.registry.terminal_ports


def test_an_attempt_that_comes_again_goes_on_with_the_one_that_lives() -> None:
    made = rig()
    sent, _ = ask(made)
    (call,) = made.border.registry.calls.values()
    say(made, sent, CHALLENGE)
    ask(made, opening(PHONE, 2, 22).pack())
    made.wait(3.1)
    assert state_of(made, SOFTSWITCH) is NeighbourState.DOWN
    again, _ = ask(made, opening(PHONE, exchange=2).pack())
    assert again.to == SECOND
    assert call.opening in made.border.registry.live_exchanges and call.legs[1].seen == SECOND


# -- connections


def test_a_connection_that_cannot_be_had_is_a_failure_at_once() -> None:
    plan = make_plan("toy", failover=PATIENCE, probing=NEVER_ASKED)
    core = plan.realms["core"]
    own = attrs.evolve(core.listeners[0], transport="tcp")
    path = attrs.evolve(plan.paths[0], next_hops=(SOFTSWITCH, SECOND))
    realms = {**plan.realms, "core": attrs.evolve(core, listeners=(own,))}
    made = Rig.make(ToyDialect(), attrs.evolve(plan, realms=realms, paths=(path,)))
    sent, _ = ask(made)
    assert sent.to == SOFTSWITCH
    made.border.registry.changed = changed = {}
    orders = made._take(made.border.unreachable(own, SOFTSWITCH, "refused", made.now))
    assert list(changed) == list(made.border.registry.calls.values()), "what is kept of the call is written anew"
    assert ops(orders) == [(1, SECOND)] and {"hop-down", "failover"} <= set(events(orders))
    assert not to_access(orders)
    orders = made._take(made.border.unreachable(own, SECOND, "refused", made.now))
    assert to_access(orders), "the other is down, too"
    assert empty(made)


def test_the_log_says_why() -> None:
    made = rig()
    sent, _ = ask(made)
    (note,) = [n for n in of(Note, say(made, sent, FAILURE, UNAVAILABLE)) if n.event == "failover"]
    (call,) = made.border.registry.calls.values()
    assert note.call == call.id and note.reason == f"cause {UNAVAILABLE}"
    assert note.fields == {"method": "open", "from": str(SOFTSWITCH), "to": str(SECOND)}


# -- asking before moving on


def test_who_does_not_say_that_it_lives_loses_what_may_take_long() -> None:
    made = rig(SOFTSWITCH, SECOND, probing=Probes())
    bound(made, life=600)
    made.now += 1
    ask(made, binding(PHONE, exchange=2, life=600).pack())
    orders = made.wait(3.1)
    assert {(PROBE, SOFTSWITCH)} <= set(ops(orders)) and not [each for each in ops(orders) if each[1] == SECOND]
    assert state_of(made, SOFTSWITCH) is NeighbourState.SUSPECT
    assert (BIND, SECOND) in ops(made.wait(DOUBT))


def test_who_dies_at_work_loses_what_nobody_has_heard_of() -> None:
    made = rig(SOFTSWITCH, SECOND, probing=Probes(period=10.0, answer_within=4.0, misses=2))
    made._take(made.border.start(made.now))
    heard, _ = ask(made)
    say(made, heard, PROVISIONAL)
    pending, _ = ask(made, opening(PHONE, 2, 22).pack())
    say(made, pending, PENDING)
    late = None
    for _ in range(30):  # the other says that it lives
        for send in to_core(made.wait(1)):
            if Record.read(send.data).op == PROBE and send.to == SECOND:
                made.from_core(answer(send.data, SECOND.host).pack(), SECOND)
            elif send.to == SECOND:
                late = send
    assert state_of(made, SOFTSWITCH) is NeighbourState.DOWN
    assert late is not None and Record.read(late.data).call == Record.read(pending.data).call
    moved = [note for note in of(Note, made.log) if note.event == "failover"]
    assert len(moved) == 1, "what rings goes on ringing"
    assert to_access(say(made, late, 3)), "its asker is answered"
    assert not to_access(say(made, pending, 3)), "too late"


def test_who_dies_at_work_keeps_it_where_nobody_else_is_well() -> None:
    made = rig(SOFTSWITCH, SECOND, probing=Probes(period=10.0, answer_within=4.0, misses=2))
    made._take(made.border.start(made.now))
    pending, _ = ask(made)
    say(made, pending, PENDING)
    orders = made.wait(30)
    assert state_of(made, SOFTSWITCH) is state_of(made, SECOND) is NeighbourState.DOWN
    assert "failover" not in events(orders)
    assert to_access(say(made, pending, 3)), "it was at work"


def test_who_says_that_it_lives_keeps_it() -> None:
    made = rig(SOFTSWITCH, SECOND, probing=Probes())
    bound(made, life=600)
    made.now += 1
    ask(made, binding(PHONE, exchange=2, life=600).pack())
    asked = next(send for send in to_core(made.wait(3.1)) if Record.read(send.data).op == PROBE)
    made.from_core(answer(asked.data, SOFTSWITCH.host).pack())
    assert state_of(made, SOFTSWITCH) is NeighbourState.UP
    assert (BIND, SECOND) not in ops(made.wait(6))


# -- what comes back


def probing_rig(*hops: Address) -> Rig:
    return rig(*hops, probing=Probes(Asking.PROBE, period=30.0, answer_within=4.0, misses=2))


def test_what_comes_back_goes_to_another_at_once() -> None:
    made = rig()
    sent, _ = ask(made)
    orders = made.bounced(sent, sent.data[:60])
    assert events(orders) == ["bounced", "failover"] and ops(orders) == [(1, SECOND)]
    assert state_of(made, SOFTSWITCH) is NeighbourState.UP, "that it is down nobody has proved"
    assert not to_access(orders), "the caller hears nothing of it"
    (second,) = to_core(orders)
    *_, back = to_access(say(made, second, 3))
    assert Record.read(back.data).stage == 3
    assert empty(made)


def test_the_one_it_was_sent_to_is_asked_whether_it_lives_and_that_comes_back_too() -> None:
    made = probing_rig(SOFTSWITCH, SECOND)
    sent, _ = ask(made)
    other, _ = ask(made, opening(PHONE, 2, 22).pack())
    say(made, other, PENDING)  # it was at work on this one when it died
    made.now += 0.1
    orders = made.bounced(sent)
    probe, second = sorted(to_core(orders), key=lambda send: str(send.to))
    assert (Record.read(probe.data).op, probe.to) == (PROBE, SOFTSWITCH) and second.to == SECOND
    assert state_of(made, SOFTSWITCH) is NeighbourState.SUSPECT
    orders = made.bounced(probe)
    assert {"hop-down", "failover"} <= set(events(orders))
    assert [to for op, to in ops(orders) if op == 1] == [SECOND], "what it had only said to be at work on goes along"
    third, _ = ask(made, opening(PHONE, 3, 23).pack())
    assert third.to == SECOND
    made.wait(100_000)
    assert not made.border.registry.calls and not made.open_streams


def test_a_question_that_comes_back_is_missed_at_once() -> None:
    made = probing_rig(SOFTSWITCH, SECOND)
    made.border.start(made.now)
    probes = [send for send in to_core(made.wait(1.5)) if send.to == SOFTSWITCH]
    assert "hop-suspect" in events(made.bounced(probes[0]))
    (again,) = [send for send in to_core(made.wait(1.1)) if send.to == SOFTSWITCH]
    assert "hop-down" in events(made.bounced(again))


def test_alone_it_is_refused_when_it_has_come_back_twice() -> None:
    made = rig(SOFTSWITCH)
    sent, _ = ask(made)
    assert events(made.bounced(sent)) == ["bounced"]
    (repeated,) = to_core(made.wait(1.1))
    assert repeated.data == sent.data
    orders = made.bounced(repeated)
    (told,) = [Record.read(send.data) for send in to_access(orders)]
    assert (told.stage, told.cause) == (FAILURE, 1 + CAUSES.index(Cause.UNREACHABLE))
    assert state_of(made, SOFTSWITCH) is NeighbourState.UP
    assert empty(made)


def test_a_phone_that_is_gone_is_absent_and_stays_bound() -> None:
    made = rig(SOFTSWITCH)
    name = bound(made)
    (sent,) = to_access(made.from_core(opening(SOFTSWITCH, target=name).pack()))
    made.bounced(sent)
    made.wait(1.1)
    orders = made.bounced(sent)
    (told,) = [Record.read(send.data) for send in to_core(orders)]
    assert (told.stage, told.cause) == (FAILURE, 1 + CAUSES.index(Cause.ABSENT))
    assert len(made.border.registry.bindings) == 1


def test_a_call_is_not_ended_by_what_comes_back() -> None:
    made = rig(SOFTSWITCH)
    sent, _ = ask(made)
    *_, back = to_access(say(made, sent, 3))
    (change,) = to_core(made.from_access(inside(opening(PHONE).pack(), back.data, CHANGE).pack()))
    for _ in range(4):
        assert events(made.bounced(change)) == ["bounced"]
    (call,) = made.border.registry.calls.values()
    assert call.answered_at is not None and made.border.registry.has_call(call.id)
    (told,) = {Record.read(send.data).cause for send in to_access(made.wait(12))}
    assert told == 1 + CAUSES.index(Cause.TIMEOUT), "as silence is"
    assert made.border.registry.has_call(call.id)


def test_what_cannot_be_of_ours_changes_nothing() -> None:
    made = rig()
    sent, _ = ask(made)
    forged = bytearray(sent.data)
    forged[30] ^= 1  # of the exchange's name
    changed = sent.data[:-1] + bytes([sent.data[-1] ^ 1])
    for orders in (
        made.bounced(sent, b""),
        made.bounced(sent, sent.data[:30]),  # less than names the exchange
        made.bounced(sent, bytes(forged)),
        made.bounced(sent, changed),
        made.bounced(sent, sent.data + b"more"),
        made.bounced(sent, to=SECOND),
    ):
        assert events(orders) == ["bounce-unknown"] and not of(Send, orders)
    say(made, sent, PENDING)
    assert events(made.bounced(sent)) == ["bounce-unknown"], "it has been heard of from there"
    say(made, sent, 3)
    assert events(made.bounced(sent)) == ["bounce-unknown"]
    assert empty(made)
