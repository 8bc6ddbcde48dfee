"""A file with a secret in it that anybody else may use is not read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sbc.config.owned import Exposed, contents

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(b"0123456789")
    path.chmod(0o600)
    return path


def test_what_is_ours_alone_is_read_and_no_more_than_is_wanted(file: Path) -> None:
    assert contents(str(file), 100) == b"0123456789"
    assert contents(str(file), 4) == b"01234", "one more tells that it is longer"
    file.chmod(0o400)
    assert contents(str(file), 100) == b"0123456789"


@pytest.mark.parametrize("bit", range(6))
def test_what_others_may_use_in_any_way_is_not(file: Path, bit: int) -> None:
    mode = 0o600 | 1 << bit
    file.chmod(mode)
    with pytest.raises(Exposed, match=f"mode {mode:04o}"):
        contents(str(file), 100)


@root
def test_what_belongs_to_somebody_else_is_not(file: Path) -> None:
    os.chown(file, 4711, 0)
    with pytest.raises(Exposed, match="somebody else"):
        contents(str(file), 100)


@root
def test_a_link_is_judged_by_what_it_leads_to(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    assert contents(str(link), 100) == b"0123456789"
    with pytest.raises(OSError, match="symbolic links"):
        contents(str(link), 100, follow=False)
    os.chown(file, 4711, 0)
    with pytest.raises(Exposed):
        contents(str(link), 100)


def test_a_pipe_is_not_waited_for_and_a_folder_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for each in (tmp_path / "pipe", tmp_path):
        with pytest.raises(Exposed, match="not a file"):
            contents(str(each), 100)
    with pytest.raises(FileNotFoundError):
        contents(str(tmp_path / "none"), 100)
