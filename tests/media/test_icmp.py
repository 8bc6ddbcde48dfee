"""What comes back, from the kernel of this machine: it answers for ports of the loopback that nobody listens on."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from sbc.core.address import Address
from sbc.media import icmp
from sbc.media.udp import open_udp


@pytest.fixture(params=["127.0.0.1", "::1"])
def own(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    with open_udp(Address(request.param, 0)) as sock:
        yield sock


def nobody(own: socket.socket) -> Address:
    """An address at which nobody listens: of a port that was open a moment ago."""
    host = own.getsockname()[0]
    with open_udp(Address(host, 0)) as gone:
        return Address(*gone.getsockname()[:2])


def came_back(own: socket.socket) -> None:
    poll = select.poll()
    poll.register(own, 0)
    assert poll.poll(20_000), "nothing came back"


def test_it_is_told_where_it_was_sent_and_how_it_began(own: socket.socket) -> None:
    assert icmp.listen(own)
    to = nobody(own)
    own.sendto(b"hello" + bytes(2000), to)
    came_back(own)
    (bounce,) = icmp.bounces(own, 8)
    assert (bounce.to, bounce.why) == (to, "port unreachable")
    assert bounce.data.startswith(b"hello") and 100 < len(bounce.data) < 2005, "a part of it"
    assert icmp.bounces(own, 8) == []
    own.sendto(b"x", own.getsockname())  # nothing is left to be told to whoever sends next
    assert own.recv(10) == b"x"


def test_no_more_are_read_at_once_than_asked_for(own: socket.socket) -> None:
    icmp.listen(own)
    tos = [nobody(own) for _ in range(3)]
    for number, to in enumerate(tos):
        try:
            own.sendto(b"%d" % number, to)
        except OSError:  # told of the one before; its own is to be sent again
            own.sendto(b"%d" % number, to)
    came_back(own)
    found = icmp.bounces(own, 2)
    assert len(found) == 2
    while len(found) < 3:
        came_back(own)
        found += icmp.bounces(own, 2)
    assert {(bounce.to, bounce.data) for bounce in found} == {(to, b"%d" % n) for n, to in enumerate(tos)}


def test_without_it_nothing_is_kept(own: socket.socket) -> None:
    own.sendto(b"hello", nobody(own))
    assert icmp.bounces(own, 8) == []


@pytest.mark.parametrize(
    ("origin", "kind", "code", "why"),
    [
        (2, 3, 1, "host unreachable"),
        (2, 3, 4, ""),  # too large: it is the next one that will be smaller
        (2, 11, 0, ""),  # time exceeded, to be ignored (RFC 3261 section 18.4)
        (3, 1, 4, "port unreachable"),
        (3, 1, 1, ""),
        (1, 3, 3, ""),  # of this machine's own: whoever sent has been told
    ],
)
def test_only_what_says_that_nobody_is_there_counts(origin: int, kind: int, code: int, why: str) -> None:
    value = icmp._EXTENDED.pack(111, origin, kind, code, 0, 0, 0)
    assert icmp._why(socket.IPPROTO_IP, icmp._IP_RECVERR, value) == why
    assert icmp._why(socket.IPPROTO_IP, socket.IP_TTL, value) == "", "something else"
    assert icmp._why(socket.IPPROTO_IP, icmp._IP_RECVERR, value[:8]) == "", "cut off"
