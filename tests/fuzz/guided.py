"""Fuzzing guided by coverage (atheris, libFuzzer). What it finds is kept in tests/fuzz/kept, where the tests find it.

python -m tests.fuzz.guided SECONDS             each target for its share of so many seconds of one core
python -m tests.fuzz.guided --each FOLDER ...   all targets, one after the other, with libFuzzer's own options; what
                                                each says goes to a file of FOLDER, and "TARGET STATUS" to the output
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


def each(folder: Path, options: list[str]) -> None:
    """Fuzz each target until libFuzzer ends its process, which is a child of this one: what is to be guided is made
    ready once, and that takes seconds."""
    import atheris

    with atheris.instrument_imports(include=["sbc"], enable_loader_override=False):
        from tests.fuzz.targets import TARGETS
    for target, check in TARGETS.items():
        child = os.fork()
        if not child:
            said = os.open(folder / f"{target}.said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(said, 1)
            os.dup2(said, 2)
            own = [f"-artifact_prefix={folder}/{target}.", str(folder / target), str(folder / f"{target}.seeds")]
            atheris.Setup(["guided", *options, *own], check)
            atheris.Fuzz()
            os._exit(1)  # it never comes here
        sys.stdout.write(f"{target} {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def run(seconds: int, runs: int = -1, seed: int = 0) -> dict[str, tuple[int, str]]:
    """Fuzz each target, for so long or so many runs: its exit status and what libFuzzer said."""
    from tests.fuzz.targets import TARGETS, seeds_of

    for target in TARGETS:
        learned, begun = CORPUS / target, CORPUS / f"{target}.seeds"
        for folder in (learned, begun):
            folder.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(seeds_of(target)):
            (begun / f"{number:04}").write_bytes(data)
    options = [
        f"-max_total_time={seconds}", f"-runs={runs}", f"-seed={seed}", f"-dict={WORDS}", "-max_len=20000",
        "-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1",
    ]  # fmt: skip
    argv = [sys.executable, "-m", "tests.fuzz.guided", "--each", str(CORPUS), *options]
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    heard = done.stdout.decode(errors="replace")
    statuses = dict(line.split() for line in heard.splitlines() if line.partition(" ")[0] in TARGETS)
    found: dict[str, tuple[int, str]] = {}
    for target in TARGETS:
        told = CORPUS / f"{target}.said"
        said = told.read_text(errors="replace") if target in statuses else heard
        for path in re.findall(r"Test unit written to (\S+)", said):
            _keep(target, Path(path))
        found[target] = (int(statuses.get(target, done.returncode or 1)), said)
    return found


def _keep(target: str, found: Path) -> None:
    kept = KEPT / f"{found.name}{'.talk' if target == 'converse' else '.bin'}"
    os.replace(found, kept)
    print(f"fuzz: kept {kept.relative_to(ROOT)}")


def main(arguments: list[str]) -> int:
    """The status is 0 if nothing was found."""
    if arguments[:1] == ["--each"]:
        each(Path(arguments[1]), arguments[2:])
        return 0
    if find_spec("atheris") is None:
        print("fuzz: skipped, there is no atheris here (pip install '.[fuzz]')")
        return 0
    from tests.fuzz.targets import TARGETS

    worst = 0
    for target, (status, said) in run(max(1, int(arguments[0]) // len(TARGETS))).items():
        progress = re.findall(r"^#\d+.*cov: .*$", said, re.MULTILINE)
        print(f"fuzz: {target}: {progress[-1] if progress else said[-2000:]}")
        if status:
            print(said[-4000:])
        worst = worst or status
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
