"""Questions within calls that go by connections: those of the parties cross with their answers, ours do not."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.call import Call, CallState
from sbc.core.orders import HangUp, Listener, Order, Send
from sbc.core.pulse import LATE, MOST_OPEN, Party
from sbc.core.realm import Keepalive, Plan, Probing
from tests.core.test_leave import CALLER
from tests.rig import PHONE, SOFTSWITCH, Rig, events, of
from tests.toy_calls import promised, rig_by_connections, to_access, to_core
from tests.toy_records import TELL, Record, answer, audio, number, opening

ASKED = Keepalive(Probing.PROBE, calls=60.0, answer_within=8.0, misses=3)


@attrs.define
class Line:
    """A call that is up, between a phone's connection and one of ours."""

    rig: Rig
    own: Listener
    onward: Send
    setup: bytes
    connect: bytes

    @property
    def call(self) -> Call:
        (call,) = self.rig.border.registry.calls.values()
        return call

    def phone(self, user: bytes, **more: Any) -> list[Order]:
        """The phone tells something."""
        asked = Record.read(self.setup)
        said = Record(TELL, sender=7, receiver=9, call=asked.call, user=user, **more)
        return self.rig.from_access(said.pack(), CALLER, self.own)

    def core(self, user: bytes, **more: Any) -> list[Order]:
        asked = Record.read(self.onward.data)
        said = Record(TELL, sender=9, receiver=7, call=asked.call, user=user, **more)
        return self.rig.from_core(said.pack(), self.onward.to, self.onward.listener)


def line(access: Keepalive = ASKED, core: Keepalive = ASKED) -> Line:
    rig, own = rig_by_connections()
    rig.replan(_with(rig.border.plan, access=access, core=core))
    setup = opening(PHONE).pack()
    toy = rig.border.dialects["toy"]
    promised(rig, toy.describe(toy.decode(setup)).label)
    (onward,) = to_core(rig.from_access(setup, CALLER, own))
    connect = answer(onward.data, SOFTSWITCH.host).pack()
    (back,) = to_access(rig.from_core(connect, onward.to, onward.listener))
    return Line(rig, own, onward, setup, back.data)


def _with(plan: Plan, **alive: Keepalive) -> Plan:
    realms = {name: attrs.evolve(each, keepalive=alive[name]) for name, each in plan.realms.items()}
    return attrs.evolve(plan, realms=realms)


def users(sent: list[Send]) -> list[bytes]:
    return [Record.read(each.data).user for each in sent]


def test_both_parties_are_asked_after_a_silence_and_their_answers_go_no_further() -> None:
    made = line()
    assert not of(Send, made.rig.wait(59.0))
    orders = made.rig.wait(1.0)
    (down,), (up,) = to_access(orders), to_core(orders)
    assert (down.listener, down.to, up.listener, up.to) == (made.own, CALLER, made.onward.listener, made.onward.to)
    for user in users([down]):
        assert not of(Send, made.phone(user.replace(b"ask", b"told")))
    for user in users([up]):
        assert not of(Send, made.core(user.replace(b"ask", b"told")))
    assert not of(Send, made.rig.wait(59.0)) and len(of(Send, made.rig.wait(1.0))) == 2


def test_who_speaks_need_not_be_asked() -> None:
    made = line()
    for turn in range(10):
        made.rig.wait(50.0)
        assert len(to_core(made.phone(b"hello", exchange=number(turn)))) == 1
        assert len(to_access(made.core(b"hello", exchange=number(turn)))) == 1
    assert any(user.startswith(b"ask") for user in users(of(Send, made.rig.wait(61.0))))


@pytest.mark.parametrize("dead", ["access", "core"])
def test_who_does_not_answer_has_vanished_and_its_call_is_over(dead: str) -> None:
    made = line(*((ASKED, Keepalive(Probing.OFF)) if dead == "access" else (Keepalive(Probing.OFF), ASKED)))
    call = made.call
    orders = made.rig.wait(60.0 + 3 * 8.0 - 0.5)
    asked = to_access(orders) if dead == "access" else to_core(orders)
    assert len(asked) == len(of(Send, orders)) == 3 and events(orders).count("missed") == 2
    orders = made.rig.wait(1.0)
    assert "zombie" in events(orders) and len(of(HangUp, orders)) == 2
    assert (call.state, call.ending.value, call.cause) == (  # type: ignore[union-attr]
        CallState.CLOSED, "vanished", f"vanished in {dead}: 3 answers missed",
    )  # fmt: skip


