"""The C that reads packets and judges latches, under sanitizers: what fuzzing has kept, and mutations of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "sbc/media/native"
MEDIA = Path(__file__).parent / "media"
SOURCES = (NATIVE / "packet.c", NATIVE / "latch.c", MEDIA / "target.c")
STRICT = ("-std=c11", "-g", "-O1", "-Wall", "-Wextra", "-Werror")
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def built(folder: Path, *options: str, sources: tuple[Path, ...] = SOURCES) -> Path:
    """The fuzzers' target with a loop of its own."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    made = folder / "target"
    command = [
        compiler,
        *STRICT,
        *SANITIZED,
        *options,
        "-DOWN_LOOP",
        f"-I{NATIVE}",
        *map(str, sources),
        "-o",
        str(made),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "cannot find" in done.stderr and "san" in done.stderr:
        pytest.skip("the compiler has no sanitizers")
    assert done.returncode == 0, done.stderr
    return made


def ran(target: Path, seconds: int) -> subprocess.CompletedProcess[str]:
    inputs = [str(path) for path in sorted((MEDIA / "corpus").iterdir())]
    assert len(inputs) > 50
    command = [str(target), str(seconds), *inputs]
    return subprocess.run(command, cwd=target.parent, capture_output=True, text=True, check=False, timeout=300)


def test_what_was_kept_and_mutations_of_it(tmp_path: Path) -> None:
    done = ran(built(tmp_path), 2)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "mutations of" in done.stdout


@pytest.mark.parametrize(
    ("sound", "spoilt"),
    [
        ("if (size < begin + 4)", "if (size < begin)"),  # reads beyond the end
        ("if (length > size)", "if (length > 2 * size)"),
        ("if (latch->mode == LATCH_STRICT && !seen)", "if (0)"),
        ("if (kind == KIND_OPAQUE) {", "if (kind == KIND_TOO_SHORT) {"),
    ],
)
def test_a_fault_that_is_put_in_is_found(tmp_path: Path, sound: str, spoilt: str) -> None:
    changed = 0
    for path in sorted([*NATIVE.glob("packet.[ch]"), *NATIVE.glob("latch.[ch]")]):
        text = path.read_text()
        changed += sound in text
        (tmp_path / path.name).write_text(text.replace(sound, spoilt))
    assert changed == 1
    sources = (tmp_path / "packet.c", tmp_path / "latch.c", MEDIA / "target.c")
    done = ran(built(tmp_path, f"-I{tmp_path}", sources=sources), 3)
    assert done.returncode != 0, f"{spoilt!r} was not found"
