"""What becomes of gateways that were lost, when their time comes."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.binding import BindingState
from sbc.core.lost import wake
from sbc.core.message import Intent, Kind
from sbc.core.orders import Order, Record
from sbc.core.realm import Keepalive, Registrations
from tests.core.test_lasting import (
    ASKED,
    CORE,
    TELLING,
    binds,
    dies,
    gateway,
    lost_to_the_core,
    rig,
    speaks,
    the_binding,
)
from tests.kept import restarted
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, events, of
from tests.toy import PLAIN, ToyMessage
from tests.toy_calls import read
from tests.toy_gateway import Gateway, GatewayDialect, gateway_rig, takes_off
from tests.toy_gateway import gateway as registered
from tests.toy_records import CLOSE, FAILURE, NEVER, PROBE, answer, binding
from tests.toy_records import Record as Message


def woken(made: Rig) -> list[str]:
    """What is noted when its time comes now."""
    return events(made._take(wake(made.border.registry, made.border.dialects["toy"], the_binding(made), made.now)))


def test_one_that_lives_has_more_time() -> None:
    made = rig()
    gateway(made)
    made.wait(10.0)
    assert woken(made) == [] and the_binding(made).grant_ends == made.now + CORE


def test_one_that_is_dead_is_not_forgotten_before_its_time() -> None:
    made = rig()
    gateway(made)
    dies(made)
    until = the_binding(made).grant_ends
    assert woken(made) == [] and the_binding(made).grant_ends == until == the_binding(made).due


def test_one_that_registers_anew_is_not_forgotten_before_the_core_has_answered() -> None:
    made = rig()
    gateway(made)
    dies(made)
    made.wait(the_binding(made).grant_ends - made.now - 1.0)
    made.from_access(binding(PHONE, exchange=9, user=b"gate", life=NEVER).pack(), Address(NAT.host, 40777))
    made.wait(PLAIN.limit - 1.0)
    assert the_binding(made).state is BindingState.DEAD and the_binding(made).claims
    made.wait(2.0)
    assert not made.border.registry.bindings, "the core has said nothing"


def test_the_core_hears_once_that_it_is_back() -> None:
    made = rig(TELLING)
    lost_to_the_core(made)
    speaks(made)
    assert the_binding(made).parting is not None
    assert woken(made) == [], "it is being told"


# -- with calls


class Lasting(GatewayDialect):
    """Gateways that register for good."""

    def describe(self, message: ToyMessage) -> Intent:
        intent = super().describe(message)
        intent.lasting = intent.kind is Kind.BIND
        return intent


def with_a_call(keepalive: Keepalive) -> Gateway:
    one = registered(gateway_rig(Lasting(), keepalive=keepalive, registrations=Registrations(core=CORE)))
    one.gather()
    return one


def ended(orders: list[Order]) -> list[tuple[str, str]]:
    return [(each.fields["ending"], each.fields["cause"]) for each in of(Record, orders) if each.event == "close"]


def test_calls_of_one_that_is_lost_are_over_when_the_core_has_taken_it_off_and_the_core_hears_of_each() -> None:
    one = with_a_call(TELLING)
    orders = dies(one.rig)
    assert ended(orders) == []
    (told,) = binds(orders)
    taken = one.rig.from_core(answer(told.data, SOFTSWITCH.host).pack(), at=told.listener) + one.rig.wait(0.0)
    assert ended(taken) == [("vanished", "its gateway is lost")]
    assert [each.op for each in read(one.heard(taken))] == [CLOSE] and not one.told(taken)
    assert one.binding.state is BindingState.DEAD


def test_without_a_word_to_the_core_they_are_over_when_it_is_forgotten() -> None:
    one = with_a_call(ASKED)
    orders = dies(one.rig)
    (refused,) = read(one.heard(one.ask(takes_off())))
    assert refused.stage == FAILURE and ended(orders) == [] and not binds(orders)
    orders = one.rig.wait(CORE + 10)
    assert ended(orders) == [("vanished", "its gateway is gone")]
    assert [each.op for each in read(one.heard(orders))][:1] == [CLOSE]
    assert not one.rig.border.registry.bindings


def test_a_call_goes_on_when_it_is_heard_of_again_in_time() -> None:
    one = with_a_call(ASKED)
    dies(one.rig)
    one.rig.wait(CORE / 2)
    one.say(Message(PROBE, sender=7, exchange=b"p" * 10, target=b"203.0.113.1 5060 bob"))
    assert one.binding.state is BindingState.BOUND and one.told(one.ask(takes_off()))


def test_its_calls_outlive_a_restart_with_it_and_end_when_it_does_not_answer_then() -> None:
    one = with_a_call(ASKED)
    after, _ = restarted(one.rig)
    assert len(after.border.registry.members.of(one.binding.id)) == 1
    dies(after)
    assert ended(after.wait(CORE + 10)) == [("vanished", "its gateway is gone")]
