"""Calls: the table of their life, and how forking, closing and lifetimes move them along it."""

from __future__ import annotations

import itertools

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.call import MOST_PARTIES, Call, CallState, Leg, Lifecycle, Stream
from sbc.core.message import Intent, Kind, Phase, Route
from sbc.core.orders import UNSET, CloseStream, OpenStream, Rate, Record, Send, UpdateStream
from sbc.core.vpn import MAIN, Vpn, VpnLabel
from sbc.policy.marking import Incoming, Mark, Marks
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, make_plan, of, sends
from tests.toy import QUIET, ToyDialect
from tests.toy_calls import answered, opened, read, to_access, to_core, toy_rig
from tests.toy_records import (
    CHALLENGE,
    CHANGE,
    CONFIRM,
    FAILURE,
    PROVISIONAL,
    TELL,
    answer,
    audio,
    from_other,
    inside,
    opening,
)

OPENING, EARLY, UP, CLOSING, CLOSED = CallState
EVENTS = ("ring", "answer", "fail", "hang_up", "stay", "end")
# what becomes of a call in each state on each event, in the order of EVENTS
BECOMES = {
    OPENING: (EARLY, UP, CLOSED, OPENING, OPENING, CLOSED),
    EARLY: (EARLY, UP, CLOSED, EARLY, EARLY, CLOSED),
    UP: (UP, UP, UP, CLOSING, UP, CLOSED),
    CLOSING: (CLOSING, CLOSING, CLOSING, CLOSING, UP, CLOSED),
    CLOSED: (CLOSED,) * 6,
}
WAY_TO = {OPENING: (), EARLY: ("ring",), UP: ("answer",), CLOSING: ("answer", "hang_up"), CLOSED: ("end",)}


def make_call() -> Call:
    plan = make_plan("toy")
    legs = tuple(Leg(realm, realm.listeners[0], NAT) for realm in plan.realms.values())
    return Call("one", "toy", plan.paths[0], (legs[0], legs[1]), 0.0)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(CallState, EVENTS)))
def test_every_state_on_every_event(state: CallState, event: str) -> None:
    call = make_call()
    for step in WAY_TO[state]:
        getattr(call.life, step)()
    assert call.state is state
    getattr(call.life, event)()
    assert call.state is BECOMES[state][EVENTS.index(event)]


def test_the_events_are_all_there_are() -> None:
    assert set(EVENTS) == {name for name, each in vars(Lifecycle).items() if name[0] != "_" and callable(each)}


def test_calls_do_not_share_their_state() -> None:
    one, other = make_call(), make_call()
    one.life.end()
    assert other.state is OPENING


def test_a_leg_remembers_the_route_of_each_party_and_of_no_more_than_fit() -> None:
    leg = make_call().legs[0]
    said = Intent(Kind.OPEN, Phase.REQUEST, b"", b"", party=b"silent")
    leg.learn(said)
    assert leg.route(b"silent") == Route() and not leg.routes
    for number in range(MOST_PARTIES + 1):
        said.party, said.route = b"%d" % number, Route((b"hop %d" % number,))
        leg.learn(said)
    assert leg.route(b"1") == Route((b"hop 1",))
    assert leg.route(b"0") == Route()
    assert len(leg.routes) == MOST_PARTIES


def test_only_rtp_has_a_second_port() -> None:
    assert Stream.pair("192.0.2.1", 4000, "rtp").rtcp == Address("192.0.2.1", 4001)
    assert Stream.pair("192.0.2.1", 4000, "t38").rtcp is None


def test_legs_are_found_by_realm() -> None:
    call = make_call()
    assert [call.leg_in("access"), call.leg_in("core")] == [0, 1]


# -- how messages move a call along its table


def ends(rig: Rig) -> list[Record]:
    return [order for order in of(Record, rig.log) if order.event == "close"]


def test_opening_early_up_closing_closed_forgotten() -> None:
    talk = opened()
    assert talk.call.state is OPENING
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, PROVISIONAL).pack())
    assert talk.call.state is EARLY
    *_, back = sends(talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host).pack()), "access")
    assert talk.call.state is UP
    (close,) = sends(talk.rig.from_access(inside(talk.asked, back).pack()), "core")
    assert talk.call.state is CLOSING
    talk.rig.from_core(answer(close, SOFTSWITCH.host).pack())
    assert talk.call.state is CLOSED
    assert [order.fields["answered_for"] for order in ends(talk.rig)] == [0.0]
    talk.rig.wait(32)
    assert not talk.rig.border.registry.calls


def test_a_challenged_close_leaves_the_call_up() -> None:
    talk = answered()
    (close,) = sends(talk.rig.from_access(inside(talk.asked, talk.back).pack()), "core")
    talk.rig.from_core(answer(close, SOFTSWITCH.host, CHALLENGE).pack())
    assert talk.call.state is UP and not ends(talk.rig)


