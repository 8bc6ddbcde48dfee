"""Finds records of ended calls in the files the ledger wrote, JSON lines or SQLite, and sums them up."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import attrs

from sbc.ledger.joined import calls_of
from sbc.ledger.usage import medium, usages_of
from sbc.ledger.volume import Plain

_MAGIC = b"SQLite format 3\0"
_VALUES = {"id": "id = ?", "since": "start >= ?", "until": "start < ?"}


@attrs.frozen
class Wanted:
    """Which records are asked for. `since` and `until` are about the call's start, as records write it, the latter
    excluded. `user` is a part of who called or was called, whatever its letter case; `cause` likewise a part of the
    ending or cause. `id` is the call's id, or the record's. `worse` is a MOS: that of the call's worst direction is
    below it. `terminal` is a part of the user whose call it is, `realm` the name of one that it was in, `media` one of
    sbc.ledger.usage.MEDIA that it had.
    """

    since: str = ""
    until: str = ""
    user: str = ""
    cause: str = ""
    id: str = ""
    incomplete: bool = False
    worse: float | None = None
    terminal: str = ""
    realm: str = ""
    media: str = ""

    def fits(self, record: Plain) -> bool:
        """Whether a record is asked for."""
        user, cause = self.user.casefold(), self.cause.casefold()
        return (
            (not self.since or record["start"] >= self.since)
            and (not self.until or record["start"] < self.until)
            and (not self.id or self.id in (record["record"], *calls_of(record)))
            and (not self.incomplete or not record["complete"])
            and (self.worse is None or ((mos := record.get("mos")) is not None and mos < self.worse))
            and (not self.realm or any(leg["realm"] == self.realm for leg in record["legs"]))
            and (not self.media or any(medium(stream["kind"]) == self.media for stream in record["streams"]))
            and (not self.terminal or self._is_of(record))
            and (not user or any(user in record[who].casefold() for who in ("caller", "callee", "called")))
            and (not cause or any(cause in (record[why] or "").casefold() for why in ("ending", "cause")))
        )

    def _is_of(self, record: Plain) -> bool:
        return any(self.terminal.casefold() in usage.user.casefold() for usage in usages_of(record))


def moment(text: str) -> str:
    """A time as records write it: `text` is ISO 8601, a date alone or with a time; UTC unless it says otherwise.

    @raises ValueError.
    """
    read = datetime.fromisoformat(text)
    read = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    return read.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_database(path: str) -> bool:
    """Whether the file is an SQLite database. @raises OSError."""
    with open(path, "rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def in_json(paths: Iterable[str], wanted: Wanted) -> Iterator[Plain]:
    """Records in JSON lines. A line that is none is passed over, and so is half a line at the end.

    @raises OSError.
    """
    for path in paths:
        with open(path, "rb") as file:
            for line in file:
                record = _read(line)
                if record is not None and wanted.fits(record):
                    yield record


def _read(line: bytes) -> Plain | None:
    if not line.endswith(b"\n") or not line.startswith(b'{"record":'):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def in_database(path: str, wanted: Wanted) -> Iterator[Plain]:
    """Records of ended calls in a database, by their start. @raises OSError where it cannot be read."""
    where, values = ["state <> 'open'"], []
    for name, condition in _VALUES.items():
        value = getattr(wanted, name)
        if value and name != "id":
            where.append(condition)
            values.append(value)
    if wanted.incomplete:
        where.append("state = 'incomplete'")
    try:
        database = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=5.0)
        try:
            if wanted.id:
                where.append(_named(database))
                values += [wanted.id] * where[-1].count("?")
            for (data,) in database.execute(
                f"SELECT data FROM calls WHERE {' AND '.join(where)} ORDER BY start",
                values,
            ):
                record = json.loads(data)
                if wanted.fits(record):
                    yield record
        finally:
            database.close()
    except sqlite3.Error as error:
        raise OSError(f"{path}: {error}") from error


def _named(database: sqlite3.Connection) -> str:
    """What finds a call by its id or record, or the record that has taken it in, which older databases do not know."""
    knows = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'parts'").fetchone() is not None
    taken_in = " OR record = (SELECT record FROM parts WHERE id = ?)" if knows else ""
    return f"(id = ? OR record = ?{taken_in})"


@attrs.define
class Sum:
    """What records add up to. Media is counted as it came in, from both sides of every stream, RTCP included;
    `expected` and `lost` are packets of RTP. `mos` is the sum of that of the `rated` calls, each by its worst
    direction."""

    records: int = 0
    answered: int = 0
    incomplete: int = 0
    seconds: float = 0.0
    packets: int = 0
    octets: int = 0
    dropped: int = 0
    expected: int = 0
    lost: int = 0
    rated: int = 0
    mos: float = 0.0
    endings: Counter[str] = attrs.field(factory=Counter)

    def add(self, record: Plain) -> None:
        """Take one more record."""
        self.records += 1
        self.answered += record["answer"] is not None
        self.incomplete += not record["complete"]
        self.seconds += record["duration"] or 0.0
        self.endings[record["ending"]] += 1
        for side in sides_of(record):
            for volume in side["received"].values():
                self.packets += volume["packets"]
                self.octets += volume["octets"]
            self.dropped += sum(side["drops"].values())
            quality = side.get("quality") or {}
            self.expected += quality.get("expected", 0)
            self.lost += quality.get("lost", 0)
        if (mos := record.get("mos")) is not None:
            self.rated += 1
            self.mos += mos

    def as_dict(self) -> Plain:
        """For JSON; `seconds` to the millisecond, `mos` the mean, None where no call has one."""
        return {
            **attrs.asdict(self),
            "seconds": round(self.seconds, 3),
            "mos": round(self.mos / self.rated, 2) if self.rated else None,
            "endings": dict(self.endings.most_common()),
        }


def sides_of(record: Plain) -> Iterator[Plain]:
    """The sides of all streams of a record, those that are only summed included; not those between its parts, by which
    all would count twice."""
    for stream in [*record["streams"], *([record["more_streams"]] if record["more_streams"] else [])]:
        yield from (side for side in stream["sides"] if not side.get("inner"))
