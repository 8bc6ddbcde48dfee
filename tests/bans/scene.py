"""A host with signalling ports, and another from which sources speak to them: who of those is heard."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sbc.bans.doors import Door
from tests.media.kernel.net import Net

DOORS = (Door("access", "10.1.0.1", range(5060, 5061)), Door("access", "fd01::1", range(5060, 5061)))
_PATIENCE = 20.0


class Scene:
    """Ports of the host `a` and of ours, by their addresses."""

    def __init__(self, net: Net, ask: Callable[..., Any], opened: ExitStack) -> None:
        self.ask, self._net, self._opened = ask, net, opened
        self._sockets: dict[tuple[str, int], socket.socket] = {}

    def hears(self, host: str, port: int, at: int = 5060) -> bool:
        """Whether what `host` and `port` send to a port of ours is heard there. Of two datagrams on one wire the first
        comes first: where only the second has come, of a host that nobody bans, the first never will."""
        ours, other = ("10.1.0.1", "10.1.0.3") if ":" not in host else ("fd01::1", "fd01::3")
        mine = self._socket(self.ask, (ours, at))
        for sender in (host, port), (other, 5999):
            self._socket(self._net.a.call, sender).sendto(repr(sender).encode(), (ours, at))
        heard: list[bytes] = []
        while repr((other, 5999)).encode() not in heard:
            heard.append(mine.recv(100))
        return repr((host, port)).encode() in heard

    def _socket(self, ask: Callable[..., Any], at: tuple[str, int]) -> socket.socket:
        if at not in self._sockets:
            family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
            made = self._sockets[at] = self._opened.enter_context(ask(socket.socket, family, socket.SOCK_DGRAM))
            made.bind(at)
            made.settimeout(_PATIENCE)
        return self._sockets[at]

    def shown(self, command: str) -> str:
        """What a command says on our host."""
        return str(self._net.sbc.call(subprocess.check_output, command.split()))


@contextmanager
def scene(net: Net, ask: Callable[..., Any]) -> Iterator[Scene]:
    """The scene on such a network; `ask` has something done on our host."""
    net.a.ip("addr add fd01::3/64 dev eth0 nodad")
    with ExitStack() as opened:
        yield Scene(net, ask, opened)
