"""Calls and bindings after a restart: they go on as if nothing had happened, or are ended with a reason."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.audit import audit
from sbc.core.binding import BindingState
from sbc.core.border import Border
from sbc.core.bound import binding_of
from sbc.core.call import CallState, Stream
from sbc.core.exchange import ExchangeState
from sbc.core.message import Intent, Kind, Phase, Who
from sbc.core.mint import Mint
from sbc.core.orders import CloseStream, Listen, OpenStream, Record, Send
from sbc.core.plain import Unfit
from sbc.core.realm import Keepalive, Plan, Registrations, Signaling
from sbc.core.registry import Arrival
from sbc.core.snapshot import MOMENTS, lasts, pack
from tests.calls.test_calls import answered as sip_answered
from tests.calls.test_calls import rig as sip_rig
from tests.core.test_replan import told_by_tcp
from tests.kept import SHIFT, restarted, values_of
from tests.rig import NAT, PHONE, SECRET, SOFTSWITCH, Rig, events, make_plan, of, sends
from tests.sip_messages import answer as sip_answer
from tests.sip_messages import header, inside, invite
from tests.soak.test_books import Closing
from tests.toy import ToyDialect
from tests.toy_calls import Talk, answered, bound, opened, toy_rig
from tests.toy_gateway import gateway, opens, takes_off, yes
from tests.toy_records import CHANGE, CLOSE, CONFIRM, PROVISIONAL, answer, audio, from_other, number, opening
from tests.toy_records import Record as Message
from tests.toy_records import inside as within


def call_of(rig: Rig) -> Any:
    (call,) = rig.border.registry.calls.values()
    return call


def test_everything_that_is_written_is_as_it_was() -> None:
    rig = toy_rig(signaling=Signaling.PORT_PER_TERMINAL, keepalive=Keepalive())
    talk = busy(rig)
    (port,) = rig.border.registry.terminal_ports.values()
    rig.from_access(
        within(talk.asked, talk.back, CHANGE, 5, media=(audio(PHONE.host, 4200),)).pack()
    )  # unanswered: to be undone
    rig.border.latched(f"{call_of(rig).id}/1", 0, Address(NAT.host, 50000))
    made, orders = restarted(rig, 0.0)
    assert [own.listener.address for own in of(Listen, orders)] == [port.listener.address]
    assert all_of(made) == all_of(rig)
    before, after = call_of(rig), call_of(made)
    assert {each.intent.method: len(each.undo) for each in after.exchanges} == {"open": 0, "change": 1}
    assert after.opening in after.exchanges and after.watch is not None
    assert before.watch is not None and before.watch.key == after.watch.key


TIMES = frozenset().union(*MOMENTS.values())
COUNTED_ANEW = ("told_at", "expires_at", "due", "comes_back")


def all_of(rig: Rig) -> Any:
    """What lasts, with the times as seconds from the rig's now; but for what counts from a restart."""

    def soon(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: round(each - SHIFT - rig.now, 3) if name in TIMES and each is not None else soon(each)
                for name, each in value.items()
                if name not in COUNTED_ANEW
            }
        return sorted(map(soon, value), key=repr) if isinstance(value, list) else value

    return [soon(json.loads(data)) for _, data in values_of(rig.border)]


def busy(rig: Rig) -> Talk:
    """A bound terminal that is in a call."""
    bound(rig)
    asked = opening(PHONE, exchange=2).pack()
    (sent,) = sends(rig.from_access(asked), "core")
    port = next(iter(rig.border.registry.terminal_ports.values()), None)
    said = answer(sent, SOFTSWITCH.host).pack()
    (back,) = sends(rig.from_core(said, at=port.listener if port else None), "access")
    return Talk(rig, asked, sent, said, back)


def test_an_answered_call_goes_on_its_parties_talk_and_hang_up() -> None:
    talk = answered()
    made, orders = restarted(talk.rig)
    (stream,) = of(OpenStream, orders)
    assert stream.spec.id == f"{talk.call.id}/1"
    assert "call-resumed" in events(orders) and not of(Record, orders)
    assert call_of(made).state is CallState.UP
    changed = within(talk.asked, talk.back, CHANGE, 6, media=(audio(PHONE.host, 4400),)).pack()
    assert sends(made.from_access(changed), "core")
    (onward,) = sends(made.from_core(from_other(talk.sent, talk.said, CLOSE, 9).pack()), "access")
    ended = made.from_access(answer(onward, PHONE.host).pack())
    assert of(CloseStream, ended) and events(ended)[-1] == "close"
    made.wait(200)
    assert not made.border.registry.calls and not made.border.registry.names


