"""The turns of a terminal's account: its start, its state now and then, its stop; and which of them are to be told."""

from __future__ import annotations

from math import isfinite

import attrs

from sbc.config.values import Event
from sbc.core.plain import Unfit, of_bytes, to_bytes
from sbc.ledger.record import wall_of
from sbc.ledger.usage import Usage


@attrs.frozen
class Turn:
    """An event of an account at a time of day (seconds since 1970), and how the account stood then."""

    event: Event
    at: float
    usage: Usage


@attrs.frozen
class Told:
    """What was told of an account last: when, and how often anything had been agreed upon (Usage.turns). `over`: that
    was its stop."""

    at: float
    turns: int
    over: bool = False


def turns_of(usage: Usage, told: Told | None, interim: float, attempts: bool) -> tuple[list[Turn], Told | None]:
    """What is to be told of an account that stands so, and what will have been told then. `interim` is in seconds, 0
    for never; `attempts`: of calls that nobody has answered the stop alone is told."""
    over = usage.ending is not None
    if told is not None and told.over:
        return [], told
    if usage.answer is None:
        if not over or not attempts:
            return [], told
        return [_stop(usage)], Told(wall_of(usage.end or usage.known), usage.turns, True)
    if over:
        begun = [] if told is not None else [_start(usage)]
        return [*begun, _stop(usage)], Told(wall_of(usage.end or usage.known), usage.turns, True)
    if told is None:
        start = _start(usage)
        return [start], Told(start.at, usage.turns)
    known = wall_of(usage.known)
    if usage.turns == told.turns and not (interim and known - told.at >= interim):
        return [], told
    return [Turn(Event.INTERIM, known, usage)], Told(known, usage.turns)


def _start(usage: Usage) -> Turn:
    """With nothing of what came afterwards."""
    fresh = attrs.evolve(usage, media={}, duration=0.0, end=None, ending=None, ended_by=None, cause="")
    return Turn(Event.START, wall_of(usage.answer or usage.start), fresh)


def _stop(usage: Usage) -> Turn:
    return Turn(Event.STOP, wall_of(usage.end or usage.known), usage)


def packed(turn: Turn) -> str:
    """A turn as it is kept in a file."""
    return to_bytes(Turn, turn).decode("ascii")


def unpacked(text: str) -> Turn:
    """The turn that `packed` was given. @raises sbc.core.plain.Unfit, also for numbers that are none, which JSON may
    have."""
    turn: Turn = of_bytes(Turn, text.encode("utf-8", "replace"))
    if not isfinite(turn.at) or not isfinite(turn.usage.duration or 0.0):
        raise Unfit("a time that is none")
    return turn
