"""A town's phones after an outage, and the core where they register: both ends of `benchmarks.avalanche`, by sockets.

    python -m benchmarks.town core
    python -m benchmarks.town phones --count 10000 --nats 500 --go FILE

The phones wait for FILE, register within ten seconds, answer the challenge, and repeat themselves as RFC 3261 has it.
Meanwhile a few calls are up whose packets both ends count. Each end prints what it found as one line of JSON.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import re
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from benchmarks.load import CALLEE, CALLER, CALLER_SIDE, PORT

FIRST, CAP, LIMIT, AGAIN = 0.5, 4.0, 32.0, 10.0
"""A phone's waits (RFC 3261 timers E and F), and the seconds after which one that was not answered begins anew."""
WITHIN, PATIENCE = 10.0, 120.0
CALLS = 5
PACKET = 0.02
CORE_MEDIA, CALLER_MEDIA, CALLER_PORT = 30_000, 7_000, 6_100
_HEADERS = re.compile(rb"^(Via|From|To|Call-ID|CSeq|Contact|Record-Route): ?(.*)\r$", re.IGNORECASE | re.MULTILINE)
_HOST, _PORT = re.compile(rb"^c=IN IP4 ([0-9.]+)", re.MULTILINE), re.compile(rb"^m=audio ([0-9]+)", re.MULTILINE)


class Loop:
    """Sockets and timers, one after the other."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._heard: dict[int, tuple[socket.socket, Callable[[bytes, tuple[str, int]], None]]] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._turn = count()

    def listen(self, address: str, port: int, heard: Callable[[bytes, tuple[str, int]], None]) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22 if port == PORT else 1 << 16)
        sock.bind((address, port))
        self._heard[sock.fileno()] = sock, heard
        self._poll.register(sock.fileno(), select.EPOLLIN)
        return sock

    def at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._turn), act))

    def run(self, until: Callable[[], bool]) -> None:
        while not until():
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                heapq.heappop(self._due)[2]()
            wait = min(0.1, max(0.0, self._due[0][0] - time.monotonic())) if self._due else 0.1
            for fd, _ in self._poll.poll(wait, 512):
                sock, heard = self._heard[fd]
                for _ in range(64):
                    try:
                        data, source = sock.recvfrom(4096)
                    except OSError:
                        break
                    heard(data, source)


class Media:
    """One end of a call's audio: what it has sent, and what it was sent."""

    def __init__(self, loop: Loop, host: str, port: int) -> None:
        self.loop, self.sent, self.got = loop, 0, set[int]()
        self.sock = loop.listen(host, port, self._heard)
        self.to: tuple[str, int] | None = None  # where it sends to, as long as it does
        self.wants: tuple[str, int] | None = None  # where it is to, once that is confirmed
        self._next = 0.0

    def start(self, to: tuple[str, int]) -> None:
        if self.to is None:
            self.to, self._next = to, time.monotonic()
            self._send()

    def _send(self) -> None:
        while self.to is not None and self._next <= time.monotonic():
            head = struct.pack("!BBHII", 0x80, 8, self.sent & 0xFFFF, 160 * self.sent & 0xFFFFFFFF, 7)
            self.sock.sendto(head + bytes(160), self.to)
            self.sent += 1
            self._next += PACKET
        if self.to is not None:
            self.loop.at(self._next, self._send)

    def _heard(self, data: bytes, source: tuple[str, int]) -> None:
        if len(data) == 172:
            self.got.add(int.from_bytes(data[2:4], "big"))


def sdp(host: str, port: int) -> bytes:
    return b"v=0\r\no=- 1 1 IN IP4 %b\r\ns=-\r\nc=IN IP4 %b\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\n" % (
        *(host.encode(),) * 2,
        port,
    )


def media_in(data: bytes) -> tuple[str, int] | None:
    host, port = _HOST.search(data), _PORT.search(data)
    return None if host is None or port is None else (host[1].decode(), int(port[1]))


def message(first: bytes, headers: list[bytes], body: bytes = b"") -> bytes:
    kind = [b"Content-Type: application/sdp"] if body else []
    return b"\r\n".join([first, *headers, *kind, b"Content-Length: %d" % len(body), b"", b""]) + body


def headers(data: bytes) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for name, value in _HEADERS.findall(data.partition(b"\r\n\r\n")[0] + b"\r\n"):
        found.setdefault(name.lower(), []).append(value)
    return found


