"""What is learned of NATs: how long each keeps a mapping, searched upwards and shared by all terminals behind it."""

from __future__ import annotations

import attrs

MARGIN = 0.9
"""The part of the longest silence known to be survived that is let pass between two signs of life."""
CLOSE_ENOUGH = 1.25
"""The search ends when the shortest silence that was not survived is no more than that times the longest that was."""
MOST_HOSTS = 20_000
REMEMBERED = 86_400.0
"""Seconds after which a silence that was not survived is no longer believed in: NATs are replaced."""

Host = tuple[str, str]
"""The transport and the host as seen: of one host UDP and TCP mappings live for different times."""


@attrs.define(eq=False)
class Habit:
    """What is known of one NAT host: the longest silence survived, and the shortest that was not and when that was.

    `trier` is who is trying a longer one. `before` is what was known before an expected answer failed to come, and who
    owed it: if that one turns up where it was, it was not the NAT.
    """

    held: float
    lost: float | None = None
    lost_at: float = 0.0
    trier: object | None = None
    before: tuple[float, float | None, object] | None = None


class Learner:
    """The habits of the NATs of one realm. Seconds throughout; `longest` is more than any silence that is tried.

    The table is bounded: the host that was not asked for the longest time is forgotten first.
    """

    def __init__(self, longest: float, most: int = MOST_HOSTS) -> None:
        self.longest = longest
        self._most = most
        self._habits: dict[Host, Habit] = {}

    def __len__(self) -> int:
        return len(self._habits)

    def known(self, host: Host) -> Habit | None:
        """What is known of `host`, if anything."""
        return self._habits.get(host)

    def period(self, host: Host, floor: float) -> float:
        """The silence that may pass at `host` without danger; `floor` of a host nothing is known of."""
        habit = self._habits.get(host)
        return floor if habit is None else max(floor, MARGIN * habit.held)

    def trial(self, host: Host, floor: float, who: object, now: float) -> float | None:
        """The silence that `who` is to try, or might; None if there is nothing to try, or another one is at it."""
        habit = self._habit(host, floor)
        return self._next(habit, now) if habit.trier in (None, who) else None

    def attempt(self, host: Host, floor: float, who: object, now: float) -> float | None:
        """The same, and from now on it is `who` that is at it."""
        silence = self.trial(host, floor, who, now)
        if silence is not None:
            self._habit(host, floor).trier = who
        else:
            self.release(host, who)
        return silence

    def release(self, host: Host, who: object) -> None:
        """`who` tries no more: somebody else may."""
        habit = self._habits.get(host)
        if habit is not None and habit.trier is who:
            habit.trier = None

    def survived(self, host: Host, floor: float, who: object, silence: float) -> None:
        """A probe was answered after so long a silence."""
        habit = self._habit(host, floor)
        if habit.before is not None and habit.before[2] is who:
            habit.held, habit.lost, _ = habit.before
            habit.before = None
        habit.held = max(habit.held, min(silence, self.longest))
        if habit.lost is not None and habit.lost <= habit.held:
            habit.lost = None

    def failed(self, host: Host, floor: float, who: object, silence: float, now: float) -> None:
        """A probe was not answered after so long a silence."""
        habit = self._habit(host, floor)
        if silence <= habit.held:  # it was survived before: the NAT has changed, or the terminal is gone
            if habit.before is None:
                habit.before = (habit.held, habit.lost, who)
            habit.held = max(floor, habit.held / 2)
        if habit.lost is None or silence < habit.lost:
            habit.lost, habit.lost_at = max(silence, floor), now

    def _next(self, habit: Habit, now: float) -> float | None:
        if habit.lost is not None and now - habit.lost_at > REMEMBERED:
            habit.lost = None
        if habit.lost is None:
            silence = min(2 * habit.held, self.longest)
            return silence if silence > habit.held else None
        return (habit.held + habit.lost) / 2 if habit.lost > CLOSE_ENOUGH * habit.held else None

    def _habit(self, host: Host, floor: float) -> Habit:
        habit = self._habits.pop(host, None)
        if habit is None:
            while len(self._habits) >= self._most:
                del self._habits[next(iter(self._habits))]
            habit = Habit(floor)
        self._habits[host] = habit  # the youngest again
        return habit
