"""The numbers of the requests that one party is sent: of those that cross, and of our own put in between."""

from __future__ import annotations

from bisect import bisect_left

import attrs

MOST = 64
"""Requests of ours that are told apart by when they were sent; what is older has been answered long ago."""


@attrs.define(eq=False)
class Numbers:
    """Where requests of a dialogue are numbered, the party has to see each number once, and each higher than the last
    (RFC 3261 section 12.2.1.1). `highest` is the highest it was sent, -1 where it was sent none.

    The number a request is sent under depends only on the number it came with: what speaks of a request by its number,
    as its acknowledgement does, gets the number the party knows it by. While we send nothing ourselves, all stay.
    """

    highest: int = -1
    _before: list[int] = attrs.field(factory=list)  # for each of ours the highest number that had come by then
    _older: int = 0  # of ours, beyond MOST

    def onward(self, number: int) -> int:
        """The number under which the party is, or was, sent the request that came as `number`."""
        return number + self._older + bisect_left(self._before, number)

    def sent(self, number: int) -> None:
        """A request has crossed and was sent as `number`."""
        self.highest = max(self.highest, number)

    def own(self) -> int:
        """The number of a request of our own, to be sent now."""
        if self.highest < 0:  # it is 1, as anybody's first: the other party's may yet be 0, and has to be higher
            self.highest, self._older = 0, self._older + 1
        self._before.append(self.highest - self._older - len(self._before))
        if len(self._before) > MOST:
            del self._before[0]
            self._older += 1
        self.highest += 1
        return self.highest