class Core:
    """Registrar and callee."""

    def __init__(self, loop: Loop) -> None:
        self.loop, self.seen, self.calls = loop, Counter[str](), dict[bytes, Media]()
        self.sock = loop.listen(CALLEE, PORT, self._heard)

    def _heard(self, data: bytes, source: tuple[str, int]) -> None:
        method = data.partition(b" ")[0]
        if data.startswith(b"SIP/2.0"):
            return
        self.seen[method.decode()] += 1
        said = headers(data)
        to, call = said[b"to"][0], said[b"call-id"][0]
        if b"tag=" not in to:
            to += b";tag=core"
        lines = [b"Via: " + each for each in said[b"via"]]
        lines += [b"Record-Route: " + each for each in said.get(b"record-route", ())]
        lines += [b"From: " + said[b"from"][0], b"To: " + to, b"Call-ID: " + call, b"CSeq: " + said[b"cseq"][0]]
        if method == b"ACK":
            there = self.calls.get(call)
            if there is not None and there.wants is not None:
                there.start(there.wants)
            return
        if method == b"REGISTER" and b"\r\nAuthorization:" not in data:
            lines.append(b'WWW-Authenticate: Digest realm="example.com", nonce="n", algorithm=MD5')
            answer = message(b"SIP/2.0 401 Unauthorized", lines)
        elif method == b"REGISTER":
            bound = [b"Contact: " + each.partition(b";")[0] + b";expires=3600" for each in said.get(b"contact", ())]
            answer = message(b"SIP/2.0 200 OK", [*lines, *bound])
        elif method == b"INVITE":
            there = self.calls.get(call)
            if there is None:
                there = self.calls[call] = Media(self.loop, CALLEE, CORE_MEDIA + 2 * len(self.calls))
                there.wants = media_in(data)
            port = there.sock.getsockname()[1]
            lines.append(b"Contact: <sip:core@%b:%d>" % (CALLEE.encode(), PORT))
            answer = message(b"SIP/2.0 200 OK", lines, sdp(CALLEE, port))
        else:
            if method == b"BYE" and call in self.calls:
                self.calls[call].to = None
            answer = message(b"SIP/2.0 200 OK", lines)
        self.sock.sendto(answer, source)


@dataclass
class Phone:
    """One phone behind a NAT, and how far it is."""

    loop: Loop
    town: Town
    number: int
    sock: socket.socket | None = None
    data: bytes = b""
    seq: int = 0
    wait: float = FIRST
    gives_up: float = 0.0
    asked: bool = False  # whether it was ever asked for credentials
    done: float | None = None

    def begin(self) -> None:
        self._ask(False)

    def _ask(self, proves: bool) -> None:
        now = time.monotonic()
        self.seq += 1
        user = b"sip:u%d@%b" % (self.number, CALLER_SIDE.encode())
        lines = [
            b"Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK%d-%d;rport" % (self.number, self.seq),
            b"Max-Forwards: 70",
            b"From: <%b>;tag=t%d" % (user, self.number),
            b"To: <%b>" % user,
            b"Call-ID: r%d@192.168.1.10" % self.number,
            b"CSeq: %d REGISTER" % self.seq,
            b"Contact: <sip:u%d@192.168.1.10:5060>;expires=3600" % self.number,
            b"User-Agent: town",
        ]
        if proves:
            lines.append(
                b'Authorization: Digest username="u", realm="example.com", nonce="n", uri="sip:x", response="0"'
            )
        self.data = message(b"REGISTER sip:%b SIP/2.0" % CALLER_SIDE.encode(), lines)
        self.wait, self.gives_up = FIRST, now + LIMIT
        self._send(self.seq)

    def _send(self, seq: int) -> None:
        if self.done is not None or seq != self.seq:
            return
        now = time.monotonic()
        if now >= self.gives_up:
            self.town.given_up += 1
            self.seq += 1  # what was asked is asked no more
            self.loop.at(now + AGAIN, self.begin)
            return
        assert self.sock is not None
        self.town.sent += 1
        self.sock.sendto(self.data, (CALLER_SIDE, PORT))
        wait, self.wait = self.wait, min(2 * self.wait, CAP)
        self.loop.at(now + wait, lambda: self._send(seq))

    def heard(self, data: bytes, source: tuple[str, int]) -> None:
        if self.done is not None or not data.startswith(b"SIP/2.0 ") or b"CSeq: %d " % self.seq not in data:
            return
        status = int(data[8:11])
        self.town.answers[status] += 1
        if status == 401:
            self.asked = True
            self._ask(True)
        elif status == 200:
            self.done = time.monotonic()
            self.town.left -= 1
        elif status >= 300:
            self.seq += 1
            self.loop.at(time.monotonic() + AGAIN, self.begin)