@pytest.mark.parametrize("stage", [FAILURE, None])
def test_a_close_that_fails_or_is_not_answered_ends_the_call_all_the_same(stage: int | None) -> None:
    talk = answered()
    (close,) = sends(talk.rig.from_access(inside(talk.asked, talk.back).pack()), "core")
    if stage is None:
        talk.rig.wait(10)
    else:
        talk.rig.from_core(answer(close, SOFTSWITCH.host, stage).pack())
    assert talk.call.state is CLOSED and len(ends(talk.rig)) == 1


def test_closes_that_cross_end_the_call_once() -> None:
    talk = answered()
    (one,) = to_core(talk.rig.from_access(inside(talk.asked, talk.back).pack()))
    (other,) = to_access(talk.rig.from_core(from_other(talk.sent, talk.said).pack()))
    talk.rig.from_core(answer(one.data, SOFTSWITCH.host).pack())
    talk.rig.from_access(answer(other.data, PHONE.host).pack())
    assert talk.call.state is CLOSED and len(ends(talk.rig)) == 1


def test_who_hangs_up_before_the_answer_ends_one_dialogue_and_the_answer_decides() -> None:
    talk = opened()
    early = answer(talk.sent, SOFTSWITCH.host, PROVISIONAL).pack()
    *_, back = sends(talk.rig.from_core(early), "access")
    (close,) = sends(talk.rig.from_access(inside(talk.asked, back).pack()), "core")
    assert talk.call.state is EARLY
    talk.rig.from_core(answer(close, SOFTSWITCH.host).pack())
    assert talk.call.state is EARLY and not ends(talk.rig)
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, FAILURE).pack())
    assert talk.call.state is CLOSED and len(ends(talk.rig)) == 1


def test_a_call_that_is_never_closed_is_cut_at_last() -> None:
    talk = answered()
    talk.rig.wait(43_200)
    assert talk.call.state is CLOSED and ends(talk.rig)[0].fields["cause"] == "expired"
    assert not talk.rig.open_streams
    talk.rig.wait(32)
    assert not talk.rig.border.registry.calls


def test_the_second_of_those_who_answer_moves_nothing_and_may_be_closed_alone() -> None:
    """The asker confirms every answer and closes all but one (RFC 3261 section 13.2.2.4)."""
    talk = answered()
    second = answer(talk.sent, SOFTSWITCH.host, party=10, media=(audio("198.51.100.77"),)).pack()
    orders = talk.rig.from_core(second)
    (back,) = sends(orders, "access")
    assert not of(UpdateStream, orders)
    (close,) = sends(talk.rig.from_access(inside(talk.asked, back).pack()), "core")
    assert talk.call.state is UP
    assert not of(CloseStream, talk.rig.from_core(answer(close, SOFTSWITCH.host).pack()))
    assert talk.call.state is UP
    (close,) = sends(talk.rig.from_access(inside(talk.asked, talk.back, exchange=5).pack()), "core")
    talk.rig.from_core(answer(close, SOFTSWITCH.host).pack())
    assert talk.call.state is CLOSED


def test_the_second_who_answered_may_close_its_dialogue_too() -> None:
    talk = answered()
    second = answer(talk.sent, SOFTSWITCH.host, party=10).pack()
    talk.rig.from_core(second)
    (close,) = sends(talk.rig.from_core(from_other(talk.sent, second).pack()), "access")
    talk.rig.from_access(answer(close, PHONE.host).pack())
    assert talk.call.state is UP


def test_two_parties_at_one_place_are_reached_by_their_own_hops() -> None:
    talk = opened()
    backs = []
    for party, hop in ((10, b"198.51.100.20 5060 one"), (11, b"198.51.100.21 5060 two")):
        early = answer(talk.sent, SOFTSWITCH.host, PROVISIONAL, party, hop=hop).pack()
        backs += sends(talk.rig.from_core(early), "access")
    for number, back in enumerate(backs):
        (send,) = to_core(talk.rig.from_access(inside(talk.asked, back, CHANGE, 20 + number).pack()))
        assert send.to == Address(f"198.51.100.{20 + number}", 5060)
        (record,) = read([send.data])
        assert record.visit == b"198.51.100.%d 5060 %b" % (20 + number, (b"one", b"two")[number])


def test_a_call_with_a_lifetime_ends_when_it_is_not_refreshed() -> None:
    talk = answered(record=opening(PHONE).but(lifetime=60))
    talk.rig.wait(60 + 32 - 1)
    assert talk.call.state is UP
    talk.rig.wait(1)
    assert talk.call.state is CLOSED


def test_what_was_granted_counts_and_a_refresh_prolongs() -> None:
    talk = answered(record=opening(PHONE).but(lifetime=600), lifetime=60)
    talk.rig.wait(50)
    (change,) = sends(talk.rig.from_access(inside(talk.asked, talk.back, CHANGE, lifetime=100).pack()), "core")
    talk.rig.from_core(answer(change, SOFTSWITCH.host).pack())
    talk.rig.wait(100 + 31)
    assert talk.call.state is UP
    talk.rig.wait(1)
    assert talk.call.state is CLOSED