def test_a_call_that_rings_goes_on_ringing_and_is_answered() -> None:
    talk = opened()
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, PROVISIONAL).pack())
    made, _ = restarted(talk.rig)
    assert call_of(made).state is CallState.EARLY and call_of(made).opening.state is ExchangeState.PROCEEDING
    orders = made.from_core(answer(talk.sent, SOFTSWITCH.host).pack())
    (back,) = sends(orders, "access")
    assert Message.read(back).exchange == Message.read(talk.asked).exchange
    assert "answer" in events(orders) and call_of(made).state is CallState.UP
    assert sends(made.from_access(within(talk.asked, back, CONFIRM).pack()), "core")


@pytest.mark.parametrize("rings", [False, True])
def test_of_who_rings_the_asker_has_heard_though_a_store_of_before_does_not_say_so(rings: bool) -> None:
    """Else the next failure would have another ring anew."""
    talk = opened()
    if rings:
        talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, PROVISIONAL).pack())
    ((_, data),) = values_of(talk.rig.border)
    plain = json.loads(data)
    for each in plain["exchanges"]:
        assert each.pop("told") is rings
    made = Rig(Border(talk.rig.border.plan, talk.rig.border.dialects, Mint(SECRET, b"again")), 6.0)
    made.border.resume_call(json.dumps(plain).encode(), made.now, SHIFT, 1.0)
    assert call_of(made).opening.told is rings


def test_an_attempt_that_nobody_has_heard_of_is_repeated() -> None:
    talk = opened()
    made, _ = restarted(talk.rig)
    repeated = sends(made.wait(2.0), "core")
    assert repeated and set(repeated) == {talk.sent}


def test_over_connections_it_is_asked_again_at_once() -> None:
    plan = make_plan("toy")
    core = plan.realms["core"]
    listener = attrs.evolve(core.listeners[0], transport="tcp")
    plan = attrs.evolve(plan, realms={**plan.realms, "core": attrs.evolve(core, listeners=(listener,))})
    talk = opened(Rig.make(ToyDialect(), plan))
    made, orders = restarted(talk.rig)
    assert sends(orders, "core") == [talk.sent]
    assert made.border.registry.waits.all()


def test_who_asked_by_a_connection_is_answered_where_it_takes_one() -> None:
    """That connection is gone with the process (RFC 3261 section 18.2.2)."""
    plan = make_plan("toy")
    core = plan.realms["core"]
    listener = attrs.evolve(core.listeners[0], transport="tcp")
    plan = attrs.evolve(plan, realms={**plan.realms, "core": attrs.evolve(core, listeners=(listener,))})
    rig = Rig.make(ToyDialect(), plan)
    place, asks = bound(rig), Address(SOFTSWITCH.host, 33000)
    (sent,) = sends(rig.from_core(opening(SOFTSWITCH, 2, 22, target=place).pack(), asks), "access")
    made, _ = restarted(rig)
    (back,) = [each for each in of(Send, made.from_access(answer(sent, PHONE.host).pack())) if each.to == asks]
    assert back.otherwise == SOFTSWITCH


def test_a_ringing_call_of_phones_is_answered_and_its_answer_carries_what_was_asked() -> None:
    rig = sip_rig()
    asked = invite(PHONE)
    (sent,) = sends(rig.from_access(asked), "core")
    rig.from_core(sip_answer(sent, SOFTSWITCH.host, b"180 Ringing"))
    made, _ = restarted(rig)
    (back,) = sends(made.from_core(sip_answer(sent, SOFTSWITCH.host)), "access")
    assert header(back, b"Via").startswith(header(asked, b"Via").split(b";rport")[0]) and b"received=" in back
    assert header(back, b"From") == header(asked, b"From") and header(back, b"Call-ID") == header(asked, b"Call-ID")
    (bye,) = sends(made.from_access(inside(asked, back)), "core")
    assert bye.startswith(b"BYE ")


