"""The life of an exchange: every state on every event, the schedules of RFC 3261, giving up and taking back."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.call import CallState
from sbc.core.message import Cause, Timing
from sbc.core.orders import CloseStream, Record, Send, UpdateStream, Wake
from sbc.core.realm import Limits
from sbc.core.registry import Arrival
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, events, make_plan, of, sends
from tests.toy import CAUSES, PLAIN, QUIET, ToyDialect
from tests.toy_calls import Talk, answered, bound, opened, read, to_access, to_core, toy_rig
from tests.toy_records import (
    CHALLENGE,
    CHANGE,
    CLOSE,
    CONFIRM,
    FAILURE,
    PROVISIONAL,
    SUCCESS,
    TELL,
    WITHDRAW,
    answer,
    audio,
    binding,
    fax,
    granted,
    inside,
    number,
    opening,
)
from tests.toy_records import (
    Record as ToyRecord,
)
from tests.toy_table import (
    DONE,
    EVENTS,
    FORGOTTEN,
    PROCEEDING,
    TABLE,
    TRYING,
    WAY_TO,
    WITHDRAWING,
    WITHDRAWN,
    State,
    confirmation,
    said,
    withdrawal,
)

# RFC 3261 section 17: T1 0.5 s, T2 4 s
INVITE = Timing(0.5, 32.0, 32.0, 32.0, 180.0, quiet=True, confirmed=True, repeat=4.0)
OTHER = Timing(0.5, 4.0, 32.0, 32.0, 32.0)


def in_state(state: State) -> Talk:
    talk = opened()
    for step in WAY_TO[state]:
        talk.rig.now += 0.25
        step(talk)
    assert talk.exchange.state is state
    return talk


@pytest.mark.parametrize(("state", "event"), [(state, event) for state in TABLE for event in TABLE[state]])
def test_every_state_on_every_event(state: State, event: str) -> None:
    talk = in_state(state)
    exchange = talk.exchange
    orders = EVENTS[event](talk)
    after, near, far = TABLE[state][event]
    alive = exchange in talk.rig.border.registry.live_exchanges
    assert (exchange.state if alive else FORGOTTEN) is after
    assert [record.stage for record in read(sends(orders, "access"))] == near
    assert [record.op for record in read(sends(orders, "core"))] == far


def test_the_table_is_whole() -> None:
    nothing_heard = {TRYING, WITHDRAWING}
    for state in State:
        assert set(TABLE[state]) == set(EVENTS) - ({"heard again"} if state in nothing_heard else set())


@pytest.mark.parametrize("stage", [SUCCESS, FAILURE, CHALLENGE])
def test_what_needs_no_confirmation_is_over_with_its_answer(stage: int) -> None:
    rig = toy_rig()
    tell = ToyRecord(TELL, sender=7, call=number(8), exchange=number(8), target=b"203.0.113.1 5060 bob").pack()
    (sent,) = sends(rig.from_access(tell), "core")
    (exchange,) = rig.border.registry.live_exchanges
    assert not of(Send, rig.from_access(tell))  # nothing to say yet
    early = answer(sent, SOFTSWITCH.host, PROVISIONAL).pack()
    assert len(to_access(rig.from_core(early))) == 1
    assert exchange.state is PROCEEDING
    final = answer(sent, SOFTSWITCH.host, stage).pack()
    orders = rig.from_core(final)
    assert exchange.state is DONE and [record.stage for record in read(sends(orders, "access"))] == [stage]
    assert not to_core(orders)
    assert not of(Send, rig.from_core(final))  # the asker has it, or asks again
    assert sends(rig.from_access(tell), "access") == sends(orders, "access")
    assert not of(Send, rig.wait(PLAIN.linger))
    assert not rig.border.registry.live_exchanges


# -- the clock


def times(rig: Rig, seconds: float, realm: str) -> list[float]:
    """When something is sent into `realm`, from now on, in seconds from now."""
    start, found = rig.now, []
    while (at := rig.border.registry.timers.next()) is not None and at <= start + seconds:
        rig.now = at
        found += [at - start] * len(sends(rig._take(rig.border.wake(at)), realm))
    rig.now = start + seconds
    return found


def rfc_rig() -> Rig:
    return toy_rig(ToyDialect(INVITE, OTHER))


def test_timer_a_and_b() -> None:
    """RFC 3261 section 17.1.1.2."""
    talk = opened(rfc_rig())
    assert times(talk.rig, 31.999, "core") == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert talk.call.state is CallState.OPENING
    orders = talk.rig.wait(0.001)
    (record,) = read(sends(orders, "access"))
    assert (record.stage, CAUSES[record.cause - 1]) == (FAILURE, Cause.TIMEOUT)
    assert talk.call.state is CallState.CLOSED


def test_timer_c() -> None:
    """RFC 3261 section 16.6 item 11 and 16.8: each provisional answer starts it anew."""
    talk = opened(rfc_rig())
    talk.rig.from_core(said(talk, PROVISIONAL))
    assert times(talk.rig, 179, "core") == []
    talk.rig.from_core(said(talk, PROVISIONAL, cause=1))
    assert times(talk.rig, 179, "core") == []
    orders = talk.rig.wait(1)
    assert [record.op for record in read(sends(orders, "core"))] == [WITHDRAW]
    assert [CAUSES[record.cause - 1] for record in read(sends(orders, "access"))] == [Cause.TIMEOUT]


def test_timer_e_and_f() -> None:
    """RFC 3261 section 17.1.2.2."""
    talk = answered(rfc_rig())
    talk.rig.from_access(inside(talk.asked, talk.back, TELL).pack())
    assert times(talk.rig, 31.999, "core") == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert [CAUSES[record.cause - 1] for record in read(sends(talk.rig.wait(0.001), "access"))] == [Cause.TIMEOUT]


def test_timer_g_and_h() -> None:
    """RFC 3261 section 17.2.1: a failure is repeated until it is acknowledged, or nobody will."""
    talk = opened(rfc_rig())
    talk.rig.from_core(said(talk, FAILURE))
    assert times(talk.rig, 200, "access") == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    talk = opened(rfc_rig())
    talk.rig.from_core(said(talk, FAILURE))
    assert times(talk.rig, 2, "access") == [0.5, 1.5]
    talk.rig.from_access(confirmation(talk))
    assert times(talk.rig, 200, "access") == []


def test_timer_l() -> None:
    """RFC 6026 section 8.7: a success is absorbed and handed on for 64 T1."""
    talk = answered(rfc_rig())
    talk.rig.wait(31.9)
    assert to_access(talk.rig.from_core(talk.said))
    talk.rig.wait(0.1)
    assert events(talk.rig.from_core(talk.said)) == ["stray-reply"]


@pytest.mark.parametrize("reliable", ["access", "core"])
def test_a_reliable_transport_is_sent_to_once(reliable: str) -> None:
    plan = make_plan("toy")
    realm = plan.realms[reliable]
    own = attrs.evolve(realm.listeners[0], transport="tcp")
    realms = {**plan.realms, reliable: attrs.evolve(realm, listeners=(own,))}
    rig = Rig.make(ToyDialect(INVITE, OTHER), attrs.evolve(plan, realms=realms))
    opened(rig)
    assert len(times(rig, 31.999, "core")) == (0 if reliable == "core" else 6)
    assert len(to_access(rig.wait(0.001))) == 1
    assert len(times(rig, 100, "access")) == (0 if reliable == "access" else 10)


def test_patience_prolongs_what_is_repeated_all_the_same() -> None:
    slow = attrs.evolve(PLAIN, limit=3.0, patience=20.0)
    talk = answered(toy_rig(ToyDialect(plain=slow)))
    (sent,) = sends(talk.rig.from_access(inside(talk.asked, talk.back, TELL).pack()), "core")
    talk.rig.wait(2)
    talk.rig.from_core(answer(sent, SOFTSWITCH.host, PROVISIONAL).pack())
    assert len(times(talk.rig, 19, "core")) > 8
    assert len(times(talk.rig, 2, "access")) == 1


def test_nobody_goes_on_alerting_for_a_call_that_has_ended() -> None:
    talk = answered()
    change = inside(talk.asked, talk.back, CHANGE, 4, media=(audio(PHONE.host),))
    (asked,) = sends(talk.rig.from_access(change.pack()), "core")
    talk.rig.from_core(answer(asked, SOFTSWITCH.host, PROVISIONAL).pack())
    (close,) = sends(talk.rig.from_access(inside(talk.asked, talk.back).pack()), "core")
    talk.rig.from_core(answer(close, SOFTSWITCH.host).pack())
    for cause in range(1, 20):  # as if it meant to alert for ever
        talk.rig.wait(9)
        talk.rig.from_core(answer(asked, SOFTSWITCH.host, PROVISIONAL, cause=cause).pack())
    assert not talk.rig.border.registry.calls and not talk.rig.border.registry.live_exchanges


# -- taking back


def test_what_was_taken_back_before_anything_was_heard_is_never_heard_of() -> None:
    talk = in_state(WITHDRAWING)
    orders = talk.rig.wait(QUIET.limit)
    records = read(sends(orders, "access"))
    assert [(record.stage, CAUSES[record.cause - 1]) for record in records] == [(FAILURE, Cause.WITHDRAWN)]
    assert WITHDRAW not in [record.op for record in read(sends(orders, "core"))]


def test_a_withdrawal_is_repeated_until_it_is_answered() -> None:
    talk = in_state(WITHDRAWN)
    first = times(talk.rig, 5, "core")
    assert first == [1.0, 3.0, 5.0]
    (own,) = [each for each in talk.rig.border.registry.live_exchanges if each.near is None]
    talk.rig.from_core(answer(own.sent, SOFTSWITCH.host).pack())
    assert times(talk.rig, 4, "core") == []


def test_a_withdrawal_that_is_never_answered_leaves_nothing() -> None:
    talk = in_state(WITHDRAWN)
    talk.rig.wait(200)
    assert not talk.rig.border.registry.live_exchanges and not talk.rig.border.registry.calls


def test_the_withdrawal_itself_is_answered_once_and_again_on_asking() -> None:
    talk = in_state(PROCEEDING)
    first = talk.rig.from_access(withdrawal(talk.asked))
    again = talk.rig.from_access(withdrawal(talk.asked))
    assert sends(first, "access") == sends(again, "access") and not to_core(again)


def test_nothing_to_take_back() -> None:
    talk = opened()
    for data, source in ((withdrawal(opening(PHONE, 3, 3).pack()), NAT), (withdrawal(talk.asked), SOFTSWITCH)):
        (record,) = read(sends(talk.rig.from_access(data, source), "access"))
        assert CAUSES[record.cause - 1] is Cause.NO_CALL
    assert talk.exchange.state is TRYING


def test_a_change_may_be_taken_back_and_the_stream_is_as_it_was() -> None:
    talk = answered()
    change = inside(talk.asked, talk.back, CHANGE, 4, media=(audio(PHONE.host, 4400),)).pack()
    (asked,) = sends(talk.rig.from_access(change), "core")
    talk.rig.from_core(answer(asked, SOFTSWITCH.host, PROVISIONAL, media=(audio(SOFTSWITCH.host, 4600),)).pack())
    (stream,) = talk.call.streams.values()
    assert [pair.rtp.port for pair in stream.remote if pair] == [4400, 4600]
    talk.rig.from_access(withdrawal(change))
    orders = talk.rig.from_core(answer(asked, SOFTSWITCH.host, FAILURE).pack())
    assert [pair.rtp.port for pair in stream.remote if pair] == [4000, 4000]
    assert {order.side for order in of(UpdateStream, orders)} == {0, 1}
    assert talk.call.state is CallState.UP


# -- what the answers do


def test_the_confirmation_of_a_change_that_failed_stays_here() -> None:
    talk = answered()
    change = inside(talk.asked, talk.back, CHANGE, 4, media=(audio(PHONE.host, 4400),))
    (asked,) = sends(talk.rig.from_access(change.pack()), "core")
    orders = talk.rig.from_core(answer(asked, SOFTSWITCH.host, FAILURE).pack())
    assert [record.op for record in read(sends(orders, "core"))] == [CONFIRM]
    assert not of(Send, talk.rig.from_access(change.but(op=CONFIRM, media=()).pack()))


def test_a_failure_is_confirmed_to_the_host_that_said_so_and_no_other() -> None:
    talk = opened()
    assert events(talk.rig.from_core(said(talk, FAILURE), source=NAT)) == ["stray-reply"]
    assert talk.exchange.state is TRYING


def test_a_success_after_giving_up_crosses_but_opens_nothing() -> None:
    talk = opened()
    talk.rig.wait(QUIET.limit)
    orders = talk.rig.from_core(said(talk, SUCCESS))
    (record,) = read(sends(orders, "access"))
    assert record.stage == SUCCESS and record.media[0].rtp[4:] == b"\0\0"
    assert talk.call.state is CallState.CLOSED and not talk.rig.open_streams
    # so that whoever asked can close it properly
    assert to_core(talk.rig.from_access(inside(talk.asked, sends(orders, "access")[0]).pack()))
    talk.rig.wait(200)
    assert not talk.rig.border.registry.calls


def test_a_confirmation_that_closes_ends_the_call_at_once() -> None:
    """Where a protocol closes by a message that nobody answers."""

    class Curt(ToyDialect):
        def describe(self, message):  # type: ignore[no-untyped-def]
            intent = super().describe(message)
            if intent.method == "close" and intent.phase.value == "request":
                intent.phase = type(intent.phase).CONFIRM
            return intent

    talk = answered(toy_rig(Curt()))
    orders = talk.rig.from_access(inside(talk.asked, talk.back).pack())
    assert [record.op for record in read(sends(orders, "core"))] == [CLOSE]
    assert of(CloseStream, orders) and events(orders) == ["close"]
    assert talk.call.state is CallState.CLOSED


@pytest.mark.parametrize("stage", [SUCCESS, FAILURE])
def test_an_offer_of_another_kind_replaces_the_stream_only_if_it_is_taken(stage: int) -> None:
    talk = answered()
    change = inside(talk.asked, talk.back, CHANGE, 4, media=(fax(PHONE.host),))
    orders = talk.rig.from_access(change.pack())
    (asked,) = sends(orders, "core")
    assert sorted(kind for _, kind in talk.call.streams) == ["rtp", "t38"] and not of(CloseStream, orders)
    media = (fax(SOFTSWITCH.host),) if stage == SUCCESS else ()
    talk.rig.from_core(answer(asked, SOFTSWITCH.host, stage, media=media).pack())
    assert [kind for _, kind in talk.call.streams] == ["t38" if stage == SUCCESS else "rtp"]


# -- limits


def test_one_source_may_ask_so_much_at_once_and_no_more() -> None:
    rig = toy_rig(limits=Limits(exchanges_per_source=2))
    asked = [opening(PHONE, each, each, each).pack() for each in (1, 2, 3)]
    assert [bool(to_core(rig.from_access(data))) for data in asked] == [True, True, False]
    assert to_core(rig.from_access(opening(PHONE, 4, 4, 4).pack(), SOFTSWITCH))
    # what was let in may be taken back all the same
    (record,) = read(sends(rig.from_access(withdrawal(asked[0])), "access"))
    assert record.stage == SUCCESS
    rig.wait(100)
    assert to_core(rig.from_access(opening(PHONE, 5, 5, 5).pack()))


def test_a_realm_holds_so_many_exchanges_and_no_more() -> None:
    rig = toy_rig(limits=Limits(exchanges=1))
    assert to_core(rig.from_access(opening(PHONE).pack()))
    (record,) = read(sends(rig.from_access(opening(PHONE, 2, 2).pack(), SOFTSWITCH), "access"))
    assert CAUSES[record.cause - 1] is Cause.BUSY


# -- bindings


def test_a_binding_does_not_run_out_while_the_registrar_is_being_asked() -> None:
    rig = toy_rig()
    bound(rig, life=60)
    rig.wait(58)
    (asked,) = sends(rig.from_access(binding(PHONE, exchange=2).pack()), "core")
    rig.wait(4)  # the old lifetime is over
    rig.from_core(granted(asked).pack())
    rig.wait(55)
    (found,) = rig.border.registry.bindings.values()
    assert found.state.value == "bound"
    rig.wait(10)
    assert not rig.border.registry.bindings


def test_a_binding_whose_refresh_is_refused_runs_out() -> None:
    rig = toy_rig()
    bound(rig, life=60)
    rig.wait(58)
    (asked,) = sends(rig.from_access(binding(PHONE, exchange=2).pack()), "core")
    rig.wait(4)
    rig.from_core(answer(asked, SOFTSWITCH.host, FAILURE).pack())
    rig.wait(10)
    assert not rig.border.registry.bindings


# -- the border's ear


def test_an_answer_is_known_by_the_side_it_comes_from() -> None:
    talk = opened()
    own = talk.rig.border.plan.realms["access"].listeners[0]
    orders = talk.rig.border.receive(Arrival(own, SOFTSWITCH, said(talk, SUCCESS), talk.rig.now))
    assert events([order for order in orders if not isinstance(order, Wake)]) == ["stray-reply"]


def test_records_tell_a_call_once_from_open_to_close() -> None:
    talk = answered()
    talk.rig.from_core(talk.said)
    (close,) = sends(talk.rig.from_access(inside(talk.asked, talk.back).pack()), "core")
    talk.rig.wait(3)
    final = answer(close, SOFTSWITCH.host).pack()
    talk.rig.from_core(final)
    talk.rig.from_core(final)
    talk.rig.wait(100)
    assert [order.event for order in of(Record, talk.rig.log)] == ["open", "answer", "close"]
