"""Terminals that have registered for good: as long as they answer nothing ends them, and nobody takes their place."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.binding import Binding, BindingState
from sbc.core.message import Cause
from sbc.core.orders import Note, Order, Send
from sbc.core.realm import Keepalive, Probing, Registrations, Signaling
from tests.kept import restarted
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, events, make_plan, of, sends
from tests.toy import CAUSES, ToyDialect
from tests.toy_calls import bound, read, to_access, to_core, toy_rig
from tests.toy_records import BIND, FAILURE, NEVER, PROBE, Record, answer, binding, opening

ASKED = Keepalive(Probing.PROBE, period=20.0, answer_within=8.0, misses=3, direct=120.0)
TELLING = attrs.evolve(ASKED, tell_core=True)
PUBLIC = Address("203.0.113.77", 5060)
ELSEWHERE = Address("203.0.113.99", 40001)
CORE = 900


def rig(keepalive: Keepalive = ASKED, **more: Any) -> Rig:
    """A rig in which gateways have ports of their own, and who registers by time is answered by the SBC."""
    front = Registrations(core=CORE)
    return toy_rig(keepalive=keepalive, registrations=front, signaling=Signaling.PORT_PER_TERMINAL, **more)


def gateway(made: Rig, sender: Address = PHONE, source: Address = NAT, exchange: int = 1) -> bytes:
    return bound(made, sender, source, NEVER, exchange=exchange, user=b"gate")


def the_binding(made: Rig) -> Binding:
    (one,) = made.border.registry.bindings.values()
    return one


def probes(orders: list[Order]) -> list[Send]:
    return [order for order in to_access(orders) if Record.read(order.data).op == PROBE]


def lives(made: Rig, seconds: float) -> int:
    """Let time pass in which whoever is asked answers; how often that was."""
    end, asked = made.now + seconds, set[bytes]()
    while made.now < end:
        for order in probes(made.wait(5.0)):
            asked.add(order.data)
            made.from_access(answer(order.data, PHONE.host).pack(), order.to)
    return len(asked)


def dies(made: Rig) -> list[Order]:
    """Let it be silent until it is dead."""
    orders: list[Order] = []
    while the_binding(made).state is not BindingState.DEAD:
        orders += made.wait(1.0)
    return orders


def speaks(made: Rig, source: Address = NAT) -> list[Order]:
    """It is heard of again, and what is due at once is done."""
    probe = Record(PROBE, sender=7, exchange=b"p" * 10, target=b"203.0.113.1 5060 bob")
    return made.from_access(probe.pack(), source) + made.wait(0.0)


def binds(orders: list[Order]) -> list[Send]:
    return [order for order in to_core(orders) if Record.read(order.data).op == BIND]


def to_registrar(orders: list[Order]) -> list[Record]:
    return read([order.data for order in binds(orders)])


def test_it_registers_once_and_stays_as_long_as_it_answers() -> None:
    made = rig()
    gateway(made)
    assert lives(made, 3 * CORE) >= 3 * CORE / 25 - 1
    assert the_binding(made).state is BindingState.BOUND
    assert the_binding(made).grant_ends > made.now
    assert not {"lost", "unbound", "lapsed"} & set(events(made.log))


def test_without_a_nat_it_is_asked_too_but_less_often() -> None:
    made = rig(attrs.evolve(ASKED, mode=Probing.ADAPTIVE))
    gateway(made, PUBLIC, PUBLIC)
    asked = lives(made, 6_000.0)
    assert 6_000 / 125 - 1 <= asked <= 6_000 / 105  # there is no mapping that could teach anything
    assert not len(made.border.registry.learners["access"])


def test_its_registrations_always_go_on_and_say_nothing_of_time() -> None:
    made = rig()
    gateway(made)
    made.wait(5.0)
    orders = made.from_access(binding(PHONE, exchange=2, user=b"gate", life=NEVER).pack())
    (sent,) = to_registrar(orders)
    assert sent.places[0][1] == NEVER and "absorbed" not in events(orders)


def test_who_takes_itself_off_is_gone_with_the_registrars_yes() -> None:
    made = rig()
    gateway(made)
    (sent,) = to_core(made.from_access(binding(PHONE, exchange=2, user=b"gate", life=0).pack()))
    assert the_binding(made).state is BindingState.BOUND
    made.from_core(answer(sent.data, SOFTSWITCH.host).pack(), at=sent.listener)
    assert not made.border.registry.bindings and not made.border.registry.watches


def test_one_that_is_lost_is_told_of_and_what_is_for_it_refused_until_it_is_forgotten() -> None:
    made = rig()
    name = gateway(made)
    own = the_binding(made).onward
    (note,) = [note for note in of(Note, dies(made)) if note.event == "lost"]
    assert note.fields["user"] == "gate" and note.fields["seen"] == str(NAT)
    (reply,) = read(sends(made.from_core(opening(SOFTSWITCH).but(target=name).pack(), at=own), "core"))
    assert (reply.stage, CAUSES[reply.cause - 1]) == (FAILURE, Cause.ABSENT)
    died_at = made.now
    assert len(probes(made.wait(CORE - 60.0))) > 1, "it is asked on, if less often"
    assert the_binding(made).state is BindingState.DEAD
    made.wait(30.0)
    (gone,) = [note for note in of(Note, made.wait(60.0)) if note.event == "unbound"]
    assert gone.reason == "lost" and made.now - died_at < CORE + 60
    assert not made.border.registry.bindings and not made.border.registry.watches


def test_whatever_it_says_brings_it_back_with_all_its_time() -> None:
    made = rig()
    name = gateway(made)
    own = the_binding(made).onward
    dies(made)
    made.wait(CORE - 60.0)
    assert "alive" in events(speaks(made))
    assert the_binding(made).grant_ends == made.now + CORE
    assert sends(made.from_core(opening(SOFTSWITCH).but(target=name).pack(), at=own), "access")
    assert not to_registrar(made.log[-8:]), "who was told nothing need not hear that"


def test_it_moves_only_when_the_core_has_accepted_it_elsewhere() -> None:
    made = rig()
    gateway(made)
    moved = Address(NAT.host, 40777)
    (sent,) = to_core(made.from_access(binding(PHONE, exchange=2, user=b"gate", life=NEVER).pack(), moved))
    assert the_binding(made).seen == NAT
    made.from_core(answer(sent.data, SOFTSWITCH.host, FAILURE).pack(), at=sent.listener)
    assert the_binding(made).seen == NAT
    gateway(made, source=moved, exchange=3)
    assert the_binding(made).seen == moved
    assert [watch.peer for watch in made.border.registry.watches.values()] == [moved]


def test_nobody_takes_its_place_from_another_host_while_it_lives() -> None:
    made = rig()
    gateway(made)
    orders = made.from_access(binding(PHONE, exchange=2, user=b"gate", life=NEVER).pack(), ELSEWHERE)
    (reply,) = read(sends(orders, "access"))
    assert (reply.stage, CAUSES[reply.cause - 1]) == (FAILURE, Cause.FORBIDDEN)
    assert not to_core(orders) and "second" in events(orders)
    assert the_binding(made).seen == NAT and not the_binding(made).claims
    dies(made)
    own = the_binding(made).onward
    gateway(made, source=ELSEWHERE, exchange=3)  # its NAT has got another address
    assert (the_binding(made).seen, the_binding(made).onward) == (ELSEWHERE, own)


@pytest.mark.parametrize("away", [1.0, 5 * CORE])
def test_it_outlives_a_restart_however_long_and_is_asked_soon(away: float) -> None:
    made = rig()
    gateway(made, PUBLIC, PUBLIC)
    lives(made, 500.0)
    after, _ = restarted(made, away)
    assert the_binding(after).state is BindingState.BOUND and the_binding(after).lasting
    assert probes(after.wait(20.0))
    assert "lost" in events(dies(after))


def test_one_that_was_lost_before_a_restart_still_is_for_as_long_as_it_would_have_been() -> None:
    made = rig()
    gateway(made)
    dies(made)
    after, _ = restarted(made, 60.0)
    assert the_binding(after).state is BindingState.DEAD and probes(after.wait(5.0))
    after.wait(CORE)
    assert not after.border.registry.bindings


def test_what_it_was_by_another_name_is_forgotten_when_it_is_bound_by_a_new_one() -> None:
    made = rig()
    gateway(made)
    old = the_binding(made).onward
    made.from_access(binding(PHONE, exchange=2, user=b"gate2", life=NEVER).pack())
    assert len(made.border.registry.bindings) == 2, "until the core has accepted that"
    bound(made, PHONE, NAT, NEVER, exchange=3, user=b"gate2")
    assert the_binding(made).user == b"gate2" and "unbound" in events(made.log)
    (said,) = to_core(made.from_access(opening(PHONE).but(exchange=b"z" * 10).pack()))
    assert said.listener == the_binding(made).onward != old
    lives(made, 2 * CORE)
    assert the_binding(made).state is BindingState.BOUND


def test_another_at_the_same_nat_is_left_alone_and_so_is_who_registers_by_time() -> None:
    made = rig()
    gateway(made)
    bound(made, PHONE._replace(port=5062), NAT, 600, exchange=2, user=b"alice")
    bound(made, PHONE._replace(port=5064), NAT._replace(port=40009), NEVER, exchange=3, user=b"gate3")
    assert {each.user for each in made.border.registry.bindings.values()} == {b"gate", b"alice", b"gate3"}


def asked_no_more(made: Rig) -> None:
    """A reload turns the keepalive off."""
    plan = made.border.plan
    access = attrs.evolve(plan.realms["access"], keepalive=Keepalive(Probing.OFF))
    made.replan(attrs.evolve(plan, realms={**plan.realms, "access": access}))


def test_one_that_was_lost_counts_as_there_when_nobody_is_asked_any_more() -> None:
    made = rig()
    name = gateway(made)
    dies(made)
    asked_no_more(made)
    assert the_binding(made).state is BindingState.BOUND and not made.border.registry.watches
    made.wait(3 * CORE)
    own = the_binding(made).onward
    assert sends(made.from_core(opening(SOFTSWITCH).but(target=name).pack(), at=own), "access")


def test_with_nobody_asked_it_stays() -> None:
    made = rig(Keepalive(Probing.OFF))
    gateway(made)
    assert not probes(made.wait(10 * CORE))
    assert the_binding(made).state is BindingState.BOUND


# -- where the core is told


def lost_to_the_core(made: Rig) -> tuple[bytes, Send]:
    """A gateway dies, and the core is told: by what it was known, and what was said."""
    name = gateway(made)
    (told,) = binds(dies(made))
    assert Record.read(told.data).places == ((name, 0),)
    return name, told


def test_the_core_that_took_it_off_hears_that_it_is_back() -> None:
    made = rig(TELLING)
    _, told = lost_to_the_core(made)
    assert events(made.from_core(answer(told.data, SOFTSWITCH.host).pack(), at=told.listener)) == ["parted"]
    assert the_binding(made).state is BindingState.DEAD
    assert probes(made.wait(100.0)), "it would not come by itself"
    orders = speaks(made)
    (said,) = binds(orders)
    assert Record.read(said.data).user == b"again" and said.listener == the_binding(made).onward
    orders = made.from_core(answer(said.data, SOFTSWITCH.host).pack(), at=said.listener)
    assert events(orders) == ["restored"] and not the_binding(made).parted
    lives(made, 2 * CORE)
    assert len([each for each in to_registrar(made.log) if each.user == b"again"]) == 1


def test_a_core_that_would_not_hear_that_is_told_again() -> None:
    made = rig(TELLING)
    _, told = lost_to_the_core(made)
    made.from_core(answer(told.data, SOFTSWITCH.host).pack(), at=told.listener)
    (said,) = binds(speaks(made))
    orders = made.from_core(answer(said.data, SOFTSWITCH.host, FAILURE, cause=9).pack(), at=said.listener)
    assert events(orders) == ["unrestored"]
    lives(made, 59.0)
    assert len(to_registrar(made.wait(2.0))) == 1


def test_one_that_is_back_before_the_core_has_answered_is_restored_all_the_same() -> None:
    """Whatever was said of its death is not said again, and its answer changes nothing any more."""
    made = rig(TELLING)
    _, told = lost_to_the_core(made)
    (said,) = binds(speaks(made))
    assert Record.read(said.data).user == b"again"
    assert events(made.from_core(answer(told.data, SOFTSWITCH.host).pack(), at=told.listener)) == ["stray-reply"]
    assert the_binding(made).state is BindingState.BOUND
    made.from_core(answer(said.data, SOFTSWITCH.host).pack(), at=said.listener)
    assert not the_binding(made).parted


def test_one_that_dies_again_meanwhile_is_dead_for_the_core_already() -> None:
    made = rig(TELLING)
    lost_to_the_core(made)
    speaks(made)  # nobody answers
    told = to_registrar(dies(made))
    assert told and all(each.user == b"again" for each in told), "which is repeated until it dies"
    assert not to_registrar(made.wait(200.0))


def test_who_registers_anew_is_known_again() -> None:
    made = rig(TELLING)
    lost_to_the_core(made)
    gateway(made, exchange=5)
    assert not the_binding(made).parted and the_binding(made).state is BindingState.BOUND
    assert not [each for each in to_registrar(made.wait(5.0)) if each.user == b"again"]


def test_after_a_restart_the_core_is_still_to_hear_that_it_is_back() -> None:
    made = rig(TELLING)
    lost_to_the_core(made)
    after, _ = restarted(made)
    assert the_binding(after).parted
    assert [each.user for each in to_registrar(speaks(after))] == [b"again"]


def test_the_core_that_took_it_off_hears_that_it_counts_as_there_when_nobody_is_asked_any_more() -> None:
    made = rig(TELLING)
    _, told = lost_to_the_core(made)
    made.from_core(answer(told.data, SOFTSWITCH.host).pack(), at=told.listener)
    asked_no_more(made)
    said = binds(made.wait(6.0))[0]
    assert Record.read(said.data).user == b"again"
    assert restored(made, said) == ["restored"] and the_binding(made).state is BindingState.BOUND


class Silent(ToyDialect):
    """A protocol in which nobody else can say that a terminal is there."""

    def restore(self, *_: object) -> None:
        return None


def test_where_nobody_else_can_say_so_it_is_left_to_itself() -> None:
    plan = make_plan(
        "toy", keepalive=TELLING, registrations=Registrations(core=CORE), signaling=Signaling.PORT_PER_TERMINAL
    )
    made = Rig.make(Silent(), plan)
    lost_to_the_core(made)
    orders = speaks(made)
    assert "unrestored" in events(orders) and not to_registrar(orders)
    assert not the_binding(made).parted


# -- where the core reaches it by a connection


def by_connection(keepalive: Keepalive = ASKED) -> Rig:
    plan = make_plan(
        "toy", keepalive=keepalive, registrations=Registrations(core=CORE), signaling=Signaling.PORT_PER_TERMINAL
    )
    core = plan.realms["core"]
    own = attrs.evolve(core.listeners[0], transport="tcp")
    return Rig.make(
        ToyDialect(), attrs.evolve(plan, realms={**plan.realms, "core": attrs.evolve(core, listeners=(own,))})
    )


def restored(made: Rig, said: Send) -> list[str]:
    """What is noted when who was told has taken note."""
    return events(made.from_core(answer(said.data, said.to.host).pack(), said.to, said.listener))


def test_after_a_restart_the_core_is_told_soon_by_a_connection_of_ours_that_it_is_there() -> None:
    made = by_connection()
    gateway(made)
    after, _ = restarted(made)
    assert the_binding(after).untold and the_binding(after).state is BindingState.BOUND
    (said,) = binds(after.wait(6.0))
    assert Record.read(said.data).user == b"again" and said.listener == the_binding(after).onward
    assert restored(after, said) == ["restored"] and not binds(after.wait(300.0))


@pytest.mark.parametrize("answered", [False, True])
def test_one_that_dies_before_the_core_knows_that_it_is_there_is_told_dead_all_the_same(answered: bool) -> None:
    """A lost connection, or a restart, is no news of its death."""
    made = by_connection(TELLING)
    gateway(made)
    made._take(made.border.unreachable(the_binding(made).onward, SOFTSWITCH, "reset", made.now))
    (said,) = binds(made.wait(6.0))
    assert Record.read(said.data).user == b"again"
    if answered:
        assert restored(made, said) == ["restored"]
    told = to_registrar(dies(made))
    assert [life for each in told for _, life in each.places] == [0] and the_binding(made).parted
    (said,) = binds(speaks(made))
    assert restored(made, said) == ["restored"] and not the_binding(made).is_to_be_restored


def test_when_the_connection_is_lost_it_is_opened_again_by_saying_so() -> None:
    made = by_connection()
    gateway(made)
    own = the_binding(made).onward
    assert made.border.needs(own, SOFTSWITCH), "it is not closed for its silence"
    made._take(made.border.unreachable(own, SOFTSWITCH, "reset", made.now))
    (said,) = binds(made.wait(6.0))
    made._take(made.border.unreachable(own, SOFTSWITCH, "refused", made.now))  # it is not there yet
    before = len(binds(made.log))
    lives(made, 50.0)
    assert "unrestored" in events(made.log) and len(binds(made.log)) == before
    lives(made, 15.0)
    (said,) = binds(made.log)[before:]
    assert restored(made, said) == ["restored"]
    made._take(made.border.unreachable(own, Address(SOFTSWITCH.host, 4444), "reset", made.now))
    before = len(binds(made.log))
    lives(made, 100.0)
    assert len(binds(made.log)) == before and not made.border.needs(own, Address(SOFTSWITCH.host, 4444))
