"""Terminals by secured connections, a process of their own: each connects, registers, stays, and registers again.

    python -m benchmarks.connections_client KIND HOST PORT NUMBER FOLDER

KIND is "tls" or "wss". What is done is told in files of FOLDER, as JSON: ``connected`` when all have registered,
``again`` when they have done so once more. It goes on when there is a file ``go-on``, and ends when there is ``end``.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

THREADS = 16  # that make connections, each one after the other
_PATIENCE = 20.0
_UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: sbc.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\nOrigin: https://phone.example\r\n\r\n"
)


class Terminal:
    """One, and its connection."""

    def __init__(self, kind: str, number: int) -> None:
        self.kind, self.number, self.asked = kind, number, 0
        self.end: ssl.SSLSocket | None = None

    def connect(self, context: ssl.SSLContext, address: tuple[str, int]) -> None:
        """Connect and register. OSError if either fails."""
        plain = socket.create_connection(address, _PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.end = context.wrap_socket(plain)
        if self.kind == "wss":
            self.end.sendall(_UPGRADE)
            if not self._read(b"\r\n\r\n").startswith(b"HTTP/1.1 101 "):
                raise OSError("no WebSocket")
        self.register()

    def register(self) -> None:
        """Register once more by the connection. OSError if that fails."""
        assert self.end is not None
        self.asked += 1
        message = self._message()
        self.end.sendall(_framed(message) if self.kind == "wss" else message)
        if b"SIP/2.0 200 " not in self._read(b"\r\n\r\n"):
            raise OSError("not registered")

    def _read(self, until: bytes) -> bytes:
        assert self.end is not None
        data = b""
        while until not in data:
            more = self.end.recv(4096)
            if not more:
                raise OSError("closed")
            data += more
        return data

    def _message(self) -> bytes:
        user, call = f"user{self.number}", f"{os.getpid()}-{self.number}@192.168.1.10"
        transport, port, said = ("WSS", 443, "ws") if self.kind == "wss" else ("TLS", 5061, "tls")
        place = f"{user}@192.168.1.10:{port};transport={said}"
        return "\r\n".join(
            (
                "REGISTER sip:sbc.example SIP/2.0",
                f"Via: SIP/2.0/{transport} 192.168.1.10;branch=z9hG4bK{self.number}x{self.asked};rport",
                "Max-Forwards: 70",
                f"From: <sip:{user}@sbc.example>;tag={self.number}",
                f"To: <sip:{user}@sbc.example>",
                f"Call-ID: {call}",
                f"CSeq: {self.asked} REGISTER",
                f"Contact: <sip:{place}>;expires=3600",
                "User-Agent: benchmark",
                "Content-Length: 0\r\n\r\n",
            )
        ).encode()


def _framed(message: bytes) -> bytes:
    """As a client's text frame, whose mask changes nothing (RFC 6455 section 5.2)."""
    return b"\x81\xfe" + len(message).to_bytes(2, "big") + bytes(4) + message


def every(terminals: list[Terminal], do: Callable[[Terminal], None]) -> dict[str, float]:
    """Have all do something, a few at a time: how many have, and in how many seconds."""
    failed: list[str] = []

    def work(mine: Iterable[Terminal]) -> None:
        for each in mine:
            try:
                do(each)
            except OSError as error:
                failed.append(str(error))

    threads = [threading.Thread(target=work, args=(terminals[at::THREADS],)) for at in range(THREADS)]
    began = time.monotonic()
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    told: dict[str, float] = {"done": len(terminals) - len(failed), "seconds": time.monotonic() - began}
    if failed:
        print(f"{len(failed)} failed, the first: {failed[0]}", flush=True)
    return told


def main() -> None:
    kind, host, port, number, folder = sys.argv[1:]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # what is measured is the other end
    terminals = [Terminal(kind, each) for each in range(int(number))]
    here = Path(folder)

    def tell(name: str, told: dict[str, float]) -> None:
        (here / f"{name}.part").write_text(json.dumps(told))
        (here / f"{name}.part").rename(here / name)

    def wait(name: str) -> None:
        while not (here / name).exists():
            time.sleep(0.05)

    tell("connected", every(terminals, lambda each: each.connect(context, (host, int(port)))))
    wait("go-on")
    tell("again", every([each for each in terminals if each.asked], Terminal.register))
    wait("end")


if __name__ == "__main__":
    main()
