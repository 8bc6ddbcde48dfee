"""Records as JSON lines, one for each ended call, and a journal beside them of those that are still live.

The journal, FILE.journal, is what makes a crash leave no gap: a call's state is in it before its line is in the file.
Its first line (``#``) says where the file ended when the journal was begun; a line ``{...}`` is a record as it stood, a
line ``-KEY`` says that the record's line is in the file, ``~KEY`` that another has taken it in. What is open in it at
the start, and not in the file, is written there as incomplete, unless its call goes on.
"""

from __future__ import annotations

import json
import os
import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from errno import EINVAL

from zope.interface import implementer

from sbc.config.values import CdrSync
from sbc.interfaces import ICdrSink
from sbc.ledger.disk import Disk, Lock, append_whole
from sbc.ledger.encoded import encoded
from sbc.ledger.joined import keys_of, left_open
from sbc.ledger.record import cut_short, filled_up
from sbc.ledger.rotating import RotatingFile
from sbc.ledger.volume import Plain
from sbc.ledger.writer import Entry

LONG = 4_000_000
"""Octets of journal after which it is begun anew, if most of it is about what has ended."""

RECENT = 1000
"""Ends that a new journal takes over from the old one: of a call that a store still holds it must be known that it is
over."""

_BEGINNING = b'{"record":'
_PARTS = b'"parts":[{'
_KEY = re.compile(rb'\{"record":"([^"\\]++)"')
_STAMP = re.compile(r"\.\d{8}T\d{6}(?:-\d+)?")


def line_of(record: Plain) -> bytes:
    """A record as a line. `record` is its first key, by which lines are found again without being read whole."""
    return encoded(record) + b"\n"


def family(path: str) -> list[str]:
    """`path` and the files it was rotated to, the oldest first, as far as they are there."""
    directory, name = os.path.split(os.path.abspath(path))
    rotated = [each for each in os.listdir(directory) if each.startswith(name) and _STAMP.fullmatch(each[len(name) :])]
    found = [os.path.join(directory, each) for each in (*sorted(rotated), name)]
    return [each for each in found if os.path.exists(each)]


