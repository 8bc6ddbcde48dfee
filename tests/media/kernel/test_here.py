"""What the engine needs of the system is said in one sentence, and what it sets there it sets back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sbc.media.kernel import here, lookups
from sbc.media.kernel.build import MODULE
from sbc.media.kernel.plane import Plane
from tests.media.kernel.bench import Bench


def test_it_can_run_where_it_may(bench: Bench) -> None:
    assert bench.apart.call(here.missing, str(bench.folder / "trial")) == ""
    assert bench.apart.call(here.missing, bench.plane.directory) == ""  # also to whom it runs already


def test_what_was_left_is_cleared_but_not_what_is_in_use(bench: Bench) -> None:
    directory = str(bench.folder / "gone")
    bench.apart.call(here.clear, directory)
    assert not bench.apart.call(os.path.exists, directory)
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
    assert not bench.apart.call(os.path.exists, directory)  # maps are megabytes


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ModuleNotFoundError("no module", name=MODULE), "clang was not there"),
        (ModuleNotFoundError("no cffi", name="_cffi_backend"), "its loader cannot be loaded: no cffi"),
        (ImportError("libbpf.so.1: no such file"), "its loader cannot be loaded: libbpf.so.1: no such file"),
    ],
    ids=str,
)
def test_without_its_module_it_says_what_was_missing(
    monkeypatch: pytest.MonkeyPatch, error: ImportError, why: str
) -> None:
    def gone() -> None:
        raise error

    monkeypatch.setattr(here, "loader", gone)
    monkeypatch.setattr(here, "lacks", lambda: "clang was not there")
    assert here.missing("/nowhere") == why
    monkeypatch.setattr(here, "lacks", lambda: "")
    assert here.missing("/nowhere") in (why, "its loader was not built when the package was installed")


def test_what_cannot_be_taken_off_is_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """By pins where they may be looked at, else by the filters that anybody may see."""
    directory = str(bench.folder / "capless")
    plane = bench.apart.call(Plane, directory, 64)
    bench.apart.call(plane.attach_tc, bench.a)
    plane.close()
    monkeypatch.setattr(here, "missing", lambda directory: "it may not")
    assert bench.apart.call(here.clear, directory) == f"{directory}: it may not"
    may_not = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", _SEEN, directory]
    seen = bench.apart.call(lambda: subprocess.run(may_not, cwd=_ROOT, capture_output=True, text=True, check=False))
    assert seen.stdout == "left\n", seen.stderr
    monkeypatch.undo()
    assert bench.apart.call(here.clear, directory) == ""
    assert bench.apart.call(here._left, directory) == ""


def test_who_could_not_clear_holds_the_directory_no_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = str(bench.folder / "held")
    bench.apart.call(Plane, directory, 64).close()

    def broken(plane: Plane) -> None:
        raise OSError("not now")

    monkeypatch.setattr(here, "Interfaces", broken)
    assert bench.apart.call(here.clear, directory) == f"{directory}: not now"
    monkeypatch.undo()
    assert bench.apart.call(here.clear, directory) == ""
    assert not bench.apart.call(os.path.exists, directory)


_SEEN = """
import sys
from sbc.media.kernel import here
print(here._left(sys.argv[1]))
"""


def test_without_the_capabilities_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "loader", lambda: None)
    for may in (0, 1 << 12, 1 << 39, 1 << 21, 1 << 12 | 1 << 39, 1 << 12 | 1 << 38):
        monkeypatch.setattr(here, "_capabilities", lambda may=may: may)
        assert here.missing("/nowhere") == "the process has not CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"


def test_a_setting_that_cannot_be_made_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "loader", lambda: None)
    monkeypatch.setattr(here, "_capabilities", lambda: 1 << 12 | 1 << 38 | 1 << 39)
    monkeypatch.setattr(here, "cannot", lambda: "it cannot be set")
    assert here.missing("/nowhere") == "it cannot be set"


_ROOT = Path(__file__).parents[3]
_UNIT = ("sbc.service", "sbc-kernel.conf")  # together they are what the service may
_PROCESS = """
import sys
from sbc.media.kernel import here
from sbc.media.kernel.interfaces import Interfaces
from sbc.media.kernel.plane import Plane
_, directory, address, end = sys.argv
print(here.missing(directory))
plane = Plane(directory, 64)
interfaces = Interfaces(plane, modes=("generic", "tc"))
print(interfaces.ensure(address), *((each.name, each.mode) for each in interfaces.attached.values()))
print(interfaces.collect())
if end == "detach":
    interfaces.detach()
