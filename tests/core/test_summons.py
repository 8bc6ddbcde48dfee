"""Terminals that open the connection for a call to them when they are asked to."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.orders import Adopt, HangUp, Listener, Order, Send
from sbc.core.realm import Signaling
from sbc.core.registry import Arrival
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, events, of
from tests.toy_calls import bound, promised, rig_by_connections
from tests.toy_records import TELL, Record, opening

COMER = NAT._replace(port=51000)


def called() -> tuple[Rig, Listener, list[Order], Record]:
    """A call for a terminal that comes, from the softswitch; what was ordered, and the call as it was opened."""
    rig, own = rig_by_connections(signaling=Signaling.PORT_PER_TERMINAL, signaling_transports=("tcp",))
    presented = bound(rig, user=b"come1")
    (port,) = rig.border.registry.terminal_ports.values()
    asked = opening(SOFTSWITCH, target=presented)
    at = port.over("tcp")
    return rig, own, _heard(rig, at, SOFTSWITCH, asked.pack()), asked


def _heard(rig: Rig, at: Listener, source: Any, data: bytes) -> list[Order]:
    return rig._take(rig.border.receive(Arrival(at, source, data, rig.now)))


def here(told: Send) -> bytes:
    """What a terminal says that comes: for which call."""
    record = Record.read(told.data)
    return attrs.evolve(record, op=TELL, user=b"here", target=b"").pack()


def to_access(orders: list[Order]) -> list[Send]:
    return [each for each in of(Send, orders) if each.listener.realm == "access"]


def test_what_is_for_it_waits_and_it_is_told_where_to_come_to() -> None:
    rig, own, orders, _ = called()
    waiting, told = to_access(orders)
    assert waiting.listener.awaited and waiting.listener.shared == own and waiting.to == NAT
    assert (told.listener.transport, told.to) == ("udp", NAT)
    assert Record.read(told.data).target.startswith(own.advertised.host.encode())
    assert "summoned" in events(orders)
    (exchange,) = rig.border.registry.waits.expected()
    assert exchange.terminal is not None and exchange.terminal.comes


def test_who_comes_gets_it_and_nobody_after() -> None:
    rig, own, orders, _ = called()
    waiting, told = to_access(orders)
    (adopt,) = of(Adopt, _heard(rig, own, COMER, here(told)))
    assert adopt == Adopt(waiting.listener, waiting.to, own, COMER)
    assert not rig.border.registry.waits.expected()
    again = _heard(rig, own, COMER._replace(port=51001), here(told))
    assert not of(Adopt, again) and [each.peer.port for each in of(HangUp, again)] == [51001]


@pytest.mark.parametrize("source", [COMER._replace(host="203.0.113.99"), PHONE])
def test_from_elsewhere_nobody_comes(source: Any) -> None:
    rig, own, orders, _ = called()
    turned = _heard(rig, own, source, here(to_access(orders)[1]))
    assert not of(Adopt, turned) and "uninvited" in events(turned)
    assert len(rig.border.registry.waits.expected()) == 1, "who was asked may still come"


def test_a_connection_that_a_call_goes_by_is_no_other_calls() -> None:
    rig, own, orders, _ = called()
    mine, dialect = opening(PHONE, call=7777).pack(), rig.border.dialects["toy"]
    label = dialect.describe(dialect.decode(mine)).label
    promised(rig, label)
    _heard(rig, own, COMER, mine)
    turned = _heard(rig, own, COMER, here(to_access(orders)[1]))
    assert not of(Adopt, turned) and not of(HangUp, turned)


def test_when_it_does_not_answer_the_call_is_over() -> None:
    rig, _, _, _ = called()
    orders = rig.wait(11.0)
    assert "unsummoned" in events(orders) and not rig.border.registry.waits.expected()
    rig.wait(1000.0)
    assert not rig.border.registry.calls
