"""`bin/test`: what fails among networks and passes at the second try fails no judgement, and is not overlooked."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent.parent / "bin" / "test"
TESTS = """
import pathlib, pytest

@pytest.mark.netns
@pytest.mark.parametrize("number", range(5))
def test_net(number):
    '''Each fails so often as its digit says.'''
    tries = pathlib.Path("tries-%d" % number)
    before = int(tries.read_text()) if tries.exists() else 0
    tries.write_text(str(before + 1))
    assert before >= int("{fails}"[number])

def test_plain():
    assert {plain}
"""


def judged(directory: Path, fails: str, plain: bool = True, *arguments: str) -> tuple[int, str]:
    """The exit status of `bin/test` over tests of its own, and what it wrote to standard error."""
    (directory / "bin").mkdir()
    shutil.copy(SCRIPT, directory / "bin" / "test")
    python = directory / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    quick = "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 PYTEST_PLUGINS=xdist.plugin"  # else half the time goes into other plugins
    python.write_text(f'#!/bin/sh\n{quick} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (directory / "pytest.ini").write_text("[pytest]\nmarkers =\n    netns: makes networks\n")
    (directory / "test_it.py").write_text(TESTS.format(fails=fails, plain=plain))
    command = ["bin/test", "-q", *arguments]
    ran = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=120, check=False)
    return ran.returncode, ran.stderr


@pytest.mark.parametrize(
    ("fails", "plain", "status", "flaky"),
    [
        ("01010", True, 0, [1, 3]),
        ("01020", False, 1, []),  # one fails for good
        ("11110", True, 1, []),  # so many are no accident, and not tried again
    ],
)
def test_what_failed_is_tried_once_more(tmp_path: Path, fails: str, plain: bool, status: int, flaky: list[int]) -> None:
    ended, said = judged(tmp_path, fails, plain)
    assert ended == status
    told = [f"test: FLAKY, failed and passed at the second try: test_it.py::test_net[{number}]" for number in flaky]
    assert [line for line in said.splitlines() if "FLAKY" in line] == told
    assert ("the run without a network failed" in said) is not plain
    assert ("the run in network namespaces failed" in said) is (status == 1)
    tries = [int((tmp_path / f"tries-{number}").read_text()) for number in range(5)]
    again = fails.count("0") >= 2
    assert tries == [2 if again and fails[number] != "0" else 1 for number in range(5)]


@pytest.mark.parametrize(
    ("named", "status"),
    [("test_it.py::test_plain", 0), ("test_it.py::test_net", 0), ("--ignore=test_it.py", 1)],
)
def test_tests_that_are_named_may_be_of_one_kind(tmp_path: Path, named: str, status: int) -> None:
    ended, said = judged(tmp_path, "00000", True, named)
    assert ended == status  # but to find none at all is to judge nothing
    assert ("failed" in said) is (status == 1)
