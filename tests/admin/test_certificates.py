"""The metric of our own certificates."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from sbc.admin.certificates import days
from tests.test_expiry import kept


def test_the_days_that_each_is_valid(tmp_path: Path) -> None:
    sources = SimpleNamespace(runner=SimpleNamespace(connections=SimpleNamespace(security=kept(tmp_path))))
    found = {labels: round(value) for labels, value in days(sources)}
    assert found == {("access", "long.example"): 90, ("access", "short.example"): 12, ("access", "over.example"): -3}
