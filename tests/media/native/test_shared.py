"""Shared ports of the `native` engine where something fails; the rest tests/contract/test_media_shared.py asks."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.multiplexed import shared_pair
from sbc.core.orders import Latch, Shared, SideSpec
from sbc.interfaces import PortUnavailable
from sbc.media.sockets import MediaSockets
from tests.loopback import loopback

native = pytest.importorskip("sbc.media.native._native", reason="the modules in C are not built")
from sbc.media.native.shared import SharedPorts  # noqa: E402

HOST = f"{loopback('shared')}.2"


class Refusing:
    """The library of an engine that takes no socket."""

    def engine_share(self, engine: Any, fds: list[int]) -> Any:
        return native.ffi.NULL


class Module:
    ffi = native.ffi
    lib = Refusing()


def test_ports_that_the_engine_does_not_take_are_closed_again() -> None:
    ports = SharedPorts(Module, MediaSockets())
    shared = Shared(shared_pair(HOST, 10_000), 7)
    side = SideSpec("access", shared_pair(HOST, 10_002), None, False, HOST, Latch.NAT, 3.0, shared=shared)
    for _ in range(2):  # else they would be taken the second time
        with pytest.raises(PortUnavailable):
            ports.join(None, side)
    assert ports.sockets == ports.strays == 0
    ports.leave(None, shared)
    ports.leave(None, None)
