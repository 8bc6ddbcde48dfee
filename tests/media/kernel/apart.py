"""A network and a BPF file system of a thread's own, which end with it: nothing is named, nothing is left behind."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
_CLONE_NEWNS, _CLONE_FS, _CLONE_NEWNET = 0x20000, 0x200, 0x40000000  # sched.h
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_libc = ctypes.CDLL(None, use_errno=True)


def has_one() -> Iterator[Apart]:
    """One, as a fixture yields it: skips the test, with the reason, where that cannot be had."""
    if why := why_not():
        pytest.skip(why)
    with Apart() as made:
        yield made


def why_not() -> str:
    """What keeps such a thread from being had here; empty if nothing does."""
    if os.geteuid() != 0:
        return "network namespaces and BPF need root"
    try:
        with Apart() as apart:
            apart.call(lambda: None)
    except OSError as error:
        return str(error)
    return ""


class Apart:
    """A thread in namespaces of its own; `call` has it do something."""

    def __enter__(self) -> Apart:
        self._thread = ThreadPoolExecutor(1)
        try:
            self.call(_unshare)
        except OSError:
            self._thread.shutdown()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def call(self, action: Callable[..., T], *arguments: Any) -> T:
        return self._thread.submit(action, *arguments).result()

    def run(self, *commands: str) -> None:
        """Run commands there, of words that spaces part."""
        for command in commands:
            self.call(_run, command.split())

    def ip(self, *commands: str) -> None:
        """Run commands of `ip` there, all by one process."""
        self.call(_run, ["ip", "-batch", "-"], "\n".join(commands))

    def mount_bpffs(self, at: Path) -> None:
        self.call(_checked, "mount", _libc.mount, b"bpf", str(at).encode(), b"bpf", 0, None)


def _checked(what: str, function: Callable[..., int], *arguments: Any) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _unshare() -> None:
    _checked("unshare", _libc.unshare, _CLONE_FS | _CLONE_NEWNS | _CLONE_NEWNET)
    _checked("mount", _libc.mount, None, b"/", None, _MS_REC | _MS_PRIVATE, None)


def _run(command: list[str], told: str = "") -> None:
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
