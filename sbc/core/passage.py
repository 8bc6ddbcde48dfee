"""One message taken through a crossing: its slots translated, our own hop stamped, and read again as it goes on."""

from __future__ import annotations

from typing import Any

from sbc.core import front
from sbc.core.crossing import Crossing
from sbc.core.message import BadMessage, Cause, Kind, Refused, Slot


def translate(dialect: Any, message: Any, slots: list[Slot], crossing: Crossing) -> tuple[bytes, Any]:
    """The message as it goes on, and as whoever gets it reads it. @raises Refused."""
    for slot in slots:
        dialect.fill(message, slot, crossing.translate(slot))
    if crossing.intent.kind is Kind.BIND:
        for slot, seconds in front.lifetimes(crossing, slots):
            dialect.grant(message, slot, seconds)
    dialect.stamp(message, crossing)
    data = dialect.encode(message)
    try:
        return data, dialect.decode(data)
    except BadMessage as bad:  # what was just short enough is too long now
        raise Refused(Cause.UNSUPPORTED, f"cannot be taken across: {bad.reason}") from bad
