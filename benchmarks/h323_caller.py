"""The calling terminals of the benchmark of H.323 calls, in one process.

    python -m benchmarks.h323_caller calls --at 203.0.113.10 --to 203.0.113.1 --calls 1000 --rate 50 --result FILE
    python -m benchmarks.h323_caller registrations --at 203.0.113.10 --to 203.0.113.1 --calls 1000 --rate 150 \\
        --watch PID --result FILE

A call: admission, Setup on a connection of its own, answer, three messages of tunnelled H.245, after `--pause` seconds
release and disengage. Registrations: each terminal has a socket of its own; then each keeps its registration alive
once; `--watch` is the border, whose CPU is noted for both. The result is written as JSON.
"""

from __future__ import annotations

import argparse
import errno
import json
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import randrange
from time import monotonic, process_time
from typing import Any

from benchmarks import usage
from benchmarks.h323_loop import MOST, Loop, packets, received, udp
from benchmarks.h323_octets import (
    ACF,
    ARJ,
    CONNECT,
    DCF,
    DRJ,
    FACILITY,
    RELEASE,
    CallerRas,
    CallerSignals,
    Talk,
    identifier,
    name_given,
    ras_kind,
    registration,
)

RAS, CALLS = 1719, 1720
REPEAT, TRIES, PATIENCE = 3.0, 3, 15.0  # seconds until a RAS request is said again, how often; for a call to go on
TERMINALS = 20
_FIRST_RAS, _FIRST_CALLS = 10_000, 30_000
_SETTLE = 0.3  # seconds of rest before CPU is read


@dataclass(eq=False)
class Terminal:
    """A registered terminal: its RAS socket, what it has asked, and what it says."""

    user: str
    sock: socket.socket
    signal: tuple[str, int]
    name: str = ""
    ras: CallerRas | None = None
    signals: CallerSignals | None = None
    asked: dict[int, Callable[[bytes], None]] = field(default_factory=dict)
    number: int = field(default_factory=lambda: randrange(65_535))  # not what it said before it was started anew


@dataclass(eq=False)
class Call:
    """One call under way."""

    terminal: Terminal
    guid: bytes
    reference: int
    began: float
    sock: socket.socket | None = None
    held: bytes = b""
    setup: float = 0.0
    stage: str = "admission"


class Caller:
    """Terminals at a host, whose gatekeeper is `to`."""

    def __init__(self, at: str, to: str, terminals: int) -> None:
        self.loop = Loop()
        self.at, self.to = at, to
        self.done = self.failed = self.repeated = 0
        self.faults: list[str] = []
        self.terminals = [self._terminal(number) for number in range(terminals)]

    def _terminal(self, number: int) -> Terminal:
        made = Terminal(f"user{number}-{self.at}", udp(self.at, _FIRST_RAS + number), (self.at, _FIRST_CALLS + number))
        self.loop.read(made.sock, lambda: self._answered(made))
        return made

    def blame(self, what: str) -> None:
        self.failed += 1
        if len(self.faults) < 5:
            self.faults.append(what)

    # RAS

    def ask(self, terminal: Terminal, make: Callable[[int], bytes], hear: Callable[[bytes], None]) -> None:
        """Send a request and say it again until there is an answer; `hear` gets that, empty where there is none."""
        terminal.number = number = terminal.number % 65_535 + 1
        terminal.asked[number] = hear
        self._say(terminal, number, make(number), TRIES)

    def _say(self, terminal: Terminal, number: int, data: bytes, tries: int) -> None:
        hear = terminal.asked.get(number)
        if hear is None:
            return
        if not tries:
            del terminal.asked[number]
            hear(b"")
            return
        self.repeated += tries < TRIES
        terminal.sock.sendto(data, (self.to, RAS))
        self.loop.after(REPEAT, lambda: self._say(terminal, number, data, tries - 1))

    def _answered(self, terminal: Terminal) -> None:
        while True:
            try:
                data, _ = terminal.sock.recvfrom(MOST)
            except BlockingIOError:
                return
            except OSError:
                continue
            hear = terminal.asked.pop(_number_of(data), None)
            if hear is not None:
                hear(data)

    def register(self, terminal: Terminal, then: Callable[[bool], None]) -> None:
        """Register, or with a name keep that registration alive."""

        def hear(data: bytes) -> None:
            try:
                terminal.name = name_given(data) if data else ""
            except KeyError as error:
                terminal.name = ""
                self.faults.append(str(error))
            then(bool(terminal.name))

        here = terminal.sock.getsockname()
        user, signal, name = terminal.user, terminal.signal, terminal.name
        self.ask(terminal, lambda number: registration(number, user, here, signal, name), hear)

    def pace(self, count: int, rate: float, action: Callable[[int], None]) -> None:
        """`action` so many times, `rate` a second."""
        began = monotonic()

        def more(next_one: int = 0) -> None:
            now = monotonic()
            while next_one < count and began + next_one / rate <= now:
                action(next_one)
                next_one += 1
            if next_one < count:
                self.loop.after(began + next_one / rate - now, lambda: more(next_one))

        more()


