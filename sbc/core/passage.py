"""One message taken through a crossing: its slots translated, our own hop stamped, and read again as it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sbc.core import admitted, front
from sbc.core.crossing import Crossing
from sbc.core.message import BadMessage, Cause, Kind, Refused, Slot
from sbc.core.orders import Note, Order


def translate(dialect: Any, message: Any, slots: list[Slot], crossing: Crossing) -> bytes:
    """The message as it goes on. @raises Refused."""
    try:
        crossing.weigh(slots)
        for slot in slots:
            dialect.fill(message, slot, crossing.translate(slot))
        for slot, formats in crossing.admit():
            if not dialect.narrow(message, slot, formats):
                raise Refused(Cause.BANDWIDTH, "not enough bandwidth", detail="its formats cannot be cut")
        _curb(dialect, message, crossing)
        for slot, secured in crossing.secure():
            if not dialect.secure(message, slot, secured) and secured is not None and not secured.best_effort:
                raise Refused(Cause.SECURITY, "media cannot be secured", detail="its protocol has no words for it")
        if crossing.exchange.intent.kind is Kind.BIND:
            for slot, seconds in front.lifetimes(crossing, slots):
                dialect.grant(message, slot, seconds)
        dialect.stamp(message, crossing)
        encoded: bytes = dialect.encode(message)
    except BadMessage as bad:  # what was just short or small enough is no more
        raise Refused(Cause.UNSUPPORTED, f"cannot be taken across: {bad.reason}") from bad
    return encoded


def _curb(dialect: Any, message: Any, crossing: Crossing) -> None:
    """Let a message say no more of what its sender could take than there is room for; what it opens by itself has its
    part by then."""
    call, able = crossing.call, crossing.intent.able
    possible = admitted.possible(crossing.registry.networks, call, able) if call is not None and able else None
    if possible is not None:
        dialect.curb(message, possible)


def remarks(dialect: Any, message: Any, crossing: Crossing) -> list[Order]:
    """What its dialect has to say of a message that goes on."""
    said: Sequence[tuple[str, str]] = dialect.remarks(message)
    if not said:
        return []
    call, intent, arrival = crossing.call, crossing.intent, crossing.arrival
    fields = {"method": intent.method, "source": str(arrival.source), "realm": arrival.listener.realm}
    return [Note(event, reason, "" if call is None else call.id, fields) for event, reason in said]
