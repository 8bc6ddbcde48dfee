"""The gate is asked of all that comes and of requests that would cross, and hears what became of them."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.message import Cause, Kind
from sbc.core.orders import Listener, Note, Send
from sbc.core.realm import Registrations
from sbc.policy.book import Book
from sbc.policy.events import Act, Message, Outcome, Standing, Verdict
from sbc.policy.quota import Quotas
from sbc.policy.rule import Action, Rule
from tests.rig import NAT, PHONE, SBC_ACCESS, SOFTSWITCH, Rig, events, of, sends
from tests.toy_calls import answered, bound, opened, read, to_core, toy_rig
from tests.toy_records import CHALLENGE, CLOSE, FAILURE, PROBE, SUCCESS, Record, answer, binding, inside, opening

STRANGER = Address("203.0.113.66", 666)


@attrs.define
class Keeper:
    """A gate that keeps what it is asked and told; `word` and `verdict` are what it answers."""

    word: str = ""
    verdict: Verdict | None = None
    knocks: list[tuple[Address, int, Standing]] = attrs.field(factory=list)
    messages: list[Message] = attrs.field(factory=list)
    outcomes: list[tuple[Outcome, Address, str, Cause | None]] = attrs.field(factory=list)
    book: Book | None = None
    quota: Quotas = attrs.field(factory=Quotas)
    none: frozenset[Address] = frozenset()  # from whom nothing is taken

    def banned(self, realm: str, source: Address, now: float) -> bool:
        return source in self.none

    def knock(self, listener: Listener, source: Address, size: int, standing: Standing, *_: object) -> str:
        self.knocks.append((source, size, standing))
        return self.word

    def message(self, message: Message, now: float) -> Verdict | None:
        self.messages.append(message)
        return self.verdict

    def outcome(self, outcome: Outcome, listener: Listener, source: Address, intent: Any, *cause: Any) -> None:
        self.outcomes.append((outcome, source, "" if intent is None else intent.method, cause[0]))


def kept(verdict: Verdict | None = None, word: str = "", **plan: Any) -> tuple[Rig, Keeper]:
    rig, keeper = toy_rig(**plan), Keeper(word, verdict)
    keeper.book = rig.border.registry.gate.book
    rig.border.registry.gate = keeper  # type: ignore[assignment]
    return rig, keeper


def test_who_comes_is_told_by_how_far_it_is_known() -> None:
    rig, keeper = kept()
    bound(rig)
    own, core = (rig.border.plan.realms[name].listeners[0] for name in ("access", "core"))
    for at, source in ((own, NAT), (own, STRANGER), (core, SOFTSWITCH), (core, STRANGER)):
        assert rig.border.knock(at, source, 100, "", rig.now) == ""
    assert [standing for _, _, standing in keeper.knocks] == [
        *(Standing.REGISTERED, Standing.STRANGER, Standing.TRUSTED, Standing.STRANGER)
    ]
    keeper.word = "too-much"
    assert rig.border.knock(own, STRANGER, 1, "", rig.now) == "too-much"
    keeper.none, keeper.knocks = frozenset({NAT}), []
    assert rig.border.knock(own, NAT, 1, "", rig.now) == "banned"
    assert not keeper.knocks, "of who is banned nothing else is asked"
    assert rig.border.barred(own, STRANGER, rig.now) == "too-much"
    assert keeper.knocks[-1][1] == 0


def test_a_claim_that_nobody_has_confirmed_makes_nobody_known() -> None:
    rig, keeper = kept()
    opened(rig)
    rig.border.knock(rig.border.plan.realms["access"].listeners[0], NAT, 1, "", rig.now)
    assert keeper.knocks == [(NAT, 1, Standing.STRANGER)]


def test_a_new_call_is_asked_for_once_with_all_that_it_says_of_itself() -> None:
    rig, keeper = kept()
    bound(rig)
    keeper.messages.clear()
    record = opening(PHONE, exchange=5).but(agent=b"toy phone 1.0", priority=3, proof=1)
    talk = opened(rig, record)
    rig.from_access(talk.asked)
    (message,) = keeper.messages
    (there,) = rig.border.registry.bindings.values()
    assert (message.source, message.standing, message.terminal) == (NAT, Standing.REGISTERED, there.id)
    intent = message.intent
    assert (intent.kind, intent.method, intent.user) == (Kind.OPEN, "open", b"alice")
    assert (intent.agent, intent.priority, intent.proves) == (b"toy phone 1.0", 3, True)


@pytest.mark.parametrize("act", list(Act))
def test_who_is_in_a_call_goes_on_whatever_is_decided_of_new_ones(act: Act) -> None:
    rig, keeper = kept()
    talk = answered(rig)
    keeper.verdict = Verdict(act, "rule")
    assert to_core(rig.from_access(inside(talk.asked, talk.back, CLOSE, 9).pack()))


def test_what_is_dropped_is_not_answered_and_leaves_nothing() -> None:
    rig, _ = kept(Verdict(Act.DROP, "rule", "no-strangers"))
    orders = rig.from_access(opening(PHONE).pack())
    assert not of(Send, orders)
    (note,) = [each for each in of(Note, orders) if each.event == "dropped-rule"]
    assert (note.reason, note.fields["source"]) == ("no-strangers", str(NAT))
    registry = rig.border.registry
    assert not registry.calls and not registry.live_exchanges


def test_what_is_rejected_is_told_so_in_the_words_of_the_protocol() -> None:
    rig, keeper = kept(Verdict(Act.REJECT, "rule", "no-strangers", "no calls from here", Cause.FORBIDDEN))
    orders = rig.from_access(opening(PHONE).pack())
    (told,) = read(sends(orders, "access"))
    assert told.stage == FAILURE and not sends(orders, "core")
    assert {"refused", "denied-rule"} <= set(events(orders))
    assert keeper.outcomes == [(Outcome.REFUSED, NAT, "open", Cause.FORBIDDEN)]
    assert not rig.border.registry.calls and not rig.border.registry.live_exchanges


@pytest.mark.parametrize(
    ("stage", "proof", "outcome"),
    [
        (SUCCESS, 0, Outcome.ACCEPTED),
        (CHALLENGE, 0, Outcome.CHALLENGED),
        (CHALLENGE, 1, Outcome.WRONG),
        (FAILURE, 0, Outcome.FAILED),
    ],
)
def test_what_became_of_a_request_is_told_of_who_asked(stage: int, proof: int, outcome: Outcome) -> None:
    rig, keeper = kept()
    talk = opened(rig, opening(PHONE).but(proof=proof))
    rig.from_core(answer(talk.sent, SOFTSWITCH.host, stage).pack())
    assert keeper.outcomes == [(outcome, NAT, "open", None)]
    rig.from_core(answer(talk.sent, SOFTSWITCH.host, stage).pack())
    assert len(keeper.outcomes) == 1, "a repeated answer says nothing new"


def test_what_is_no_message_and_answers_to_nothing_are_told() -> None:
    rig, keeper = kept()
    rig.from_access(b"rubbish", STRANGER)
    stray = answer(Record(PROBE, exchange=bytes(10)).pack(), SOFTSWITCH.host, SUCCESS)
    rig.from_access(stray.pack(), STRANGER)
    assert [(outcome, source) for outcome, source, *_ in keeper.outcomes] == [
        *((Outcome.BAD, STRANGER), (Outcome.STRAY, STRANGER))
    ]


def test_a_refresh_that_the_sbc_answers_itself_is_accepted() -> None:
    rig, keeper = kept(registrations=Registrations())
    bound(rig)
    keeper.outcomes.clear()
    rig.now += 20
    rig.from_access(binding(PHONE, life=60, exchange=77).pack())
    assert keeper.outcomes == [(Outcome.ACCEPTED, NAT, "bind", None)]


def test_who_is_in_no_realms_list_is_a_stranger_to_the_gate_of_another() -> None:
    rig, keeper = kept()
    bound(rig)
    core = rig.border.plan.realms["core"].listeners[0]
    rig.border.knock(core, NAT, 1, "", rig.now)
    assert keeper.knocks == [(NAT, 1, Standing.STRANGER)], "known in one realm is not known in another"
    assert SBC_ACCESS not in [source for source, *_ in keeper.knocks]


def test_who_is_in_a_call_is_held_to_rates_in_new_ones_and_hangs_up_all_the_same() -> None:
    rig = toy_rig()
    talk = answered(rig)
    plan = rig.border.plan
    slow = Rule("slow", Action.LIMIT, rate=0.001, burst=6)
    rig.replan(attrs.evolve(plan, realms={**plan.realms, "access": attrs.evolve(plan.realms["access"], rules=(slow,))}))
    own, crossed = plan.realms["access"].listeners[0], 0
    for number in range(50):
        assert rig.border.knock(own, NAT, 100, "", rig.now) == "", "it may be of the call"
        crossed += bool(to_core(rig.from_access(opening(PHONE, exchange=100 + number, call=100 + number).pack())))
    assert crossed == 6
    assert rig.border.knock(own, NAT, 100, "", rig.now) == ""
    assert to_core(rig.from_access(inside(talk.asked, talk.back, CLOSE, 9).pack()))


@pytest.mark.parametrize("act", list(Act))
def test_who_says_that_it_is_in_a_call_and_is_in_none_is_asked_about_like_any_other(act: Act) -> None:
    rig, keeper = kept()
    talk = answered(rig)
    asked = inside(talk.asked, talk.back, CLOSE, 9).but(target=b"203.0.113.1 5060 nobody", call=b"not a call")
    keeper.verdict, keeper.messages = Verdict(act, "rule", cause=Cause.DENIED), []
    orders = rig.from_access(asked.pack(), STRANGER)
    assert [message.source for message in keeper.messages] == [STRANGER] and not to_core(orders)
    assert not [each for each in of(Send, orders) if act is Act.DROP]
    keeper.verdict = None
    assert sends(rig.from_access(asked.but(exchange=b"another on").pack(), STRANGER), "access"), "no such call"
