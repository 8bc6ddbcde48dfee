"""The C that reads packets and judges latches, under sanitizers: what fuzzing has kept, and mutations of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.media_build import MEDIA, NAMES, NATIVE, flags, links, sources

Built = Callable[..., Path]

STRICT = ("-std=c11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror")
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture(scope="module")
def objects() -> dict[Path, Path]:
    """What has been compiled of the files as they are: most are the same in all programs of this module."""
    return {}


@pytest.fixture
def built(objects: dict[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Makes a target of the fuzzers, with a loop of its own; files of `changed` take the place of the engine's."""

    def build(target: str, changed: Path | None = None) -> Path:
        folder = tmp_path_factory.mktemp(target)
        headers = changed is not None and any(changed.glob("*.h"))  # which any file may read
        made = []
        for source in sources(target):
            other = changed / source.name if changed is not None and source.parent == NATIVE else None
            if other is not None and other.exists():
                made.append(_compiled(other, folder, changed))
            elif headers:
                made.append(_compiled(source, folder, changed))
            else:
                if source not in objects:
                    objects[source] = _compiled(source, tmp_path_factory.mktemp("object"))
                made.append(objects[source])
        _compiler(*map(str, made), "-o", str(folder / "target"), *links())
        return folder / "target"

    return build


def _compiled(source: Path, folder: Path, before: Path | None = None) -> Path:
    made = folder / f"{source.parent.name}-{source.stem}.o"
    _compiler("-c", "-o", str(made), *flags(*() if before is None else (before,)), str(source))
    return made


def _compiler(*options: str) -> None:
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    command = [compiler, *STRICT, *SANITIZED, "-DOWN_LOOP", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "cannot find" in done.stderr and "san" in done.stderr:
        pytest.skip("the compiler has no sanitizers")
    assert done.returncode == 0, done.stderr


def ran(program: Path, target: str, seconds: int) -> subprocess.CompletedProcess[str]:
    inputs = [str(path) for path in sorted((MEDIA / "corpus" / target).iterdir())]
    assert len(inputs) > 50
    command = [str(program), str(seconds), *inputs]
    return subprocess.run(command, cwd=program.parent, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("target", ["latches", "path", "seals", "bundle"])
def test_what_was_kept_and_mutations_of_it(built: Built, target: str) -> None:
    done = ran(built(target), target, 2)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "mutations of" in done.stdout


@pytest.mark.parametrize(
    ("target", "sound", "spoilt"),
    [
        ("latches", "if (size < begin + 4)", "if (size < begin)"),  # reads beyond the end
        ("latches", "if (latch->mode == LATCH_STRICT && !seen)", "if (0)"),
        ("path", "    inlet->count.policed++;", "    {}"),
        ("path", "if (to.family == FAMILY_NONE || address_unusable(&to, side->local) ||", "if ("),
        ("path", "    *size += NUMBER;", "    (void)size;"),
        (
            "seals",
            "memmove(at, at + seal->mki_size, seal->behind[rtcp]);",
            "memmove(at, at + SEAL_MKI, seal->behind[rtcp]);",
        ),
        ("seals", "if (source && index <= (rtcp ? source->floor_rtcp : source->floor))", "if (0)"),  # taken before
        ("seals", "    seal->begins = sends ? use->begins : -1;", "    seal->begins = -1;"),
        ("bundle", "return least <= size && size <= left ? size : 0;", "return least <= size ? size : 0;"),
        ("bundle", "if (end > size || (!wide && profile != ONE_BYTE))", "if (!wide && profile != ONE_BYTE)"),
        (
            "bundle",
            "bundle->waiting &= ~(1U << member);\n    *size = 0;",
            "bundle->waiting &= ~(1U << member);\n    *size = 4;",
        ),
    ],
)
def test_a_fault_that_is_put_in_is_found(built: Built, tmp_path: Path, target: str, sound: str, spoilt: str) -> None:
    files = sorted(path for name in NAMES for path in NATIVE.glob(f"{name}.[ch]"))
    (path,) = [each for each in files if sound in each.read_text()]
    (tmp_path / path.name).write_text(path.read_text().replace(sound, spoilt))
    done = ran(built(target, tmp_path), target, 3)
    assert done.returncode != 0, f"{spoilt!r} was not found"
