"""The fax of a call at the lab's H.323 endpoint: UDPTL packets (T.38 section 9) that are numbered and counted."""

from __future__ import annotations

import socket

from tests.netns.h323_wire import Peer

_TAG = b"fax:"


class Fax:
    """A socket, where to send, and which numbers have come."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.remote: Peer | None = None
        self.heard: list[int] = []
        self.sent = 0

    def send(self, count: int) -> None:
        """Send so many packets; ValueError where no channel is open."""
        if self.remote is None:
            raise ValueError("no fax channel is open")
        for _ in range(count):
            number = self.sent.to_bytes(2, "big")
            packet = _TAG + number
            self.sock.sendto(number + bytes([len(packet)]) + packet + b"\0\0", self.remote)  # no redundancy
            self.sent += 1

    def readable(self, sock: socket.socket) -> None:
        while True:
            try:
                data = sock.recv(2048)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue  # an ICMP error to something sent before; the count will tell
            if data[3:7] == _TAG:
                self.heard.append(int.from_bytes(data[7:9], "big"))

    def close(self) -> None:
        self.sock.close()
