"""A message on its way; what its receiver could not read is refused."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.crossing import Crossing
from sbc.core.exchange import Hop
from sbc.core.message import BadMessage, Cause, Place, Refused, Role, Slot
from sbc.core.passage import translate
from sbc.core.registry import Arrival
from tests.rig import NAT, PHONE, SBC_CORE, SOFTSWITCH, events, sends
from tests.toy import ToyDialect, ToyMessage
from tests.toy_calls import opened, toy_rig
from tests.toy_records import Record, opening


class Narrow(ToyDialect):
    """Can write more than it could read."""

    def encode(self, message: ToyMessage) -> bytes:
        data = super().encode(message)
        if SBC_CORE.host.encode() in data:
            raise BadMessage("too long")
        return data


def crossing_of(talk: Any) -> Crossing:
    registry = talk.rig.border.registry
    own = registry.plan.realms["core"].listeners[0]
    near = talk.exchange.near
    arrival = Arrival(near.listener, NAT, talk.asked, talk.rig.now)
    path = registry.plan.paths[0]
    return Crossing(registry, arrival, talk.exchange.intent, talk.exchange, Hop(own, SOFTSWITCH), path, None)


def test_the_same_request_is_translated_to_the_same_again() -> None:
    talk = opened()
    dialect = ToyDialect()
    message = dialect.decode(talk.asked)
    data = translate(dialect, message, dialect.slots(message), crossing_of(talk))
    assert data == talk.sent
    assert Record.read(data).places[0][0].startswith(SBC_CORE.host.encode())
    assert PHONE.host.encode() not in data


def test_what_nobody_could_read_does_not_go_on() -> None:
    talk = opened()
    dialect = Narrow()
    message = dialect.decode(talk.asked)
    with pytest.raises(Refused) as caught:
        translate(dialect, message, dialect.slots(message), crossing_of(talk))
    assert caught.value.cause is Cause.UNSUPPORTED and "too long" in caught.value.why


class Cramped(ToyDialect):
    """The made-up protocol, if it had no room for some addresses."""

    def fill(self, message: ToyMessage, slot: Slot, place: Place) -> None:
        if slot.role is Role.RTP:
            raise BadMessage("no room for such an address")
        super().fill(message, slot, place)


def test_what_cannot_be_written_is_refused_and_leaves_nothing() -> None:
    rig = toy_rig(Cramped())
    orders = rig.from_access(opening(PHONE).pack())
    assert "refused" in events(orders) and not sends(orders, "core")
    assert not rig.border.registry.calls and not rig.open_streams
