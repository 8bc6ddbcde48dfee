"""etc/sbc.service, by systemd's own judgement; and docs/operations.rst, which says of each key when a change counts."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sbc.config.diff import EFFECTS

ROOT = Path(__file__).parent.parent
UNIT = ROOT / "etc" / "sbc.service"
MANUAL = ROOT / "docs" / "operations.rst"

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs the Debian package systemd")


def analyze(verb: str, *options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What systemd says of the unit, with programs in it that are there."""
    unit = folder / "sbc.service"
    unit.write_text(re.sub(r"/opt/sbc/bin/\w+", sys.executable, UNIT.read_text()))
    argv = ["systemd-analyze", verb, *options, str(unit)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def ours(said: str) -> list[str]:
    """What is not said of others' units."""
    return [line for line in said.splitlines() if not line.startswith("/lib/systemd/")]


@needs_systemd
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    done = analyze("verify", "--man=no", folder=tmp_path)
    said = ours(done.stderr)
    assert (done.returncode, said) == (0, [])


@needs_systemd
def test_the_unit_has_few_privileges(tmp_path: Path) -> None:
    done = analyze("security", "--offline=true", "--threshold=20", "--no-pager", folder=tmp_path)
    assert done.returncode == 0, done.stdout


def test_media_threads_may_run_in_real_time() -> None:
    unit = UNIT.read_text()
    assert re.findall(r"^LimitRTPRIO=(.+)$", unit, flags=re.MULTILINE) == ["1"]
    # the last one gives back what ~@resources has taken
    assert re.findall(r"^SystemCallFilter=(.+)$", unit, flags=re.MULTILINE)[-1] == "sched_setscheduler"
    assert not re.search(r"^(RestrictRealtime|CPUScheduling)", unit, flags=re.MULTILINE)


def test_the_unit_says_what_the_sbc_tells_systemd() -> None:
    said = dict(re.findall(r"^(\w+)=(.+)$", UNIT.read_text(), flags=re.MULTILINE))
    assert (said["Type"], said["NotifyAccess"], said["KillMode"]) == ("notify", "main", "mixed")
    assert said["ExecReload"] == "/bin/kill -HUP $MAINPID"  # after the check
    assert float(said["TimeoutStopSec"]) > 30.0 and float(said["WatchdogSec"]) > 0
    assert said["RestartSec"] == "100ms"  # media is to flow again within five seconds of a crash


def test_the_manual_says_of_each_key_when_a_change_counts() -> None:
    rows = re.findall(
        r"^   \* - ``\[+([\w.]+)(\]+)``\n     - ((?:.+\n)+?)     - (.+)$", MANUAL.read_text(), flags=re.MULTILINE
    )
    said = {
        (re.sub(r"(customers|trunks)\.", r"\1[].", table) + ("[]" if len(close) == 2 else ""), key): when
        for table, close, keys, when in rows
        for key in re.findall(r"``(\w+)``", keys)
    }
    assert said == {(table, key): effect.value for table, keys in EFFECTS.items() for key, effect in keys.items()}


def test_what_networks_of_their_own_need_is_in_a_drop_in() -> None:
    drop_in = (ROOT / "etc/sbc-vpn.conf").read_text()
    for name in ("AmbientCapabilities", "CapabilityBoundingSet"):
        assert re.findall(rf"^{name}=(.+)$", drop_in, flags=re.MULTILINE) == ["CAP_NET_RAW", "CAP_SYS_ADMIN"]
    assert re.findall(r"^RestrictNamespaces=(.+)$", drop_in, flags=re.MULTILINE) == ["net"]
    unit = UNIT.read_text()
    assert "SYS_ADMIN" not in unit and "NET_ADMIN" not in unit and "\nRestrictNamespaces=yes\n" in unit


@needs_systemd
def test_systemd_understands_the_drop_in(tmp_path: Path) -> None:
    folder = tmp_path / "sbc.service.d"
    folder.mkdir()
    (folder / "vpn.conf").write_text((ROOT / "etc/sbc-vpn.conf").read_text())
    done = analyze("verify", "--man=no", folder=tmp_path)
    assert (done.returncode, ours(done.stderr)) == (0, [])
