"""What the core asks a party of a call of its own accord: whether the call lives."""

from __future__ import annotations

from typing import NamedTuple


class Question(NamedTuple):
    """What asks a party of a call whether it lives: the bytes, and its name (see Intent.asks). `sure`: whoever lives
    answers it. Who has answered one of a `kind` knows all of that kind."""

    data: bytes
    name: bytes
    sure: bool
    kind: str
