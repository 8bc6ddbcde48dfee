"""What is thought of what became of a source's messages: points against it, and why. An honest terminal gets few."""

from __future__ import annotations

from sbc.core.message import Cause, Intent, Kind
from sbc.policy.events import Outcome
from sbc.policy.flooding import Flooding
from sbc.policy.source import MOST_NOTED, Source

SCANS = 1_000.0
"""Points of who calls itself what only scanners do: banned at once, however the scores are set."""
OVER = 0.1
"""Points of a message that was over its source's rate: to be so now and then is nothing."""
OPENS = 4.0
"""Points of a new call that was over its source's rate."""

_BAD = 20.0
_STRAY = 2.0
_WRONG = 10.0
_UNBOUND = 5.0
_ABANDONED = 5.0
_MANY = 1.0
_VAIN = 10.0
_DEAR = 20.0
_REFUSED = {
    Cause.FORBIDDEN: 3.0,
    Cause.DENIED: 3.0,
    Cause.NOT_FOUND: 2.0,
    Cause.UNBOUND: 3.0,
    Cause.LOOP: 5.0,
    Cause.NO_CALL: 1.0,
    Cause.UNSUPPORTED: 1.0,
}
"""What we refuse for its own sake. Who is refused since there is too much of everything has done nothing."""

PATIENCE = 8.0
"""Seconds within which who is asked for credentials shows some, losses and all."""
FRESH = 600.0
"""Seconds for which it is remembered what was asked for in vain."""
MOST_ASKED = 8
"""Users that one source may have left unanswered when they were asked for credentials."""
FEW_DEAR = 2
"""Numbers with one of the prefixes configured that may be called in vain."""

_USER, _NUMBER = b"u", b"n"


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
        return _accepted(source, intent)
    if outcome is Outcome.CHALLENGED:
        return _challenged(source, intent, limits, now)
    if outcome is Outcome.WRONG:
        source.excuse(_USER + intent.user)
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


def _accepted(source: Source, intent: Intent) -> tuple[float, str]:
    if intent.kind not in (Kind.BIND, Kind.OPEN):
        return 0.0, ""
    source.excuse(_USER + intent.user)
    if intent.kind is Kind.OPEN:
        source.excuse(_NUMBER + number_of(intent))
    return -2 * _ABANDONED, ""


def _challenged(source: Source, intent: Intent, limits: Flooding, now: float) -> tuple[float, str]:
    if intent.kind is Kind.OPEN:
        points, why = _in_vain(source, intent, limits, now)  # until it is accepted
        if points:
            return points, why
    noted = source.note(_USER + intent.user, now)
    if noted <= MOST_ASKED or source.failed is None:
        return 0.0, ""
    left = sum(1 for name, at in source.failed.items() if name.startswith(_USER) and now - at > PATIENCE)
    if left >= MOST_ASKED:
        return _ABANDONED, "it tries one user after the other"
    return (_MANY, "very many users at once") if noted >= MOST_NOTED else (0.0, "")


def _in_vain(source: Source, intent: Intent, limits: Flooding, now: float) -> tuple[float, str]:
    """A call that has come to nothing, or not to anything yet."""
    number = number_of(intent)
    source.note(_NUMBER + number, now)
    fresh = [name[1:] for name, at in (source.failed or {}).items() if name.startswith(_NUMBER) and now - at <= FRESH]
    if is_dear(number, limits) and sum(1 for each in fresh if is_dear(each, limits)) > FEW_DEAR:
        return _DEAR, "calls in vain to numbers that are dear"
    if len(fresh) > limits.fraud_destinations:
        return _VAIN, "calls in vain to many numbers"
    return 0.0, ""


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
