"""Keeps the record of each live call up to date and hands it on whenever something has happened (docs/cdr.rst)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

from twisted.logger import Logger

from sbc.core.address import Address
from sbc.core.orders import Note, Record, SideSpec, StreamSpec
from sbc.ledger.joined import MOST_PARTS, JoinedRecord, apart, lose_part
from sbc.ledger.record import CallRecord, Moment, cut_short
from sbc.ledger.volume import Plain
from sbc.ledger.writer import Entry
from sbc.media.counters import SideCounters, StreamCounters

LOST = {"cause": "the SBC lost sight of the call", "ending": "failed", "who": "sbc"}
NOTHING = StreamCounters((SideCounters(), SideCounters()))
STOPPED = {"cause": "the SBC was stopped", "ending": "shutdown", "who": "sbc"}

OWED = 40.0
"""Seconds for which a record waits for what gateways say of a call that is over: longer than they are asked."""

AT_ONCE = 100
"""Records that are handed on in one turn of the reactor: some 4 ms."""


_Made = CallRecord | JoinedRecord


class Taker(Protocol):
    """Who is handed snapshots: a sink's writer."""

    def put_all(self, entries: Sequence[Entry]) -> None:
        """Take records as they stand. Never blocks."""


class Meter:
    """Hears orders, as the runner carries them out, and gives snapshots. Everything on the reactor's thread.

    `boot` is unique to this run of the process and makes the keys unique for good. `interim` is after how many seconds
    without news a live call's record is handed on all the same, 0 for never. `counters` is the engine's, `alive` tells
    whether the core still has a call. `soon` is called when there is news and there was none before, or some is left,
    and has `hand_on` called in time: a call that is answered or ends meanwhile is written down once. Without it news is
    handed on at once. `tell` is told where what gateways have counted differs from what was counted here.
    """

    _log = Logger()

    def __init__(
        self,
        takers: Sequence[Taker],
        wall: Callable[[], float],
        tick: Callable[[], float],
        boot: str,
        interim: float,
        counters: Callable[[str], StreamCounters],
        alive: Callable[[str], bool] = lambda _: True,
        soon: Callable[[], None] | None = None,
    ) -> None:
        self._takers = takers
        self._wall = wall
        self._tick = tick
        self._boot = boot
        self.interim = interim
        self._counters = counters
        self._alive = alive
        self._soon = soon or self.hand_on
        self.tell: Callable[[Note], None] = lambda _: None
        self._live: dict[str, tuple[_Made, Moment]] = {}  # with when it had news; the oldest first
        self._news: dict[str, tuple[_Made | None, bool]] = {}  # by key; whether it is final; None: taken into another
        self._joined: dict[str, JoinedRecord] = {}  # by key
        self._owed: dict[str, tuple[_Made, Moment]] = {}  # over; what gateways say of them is awaited
        self._lived: dict[str, Moment] = {}  # of calls that are about to be ended: up to when they were known to live

    def __len__(self) -> int:
        return len(self._live)

    @property
    def waiting(self) -> int:
        """How many records have news that is not handed on."""
        return len(self._news)

    def record(self, order: Record) -> None:
        """The core has begun, rung, answered or ended a call, or said more of it. A subscription has no record."""
        now = Moment(self._wall(), self._tick())
        if order.event == "close":
            now = self._lived.pop(order.call, now)
        if order.event == "open":
            if not order.fields["subscription"]:
                self._note(order.call, CallRecord(f"{self._boot}-{order.call}", order, now), now)
            return
        if order.event == "settled":
            self._settle(order.call)
            return
        found = self._live.get(order.call) or self._owed.get(order.call)
        if found is None:
            return
        if order.event == "join":
            self._join(order.call, order.fields["with"], now)
            return
        if order.event == "close" and order.fields.get("awaits"):
            self._live.pop(order.call)
            self._owed[order.call] = found[0], now
            found[0].heard(order, now)
            self._hand_on_soon(found[0].key, found[0], False)
            return
        if order.event == "report":
            for why in found[0].report(order, self._volume):
                self.tell(Note("differs", why, order.call, {"member": order.fields["member"]}))
        found[0].heard(order, now)
        if order.call in self._owed:  # it is over, and waits for no more than such reports
            return
        if order.event != "ring":  # which can wait for what comes next
            self._note(order.call, found[0], now, ended=order.event == "close")

    def unheard(self, call: str, ago: float) -> None:
        """A call that was resumed is about to be ended, since nobody is heard in it: so many seconds `ago` it was last
        known to live, and there its record ends."""
        if call in self._live:
            now = Moment(self._wall(), self._tick())
            self._lived[call] = now.ago(now.wall - ago)

    def resume(self, begun: Record, answered: Record | None, ago: float, since: float, record: Plain | None) -> None:
        """A call goes on after a restart: `begun` so many seconds `ago`, `answered` these seconds `since`. `record` is
        what was written of it, if anything was."""
        if begun.fields["subscription"]:
            return
        now = Moment(self._wall(), self._tick())
        made = CallRecord(f"{self._boot}-{begun.call}", begun, now.ago(now.wall - ago))
        if answered is not None:
            made.heard(answered, now.ago(now.wall - since))
        if record is None or not record.get("parts"):
            made.go_on(record, now)
            self._note(begun.call, made, now)
            return
        made.go_on(next(part for part in apart(record) if part["id"] == begun.call), now)
        whole = self._joined.setdefault(record["record"], JoinedRecord(record["record"]))
        whole.go_on(record, made)
        self._note(begun.call, whole, now)

    def drop(self, record: Plain, call: str, cause: str) -> None:
        """A call of a record that was left open does not go on after a restart, for that cause; so the record ends, if
        it is about no other that does."""
        whole = self._joined.get(record["record"])
        if whole is not None:
            whole.lose(call, cause)
            self._hand_on_soon(whole.key, whole, whole.over)
            return
        if record.get("parts") and lose_part(record, call, cause):
            return
        for taker in self._takers:
            taker.put_all([Entry(record["record"], {**cut_short(record), "cause": cause}, True)])

    def _join(self, call: str, other: str, now: Moment) -> None:
        """Two calls are one, as are those that they were joined with before."""
        found = [self._live[each][0] for each in (call, other) if each in self._live]
        if len(found) < 2 or found[0] is found[1] or sum(map(_parts, found)) > MOST_PARTS:
            return
        older, younger = sorted(found, key=lambda record: (record.start, record.key))
        whole = older if isinstance(older, JoinedRecord) else JoinedRecord(older.key)
        if whole is not older:
            whole.take(older)
        whole.take(younger)
        self._joined[whole.key] = whole
        for each in whole.live():
            self._note(each, whole, now)
        self._news.pop(younger.key, None)
        self._hand_on_soon(younger.key, None, True)  # behind the record that it stands in from now on

    def opened(self, spec: StreamSpec) -> None:
        """A stream has been opened."""
        if spec.call in self._live:
            self._live[spec.call][0].opened(spec)

    def updated(self, stream: str, side: int, spec: SideSpec) -> None:
        """A stream has been updated. What was carried by one codec is handed on before there is more by another."""
        if (found := self._of(stream)) is None:
            return
        now = Moment(self._wall(), self._tick())
        if found.updated(stream, side, spec, now, self._volume):
            self._note(stream.partition("/")[0], found, now)

    def latched(self, stream: str, side: int, address: Address) -> None:
        """The engine has latched."""
        if (found := self._of(stream)) is not None:
            found.latched(stream, side, address)

    def closed(self, stream: str, counters: StreamCounters) -> None:
        """A stream has been closed, and this is its volume."""
        if (found := self._of(stream)) is not None:
            found.closed(stream, counters)

    def look(self) -> None:
        """Hand on the records that have waited for `interim`, and end those of calls that are no more.

        Whatever has kept their end from being told, nobody is to be charged for the time since.
        """
        now = Moment(self._wall(), self._tick())
        for call in [call for call, (_, since) in self._owed.items() if now.tick - since.tick > OWED]:
            self._settle(call)
        while self.interim and self._live:
            call, (record, since) = next(iter(self._live.items()))
            if now.tick - since.tick < self.interim:
                return
            if self._alive(call):
                self._note(call, record, now)
            else:
                self._end_lost(call, record, since)

    def suspend(self) -> None:
        """Hand on the records of all live calls as they stand: the SBC is being stopped, and they go on later."""
        now = Moment(self._wall(), self._tick())
        for call in list(self._owed):
            self._settle(call)
        for call, (record, _) in list(self._live.items()):
            self._note(call, record, now)
        self._hand_on_all()
        self._live.clear()

    def stop(self) -> None:
        """End the records of all live calls: the SBC is being stopped, in order."""
        for call in list(self._owed):
            self._settle(call)
        for call in list(self._live):
            self.record(Record(call, "close", STOPPED))
        self._hand_on_all()

    def hand_on(self) -> None:
        """Hand on the records that have news, as they stand: `AT_ONCE` of them, and the others soon."""
        self._hand_on_some()
        if self._news:
            self._soon()

    def _hand_on_all(self) -> None:
        while self._news:
            self._hand_on_some()

    def _hand_on_some(self) -> None:
        now, entries = Moment(self._wall(), self._tick()), list[Entry]()
        for key in list(islice(self._news, AT_ONCE)):
            record, final = self._news.pop(key)
            if record is None:
                entries.append(Entry(key, None, True))
                continue
            try:
                entries.append(Entry(key, record.snapshot(now, self._volume), final))
            except Exception:  # noqa: BLE001 - whatever it is, the others are to be handed on
                self._log.failure("record {key} cannot be made", key=key)
                if final:  # else what was written last stands until there is news
                    entries += self._salvaged(key, record, now)
        if entries:
            for taker in self._takers:
                taker.put_all(entries)

    def _salvaged(self, key: str, record: _Made, now: Moment) -> list[Entry]:
        try:
            return [Entry(key, record.salvaged(now, self._volume), True)]
        except Exception:  # noqa: BLE001 - as above; in the journal it stands as it was written last
            self._log.failure("nothing of record {key} can be made", key=key)
            return []

    def _end_lost(self, call: str, record: _Made, last: Moment) -> None:
        """End a record at the moment up to which it was known."""
        record.heard(Record(call, "close", LOST), last)
        self._note(call, record, last, ended=True)

    def _volume(self, stream: str) -> StreamCounters:
        try:
            return self._counters(stream)
        except KeyError:  # it has gone without its end being told
            return NOTHING

    def _of(self, stream: str) -> _Made | None:
        found = self._live.get(stream.partition("/")[0])
        return None if found is None else found[0]

    def _note(self, call: str, record: _Made, now: Moment, ended: bool = False) -> None:
        """There is news of a call."""
        self._live.pop(call, None)
        if not ended:
            self._live[call] = (record, now)
        self._hand_on_soon(record.key, record, self._is_whole(record))

    def _is_whole(self, record: _Made) -> bool:
        """Whether nothing more will come of it."""
        return record.over and not any(owed is record for owed, _ in self._owed.values())

    def _settle(self, call: str) -> None:
        """Gateways have said of a call what they had to say, or will not."""
        found = self._owed.pop(call, None)
        if found is not None:
            self._hand_on_soon(found[0].key, found[0], self._is_whole(found[0]))

    def _hand_on_soon(self, key: str, record: _Made | None, final: bool) -> None:
        if final:
            self._joined.pop(key, None)
        first = not self._news
        self._news[key] = (record, final)
        if first:
            self._soon()


def _parts(record: _Made) -> int:
    return len(record) if isinstance(record, JoinedRecord) else 1
