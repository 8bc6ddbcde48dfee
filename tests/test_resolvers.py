"""Names that are asked for in another network, with a server of that network, over UDP and, what is too long, TCP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import succeed
from twisted.names import dns
from twisted.names.server import DNSServerFactory

from sbc import tcp
from sbc.core.address import Address
from sbc.core.vpn import VpnLabel
from sbc.media.udp import listen_udp
from sbc.resolvers import Resolvers
from tests.contract.engines import RigReactor
from tests.namespaces import NEED, namespace
from tests.waiting import until

pytestmark = NEED
LONG = 60  # addresses: more than a datagram has room for


class Zone:
    """What the server of a network knows: `host` by one address, `long` by many."""

    def __init__(self, number: int) -> None:
        self.number = number

    def query(self, query: Any, timeout: object = None) -> Any:
        count = LONG if query.name.name == b"long" else 1
        found = [dns.Record_A(f"10.{self.number}.0.{n + 1}", ttl=60) for n in range(count)]
        return succeed(([dns.RRHeader(query.name.name, dns.A, payload=each, ttl=60) for each in found], [], []))


@pytest.fixture
def reactor() -> Iterator[RigReactor]:
    reactor = RigReactor()
    yield reactor
    for reader in reactor.getReaders():
        closing = getattr(reader, "stopListening", None) or getattr(reader, "abortConnection", None)
        if closing is not None:
            closing()
    for _ in range(3):
        reactor.iterate(0)
    reactor.close()


def serve(reactor: RigReactor, label: VpnLabel, number: int) -> None:
    """A server of its own at an address that both networks have."""
    factory = DNSServerFactory(clients=[Zone(number)])
    factory.noisy = False
    datagrams = dns.DNSDatagramProtocol(factory, reactor=reactor)
    datagrams.noisy = False
    at = Address("127.0.0.1", 53)
    listen_udp(reactor, at, datagrams, vpn=label.vpn)
    with tcp.bound(at, label.vpn) as door:
        door.listen()
        reactor.adoptStreamPort(door.fileno(), door.family, factory)


def test_each_network_is_asked_by_itself(reactor: RigReactor) -> None:
    with namespace() as one, namespace() as two:
        labels = [VpnLabel(namespace=path, dns=(("127.0.0.1", 0),)) for path in (one, two)]
        resolvers = Resolvers(reactor, (5,))
        for number, label in enumerate(labels):
            serve(reactor, label, number)
        assert resolvers.of(labels[0]) is resolvers.of(labels[0]) is not resolvers.of(labels[1])
        for name, count in ((b"host", 1), (b"long", LONG)):
            for number, label in enumerate(labels):
                found: list[Any] = []
                resolvers.of(label).lookupAddress(name, (5,)).addBoth(found.append)
                until(lambda: reactor.iterate(0) or bool(found), "an answer")  # noqa: B023
                answers, _, _ = found[0]
                hosts = {each.payload.dottedQuad() for each in answers}
                assert hosts == {f"10.{number}.0.{n + 1}" for n in range(count)}
