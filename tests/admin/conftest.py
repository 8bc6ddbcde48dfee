"""What several tests of the console need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from sbc.admin.auditlog import AuditFile

Opened = Callable[[Path | str], AuditFile]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Opens audit files; they are closed when the test ends."""
    with ExitStack() as files:
        yield lambda path: files.enter_context(closing(AuditFile(str(path))))