class Caller:
    """A call that is up before the outage, and stays."""

    def __init__(self, loop: Loop, number: int) -> None:
        self.loop, self.number, self.port = loop, number, CALLER_PORT + number
        self.sock = loop.listen(CALLER, self.port, self._heard)
        self.media = Media(loop, CALLER, CALLER_MEDIA + 2 * number)
        self.told: dict[bytes, list[bytes]] = {}
        self.up = self.over = False

    def _lines(self, method: bytes, seq: int, to: bytes) -> list[bytes]:
        own = b"%b:%d" % (CALLER.encode(), self.port)
        return [
            b"Via: SIP/2.0/UDP %b;branch=z9hG4bKc%d-%d-%b;rport" % (own, self.number, seq, method),
            b"Max-Forwards: 70",
            b"From: <sip:c%d@%b>;tag=c%d" % (self.number, CALLER_SIDE.encode(), self.number),
            b"To: " + to,
            b"Call-ID: live%d" % self.number,
            b"CSeq: %d %b" % (seq, method),
            b"Contact: <sip:c%d@%b>" % (self.number, own),
        ]

    def begin(self) -> None:
        """Until it is answered; nothing else is going on then."""
        if not self.up:
            lines = self._lines(b"INVITE", 1, b"<sip:bob@%b>" % CALLER_SIDE.encode())
            body = sdp(CALLER, self.media.sock.getsockname()[1])
            self._say(message(b"INVITE sip:bob@%b SIP/2.0" % CALLER_SIDE.encode(), lines, body))
            self.loop.at(time.monotonic() + FIRST, self.begin)

    def end(self) -> None:
        """Until that is answered, flood or no flood."""
        self.media.to = None
        if not self.over:
            self._inside(b"BYE", 2)
            self.loop.at(time.monotonic() + FIRST, self.end)

    def _inside(self, method: bytes, seq: int) -> None:
        target = self.told[b"contact"][0].strip(b"<>").partition(b">")[0]
        self._say(message(b"%b %b SIP/2.0" % (method, target), self._lines(method, seq, self.told[b"to"][0])))

    def _say(self, data: bytes) -> None:
        self.sock.sendto(data, (CALLER_SIDE, PORT))

    def _heard(self, data: bytes, source: tuple[str, int]) -> None:
        if not data.startswith(b"SIP/2.0 2"):
            return
        if b" BYE\r\n" in data:
            self.over = True
        elif (to := media_in(data)) is not None:
            self.told = headers(data)
            self._inside(b"ACK", 1)
            if not self.up:
                self.up = True
                self.media.start(to)


class Town:
    """All of them."""

    def __init__(self, loop: Loop, phones: int, nats: int) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (phones + 1_000, phones + 1_000))
        self.loop, self.left, self.sent, self.given_up = loop, phones, 0, 0
        self.answers = Counter[int]()
        self.phones = [Phone(loop, self, number) for number in range(phones)]
        for phone in self.phones:
            nat = phone.number % nats
            phone.sock = loop.listen(f"203.1.{nat // 250}.{1 + nat % 250}", 20_000 + phone.number, phone.heard)
        self.callers = [Caller(loop, number) for number in range(CALLS)]

    def run(self, go: Path) -> dict[str, object]:
        for caller in self.callers:
            caller.begin()
        self.loop.run(lambda: all(caller.up for caller in self.callers))
        print("calls are up", flush=True)
        self.loop.run(go.exists)
        began, dice = time.monotonic(), random.Random(1)
        for phone in self.phones:
            self.loop.at(began + dice.random() * WITHIN, phone.begin)
        self.loop.run(lambda: not self.left or time.monotonic() >= began + PATIENCE)
        waits = sorted(phone.done - began for phone in self.phones if phone.done is not None)
        for caller in self.callers:
            caller.end()
        ended = time.monotonic()
        self.loop.run(lambda: all(caller.over for caller in self.callers) or time.monotonic() >= ended + LIMIT)
        settled = time.monotonic() + 1.0
        self.loop.run(lambda: time.monotonic() >= settled)
        return {
            "in": len(waits),
            "half": waits[len(waits) // 2] if waits else None,
            "last": waits[-1] if waits else None,
            "sent": self.sent,
            "given_up": self.given_up,
            "unheard": sum(not phone.asked for phone in self.phones),
            "answers": dict(self.answers),
            "ended": sum(caller.over for caller in self.callers),
            "media": [(caller.media.sent, len(caller.media.got)) for caller in self.callers],
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("role", choices=("core", "phones"))
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--nats", type=int, default=500)
    parser.add_argument("--go", type=Path)
    asked = parser.parse_args()
    loop = Loop()
    if asked.role == "phones":
        print(json.dumps(Town(loop, asked.count, asked.nats).run(asked.go)), flush=True)
        return 0
    core, over = Core(loop), list[int]()
    signal.signal(signal.SIGTERM, lambda *_: over.append(1))
    loop.run(lambda: bool(over))
    media = [(each.sent, len(each.got)) for each in core.calls.values()]
    print(json.dumps({"media": media, "seen": dict(core.seen)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
