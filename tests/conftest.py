"""What all tests share: when namespace tests can run, how Hypothesis behaves, and what is logged."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import settings
from twisted.logger import LogEvent, globalLogPublisher

# A deadline would measure the neighbours on this machine, not the code.
settings.register_profile("sbc", deadline=None, print_blob=True)
settings.load_profile("sbc")


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
