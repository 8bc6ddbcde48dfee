"""Keepalive, in a made-up protocol: whom it asks, when, what an answer tells, and what none does."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.binding import Binding, BindingState
from sbc.core.message import Cause
from sbc.core.orders import Order, Send
from sbc.core.realm import Keepalive, Probing, Registrations
from sbc.core.registry import Arrival
from tests.rig import NAT, PHONE, SBC_ACCESS, SOFTSWITCH, Rig, events, sends
from tests.toy import CAUSES
from tests.toy_calls import answered, bound, opened, read, to_access, toy_rig
from tests.toy_records import FAILURE, PROBE, SUCCESS, Record, answer, binding, granted, inside, opening

EVERY_20 = Keepalive(Probing.PROBE, period=20.0, answer_within=8.0, misses=3)


def rig(keepalive: Keepalive = EVERY_20, **more: Any) -> Rig:
    return toy_rig(keepalive=keepalive, **more)


def probes(orders: list[Order]) -> list[Send]:
    return [order for order in to_access(orders) if Record.read(order.data).op == PROBE]


def probed(made: Rig, within: float = 60.0) -> tuple[float, bytes]:
    """Wait for the next probe; after how long it came, and the probe."""
    start = made.now
    while made.now < start + within:
        sent = probes(made.wait(0.5))
        if sent:
            return made.now - start, sent[0].data
    raise AssertionError("nobody was asked")


def alive(made: Rig, probe: bytes, stage: int = SUCCESS) -> list[Order]:
    return made.from_access(answer(probe, PHONE.host, stage).pack())


def the_binding(made: Rig) -> Binding:
    (one,) = made.border.registry.bindings.values()
    return one


# -- whom, when


def test_a_terminal_behind_a_nat_is_asked_at_every_period_where_it_was_seen() -> None:
    made = rig()
    bound(made, life=10_000)
    waits = []
    for _ in range(20):
        waited, probe = probed(made)
        waits.append(waited)
        assert Record.read(probe).target == b"192.168.1.10 5060 alice"
        assert not sends(alive(made, probe), "core")
    assert all(8 < waited <= 20.5 for waited in waits)
    assert all(waited > 17.5 for waited in waits[1:])
    assert len(set(waits)) > 2, "the moments are spread"
    last = probes(made.log)[-1]
    assert (last.to, last.listener.address) == (NAT, SBC_ACCESS)


def test_who_is_not_behind_a_nat_is_left_alone() -> None:
    made = rig()
    public = Address("203.0.113.77", 5060)
    bound(made, public, public, life=10_000)
    made.wait(200)
    assert not probes(made.log) and not made.border.registry.watches


def test_off_is_off() -> None:
    made = rig(Keepalive(Probing.OFF))
    bound(made, life=10_000)
    made.wait(200)
    assert not probes(made.log)


def test_whoever_speaks_need_not_be_asked() -> None:
    made = rig()
    bound(made, life=10_000)
    for exchange in range(2, 40):
        made.wait(9)
        made.from_access(binding(PHONE, exchange=exchange, life=10_000).pack())
    assert not probes(made.log)


def test_an_answer_with_a_failure_is_a_sign_of_life_too() -> None:
    made = rig()
    bound(made, life=10_000)
    for _ in range(5):
        alive(made, probed(made)[1], FAILURE)
    assert the_binding(made).state is BindingState.BOUND


def test_two_users_of_one_phone_are_asked_once() -> None:
    made = rig()
    bound(made, life=10_000)
    bound(made, life=10_000, exchange=2, user=b"carol")
    assert len(made.border.registry.bindings) == 2
    _, probe = probed(made)
    alive(made, probe)
    made.wait(15)
    assert len(probes(made.log)) == 1


def test_a_call_of_an_unregistered_terminal_keeps_its_mapping() -> None:
    talk = answered(rig())
    _, probe = probed(talk.rig)
    alive(talk.rig, probe)
    probed(talk.rig)
    (closing,) = sends(talk.rig.from_access(inside(talk.asked, talk.back).pack()), "core")
    talk.rig.from_core(answer(closing, SOFTSWITCH.host).pack())
    assert not talk.rig.border.registry.watches
    before = len(probes(talk.rig.log))
    talk.rig.wait(100)
    assert len(probes(talk.rig.log)) == before, "not even the question under way is said again"


def test_a_call_that_only_rings_keeps_it_too() -> None:
    talk = opened(rig())
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, 2).pack())
    assert probed(talk.rig)


# -- dead and alive


def dead(made: Rig) -> None:
    made.wait(20 + 3 * (8 + 2) + 1)
    assert the_binding(made).state is BindingState.DEAD


def test_a_terminal_that_misses_three_answers_is_dead_and_calls_to_it_end_at_once() -> None:
    made = rig()
    name = bound(made, life=10_000)
    dead(made)
    assert [e for e in events(made.log) if e in ("missed", "dead", "alive")] == ["missed", "missed", "dead"]
    (reply,) = read(sends(made.from_core(opening(SOFTSWITCH).but(target=name).pack()), "core"))
    assert (reply.stage, CAUSES[reply.cause - 1]) == (FAILURE, Cause.ABSENT)


def test_a_single_miss_is_made_good_by_the_next_answer() -> None:
    made = rig()
    bound(made, life=10_000)
    probed(made)
    made.wait(9)  # that one is lost
    _, again = probed(made)
    alive(made, again)
    waited, _ = probed(made)
    assert waited > 17
    assert "dead" not in events(made.log)


def test_any_message_brings_a_dead_terminal_back() -> None:
    made = rig()
    name = bound(made, life=10_000)
    dead(made)
    orders = made.from_access(opening(PHONE, call=5, exchange=50).pack())
    assert "alive" in events(orders)
    assert the_binding(made).state is BindingState.BOUND
    assert sends(made.from_core(opening(SOFTSWITCH).but(target=name).pack()), "access")


def test_a_dead_terminal_is_asked_seldom_and_comes_back_by_answering() -> None:
    made = rig()
    bound(made, life=10_000)
    dead(made)
    waited, probe = probed(made, 200)
    assert waited > 60
    assert "alive" in events(alive(made, probe))


def test_a_message_from_elsewhere_does_not_bring_it_back() -> None:
    made = rig()
    bound(made, life=10_000)
    dead(made)
    made.from_access(opening(PHONE, call=5, exchange=50).pack(), Address(NAT.host, NAT.port + 1))
    assert the_binding(made).state is BindingState.DEAD


def test_who_comes_back_from_elsewhere_is_watched_there() -> None:
    made = rig()
    bound(made, life=10_000)
    dead(made)
    moved = Address(NAT.host, 40555)
    bound(made, source=moved, exchange=5, life=10_000)
    assert the_binding(made).state is BindingState.BOUND
    assert probed(made)
    assert probes(made.log)[-1].to == moved
    assert [watch.peer for watch in made.border.registry.watches.values()] == [moved]


def test_a_refresh_the_sbc_answers_brings_it_back() -> None:
    made = rig(registrations=Registrations(behind_nat=200))
    bound(made, life=10_000)
    dead(made)
    orders = made.from_access(binding(PHONE, exchange=5, life=10_000).pack())
    assert {"alive", "absorbed"} <= set(events(orders))


def test_what_is_over_is_no_longer_asked() -> None:
    made = rig()
    bound(made, life=30)
    made.wait(31)
    assert not made.border.registry.bindings and not made.border.registry.watches
    made.wait(60)
    assert not made.border.registry.live_exchanges


def test_an_answer_from_another_host_tells_nothing() -> None:
    made = rig()
    bound(made, life=10_000)
    _, probe = probed(made)
    orders = made.from_access(answer(probe, PHONE.host).pack(), Address("203.0.113.66", 5060))
    assert events(orders) == ["stray-reply"]
    made.wait(60)
    assert the_binding(made).state is BindingState.DEAD


def test_twenty_probes_a_terminal_leave_nothing_over() -> None:
    made = rig()
    for number in range(10):
        source = Address(f"203.0.113.{100 + number}", 40000)
        bound(made, Address("192.168.1.10", 5060 + number), source, exchange=number, life=10_000)
    for _ in range(400):
        for order in probes(made.wait(1)):
            made.from_access(answer(order.data, PHONE.host).pack(), order.to)
    assert not [each for each in made.border.registry.live_exchanges if each.near is None]
    asked = probes(made.log)
    assert 10 * 400 / 20 <= len(asked) <= 10 * 400 / 16


def test_who_dies_while_the_registrar_makes_up_its_mind_is_dead() -> None:
    made = rig(Keepalive(Probing.PROBE, period=3.0, answer_within=1.0, misses=2))
    bound(made, life=10_000)
    (sent,) = sends(made.from_access(binding(PHONE, exchange=2, life=10_000).pack()), "core")
    made.wait(9)
    assert the_binding(made).state is BindingState.DEAD
    made.from_core(granted(sent).pack())
    assert the_binding(made).state is BindingState.DEAD
    made.from_access(opening(PHONE, call=5, exchange=50).pack())
    assert the_binding(made).state is BindingState.BOUND


def test_a_call_nobody_has_taken_up_is_no_reason_to_ask() -> None:
    """Or one forged request would have its victim asked again and again."""
    talk = opened(rig())
    talk.rig.wait(9.5)
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, 5).pack())  # a challenge
    talk.rig.wait(60)
    assert not probes(talk.rig.log)


def test_a_sign_of_life_on_a_connection_puts_the_question_off_and_brings_the_dead_back() -> None:
    made = rig()
    bound(made, life=300)
    arrival = Arrival(made.border.plan.realms["access"].listeners[0], NAT, b"", made.now)
    for _ in range(10):
        assert not probes(made.wait(9))
        made._take(made.border.stirred(attrs.evolve(arrival, now=made.now)))
    assert "dead" in events(made.wait(100))
    assert events(made._take(made.border.stirred(attrs.evolve(arrival, now=made.now)))) == ["alive"]
