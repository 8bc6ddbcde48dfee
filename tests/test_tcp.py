"""TCP sockets in another network: bound there, connected from there, and marked."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.error import ConnectBindError
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure

from sbc import tcp
from sbc.core.address import Address
from sbc.core.vpn import Vpn
from sbc.media.namespaces import made_in
from sbc.media.udp import mark_of
from tests.contract.engines import RigReactor
from tests.namespaces import NEED, namespace
from tests.waiting import until

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def red() -> Iterator[Vpn]:
    with namespace() as path:
        yield Vpn(path, "lo")


class Wanted(ClientFactory):
    """Makes one connection."""

    noisy = False

    def __init__(self) -> None:
        self.made: list[Any] = []
        self.failed: list[Any] = []

    def buildProtocol(self, addr: Any) -> Protocol:
        wanted = self

        class Made(Protocol):
            def connectionMade(self) -> None:
                wanted.made.append(self.transport)

        return Made()

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self.failed.append(reason.value)


@pytest.fixture
def reactor() -> Iterator[RigReactor]:
    reactor = RigReactor()
    yield reactor
    reactor.close()


def turned(reactor: RigReactor) -> None:
    """Let the reactor do what there is to do."""
    reactor.iterate(0)


@NEED
def test_who_comes_has_the_network_and_mark_of_the_socket_that_it_came_to(red: Vpn) -> None:
    with tcp.bound(Address(HOST, 0), red, 7) as door, tcp.bound(Address(*door.getsockname())) as other:
        assert other.getsockname() == door.getsockname(), "of one address there are two"
        door.listen()
        door.setblocking(True)
        with made_in(red.namespace, socket.AF_INET, socket.SOCK_STREAM) as caller:
            caller.connect(door.getsockname())
            made, _ = door.accept()
        with made:
            assert mark_of(made) == 7
            assert made.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"


@NEED
def test_connections_are_made_from_there(red: Vpn, reactor: RigReactor) -> None:
    with made_in(red.namespace, socket.AF_INET, socket.SOCK_STREAM) as door:
        door.bind((HOST, 0))
        door.listen()
        wanted, to = Wanted(), Address(*door.getsockname())
        tcp.connect(reactor, to, wanted, 5.0, "127.0.0.5", red, 7)
        until(lambda: turned(reactor) or bool(wanted.made), "the connection")
        made, source = door.accept()
        made.close()
        assert source[0] == "127.0.0.5" and mark_of(wanted.made[0].getHandle()) == 7
        here = Wanted()
        tcp.connect(reactor, to, here, 5.0, HOST)
        until(lambda: turned(reactor) or bool(here.failed), "a refusal: nobody is there at home")
    wanted.made[0].abortConnection()
    turned(reactor)


def test_a_device_that_is_not_there(reactor: RigReactor) -> None:
    gone, before = Vpn("", "sbc-no-such"), len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="device sbc-no-such: No such device"):
        tcp.bound(Address(HOST, 0), gone)
    wanted = Wanted()
    tcp.connect(reactor, Address(HOST, 9), wanted, 5.0, HOST, gone)
    until(lambda: turned(reactor) or bool(wanted.failed), "the failure")
    (failed,) = wanted.failed
    assert isinstance(failed, ConnectBindError) and "device sbc-no-such: No such device" in str(failed)
    assert len(os.listdir("/proc/self/fd")) == before


def test_names_are_not_looked_up() -> None:
    with pytest.raises(OSError, match="is not an IP address"):
        tcp.bound(Address("localhost", 0))
