"""The first fault of a call in one sentence, found from what happened: what was said, decided, and how media flowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from sbc.admin.tables import duration
from sbc.core.message import Ending, Intent, Kind, Phase
from sbc.core.orders import Note, SideSpec
from sbc.core.remembered import Unsent
from sbc.media.counters import Quality, StreamCounters

PATIENCE = 2.0
"""Seconds after the answer in which media may still be on its way."""
_POOR = 3.1
"""The MOS below which nearly all users are dissatisfied (ITU-T G.109, an R of 60)."""
_OF_MEDIA = {
    "stream-lost": "the SBC could not open the ports of a stream",
    "silent": "nobody spoke any more",
}


_UNSECURED = {
    "timeout": "no handshake by which its media were secured came in time",
    "fingerprint": "it showed another certificate than it had promised",
    "no-profile": "it has no protection profile in common with the SBC",
    "alert": "it broke off the handshake by which its media were secured",
    "refused": "its handshake was against the protocol",
}


@attrs.define
class Heard:
    """A message: first and last when, out or in, on which leg, to or from whom, what, how the dialect describes it."""

    at: float
    out: bool
    leg: int
    peer: str
    what: str
    intent: Intent | None
    times: int = 1
    last: float = 0.0


@attrs.define
class Media:
    """A stream: from when to when, both sides as last signalled, whether one ever was on hold, and what flowed."""

    stream: str
    since: float
    sides: list[SideSpec]
    counters: StreamCounters | None
    until: float | None = None
    held: bool = False


@attrs.frozen
class Seen:
    """All that is known of a call. Records are their fields, empty where there is none; `legs` and `roles` name the two
    parties, with realm and address and without."""

    opened: dict[str, Any]
    answered: dict[str, Any]
    rang: dict[str, Any]
    closed: dict[str, Any]
    legs: list[str]
    roles: list[str]
    notes: list[tuple[float, Note]]
    unsent: list[tuple[float, Unsent]]
    heard: list[Heard]
    media: list[Media]
    start: float
    now: float

    @property
    def method(self) -> str:
        """What the opening request is called."""
        return str(self.opened.get("method") or "request")


def verdict(seen: Seen) -> str:
    """The first fault in one sentence; or that there is none, and how the call stands or ended."""
    found = sorted(_faults(seen), key=lambda fault: fault[0])
    return found[0][1] if found else f"no fault: {_ending(seen)}"


def _faults(seen: Seen) -> Iterator[tuple[float, str]]:
    """Every fault there is, with when it began."""
    for at, note in seen.notes:
        if note.event in _OF_MEDIA:
            yield at, f"{_OF_MEDIA[note.event]}: {note.reason}"
        elif note.event == "unsecured" and note.reason in _UNSECURED and seen.answered:
            since = min(at, float(seen.answered["at"]))  # before what comes of it: that nothing is heard
            yield since, f"media of {seen.legs[note.fields['side']]} could not be secured: {_UNSECURED[note.reason]}"
        elif note.event == "refused" and seen.answered:
            yield at, f"the SBC refused a {note.fields.get('method', 'request')} inside the call: {note.reason}"
        elif note.event == "failover":
            old, new = note.fields.get("from", "a next hop"), note.fields.get("to", "another")
            yield at, f"{old} did not take it ({note.reason}), and {new} was asked"
        elif note.event == "too-late":
            yield at, f"{seen.legs[1]} answered after the call had been given up"
    for at, unsent in seen.unsent:
        yield at, f"a message to {unsent.to} could not be sent: {unsent.why}"
    yield from _of_media(seen)
    yield from _of_ending(seen)


# -- media


def _of_media(seen: Seen) -> Iterator[tuple[float, str]]:
    """Streams on which one party, or nobody, was ever heard, though there was time and nobody was on hold; or one that
    was heard badly."""
    if not seen.answered:
        return
    answered = float(seen.answered["at"])
    for media in seen.media:
        since, until = max(answered, media.since), seen.now if media.until is None else media.until
        if media.counters is None or media.held or until - since < PATIENCE:
            continue
        received = [side.received_rtp.packets for side in media.counters.sides]
        for silent in (0, 1):
            if received[silent] == 0 and received[1 - silent] > 0:
                yield since, _one_way(seen, media, silent, received[1 - silent])
        if not any(received):
            yield since, f"no media came from either side in {duration(until - since)} after the answer"
        for index, side in enumerate(media.counters.sides):
            if side.quality is not None and side.quality.mos is not None and side.quality.mos < _POOR:
                yield until, _poor(seen.legs[index], side.quality)


def _one_way(seen: Seen, media: Media, silent: int, packets: int) -> str:
    assert media.counters is not None
    drops, spec = media.counters.sides[silent].drops, media.sides[silent]
    text = (
        f"no media ever came from {seen.legs[silent]} though {seen.roles[1 - silent]} sent {packets} packets: one-way"
    )
    if drops.wrong_source:
        return f"{text}; {drops.wrong_source} packets came from elsewhere and were refused (latch {spec.latch.value})"
    if malformed := drops.too_short + drops.too_long + drops.not_rtp:
        return f"{text}; {malformed} packets that came were no media"
    if drops.kernel:
        return f"{text}; {drops.kernel} packets that came were lost in the SBC's socket"
    if spec.behind_nat and spec.remote is not None:
        return f"{text}; it is behind a NAT, and had signalled {spec.remote.rtp}"
    if drops.no_destination:
        return f"{text}; it never said where it wants media"
    if drops.send_error:
        return f"{text}; the SBC could not send it {drops.send_error} packets"
    return text


def _poor(leg: str, quality: Quality) -> str:
    jitter = "" if quality.jitter is None else f", jitter {quality.jitter:.0f} ms"
    return f"media came badly from {leg}: MOS {quality.mos}, {100 * quality.loss:.1f} % of its packets lost{jitter}"


# -- how it ended


def _of_ending(seen: Seen) -> Iterator[tuple[float, str]]:
    closed = seen.closed
    if not closed:
        yield from _of_waiting(seen)
        return
    ending, who, cause = closed["ending"], closed["who"], closed["cause"]
    at = float(closed["at"])
    asked = _asked(seen)
    if ending in (Ending.NORMAL.value, Ending.CANCELLED.value):
        if ending == Ending.CANCELLED.value and asked is not None and not _any_answer(seen):
            yield asked.at, f"{_nothing_came(seen, asked)}; {seen.roles[0]} gave up after {duration(at - asked.at)}"
        return
    if who == "sbc":
        yield at, _by_sbc(seen, ending, cause, asked)
    elif ending == Ending.UNAUTHORIZED.value:
        yield _unauthorized(seen, cause, at)
    else:
        said = _final(seen)
        first = at if said is None else said.at
        after = "" if asked is None else f" {_after(first - asked.at)} after the {seen.method}"
        yield first, f"{seen.legs[0 if who == 'caller' else 1]} answered {cause}{after}"


def _by_sbc(seen: Seen, ending: str, cause: str, asked: Heard | None) -> str:
    if ending in (Ending.UNREACHABLE.value, Ending.NO_ANSWER.value) and asked is not None:
        if "timeout" in cause and not _any_answer(seen):
            return _nothing_came(seen, asked)
        if ending == Ending.NO_ANSWER.value:
            return f"{seen.legs[1]} rang, and nobody answered in {duration(seen.closed['at'] - asked.at)}"
        return f"{seen.legs[1]} could not be reached: {cause}"
    if ending in (Ending.CLEARED.value, Ending.SPENT.value):
        return f"the SBC ended it: {cause}"
    if ending == Ending.SILENT.value:
        return f"the SBC ended it, since nobody spoke: {cause}"
    if ending == Ending.EXPIRED.value:
        return "the SBC ended it, since it had lasted as long as a call may"
    if seen.answered:
        return f"the SBC ended it: {cause}"
    refused = next((note for _, note in seen.notes if note.event == "refused"), None)
    method = seen.method if refused is None else refused.fields.get("method", seen.method)
    return f"the SBC refused the {method}: {cause}"


def _unauthorized(seen: Seen, cause: str, at: float) -> tuple[float, str]:
    challenges = [each for each in seen.heard if not each.out and _phase(each) is Phase.CHALLENGE and each.leg == 1]
    first = challenges[0].at if challenges else at
    if len(challenges) > 1:
        last = challenges[-1].at
        return last, f"{seen.legs[1]} took none of {seen.roles[0]}'s credentials ({cause}, {len(challenges)} times)"
    return first, f"{seen.legs[1]} asked for credentials ({cause}) and {seen.roles[0]} did not come back with any"


def _of_waiting(seen: Seen) -> Iterator[tuple[float, str]]:
    """A call that goes on: whether it still waits for the first sign of life."""
    asked = _asked(seen)
    if asked is not None and not seen.answered and not _any_answer(seen) and asked.times > 1:
        yield asked.at, _nothing_came(seen, asked)


def _asked(seen: Seen) -> Heard | None:
    """The opening request as it first went to the other leg."""
    return next((each for each in seen.heard if each.out and each.leg == 1 and _kind(each) is Kind.OPEN), None)


def _any_answer(seen: Seen) -> bool:
    return any(
        not each.out and each.leg == 1 and each.intent is not None and each.intent.phase.reply for each in seen.heard
    )


def _final(seen: Seen) -> Heard | None:
    """The failure by which the other leg ended the attempt."""
    failures = [each for each in seen.heard if not each.out and each.leg == 1 and _phase(each) is Phase.FAILURE]
    return failures[-1] if failures else None


def _nothing_came(seen: Seen, asked: Heard) -> str:
    times = sum(each.times for each in seen.heard if each.out and each.leg == 1 and _kind(each) is Kind.OPEN)
    return f"nothing came from {seen.legs[1]}, to which the {seen.method} was sent {_times(times)}"


def _ending(seen: Seen) -> str:
    """How a call without a fault stands or ended."""
    closed = seen.closed
    if closed:
        who = closed["who"]
        name = "the SBC" if who == "sbc" else f"{seen.roles[0 if who == 'caller' else 1]} ({who})"
        if closed["answered_for"] is not None:
            return f"{name} hung up after {duration(closed['answered_for'])}"
        return f"{name} gave up after {duration(closed['at'] - seen.start)}, before anybody answered"
    if seen.answered:
        return f"it is up for {duration(seen.now - float(seen.answered['at']))}"
    return "it rings" if seen.rang else "it waits for an answer"


def _phase(heard: Heard) -> Phase | None:
    return None if heard.intent is None else heard.intent.phase


def _kind(heard: Heard) -> Kind | None:
    intent = heard.intent
    return intent.kind if intent is not None and intent.phase is Phase.REQUEST else None


def _after(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else duration(seconds)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
