"""The secret of RADIUS servers: only from a file that nobody else may read, and never in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbc.config.faults import ConfigError
from sbc.ledger.radius.secret import read_secret

SECRET = b"correct horse battery"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "radius.secret"
    path.write_bytes(SECRET + b"\n")
    path.chmod(0o600)
    return path


def test_it_is_read_without_the_line_break(file: Path) -> None:
    assert read_secret(str(file)) == SECRET


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_may_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ConfigError, match=f"mode {mode:04o}") as told:
        read_secret(str(file), "sbc.toml")
    assert "horse" not in str(told.value) and str(told.value).startswith("sbc.toml: accounting.radius.secret_file")


@pytest.mark.parametrize(("content", "why"), [
    (b"", "octets in it"), (b"short\n", "octets in it"), (b"x" * 1025, "octets in it"),
    (b"two lines\nof it", "one line"),
])  # fmt: skip
def test_what_is_no_secret_is_refused(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=why):
        read_secret(str(file))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_secret(str(tmp_path / "none"))
