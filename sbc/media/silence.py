"""Looks for streams that nobody speaks on: all of them by turns, a few at a time, so that signalling gets its turn."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import islice
from math import inf
from typing import Any

import attrs

from sbc.media.interfaces import IMediaObserver

AT_ONCE = 100
"""Streams that are looked at in one turn of the reactor, at the most;"""
TOLD_AT_ONCE = 8
"""and so many of them that the observer is told of, for it may end their calls."""

_SOON = 0.02  # seconds after which the others are looked at, where so many were told of
_ROUNDS = 4  # in the time after which a stream is silent, each stream is looked at so often


@attrs.define
class _Watched:
    heard: int  # packets, at the last look,
    since: float  # and when there were fewer
    told: bool = False  # that it is silent


class SilenceWatch:
    """Tells `observer` once of each stream that has been silent for so long, and when it resumes. Every stream is
    looked at four times in that time; the more there are, the more often a few are. A stream that the observer closes
    in the meantime is forgotten with `drop`."""

    def __init__(
        self,
        reactor: Any,
        observer: IMediaObserver,
        received: Callable[[str], int],
        streams: Callable[[], Iterable[str]],
        seconds: float = 0.0,
    ) -> None:
        """`reactor` provides IReactorTime. `received` gives the packets that were accepted of a stream until now,
        `streams` all that are open. `seconds`: after which a stream is silent, 0 for never; then none takes memory."""
        self._reactor = reactor
        self._observer: Any = observer
        self._received = received
        self._all = streams
        self._seconds = seconds
        self._streams: OrderedDict[str, _Watched] = OrderedDict()  # who was looked at last is at the end
        self._call: Any = None

    def add(self, stream: str) -> None:
        """Watch a stream that has just been opened."""
        if self._seconds:
            self._streams[stream] = _Watched(0, self._reactor.seconds())
            self._keep_looking()

    def renew(self, stream: str) -> None:
        """What is silent after a change is told anew."""
        found = self._streams.get(stream)
        if found is not None:
            found.since, found.told = self._reactor.seconds(), False

    def drop(self, stream: str) -> None:
        """Watch it no more."""
        self._streams.pop(stream, None)
        if not self._streams:
            self._rest()

    def limit(self, seconds: float) -> None:
        """From now on a stream is silent after so long; 0: never."""
        if seconds == self._seconds:
            return
        if not seconds:
            self._streams.clear()
        elif not self._seconds:
            now = self._reactor.seconds()
            self._streams.update((stream, _Watched(0, now)) for stream in self._all())
        self._seconds = seconds
        self._rest()
        self._keep_looking()

    def _keep_looking(self) -> None:
        if self._seconds and self._streams and self._call is None:
            self._look_after(AT_ONCE)

    def _look_after(self, looked: int, longest: float = inf) -> None:
        """Look again when it is time, after so many have been looked at."""
        after = self._seconds / _ROUNDS * min(1.0, looked / len(self._streams))
        self._call = self._reactor.callLater(min(after, longest), self._look)

    def _rest(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        """Look at the streams whose turn it is."""
        self._call = None
        looked, told = AT_ONCE, 0
        try:
            looked, told = self._look_at_some(self._reactor.seconds())
        finally:
            if self._seconds and self._streams and self._call is None:
                self._look_after(looked, _SOON if told == TOLD_AT_ONCE else inf)

    def _look_at_some(self, now: float) -> tuple[int, int]:
        """How many, and how many of them the observer was told of."""
        looked = told = 0
        for stream in list(islice(self._streams, AT_ONCE)):
            found = self._streams.get(stream)
            if found is None:  # who heard of another has closed it
                continue
            self._streams.move_to_end(stream)
            looked += 1
            told += self._judge(stream, found, now)
            if told == TOLD_AT_ONCE:
                break
        return looked, told

    def _judge(self, stream: str, found: _Watched, now: float) -> bool:
        """Whether there was something to tell."""
        heard = self._received(stream)
        if heard != found.heard:
            resumed = found.told
            found.heard, found.since, found.told = heard, now, False
            if resumed:
                self._observer.resumed(stream)
            return resumed
        if found.told or now - found.since < self._seconds:
            return False
        found.told = True
        self._observer.silent(stream, now - found.since)
        return True