_SHORT = frozenset({ARJ, DCF, DRJ})
"""Answers whose number stands in the second octet; before that of others more bits say what is there."""


def _number_of(data: bytes) -> int:
    at = 1 if ras_kind(data) in _SHORT else 2
    return int.from_bytes(data[at : at + 2], "big") + 1


class CallLoad(Caller):
    """So many calls, so many a second."""

    def __init__(self, asked: argparse.Namespace) -> None:
        super().__init__(asked.at, asked.to, min(TERMINALS, asked.calls))
        self._asked = asked
        self._talk = Talk(asked.at, "0.0.0.0")
        self._live: deque[Call] = deque()
        self.times: list[float] = []
        self.up = 0
        self.began = self.ended = self._spent = 0.0
        self._first = randrange(32_767)  # a port may come again, and is not to mean a call that was there before

    def start(self) -> None:
        waiting = len(self.terminals)

        def then(yes: bool) -> None:
            nonlocal waiting
            waiting -= 1
            if not yes:
                raise SystemExit(f"a terminal could not register: {self.faults}")
            if not waiting:
                self._prepare()

        for terminal in self.terminals:
            self.register(terminal, then)

    def _prepare(self) -> None:
        for terminal in self.terminals:
            terminal.ras = CallerRas(terminal.user, terminal.name)
            terminal.signals = CallerSignals(
                self._talk, terminal.user, terminal.name, terminal.signal, (self.to, CALLS), self._asked.media
            )
        self.began, self._spent = monotonic(), process_time()
        self.loop.after(1.0, self._look)
        self.pace(self._asked.calls, self._asked.rate, self._begin)

    def _begin(self, number: int) -> None:
        terminal = self.terminals[number % len(self.terminals)]
        call = Call(terminal, identifier(number), (number + self._first) % 32_767 + 1, monotonic())
        self._live.append(call)
        ras = terminal.ras
        assert ras is not None
        self.ask(
            terminal, lambda seq: ras.admission(seq - 1, call.reference, call.guid), lambda d: self._admit(call, d)
        )

    def _admit(self, call: Call, data: bytes) -> None:
        if not data or ras_kind(data) != ACF:
            self._fail(call, f"admission: {data[:4].hex() or 'no answer'}")
            return
        call.sock = sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((self.at, 0))
        call.stage = "connection"
        if (fault := sock.connect_ex((self.to, CALLS))) != errno.EINPROGRESS and fault:
            sock.close()
            call.sock = None
            self._fail(call, f"connect: {errno.errorcode[fault]}")
            return
        self.loop.write(sock, lambda: self._connected(call))

    def _connected(self, call: Call) -> None:
        assert call.sock is not None and call.terminal.signals is not None
        call.setup, call.stage = monotonic(), "setup"
        self.loop.read(call.sock, lambda: self._readable(call))
        self._send(call, call.terminal.signals.setup(0, call.reference, call.guid))

    def _send(self, call: Call, data: bytes) -> None:
        try:
            if call.sock is not None:
                call.sock.send(data)
        except OSError as error:
            self._fail(call, f"{call.stage}: {error}")

    def _readable(self, call: Call) -> None:
        if call.sock is None:
            return
        data = received(call.sock)
        if data is None:
            return
        found, call.held = packets(call.held + data)
        for packet in found:
            self._hear(call, packet[8])
        if not data:
            if call.stage in ("disengage", "over"):
                self._close(call)
            else:
                self._fail(call, f"{call.stage}: the connection was closed")

    def _hear(self, call: Call, kind: int) -> None:
        signals = call.terminal.signals
        assert signals is not None
        if kind == CONNECT and call.stage == "setup":
            self.times.append(monotonic() - call.setup)
            call.stage = "talk"
            self._send(call, signals.first(0, call.reference, call.guid))
        elif kind == FACILITY and call.stage == "talk":
            call.stage = "pause"
            self._send(call, signals.third(0, call.reference, call.guid))
            self.up += 1
            self.loop.after(self._asked.pause, lambda: self._release(call))
            if self.up + self.failed == self._asked.calls and self._asked.pause:
                print("up", self.up, flush=True)
        elif kind == RELEASE:
            self._fail(call, f"{call.stage}: released")

    def _release(self, call: Call) -> None:
        if call.stage != "pause":
            return
        signals, ras = call.terminal.signals, call.terminal.ras
        assert signals is not None and ras is not None
        call.stage = "disengage"
        self._send(call, signals.release(0, call.reference, call.guid))
        disengage = ras.disengage
        self.ask(
            call.terminal,
            lambda seq: disengage(seq - 1, call.reference, call.guid),
            lambda data: self._over(call, data),
        )

    def _over(self, call: Call, data: bytes) -> None:
        if not data or ras_kind(data) != DCF:
            self._fail(call, f"disengage: {data[:4].hex() or 'no answer'}")
            return
        if call.stage == "disengage":
            call.stage = "over"
            self.done += 1
            self._close(call)
            self._finish()

    def _close(self, call: Call) -> None:
        if call.sock is not None:
            self.loop.close(call.sock)
            call.sock = None

    def _fail(self, call: Call, what: str) -> None:
        if call.stage not in ("over", "failed"):
            call.stage = "failed"
            self.blame(what)
            self._close(call)
            self._finish()

    def _finish(self) -> None:
        if self.done + self.failed == self._asked.calls:
            self.ended = monotonic()
            self.loop.stop()

    def _look(self) -> None:
        """Who has not come so far in time has failed."""
        now = monotonic()
        while self._live and (self._live[0].stage in ("over", "failed") or now - self._live[0].began > PATIENCE):
            call = self._live.popleft()
            if call.stage not in ("pause", "disengage"):
                self._fail(call, f"{call.stage}: nothing came")
        self.loop.after(1.0, self._look)

    def result(self) -> dict[str, Any]:
        self.times.sort()
        p50, p99 = (self.times[int(part * (len(self.times) - 1))] * 1000 if self.times else 0.0 for part in (0.5, 0.99))
        spent = process_time() - self._spent  # what was prepared is not of the calls
        return {"cpu": spent, "answer_p50": p50, "answer_p99": p99, "seconds": self.ended - self.began}


