"""Control channels: who is let in, reached, asked to come, and given up. With H.323 it is in tests/calls."""

from __future__ import annotations

import attrs

from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.control import A_MOMENT, TIME_TO_COME
from sbc.core.message import Phase
from sbc.core.orders import Connect, HangUp, Listen, Listener, Note, Order, Send
from tests.laws import with_streams
from tests.rig import NAT, PHONE, SBC_CORE, SOFTSWITCH, Rig, events, make_plan, of, sends
from tests.toy import ToyDialect
from tests.toy_records import CONTROL, CONVERSE, PROVISIONAL, Media, Record, answer, controlled, packed

TALK = Record(CONVERSE).pack()
THEIRS = Address(SOFTSWITCH.host, 4700)


def begun() -> tuple[Rig, bytes, Listener]:
    """A terminal behind a NAT calls, and takes the control channel; the request as it went on, and the core's door."""
    rig = Rig.make(ToyDialect(), with_streams(make_plan("toy")))
    orders = rig.from_access(controlled(PHONE).pack())
    (sent,), (listen,) = sends(orders, "core"), of(Listen, orders)
    return rig, sent, listen.listener


def answered() -> tuple[Rig, Listener, Listener]:
    """The same, answered by who takes one, too: both doors, the access side's first."""
    rig, sent, core = begun()
    reply = answer(sent, SOFTSWITCH.host)
    reply = reply.but(media=(*reply.media[:1], Media(9, packed(*THEIRS), kind=CONTROL)))
    (listen,) = of(Listen, rig.from_core(reply.pack()))
    return rig, listen.listener, core


def came(rig: Rig, door: Listener, peer: Address) -> list[Order]:
    return rig._take(rig.border.accepted(door, peer, rig.now))


def test_who_comes_has_the_other_party_connected_to() -> None:
    rig, door, _ = answered()
    (connect,) = of(Connect, came(rig, door, NAT))
    assert connect.peer == THEIRS and connect.listener.lane
    assert not came(rig, connect.listener, THEIRS)  # it is up; nothing was waiting
    (sent,) = of(Send, rig.from_access(TALK, at=door))
    assert (sent.listener, sent.to) == (connect.listener, THEIRS) and sent.call in rig.border.registry.calls
    assert rig.border.concerned == sent.call
    (back,) = of(Send, rig.from_core(TALK, THEIRS, at=connect.listener))
    assert (back.listener, back.to) == (door, NAT)
    assert rig.border.needs(door, NAT) and rig.border.needs(connect.listener, THEIRS)


def test_where_connections_are_secured_alone_nobody_is_told_of_one() -> None:
    plan = with_streams(make_plan("toy"))
    core = plan.realms["core"]
    core = attrs.evolve(core, listeners=(core.listeners[0], attrs.evolve(core.listeners[1], transport="tls")))
    rig = Rig.make(ToyDialect(), attrs.evolve(plan, realms={**plan.realms, "core": core}))
    orders = rig.from_access(controlled(PHONE).pack())
    (sent,) = sends(orders, "core")
    assert not of(Listen, orders) and Record.read(sent).media[1].rtp == packed(SBC_CORE.host, 0)


def test_nobody_comes_twice_nor_from_elsewhere() -> None:
    rig, door, core = answered()
    assert rig.border.barred(door, NAT._replace(host="203.0.113.99"), rig.now)
    assert rig.border.barred(core, Address("198.51.100.99", 1), rig.now)
    assert not rig.border.barred(core, SBC_CORE, rig.now)  # a call to another terminal comes back from ourselves
    assert not rig.border.barred(door, NAT._replace(port=9), rig.now)
    came(rig, door, NAT)
    assert rig.border.barred(door, NAT._replace(port=9), rig.now)


def test_who_is_trusted_in_the_core_may_come_from_elsewhere() -> None:
    rig, _, core = answered()
    other = Address("198.51.100.99", 1)
    assert rig.border.barred(core, other, rig.now)
    rig.border.registry.vouched.keep("core", other.host, rig.now)
    assert not rig.border.barred(core, other, rig.now)


def test_who_waits_in_vain_is_given_up_and_may_come_again() -> None:
    rig, sent, core = begun()
    rig.from_core(answer(sent, SOFTSWITCH.host, PROVISIONAL).pack())
    (asked,) = sends(came(rig, core, SOFTSWITCH), "access")
    assert Record.read(asked).media[0].kind == CONTROL
    orders = rig.wait(TIME_TO_COME + 1)
    assert of(HangUp, orders) == [HangUp(core, SOFTSWITCH)] and "control-lost" in events(orders)
    assert not of(Send, rig.from_core(TALK, at=core))
    assert len(sends(came(rig, core, SOFTSWITCH), "access")) == 1


def test_a_protocol_without_words_for_it_asks_nobody() -> None:
    rig, _, core = begun()
    rig.border.dialects["toy"]._dialect.beckon = lambda *_: None  # type: ignore[attr-defined]
    assert of(HangUp, came(rig, core, SOFTSWITCH)) == [HangUp(core, SOFTSWITCH)]


def test_the_call_lives_on_without() -> None:
    rig, door, _ = answered()
    (connect,) = of(Connect, came(rig, door, NAT))
    rig.from_core(TALK, THEIRS, at=connect.listener)
    assert not of(HangUp, rig._take(rig.border.unreachable(connect.listener, THEIRS, "lost", rig.now)))
    assert of(HangUp, rig.wait(A_MOMENT)) == [HangUp(door, NAT)]  # unless the call is over by then
    (call,) = rig.border.registry.calls.values()
    assert call.state is CallState.UP and not rig.border.registry.controls.hops()
    assert not of(HangUp, rig._take(rig.border.unreachable(connect.listener, THEIRS, "lost", rig.now)))


def test_who_comes_again_at_once_has_lost_nothing() -> None:
    rig, door, _ = answered()
    (connect,) = of(Connect, came(rig, door, NAT))
    rig.from_core(TALK, THEIRS, at=connect.listener)
    rig._take(rig.border.unreachable(door, NAT, "lost", rig.now))
    assert not of(Send, rig.from_core(TALK, THEIRS, at=connect.listener))
    (said,) = of(Send, came(rig, door, NAT._replace(port=7)))
    assert (said.to, Record.read(said.data).op) == (NAT._replace(port=7), CONVERSE)
    assert not of(HangUp, rig.wait(TIME_TO_COME + 1))


def test_a_message_that_does_not_cross_leaves_no_door_open() -> None:
    rig = Rig.make(ToyDialect(), with_streams(make_plan("toy", ports=2)))
    record = controlled(PHONE)
    first, door = record.media
    many = record.but(media=(door, first, attrs.evolve(first, key=5)))
    orders = rig.from_access(many.pack())
    assert not of(Listen, orders) and not rig.border.registry.controls.listeners()
    (refusal,) = sends(orders, "access")
    assert rig.border.dialects["toy"].describe(ToyDialect().decode(refusal)).phase is Phase.FAILURE
    assert [each.event for each in of(Note, orders)] == ["refused"]
