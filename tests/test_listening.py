"""Signalling sockets are opened, marked and closed."""

from __future__ import annotations

import socket
from typing import Any, cast

import attrs
from twisted.internet import reactor

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
    try:
        assert tos(port) == 26 << 2
        realm = attrs.evolve(realm, marks=Marks(Mark(46)))
        listening.mark(Plan({"access": realm}, ()))
        assert tos(port) == 46 << 2
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.sendto(b"hello", own.address)
        port.doRead()
        assert heard == [b"hello"]
    finally:
        listening.close(own)
    assert not listening.all() and not listening.stop()
