"""What the engine needs of the system is said in one sentence, and what it sets there it sets back."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbc.media.kernel import here
from sbc.media.kernel.plane import Plane
from tests.media.kernel.bench import Bench


def test_it_can_run_where_it_may(bench: Bench) -> None:
    assert bench.apart.call(here.missing, str(bench.folder / "trial")) == ""
    assert bench.apart.call(here.missing, bench.plane.directory) == ""  # also to whom it runs already


def test_what_was_left_is_cleared_but_not_what_is_in_use(bench: Bench) -> None:
    directory = str(bench.folder / "gone")
    bench.apart.call(here.clear, directory)
    assert not Path(directory).exists()
    plane = bench.apart.call(Plane, directory, 64)
    bench.apart.call(plane.attach_xdp, bench.a, True)
    bench.apart.call(plane.attach_tc, bench.a)
    bench.apart.call(here.clear, directory)
    assert bench.apart.call(plane.xdp_mode, bench.a) == "generic"
    plane.close()
    bench.apart.call(here.clear, directory)
    assert bench.apart.call(bench.plane.xdp_mode, bench.a) == ""
    with pytest.raises(OSError):
        bench.apart.call(bench.plane.detach_tc, bench.a)


def test_without_its_module_it_says_what_was_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise ImportError("no module")

    monkeypatch.setattr(here, "loader", gone)
    monkeypatch.setattr(here, "lacks", lambda: "clang was not there")
    assert here.missing("/nowhere") == "clang was not there"
    monkeypatch.setattr(here, "lacks", lambda: "")
    assert here.missing("/nowhere") == "its loader cannot be loaded: no module"


def test_without_the_capabilities_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "loader", lambda: None)
    for may in (0, 1 << 12, 1 << 39, 1 << 21):
        monkeypatch.setattr(here, "_capabilities", lambda may=may: may)
        assert here.missing("/nowhere") == "the process has no CAP_BPF and CAP_NET_ADMIN"


def test_a_setting_that_cannot_be_made_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(here, "loader", lambda: None)
    monkeypatch.setattr(here, "_capabilities", lambda: 1 << 12 | 1 << 39)
    setting = tmp_path / "forwarding"
    setting.write_text("0\n")
    monkeypatch.setattr(here, "_FORWARDING", (setting,))
    monkeypatch.setattr(here.os, "access", lambda path, how: False)
    assert "net.ipv4.conf.lo.forwarding" in here.missing("/nowhere")


def test_what_was_set_is_set_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    off, on = tmp_path / "off", tmp_path / "on"
    off.write_text("0\n")
    on.write_text("1\n")
    monkeypatch.setattr(here, "_FORWARDING", (off, on, tmp_path / "none"))
    changed = here.allow_lookups()
    assert changed == [off]
    assert off.read_text() == "1"
    here.forbid_lookups(changed)
    assert off.read_text() == "0"
