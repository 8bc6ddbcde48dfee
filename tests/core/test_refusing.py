"""What is said to whoever sent what does not cross."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core import summons
from sbc.core.message import BadMessage, Cause, Intent, Kind, Phase, Refused
from sbc.core.orders import HangUp, Note, Order, Send
from sbc.core.refusing import bad_message, refuse
from sbc.core.registry import Arrival
from sbc.core.taking import Mishap
from tests.rig import NAT, PHONE, sends
from tests.toy import ToyDialect
from tests.toy_calls import promised, rig_by_connections, toy_rig
from tests.toy_records import FAILURE, Record, opening

TOY = ToyDialect()


def refused(cause: Cause, lane: str = "", phase: Phase = Phase.REQUEST) -> list[Order]:
    registry, data = toy_rig().border.registry, opening(PHONE).pack()
    own = attrs.evolve(registry.plan.realms["access"].listeners[0], lane=lane)
    intent = Intent(Kind.OTHER, phase, b"call", b"exchange", method="open")
    return refuse(registry, TOY, TOY.decode(data), intent, Refused(cause, "no"), Arrival(own, NAT, data, 0.0))


def test_a_refusal_is_noted_and_told() -> None:
    orders = refused(Cause.BUSY)
    (note,) = [each for each in orders if isinstance(each, Note)]
    assert (note.event, note.fields["cause"]) == ("refused", "over-limit")
    (said,) = sends(orders, "access")
    assert Record.read(said).stage == FAILURE


def test_answers_are_refused_in_silence_and_so_is_what_has_lost_its_call() -> None:
    assert not sends(refused(Cause.BUSY, phase=Phase.SUCCESS), "access")
    assert not sends(refused(Cause.NO_CALL, lane="x"), "access") and sends(refused(Cause.NO_CALL), "access")


def test_what_is_no_message_is_noted() -> None:
    border = toy_rig().border
    own = border.plan.realms["access"].listeners[0]
    orders = bad_message(border.registry, TOY, BadMessage("no record"), Arrival(own, NAT, b"", 0.0))
    assert [each.reason for each in orders if isinstance(each, Note)] == ["no record"] and len(orders) == 1


def test_who_comes_by_a_connection_for_calls_and_has_none_is_shown_out() -> None:
    rig, own = rig_by_connections()
    orders = rig.from_access(opening(PHONE).pack(), NAT, own)
    assert [each.peer for each in orders if isinstance(each, HangUp)] == [NAT] and len(sends(orders, "access")) == 1
    promised(rig, TOY.describe(TOY.decode(opening(PHONE).pack())).label)
    rig.from_access(opening(PHONE).pack(), NAT, own)
    orders = rig.from_access(opening(PHONE, call=2).pack(), NAT, own)
    assert not [each for each in orders if isinstance(each, HangUp)], "there is a call by it"


@pytest.mark.parametrize("fault", [False, True])
def test_whoever_wants_a_call_by_a_connection_is_told_before_that_is_closed(fault: bool, monkeypatch: Any) -> None:
    """Half-way there is a call that goes by it, and that takes the connection with it."""
    rig, own = rig_by_connections()
    data = opening(PHONE).pack()
    promised(rig, TOY.describe(TOY.decode(data)).label)

    def begin(*args: Any) -> list[Order]:
        raise ZeroDivisionError if fault else Refused(Cause.BUSY, "no")

    monkeypatch.setattr(summons, "begin", begin)
    if fault:
        with pytest.raises(Mishap) as caught:
            rig.from_access(data, NAT, own)
        orders = caught.value.orders
    else:
        orders = rig.from_access(data, NAT, own)
    last = [type(each) for each in orders if getattr(each, "listener", None) == own]
    assert last == [Send, HangUp] and not rig.border.registry.calls


def test_a_fault_is_not_told_to_who_asks_again(monkeypatch: Any) -> None:
    rig = toy_rig()

    def begin(*args: Any) -> list[Order]:
        raise ZeroDivisionError

    monkeypatch.setattr(summons, "begin", begin)
    with pytest.raises(Mishap) as caught:
        rig.from_access(opening(PHONE).pack())
    assert not sends(caught.value.orders, "access")
