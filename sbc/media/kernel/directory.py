"""Where the kernel's programs and maps are pinned: a directory of a BPF file system that one process alone uses."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any


class Unavailable(OSError):
    """The kernel's programs cannot be had; says why."""


class InUse(Unavailable):
    """Another process has them."""


def own(lib: Any, directory: str) -> int:
    """Have the directory for this process alone, by the loader's `lib`: a descriptor, to be kept open as long.
    @raises Unavailable."""
    lock = open_directory(lib, directory)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise InUse(f"another SBC uses {directory}") from error
    return lock


def open_directory(lib: Any, directory: str) -> int:
    """Make the directory, in a BPF file system, and open it. @raises Unavailable."""
    try:
        _mount(lib, directory)
        os.makedirs(directory, 0o700, exist_ok=True)
        return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable(f"cannot have {directory}: {error.strerror}") from error


def _mount(lib: Any, directory: str) -> None:
    """See to it that the directory is, or will be, in a BPF file system."""
    at = Path(directory)
    above = next(path for path in (at, *at.parents) if path.exists())
    if lib.bpffs_is(str(above).encode()) == 1:
        return
    usual = Path("/sys/fs/bpf")
    where = usual if usual in at.parents else at
    if where == at:
        at.mkdir(0o700, parents=True, exist_ok=True)
    failed = lib.bpffs_mount(str(where).encode())
    if failed:
        raise OSError(-failed, f"cannot mount a BPF file system: {os.strerror(-failed)}")
