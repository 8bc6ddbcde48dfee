"""The console's commands: what an operator may ask of a running SBC, answered with data that reads well at a prompt."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, NoReturn, TypeVar

from sbc.admin import views
from sbc.admin.report import call_text
from sbc.admin.tables import Column, Record, Row, Table, Text, duration
from sbc.config.schema import Config
from sbc.core.border import Border
from sbc.core.call import Call, Stream
from sbc.core.realm import Realm
from sbc.runner import Runner

LIMIT = 50
"""Rows that are shown unless more are asked for."""

T = TypeVar("T")


def _end(which: str) -> Callable[[Row], str]:
    return lambda row: f"{row[which]['realm']} {row[which]['seen']}"


def _use(what: str) -> Callable[[Row], str]:
    return lambda row: f"{row[what]['now']}/{row[what]['most']}"


def _side(index: int, cell: Callable[[Row], Any]) -> Callable[[Row], Any]:
    return lambda row: cell(row["sides"][index])


def _goes_to(side: Row) -> str:
    """Where a side's media goes; in brackets as long as nothing has been heard from there."""
    if side["rtp"] is None or not side["rtp_reason"]:
        return f"({side['signalled']['rtp']})" if side["signalled"] else "-"
    return str(side["rtp"])


def _packets(side: Row, way: str) -> int:
    return int(side[way]["rtp"]["packets"] + side[way]["rtcp"]["packets"])


_CALLS = (
    Column("ID", lambda row: row["id"]),
    Column("STATE", lambda row: row["state"]),
    Column("AGE", lambda row: duration(row["age"]), right=True),
    Column("PATH", lambda row: row["path"], widest=16),
    Column("USER", lambda row: row["user"], widest=28),
    Column("TARGET", lambda row: row["target"], widest=28),
    Column("FROM", _end("from"), widest=48),
    Column("LABEL", lambda row: row["from"]["label"], widest=16),
    Column("TO", _end("to"), widest=48),
    Column("LABEL", lambda row: row["to"]["label"], widest=16),
    Column("STREAMS", lambda row: row["streams"], right=True),
    Column("PACKETS", lambda row: "{}/{}".format(*row["packets"]), right=True),
)
_BINDINGS = (
    Column("ID", lambda row: row["id"]),
    Column("USER", lambda row: row["user"], widest=36),
    Column("REALM", lambda row: row["realm"], widest=16),
    Column("PLACE", lambda row: row["place"], widest=48),
    Column("SEEN", lambda row: row["seen"], widest=48),
    Column("NAT", lambda row: row["behind_nat"]),
    Column("PRESENTED AS", lambda row: row["presented"], widest=48),
    Column("EXPIRES", lambda row: duration(row["expires_in"]), right=True),
    Column("GRANTED", lambda row: duration(row["granted_for"]), right=True),
    Column("SILENT", lambda row: duration(row["silent_for"]), right=True),
    Column("STATE", lambda row: row["state"]),
)
_REALMS = (
    Column("REALM", lambda row: row["name"]),
    Column("SIDE", lambda row: row["side"]),
    Column("CALLS", _use("calls"), right=True),
    Column("BINDINGS", _use("bindings"), right=True),
    Column("EXCHANGES", _use("exchanges"), right=True),
    Column("MEDIA", lambda row: f"{row['media']['address']} {row['media']['ports']}", widest=64),
    Column("FREE", lambda row: row["media"]["free"], right=True),
    Column("USED", lambda row: row["media"]["used"], right=True),
    Column("RESTING", lambda row: row["media"]["resting"], right=True),
)
_LISTENERS = (
    Column("LISTENER", lambda row: row["listener"], widest=80),
    Column("OPEN", lambda row: row["open"]),
    Column("RECEIVE BUFFER", lambda row: row["receive_buffer"], right=True),
    Column("SEND BUFFER", lambda row: row["send_buffer"], right=True),
    Column("KERNEL DROPS", lambda row: row["kernel_drops"], right=True),
    Column("READ ERRORS", lambda row: row["read_errors"], right=True),
)
_STREAMS = (
    Column("STREAM", lambda row: row["id"]),
    Column("KIND", lambda row: row["kind"]),
    *(
        column
        for index in (0, 1)
        for column in (
            Column("REALM", _side(index, lambda side: side["realm"]), widest=16),
            Column("MEDIA TO", _side(index, _goes_to), widest=50),
            Column("IN", _side(index, lambda side: _packets(side, "received")), right=True),
            Column("OUT", _side(index, lambda side: _packets(side, "sent")), right=True),
            Column("DROPPED", _side(index, lambda side: side["dropped"]), right=True),
        )
    ),
)
_COUNTERS = (Column("COUNTER", lambda row: row["counter"]), Column("COUNT", lambda row: row["count"], right=True))
_FAULTS = (Column("FAULT", lambda row: row["fault"], widest=200),)


