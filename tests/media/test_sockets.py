"""Opening the sockets of a side: which there are, who closes them, and what is said where there are none."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, SideSpec
from sbc.media.interfaces import PortUnavailable
from sbc.media.sockets import MediaSockets

_SO_MARK = 36
SIDE = SideSpec("access", Pair(Address("127.0.0.1", 0), None), None, False, "", Latch.NAT, 3.0)


def test_rtcp_has_a_socket_only_where_it_has_an_address_of_its_own() -> None:
    shared = Address("127.0.0.1", 0)
    with ExitStack() as opened:
        assert MediaSockets().open_pair(SIDE, opened)[1] is None
        assert MediaSockets().open_pair(attrs.evolve(SIDE, local=Pair(shared, shared)), opened)[1] is None
        both = attrs.evolve(SIDE, local=Pair(shared, Address("127.0.0.2", 0)))
        rtp, rtcp = MediaSockets().open_pair(both, opened)
        assert rtcp is not None
        assert (rtp.getsockname()[0], rtcp.getsockname()[0]) == ("127.0.0.1", "127.0.0.2")


def test_where_the_second_cannot_be_had_the_first_is_closed_by_who_asked() -> None:
    not_ours = Address("203.0.113.77", 4001)
    with ExitStack() as opened:
        taken, _ = MediaSockets().open_pair(SIDE, opened)
        with pytest.raises(PortUnavailable) as caught:
            MediaSockets().open_pair(attrs.evolve(SIDE, local=Pair(Address("127.0.0.1", 0), not_ours)), opened)
        assert caught.value.address == not_ours
    assert taken.fileno() == -1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mark packets")
def test_shared_sockets_have_the_mark_and_dscp_of_who_joined_last() -> None:
    pair, sockets = Pair(Address("127.0.0.1", 0), Address("127.0.0.2", 0)), MediaSockets()
    first, plain = attrs.evolve(SIDE, mark=7, dscp=34), attrs.evolve(SIDE, dscp=46)
    with ExitStack() as opened:
        both = sockets.open_shared(pair, first, opened)
        assert {_how(sock) for sock in both} == {(7, 34 << 2)}
        sockets.join_shared(pair, both, first, plain)
        assert {_how(sock) for sock in both} == {(0, 46 << 2)}
        sockets.join_shared(pair, both, plain, first)
        assert {_how(sock) for sock in both} == {(7, 34 << 2)}


def _how(sock: socket.socket) -> tuple[int, int]:
    mark, octet = sock.getsockopt(socket.SOL_SOCKET, _SO_MARK), sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)
    return mark, octet
