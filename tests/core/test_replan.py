"""A change of plan without any protocol of the world: live calls keep what they began with, the rest moves over."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.binding import BindingState
from sbc.core.fan import NextHop
from sbc.core.message import Cause
from sbc.core.orders import Listen, Listener, Note, OpenStream, Send, Unlisten
from sbc.core.realm import Callers, Keepalive, Limits, Media, Path, Plan, Probing, Realm, Registrations, Side, Signaling
from tests.kept import Kept
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, events, listener, make_plan, of, sends
from tests.toy import CAUSES, ToyDialect
from tests.toy_calls import Talk, answered, bound, opened, read, to_access, to_core, toy_rig
from tests.toy_records import (
    CHANGE,
    CLOSE,
    FAILURE,
    PROBE,
    SUCCESS,
    Record,
    answer,
    audio,
    binding,
    from_other,
    granted,
    inside,
    number,
    opening,
    place,
    unpacked,
)

OTHER = Address("203.0.113.2", 5062)
OTHER_CORE = Address("198.51.100.7", 5062)
REFUSED = (FAILURE, 1 + CAUSES.index(Cause.DRAINING))
GUEST_AT = listener("guests", OTHER, "toy")
GUESTS = Realm("guests", Side.ACCESS, (GUEST_AT,), Media(OTHER.host, OTHER.host, range(21000, 21010)))
TIMES = Registrations(behind_nat=40, direct=50, core=1000)


def but(plan: Plan, name: str, **changes: Any) -> Plan:
    """The plan with one realm changed."""
    return attrs.evolve(plan, realms={**plan.realms, name: attrs.evolve(plan.realms[name], **changes)})


def at(realm: str, address: Address) -> tuple[Listener, ...]:
    return (listener(realm, address, "toy"),)


def with_guests(plan: Plan) -> Plan:
    second = Path("second", "guests", "core", (SOFTSWITCH,), callers=Callers.ANY)
    return attrs.evolve(plan, realms={**plan.realms, "guests": GUESTS}, paths=(*plan.paths, second))


@pytest.mark.parametrize("opens", [True, False])
def test_how_a_terminal_is_presented_is_written_before_the_registrar_has_said_yes(opens: bool) -> None:
    made = toy_rig()
    bound(made, life=600)
    kept = Kept(made.border)
    made.replan(make_plan("toy", signaling=Signaling.PORT_PER_TERMINAL))
    kept.flush()
    orders = made.from_access(binding(PHONE, exchange=2, life=600).pack())
    (listen,) = of(Listen, orders)
    kept.flush()
    assert kept.faults() == []
    if not opens:
        made._take(made.border.unlistened(listen.listener, "in use", made.now))
        kept.flush()
        assert kept.faults() == []


@pytest.mark.parametrize("waits", [True, False])
def test_a_terminal_keeps_the_port_of_all_where_the_request_that_would_give_it_its_own_is_refused(waits: bool) -> None:
    """For want of ports for all that it names: what would open one goes no further than the refusal."""
    made = toy_rig()
    if waits:
        made.from_access(binding(PHONE, life=600).pack())
    else:
        bound(made, life=600)
    made.replan(make_plan("toy", signaling=Signaling.PORT_PER_TERMINAL, signaling_ports=range(41000, 41001)))
    three = binding(PHONE, exchange=2, life=600)
    more = [(place(f"192.168.1.{host}", 5060, "alice"), 600) for host in (98, 99)]
    orders = made.from_access(three.but(places=(*three.places, *more)).pack())
    assert [each.op for each in read(sends(orders, "access"))] == [FAILURE] and not of(Listen, orders)
    (known,) = made.border.registry.bindings.values()
    assert known.onward == made.border.registry.plan.core_listener(known.path)
    assert not made.border.registry.terminal_ports


def test_who_waits_for_the_registrar_keeps_the_port_of_all_where_its_own_cannot_be_opened() -> None:
    made = toy_rig()
    made.from_access(binding(PHONE, life=600).pack())
    made.replan(make_plan("toy", signaling=Signaling.PORT_PER_TERMINAL))
    (listen,) = of(Listen, made.from_access(binding(PHONE, exchange=2, life=600).pack()))
    orders = made._take(made.border.unlistened(listen.listener, "in use", made.now))
    assert [each.exchange for each in read(sends(orders, "access"))] == [number(2)], "who came first waits on"
    (known,) = made.border.registry.bindings.values()
    assert known.onward == made.border.registry.plan.core_listener(known.path)
    assert not made.border.registry.terminal_ports


def told_by_tcp(port: int) -> Plan:
    """A next hop by TCP, terminals with UDP ports of their own, and a core that is to hear of the dead."""
    keepalive = Keepalive(Probing.PROBE, tell_core=True)
    plan = make_plan("toy", keepalive=keepalive, signaling=Signaling.PORT_PER_TERMINAL)
    by_tcp = attrs.evolve(listener("core", Address(SBC_CORE.host, port), "toy"), transport="tcp")
    path = attrs.evolve(plan.paths[0], next_hops=(NextHop(SOFTSWITCH, transport="tcp"),))
    own = plan.realms["core"].listeners[0]
    return but(attrs.evolve(plan, paths=(path,)), "core", listeners=(own, by_tcp))


def test_by_what_the_core_would_hear_of_a_death_stays_until_the_terminal_has_come_again() -> None:
    made = Rig.make(ToyDialect(), told_by_tcp(5060))
    bound(made, life=600)
    (terminal,) = made.border.registry.bindings.values()
    assert terminal.registrar is not None and terminal.onward.transport == "udp"
    old = terminal.registrar.listener
    orders = [*made.replan(told_by_tcp(5070)), *made.wait(60)]
    assert old.transport == "tcp" and old not in [order.listener for order in of(Unlisten, orders)]
    bound(made, life=600, exchange=2)
    assert old in [order.listener for order in of(Unlisten, made.wait(60))]


def said(data: list[bytes]) -> list[tuple[int, int]]:
    return [(each.stage, each.cause) for each in read(data)]


def hang_up(talk: Talk, old: Listener | None = None) -> None:
    """The callee hangs up; what the caller is told goes out by the listener the call began with."""
    (send,) = to_access(talk.rig.from_core(from_other(talk.sent, talk.said).pack()))
    assert old is None or send.listener == old
    talk.rig.from_access(answer(send.data, PHONE.host).pack(), at=send.listener)


def test_the_same_plan_changes_nothing() -> None:
    talk = answered()
    assert talk.rig.replan(make_plan("toy")) == []
    assert not talk.rig.border.registry.networks.past
    hang_up(talk)


def test_a_live_call_keeps_the_listener_it_began_at_and_new_ones_begin_at_the_new() -> None:
    talk = answered()
    rig, old = talk.rig, talk.rig.border.plan.realms["access"].listeners[0]
    plan = but(rig.border.plan, "access", listeners=at("access", OTHER))
    assert of(Unlisten, rig.replan(plan)) == []
    orders = rig.from_access(opening(PHONE, 2, 2).pack(), at=old)
    assert said(sends(orders, "access")) == [REFUSED]
    fresh = rig.from_access(opening(PHONE, 2, 3, target=b"203.0.113.2 5062 bob").pack())
    (send,) = to_core(fresh)
    assert Record.read(send.data).target.startswith(SOFTSWITCH.host.encode())
    rig.from_core(answer(send.data, SOFTSWITCH.host, FAILURE).pack())
    changed = rig.from_access(inside(talk.asked, talk.back, CHANGE).pack(), at=old)
    assert len(to_core(changed)) == 1
    hang_up(talk, old)
    assert not of(Unlisten, rig.wait(30))
    assert of(Unlisten, rig.wait(5)) == [Unlisten(old)]  # when the last that lingers is forgotten
    assert not rig.border.registry.networks.past


def test_the_core_side_may_move_too() -> None:
    talk = answered()
    rig, old = talk.rig, talk.rig.border.plan.realms["core"].listeners[0]
    rig.replan(but(rig.border.plan, "core", listeners=at("core", OTHER_CORE)))
    (send,) = to_core(rig.from_access(opening(PHONE, 2, 2).pack()))
    assert send.listener.address == OTHER_CORE
    (send,) = to_core(rig.from_access(inside(talk.asked, talk.back, CLOSE, 9).pack()))
    assert send.listener == old
    rig.from_core(answer(send.data, SOFTSWITCH.host).pack(), at=old)
    rig.wait(100)
    assert not rig.border.registry.networks.past


@pytest.mark.parametrize("side", ["access", "core"])
def test_media_ports_change_and_live_streams_keep_theirs(side: str) -> None:
    talk = answered()
    rig = talk.rig
    media = rig.border.plan.realms[side].media
    (held,) = rig.border.registry.media_ports[side].used
    small = attrs.evolve(media, ports=range(held, held + 4))  # among them the one in use
    rig.replan(but(rig.border.plan, side, media=small))
    order = opened_again(rig, 2, 2)
    assert order.spec.sides[side == "core"].local.rtp.port == held + 2
    orders = rig.from_access(opening(PHONE, 3, 3).pack())
    assert said(sends(orders, "access")) == [(FAILURE, 1 + CAUSES.index(Cause.NO_PORTS))]
    hang_up(talk)
    rig.replan(but(rig.border.plan, side, media=media))
    opened_again(rig, 4, 4)


def opened_again(rig: Rig, call: int, exchange: int) -> OpenStream:
    (order,) = of(OpenStream, rig.from_access(opening(PHONE, call, exchange).pack()))
    return order


def test_a_live_call_keeps_its_media_address_for_further_streams() -> None:
    talk = answered()
    rig = talk.rig
    media = attrs.evolve(rig.border.plan.realms["access"].media, address=OTHER.host, advertised=OTHER.host)
    rig.replan(but(rig.border.plan, "access", media=media))
    more = from_other(talk.sent, talk.said, CHANGE, media=(audio(SOFTSWITCH.host), audio(SOFTSWITCH.host, 4010, 1)))
    orders = rig.from_core(more.pack())
    (send,) = to_access(orders)
    assert {unpacked(each.rtp).host for each in Record.read(send.data).media} == {SBC_ACCESS.host}
    assert of(OpenStream, orders)[0].spec.sides[0].local.rtp.host == SBC_ACCESS.host
    order = opened_again(rig, 2, 2)
    assert order.spec.sides[0].local.rtp.host == OTHER.host
    hang_up_all(rig)


def hang_up_all(rig: Rig) -> None:
    for call in list(rig.border.registry.calls.values()):
        rig._take(rig.border.end_call(call.id, "over", rig.now))
    rig.wait(100)
    assert not rig.border.registry.networks.past


def test_a_realm_that_is_gone_drains_and_then_nothing_of_it_is_left() -> None:
    rig = toy_rig()
    base = rig.border.plan
    rig.replan(with_guests(base))
    asked = opening(PHONE).pack()
    (send,) = to_core(rig.from_access(asked, at=GUEST_AT))
    said_ = answer(send.data, SOFTSWITCH.host).pack()
    rig.from_core(said_)
    place = bound_guest(rig)
    orders = rig.replan(base)
    assert [note.reason for note in of(Note, orders)] == ["the configuration no longer takes it there"]
    assert not rig.border.registry.bindings
    for record in (opening(PHONE, 5, 5), opening(PHONE, 5, 6, target=b"1.1.1.1 1 help"), binding(PHONE, 7)):
        assert said(sends(rig.from_access(record.pack(), at=GUEST_AT), "guests")) == [REFUSED]
    (refused,) = read(sends(rig.from_core(opening(SOFTSWITCH, 6, 8, target=place).pack()), "core"))
    assert refused.cause == 1 + CAUSES.index(Cause.NOT_FOUND)
    assert said(sends(rig.from_access(probe(9), at=GUEST_AT), "guests")) == [REFUSED]
    assert not of(Unlisten, rig.wait(1000))
    orders = rig.from_core(from_other(send.data, said_).pack())
    (bye,) = [each for each in of(Send, orders) if each.listener == GUEST_AT]
    rig.from_access(answer(bye.data, PHONE.host).pack(), at=GUEST_AT)
    orders = rig.wait(40)
    assert of(Unlisten, orders) == [Unlisten(GUEST_AT)] and "realm-gone" in events(orders)
    assert set(rig.border.plan.realms) == {"access", "core"}


def probe(exchange: int) -> bytes:
    return Record(PROBE, sender=1, exchange=number(exchange), target=b"9.9.9.9 5060").pack()


def bound_guest(rig: Rig) -> bytes:
    (send,) = to_core(rig.from_access(binding(PHONE, 20).pack(), at=GUEST_AT))
    rig.from_core(granted(send.data).pack(), at=send.listener)
    return Record.read(send.data).places[0][0]


def test_a_realm_that_comes_back_takes_calls_again() -> None:
    talk = answered(toy_rig())
    rig = talk.rig
    base = with_guests(rig.border.plan)
    rig.replan(base)
    to_core(rig.from_access(opening(PHONE, 3, 3).pack(), at=GUEST_AT))
    rig.replan(attrs.evolve(base, realms={k: base.realms[k] for k in ("access", "core")}, paths=base.paths[:1]))
    rig.replan(base)
    assert len(to_core(rig.from_access(opening(PHONE, 4, 4).pack(), at=GUEST_AT))) == 1
    hang_up_all(rig)


def test_a_terminal_that_is_bound_is_reached_while_its_listeners_fade() -> None:
    rig = toy_rig()
    place = bound(rig)
    old = rig.border.plan.realms["access"].listeners[0], rig.border.plan.realms["core"].listeners[0]
    plan = but(rig.border.plan, "access", listeners=at("access", OTHER))
    rig.replan(but(plan, "core", listeners=at("core", OTHER_CORE)))
    (send,) = to_access(rig.from_core(opening(SOFTSWITCH, 6, 8, target=place).pack(), at=old[1]))
    assert send.listener == old[0]
    refresh = binding(PHONE, 9)
    assert said(sends(rig.from_access(refresh.pack(), at=old[0]), "access")) == [REFUSED]
    (send,) = to_core(rig.from_access(refresh.but(exchange=number(10)).pack()))  # it has found the new one
    assert send.listener.address == OTHER_CORE
    assert Record.read(send.data).places[0][0].startswith(b"198.51.100.7 5062 ")
    rig.from_core(granted(send.data).pack(), at=send.listener)
    (registered,) = rig.border.registry.bindings.values()
    assert (registered.listener.address, registered.onward.address) == (OTHER, OTHER_CORE)
    hang_up_all_but_bound(rig)
    assert not rig.border.registry.networks.fading


def hang_up_all_but_bound(rig: Rig) -> None:
    for call in list(rig.border.registry.calls.values()):
        rig._take(rig.border.end_call(call.id, "over", rig.now))
    rig.wait(40)


def test_a_refresh_is_taken_to_the_registrar_once_the_path_has_changed() -> None:
    rig = toy_rig(registrations=TIMES)
    bound(rig, life=300)
    assert "absorbed" in events(rig.from_access(binding(PHONE, 2, life=300).pack()))
    plan = rig.border.plan
    other = attrs.evolve(plan.paths[0], next_hops=(Address("198.51.100.9", 5060),))
    rig.replan(attrs.evolve(plan, paths=(other,)))
    (send,) = to_core(rig.from_access(binding(PHONE, 3, life=300).pack()))
    assert send.to.host == "198.51.100.9"
    rig.from_core(granted(send.data).pack(), send.to)
    assert "absorbed" in events(rig.from_access(binding(PHONE, 4, life=300).pack()))


def test_terminals_get_ports_of_their_own_at_their_next_refresh() -> None:
    rig = toy_rig()
    bound(rig)
    own = make_plan("toy", signaling=Signaling.PORT_PER_TERMINAL, signaling_ports=range(41000, 41002))
    rig.replan(own)
    assert not len(rig.border.registry.terminal_ports)
    (send,) = to_core(rig.from_access(binding(PHONE, 2).pack()))
    assert send.listener.address == Address(SBC_CORE.host, 41000)
    rig.from_core(granted(send.data).pack(), at=send.listener)
    rig.replan(make_plan("toy", signaling=Signaling.PORT_PER_TERMINAL, signaling_ports=range(42000, 42002)))
    (send,) = to_core(rig.from_access(binding(PHONE, 3).pack()))
    assert send.listener.address.port == 42000
    rig.from_core(granted(send.data).pack(), at=send.listener)
    rig.wait(20)
    assert [port.listener.address.port for port in rig.border.registry.terminal_ports.values()] == [42000]
    rig.replan(make_plan("toy"))
    (send,) = to_core(rig.from_access(binding(PHONE, 4).pack()))
    assert send.listener.address == SBC_CORE


def test_where_no_port_is_left_a_terminal_keeps_its_own() -> None:
    rig = toy_rig(signaling=Signaling.PORT_PER_TERMINAL, signaling_ports=range(41000, 41001))
    bound(rig)
    rig.replan(make_plan("toy", signaling=Signaling.PORT_PER_TERMINAL, signaling_ports=range(42000, 42000)))
    (send,) = to_core(rig.from_access(binding(PHONE, 2).pack()))
    assert send.listener.address.port == 41000


def test_limits_count_at_once_for_what_comes() -> None:
    talk = opened()
    talk.rig.replan(but(talk.rig.border.plan, "access", limits=Limits(calls=1)))
    orders = talk.rig.from_access(opening(PHONE, 2, 2).pack())
    assert said(sends(orders, "access")) == [(FAILURE, 1 + CAUSES.index(Cause.BUSY))]


@pytest.mark.parametrize("mode", [Probing.PROBE, Probing.ADAPTIVE])
def test_keepalive_begins_and_ends_with_the_plan(mode: Probing) -> None:
    rig = toy_rig()
    bound(rig)
    off = rig.border.plan
    assert not rig.border.registry.watches
    rig.replan(but(off, "access", keepalive=Keepalive(mode, period=5.0, answer_within=2.0)))
    assert len(rig.border.registry.watches) == 1
    assert bool(rig.border.registry.learners) == (mode is Probing.ADAPTIVE)
    assert "probed" in events(rig.wait(6))
    rig.replan(off)
    assert not rig.border.registry.watches and not rig.border.registry.learners
    assert "probed" not in events(rig.wait(30))


def test_what_was_learned_of_nats_is_kept() -> None:
    rig = toy_rig(keepalive=Keepalive(Probing.ADAPTIVE, longest=100.0))
    learner = rig.border.registry.learners["access"]
    rig.replan(but(rig.border.plan, "access", keepalive=Keepalive(Probing.ADAPTIVE, longest=200.0)))
    assert rig.border.registry.learners["access"] is learner and learner.longest == 200.0


def test_next_hops_keep_what_is_known_of_them() -> None:
    rig = toy_rig()
    hops = rig.border.registry.hops
    (known,) = hops.neighbours.values()
    plan = rig.border.plan
    path = attrs.evolve(plan.paths[0], next_hops=(Address("198.51.100.9", 5060), SOFTSWITCH))
    rig.replan(attrs.evolve(plan, paths=(path,)))
    assert len(hops.neighbours) == 2 and known in hops.neighbours.values()
    rig.replan(attrs.evolve(plan, paths=(attrs.evolve(path, next_hops=(Address("198.51.100.9", 5060),)),)))
    assert known not in hops.neighbours.values()
    assert hops.is_host("core", SOFTSWITCH.host, rig.now)  # terminals are registered there


def test_who_registers_is_bound_though_the_plan_changed_meanwhile() -> None:
    rig = toy_rig()
    (send,) = to_core(rig.from_access(binding(PHONE).pack()))
    rig.replan(but(rig.border.plan, "access", domains=frozenset()))
    assert said(sends(rig.from_core(granted(send.data).pack()), "access")) == [(SUCCESS, 0)]
    (registered,) = rig.border.registry.bindings.values()
    assert registered.state is BindingState.BOUND and registered.realm is rig.border.plan.realms["access"]
    assert registered.seen == NAT