def test_a_refresh_that_is_refused_or_asks_for_ever_does_not_prolong_without_end() -> None:
    talk = answered(record=opening(PHONE).but(lifetime=60))
    wish = inside(talk.asked, talk.back, CHANGE, lifetime=0x7FFFFFFF)
    (change,) = sends(talk.rig.from_access(wish.pack()), "core")
    talk.rig.from_core(answer(change, SOFTSWITCH.host, FAILURE).pack())
    talk.rig.wait(60 + 32)
    assert talk.call.state is CLOSED
    talk = answered(record=opening(PHONE).but(lifetime=60))
    (change,) = sends(talk.rig.from_access(wish.pack()), "core")
    talk.rig.from_core(answer(change, SOFTSWITCH.host).pack())
    talk.rig.wait(43_200)
    assert talk.call.state is CLOSED


def test_a_call_is_not_forgotten_before_its_last_exchange() -> None:
    """Its names and keys are the call's: an answer that comes late must find them, or leave new ones to nobody."""
    talk = answered(toy_rig(ToyDialect(attrs.evolve(QUIET, patience=60.0))))
    change = inside(talk.asked, talk.back, CHANGE, 4, media=(audio(PHONE.host, 4400),))
    (asked,) = to_core(talk.rig.from_access(change.pack()))
    talk.rig.from_core(answer(asked.data, SOFTSWITCH.host, PROVISIONAL).pack())
    (close,) = to_core(talk.rig.from_access(inside(talk.asked, talk.back).pack()))
    talk.rig.from_core(answer(close.data, SOFTSWITCH.host).pack())
    talk.rig.wait(50)
    assert talk.call.state is CLOSED
    (back,) = sends(talk.rig.from_core(answer(asked.data, "198.51.100.99").pack()), "access")
    assert read([back])[0].media[0].rtp[4:] == b"\0\0"  # a closed call has no ports to offer
    talk.rig.wait(100)
    assert not talk.rig.border.registry.calls and not len(talk.rig.border.registry.names)


def test_a_confirmation_of_nothing_does_not_cross() -> None:
    rig = toy_rig()
    assert not of(Send, rig.from_access(opening(PHONE).but(op=CONFIRM).pack()))
    assert not len(rig.border.registry.names)


def test_what_only_tells_of_media_does_not_touch_the_streams() -> None:
    """An answer to "what can you do?" within a call may say "nothing on port 0" (RFC 3264 section 9)."""
    talk = answered()
    (told,) = sends(talk.rig.from_access(inside(talk.asked, talk.back, TELL).pack()), "core")
    possible = answer(told, SOFTSWITCH.host, media=(audio(SOFTSWITCH.host, 0), audio(SOFTSWITCH.host, 9, key=1)))
    orders = talk.rig.from_core(possible.pack())
    assert not of(CloseStream, orders) and not of(UpdateStream, orders)
    (back,) = read(sends(orders, "access"))
    assert [media.rtp[4:] for media in back.media] == [b"\0\0", b"\0\0"]


def test_the_sides_of_a_stream_are_as_the_media_of_their_realms() -> None:
    plan = make_plan("toy")
    access, core = plan.realms.values()
    slow, label = attrs.evolve(access.media, stream_rate=100), VpnLabel("vrf-access", mark=7)
    marks = Marks(media=Mark(46, 5), incoming=Incoming.KEEP)
    fast = attrs.evolve(core.media, stream_rate=100_000)
    realms = {
        "access": attrs.evolve(access, media=slow, network=label, marks=marks),
        "core": attrs.evolve(core, media=fast),
    }
    rig = Rig.make(ToyDialect(), attrs.evolve(plan, realms=realms))
    orders = rig.from_access(opening(PHONE).pack())
    near, far = of(OpenStream, orders)[0].spec.sides
    assert (near.limit, near.mark, near.vpn) == (Rate(12_500, 3_125), 7, Vpn("", "vrf-access"))
    assert (near.dscp, near.priority, near.incoming) == (46, 5, bytes(range(64)))
    assert (far.dscp, far.priority, far.incoming) == (0, UNSET, b"")
    assert (far.limit, far.mark, far.vpn) == (Rate(12_500_000, 3_125_000), 0, MAIN)
    assert attrs.evolve(slow, stream_rate=1).stream_limit == Rate(125, 3_000)
    assert (slow.realm_limit, attrs.evolve(slow, realm_rate=8).realm_limit) == (None, Rate(1_000, 3_000))
    spread = attrs.evolve(slow, realm_rate=800, shape=100)
    assert (spread.shaped(None), spread.realm_limit) == (None, Rate(100_000, 3_000, 0.1))
    shaped = Rig.make(ToyDialect(), attrs.evolve(plan, realms=realms | {"access": attrs.evolve(access, media=spread)}))
    near, far = of(OpenStream, shaped.from_access(opening(PHONE).pack()))[0].spec.sides
    assert (near.limit, far.limit) == (Rate(12_500, 3_000, 0.1), Rate(12_500_000, 3_125_000))