class Console:
    """The commands, over one running SBC. Answers are lists and dicts; only how they are printed is for people."""

    def __init__(self, border: Border, runner: Runner, config: Config, clock: Callable[[], float]) -> None:
        """`clock` is the clock that the border is told the time of."""
        self._border = border
        self._runner = runner
        self._config = config
        self._clock = clock

    def namespace(self) -> dict[str, Any]:
        """What is to be found at the prompt: the commands, and the parts of the SBC for whoever looks deeper."""
        commands = {name: getattr(self, name) for name in COMMANDS}
        return {**commands, "input": _no_input, "border": self._border, "runner": self._runner, "config": self._config}

    def calls(self, find: str = "", *, realm: str = "", state: str = "", limit: int | None = LIMIT) -> Table | Text:
        """calls(find, realm=, state=, limit=): the calls, newest first. `find`: part of an id, label, user, address."""
        if unknown := self._no_realm(realm):
            return unknown
        chosen = (
            call
            for call in reversed(self._border.registry.calls.values())
            if (not find or views.call_matches(call, find))
            and (not realm or any(leg.realm.name == realm for leg in call.legs))
            and (not state or call.state.value == state)
        )
        now, engine = self._clock(), self._runner.engine
        return _table(chosen, lambda call: views.call_view(call, engine, now), _CALLS, limit, "no calls")

    def call(self, id: str) -> Record | Text:
        """call(id): everything about one call. The beginning of its id is enough."""
        registry = self._border.registry
        wanted = str(id)
        found = registry.calls.get(wanted)
        if found is None:
            fitting = [call for name, call in registry.calls.items() if wanted and name.startswith(wanted)]
            if not fitting:
                return Text(f"no call {wanted!r}; calls({wanted!r}) looks for it in labels and users")
            if len(fitting) > 1:
                names = " ".join(call.id for call in fitting[:10])
                return Text(f"{len(fitting)} calls begin with {wanted!r}: {names}{' ...' if len(fitting) > 10 else ''}")
            found = fitting[0]
        return Record(views.call_details(found, self._runner.engine, self._clock()), call_text)

    def bindings(self, find: str = "", *, realm: str = "", limit: int | None = LIMIT) -> Table | Text:
        """bindings(find, realm=, limit=): the registered terminals. `find` is part of a user, place or address."""
        if unknown := self._no_realm(realm):
            return unknown
        chosen = (
            binding
            for binding in self._border.registry.bindings.values()
            if (not find or views.binding_matches(binding, find)) and (not realm or binding.realm.name == realm)
        )
        now = self._clock()
        return _table(chosen, lambda binding: views.binding_view(binding, now), _BINDINGS, limit, "no bindings")

    def realms(self, *, limit: int | None = LIMIT) -> Table:
        """realms(limit=): the networks: what they hold against their limits, media ports, and their listeners."""
        listeners, now = self._runner.listeners(), self._clock()

        def view(realm: Realm) -> Row:
            return views.realm_view(self._border, realm, listeners, now)

        table = _table(self._border.plan.realms.values(), view, _REALMS, limit, "no realms")
        sockets = [each for row in table for each in row["listeners"]]
        table.below = "\n" + repr(_table(sockets, lambda each: each, _LISTENERS, limit, "no listeners"))
        return table

    def streams(self, find: str = "", *, realm: str = "", limit: int | None = LIMIT) -> Table | Text:
        """streams(find, realm=, limit=): the media streams. In brackets: signalled, nothing heard from there yet."""
        if unknown := self._no_realm(realm):
            return unknown
        chosen = (
            (call, stream)
            for call in reversed(self._border.registry.calls.values())
            if not realm or any(leg.realm.name == realm for leg in call.legs)
            for stream in call.streams.values()
            if not find or views.stream_matches(call, stream, find)
        )

        def view(of: tuple[Call, Stream]) -> Row:
            return views.stream_details(*of, self._runner.engine)

        return _table(chosen, view, _STREAMS, limit, "no streams")

    def audit(self) -> Table:
        """audit(): whether the books balance: ports, keys, tokens, timers and sockets against what is alive."""
        rows = [{"fault": fault} for fault in self._runner.audit()]
        return _table(rows, lambda row: row, _FAULTS, None, "the books balance")

    def counters(self, find: str = "") -> Table:
        """counters(find): how often each thing has happened since the start."""
        counted = sorted(self._runner.counted.items())
        rows = [{"counter": name, "count": count} for name, count in counted if find in name]
        return _table(rows, lambda row: row, _COUNTERS, None, "nothing counted")

    def help(self, about: Any = None) -> Text:
        """help(): this list. help(x): what x says of itself."""
        if about is not None:
            return Text(inspect.getdoc(about) or f"{type(about).__name__} says nothing of itself")
        lines = [(getattr(self, name).__doc__ or "").partition(": ") for name in COMMANDS]
        width = max(len(usage) for usage, _, _ in lines)
        return Text(
            "\n".join(
                [
                    *(f"{usage.ljust(width)}  {what.rstrip('.')}" for usage, _, what in lines),
                    "",
                    "Answers are lists and dicts: calls()[0]['id'], len(streams(limit=None)).",
                    "This is Python inside the SBC: border, runner and config are its parts. Ask; do not change.",
                    "Ctrl-D leaves.",
                ]
            )
        )

    def _no_realm(self, realm: str) -> Text | None:
        known = self._border.plan.realms
        return Text(f"no realm {realm!r}; there are {', '.join(known)}") if realm and realm not in known else None


COMMANDS = ("calls", "call", "bindings", "realms", "streams", "audit", "counters", "help")
"""The commands by name, in the order in which help() lists them."""


def _table(
    chosen: Iterable[T], view: Callable[[T], Row], columns: tuple[Column, ...], limit: int | None, none: str
) -> Table:
    """A table of the first `limit` of `chosen` (all if None); the rest is only counted."""
    each = iter(chosen)
    rows = [view(one) for one in islice(each, limit)]
    return Table(rows, columns, sum(1 for _ in each), none)


def _no_input(prompt: object = "") -> NoReturn:
    """Python's own would wait for a key on the SBC's terminal, and all calls with it."""
    raise RuntimeError("the console has no input()")
