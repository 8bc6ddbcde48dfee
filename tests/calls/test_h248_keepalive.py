"""Gateways of H.248 that are asked whether they live, and those that say so by themselves (H.248.14)."""

from __future__ import annotations

import pytest

from sbc.core.realm import Keepalive
from sbc.h248.message import Body, Verb
from tests.h248_calls import Gateway, gateway, gateway_rig, read
from tests.h248_words import WIRES, command, reply, transaction
from tests.rig import events

PERIOD = Keepalive().period


def idle(found: Gateway, number: int) -> None:
    """The gateway's inactivity timer has run out: it tells its controller, who answers."""
    what = command(b"Notify", b"ROOT", b"ObservedEvents = 7 { it/ito }")
    (asked,) = found.heard(found.say(transaction(number, b"-", what)))
    assert read(asked).commands[0].observed == (b"it/ito",)
    found.ask(reply(read(asked).transaction, b"-", command(b"Notify", b"ROOT")))


@pytest.mark.parametrize("wire", WIRES)
def test_who_speaks_by_itself_is_not_asked(wire: str) -> None:
    """So the timer is its controller's alone: a question would start it again."""
    found = gateway(gateway_rig(keepalive=Keepalive()), wire=wire)
    rig = found.rig
    rig.log.clear()
    for number in range(100, 140):
        rig.wait(PERIOD - 5)
        idle(found, number)
    assert "probed" not in events(rig.log)
    rig.log.clear()
    rig.wait(PERIOD + 1)
    (probe,) = {each for each in found.told(rig.log)}
    asked = read(probe)
    assert (asked.body, asked.wire.value, asked.commands[0].verb) == (Body.REQUEST, wire, Verb.AUDIT_VALUE)
    found.say(reply(asked.transaction, b"-", command(b"AuditValue", b"ROOT")))
    rig.log.clear()
    rig.wait(PERIOD - 1)
    assert not found.told(rig.log)
