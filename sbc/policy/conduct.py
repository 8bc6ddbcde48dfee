"""What is thought of what became of a source's messages: points against it, and why. An honest terminal gets few."""

from __future__ import annotations

from typing import Final

from sbc.core.message import Cause, Intent, Kind
from sbc.policy.events import Outcome
from sbc.policy.flooding import Flooding
from sbc.policy.source import Source
from sbc.policy.unanswered import FRESH, PATIENCE, Unanswered

SCANS = 1_000.0
"""Points of who calls itself what only scanners do: banned at once, however the scores are set."""
OVER = 0.1
"""Points of a message that was over its source's rate: to be so now and then is nothing."""
OPENS = 4.0
"""Points of a new call that was over its source's rate."""

_BAD: Final = 20.0
_STRAY: Final = 2.0
_WRONG: Final = 10.0
_UNBOUND: Final = 5.0
_ABANDONED: Final = 5.0
_VAIN: Final = 10.0
_DEAR: Final = 20.0
_REFUSED: Final = {
    Cause.FORBIDDEN: 3.0,
    Cause.DENIED: 3.0,
    Cause.NOT_FOUND: 2.0,
    Cause.UNBOUND: 3.0,
    Cause.LOOP: 5.0,
    Cause.NO_CALL: 1.0,
    Cause.UNSUPPORTED: 1.0,
    Cause.SECURITY: 1.0,
}
"""What we refuse for its own sake. Who is refused since there is too much of everything has done nothing."""

FEW_DEAR = 2
"""Numbers with one of the prefixes configured that may be called in vain."""
TAKEN = 4
"""So many calls in vain to each that was taken are nothing: with many lines many are busy, or do not answer."""

_USER, _ASKED, _VAIN_CALL, _TAKEN = b"u", b"a", b"n", b"y"
"""What is noted of a source: users, and numbers that credentials were asked for, and numbers called in vain, or not."""


def judge(
    source: Source, outcome: Outcome, intent: Intent | None, cause: Cause | None, limits: Flooding, now: float
) -> tuple[float, str]:
    """Points against `source` for one more outcome (fewer than 0: in its favour), and why, in a few words."""
    if outcome is Outcome.BAD:
        return _BAD, "what it sends is no message"
    if outcome is Outcome.STRAY:
        return _STRAY, "it answers what was not asked"
    if intent is None:
        return 0.0, ""
    if outcome is Outcome.ACCEPTED:
        return _accepted(source, intent, now)
    if outcome is Outcome.CHALLENGED:
        return _challenged(source, intent, limits, now)
    if outcome is Outcome.WRONG:
        _shown(source, intent)
        return _WRONG, "wrong credentials"
    if outcome is Outcome.REFUSED and cause not in _REFUSED:
        return 0.0, ""
    if intent.kind is Kind.OPEN or intent.dialled:  # of who asks for leave and has none no call follows
        points, why = _in_vain(source, intent, limits, now)
        if points:
            return points, why
    if outcome is Outcome.REFUSED and cause is not None:
        return _REFUSED[cause], f"it asks for what is refused ({cause.value})"
    return (_UNBOUND, "registrations that are not taken") if intent.kind is Kind.BIND else (0.0, "")


def _accepted(source: Source, intent: Intent, now: float) -> tuple[float, str]:
    if intent.kind not in (Kind.BIND, Kind.OPEN):
        return 0.0, ""
    _shown(source, intent)
    if intent.kind is Kind.OPEN:
        number = number_of(intent)
        source.excuse(_VAIN_CALL + number)
        if source.failed is not None:  # else there is nothing to weigh it against
            source.note(_TAKEN + number, now)
    return -2 * _ABANDONED, ""


def _asked(intent: Intent) -> bytes:
    """By what it is noted that credentials were asked for."""
    return _ASKED + number_of(intent) if intent.kind is Kind.OPEN else _USER + intent.user


def was_asked(source: Source, intent: Intent) -> bool:
    """Whether credentials were asked for the same before, and none were shown since."""
    return source.failed is not None and _asked(intent) in source.failed


def _shown(source: Source, intent: Intent) -> None:
    """Credentials were shown, right or wrong."""
    source.excuse(_asked(intent))
    if source.unanswered is not None:
        source.unanswered.answer()


def _challenged(source: Source, intent: Intent, limits: Flooding, now: float) -> tuple[float, str]:
    if was_asked(source, intent):
        return 0.0, ""  # it has been counted
    source.note(_asked(intent), now)
    if source.unanswered is None:
        source.unanswered = Unanswered(now)
    left = source.unanswered.ask(now)
    if intent.kind is Kind.OPEN and is_dear(number_of(intent), limits):
        dear = [each for each in _fresh(source, _ASKED, now, PATIENCE) if is_dear(each, limits)]
        if len(dear) >= FEW_DEAR:
            return _DEAR, "calls in vain to numbers that are dear"
    return left * _ABANDONED, "it tries one user or number after the other" if left else ""


def _in_vain(source: Source, intent: Intent, limits: Flooding, now: float) -> tuple[float, str]:
    """A call that has come to nothing."""
    number = number_of(intent)
    if intent.proves:
        _shown(source, intent)
    source.note(_VAIN_CALL + number, now)
    vain = _fresh(source, _VAIN_CALL, now)
    if is_dear(number, limits) and sum(1 for each in vain if is_dear(each, limits)) > FEW_DEAR:
        return _DEAR, "calls in vain to numbers that are dear"
    if len(vain) > max(limits.fraud_destinations, TAKEN * len(_fresh(source, _TAKEN, now))):
        return _VAIN, "calls in vain to many numbers"
    return 0.0, ""


def _fresh(source: Source, kind: bytes, now: float, since: float = 0.0) -> list[bytes]:
    """What of a kind was noted of a source, so many seconds ago at least and not long ago."""
    noted = source.failed or {}
    return [name[1:] for name, at in noted.items() if name.startswith(kind) and since <= now - at <= FRESH]


def is_dear(number: bytes, limits: Flooding) -> bool:
    """Whether `number` begins with one of the prefixes that are configured."""
    return any(number.startswith(prefix.encode()) for prefix in limits.fraud_prefixes)


def number_of(intent: Intent) -> bytes:
    """Whom a new call asks for, without what is written around it."""
    if intent.dialled:
        return intent.dialled[:64]
    said = intent.called or intent.callee
    _, colon, rest = said.partition(b":")
    return (rest if colon else said).partition(b"@")[0][:64]
