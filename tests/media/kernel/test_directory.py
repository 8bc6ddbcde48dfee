"""The directory of programs and maps: one process's, in a BPF file system."""

from __future__ import annotations

import pytest

from sbc.media.kernel.directory import Unavailable
from sbc.media.kernel.plane import Plane
from tests.media.kernel.bench import Bench


def test_one_process_at_a_time(bench: Bench) -> None:
    with pytest.raises(Unavailable, match="another SBC"):
        bench.apart.call(Plane, bench.plane.directory, 64)


def test_no_place_to_pin_is_said(bench: Bench) -> None:
    with pytest.raises(Unavailable, match="cannot have"):
        bench.apart.call(Plane, "/proc/nowhere", 64)
