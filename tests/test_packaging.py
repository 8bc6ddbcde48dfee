"""The package as a user gets it: built, installed the normal way in an environment of its own, run from elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
PARTS = (
    "setup.cfg",
    "setup.py",
    "MANIFEST.in",
    "pyproject.toml",
    "README.rst",
    "LICENSE",
    "CHANGELOG.rst",
    "sbc",
    "twisted",
)
TWISTD = "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"
EXTENSIONS = {"sbc/media/kernel/_loader", "sbc/media/native/_native", "sbc/sip/_scan"}
SELF_SUFFICIENT = (70, 1)  # the first setuptools that builds wheels without a further package


def copy_project(to: Path) -> None:
    """What a package is made from, without what was built of it."""
    ignore = shutil.ignore_patterns("__pycache__", "dropin.cache", "*.so")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, to / part, ignore=ignore)
        else:
            shutil.copy(ROOT / part, to / part)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that nothing is left in the project and nothing left there gets in."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    copy_project(source)
    new_enough = tuple(map(int, version("setuptools").split(".")[:2])) >= SELF_SUFFICIENT
    quick = ["--no-build-isolation"] if new_enough else []
    run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", *quick, "-w", str(made), str(source)], source)
    (file,) = made.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment's bin folder: sbc installed there for real, everything else lent by the environment we run in."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    (site,) = home.glob("lib/python3*/site-packages")
    # A path file named in a path file is not followed, so an editable sbc there stays out of sight.
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n" + sysconfig.get_path("platlib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python")]
    run([*pip, "install", "-q", "--no-deps", "--no-index", "--ignore-installed", str(wheel)], home)
    return home / "bin"


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}


def run(command: list[str], where: Path, status: int = 0) -> str:
    done = subprocess.run(
        command,
        cwd=where,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_wheel_holds_every_module_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    built = {name for name in names if name.endswith(".so")}  # none where there is no compiler
    assert {name.partition(".")[0] for name in built} <= EXTENSIONS
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "sbc").rglob("*.py")}
    assert names - built == modules | {"sbc/py.typed", "twisted/plugins/sbc_plugin.py"}


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_the_modules_in_c_are_built_from_the_source_distribution(tmp_path: Path) -> None:
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    run([sys.executable, "setup.py", "-q", "sdist"], tmp_path)
    (file,) = (tmp_path / "dist").glob("*.tar.gz")
    shutil.unpack_archive(file, tmp_path / "unpacked")
    (source,) = (tmp_path / "unpacked").iterdir()
    assert not list(source.rglob("*.so"))
    run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], source)
    built = {path.relative_to(source).as_posix().partition(".")[0] for path in source.rglob("*.so")}
    assert built >= {"sbc/media/native/_native", "sbc/sip/_scan"}


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_without_a_compiler_the_package_is_built_without_them(tmp_path: Path) -> None:
    copy_project(tmp_path)
    env = {**environment(), "CC": "/nonexistent/cc"}
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("*.so"))


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_with_a_clang_that_fails_all_else_is_built(tmp_path: Path) -> None:
    copy_project(tmp_path)
    clang = tmp_path / "bin" / "clang"
    clang.parent.mkdir()
    clang.write_text("#!/bin/sh\nexit 1\n")
    clang.chmod(0o755)
    env = {**environment(), "PATH": f"{clang.parent}:{os.environ['PATH']}"}
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    built = {path.relative_to(tmp_path).as_posix().partition(".")[0] for path in (tmp_path / "sbc").rglob("*.so")}
    assert built == {"sbc/media/native/_native", "sbc/sip/_scan"}


def test_twistd_finds_the_installed_plugin_from_anywhere(installed: Path, tmp_path: Path) -> None:
    twistd = [str(installed / "python"), "-c", TWISTD]
    text = run([*twistd, "sbc", "--help"], tmp_path)
    assert "--config" in text
    assert "session border controller" in text
    assert re.search(r"^ +sbc +A session border controller", run([*twistd, "--help"], tmp_path), re.MULTILINE)


def test_the_installed_package_is_the_one_that_runs(installed: Path, tmp_path: Path) -> None:
    where = run([str(installed / "python"), "-c", "import sbc; print(sbc.__file__)"], tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)


def test_sbc_check_runs_from_anywhere(installed: Path, tmp_path: Path) -> None:
    example = ROOT / "etc" / "sbc.toml"
    assert run([str(installed / "sbc"), "check", str(example)], tmp_path).startswith(f"{example}: ok, 2 realms")
    assert "cannot be read" in run([str(installed / "sbc"), "check", "none.toml"], tmp_path, status=1)


def test_twistd_shows_a_wrong_configuration_without_a_traceback(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("[log]\nlevel = 1\n")
    twistd = [str(installed / "python"), "-c", TWISTD]
    text = run([*twistd, "-n", "--pidfile=", "sbc", "-c", "wrong.toml"], tmp_path, status=1)
    assert "wrong.toml: log.level = 1: " in text
    assert "wrong.toml: realms: missing" in text
    assert "Traceback" not in text


def test_the_example_runs_and_ends_when_told(installed: Path, tmp_path: Path) -> None:
    # The example as it is, but for the loopback network: this process's own, so that nothing else is in the way.
    network = f"127.{os.getpid() % 200 + 20}.{os.getpid() // 200 % 250}."
    example = (ROOT / "etc" / "sbc.toml").read_text().replace("127.0.0.", network)
    (tmp_path / "sbc.toml").write_text(example)
    twistd = [str(installed / "python"), "-c", TWISTD, "-n", "--pidfile=", "sbc", "--config", "sbc.toml"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            twistd, cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wanted = {f"{network}1:5060", f"{network}2:5060"}
        give_up = time.monotonic() + 30
        while not wanted <= udp_sockets():
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < give_up, (tmp_path / "log").read_text()
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in (tmp_path / "log").read_text()


def udp_sockets() -> set[str]:
    """The local addresses of all IPv4 UDP sockets, as the kernel lists them."""
    found = set()
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        host, _, port = line.split()[1].partition(":")
        octets = int(host, 16).to_bytes(4, sys.byteorder)
        found.add(".".join(map(str, octets)) + f":{int(port, 16)}")
    return found


def test_the_unit_names_what_is_installed() -> None:
    unit = (ROOT / "etc" / "sbc.service").read_text()
    commands = re.findall(r"^ExecStart(?:Pre)?=/opt/sbc/bin/(\S+) (.*)$", unit, re.MULTILINE)
    assert [name for name, _ in commands] == ["sbc", "twistd"]
    assert all("/etc/sbc/sbc.toml" in arguments for _, arguments in commands)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = (ROOT / "etc" / "sbc.service").read_text().replace("/opt/sbc/bin/", "/bin/true ")
    (tmp_path / "sbc.service").write_text(unit)
    command = ["systemd-analyze", "verify", str(tmp_path / "sbc.service")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "sbc.service:" not in done.stderr
