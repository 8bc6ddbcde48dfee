"""The setting by which the kernel's programs find routes: files stand in for /proc/sys."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sbc.media.kernel import lookups
from sbc.media.kernel.lookups import Lookups, cannot, forbid


class Said:
    """A log's place, which keeps why."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def error(self, text: str, why: str, path: Path | None = None) -> None:
        self._said.append(why)


class Kept:
    """What of a plane outlives the process."""

    routes = 0


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Path, Path]:
    on, off = tmp_path / "on", tmp_path / "off"
    on.write_text("1\n")
    off.write_text("0\n")
    monkeypatch.setattr(lookups, "FORWARDING", (on, off, tmp_path / "none"))
    return on, off


def test_what_was_set_is_set_back_even_by_who_comes_after_a_crash(settings: tuple[Path, Path]) -> None:
    on, off = settings
    plane: Any = Kept()
    Lookups(plane)
    assert off.read_text() == "1"
    Lookups(plane)  # another process: it finds both on, and what the first has noted
    forbid(plane)
    assert (on.read_text(), off.read_text(), plane.routes) == ("1\n", "0", 0)
    forbid(plane)


def test_whoever_sets_it_back_does_so_for_a_second(settings: tuple[Path, Path]) -> None:
    on, _ = settings
    plane: Any = Kept()
    kept = Lookups(plane)
    on.write_text("0\n")
    kept.keep()
    assert on.read_text() == "1"
    forbid(plane)
    assert on.read_text() == "0"  # as somebody else wanted it


def test_where_it_cannot_be_kept_that_is_said_once(
    settings: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(lookups, "_log", Said(said))
    kept = Lookups(Kept())  # type: ignore[arg-type]
    settings[0].unlink()
    settings[0].mkdir()  # cannot be read as a file
    kept.keep()
    kept.keep()
    assert said == ["Is a directory"]
    forbid(SimpleNamespace(routes=1))  # type: ignore[arg-type]
    assert said == ["Is a directory"] * 2


def test_why_it_cannot_be_had(settings: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    assert cannot() == ""
    monkeypatch.setattr(lookups.os, "access", lambda path, how: how == os.R_OK)
    assert cannot().startswith("net.ipv4.conf.lo.forwarding and")
    monkeypatch.undo()
    monkeypatch.setattr(lookups, "FORWARDING", (settings[0].parent / "none",))
    assert "cannot be read (systemd's ProcSubset=pid" in cannot()
