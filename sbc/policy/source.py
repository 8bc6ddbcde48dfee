"""What is remembered of one source: how it ranks, what it has used up, what it has done. Small: there are very many."""

from __future__ import annotations

from collections.abc import Iterable

from sbc.policy.flooding import Rank

MOST_NOTED = 48
"""Names that are remembered of one source: users it was asked credentials for, numbers it has called in vain."""


class Source:
    """A transport address; or a host, as far as all strangers there are one.

    `score` counts as of `scored_at`, which is to come for who is banned until then. `due` is when the last message
    would have come, had each taken its time: who is ahead of that by more than a burst is over its rate (the virtual
    scheduling of ITU-T I.371, one number a bucket).
    """

    __slots__ = (
        "answered", "asked", "chances", "due", "failed", "heard", "low_until", "open_due", "rank", "score", "scored_at",
        "since", "trusted",
    )  # fmt: skip

    def __init__(self, now: float) -> None:
        self.rank = Rank.STRANGER
        self.due = self.open_due = now
        self.score = 0.0
        self.scored_at = self.heard = self.since = now
        self.low_until = 0.0  # until then it is served as a stranger, whatever else it is
        self.answered = 0.0  # until when it ranks as registered, since a call of its own was answered
        self.asked = 0.0  # until when it is courted
        self.trusted = False  # configured to be
        self.chances = 0  # how often it is passed over when somebody is to be forgotten
        self.failed: dict[bytes, float] | None = None  # names it has asked for in vain, and when

    def points(self, now: float, half_life: float) -> float:
        """Its score by now: every half-life halves it."""
        if self.score == 0.0 or now <= self.scored_at:
            return self.score
        return self.score * float(0.5 ** ((now - self.scored_at) / half_life))

    def add(self, points: float, now: float, half_life: float) -> float:
        """Add to its score, which is returned."""
        self.score = max(0.0, self.points(now, half_life) + points)
        self.scored_at = max(now, self.scored_at)
        return self.score

    def over(self, each: float, depth: float, now: float) -> bool:
        """Whether one more message now is over its rate: one in `each` seconds, `depth` seconds at once. If not, it is
        counted."""
        due = (self.due if self.due > now else now) + each
        if due - now > depth:
            return True
        self.due = due
        return False

    def over_open(self, each: float, depth: float, now: float) -> bool:
        """The same of a new call."""
        due = (self.open_due if self.open_due > now else now) + each
        if due - now > depth:
            return True
        self.open_due = due
        return False

    def note(self, name: bytes, now: float) -> int:
        """It has asked for `name` in vain; how many such names are remembered. The oldest gives way to a new one."""
        if self.failed is None:
            self.failed = {}
        if name not in self.failed and len(self.failed) >= MOST_NOTED:
            del self.failed[next(iter(self.failed))]
        self.failed.pop(name, None)
        self.failed[name] = now
        return len(self.failed)

    def excuse(self, name: bytes) -> None:
        """It has got what it asked for."""
        if self.failed is not None:
            self.failed.pop(name, None)
            if not self.failed:
                self.failed = None


class Sources:
    """Strangers by where they are: no more than `most`, the oldest and least interesting are forgotten first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._all: dict[object, Source] = {}

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
            key = next(iter(self._all))
            source = self._all.pop(key)
            if source.chances <= 0:
                return
            source.chances -= 1
            self._all[key] = source
        del self._all[next(iter(self._all))]


_LOOKS = 4
