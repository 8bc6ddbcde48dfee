"""What all tests share: when namespace tests can run, how Hypothesis behaves, and what is logged."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from twisted.logger import LogEvent, globalLogPublisher

# A deadline would measure the neighbours on this machine, not the code; so does judging how fast examples are made.
settings.register_profile("sbc", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sbc")

NETWORKS = Path(__file__).parent / "netns"
"""Whatever stands here makes namespaces (its conftest marks it); elsewhere it is marked where it stands."""


@cache
def why_no_namespaces() -> str:
    """Why this process cannot make network namespaces; empty if it can."""
    if os.geteuid() != 0:
        return "needs root, to make network namespaces"
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    missing = [each for each in ("unshare", "ip", "nft", "tcpdump") if shutil.which(each, path=path) is None]
    if missing:
        return f"needs {', '.join(missing)}, which `make lab` installs as root"
    tried = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True, check=False)
    return f"may not make network namespaces: {tried.stderr.strip()}" if tried.returncode else ""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where one of the two kinds of tests alone is asked for (`-m`), files that have none of it are not even read."""
    wanted = str(config.getoption("markexpr"))
    if wanted.split(" and ")[0] == "not netns":
        return True if collection_path == NETWORKS else None
    if wanted.split(" and ")[0] != "netns" or collection_path.suffix != ".py" or NETWORKS in collection_path.parents:
        return None
    return None if "pytest.mark.netns" in collection_path.read_text() else True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what makes namespaces, with the reason, before any of its fixtures run."""
    if item.get_closest_marker("netns") is not None and why_no_namespaces():
        pytest.skip(why_no_namespaces())


@pytest.fixture
def log() -> Iterator[list[LogEvent]]:
    """What is logged while the test runs."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)
