"""`bin/test`: what fails among networks and passes at another try fails no judgement, and is not overlooked.
`bin/setup`: the modules in C are built till they are there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent.parent / "bin" / "test"
TESTS = """
import os, pathlib, pytest

@pytest.mark.netns
@pytest.mark.parametrize("number", range(5))
def test_net(number):
    '''Each fails so often as its digit says.'''
    tries = pathlib.Path("tries-%d" % number)
    before = int(tries.read_text()) if tries.exists() else 0
    tries.write_text(str(before + 1))
    assert before >= int("{fails}"[number])

@pytest.mark.netns
@pytest.mark.quiet
def test_alone():
    '''It has the machine for itself, when all others are done.'''
    assert "PYTEST_XDIST_WORKER" not in os.environ and len(list(pathlib.Path().glob("tries-*"))) == 5

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
    (directory / "pytest.ini").write_text(
        "[pytest]\nmarkers =\n    netns: makes networks\n    quiet: wants the machine\n"
    )
    (directory / "test_it.py").write_text(TESTS.format(fails=fails, plain=plain))
    command = ["bin/test", *arguments, "-q"]
    # which a worker of ours would hand on: the tests in there tell by it whether they run side by side
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    ran = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=120, check=False, env=env)
    return ran.returncode, ran.stderr


@pytest.mark.parametrize(
    ("fails", "plain", "status", "flaky"),
    [
        ("01020", True, 0, [1, 3]),
        ("01030", False, 1, [1]),  # one fails for good
        ("11110", True, 1, []),  # so many are no accident, and not tried again
    ],
)
def test_what_failed_is_tried_twice_more(
    tmp_path: Path, fails: str, plain: bool, status: int, flaky: list[int]
) -> None:
    ended, said = judged(tmp_path, fails, plain)
    assert ended == status
    told = [
        f"test: FLAKY, failed and then: test_it.py::test_net[{number}] passed at try {int(fails[number]) + 1}"
        for number in flaky
    ]
    assert [line for line in said.splitlines() if "FLAKY" in line] == told
    assert ("the run without a network failed" in said) is not plain
    assert ("the run in network namespaces failed" in said) is (status == 1)
    tries = [int((tmp_path / f"tries-{number}").read_text()) for number in range(5)]
    again = fails.count("0") >= 2
    assert tries == [min(3, int(fails[number]) + 1) if again else 1 for number in range(5)]


@pytest.mark.parametrize(
    ("named", "status"),
    [("test_it.py::test_plain", 0), ("test_it.py::test_net", 0), ("--ignore=test_it.py", 1)],
)
def test_tests_that_are_named_may_be_of_one_kind(tmp_path: Path, named: str, status: int) -> None:
    ended, said = judged(tmp_path, "00000", True, named)
    assert ended == status  # but to find none at all is to judge nothing
    assert ("failed" in said) is (status == 1)


@pytest.mark.parametrize(("kind", "status"), [("networks", 0), ("plain", 1)])
def test_one_kind_may_be_asked_for(tmp_path: Path, kind: str, status: int) -> None:
    ended, _ = judged(tmp_path, "00000", False, kind)
    assert ended == status and (tmp_path / "tries-0").exists() is (kind == "networks")


def set_up(directory: Path) -> list[str]:
    """What `bin/setup venv` says in a place of its own, where it builds what the file `builds` names."""
    env = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable}
    command = ["bin/setup", "venv"]
    ran = subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


BUILDING, NO_NATIVE, NO_LOADER, NO_SCAN = (
    "setup: building the modules in C",
    'setup: they were not built; the media engine "native" says why',
    'setup: they were not all built; the media engine "kernel" says why',
    "setup: what finds the parts of SIP headers was not built: they are read by expressions",
)


def test_modules_that_could_not_be_built_are_tried_again(tmp_path: Path) -> None:
    packages = ("core", "h248", "h323", "octets", "policy", "sip", "text", "media/native", "media/kernel")
    for each in ("bin", ".venv/bin", *(f"sbc/{package}" for package in packages)):
        (tmp_path / each).mkdir(parents=True)
    for each in ("setup.cfg", "pyproject.toml", "setup.py", "sbc/media/native/build.py"):
        (tmp_path / each).touch()
    native, loader = tmp_path / "sbc/media/native/_native.abi3.so", tmp_path / "sbc/media/kernel/_loader.abi3.so"
    scan = tmp_path / "sbc/sip/_scan.cpython-311-x86_64-linux-gnu.so"
    python, setup = tmp_path / ".venv/bin/python", tmp_path / "bin/setup"
    python.write_text('#!/bin/sh\nif [ "$1" = setup.py ]; then for each in $(cat builds); do : >$each; done; fi\n')
    text = (SCRIPT.parent / "setup").read_text()
    setup.write_text(re.sub(r"BUILD_FILES='[^']*'", "BUILD_FILES=''", text))  # nothing is to be installed here
    for script in (python, setup):
        script.chmod(0o755)
    made_from = f"{sys.executable} {sys.version}\n{tmp_path}\n{setup.read_text()}"
    (tmp_path / ".venv/made-from").write_text(made_from)

    builds = tmp_path / "builds"
    builds.write_text("")
    assert [set_up(tmp_path), set_up(tmp_path)] == [[BUILDING, NO_NATIVE]] * 2
    builds.write_text(str(native))
    assert [set_up(tmp_path), set_up(tmp_path)] == [[BUILDING, NO_LOADER]] * 2
    builds.write_text(f"{native} {loader}")
    assert [set_up(tmp_path), set_up(tmp_path)] == [[BUILDING, NO_SCAN]] * 2
    builds.write_text(f"{native} {loader} {scan}")
    assert [set_up(tmp_path), set_up(tmp_path)] == [[BUILDING], []]
    os.utime(native, (1, 1))  # older than the source
    (tmp_path / "sbc/media/native/build.py").write_text("# changed")
    builds.write_text(str(loader))
    assert [set_up(tmp_path), set_up(tmp_path)] == [[BUILDING, NO_NATIVE]] * 2 and not native.exists()
