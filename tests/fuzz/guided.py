"""Fuzzing guided by coverage (atheris, libFuzzer). What it finds is kept in tests/fuzz/kept, where the tests find it.

python -m tests.fuzz.guided SECONDS             each target for its share of so many seconds of one core
python -m tests.fuzz.guided --one TARGET ...    one target, with libFuzzer's own options
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.mutate import KEPT

ROOT = Path(__file__).parents[2]
WORDS = Path(__file__).with_name("words.dict")
CORPUS = ROOT / "build" / "fuzz"  # what each run has learned, for the next


def one(target: str, options: list[str]) -> None:
    """Fuzz one target until libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["sbc"], enable_loader_override=False):
        from tests.fuzz.targets import TARGETS
    atheris.Setup(["guided", *options], TARGETS[target])
    atheris.Fuzz()


def run(target: str, seconds: int, runs: int = -1, seed: int = 0) -> tuple[int, str]:
    """Fuzz one target in a process of its own, for so long or so many runs: its exit status and what libFuzzer said."""
    from tests.fuzz.targets import seeds_of

    learned, begun = CORPUS / target, CORPUS / f"{target}.seeds"
    for folder in (learned, begun):
        folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds_of(target)):
        (begun / f"{number:04}").write_bytes(data)
    options = [
        f"-max_total_time={seconds}", f"-runs={runs}", f"-seed={seed}", f"-dict={WORDS}", "-max_len=20000",
        "-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1",
        f"-artifact_prefix={CORPUS}/{target}.", str(learned), str(begun),
    ]  # fmt: skip
    argv = [sys.executable, "-m", "tests.fuzz.guided", "--one", target, *options]
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = done.stdout.decode(errors="replace")
    for found in re.findall(r"Test unit written to (\S+)", said):
        _keep(target, Path(found))
    return done.returncode, said


def _keep(target: str, found: Path) -> None:
    kept = KEPT / f"{found.name}{'.talk' if target == 'converse' else '.bin'}"
    os.replace(found, kept)
    print(f"fuzz: kept {kept.relative_to(ROOT)}")


def main(arguments: list[str]) -> int:
    """The status is 0 if nothing was found."""
    if arguments[:1] == ["--one"]:
        one(arguments[1], arguments[2:])
        return 0
    if find_spec("atheris") is None:
        print("fuzz: skipped, there is no atheris here (pip install '.[fuzz]')")
        return 0
    from tests.fuzz.targets import TARGETS

    worst = 0
    for target in TARGETS:
        status, said = run(target, max(1, int(arguments[0]) // len(TARGETS)))
        progress = re.findall(r"^#\d+.*cov: .*$", said, re.MULTILINE)
        print(f"fuzz: {target}: {progress[-1] if progress else said[-2000:]}")
        if status:
            print(said[-4000:])
        worst = worst or status
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