plane.close()
"""


_CLEAR = """
import sys
from sbc.media.kernel import here
print(here.clear(sys.argv[1]))
"""


def _as_the_unit(bench: Bench, *arguments: str, process: str = _PROCESS) -> list[str]:
    """What such a process says that has the capabilities of the unit and no other."""
    lines = "".join((_ROOT / "etc" / name).read_text() for name in _UNIT).splitlines()
    words = [line.partition("=")[2].split() for line in lines if line.startswith("CapabilityBoundingSet=")]
    only = ",".join("+" + word.removeprefix("CAP_").lower() for line in words for word in line)
    setpriv = ["setpriv", f"--bounding-set=-all,{only}", "--inh-caps=-all"]
    if bench.apart.call(_fails, [*setpriv, "true"]):
        pytest.skip("setpriv cannot take capabilities away here")
    command = [*setpriv, sys.executable, "-c", process, *arguments]
    done = bench.apart.call(
        lambda: subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=60)
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _pinned(bench: Bench, directory: Path) -> set[str]:
    """The TC programs that have pins, by the thread that sees the file system."""
    return {name for name in bench.apart.call(os.listdir, directory) if name.startswith("tc-")}


def _fails(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode != 0
    except FileNotFoundError:
        return True


def test_the_unit_s_capabilities_are_enough_to_load_attach_take_over_and_remove(bench: Bench) -> None:
    """The second process must know the first one's TC filter, which without CAP_SYS_ADMIN it does by the pin."""
    directory = bench.folder / "unit"
    attached = " ('left', 'generic')"
    assert _as_the_unit(bench, str(directory), "10.1.0.1", "keep") == ["", attached, "0"]
    first = _pinned(bench, directory)
    assert _as_the_unit(bench, str(directory), "10.1.0.1", "keep") == ["", attached, "0"]
    second = _pinned(bench, directory)
    assert (len(first), len(second)) == (1, 1)
    assert first != second
    # It moves to where the address is that is in use: off here, on there.
    assert _as_the_unit(bench, str(directory), "10.2.0.1", "keep") == ["", " ('right', 'generic')", "1"]
    assert _as_the_unit(bench, str(directory), "10.2.0.1", "detach") == ["", " ('right', 'generic')", "0"]
    assert not bench.apart.call(directory.exists)
    with pytest.raises(OSError):
        bench.apart.call(bench.plane.detach_tc, bench.b)


def test_a_filter_whose_pin_is_gone_is_another_s(bench: Bench) -> None:
    directory = bench.folder / "unpinned"
    _as_the_unit(bench, str(directory), "10.1.0.1", "keep")
    bench.apart.call(os.unlink, directory / _pinned(bench, directory).pop())
    assert _as_the_unit(bench, str(directory), "10.1.0.1", "keep")[1] == "not-attached"
    (said,) = _as_the_unit(bench, str(directory), process=_CLEAR)
    assert said.startswith("left: ") and "CAP_SYS_ADMIN" in said
    assert bench.apart.call(here.clear, str(directory)) == ""  # may look at any program
    assert not bench.apart.call(directory.exists)
    assert bench.apart.call(bench.plane.xdp_mode, bench.a) == ""


def test_the_unit_sets_what_it_must_be_able_to_read() -> None:
    drop_in = (_ROOT / "etc/sbc-kernel.conf").read_text()
    assert "\nProcSubset=all\n" in drop_in
    line = next(line for line in drop_in.splitlines() if re.match(r"ExecStartPre=\+/sbin/sysctl ", line))
    for path in lookups.FORWARDING:
        assert f"{'.'.join(path.parts[3:])}=1" in line
    ambient, bounding = (
        re.search(rf"^{name}=(.*)$", drop_in, re.MULTILINE) for name in ("AmbientCapabilities", "CapabilityBoundingSet")
    )
    assert ambient and bounding and ambient[1] == bounding[1]
