"""Network namespaces of a test's own, which hold nothing but a loopback interface; they end with the processes that are
in them."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sbc.media.namespaces import inside
from tests.waiting import until

NEED = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces")
_SIOCSIFFLAGS, _UP = 0x8914, 1


@contextmanager
def namespace() -> Iterator[str]:
    """The path of a new one, whose loopback is up."""
    with subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        path = f"/proc/{holder.pid}/ns/net"
        until(lambda: os.readlink(path) != os.readlink("/proc/self/ns/net"), "the namespace")
        with inside(path), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            fcntl.ioctl(asker, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", _UP))
        try:
            yield path
        finally:
            assert holder.stdin is not None
            holder.stdin.close()