@implementer(ICdrSink)
class JsonLines:
    """The file at `path`. Used by one thread at a time.

    `sync` says when data is forced to the disk. The file is rotated to FILE.TIME when it is longer than `rotate_size`
    octets (0: never), with `rotate_daily` on each new day (UTC); and begun anew when it was moved away.
    """

    def __init__(
        self,
        path: str,
        sync: CdrSync,
        wall: Callable[[], float],
        rotate_size: int = 0,
        rotate_daily: bool = False,
        disk: Disk | None = None,
        long: int = LONG,
    ) -> None:
        self.name = path
        self._path = path
        self._journal_path = f"{path}.journal"
        self._sync = sync
        self._disk = disk or Disk()
        self._rotating = RotatingFile(self._disk, path, wall, rotate_size, rotate_daily)
        self._long = long
        self._lock: Lock | None = None
        self._journal = -1
        self._live: dict[bytes, bytes] = {}  # key to its line in the journal
        self._owed: list[bytes] = []  # keys whose end is in the file but not yet in the journal
        self._recent: deque[bytes] = deque(maxlen=RECENT)  # keys whose end is in both
        self.kept: dict[str, Plain] = {}
        self.over: set[str] = set()

    def open(self, keep: Collection[str] = ()) -> int:
        """See ICdrSink."""
        self._lock = Lock(f"{self._path}.lock")
        try:
            self._rotating.open()
            self._mend()
            mark, live = self._read_journal()
            if live or keep:
                for key in self._written_since(mark):
                    # also one that never was in the journal: it ended before its opening was written
                    if live.pop(key, None) is not None or (call_of(key) in keep and key not in self._recent):
                        self._recent.append(key)
            self.over = {call_of(key) for key in self._recent} & set(keep)
            self.kept, lost = left_open([json.loads(line) for line in live.values()], keep)
            self._live = {record["record"].encode(): line_of(record) for record in self.kept.values()}
            append_whole(self._disk, self._rotating.file, b"".join(line_of(cut_short(record)) for record in lost))
            self._recent.extend(key.encode() for record in lost for key in keys_of(record))
            self._disk.sync(self._rotating.file)
            self._begin_journal()
        except OSError:
            self.close()
            raise
        return len(lost)

    def write(self, entries: Iterable[Entry]) -> None:
        """See ICdrSink."""
        begun = {entry.key.encode(): line_of(entry.record) for entry in entries if not entry.final}
        over = {entry.key.encode(): self._whole(entry) for entry in entries if entry.final and entry.record is not None}
        gone = [entry.key.encode() for entry in entries if entry.record is None]
        self._rotating.follow()
        append_whole(self._disk, self._journal, b"".join([*begun.values(), *(b"~" + key + b"\n" for key in gone)]))
        self._live.update(begun)
        for key in gone:
            self._live.pop(key, None)
        if self._sync is CdrSync.ALWAYS and begun:
            self._disk.sync(self._journal)
        if over:
            self._write_ended(over)
        self._settle()

    def _whole(self, entry: Entry) -> Plain:
        """A record at its end, with what the journal knows besides where a fault of ours keeps it from being whole."""
        before = None if entry.record["complete"] else self._live.get(entry.key.encode())
        return entry.record if before is None else filled_up(entry.record, json.loads(before))

    def _write_ended(self, over: dict[bytes, Plain]) -> None:
        before = os.fstat(self._rotating.file).st_size
        append_whole(self._disk, self._rotating.file, b"".join(map(line_of, over.values())))
        if self._sync is not CdrSync.NEVER:
            try:
                self._disk.sync(self._rotating.file)
            except OSError:  # whether it is on the disk nobody knows: it is written again
                self._disk.truncate(self._rotating.file, before)
                raise
        self._owed += [key.encode() for record in over.values() for key in keys_of(record)]
        for key in over:
            self._live.pop(key, None)

    def _settle(self) -> None:
        """Bring the journal up to date with the file. If that fails it is done with the next batch; nothing is lost."""
        try:
            append_whole(self._disk, self._journal, _ends(self._owed))
            self._recent.extend(self._owed)
            self._owed.clear()
            size = os.fstat(self._journal).st_size
            if size > self._long and size > 2 * sum(map(len, self._live.values())):
                self._begin_journal()
        except OSError:
            return

    def close(self) -> None:
        """See ICdrSink."""
        self._rotating.close()
        if self._journal >= 0:
            self._disk.close(self._journal)
        self._journal = -1
        if self._lock is not None:
            self._lock.free()
            self._lock = None

    # -- the file

    def _mend(self) -> None:
        """Take back half a line that a crash has left at the end."""
        with open(self._path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            tail, at = b"", size
            while at and b"\n" not in tail:
                at = max(0, at - 65_536)
                file.seek(at)
                tail = file.read(size - at)
        half = tail[tail.rfind(b"\n") + 1 :]
        if half and not (_BEGINNING.startswith(half) or half.startswith(_BEGINNING)):
            raise OSError(EINVAL, "is no file of records", self._path)
        if half:
            self._disk.truncate(self._rotating.file, size - len(half))

    def _written_since(self, mark: Plain) -> Iterator[bytes]:
        """The keys of the records that are in the file, or what it was rotated to, since the journal was begun."""
        for path in family(self._path):
            with open(path, "rb") as file:
                there = os.fstat(file.fileno())
                if there.st_mtime < mark["time"] - 1:
                    continue
                if there.st_ino == mark["inode"] and there.st_size >= mark["size"]:
                    file.seek(mark["size"])
                yield from (key for line in file for key in _keys(line))

    # -- the journal

    def _read_journal(self) -> tuple[Plain, dict[bytes, bytes]]:
        """Where the file ended when the journal was begun, and what is open in it."""
        mark: Plain = {"inode": 0, "size": 0, "time": 0.0}
        live: dict[bytes, bytes] = {}
        for line in _lines(self._journal_path):
            if line.startswith(b"-"):
                live.pop(line[1:-1], None)
                self._recent.append(line[1:-1])
            elif line.startswith(b"~"):
                live.pop(line[1:-1], None)
            elif line.startswith(b"#"):
                mark = json.loads(line[1:])
            elif (found := _KEY.match(line)) is not None:
                live[found[1]] = line
        return mark, live

    def _begin_journal(self) -> None:
        """Put a new journal of what is live in the place of the old one. @raises OSError; then the old one stands."""
        there = os.fstat(self._rotating.file)
        mark = {"inode": there.st_ino, "size": there.st_size, "time": there.st_mtime}
        fresh_path = f"{self._journal_path}.new"
        if os.path.exists(fresh_path):
            self._disk.remove(fresh_path)
        fresh = self._disk.append(fresh_path)
        try:
            lines = [b"#" + json.dumps(mark).encode() + b"\n", _ends(self._recent), *self._live.values()]
            append_whole(self._disk, fresh, b"".join(lines))
            self._disk.sync(fresh)
            self._disk.replace(fresh_path, self._journal_path)
        except OSError:
            self._disk.close(fresh)
            raise
        if self._journal >= 0:
            self._disk.close(self._journal)
        self._journal = fresh


def call_of(key: bytes) -> str:
    """The id of the call that a record's key belongs to: what follows the run of the process."""
    return key.rpartition(b"-")[2].decode("ascii", "replace")


def _keys(line: bytes) -> list[bytes]:
    """The key of the record in a line, and those of others that it has taken in; none where the line is no record."""
    found = _KEY.match(line)
    if found is None or _PARTS not in line:
        return [] if found is None else [found[1]]
    try:
        return [key.encode() for key in keys_of(json.loads(line))]
    except ValueError:
        return [found[1]]


def _ends(keys: Iterable[bytes]) -> bytes:
    return b"".join(b"-" + key + b"\n" for key in keys)


def _lines(path: str) -> Iterator[bytes]:
    """The whole lines of a file; none if it is not there."""
    try:
        with open(path, "rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))
    except FileNotFoundError:
        return
