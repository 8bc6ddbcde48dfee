"""What is said to whoever sent what does not cross."""

from __future__ import annotations

import attrs

from sbc.core.message import BadMessage, Cause, Intent, Kind, Phase, Refused
from sbc.core.orders import Note, Order
from sbc.core.refusing import bad_message, refuse
from sbc.core.registry import Arrival
from tests.rig import NAT, PHONE, sends
from tests.toy import ToyDialect
from tests.toy_calls import toy_rig
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
    own = toy_rig().border.plan.realms["access"].listeners[0]
    orders = bad_message(TOY, BadMessage("no record"), Arrival(own, NAT, b"", 0.0))
    assert [each.reason for each in orders if isinstance(each, Note)] == ["no record"] and len(orders) == 1