def test_an_answer_that_was_lost_is_given_again() -> None:
    rig, asked, sent, back = sip_answered()
    made, _ = restarted(rig)
    said = next(iter(call_of(rig).exchanges)).heard
    assert sends(made.from_core(said), "access") == [back]
    assert sends(made.from_access(asked), "access") == [back]
    assert sends(made.wait(1.0), "core") == [] and header(sent, b"CSeq") == b"1 INVITE"


def test_media_goes_on_to_where_it_went_and_strangers_are_not_listened_to() -> None:
    talk = answered()
    talk.rig.border.latched(f"{talk.call.id}/1", 0, Address(NAT.host, 50000))
    window = talk.rig.border.plan.realms["access"].media.window
    for away, expected in ((1.0, 0.0), (60.0, window)):
        (order,) = of(OpenStream, restarted(talk.rig, away)[1])
        first, second = order.spec.sides
        assert first.latched == Address(NAT.host, 50000) and first.window == expected
        assert second.latched is None and second.window == window
        assert first.remote is not None and first.seen_host == NAT.host


def test_reports_go_on_to_where_they_went() -> None:
    """Else the other's are lost until the terminal's next, which is seconds away, opens the way to it."""
    talk = answered()
    stream, found = f"{talk.call.id}/1", Address(NAT.host, 50007)
    talk.rig.border.latched(stream, 0, Address(NAT.host, 50000))
    talk.rig.border.rtcp_latched(stream, 0, found)
    remote = only_stream(talk).remote[1]
    assert remote is not None and remote.rtcp is not None
    talk.rig.border.rtcp_latched(stream, 1, remote.rtcp)
    (order,) = of(OpenStream, restarted(talk.rig, 1.0)[1])
    assert [side.latched_rtcp for side in order.spec.sides] == [found, None], "what was signalled needs no mention"


def test_reports_that_come_by_the_port_of_rtp_move_with_it() -> None:
    talk = answered()
    stream, first, second = f"{talk.call.id}/1", Address(NAT.host, 50000), Address(NAT.host, 50002)
    talk.rig.border.latched(stream, 0, first)
    talk.rig.border.rtcp_latched(stream, 0, first)
    talk.rig.border.latched(stream, 0, second)
    assert only_stream(talk).latched_rtcp[0] == second
    talk.rig.border.rtcp_latched("no call/1", 0, first)
    talk.rig.border.rtcp_latched(stream, 0, first)
    talk.rig.border.latched(stream, 0, second)
    assert only_stream(talk).latched_rtcp[0] == first


def only_stream(talk: Talk) -> Stream:
    (stream,) = talk.call.streams.values()
    return stream


def test_a_call_in_its_end_is_ended_by_whoever_wanted_that_and_both_are_told() -> None:
    talk = answered(toy_rig(Closing()))
    talk.rig.from_access(within(talk.asked, talk.back, CLOSE, 8).pack())
    assert talk.call.state is CallState.CLOSING
    made, orders = restarted(talk.rig)
    assert not of(OpenStream, orders) and not of(CloseStream, orders)
    assert len({order.listener.realm for order in of(Send, orders)}) == 2
    (closed,) = of(Record, orders)
    assert (closed.event, closed.fields["ending"], closed.fields["who"]) == ("close", "normal", Who.CALLER.value)
    made.wait(200)
    assert not made.border.registry.calls


def test_a_call_that_has_lasted_too_long_meanwhile_is_ended() -> None:
    talk = answered(toy_rig(Closing()))
    made, orders = restarted(talk.rig, 50_000.0)
    assert of(OpenStream, orders)
    ended = made.wait(1.0)
    assert of(CloseStream, ended) and len(of(Send, ended)) >= 2 and "close" in events(ended)


def fewer_ports() -> Plan:
    return make_plan("toy", ports=0)


def test_a_call_whose_ports_are_no_more_is_ended_and_both_are_told() -> None:
    talk = answered(toy_rig(Closing()))
    made, orders = restarted(talk.rig, plan=fewer_ports())
    assert not of(OpenStream, orders) and not of(CloseStream, orders)
    assert {order.listener.realm for order in of(Send, orders)} == {"access", "core"}
    (closed,) = of(Record, orders)
    assert "media ports" in closed.fields["cause"]
    made.wait(200)
    assert not made.border.registry.calls and not made.border.registry.live_exchanges


