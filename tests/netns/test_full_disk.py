"""Call detail records on a disk that is really full: it is said, nothing is lost, all is written once there is room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.netns.full_disk import CALLS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", ["json", "sqlite"])
def test_records_wait_for_room(tmp_path: Path, kind: str) -> None:
    script = 'mount -t tmpfs -o size=256k tmpfs "$1" && exec "$2" -m tests.netns.full_disk "$3" "$1"'
    argv = ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path), sys.executable, kind]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["told"][0].startswith("failing") and found["told"][0].endswith(("space left on device", "full"))
    assert found["told"][-1] == "writing-again " and found["waited"] > 0
    assert (found["lost"], found["records"], found["calls"]) == (0, CALLS, CALLS)
