"""An attacker: sends RTP to a whole range of ports, at a fixed rate, and keeps what comes back to it.

    python -m tests.contract.sprayer HOST TARGET FIRST LAST RATE

From one socket at HOST, a packet to each port from FIRST to LAST in turn, RATE packets a second, until SIGTERM. Then it
writes how many it has sent and how many octets it has been sent.
"""

from __future__ import annotations

import signal
import socket
import struct
import sys
import time
from contextlib import suppress

SSRC = 0xBAD0BAD0
_TICK = 0.005


def main(host: str, target: str, first: str, last: str, rate: str) -> None:
    """Spray."""
    ports, each = range(int(first), int(last) + 1), int(rate)
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: ended.append(number))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind((host, 0))
        sock.setblocking(False)
        sent, received, began = 0, 0, time.monotonic()
        while not ended:
            due = int((time.monotonic() - began) * each)
            if due - sent > each:  # a second late: it is the rate that counts, not the sum
                began, sent_before = time.monotonic(), sent
                due, began = sent_before, began - sent_before / each
            for _ in range(due - sent):
                port = ports[sent % len(ports)]
                header = struct.pack("!BBHII", 0x80, 0, sent & 0xFFFF, sent * 160 & 0xFFFFFFFF, SSRC)
                with suppress(OSError):  # its queue is full: it goes on with the next
                    sock.sendto(header + b"\xbd" * 160, (target, port))
                sent += 1
                if sent == 1:
                    sys.stdout.write("spraying\n")
                    sys.stdout.flush()
            received += drained(sock)
            time.sleep(_TICK)
        time.sleep(0.1)
        received += drained(sock)
    sys.stdout.write(f"sent {sent} received {received}\n")


def drained(sock: socket.socket) -> int:
    """Octets that have come."""
    octets = 0
    while True:
        try:
            octets += len(sock.recv(65_535)) or 1
        except BlockingIOError:
            return octets
        except OSError:  # a port that was closed
            continue


if __name__ == "__main__":
    main(*sys.argv[1:])
