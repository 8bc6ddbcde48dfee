"""What becomes of gateways that were lost, when their time comes."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.binding import BindingState
from sbc.core.lost import wake
from tests.core.test_lasting import CORE, TELLING, dies, gateway, lost_to_the_core, rig, speaks, the_binding
from tests.rig import NAT, PHONE, Rig, events
from tests.toy import PLAIN
from tests.toy_records import NEVER, binding


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
