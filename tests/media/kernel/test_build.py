"""How the kernel engine is built: every source is named, and what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbc.media.kernel import build, plane
from sbc.media.kernel.extension import LAYOUT

ROOT = Path(__file__).parents[3]


def test_every_source_is_built() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / build.FOLDER).glob("*.c")}
    assert found - {f"{build.FOLDER}/relay.bpf.c"} == set(build.SOURCES)


def test_python_s_words_for_the_maps_are_the_header_s() -> None:
    header = (ROOT / build.FOLDER / "relay_maps.h").read_text() + (ROOT / build.FOLDER / "loader.h").read_text()
    assert f"#define RELAY_LAYOUT {LAYOUT} " in header
    assert f"#define RELAY_RTP {plane.RTP}\n#define RELAY_RTCP {plane.RTCP}\n" in header
    for name in ("STRANGERS", "OTHERS", "UNROUTED", "POLICED"):
        assert f"RELAY_{name} = {getattr(plane, name)}" in header


@pytest.mark.skipif(bool(build.lacks()), reason=build.lacks())
def test_the_program_is_an_object_for_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SBC_STRICT", "1")  # and clang has nothing to say against it
    assert build.compiled(ROOT)[:4] == b"\x7fELF"


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    assert "clang" in build.lacks()
    monkeypatch.undo()
    monkeypatch.setattr(build, "_HEADERS", "/nowhere/bpf_helpers.h")
    assert not build.shutil.which("clang") or "libbpf-dev" in build.lacks()


@pytest.mark.parametrize(
    ("clang", "why"),
    [
        ("#!/bin/sh\necho 'error: unknown target \"bpf\"' >&2\nexit 1\n", "unknown target 'bpf'"),
        ("#!/bin/sh\nexit 1\n", "does not build"),
        ("#!/nowhere/sh\n", "No such file"),
    ],
)
def test_a_clang_that_fails_costs_the_module_alone(
    clang: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "clang"
    file.write_text(clang)
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(build, "_HEADERS", str(file))
    source = build.builder()._assigned_source[1]
    error, line, rest = source.partition("\n")
    assert error.startswith('#error "') and error.endswith('"') and error.count('"') == 2 and (line, rest) == ("\n", "")
    assert why in error