def without_realm(plan: Plan) -> Plan:
    return attrs.evolve(plan, realms={name: realm for name, realm in plan.realms.items() if name != "access"})


def with_other_listener(plan: Plan) -> Plan:
    access = plan.realms["access"]
    own = attrs.evolve(access.listeners[0], address=Address("203.0.113.1", 5999))
    return attrs.evolve(plan, realms={**plan.realms, "access": attrs.evolve(access, listeners=(own,))})


def without_path(plan: Plan) -> Plan:
    return attrs.evolve(plan, paths=())


def with_path_elsewhere(plan: Plan) -> Plan:
    other = attrs.evolve(plan.realms["access"], name="other")
    realms = {**plan.realms, "other": other}
    return attrs.evolve(plan, realms=realms, paths=(attrs.evolve(plan.paths[0], access="other"),))


@pytest.mark.parametrize("change", [without_realm, with_other_listener, without_path, with_path_elsewhere])
def test_what_no_longer_fits_the_plan_is_not_taken_up_and_nothing_is_changed(change: Any) -> None:
    rig = toy_rig(signaling=Signaling.PORT_PER_TERMINAL)
    busy(rig)
    plan = change(rig.border.plan)
    border = Border(plan, rig.border.dialects, Mint(SECRET, b"again"))
    for kind, data in values_of(rig.border):
        with pytest.raises(Unfit):
            if kind == "binding":
                border.resume("binding", data, 5.0, SHIFT)
            else:
                border.resume_call(data, 5.0, SHIFT, 1.0)
    assert audit(border.registry, []) == [] and len(border.registry.terminal_ports) == 0


def test_a_dialect_that_is_no_longer_spoken() -> None:
    rig = answered().rig
    ((_, data),) = values_of(rig.border)
    with pytest.raises(Unfit, match="not spoken"):
        Border(rig.border.plan, {}, Mint(SECRET)).resume_call(data, 5.0, SHIFT, 1.0)


def test_nothing_is_taken_up_twice() -> None:
    rig = toy_rig()
    busy(rig)
    for kind, data in values_of(rig.border):
        with pytest.raises(Unfit, match="there already"):
            if kind == "binding":
                rig.border.resume("binding", data, rig.now, SHIFT)
            else:
                rig.border.resume_call(data, rig.now, SHIFT, 1.0)


@pytest.mark.parametrize("twice", [True, False])
def test_a_member_stands_once_in_one_call_or_its_call_is_not_taken_up(twice: bool) -> None:
    one = gateway()
    first, second = one.gather(opens(1, 1), b"1"), one.gather(opens(2, 11), b"2")
    after = Rig(Border(one.rig.border.plan, one.rig.border.dialects, Mint(SECRET, b"again")), 6.0)
    refused = 0
    for kind, data in values_of(one.rig.border):
        if kind != "call":
            after.border.resume(kind, data, after.now, SHIFT)
            continue
        plain = json.loads(data)
        members = plain["gathering"]["members"]
        if plain["id"] == second.id:
            plain["gathering"]["members"] = members * 2 if twice else [members[0].replace("2", "1")]
        try:
            after.border.resume_call(json.dumps(plain).encode(), after.now, SHIFT, 1.0)
        except Unfit as why:
            assert "stands twice" in str(why)
            refused += 1
    assert refused == 1 and len(after.border.registry.calls) == 1 and audit(after.border.registry) == []
    for call in list(after.border.registry.calls.values()):
        after.border.end_call(call.id, "operator", after.now)
    assert audit(after.border.registry) == [] and first.id != second.id


def test_a_bound_terminal_is_called_under_the_name_it_had_and_its_refresh_is_absorbed() -> None:
    rig = toy_rig(registrations=Registrations(), keepalive=Keepalive())
    name = bound(rig, life=300)
    made, _ = restarted(rig)
    (binding,) = made.border.registry.bindings.values()
    assert binding.state is BindingState.BOUND and binding.watch is not None
    asked = opening(SOFTSWITCH, call=3, exchange=4, target=name).but(believed=bytes(6))
    assert sends(made.from_core(asked.pack()), "access")
    assert (
        binding_of(
            made.border.registry,
            _arrival(made),
            Intent(Kind.BIND, Phase.REQUEST, b"", b"", user=b"alice"),
            binding.place,
        )
        is binding
    )


