"""Both ends of the benchmark's load of gateways, each a process of its own: gateways that announce themselves and
answer, and who controls them and makes calls there, a fixed number at a time.

    python -m benchmarks.gateway_load gateways WIRE --to HOST --count N
    python -m benchmarks.gateway_load controller WIRE --count N --calls N --window N --watch PID --result FILE

WIRE is ``mgcp`` or a folder of templates (`gateway_wires.templates`), named after their encoding. With ``--direct
HOST`` the controller's one gateway is there, and does not announce itself.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
from collections import deque
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks import usage
from benchmarks.gateway_wires import GatewayCall, H248Wire, MgcpWire
from benchmarks.h323_loop import udp
from benchmarks.load import CALLEE, CALLER
from tests.netns.mgcp_wire import AGENT_PORT

PORTS = 24_000  # of the gateways
_AGAIN, _PATIENCE = 0.5, 10.0  # seconds until a command is sent again, and until it has failed
Peer = tuple[str, int]


def wire_of(name: str) -> MgcpWire | H248Wire:
    if name == "mgcp":
        return MgcpWire()
    directory = Path(name)
    encoding = directory.name
    files = directory.glob(f"*.{encoding}")
    return H248Wire(encoding, {file.name.removesuffix(f".{encoding}"): file.read_bytes() for file in files})


def ready(sock: socket.socket, data: bytearray) -> list[tuple[bytes, Peer]]:
    """All datagrams that have come."""
    found = []
    while True:
        try:
            count, source = sock.recvfrom_into(data)
        except (BlockingIOError, ConnectionRefusedError):
            return found
        found.append((bytes(data[:count]), source))


def gateways(wire: MgcpWire | H248Wire, to: Peer, number: int) -> None:
    """Announce each, one after the other, and answer whatever is asked, until the process is ended."""
    room, poll, socks = bytearray(65536), select.epoll(), {}
    for place in range(number):
        sock = udp(CALLER, PORTS + place)
        _announce(sock, wire.announce(PORTS + place), to)
        poll.register(sock.fileno(), select.EPOLLIN)
        socks[sock.fileno()] = sock
    print("announced", flush=True)
    while True:
        for fd, _ in poll.poll():
            for data, source in ready(socks[fd], room):
                answer = wire.reply(data)
                if answer:
                    socks[fd].sendto(answer, source)


def _announce(sock: socket.socket, data: bytes, to: Peer) -> None:
    for _ in range(int(_PATIENCE / _AGAIN)):
        sock.sendto(data, to)
        if select.select([sock], [], [], _AGAIN)[0]:
            sock.recv(65536)
            return
    raise SystemExit("nobody answers a gateway that announces itself")


class Controller:
    """Makes calls, `window` at a time, over all gateways in turns."""

    def __init__(self, wire: MgcpWire | H248Wire, sock: socket.socket) -> None:
        self.wire, self.sock = wire, sock
        self.gateways: list[Peer] = []
        self.delays: list[float] = []
        self.done = self.failed = self.again = 0
        self._number, self._serial = wire.first, 0
        self._open: dict[int, tuple[GatewayCall, float, bytes]] = {}  # transaction: the call, when it was sent first
        self._due: deque[tuple[float, int]] = deque()  # in the order of time
        self._room = bytearray(65536)

    def welcome(self, count: int) -> None:
        """Wait for gateways."""
        end = monotonic() + 60
        while len(self.gateways) < count and monotonic() < end:
            select.select([self.sock], [], [], 0.5)
            for data, source in ready(self.sock, self._room):
                self.sock.sendto(self.wire.welcome(data, source), source)
                if source not in self.gateways:
                    self.gateways.append(source)
        if len(self.gateways) < count:
            raise SystemExit(f"{len(self.gateways)} of {count} gateways came")

    def run(self, calls: int, window: int) -> None:
        begun = 0
        while self.done + self.failed < calls:
            while begun < calls and begun - self.done - self.failed < window:
                self._serial += 1
                self._send(GatewayCall(self.gateways[begun % len(self.gateways)], self._serial))
                begun += 1
            select.select([self.sock], [], [], 0.05)
            for data, source in ready(self.sock, self._room):
                number = self.wire.answered(data)
                if number is not None:
                    self._answered(number, data)
                else:  # a gateway's own: a keepalive of its announcement
                    self.sock.sendto(self.wire.welcome(data, source), source)
            self._repeat()

    def _send(self, call: GatewayCall) -> None:
        self._number += 1
        data = self.wire.request(call, self._number)
        now = monotonic()
        self._open[self._number] = (call, now, data)
        self._due.append((now + _AGAIN, self._number))
        self.sock.sendto(data, call.peer)

    def _answered(self, number: int, data: bytes) -> None:
        call, sent, _ = self._open.pop(number, (None, 0.0, b""))
        if call is None:
            return  # an answer to what was sent again
        self.delays.append(monotonic() - sent)
        if not self.wire.learn(call, data):
            self.failed += 1
            return
        call.step += 1
        if call.step < self.wire.steps:
            self._send(call)
        else:
            self.done += 1

    def _repeat(self) -> None:
        now = monotonic()
        while self._due and self._due[0][0] <= now:
            number = self._due.popleft()[1]
            if number not in self._open:
                continue
            call, sent, data = self._open[number]
            if now - sent > _PATIENCE:
                del self._open[number]
                self.failed += 1
                continue
            self.again += 1
            self._due.append((now + _AGAIN, number))
            self.sock.sendto(data, call.peer)


def control(asked: argparse.Namespace, wire: MgcpWire | H248Wire) -> dict[str, Any]:
    """Make calls that warm up, then those that count."""
    controller = Controller(wire, udp(CALLEE, AGENT_PORT if asked.wire == "mgcp" else wire.port))
    if asked.direct:
        controller.gateways.append((asked.direct, wire.port))
    else:
        controller.welcome(asked.count)
    controller.run(max(asked.calls // 10, asked.window), asked.window)
    controller.delays.clear()
    controller.done = controller.failed = controller.again = 0
    cpu, began = usage.processor(asked.watch), monotonic()
    controller.run(asked.calls, asked.window)
    seconds, cpu = monotonic() - began, usage.processor(asked.watch) - cpu
    delays = sorted(controller.delays) or [float("nan")]
    return {
        "done": controller.done, "failed": controller.failed, "again": controller.again, "seconds": seconds,
        "cpu": cpu, "p50": delays[len(delays) // 2] * 1000, "p99": delays[int(len(delays) * 0.99)] * 1000,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["gateways", "controller"])
    parser.add_argument("wire")
    parser.add_argument("--to", default="")
    parser.add_argument("--direct", default="")
    parser.add_argument("--result", default="")
    for name, usual in (("count", 1), ("calls", 0), ("window", 1), ("watch", 0)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    asked = parser.parse_args()
    wire = wire_of(asked.wire)
    if asked.role == "gateways":
        gateways(wire, (asked.to, AGENT_PORT if asked.wire == "mgcp" else wire.port), asked.count)
    else:
        Path(asked.result).write_text(json.dumps(control(asked, wire)))


if __name__ == "__main__":
    main()
