"""What may be remembered of calls besides their messages: decisions, and refusals of what never became a call."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.orders import Note, OpenStream, Record, UpdateStream


@attrs.frozen
class Sizes:
    """The most that is remembered: messages of a call, octets of its messages, octets in all, refusals."""

    messages: int = 200
    octets: int = 262_144
    total: int = 67_108_864
    refusals: int = 1_000


FORGETFUL = Sizes(0, 0, 0, 0)
"""Sizes by which nothing is remembered."""


@attrs.frozen
class Latched:
    """The engine has found where the media of a stream's side goes."""

    stream: str
    side: int
    address: Address
    reason: str


@attrs.frozen
class Closed:
    """A stream is closed, and these are its final counters (sbc.media.counters.StreamCounters)."""

    stream: str
    counters: Any


@attrs.frozen
class Unsent:
    """What was to be sent could not be."""

    to: Address
    why: str


Decision = Note | Record | OpenStream | UpdateStream | Latched | Closed | Unsent


@attrs.define
class Refusal:
    """What one host was refused for one reason: how often, first and last when, and where it was last seen."""

    event: str
    reason: str
    source: str
    fields: dict[str, Any]
    first: float
    last: float
    count: int = 1
