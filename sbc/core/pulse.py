"""The pulse of calls that go by connections: what each party was asked, by the other or by us, and has answered.

Questions of the parties to each other cross, and so do the answers to them; ours do not. Of two questions of one name
the first is answered first. Who is asked, and when, is in sbc/core/inquiry.py.
"""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.call import Call
from sbc.core.exchange import Hop
from sbc.core.message import Intent
from sbc.core.orders import Order
from sbc.core.realm import Keepalive, Probing
from sbc.core.registry import Arrival, Registry
from sbc.core.timers import Entry

LATE = 32.0
"""Seconds for which an answer may be on its way."""
MOST_OPEN = 64


@attrs.frozen
class Asked:
    """A question to a party: its name, whether it is ours, and then of what kind, and when it went."""

    name: bytes
    ours: bool
    at: float
    kind: str = ""


@attrs.define(eq=False)
class Party:
    """What is known of the life of one party. `open` are the questions that it has yet to answer, the oldest first.

    `asked_at` is when we asked last, as long as nothing has come since, and `missed` how often nothing came in time.
    What not everybody answers says nothing while it goes unanswered, unless the party `answers` those of its
    kind, as it has shown."""

    heard_at: float
    asked_at: float | None = None
    missed: int = 0
    sure: bool = False  # of the last question: whether whoever lives answers it
    answers: set[str] = attrs.field(factory=set)
    open: list[Asked] = attrs.field(factory=list)

    def add(self, name: bytes, ours: bool, now: float, kind: str = "") -> None:
        """A question goes to it."""
        self.open = [each for each in self.open[1 - MOST_OPEN :] if now < each.at + LATE]
        self.open.append(Asked(name, ours, now, kind))

    def tells(self, name: bytes) -> bool:
        """It answers a question of that name; whether that was one of ours."""
        asked = next((each for each in self.open if each.name == name), None)
        if asked is not None:
            self.open.remove(asked)
            if asked.ours:
                self.answers.add(asked.kind)
        return asked is not None and asked.ours

    def has_spoken(self, now: float) -> None:
        """Something has come from it."""
        self.heard_at, self.asked_at, self.missed = now, None, 0


@attrs.define(eq=False)
class Pulse:
    """Both parties of a call that is up."""

    call: Call
    parties: tuple[Party, Party]
    number: int = 0  # of the last question
    due: float | None = None
    entry: Entry | None = None

    def __repr__(self) -> str:
        return f"<Pulse of {self.call!r}>"


def begin(registry: Registry, call: Call, now: float) -> None:
    """A call is up: from now on its parties are asked, if it goes by connections and their realms want it."""
    if call.bound and any(period(leg.realm.keepalive) for leg in call.legs):
        call.pulse = Pulse(call, (Party(now), Party(now)))
        schedule(registry, call.pulse)


def spoke(call: Call, index: int, intent: Intent, now: float) -> None:
    """The party of a leg says something to the other, which may be a question."""
    if call.pulse is None:
        return
    call.pulse.parties[index].has_spoken(now)
    for name in intent.asks:
        call.pulse.parties[1 - index].add(name, False, now)


def answered(registry: Registry, dialect: Any, message: Any, intent: Intent, arrival: Arrival) -> list[Order] | None:
    """A party answers what it was asked; None if there is something in it for the other party, then without what there
    is for us."""
    if intent.control:
        found = registry.controls.at(Hop(arrival.listener, arrival.source))
        call, index = (None, 0) if found is None else (found[0].call, found[1])
    else:
        call = registry.call_meant(arrival, intent)
        index = 0 if call is None else call.leg_in(arrival.listener.realm)
    if call is None or call.pulse is None:
        return None
    party = call.pulse.parties[index]
    ours = frozenset([name for name in intent.tells if party.tells(name)])
    if not ours:
        return None
    party.has_spoken(arrival.now)
    return None if dialect.strip(message, ours) else []


def schedule(registry: Registry, pulse: Pulse) -> None:
    """Let it be looked at when somebody is next to be asked, or to have answered."""
    both = zip(pulse.parties, (leg.realm.keepalive for leg in pulse.call.legs), strict=True)
    registry.timers.set(pulse, min(due(party, each) for party, each in both if period(each)))


def due(party: Party, settings: Keepalive) -> float:
    """When a party is to be asked, or to have answered."""
    return party.heard_at + settings.calls if party.asked_at is None else party.asked_at + settings.answer_within


def period(settings: Keepalive) -> float:
    """The silence of a party, in seconds, after which it is asked; 0: it never is."""
    return 0.0 if settings.mode is Probing.OFF else settings.calls
