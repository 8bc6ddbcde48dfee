"""What is remembered of each call, to be asked about it: its messages, and every decision with its cause. Bounded."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any, Final

from sbc.core.orders import Note, Record, Send
from sbc.core.registry import Arrival
from sbc.core.remembered import Decision, Refusal, Sizes

OVERHEAD = 200
"""Octets that an entry is counted for besides those of its message."""
FIRST = 40
"""Of messages and of decisions, so many of the first are kept whatever comes later: how a call began explains most."""
DECISIONS = 200
"""Decisions that are kept of one call."""
_REFUSALS: Final = frozenset({"refused", "bad-message", "connection-refused"})


class Spoken:
    """A message as it came or went, when (seconds on the core's clock), and the one that it came of, if one has."""

    __slots__ = ("at", "message", "of")

    def __init__(self, at: float, message: Arrival | Send, of: Arrival | None) -> None:
        self.at = at
        self.message = message
        self.of = of


class Decided:
    """A decision, and when."""

    __slots__ = ("at", "what")

    def __init__(self, at: float, what: Decision) -> None:
        self.at = at
        self.what = what


class Ring:
    """Entries in order: the first, and the latest, with a count of those between that are lost."""

    __slots__ = ("_first", "_latest", "_most", "lost")

    def __init__(self, most: int) -> None:
        self._first: list[Any] = []
        self._latest: deque[Any] | None = None  # made when it is needed: most calls never come so far
        self._most = most
        self.lost = 0

    def add(self, entry: Any, first: bool) -> Any:
        """Take an entry, among the first if there is room and it is `first`; what has to go for it, or None."""
        latest = self._latest
        if first and not latest and len(self._first) < FIRST:
            self._first.append(entry)
            return None
        if latest is None:
            latest = self._latest = deque()
        latest.append(entry)
        return self.drop() if len(self._first) + len(latest) > self._most else None

    def drop(self) -> Any:
        """Let go of the oldest that is not of the first; None if there is none."""
        if not self._latest:
            return None
        self.lost += 1
        return self._latest.popleft()

    @property
    def kept(self) -> int:
        """How many of the first are kept."""
        return len(self._first)

    def __iter__(self) -> Iterator[Any]:
        yield from self._first
        yield from self._latest or ()

    def __len__(self) -> int:
        return len(self._first) + len(self._latest or ())


class Story:
    """All that is remembered of one call. `octets` is what it is counted for."""

    __slots__ = ("_most", "call", "decisions", "messages", "octets", "spoken")

    def __init__(self, call: str, sizes: Sizes) -> None:
        self.call = call
        self.messages = Ring(sizes.messages)
        self.decisions = Ring(DECISIONS)
        self._most = sizes.octets
        self.spoken = 0  # octets of messages
        self.octets = OVERHEAD

    def say(self, entry: Spoken) -> int:
        """Take a message; by how many octets the story has grown."""
        before = self.spoken
        self.spoken += _size(entry)
        gone = self.messages.add(entry, first=self.spoken <= self._most // 2)
        while gone is not None or (self.spoken > self._most and (gone := self.messages.drop()) is not None):
            self.spoken -= _size(gone)
            gone = None
        self.octets += self.spoken - before
        return self.spoken - before

    def decide(self, entry: Decided) -> int:
        """Take a decision; by how many octets the story has grown."""
        grown = OVERHEAD if self.decisions.add(entry, first=True) is None else 0
        self.octets += grown
        return grown


def _size(entry: Spoken) -> int:
    return OVERHEAD + len(entry.message.data)


class Memory:
    """Stories by call, and refusals of what never became a call. Told by the runner; costs references and no copies.

    Where there is no room for all, ended calls are forgotten first, the oldest of them first; then the oldest of those
    that go on.
    """

    def __init__(self, sizes: Sizes | None = None) -> None:
        self.sizes = sizes or Sizes()
        self._live: OrderedDict[str, Story] = OrderedDict()
        self._over: OrderedDict[str, Story] = OrderedDict()
        self._refusals: OrderedDict[tuple[str, str, str, str], Refusal] = OrderedDict()
        self._of: Arrival | None = None
        self._on = self.sizes.total > 0
        self.octets = 0
        self.forgotten = 0  # stories that had to go

    # -- what is told

    def heard(self, call: str, arrival: Arrival) -> None:
        """A message has come. What is told until `done` comes of it."""
        self._of = arrival
        if call:
            self._say(call, Spoken(arrival.now, arrival, None))

    def done(self) -> None:
        """All that comes of the last message has been told."""
        self._of = None

    def sent(self, order: Send, now: float) -> None:
        """A message of a call goes out."""
        self._say(order.call, Spoken(now, order, self._of))

    def decided(self, call: str, what: Decision, now: float) -> None:
        """Something has been decided about a call."""
        if not self._on:
            return
        grown = self._story(call).decide(Decided(now, what))
        if isinstance(what, Record) and what.event == "close" and call in self._live:
            self._over[call] = self._live.pop(call)
        self._grown(grown)

    def noted(self, note: Note, now: float) -> None:
        """A decision of the core, about a call or about what never became one."""
        if note.call:
            self.decided(note.call, note, now)
        elif note.event in _REFUSALS and self.sizes.refusals:
            self._refuse(note, now)

    def _say(self, call: str, entry: Spoken) -> None:
        if not self._on:
            return
        self._grown(self._story(call).say(entry))

    def _story(self, call: str) -> Story:
        story = self._live.get(call) or self._over.get(call)
        if story is None:
            story = self._live[call] = Story(call, self.sizes)
            self.octets += story.octets
        return story

    def _grown(self, octets: int) -> None:
        self.octets += octets
        while self.octets > self.sizes.total and (self._over or self._live):
            _, oldest = (self._over or self._live).popitem(last=False)
            self.octets -= oldest.octets
            self.forgotten += 1

    def _refuse(self, note: Note, now: float) -> None:
        source = str(note.fields.get("source", ""))
        realm = str(note.fields.get("realm", ""))  # in another there may be another at the same address
        key = (note.event, realm, source.rpartition(":")[0] or source, note.reason)
        known = self._refusals.get(key)
        if known is None:
            self._refusals[key] = Refusal(note.event, note.reason, source, note.fields, now, now)
            if len(self._refusals) > self.sizes.refusals:
                self._refusals.popitem(last=False)
            return
        known.count, known.last, known.source, known.fields = known.count + 1, now, source, note.fields
        self._refusals.move_to_end(key)

    # -- what is asked

    def find(self, id: str) -> list[Story]:
        """The story of the call of that id, or those of all whose id begins so."""
        story = self._live.get(id) or self._over.get(id)
        if story is not None:
            return [story]
        return [story for table in (self._live, self._over) for name, story in table.items() if name.startswith(id)]

    def refusals(self) -> list[Refusal]:
        """What was refused, the latest last."""
        return list(self._refusals.values())

    def __len__(self) -> int:
        return len(self._live) + len(self._over)
