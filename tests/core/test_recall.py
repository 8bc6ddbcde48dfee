"""The core takes leave for a call back: its party is told, and if that does not end the call, the SBC does."""

from __future__ import annotations

from sbc.core import leave
from sbc.core.call import CallState
from sbc.core.leave import RELEASE
from sbc.core.orders import HangUp, Record, Send
from sbc.core.realm import Signaling
from tests.core.test_leave import asks, calls, has_leave, promise_count
from tests.rig import SOFTSWITCH, Rig, events, of
from tests.toy_calls import to_access, to_core
from tests.toy_records import SUCCESS, answer
from tests.toy_records import Record as Toy


def recalled() -> tuple[Rig, str, Send]:
    """A live call whose leave the core takes back, at the terminal's own port; what the terminal hears."""
    rig, own = has_leave(signaling=Signaling.PORT_PER_TERMINAL)
    call = calls(rig, own)
    (binding,) = rig.border.registry.bindings.values()
    (told,) = to_access(rig.from_core(asks(b"return", exchange=9).pack(), at=binding.onward))
    assert Toy.read(told.data).user == b"return"
    return rig, call, told


def test_a_party_that_ends_its_call_is_left_alone() -> None:
    rig, call, told = recalled()
    (back,) = to_core(rig.from_access(answer(told.data, "192.168.1.10").pack(), told.to))
    assert Toy.read(back.data).stage == SUCCESS
    rig._take(rig.border.end_call(call, "hung up", rig.now))
    orders = rig.wait(RELEASE + 20)
    assert promise_count(rig) == 0 and "recalled" not in events(orders)
    assert not to_core(orders), "the core knows"


def test_a_party_that_only_says_yes_has_its_call_ended() -> None:
    rig, call, told = recalled()
    rig.from_access(answer(told.data, "192.168.1.10").pack(), told.to)
    orders = rig.wait(RELEASE)
    assert "recalled" in events(orders) and rig.border.registry.calls[call].state is CallState.CLOSED
    assert of(HangUp, orders) and promise_count(rig) == 0
    (closed,) = [each for each in of(Record, orders) if each.event == "close"]
    assert closed.fields["cause"] == "its leave was taken back"


def test_for_a_party_that_says_nothing_the_sbc_answers() -> None:
    rig, call, _ = recalled()
    orders = rig.wait(RELEASE)
    (yes,) = to_core(orders)
    assert Toy.read(yes.data).stage == SUCCESS and yes.to == SOFTSWITCH
    assert rig.border.registry.calls[call].state is CallState.CLOSED
    assert not to_core(rig.wait(60)) and promise_count(rig) == 0


def test_a_call_for_which_nobody_had_to_ask_is_ended_too() -> None:
    rig, own = has_leave(signaling=Signaling.PORT_PER_TERMINAL)
    call = calls(rig, own)
    registry = rig.border.registry
    rig._take(leave.forget(registry, registry.promises.all()[0], rig.now))
    (binding,) = registry.bindings.values()
    rig.from_core(asks(b"return", exchange=9).pack(), at=binding.onward)
    assert "recalled" in events(rig.wait(RELEASE)) and registry.calls[call].state is CallState.CLOSED
    assert promise_count(rig) == 0


def test_of_a_call_that_is_not_there_nothing_is_kept() -> None:
    rig, _ = has_leave(signaling=Signaling.PORT_PER_TERMINAL)
    (binding,) = rig.border.registry.bindings.values()
    (told,) = to_access(rig.from_core(asks(b"return", exchange=9, call=44).pack(), at=binding.onward))
    assert Toy.read(told.data).user == b"return", "its terminal is told all the same"
    assert promise_count(rig) == 1 and rig.border.registry.promises.all()[0].recall is None