def test_a_late_answer_is_a_sign_of_life() -> None:
    made = line(core=Keepalive(Probing.OFF))
    for _ in range(20):
        (first,) = users(to_access(made.rig.wait(60.0)))
        made.rig.wait(8.0)
        assert not of(Send, made.phone(first.replace(b"ask", b"told")))
    assert made.call.state is CallState.UP


def test_who_may_not_know_the_question_is_not_dead_for_it_until_it_has_answered() -> None:
    made = line(core=Keepalive(Probing.OFF))
    made.rig.border.dialects["toy"]._dialect.sure = False
    assert len(to_access(made.rig.wait(1000.0))) == 14, "it is asked at each period"
    assert made.call.state is CallState.UP
    (user,) = users(to_access(made.rig.wait(60.0)))[-1:]
    made.phone(user.replace(b"ask", b"told"))
    call = made.call
    made.rig.wait(100.0)
    assert call.state is CallState.CLOSED


def test_who_answers_questions_of_one_kind_may_not_know_those_of_another() -> None:
    made = line(core=Keepalive(Probing.OFF))
    (user,) = users(to_access(made.rig.wait(60.0)))
    made.phone(user.replace(b"ask", b"told"))
    toy = made.rig.border.dialects["toy"]._dialect
    toy.sure, toy.kind = False, "other"
    made.rig.wait(1000.0)
    assert made.call.state is CallState.UP
    toy.kind = "ask"
    made.rig.wait(100.0)
    assert not [each for each in made.rig.border.registry.calls.values() if each.state is CallState.UP]


def test_nobody_is_asked_where_that_is_not_wanted() -> None:
    for off in (Keepalive(Probing.OFF), Keepalive(Probing.PROBE, calls=0.0)):
        made = line(off, off)
        assert not of(Send, made.rig.wait(3000.0)) and made.call.pulse is None


def test_the_parties_own_questions_cross_and_so_do_their_answers() -> None:
    made = line()
    assert users(to_core(made.phone(b"ask 1"))) == [b"ask 1"]
    assert users(to_access(made.core(b"told 1"))) == [b"told 1"]
    assert users(to_core(made.phone(b"told 9"))) == [b"told 9"], "what nobody has asked is none of ours"


def test_our_questions_have_names_that_none_has_which_is_open() -> None:
    made = line(access=Keepalive(Probing.OFF))
    made.rig.wait(59.0)
    made.phone(b"ask 1")
    (own,) = users(to_core(made.rig.wait(1.0)))
    assert own != b"ask 1"
    assert users(to_access(made.core(b"told 1"))) == [b"told 1"]
    assert not of(Send, made.core(own.replace(b"ask", b"told")))


def test_of_two_questions_of_one_name_the_first_is_answered_first() -> None:
    made = line(access=Keepalive(Probing.OFF))
    (own,) = users(to_core(made.rig.wait(60.0)))
    assert users(to_core(made.phone(own))) == [own]
    told = own.replace(b"ask", b"told")
    assert not of(Send, made.core(told)), "the answer to ours"
    assert users(to_access(made.core(told))) == [told], "and the one to theirs"


def test_what_else_a_message_says_crosses() -> None:
    made = line(access=Keepalive(Probing.OFF))
    (own,) = users(to_core(made.rig.wait(60.0)))
    assert len(to_access(made.core(own.replace(b"ask", b"told"), media=(audio("198.51.100.9"),)))) == 1


def test_with_the_call_ends_its_pulse() -> None:
    made = line()
    call = made.call
    made.rig._take(made.rig.border.end_call(call.id, "kicked", made.rig.now))
    assert call.pulse is None and not to_access(made.rig.wait(1000.0))


def test_what_is_open_is_bounded_and_forgotten() -> None:
    party = Party(0.0)
    for each in range(3 * MOST_OPEN):
        party.add(b"%d" % each, False, 1.0)
    assert len(party.open) == MOST_OPEN
    party.add(b"last", True, 1.0 + LATE)
    assert [asked.name for asked in party.open] == [b"last"]
    assert party.tells(b"last") and not party.tells(b"last")
