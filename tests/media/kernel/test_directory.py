"""The directory of programs and maps: one process's, in a BPF file system."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbc.media.kernel.directory import Unavailable, unpin
from sbc.media.kernel.plane import Plane
from tests.media.kernel.bench import Bench


def test_one_process_at_a_time(bench: Bench) -> None:
    with pytest.raises(Unavailable, match="another SBC"):
        bench.apart.call(Plane, bench.plane.directory, 64)


def test_no_place_to_pin_is_said(bench: Bench) -> None:
    with pytest.raises(Unavailable, match="cannot have"):
        bench.apart.call(Plane, "/proc/nowhere", 64)


def test_what_holds_a_program_to_its_interface_is_not_unpinned(tmp_path: Path) -> None:
    for name in ("flows", "slots", "link-3"):
        (tmp_path / name).touch()
    assert unpin(str(tmp_path)) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["link-3"]
