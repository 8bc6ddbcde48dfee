"""Leave for calls that is given, and given back when the call is over and its party says nothing."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.orders import Listener
from sbc.core.promises import GRACE, LASTS, Promise
from tests.kept import restarted
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, events
from tests.toy_calls import bound, rig_by_connections, to_access, to_core
from tests.toy_records import FAILURE, NEVER, TELL, Record, answer, number, opening

CALLER = NAT._replace(port=50001)


def asks(user: bytes = b"leave", exchange: int = 5, call: int = 1) -> Record:
    return Record(TELL, sender=7, call=number(call), exchange=number(exchange), user=user)


def has_leave(user: bytes = b"leave", **more: object) -> tuple[Rig, Listener]:
    """A bound terminal that the core has given leave to call."""
    rig, own = rig_by_connections(**more)
    bound(rig, life=100_000)
    (sent,) = to_core(rig.from_access(asks(user).pack()))
    yes = answer(sent.data, SOFTSWITCH.host, places=((b"198.51.100.9 5060 far", NEVER),))
    (back,) = to_access(rig.from_core(yes.pack(), at=sent.listener))
    assert Record.read(back.data).places[0][0].startswith(b"203.0.113.1 ")
    return rig, own


def promise_of(rig: Rig) -> Promise:
    (promise,) = rig.border.registry.promises.all()
    return promise


def calls(rig: Rig, own: Listener) -> str:
    """The call comes, goes where the leave was for, and is answered; its id."""
    (sent,) = to_core(rig.from_access(opening(PHONE).pack(), CALLER, own))
    assert sent.to.host == "198.51.100.9"
    rig.from_core(answer(sent.data, sent.to.host).pack(), sent.to, at=sent.listener)
    (call,) = rig.border.registry.calls.values()
    return call.id


def test_leave_that_no_call_comes_of_is_forgotten() -> None:
    rig, _ = has_leave()
    assert len(rig.border.registry.promises) == 1
    assert not to_core(rig.wait(LASTS + 1)) and not rig.border.registry.promises.all()


def test_a_call_that_has_ended_without_a_word_to_the_core_is_reported() -> None:
    rig, own = has_leave()
    rig._take(rig.border.end_call(calls(rig, own), "kicked", rig.now))
    assert not to_core(rig.wait(GRACE - 0.5)), "its party may say so itself"
    (told,) = to_core(rig.wait(1.0))
    assert Record.read(told.data).user == b"return" and told.to == SOFTSWITCH
    assert Record.read(told.data).exchange != number(5), "a question of ours"
    assert "returned" in events(rig.from_core(answer(told.data, SOFTSWITCH.host).pack(), at=told.listener))
    assert not rig.border.registry.promises.all() and not to_core(rig.wait(100))


@pytest.mark.parametrize("refused", [False, True])
def test_whoever_gave_the_leave_may_say_nothing_or_no_and_is_not_asked_for_ever(refused: bool) -> None:
    rig, own = has_leave()
    rig._take(rig.border.end_call(calls(rig, own), "kicked", rig.now))
    (told,) = to_core(rig.wait(GRACE))
    if refused:
        orders = rig.from_core(answer(told.data, SOFTSWITCH.host, FAILURE, cause=2).pack(), at=told.listener)
    else:
        orders = rig.wait(30)
        assert [each.data for each in to_core(orders)] == [told.data] * 5, "repeated, and then given up"
    assert "unreturned" in events(orders) and not rig.border.registry.promises.all()


def test_a_party_that_gives_it_back_itself_is_believed() -> None:
    rig, own = has_leave()
    rig._take(rig.border.end_call(calls(rig, own), "kicked", rig.now))
    (sent,) = to_core(rig.from_access(asks(b"return", 6).pack()))
    rig.from_core(answer(sent.data, SOFTSWITCH.host).pack(), at=sent.listener)
    assert not rig.border.registry.promises.all() and not to_core(rig.wait(100))


def test_a_party_that_comes_while_we_say_it_for_it_ends_that() -> None:
    rig, own = has_leave()
    rig._take(rig.border.end_call(calls(rig, own), "kicked", rig.now))
    (told,) = to_core(rig.wait(GRACE))
    (sent,) = to_core(rig.from_access(asks(b"return", 6).pack()))
    rig.from_core(answer(sent.data, SOFTSWITCH.host).pack(), at=sent.listener)
    assert promise_count(rig) == 0 and not to_core(rig.wait(100))
    assert "stray-reply" in events(rig.from_core(answer(told.data, SOFTSWITCH.host).pack(), at=told.listener))


def promise_count(rig: Rig) -> int:
    return len(rig.border.registry.promises)


def test_after_a_restart_leave_leads_its_call_and_a_call_that_is_gone_is_reported() -> None:
    rig, own = has_leave()
    again, _ = restarted(rig)
    (sent,) = to_core(again.from_access(opening(PHONE).pack(), CALLER, own))
    assert sent.to.host == "198.51.100.9", "as it was promised"

    rig, own = has_leave()
    calls(rig, own)
    again, _ = restarted(rig)
    assert not again.border.registry.calls and promise_of(again).begun
    (told,) = to_core(again.wait(GRACE))
    assert Record.read(told.data).user == b"return"
    again.from_core(answer(told.data, SOFTSWITCH.host).pack(), at=told.listener)
    assert promise_count(again) == 0


def test_leave_that_is_asked_for_anew_counts_anew() -> None:
    rig, _ = has_leave()
    first = promise_of(rig)
    (sent,) = to_core(rig.from_access(asks(exchange=6).pack()))
    yes = answer(sent.data, SOFTSWITCH.host, places=((b"198.51.100.8 5060 far", NEVER),))
    rig.from_core(yes.pack(), at=sent.listener)
    assert promise_of(rig) is not first and promise_of(rig).to.host == "198.51.100.8"
    assert attrs.evolve(promise_of(rig), id="").due is not None
