"""Doing things inside a network namespace from a thread of this process: sockets, sysctls, tables; no forks."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tests.netns.journal import NAMESPACES
from tests.netns.waiting import PATIENCE

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000  # sched.h
_EXPERIMENTAL = 0x88B5  # an EtherType that no protocol has (IEEE 802)
_SIOCGIFFLAGS, _IFF_RUNNING = 0x8913, 0x40  # netdevice(7)
_libc = ctypes.CDLL(None, use_errno=True)


def inside(name: str, action: Callable[[], T]) -> T:
    """Run `action` in the namespace and return what it returns. A thread of its own moves there and ends with it, so
    that the rest of the process stays where it is; sockets made inside keep to the namespace for life. Without a name
    it runs where we are."""
    if not name:
        return action()

    def body() -> T:
        handle = os.open(NAMESPACES / name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _libc.setns(handle, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"cannot enter namespace {name}")
        finally:
            os.close(handle)
        return action()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(body).result()


def udp_socket(name: str, address: tuple[str, int] = ("0.0.0.0", 0)) -> socket.socket:
    """A UDP socket bound to `address` inside the namespace, with the usual time limit on receiving."""

    def make() -> socket.socket:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        made = socket.socket(family, socket.SOCK_DGRAM)
        try:
            made.bind(address)
        except OSError:
            made.close()
            raise
        made.settimeout(PATIENCE)
        return made

    return inside(name, make)


def tcp_connection(name: str, address: tuple[str, int], timeout: float = PATIENCE) -> socket.socket:
    """A TCP connection made from inside the namespace."""
    return inside(name, lambda: socket.create_connection(address, timeout))


def send_frame(name: str, device: str, data: bytes) -> None:
    """Send an Ethernet frame that no host takes: captures see it, and nobody else."""
    nobody = bytes([2, 0, 0, 0, 0, 0])  # locally administered
    frame = nobody * 2 + _EXPERIMENTAL.to_bytes(2, "big") + data.ljust(46, b"\0")

    def send() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((device, 0))
            sender.send(frame)

    inside(name, send)


def set_sysctls(name: str, values: dict[str, str | int]) -> None:
    """Write sysctls (dotted names) inside the namespace; OSError if the kernel refuses one."""

    def write() -> None:
        for key, value in values.items():
            Path("/proc/sys", *key.split(".")).write_text(str(value))

    inside(name, write)


def running(name: str, devices: Iterable[str]) -> bool:
    """Whether all these devices inside the namespace carry traffic. The kernel gets there some time after "up", up to a
    second when many links change at once, and until then throws packets away without a word."""

    def ask() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            answers = [fcntl.ioctl(asker, _SIOCGIFFLAGS, struct.pack("16sH14x", each.encode(), 0)) for each in devices]
        return all(struct.unpack_from("16xH", answer)[0] & _IFF_RUNNING for answer in answers)

    return inside(name, ask)


def bound_ports(name: str, transport: str) -> set[tuple[str, int]]:
    """The local (address, port) of every `udp` socket, or of every listening `tcp` socket, inside the namespace."""

    def read() -> list[str]:
        tables = [Path(f"/proc/thread-self/net/{transport}{version}") for version in ("", "6")]
        return [line for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]

    bound = set()
    for line in inside(name, read):
        fields = line.split()
        if transport == "tcp" and fields[3] != "0A":  # TCP_LISTEN
            continue
        host, port = fields[1].split(":")
        words = [bytes.fromhex(host[at : at + 8])[::-1] for at in range(0, len(host), 8)]  # of the machine's order
        family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
        bound.add((socket.inet_ntop(family, b"".join(words)), int(port, 16)))
    return bound


def udp_kernel_counters(name: str) -> dict[str, int]:
    """The namespace's UDP counters (/proc/net/snmp), among them RcvbufErrors: datagrams the kernel dropped."""
    names, values = [
        line.split()[1:]
        for line in inside(name, lambda: Path("/proc/thread-self/net/snmp").read_text()).splitlines()
        if line.startswith("Udp:")
    ]
    return dict(zip(names, map(int, values), strict=True))
