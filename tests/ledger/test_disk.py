"""Appending whole or not at all, and locks that end with their holder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sbc.ledger.disk import Disk, Lock, append_whole
from tests.ledger.disks import FAIL, TrickyDisk


class Sip(Disk):
    """Writes three octets at a time, as a pipe or a nearly full disk may."""

    def write(self, file: int, data: bytes) -> int:
        return super().write(file, data[:3])


def test_what_is_written_in_parts_is_there_as_a_whole(tmp_path: Path) -> None:
    disk, path = Sip(), tmp_path / "f"
    file = disk.append(str(path))
    append_whole(disk, file, b"0123456789")
    append_whole(disk, file, b"")
    disk.close(file)
    assert path.read_bytes() == b"0123456789"
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0, "records are nobody else's to read"


def test_what_cannot_be_written_whole_is_taken_back(tmp_path: Path) -> None:
    disk, path = TrickyDisk({2: FAIL}), tmp_path / "f"
    file = disk.append(str(path))
    append_whole(disk, file, b"kept\n")
    with pytest.raises(OSError, match="No space"):
        append_whole(disk, file, b"half of this\n")
    assert path.read_bytes() == b"kept\n"
    append_whole(disk, file, b"again\n")
    disk.close(file)
    assert path.read_bytes() == b"kept\nagain\n"


def test_a_lock_has_one_holder_and_says_what_is_the_matter(tmp_path: Path) -> None:
    path = str(tmp_path / "l")
    first = Lock(path)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(BlockingIOError, match="another SBC writes here"):
        Lock(path)
    assert len(os.listdir("/proc/self/fd")) == before
    first.free()
    Lock(path).free()


def test_a_lock_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Lock(str(tmp_path / "none" / "l"))


def test_rename_and_remove(tmp_path: Path) -> None:
    disk, path = Disk(), tmp_path / "f"
    path.write_bytes(b"x")
    disk.replace(str(path), str(tmp_path / "g"))
    disk.remove(str(tmp_path / "g"))
    assert list(tmp_path.iterdir()) == []
