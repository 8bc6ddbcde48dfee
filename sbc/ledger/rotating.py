"""A file that is appended to and begun anew: when it is long, on each new day, or when somebody has moved it away."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime

from sbc.ledger.disk import Disk


class RotatingFile:
    """The file at `path`, of descriptor `file` once it is open. It is rotated to FILE.TIME when it is longer than
    `size` octets (0: never), and with `daily` on each new day (UTC). `wall` is the time of day. @raises OSError in all
    it does."""

    def __init__(self, disk: Disk, path: str, wall: Callable[[], float], size: int = 0, daily: bool = False) -> None:
        self._disk = disk
        self._path = path
        self._wall = wall
        self._size = size
        self._daily = daily
        self._day = ""
        self.file = -1

    def open(self) -> None:
        """Take the file, which is made if it is not there."""
        self.file = self._disk.append(self._path)
        self._day = self._today()

    def follow(self) -> None:
        """Begin a new file where the old one is full, of yesterday, or was moved away."""
        if self.left():
            fresh = self._disk.append(self._path)
            self._disk.close(self.file)
            self.file = fresh

    def left(self) -> bool:
        """Rename the file if that is due; whether it is there no more by its name, then or before."""
        there = os.fstat(self.file)
        old = self._daily and self._today() != self._day
        try:
            same = os.path.samestat(there, os.stat(self._path))
        except FileNotFoundError:
            same = False
        if same and there.st_size and (old or (self._size and there.st_size >= self._size)):
            self._disk.replace(self._path, self._free_name())
            same = False
        self._day = self._today()
        return not same

    def close(self) -> None:
        """Let go of it, if it was open."""
        if self.file >= 0:
            self._disk.close(self.file)
        self.file = -1

    def _today(self) -> str:
        return datetime.fromtimestamp(self._wall(), UTC).strftime("%Y%m%d")

    def _free_name(self) -> str:
        name = f"{self._path}.{datetime.fromtimestamp(self._wall(), UTC).strftime('%Y%m%dT%H%M%S')}"
        names = (name if not count else f"{name}-{count}" for count in range(10_000))
        return next(each for each in names if not os.path.exists(each))
