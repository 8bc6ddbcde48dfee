"""Network namespaces: this thread is in another one while it makes a socket there, and never longer.

A socket stays where it was made, whoever uses it from where, so nothing else need ever be in there.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_HOME = "/proc/thread-self/ns/net"
_WHY = {
    errno.EPERM: "Operation not permitted (it takes CAP_SYS_ADMIN)",
    errno.EINVAL: "is no network namespace",
    errno.ENOENT: "there is no such namespace",
    errno.ENOTDIR: "there is no such namespace",
}


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Be in the network namespace of that path; empty: where we are. What is made in there outlives it.

    Nothing may wait in there: the thread is the reactor's. @raises OSError that says why it cannot be had."""
    if not namespace:
        yield
        return
    there = _opened(namespace)
    try:
        home = os.open(_HOME, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there, namespace)
            try:
                yield
            finally:
                _return(home)
        finally:
            os.close(home)
    finally:
        os.close(there)


def made_in(namespace: str, family: int, kind: int) -> socket.socket:
    """A socket in the network namespace of that path; empty: where we are. @raises OSError as `inside`."""
    if not namespace:
        return socket.socket(family, kind)
    with inside(namespace):
        return socket.socket(family, kind)


def _opened(namespace: str) -> int:
    try:
        return os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _unavailable(namespace, error.errno or 0) from error


def _enter(there: int, namespace: str) -> None:
    if failed := _setns(there):
        raise _unavailable(namespace, failed)


def _return(home: int) -> None:
    """Whatever this thread opens from now on would be in somebody else's network: then it had better open nothing."""
    if failed := _setns(home):
        sys.stderr.write(f"sbc: the way back from a network namespace fails: {os.strerror(failed)}\n")
        os.abort()


def _setns(namespace: int) -> int:
    """The system call (Python has it from 3.12 on); its errno, 0 where it did not fail."""
    return ctypes.get_errno() if _libc().setns(namespace, _CLONE_NEWNET) else 0


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _unavailable(namespace: str, number: int) -> OSError:
    return OSError(number, f"namespace {namespace}: {_WHY.get(number) or os.strerror(number)}")
