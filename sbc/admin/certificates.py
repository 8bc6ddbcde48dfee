"""What metrics say of our own certificates."""

from __future__ import annotations

from collections.abc import Iterator
from time import time
from typing import Any

from sbc.expiry import days_left


def days(sources: Any) -> Iterator[tuple[tuple[str, str], float]]:
    """For how many days each is valid, by realm and name."""
    for realm, name, left in days_left(sources.runner.connections.security, time()):
        yield (realm, name), left
