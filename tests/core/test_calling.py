"""Where calls go by connections of their own; whole calls are in tests/calls."""

from __future__ import annotations

import attrs
import pytest

from sbc.core import calling
from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.message import Cause, Intent, Kind, Phase, Refused
from sbc.core.orders import HangUp, Order, Send
from sbc.core.realm import Callers, Path
from sbc.core.registry import Arrival
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, make_plan, of, sends
from tests.toy_calls import bound, promised, rig_by_connections, toy_rig
from tests.toy_records import answer, opening

OPEN = Intent(Kind.OPEN, Phase.REQUEST, b"call", b"exchange", heralds=b"everywhere", bound=True)


def by_tcp(rig: Rig, realm: str) -> Arrival:
    own = attrs.evolve(rig.border.plan.realms[realm].listeners[0], transport="tcp")
    return Arrival(own, NAT if realm == "access" else SOFTSWITCH, b"", rig.now)


def refusal(rig: Rig, realm: str) -> Cause:
    """Why a call of somebody who is not registered is refused."""
    registry = rig.border.registry
    with pytest.raises(Refused) as refused:
        calling.way(registry, by_tcp(rig, realm), OPEN, rig.border.plan.realms[realm])
    return refused.value.cause


def test_without_leave_who_is_not_registered_calls_nobody_unless_the_path_lets_anybody() -> None:
    assert refusal(toy_rig(callers=Callers.REGISTERED), "access") is Cause.FORBIDDEN
    assert refusal(toy_rig(callers=Callers.ANY), "access") is Cause.NOT_FOUND  # there is no next hop for calls


def test_who_may_begin_calls() -> None:
    (path,) = make_plan("toy").paths
    help_me = attrs.evolve(OPEN, urgent=True)
    assert Path("p", "a", "c", ()).callers is Callers.REGISTERED
    for callers, intent, known, may in (
        (Callers.REGISTERED, OPEN, False, False),
        (Callers.REGISTERED, OPEN, True, True),
        (Callers.REGISTERED, help_me, False, True),
        (Callers.REGISTERED, attrs.evolve(OPEN, welcome=True), False, True),
        (Callers.REGISTERED, attrs.evolve(OPEN, kind=Kind.BIND), False, True),
        (Callers.ANY, OPEN, False, True),
    ):
        asked = attrs.evolve(path, callers=callers), intent, known
        if may:
            calling.refuse_strangers(*asked)
        else:
            with pytest.raises(Refused):
                calling.refuse_strangers(*asked)


def test_a_path_may_keep_strangers_from_calling_by_datagrams_too() -> None:
    for callers, goes in ((Callers.ANY, True), (Callers.REGISTERED, False)):
        rig = toy_rig(callers=callers)
        onward = [each for each in of(Send, rig.from_access(opening(PHONE).pack())) if each.listener.realm == "core"]
        assert bool(onward) is goes
        assert bool(rig.border.registry.calls) is goes
    rig = toy_rig(callers=Callers.REGISTERED)
    bound(rig)
    moved, away = Address(NAT.host, NAT.port + 1), Address("203.0.113.99", 5060)
    for number, source, user, goes in (
        (2, NAT, b"alice", True),
        (3, moved, b"alice", True),  # her NAT has given her another port since
        (4, away, b"alice", False),
        (5, moved, b"eve", False),  # nobody of that name is registered there
    ):
        asked = opening(PHONE, call=number, exchange=number).but(user=user)
        assert bool(sends(rig.from_access(asked.pack(), source), "core")) is goes, (source, user)


def test_without_a_listener_for_connections_there_is_none_either() -> None:
    rig = toy_rig()
    promised(rig, b"everywhere")
    assert refusal(rig, "access") is Cause.UNREACHABLE


def test_at_a_port_of_no_terminal_nobody_is_called() -> None:
    assert refusal(toy_rig(), "core") is Cause.NOT_FOUND


@pytest.mark.parametrize(("whose", "proven"), [("", False), ("who is gone", False), ("its own", True)])
def test_leave_proves_who_was_given_it_and_no_other_there(whose: str, proven: bool) -> None:
    rig, _ = rig_by_connections()
    bound(rig)
    registry = rig.border.registry
    (terminal,) = registry.bindings.values()
    promised(rig, b"everywhere", binding=terminal.id if whose == "its own" else whose)
    says = attrs.evolve(OPEN, user=terminal.user)
    way = calling.way(registry, by_tcp(rig, "access"), says, rig.border.plan.realms["access"])
    assert way.terminal is terminal and way.proven is proven


def to_core(orders: list[Order]) -> Send:
    (send,) = [each for each in of(Send, orders) if each.listener.realm == "core"]
    return send


def test_a_call_by_datagram_is_none() -> None:
    rig, _ = rig_by_connections()
    data = opening(PHONE).pack()
    label = rig.border.dialects["toy"].describe(rig.border.dialects["toy"].decode(data)).label
    promised(rig, label)
    assert not of(Send, rig.from_access(data)) and not rig.border.registry.calls


def test_each_call_goes_by_a_connection_of_its_own_and_ends_with_it() -> None:
    rig, own = rig_by_connections()
    data = opening(PHONE).pack()
    label = rig.border.dialects["toy"].describe(rig.border.dialects["toy"].decode(data)).label
    promised(rig, label)
    sent = [to_core(rig.from_access(data, NAT._replace(port=port), own)) for port in (50001, 50002)]
    assert len({each.listener.lane for each in sent}) == 2 and all(each.to == SOFTSWITCH for each in sent)
    first, second = sent
    for each in sent:
        rig.from_core(answer(each.data, SOFTSWITCH.host).pack(), at=each.listener)
    calls = {call.legs[1].listener: call for call in rig.border.registry.calls.values()}
    orders = rig._take(rig.border.unreachable(first.listener, SOFTSWITCH, "lost", rig.now))
    assert [each.peer.port for each in of(HangUp, orders)] == [50001, SOFTSWITCH.port]
    assert calls[first.listener].state is CallState.CLOSED and calls[second.listener].state is CallState.UP


def secured(rig: Rig, realm: str, plain: bool) -> None:
    """Let calls go by TLS there, or by TCP too."""
    realms = rig.border.plan.realms
    own = realms[realm].listeners[0]
    more = [attrs.evolve(own, transport=each) for each in ("tls", "tcp")[: 1 + plain]]
    realms[realm] = attrs.evolve(realms[realm], listeners=(own, *more))


@pytest.mark.parametrize("plain", [False, True])
def test_where_calls_go_by_tls_alone_they_go_by_tls(plain: bool) -> None:
    rig, _ = rig_by_connections()
    secured(rig, "core", plain)
    promised(rig, b"everywhere")
    registry = rig.border.registry
    way = calling.way(registry, by_tcp(rig, "access"), OPEN, rig.border.plan.realms["access"])
    assert way.hop.listener.transport == ("tcp" if plain else "tls") and way.hop.listener.lane