class RegistrationLoad(Caller):
    """Each terminal registers, then each keeps that alive."""

    def __init__(self, asked: argparse.Namespace) -> None:
        super().__init__(asked.at, asked.to, asked.calls)
        self._asked = asked
        self._spent: dict[str, float] = {}

    def start(self) -> None:
        self._round("registration", lambda: self.loop.after(_SETTLE, self._keep))

    def _keep(self) -> None:
        self._round("keepalive", self.loop.stop)

    def _round(self, what: str, then: Callable[[], None]) -> None:
        waiting, before = len(self.terminals), usage.processor(self._asked.watch)

        def answered(yes: bool) -> None:
            nonlocal waiting
            waiting -= 1
            if yes:
                self.done += 1
            else:
                self.blame(f"{what}: no")
            if not waiting:
                self.loop.after(_SETTLE, finish)

        def finish() -> None:
            self._spent[what] = (usage.processor(self._asked.watch) - before) / len(self.terminals) * 1000
            then()

        self.pace(len(self.terminals), self._asked.rate, lambda at: self.register(self.terminals[at], answered))

    def result(self) -> dict[str, Any]:
        return {f"cpu_{what}": spent for what, spent in self._spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["calls", "registrations"])
    parser.add_argument("--at", required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--calls", type=int, required=True, help="or terminals that register")
    parser.add_argument("--rate", type=float, required=True, help="a second")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds")
    parser.add_argument("--media", action="store_true", help="fast start with a channel for audio each way")
    parser.add_argument("--watch", type=int, default=0, metavar="PID")
    parser.add_argument("--result", type=Path, required=True)
    asked = parser.parse_args()
    load = CallLoad(asked) if asked.what == "calls" else RegistrationLoad(asked)
    load.start()
    load.loop.run()
    found = {"done": load.done, "failed": load.failed, "retransmitted": load.repeated, "faults": load.faults}
    asked.result.write_text(json.dumps({**found, **load.result()}))


if __name__ == "__main__":
    main()