def _arrival(rig: Rig) -> Arrival:
    return Arrival(rig.border.plan.realms["access"].listeners[0], NAT, b"", rig.now)


def test_what_a_terminal_was_told_counts_from_the_restart_but_no_longer_than_the_registrars_grant() -> None:
    rig = toy_rig(registrations=Registrations(), keepalive=Keepalive())
    bound(rig, life=300)
    (before,) = rig.border.registry.bindings.values()
    made, _ = restarted(rig, 100.0)
    (after,) = made.border.registry.bindings.values()
    assert after.expires_at - made.now == before.expires_at - before.told_at
    left = before.grant_ends - rig.now
    assert after.grant_ends - made.now == pytest.approx(left - 100.0)
    (short,) = restarted(rig, left - 1.0)[0].border.registry.bindings.values()
    assert short.expires_at <= short.grant_ends
    with pytest.raises(Unfit, match="expired"):
        restarted(rig, left + 1.0)


@pytest.mark.parametrize("port", [5060, 5070])
def test_the_core_hears_of_a_death_only_by_what_is_still_listened_on(port: int) -> None:
    rig = Rig.make(ToyDialect(), told_by_tcp(5060))
    bound(rig, life=600)
    border = Border(told_by_tcp(port), rig.border.dialects, Mint(SECRET, b"again"))
    border.registry.changed = changed = {}
    border.resume("binding", values_of(rig.border)[0][1], rig.now, SHIFT)
    (terminal,) = border.registry.bindings.values()
    assert list(changed) == ([] if port == 5060 else [terminal])
    assert (terminal.registrar is not None) == (port == 5060)


def test_who_was_dead_still_is_and_is_heard_of_again() -> None:
    rig = toy_rig(keepalive=Keepalive(period=15.0, answer_within=5.0))
    name = bound(rig, life=3000)
    rig.wait(120)
    (binding,) = rig.border.registry.bindings.values()
    assert binding.state is BindingState.DEAD
    made, _ = restarted(rig)
    (after,) = made.border.registry.bindings.values()
    assert after.state is BindingState.DEAD and after.watch is not None and after.watch.dead
    asked = opening(SOFTSWITCH, call=3, exchange=4, target=name).but(believed=bytes(6))
    assert "refused" in events(made.from_core(asked.pack()))
    probe, *_ = sends(made.wait(3.0), "access")
    made.from_access(answer(probe, PHONE.host).pack())
    assert after.state is BindingState.BOUND


def test_who_was_dead_lives_where_nobody_is_asked_any_more() -> None:
    rig = toy_rig(keepalive=Keepalive(period=15.0, answer_within=5.0))
    bound(rig, life=3000)
    rig.wait(120)
    made, _ = restarted(rig, plan=make_plan("toy"))
    (after,) = made.border.registry.bindings.values()
    assert after.state is BindingState.BOUND and after.watch is None


def test_a_terminals_port_that_another_process_has_taken_unbinds_it_and_ends_its_calls() -> None:
    rig = toy_rig(Closing(), signaling=Signaling.PORT_PER_TERMINAL)
    busy(rig)
    made, _ = restarted(rig)
    (port,) = made.border.registry.terminal_ports.values()
    orders = made._take(made.border.unlistened(port.listener, "in use", made.now))
    assert not made.border.registry.bindings and call_of(made).state is CallState.CLOSED
    assert "close" in events(orders) and of(CloseStream, orders)
    made.wait(300)
    assert len(made.border.registry.terminal_ports) == 0


def test_tokens_of_before_and_after_are_never_the_same() -> None:
    talk = answered()
    made, _ = restarted(talk.rig)
    old = {name.token for name in talk.rig.border.registry.names.all()}
    fresh = opened(made, opening(PHONE, call=5, exchange=5, party=8))
    assert len(made.border.registry.names) == len(old) + 1
    assert fresh.sent != talk.sent


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 70000) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
)


