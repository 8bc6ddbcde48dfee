"""What is remembered of one source: how it ranks, what it has used up, what it has done. Small: there are very many."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from sbc.policy.flooding import Rank
from sbc.policy.load import Share
from sbc.policy.unanswered import FRESH, Unanswered

MOST_NOTED = 48
"""Names that are remembered of one source: users it was asked credentials for, numbers it has called in vain."""
SLACK = 0.5
"""Seconds by which the clock may go back and nobody has more for it."""


class Source:
    """A transport address; or a host, as far as all strangers there are one.

    `score` counts as of `scored_at`, which is to come for who is banned until then. `due` is when the last message
    would have come, had each taken its time: who is ahead of that by more than a burst is over its rate (the virtual
    scheduling of ITU-T I.371, one number a bucket). Who is ahead by more than any can be is so since the clock was set
    back, and begins anew.
    """

    __slots__ = (
        "answered", "asked", "chances", "due", "failed", "favours", "guest", "heard", "low_until", "open_due", "rank",
        "score", "scored_at", "since", "sure", "time", "turn_due", "unanswered",
    )  # fmt: skip

    def __init__(self, now: float) -> None:
        self.rank = Rank.STRANGER
        self.due = self.open_due = self.turn_due = now
        self.score = self.sure = 0.0  # `sure`: what of it was certainly its own
        self.scored_at = self.heard = self.since = now
        self.low_until = 0.0  # until then it is served as a stranger, whatever else it is
        self.answered = 0.0  # until when it ranks as registered, since a call of its own was answered
        self.asked = 0.0  # until when it is courted
        self.favours = 0  # how often it still is
        self.guest = False  # it ranks as registered by what might have been sent in its name
        self.chances = 0  # how often it is passed over when somebody is to be forgotten
        self.failed: dict[bytes, float] | None = None  # what was noted of it, and when; see conduct
        self.unanswered: Unanswered | None = None  # who was asked for credentials there
        self.time: Share | None = None  # what it has of the processor while that is busy, if it alone is held to a part

    def points(self, now: float, half_life: float) -> float:
        """Its score by now: every half-life halves it."""
        return self.score * self._fades(now, half_life)

    def add(self, points: float, now: float, half_life: float, sure: bool = False) -> float:
        """Add to its score, which is returned; `sure`: nobody else can have done that in its name."""
        fades = self._fades(now, half_life)
        self.score = max(0.0, self.score * fades + points)
        self.sure = min(self.score, self.sure * fades + (points if sure else 0.0))
        self.scored_at = max(now, self.scored_at)
        return self.score

    def _fades(self, now: float, half_life: float) -> float:
        if self.score == 0.0 or now <= self.scored_at:
            return 1.0
        return float(0.5 ** ((now - self.scored_at) / half_life))

    def over(self, each: float, depth: float, now: float) -> bool:
        """Whether one more message now is over its rate: one in `each` seconds, `depth` seconds at once. If not, it is
        counted."""
        due = paced(self.due, each, depth, now)
        if due < 0.0:
            return True
        self.due = due
        return False

    def over_open(self, each: float, depth: float, now: float) -> bool:
        """The same of a new call."""
        due = paced(self.open_due, each, depth, now)
        if due < 0.0:
            return True
        self.open_due = due
        return False

    def has_turn(self, each: float, depth: float, now: float) -> bool:
        """Whether it may have a turn while there is no time for all: one in `each` seconds, `depth` seconds at once."""
        return paced(self.turn_due, each, depth, now) >= 0.0

    def take_turn(self, each: float, depth: float, now: float) -> None:
        """It has had one, be it one too many: as a favour, if it has any left."""
        if self.favours and self.asked > now:
            self.favours -= 1
        else:
            self.turn_due = min(max(self.turn_due, now) + each, now + depth)

    def note(self, name: bytes, now: float) -> int:
        """It has asked for `name`; how many such names are remembered. The oldest gives way to a new one, and what was
        long ago goes."""
        if self.failed is None:
            self.failed = {}
        self.failed.pop(name, None)
        while self.failed:
            oldest = next(iter(self.failed))
            if len(self.failed) < MOST_NOTED and now - self.failed[oldest] <= FRESH:
                break
            del self.failed[oldest]
        self.failed[name] = now
        return len(self.failed)

    def excuse(self, name: bytes) -> None:
        """It has got what it asked for."""
        if self.failed is not None:
            self.failed.pop(name, None)
            if not self.failed:
                self.failed = None


def paced(due: float, each: float, depth: float, now: float) -> float:
    """When the one after that which comes now is due, where the last one has said `due`; below 0 where it is over the
    rate."""
    late = (due if due > now else now) + each
    if late - now <= depth:
        return late
    return -1.0 if late - now <= depth + each + SLACK else now + each


class Sources:
    """Strangers by where they are: no more than `most`, the oldest and least interesting are forgotten first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._all: OrderedDict[object, Source] = OrderedDict()  # of a dict the first is ever farther to be looked for

    def __len__(self) -> int:
        return len(self._all)

    def get(self, key: object) -> Source | None:
        """What is remembered of `key`, if anything."""
        return self._all.get(key)

    def meet(self, key: object, now: float) -> Source:
        """What is remembered of `key`, from now on."""
        source = self._all.get(key)
        if source is None:
            source = Source(now)
            self.enter(key, source)
        return source

    def enter(self, key: object, source: Source) -> None:
        """Remember what is known of `key`."""
        while len(self._all) >= self.most:
            self._forget_one()
        self._all[key] = source

    def items(self) -> Iterable[tuple[object, Source]]:
        """All that are remembered, with what is."""
        return self._all.items()

    def drop(self, key: object) -> Source | None:
        """Forget one; what was known of it."""
        return self._all.pop(key, None)

    def _forget_one(self) -> None:
        """The oldest, unless it has done something to be remembered by: it may be passed over a few times."""
        for _ in range(_LOOKS):
            key, source = next(iter(self._all.items()))
            if source.chances <= 0:
                break
            source.chances -= 1
            self._all.move_to_end(key)
        self._all.popitem(last=False)


_LOOKS: Final = 4
