"""What is pinned is told apart by its name: plain files stand in for pins."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbc.media.kernel import pins


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "sbc"
    made.mkdir()
    for name in ("flows", "slots", "link-2", "tc-7", "tc-71", "cilium_globals"):
        (made / name).touch()
    return made


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_maps_are_forgotten_and_what_runs_on_interfaces_is_not(folder: Path) -> None:
    assert pins.unpin_maps(str(folder)) == 2
    assert names(folder) == {"link-2", "tc-7", "tc-71", "cilium_globals"}
    assert pins.unpin_maps(str(folder)) == 0


def test_the_tc_program_that_runs_now_keeps_its_pin(folder: Path) -> None:
    assert pins.unpin_tc(str(folder), 7) == 1
    assert names(folder) == {"flows", "slots", "link-2", "tc-7", "cilium_globals"}


def test_all_goes_and_the_folder_unless_an_xdp_program_could_not_be_taken_off(folder: Path) -> None:
    assert pins.left(str(folder))
    pins.remove(str(folder))
    assert names(folder) == {"link-2", "cilium_globals"}
    assert pins.links(str(folder)) == [folder / "link-2"]
    (folder / "link-2").unlink()
    assert not pins.left(str(folder))
    pins.remove(str(folder))
    assert names(folder) == {"cilium_globals"}, "what is somebody else's stays"
    (folder / "cilium_globals").unlink()
    pins.remove(str(folder))
    assert not folder.exists()
