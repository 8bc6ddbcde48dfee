"""A thread that writes records to a sink, so that no disk stalls the calls; what it cannot write yet, it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Condition, Thread
from time import monotonic, sleep
from typing import Any, NamedTuple

BATCH = 500
"""Records written in one go."""

GATHER = 0.01
"""Seconds to wait for company before a batch is written, unless told otherwise: a crash costs what has been waiting."""

RETRY = 1.0
"""Seconds after a failure before the next attempt."""

RETRY_AT_END = 0.1
"""The same while the SBC is being stopped."""

SAY_AGAIN = 60.0
"""Seconds between two complaints about the same failure."""


class Entry(NamedTuple):
    """A record as it stands; `final`: nothing more will come of it. What keys and records are is the sink's affair."""

    key: Any
    record: Any
    final: bool


class Writer:
    """Writes to `sink` (ICdrSink, ICallStore) what `put` takes. Of a record that waits only the newest state is kept.

    `most` is how many may wait. Past that, states of live calls are dropped first (`skipped`), then the oldest final
    record (`lost`). `tell` is called in the writer's thread with a word and its fields: "failing" (error, waiting),
    "writing-again" (waiting), "lost" (count, all). It must not block. `gather`
    is for how many seconds a batch waits for company.
    """

    def __init__(
        self, sink: Any, most: int, tell: Callable[[str, dict[str, Any]], None], gather: float = GATHER
    ) -> None:
        self._sink = sink
        self._gather = gather
        self._most = most
        self._tell = tell
        self._changed = Condition()
        self._open: dict[Any, Entry] = {}
        self._final: dict[Any, Entry] = {}
        self._stop_by: float | None = None
        self._failing_since: float | None = None
        self._said_at = 0.0
        self._thread = Thread(target=self._run, name=f"writer of {sink.name}", daemon=True)
        self.written = self.interim = self.skipped = self.lost = self.failures = 0
        self._lost_told = 0

    @property
    def waiting(self) -> int:
        """Records that are not on file as they stand."""
        return len(self._open) + len(self._final)

    def start(self) -> None:
        """Begin to write. The sink has been opened."""
        self._thread.start()

    def put(self, key: Any, record: Any, final: bool) -> None:
        """Take a record as it stands. Never blocks for long, never fails."""
        self.put_all((Entry(key, record, final),))

    def put_all(self, entries: Iterable[Entry]) -> None:
        """Take several, and wake the thread once."""
        with self._changed:
            for entry in entries:
                self._keep(entry)
            self._make_room()
            self._changed.notify()

    def stop(self, patience: float, done: Callable[[int], None]) -> None:
        """Write all that waits, for at most `patience` seconds, and end; `done` is then called in the writer's thread
        with how many final records are lost."""

        def finish() -> None:
            self._thread.join()
            done(self.lost)

        with self._changed:
            self._stop_by = monotonic() + patience
            self._changed.notify()
        Thread(target=finish, name="writers end", daemon=True).start()

    def _keep(self, entry: Entry) -> None:
        if entry.final:
            self._open.pop(entry.key, None)
            self._final[entry.key] = entry
        else:
            gone = self._final.get(entry.key)
            if gone is not None and gone.record is None:  # what was taken out is there again
                del self._final[entry.key]
            self._open[entry.key] = entry

    def _make_room(self) -> None:
        while self.waiting > self._most:
            if self._open:
                del self._open[next(iter(self._open))]
                self.skipped += 1
            else:
                del self._final[next(iter(self._final))]
                self.lost += 1

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            self._sink.close()

    def _turn(self) -> bool:
        """Write one batch; False when it is time to end."""
        with self._changed:
            while not self.waiting and self._stop_by is None:
                self._changed.wait()
            stop_by = self._stop_by
        if stop_by is None and self._gather:
            sleep(self._gather)
        with self._changed:
            batch = self._take()
        if not batch:
            return stop_by is None
        try:
            self._sink.write(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is said, and the records are kept
            return self._failed(batch, error)
        final = sum(entry.final for entry in batch)
        self.written, self.interim = self.written + final, self.interim + len(batch) - final
        if self._failing_since is not None:
            self._failing_since = None
            self._tell("writing-again", {"waiting": self.waiting})
        return True

    def _take(self) -> list[Entry]:
        batch: list[Entry] = []
        for kept in (self._open, self._final):
            while kept and len(batch) < BATCH:
                batch.append(kept.pop(next(iter(kept))))
        return batch

    def _failed(self, batch: list[Entry], error: Exception) -> bool:
        now = monotonic()
        self.failures += 1
        with self._changed:
            newer_open, newer_final, self._open, self._final = self._open, self._final, {}, {}
            for entry in (*batch, *newer_open.values(), *newer_final.values()):
                self._keep(entry)
            self._make_room()
            waiting = self.waiting
        if self._failing_since is None or now - self._said_at >= SAY_AGAIN:
            self._failing_since = self._failing_since or now
            self._said_at = now
            self._tell("failing", {"error": f"{type(error).__name__}: {error}", "waiting": waiting})
        if self.lost > self._lost_told:
            self._tell("lost", {"count": self.lost - self._lost_told, "all": self.lost})
            self._lost_told = self.lost
        with self._changed:
            if self._stop_by is None or now < self._stop_by:
                patience = RETRY if self._stop_by is None else RETRY_AT_END
                self._changed.wait_for(lambda: self._stop_by is not None, patience)
                return True
            self.lost += len(self._final)
        self._tell("lost", {"count": self.lost - self._lost_told, "all": self.lost})
        return False