def places_in(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything in a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(each for name, part in inner for each in places_in(part, (*at, name)))]


def busy_values() -> list[tuple[str, bytes]]:
    rig = toy_rig(Closing(), signaling=Signaling.PORT_PER_TERMINAL, keepalive=Keepalive())
    talk = busy(rig)
    rig.from_access(within(talk.asked, talk.back, CHANGE, 5, media=(audio(PHONE.host, 4200),)).pack())
    return values_of(rig.border)


VALUES = busy_values()


@settings(max_examples=300)
@given(st.sampled_from(VALUES), junk, st.data())
def test_a_spoilt_value_is_unfit_or_taken_up_and_nothing_else_is_raised(
    chosen: tuple[str, bytes], spoilt: Any, data: st.DataObject
) -> None:
    kind, octets = chosen
    plain = json.loads(octets)
    way = data.draw(st.sampled_from(places_in(plain)[1:]))
    inner = plain
    for name in way[:-1]:
        inner = inner[name]
    inner[way[-1]] = spoilt
    if "version" in way or "what" in way:
        return
    plan = make_plan("toy", signaling=Signaling.PORT_PER_TERMINAL, keepalive=Keepalive())
    border = Border(plan, {"toy": Closing()}, Mint(SECRET, b"again"))
    made = Rig(border, 1005.0)
    try:
        if kind == "binding":
            made._take(border.resume(kind, pack(kind, plain), 1005.0, SHIFT))
        else:
            made._take(border.resume_call(pack(kind, plain), 1005.0, SHIFT, 1.0)[1])
    except Unfit:
        assert audit(border.registry, []) == []


def test_who_has_gathered_is_there_after_a_restart() -> None:
    """Members, names and streams are what they were: more join, and it ends with the last."""
    one = gateway()
    first = one.gather(opens(0), call=number(31))
    one.gather(opens(31, 2), b"2")
    made, orders = restarted(one.rig, 0.0)
    after = attrs.evolve(one, rig=made)
    (call,) = made.border.registry.calls.values()
    assert all_of(made) == all_of(one.rig) and call.gathering is not None
    assert len(of(OpenStream, orders)) == 2 and call.gathering.members == [b"1", b"2"]
    assert after.gather(opens(31, 3), b"3") is call and call.id == first.id
    for exchange, member in enumerate((b"1", b"2", b"3"), 4):
        (asked,) = after.told(after.ask(takes_off(member, 31, exchange)))
        orders = after.say(yes(asked))
        assert len(of(CloseStream, orders)) == 1 and bool(of(Record, orders)) is (member == b"3")


def test_a_call_that_nobody_may_join_any_more_does_not_outlive_the_process() -> None:
    one = gateway()
    one.ask(opens())
    (call,) = one.rig.border.registry.calls.values()
    assert lasts(call)
    for exchange in call.exchanges:
        exchange.state = ExchangeState.DONE
    assert not lasts(call)


def test_calls_whose_gateway_is_not_taken_up_are_ended() -> None:
    """Its registration has run out meanwhile: the core hears that its members are gone, and nothing is left."""
    one = gateway()
    one.gather()
    made = Rig(Border(one.rig.border.plan, one.rig.border.dialects, Mint(SECRET, b"again")), one.rig.now)
    ((_, data),) = [each for each in values_of(one.rig.border) if each[0] == "call"]
    call, _ = made.border.resume_call(data, made.now, SHIFT, 1.0)
    made.open_streams.update(each.id for each in call.streams.values())
    orders = made.wait(0)
    assert [Message.read(each).op for each in sends(orders, "core")] == [CLOSE] and not sends(orders, "access")
    assert call.state is CallState.CLOSED and len(of(CloseStream, orders)) == 1


def test_a_value_of_before_there_were_gatherings_is_read() -> None:
    rig = answered().rig
    ((_, data),) = values_of(rig.border)
    plain = json.loads(data)
    del plain["gathering"]
    made = Rig(Border(rig.border.plan, rig.border.dialects, Mint(SECRET, b"again")), rig.now)
    call, _ = made.border.resume_call(json.dumps(plain).encode(), made.now, SHIFT, 1.0)
    assert call.gathering is None and call.state is CallState.UP
