"""What the record files ask of the system, in one place, so that a test can let any of it fail or be the last."""

from __future__ import annotations

import fcntl
import os


class Disk:
    """Plain system calls. @raises OSError."""

    def append(self, path: str) -> int:
        """A descriptor that appends to `path`, which is made if it is not there, for nobody but owner and group."""
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def write(self, file: int, data: bytes) -> int:
        """Write some of `data`; how much of it."""
        return os.write(file, data)

    def truncate(self, file: int, size: int) -> None:
        os.ftruncate(file, size)

    def sync(self, file: int) -> None:
        os.fsync(file)

    def replace(self, old: str, new: str) -> None:
        """Rename, over whatever is there."""
        os.replace(old, new)

    def remove(self, path: str) -> None:
        os.unlink(path)

    def close(self, file: int) -> None:
        os.close(file)


class Lock:
    """Holds `path` for this process alone; ends with the process, however that ends."""

    def __init__(self, path: str) -> None:
        """@raises OSError where it cannot be made, or another process holds it (BlockingIOError)."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise type(error)(error.errno, "another SBC writes here", path) from error

    def free(self) -> None:
        os.close(self._file)


def append_whole(disk: Disk, file: int, data: bytes) -> None:
    """Append all of `data`, or nothing: what could be written of it is taken back. @raises OSError."""
    if not data:
        return
    before = os.fstat(file).st_size
    done = 0
    try:
        while done < len(data):
            done += disk.write(file, data[done:])
    except OSError:
        disk.truncate(file, before)
        raise
