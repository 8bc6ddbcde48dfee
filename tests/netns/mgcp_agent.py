"""A call agent of MGCP (RFC 3435) for exact assertions: answers RSIP and NTFY, sends any command, and keeps every
message.

It knows nothing of NATs: it answers where a message came from, and sends commands there too. Its transaction ids count
for each gateway by themselves, so those of two gateways are the same. It runs in a thread, as the lab's phones do, and
shares no code with `sbc`.
"""

from __future__ import annotations

import socket
import time
from collections import defaultdict
from concurrent.futures import Future
from dataclasses import dataclass

from tests.netns.mgcp_wire import MgcpMessage, Peer, compose, parse
from tests.netns.phone_loop import PhoneLoop, datagrams
from tests.netns.waiting import PATIENCE, wait_for

_AGAIN = 0.5  # seconds until a command is sent again, and twice as many after each time (section 3.5.3)


@dataclass
class _Waiting:
    """A command that has no final response yet."""

    data: bytes
    to: Peer
    answer: Future[MgcpMessage]
    due: float
    pause: float = _AGAIN


class CallAgent:
    """A call agent at a socket. `ours`, if not empty, is written into each command as the NotifiedEntity."""

    def __init__(self, sock: socket.socket, notified: str = "") -> None:
        self.sock, self.notified = sock, notified
        sock.setblocking(False)
        self.commands: list[MgcpMessage] = []  # what gateways sent: RSIP, NTFY, DLCX; each once
        self.responses: list[MgcpMessage] = []  # final ones; each once, however often it comes
        self.provisional: list[MgcpMessage] = []  # each time that one comes
        self.repeated = 0  # commands that came once more
        self._numbers: defaultdict[Peer, int] = defaultdict(int)
        self._sent: dict[tuple[Peer, str], bytes] = {}
        self._waiting: dict[tuple[Peer, str], _Waiting] = {}
        self._answered: dict[tuple[Peer, str], bytes] = {}
        self._final: set[tuple[Peer, str]] = set()  # transactions whose final response has come
        self._sources: set[Peer] = set()
        self.loop = PhoneLoop("call agent", self._tick, lambda: [each.due for each in list(self._waiting.values())])
        self.loop.watch(sock, self._readable)
        self.loop.start()

    # What a test asks.

    def wait_command(self, verb: str, number: int = 1, timeout: float = PATIENCE) -> MgcpMessage:
        """The command of that verb that a gateway sent as the `number`-th, once it has come."""

        def found() -> MgcpMessage | None:
            those = [each for each in list(self.commands) if each.verb == verb]
            return those[number - 1] if len(those) >= number else None

        return wait_for(found, timeout, f"{verb} {number} at the call agent")

    def command(
        self, to: Peer, verb: str, endpoint: str, *lines: str, body: str = "", timeout: float = PATIENCE
    ) -> MgcpMessage:
        """Send a command to a gateway; its final response. TimeoutError if none comes."""

        def compose_next() -> str:
            self._numbers[to] += 1
            number = str(self._numbers[to])
            more = (f"N: {self.notified}",) if self.notified else ()
            self._sent[to, number] = compose(f"{verb} {number} {endpoint} MGCP 1.0", (*more, *lines), body)
            return number

        return self.send(to, self.loop.do(compose_next), timeout)

    def send(self, to: Peer, number: str, timeout: float = PATIENCE) -> MgcpMessage:
        """Send a command that has a number, once more if it was sent already; its final response."""
        answer: Future[MgcpMessage] = Future()

        def send() -> None:
            data = self._sent[to, number]
            self._waiting[to, number] = _Waiting(data, to, answer, time.monotonic() + _AGAIN)
            self.sock.sendto(data, to)

        self.loop.do(send)
        try:
            return answer.result(timeout)
        except TimeoutError:
            raise TimeoutError(f"no response at {to} to {self._sent[to, number]!r}") from None

    def sources(self) -> set[Peer]:
        """Everybody a message came from."""
        return self.loop.do(self._sources.copy)

    def close(self) -> None:
        """End it. RuntimeError if something went wrong in its thread."""
        self.loop.close()
        self.sock.close()
        if self.loop.faults:
            raise RuntimeError(f"the call agent: {self.loop.faults}")

    # What happens in the thread.

    def _readable(self, sock: socket.socket) -> None:
        for data, source in datagrams(sock):
            message = parse(data, source)
            self._sources.add(source)
            if message.code:
                self._responded(message)
            else:
                self._commanded(message)

    def _responded(self, message: MgcpMessage) -> None:
        if message.code < 200:
            self.provisional.append(message)
            return
        key = (message.source, message.transaction)
        if key not in self._final:
            self._final.add(key)
            self.responses.append(message)
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            waiting.answer.set_result(message)

    def _commanded(self, message: MgcpMessage) -> None:
        key = (message.source, message.transaction)
        if key in self._answered:
            self.repeated += 1
        else:
            self.commands.append(message)
            code = "250" if message.verb == "DLCX" else "200"
            self._answered[key] = compose(f"{code} {message.transaction} OK")
        self.sock.sendto(self._answered[key], message.source)

    def _tick(self, now: float) -> None:
        for each in self._waiting.values():
            if each.due <= now:
                each.pause *= 2
                each.due = now + each.pause
                self.sock.sendto(each.data, each.to)
