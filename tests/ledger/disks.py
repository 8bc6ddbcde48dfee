"""A disk that fails, or ends the process, in the middle of whatever a test chooses."""

from __future__ import annotations

import errno

from sbc.ledger.disk import Disk

KILL, FAIL = "kill", "fail"


class Killed(BaseException):
    """What stands for SIGKILL: nothing catches it."""


class TrickyDisk(Disk):
    """Real files; `plan` says for the n-th change what happens in it: KILL or FAIL. A write is then done in part,
    `share` of it."""

    def __init__(self, plan: dict[int, str] | None = None, share: float = 0.5) -> None:
        self.plan = plan or {}
        self.share = share
        self.changes = 0
        self.full = False  # every write fails

    def _turn(self) -> str:
        self.changes += 1
        return FAIL if self.full else self.plan.get(self.changes, "")

    def _end(self, what: str) -> None:
        if what == KILL:
            raise Killed
        if what == FAIL:
            raise OSError(errno.ENOSPC, "No space left on device")

    def write(self, file: int, data: bytes) -> int:
        what = self._turn()
        if what:
            super().write(file, data[: int(len(data) * self.share)])
            self._end(what)
        return super().write(file, data)

    def truncate(self, file: int, size: int) -> None:
        if self.plan.get(self.changes + 1) == KILL:
            self._end(self._turn())
        super().truncate(file, size)  # it frees space, so it does not fail

    def sync(self, file: int) -> None:
        self._end(self._turn())
        super().sync(file)

    def replace(self, old: str, new: str) -> None:
        what = self._turn()
        if what == KILL and self.share > 0.5:  # done, but nobody was told
            super().replace(old, new)
        self._end(what)
        super().replace(old, new)
