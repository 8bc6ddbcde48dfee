"""A message on its way; what its receiver could not read is refused."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.crossing import Crossing
from sbc.core.exchange import Hop
from sbc.core.message import BadMessage, Cause, Refused
from sbc.core.passage import translate
from sbc.core.registry import Arrival
from tests.rig import NAT, PHONE, SBC_CORE, SOFTSWITCH
from tests.toy import ToyDialect, ToyMessage
from tests.toy_calls import opened
from tests.toy_records import Record


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
