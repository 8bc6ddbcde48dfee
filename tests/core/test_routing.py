"""Where messages go: names, next hops, calls and who may reach them, and what is refused."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.message import Cause
from sbc.core.orders import OpenStream, Order, Send, UpdateStream
from sbc.core.realm import Signaling
from sbc.core.routing import MOST_PLACES
from tests.rig import NAT, PHONE, SBC_CORE, SOFTSWITCH, Rig, events, make_plan, of, sends
from tests.toy import CAUSES, ToyDialect
from tests.toy_calls import Talk, answered, bound, opened, read, to_access, to_core, toy_rig
from tests.toy_records import (
    CHALLENGE,
    CHANGE,
    CONFIRM,
    FAILURE,
    NEVER,
    PROVISIONAL,
    TELL,
    answer,
    audio,
    binding,
    from_other,
    inside,
    number,
    opening,
    place,
)
from tests.toy_records import (
    Record as ToyRecord,
)

NEIGHBOUR = Address(NAT.host, 40002)  # another terminal behind the same NAT
STRANGER = Address("203.0.113.66", 5060)
OTHER_CORE = Address("198.51.100.66", 5060)


def refusals(orders: list[Order]) -> list[Cause]:
    """The causes of the refusals that are sent."""
    records = read([order.data for order in of(Send, orders)])
    return [CAUSES[record.cause - 1] for record in records if record.stage == FAILURE]


def from_core_to(target: bytes, exchange: int = 40, **changes: object) -> ToyRecord:
    """An opening of the softswitch, to a place of ours."""
    record = opening(SOFTSWITCH, 5, exchange, party=21, target=target)
    return record.but(user=b"bob", believed=bytes(6), **changes)


# -- calls that are opened


def test_from_the_access_side_to_the_next_hop() -> None:
    (send,) = to_core(toy_rig().from_access(opening(PHONE).pack()))
    assert send.to == SOFTSWITCH and send.listener.address == SBC_CORE


def test_a_terminal_asks_by_the_port_it_is_known_by() -> None:
    rig = toy_rig(signaling=Signaling.PORT_PER_TERMINAL)
    bound(rig)
    (send,) = to_core(rig.from_access(opening(PHONE, exchange=2).pack()))
    assert send.listener.address == Address(SBC_CORE.host, 41000)
    (send,) = to_core(rig.from_access(opening(PHONE, 2, 3).pack(), NEIGHBOUR))
    assert send.listener.address == SBC_CORE


def test_of_two_users_behind_one_address_the_sender_is_told_apart() -> None:
    rig = toy_rig(signaling=Signaling.PORT_PER_TERMINAL)
    bound(rig, exchange=1, user=b"alice")
    bound(rig, exchange=2, user=b"carol")
    for user, port in ((b"alice", 41000), (b"carol", 41001)):
        (send,) = to_core(rig.from_access(opening(PHONE, port, port).but(user=user).pack()))
        assert send.listener.address.port == port


def test_from_the_core_side_to_the_terminal_of_that_name() -> None:
    rig = toy_rig()
    target = bound(rig, hop=b"203.0.113.30 5060 edge")
    (send,) = to_access(rig.from_core(from_core_to(target).pack()))
    assert send.to == NAT
    (record,) = read([send.data])
    assert (record.target, record.visit) == (place(*PHONE, "alice"), b"203.0.113.30 5060 edge")


@pytest.mark.parametrize("target", [b"198.51.100.1 5060 nobody", b"198.51.100.1 5060", b"192.0.2.1 5060 bob", b""])
def test_from_the_core_side_to_nobody(target: bytes) -> None:
    assert refusals(toy_rig().from_core(from_core_to(target).pack())) == [Cause.NOT_FOUND]


def test_a_name_given_on_one_side_means_nothing_on_the_other() -> None:
    rig = toy_rig()
    _, _, token = bound(rig).split()
    asked = opening(PHONE, exchange=2, target=b"203.0.113.1 5060 " + token)
    (record,) = read(sends(rig.from_access(asked.pack()), "core"))
    assert record.target.startswith(b"198.51.100.2 ")


def test_only_next_hops_may_open_calls_from_the_core_side() -> None:
    rig = toy_rig()
    target = bound(rig)
    orders = rig.from_core(from_core_to(target).pack(), OTHER_CORE)
    assert refusals(orders) == [Cause.FORBIDDEN] and not to_access(orders)


def test_a_realm_without_a_path_reaches_nobody() -> None:
    plan = attrs.evolve(make_plan("toy"), paths=())
    assert refusals(Rig.make(ToyDialect(), plan).from_access(opening(PHONE).pack())) == [Cause.FORBIDDEN]


def test_hops_run_out() -> None:
    rig = toy_rig()
    assert refusals(rig.from_access(opening(PHONE).but(hops=0).pack())) == [Cause.LOOP]
    assert to_core(rig.from_access(opening(PHONE).but(hops=1).pack()))


def test_a_request_inside_no_call_is_refused() -> None:
    stray = inside(opening(PHONE).pack(), answer(opening(PHONE).pack(), "203.0.113.1").pack())
    assert refusals(toy_rig().from_access(stray.pack())) == [Cause.NO_CALL]


# -- the same attempt twice


def test_an_attempt_that_comes_by_two_ways_is_refused_the_second_time() -> None:
    talk = opened()
    assert refusals(talk.rig.from_access(opening(PHONE, exchange=2).pack())) == [Cause.MERGED]
    talk = answered()
    assert refusals(talk.rig.from_access(opening(PHONE, exchange=2).pack())) == [Cause.MERGED]


@pytest.mark.parametrize("early", [False, True])
def test_an_attempt_that_was_challenged_comes_again_as_the_same_call(early: bool) -> None:
    talk = opened()
    if early:
        talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, PROVISIONAL).pack())
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, CHALLENGE).pack())
    call = talk.call
    (sent,) = to_core(talk.rig.from_access(opening(PHONE, exchange=2).pack()))
    assert talk.call is call and events(talk.rig.log).count("open") == 1
    talk.rig.from_core(answer(sent.data, SOFTSWITCH.host).pack())
    assert call.state is CallState.UP


def test_a_second_attempt_from_another_port_is_answered_there() -> None:
    talk = opened()
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, CHALLENGE).pack())
    (sent,) = to_core(talk.rig.from_access(opening(PHONE, exchange=2).pack(), NEIGHBOUR))
    said = answer(sent.data, SOFTSWITCH.host).pack()
    (back,) = to_access(talk.rig.from_core(said))
    (close,) = to_access(talk.rig.from_core(from_other(sent.data, said).pack()))
    assert [back.to, close.to] == [NEIGHBOUR, NEIGHBOUR]


def test_an_attempt_after_a_failure_is_another_call() -> None:
    talk = opened()
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, FAILURE).pack())
    first = talk.call
    assert to_core(talk.rig.from_access(opening(PHONE, exchange=2).pack()))
    assert len(talk.rig.border.registry.calls) == 2 and first.state is CallState.CLOSED


def test_terminals_may_choose_the_same_name_for_their_calls() -> None:
    rig = toy_rig()
    (one,) = to_core(rig.from_access(opening(PHONE).pack()))
    (other,) = to_core(rig.from_access(opening(PHONE).pack(), STRANGER))
    assert read([one.data])[0].call != read([other.data])[0].call
    assert len(rig.border.registry.calls) == 2


# -- who may reach a call


@pytest.mark.parametrize("op", [CHANGE, TELL, CONFIRM])
def test_a_guess_at_the_ids_of_a_call_does_not_reach_it(op: int) -> None:
    talk = answered()
    guess = inside(talk.asked, talk.back, op, target=b"203.0.113.1 5060 bob")
    orders = talk.rig.from_access(guess.pack(), STRANGER)
    assert not to_core(orders) and talk.call.legs[0].seen == NAT
    guess = from_other(talk.sent, talk.said, op, target=b"198.51.100.1 5060 alice")
    assert not to_access(talk.rig.from_core(guess.pack(), OTHER_CORE))
    assert talk.call.legs[1].seen == SOFTSWITCH


def test_a_terminal_that_knows_its_token_has_moved() -> None:
    talk = answered()
    assert to_core(talk.rig.from_access(inside(talk.asked, talk.back, TELL).pack(), STRANGER))
    (send,) = to_access(talk.rig.from_core(from_other(talk.sent, talk.said, TELL).pack()))
    assert send.to == STRANGER


def test_the_media_of_a_terminal_behind_a_nat_may_come_from_where_it_has_moved_to() -> None:
    talk = answered()
    assert talk.call.legs[0].behind_nat
    tell = inside(talk.asked, talk.back, TELL)
    other_port = Address(NAT.host, 40999)
    assert not of(UpdateStream, talk.rig.from_access(tell.pack(), other_port)), "a port says nothing of media"
    orders = talk.rig.from_access(inside(talk.asked, talk.back, TELL, 8).pack(), STRANGER)
    (stream,) = talk.call.streams.values()
    assert of(UpdateStream, orders) == [UpdateStream(stream.id, 0, stream.side(talk.call, 0))]
    assert stream.side(talk.call, 0).seen_host == STRANGER.host
    assert to_core(orders)
    assert not of(UpdateStream, talk.rig.from_access(inside(talk.asked, talk.back, TELL, 9).pack(), STRANGER))


def test_a_guess_at_the_ids_of_a_call_moves_no_media() -> None:
    talk = answered()
    guess = inside(talk.asked, talk.back, TELL, target=b"203.0.113.1 5060 bob")
    assert not of(UpdateStream, talk.rig.from_access(guess.pack(), STRANGER))


def test_the_next_hop_reaches_a_call_by_its_ids_and_others_by_the_token() -> None:
    talk = answered()
    plain = from_other(talk.sent, talk.said, TELL, target=b"198.51.100.1 5060 alice")
    (send,) = to_access(talk.rig.from_core(plain.pack()))
    assert send.to == NAT and read([send.data])[0].target == place(*PHONE, "alice")
    named = from_other(talk.sent, talk.said, TELL, 9)
    assert to_access(talk.rig.from_core(named.pack(), OTHER_CORE))


def test_a_call_keeps_the_port_it_is_known_by_on_the_core_side() -> None:
    rig = toy_rig(signaling=Signaling.PORT_PER_TERMINAL)
    bound(rig)
    asked = opening(PHONE, exchange=2).pack()
    (sent,) = to_core(rig.from_access(asked))
    said = answer(sent.data, SOFTSWITCH.host).pack()
    (back,) = to_access(rig.from_core(said, at=sent.listener))
    # the softswitch speaks to the shared port all the same
    rig.from_core(from_other(sent.data, said, TELL).pack())
    (send,) = to_core(rig.from_access(inside(asked, back.data, TELL, 8).pack()))
    assert send.listener == sent.listener
    rig.from_core(answer(send.data, SOFTSWITCH.host).pack())
    (close,) = to_core(rig.from_access(inside(asked, back.data, exchange=3).pack()))
    rig.from_core(answer(close.data, SOFTSWITCH.host).pack())
    rig.wait(200)
    assert not rig.border.registry.terminal_ports


# -- what is said outside calls


def test_who_tells_something_can_be_told_something() -> None:
    """The name of a place that a message outside a call has loaded lives as long as the exchange."""
    rig = toy_rig()
    tell = ToyRecord(TELL, sender=7, call=number(8), exchange=number(8), target=b"203.0.113.1 5060 bob")
    told = tell.but(op=5, places=((place(*PHONE, "alice"), NEVER),))
    (sent,) = to_core(rig.from_access(told.pack()))
    target = read([sent.data])[0].places[0][0]
    (send,) = to_access(rig.from_core(from_core_to(target).pack()))
    assert send.to == NAT
    rig.wait(60)
    assert refusals(rig.from_core(from_core_to(target, 41).pack())) == [Cause.NOT_FOUND]


def test_a_place_loaded_by_an_answer_leads_to_who_answered() -> None:
    """And not back to the core side, which had asked."""
    rig = toy_rig()
    target = bound(rig)
    probe = from_core_to(target, 50).but(op=5, media=(), places=())
    (asked,) = to_access(rig.from_core(probe.pack()))
    elsewhere = ((place(PHONE.host, 5099, "alice"), NEVER),)
    (back,) = to_core(rig.from_access(answer(asked.data, PHONE.host, places=elsewhere).pack()))
    loaded = read([back.data])[0].places[0][0]
    assert loaded != target
    orders = rig.from_core(from_core_to(loaded, 51).pack())
    assert [send.to for send in to_access(orders)][-1] == NAT and not refusals(orders)
    assert read([to_access(orders)[-1].data])[0].target == place(PHONE.host, 5099, "alice")


def test_a_new_call_to_the_place_a_call_loaded_reaches_that_terminal() -> None:
    talk = answered()
    target = read([talk.sent])[0].places[0][0]
    (send,) = to_access(talk.rig.from_core(from_core_to(target).pack()))
    assert send.to == NAT and len(talk.rig.border.registry.calls) == 2


# -- labels and bindings


def label_of(talk: Talk) -> bytes:
    return read([talk.sent])[0].call


def test_labels_are_hidden_but_stay_the_same() -> None:
    rig = toy_rig()
    (one,) = to_core(rig.from_access(binding(PHONE).pack()))
    (other,) = to_core(rig.from_access(binding(PHONE, exchange=2).pack()))
    assert read([one.data])[0].call == read([other.data])[0].call != number(77)


def test_labels_pass_where_they_may() -> None:
    assert label_of(opened(toy_rig(hide_labels=False))) == number(1)


def test_terminals_do_not_register_from_the_core_side() -> None:
    rig = toy_rig()
    record = binding(SOFTSWITCH, target=bound(rig))
    assert refusals(rig.from_core(record.pack())) == [Cause.FORBIDDEN]


def test_a_registration_binds_so_many_places_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_PLACES > 4  # more than a record of the made-up protocol holds
    monkeypatch.setattr("sbc.core.routing.MOST_PLACES", 3)
    rig = toy_rig()
    four = tuple((place(PHONE.host, 5060 + each, "alice"), 60) for each in range(4))
    assert refusals(rig.from_access(binding(PHONE, places=four).pack())) == [Cause.FORBIDDEN]
    assert not rig.border.registry.bindings
    assert to_core(rig.from_access(binding(PHONE, exchange=2, places=four[:3]).pack()))


def test_an_attempt_that_comes_again_from_elsewhere_is_answered_there_if_that_is_the_same_peer() -> None:
    plan = make_plan("toy", signaling=Signaling.PORT_PER_TERMINAL)
    second = Address("198.51.100.3", 5060)
    hops = attrs.evolve(plan.paths[0], next_hops=(SOFTSWITCH, second))
    rig = Rig.make(ToyDialect(), attrs.evolve(plan, paths=(hops,)))
    target = bound(rig)
    own = next(iter(rig.border.registry.terminal_ports.values())).listener
    asked = from_core_to(target)
    rig.from_core(asked.pack(), at=own)
    # a host that is no next hop learns nothing
    assert refusals(rig.from_core(asked.pack(), OTHER_CORE)) == [Cause.MERGED]
    # another next hop does, by the port it speaks to; the first one is let go of
    (pending,) = to_core(rig.from_core(asked.pack(), second))
    assert pending.to == second
    rig.wait(300)
    assert not rig.border.registry.terminal_ports and not rig.border.registry.live_exchanges


def test_a_terminal_that_registered_from_behind_a_nat_is_called_there() -> None:
    for sender, natted in ((PHONE, True), (NAT, False)):
        rig = toy_rig()
        asked = from_core_to(bound(rig, sender))
        orders = rig.from_core(asked.pack())
        assert of(OpenStream, orders)[0].spec.sides[1].behind_nat is natted
        rig = toy_rig()
        bound(rig, sender)
        # also where it does not say so when it calls
        silent = opening(sender, exchange=9).but(believed=bytes(6), places=(), media=(audio(NAT.host),))
        assert of(OpenStream, rig.from_access(silent.pack()))[0].spec.sides[0].behind_nat is natted
