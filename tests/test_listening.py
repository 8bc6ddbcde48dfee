"""Signalling sockets are opened, marked and closed."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any, cast

import attrs
import pytest
from twisted.internet import reactor
from twisted.internet.error import CannotListenError

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.orders import Listener
from sbc.core.realm import Media, Plan, Realm, Side
from sbc.listening import Listening
from sbc.policy.marking import Mark, Marks
from sbc.sip.dialect import SipDialect
from sbc.sip.protocol import Datagrams
from tests.rig import SECRET

HOST = "127.0.0.1"


def free_listener() -> Listener:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        address = Address(*probe.getsockname())
    return Listener("access", "sip", "udp", address, address)


def tos(port: Any) -> int:
    return cast(int, port.socket.getsockopt(socket.IPPROTO_IP, socket.IP_TOS))


def test_a_listener_has_the_dscp_of_its_realm_and_is_heard_of() -> None:
    own = free_listener()
    realm = Realm("access", Side.ACCESS, (own,), Media(HOST, HOST, range(20000, 20010)), marks=Marks(Mark(26)))
    plan = Plan({"access": realm}, ())
    heard: list[bytes] = []

    class Ears:
        def received(self, listener: Listener, source: Address, data: bytes, proven: str = "") -> None:
            heard.append(data)

        def bounced(self, *_: object) -> None: ...

    border = Border(plan, {"sip": SipDialect()}, Mint(SECRET))
    listening = Listening(reactor, border, {"sip": Datagrams}, cast(Any, None), Ears())
    listening.open(own)
    port = listening.all()[own]
    alone = free_listener()  # a terminal's own: none of the realm's listeners
    listening.open(alone)
    try:
        assert tos(port) == 26 << 2
        realm = attrs.evolve(realm, marks=Marks(Mark(46)))
        listening.mark(Plan({"access": realm}, ()))
        assert tos(port) == tos(listening.all()[alone]) == 46 << 2
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.sendto(b"hello", own.address)
        port.doRead()
        assert heard == [b"hello"]
    finally:
        listening.close(own)
        listening.close(alone)
    assert not listening.all() and not listening.stop()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_port_that_may_not_be_marked_is_not_left_open(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = attrs.evolve(free_listener(), transport=transport)
    realm = Realm("access", Side.ACCESS, (own,), Media(HOST, HOST, range(20000, 20010)))
    border = Border(Plan({"access": realm}, ()), {"sip": SipDialect()}, Mint(SECRET))
    closed: list[Listener] = []
    door = SimpleNamespace(socket=None, stopListening=lambda: closed.append(own))
    connections = cast(Any, SimpleNamespace(listen=lambda *_: door))
    listening = Listening(
        reactor, border, {"sip": Datagrams}, connections, cast(Any, SimpleNamespace(received=print, bounced=print))
    )

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as without:
        without.setattr("sbc.listening.set_class", refuse)
        without.setattr("sbc.media.udp.set_class", refuse)
        with pytest.raises(CannotListenError, match="not permitted"):
            listening.open(own)
    assert not listening.all()
    assert closed == ([own] if own.reliable else [])
    if not own.reliable:
        reactor.iterate(0)  # type: ignore[attr-defined]
        listening.open(own)  # nobody is in the way
        with monkeypatch.context() as without:
            without.setattr("sbc.listening.set_class", refuse)
            listening.mark(border.plan)  # stays as it is
        assert own in listening.all()
        listening.close(own)
