"""Who is called in the benchmark of H.323 calls, and the gatekeeper beside, in one process.

    python -m benchmarks.h323_callee --at 198.51.100.2 --caller 203.0.113.10 [--media]

Answers every Setup at once, takes part in H.245, closes when the call is released. At its end it prints what it has
seen as JSON: Setups, those in which the caller's own address stood, seconds of CPU.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
from dataclasses import dataclass
from time import process_time

from benchmarks.h323_loop import MOST, Loop, packets, received, udp
from benchmarks.h323_octets import FACILITY, MARK, RELEASE, SETUP, CalleeSignals, GatekeeperRas, Talk

RAS, CALLS = 1719, 1720


@dataclass(eq=False)
class Connection:
    """A call of somebody's; `talks` once H.245 was answered."""

    sock: socket.socket
    held: bytes = b""
    reference: int = 0
    guid: bytes = b""
    talks: bool = False


class Callee:
    """Serves at a host until it is told to stop."""

    def __init__(self, at: str, caller: str, media: bool) -> None:
        self.loop = Loop()
        self.setups = self.leaks = self.released = 0
        self._signals = CalleeSignals(Talk(caller, at), media)
        self._gatekeeper = GatekeeperRas((at, RAS), (at, CALLS))
        self._hidden = socket.inet_aton(caller)
        self._ras = udp(at, RAS)
        self._door = socket.create_server((at, CALLS), backlog=4096)
        self._door.setblocking(False)
        self.loop.read(self._ras, self._asked)
        self.loop.read(self._door, self._came)

    def _asked(self) -> None:
        while True:
            try:
                data, source = self._ras.recvfrom(MOST)
            except BlockingIOError:
                return
            answer = self._gatekeeper.answer(data)
            if answer is not None:
                self._ras.sendto(answer, source)

    def _came(self) -> None:
        while True:
            try:
                sock, _ = self._door.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made = Connection(sock)
            self.loop.read(sock, lambda made=made: self._readable(made))  # type: ignore[misc]

    def _readable(self, call: Connection) -> None:
        data = received(call.sock)
        if data is None:
            return
        found, call.held = packets(call.held + data)
        try:
            over = not data or any([self._hear(call, packet) for packet in found])
        except OSError:  # it is gone
            over = True
        if over:
            self.loop.close(call.sock)

    def _hear(self, call: Connection, packet: bytes) -> bool:
        """Answer a packet; whether the call is over."""
        kind, signals = packet[8], self._signals
        if kind == SETUP:
            self.setups += 1
            self.leaks += self._hidden in packet
            call.reference = (packet[6] & 0x7F) << 8 | packet[7]
            at = packet.find(MARK)
            call.guid = packet[at : at + 16]
            for each in (signals.proceeding, signals.alerting, signals.connect):
                call.sock.send(each(0, call.reference, call.guid))
        elif kind == FACILITY and not call.talks:
            call.talks = True
            call.sock.send(signals.second(0, call.reference, call.guid))
        elif kind == RELEASE:
            self.released += 1
        return kind == RELEASE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--at", required=True)
    parser.add_argument("--caller", required=True, help="whose address nobody here should see")
    parser.add_argument("--media", action="store_true")
    asked = parser.parse_args()
    callee = Callee(asked.at, asked.caller, asked.media)
    signal.signal(signal.SIGTERM, lambda *_: callee.loop.stop())
    callee.loop.run()
    seen = {"setups": callee.setups, "leaks": callee.leaks, "released": callee.released, "cpu": process_time()}
    print("seen", json.dumps(seen), flush=True)


if __name__ == "__main__":
    main()
