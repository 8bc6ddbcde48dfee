"""What is said of the core's notes and records: counted always, logged as far as a disk and a reader can bear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from time import time
from typing import Any

from twisted.logger import Logger, LogLevel

from sbc.core.orders import Note, Record
from sbc.media.counters import StreamCounters
from sbc.said import SAID

# what an operator wants to see without asking; the rest is for debugging
_LOUD = frozenset(
    {
        "bound",
        "moved",
        "unbound",
        "unparted",
        "lost",
        "parted",
        "restored",
        "unrestored",
        "homeless",
        "differs",
        "lapsed",
        "dead",
        "alive",
        "gave-up",
        "refused",
        "dropped-rule",
        "dropped-scanner",
        "dropped-open-rate",
        "held-rule",
        "banned",
        "unbanned",
        "demoted",
        "silent",
        "secured",
        "unsecured",
        "downgraded",
        "policed",
        "stream-lost",
        "listener-lost",
        "internal-error",
        "unreachable",
        "failover",
        "hop-up",
        "hop-down",
        "hop-rests",
        "zombie",
        "recalled",
        "unreturned",
        "hop-new",
        "hop-gone",
        "uninvited",
        "connection-untrusted",
        "connection-unproven",
        "unsummoned",
    }
)
CALL_LINES_A_SECOND = 100
"""The same for calls that are not answered: begun, and ended."""
LINES_A_SECOND = 20
"""The most lines of one event in one second. Anybody can make us refuse; nobody is to fill the disk by it."""


MOST_STREAMS = 32
"""Ended streams of a call whose volume stands in its last line; of further ones only their number does. A call may open
and close streams as long as it likes."""


class Journal:
    """Counts events in `counted` and logs them, each line with the call's id. `seconds` is the reactor's clock."""

    log = Logger()

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._second = -1
        self._said: Counter[str] = Counter()
        self._unsaid: Counter[str] = Counter()
        self._volumes: dict[str, list[tuple[str, StreamCounters]]] = {}
        self._more: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self._log = self.log  # a class's logger is made anew each time that it is asked for

    def note(self, note: Note) -> None:
        """A decision of the core."""
        self.counted[note.event] += 1
        if not self.may_say(note.event):
            return
        about = {"call": note.call} if note.call else {}
        said = f"call {note.call}: {note.event}: {note.reason}" if note.call else f"{note.event}: {note.reason}"
        said += "".join(f" {key}={value}" for key, value in note.fields.items()) + self._passed_over(note.event)
        level = LogLevel.info if note.event in _LOUD else LogLevel.debug
        self._say(level, said, event=note.event, reason=note.reason, **about)

    def _say(self, level: LogLevel, said: str, **about: Any) -> None:
        """Log a line that is put together already, without looking whether there is such a level as the logger does."""
        log = self._log
        about["said"] = said
        about["log_logger"], about["log_source"], about["log_namespace"] = log, log.source, log.namespace
        about["log_level"], about["log_format"], about["log_time"] = level, SAID, time()
        log.observer(about)

    def may_say(self, event: str, most: int = LINES_A_SECOND) -> bool:
        """Whether one more line of `event` may be logged in this second; what may not is counted, and told later."""
        second = int(self._seconds())
        if second != self._second:
            self._second = second
            self._said.clear()
        self._said[event] += 1
        if self._said[event] <= most:
            return True
        self._unsaid[event] += 1
        return False

    def _passed_over(self, event: str) -> str:
        unsaid = self._unsaid.pop(event, 0)
        return f" ({unsaid} more before this one not shown)" if unsaid else ""

    def _worth_a_line(self, record: Record) -> bool:
        """Calls that are answered always are; of attempts there may be a flood."""
        answered = record.event == "answer" or record.fields.get("answered_for") is not None
        return answered or self.may_say(f"call-{record.event}", CALL_LINES_A_SECOND)

    def volume(self, call: str, stream: str, counters: StreamCounters) -> None:
        """A stream of `call` has been closed with these final counters."""
        volumes = self._volumes.setdefault(call, [])
        if len(volumes) < MOST_STREAMS:
            volumes.append((stream, counters))
        else:
            self._more[call] += 1

    def record(self, record: Record) -> None:
        """A call has begun, been answered or ended. That it was answered its last line says."""
        self.counted[f"call-{record.event}"] += 1
        fields = record.fields
        if "ending" in fields:
            self.counted[f"ending-{fields['ending']}"] += 1
        over = record.event == "close"
        volumes, more = (self._volumes.pop(record.call, []), self._more.pop(record.call, 0)) if over else ([], 0)
        if not self._worth_a_line(record):
            return
        said = _WORDS[record.event](fields) if record.event in _WORDS else ""
        if over:
            said += "; " + ("; ".join(f"stream {name}: {told(counters)}" for name, counters in volumes) or "no media")
            said += f"; and {more} more streams" if more else ""
        if said:
            self._say(LogLevel.info, f"call {record.call}: {said}", call=record.call, volumes=volumes)


def _ended(fields: dict[str, Any]) -> str:
    seconds = fields["answered_for"]
    return f"ended: {fields['cause']}; answered for {'-' if seconds is None else f'{seconds:.3f} s'}"


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "open": lambda fields: f"from {fields['from']} to {fields['to']}",
    "join": lambda fields: f"is one with call {fields['with']}",
    "close": _ended,
}


def told(counters: StreamCounters) -> str:
    """A stream's volume in words: what each side sent us, what it was sent, and what was dropped."""
    return ", ".join(
        f"side {index} in {side.received_rtp.packets}+{side.received_rtcp.packets} packets"
        f" {side.received.octets} octets out {side.sent_rtp.packets}+{side.sent_rtcp.packets}"
        f" dropped {side.drops.total}"
        for index, side in enumerate(counters.sides)
    )
