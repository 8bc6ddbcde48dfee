"""The console's commands: what an operator may ask of a running SBC, answered with data that reads well at a prompt."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from time import time
from typing import Any, NoReturn

from twisted.internet.defer import Deferred, succeed

from sbc.admin import bans, columns, limits, rules, views
from sbc.admin.commands import COMMANDS, read
from sbc.admin.further import further_view
from sbc.admin.gathered import gathered_view
from sbc.admin.ladder import full_text, ladder_text
from sbc.admin.limited import whole
from sbc.admin.prepaid import Purse
from sbc.admin.realms import realm_view
from sbc.admin.report import call_text, status_text
from sbc.admin.story import refusal_view, trace_view
from sbc.admin.tables import LIMIT, No, Record, Row, Table, Text, rows_of
from sbc.admin.usage import LIVE, usage_view
from sbc.admin.why import why_text, why_view
from sbc.config.values import Config
from sbc.core.address import literal
from sbc.core.border import Border
from sbc.core.call import Call, CallState, Stream
from sbc.core.memory import Story
from sbc.core.realm import Path, Realm
from sbc.media.choose import unsecured
from sbc.operations import Operations, Outcome
from sbc.policy.tally import KINDS
from sbc.runner import Runner

Answer = Table | Record | Text


class Console(Purse):
    """The commands, over one running SBC. Answers are lists and dicts; only how they are printed is for people."""

    def __init__(
        self,
        border: Border,
        runner: Runner,
        config: Config,
        clock: Callable[[], float],
        operations: Operations | None = None,
    ) -> None:
        """`clock` is the clock that the border is told the time of."""
        self._border = border
        self._runner = runner
        self._config = config
        self._clock = clock
        self._operations = operations
        self._began = clock()

    def answer(self, words: Sequence[str]) -> Answer:
        """What a plain command answers; `words` are its name and what follows. @raises Misused."""
        command, arguments = read(words)
        answer: Answer = getattr(self, command.name)(**arguments)
        return answer

    def ready(self, words: Sequence[str]) -> Deferred[None]:
        """Fires when a plain command can be answered without much delay."""
        if words[:1] == ["reload"] and self._operations is not None:
            return self._operations.prepared()
        return succeed(None)

    def namespace(self) -> dict[str, Any]:
        """What is to be found at the prompt: the commands, and the parts of the SBC for whoever looks deeper."""
        commands = {name: getattr(self, name) for name in COMMANDS}
        return {**commands, "input": _no_input, "border": self._border, "runner": self._runner, "config": self._config}

    def status(self) -> Record:
        """The SBC as a whole."""
        state = "running" if self._operations is None else self._operations.state
        uptime = self._clock() - self._began
        return Record(views.status_view(self._border, self._runner, state, uptime, self._config.source), status_text)

    def calls(self, find: str = "", *, realm: str = "", state: str = "", limit: int | None = LIMIT) -> Table | Text:
        """The calls, newest first."""
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
        return rows_of(chosen, lambda call: views.call_view(call, engine, now), columns.CALLS, limit, "no calls")

    def call(self, id: str) -> Record | Text:
        """Everything about one call."""
        found = self._call(str(id))
        if isinstance(found, Text):
            return found
        details = views.call_details(found, self._runner.engine, self._clock())
        registry = self._border.registry
        more = {"further": further_view(found, registry.controls), "gathered": gathered_view(found, registry)}
        return Record({**details, **more}, call_text)

    def _call(self, wanted: str) -> Call | No:
        """The call of that id, or the one whose id begins so."""
        registry = self._border.registry
        found = registry.calls.get(wanted)
        if found is not None:
            return found
        fitting = [call for name, call in registry.calls.items() if wanted and name.startswith(wanted)]
        if not fitting:
            return No(f"no call {wanted!r}; calls({wanted!r}) looks for it in labels and users")
        if len(fitting) > 1:
            names = " ".join(call.id for call in fitting[:10])
            return No(f"{len(fitting)} calls begin with {wanted!r}: {names}{' ...' if len(fitting) > 10 else ''}")
        return fitting[0]

    def bindings(self, find: str = "", *, realm: str = "", limit: int | None = LIMIT) -> Table | Text:
        """The registered terminals."""
        if unknown := self._no_realm(realm):
            return unknown
        chosen = (
            binding
            for binding in self._border.registry.bindings.values()
            if (not find or views.binding_matches(binding, find)) and (not realm or binding.realm.name == realm)
        )
        now = self._clock()
        return rows_of(chosen, lambda binding: views.binding_view(binding, now), columns.BINDINGS, limit, "no bindings")

    def realms(self, *, limit: int | None = LIMIT) -> Table:
        """The networks, and their listeners below."""
        listeners, now = self._runner.listeners(), self._clock()

        def view(realm: Realm) -> Row:
            return realm_view(self._border, realm, listeners, now)

        table = rows_of(self._border.plan.realms.values(), view, columns.REALMS, limit, "no realms")
        sockets = [each for row in table for each in row["listeners"]]
        table.below = "\n" + repr(rows_of(sockets, lambda each: each, columns.LISTENERS, limit, "no listeners"))
        return table

    def limits(self, find: str = "", *, realm: str = "", kind: str = "", limit: int | None = LIMIT) -> Table | Text:
        """What is used of each limit, and was refused for it."""
        if unknown := self._no_realm(realm):
            return unknown
        if kind and kind not in KINDS:
            return No(f"no kind {kind!r}; there are {', '.join(KINDS)}")
        chosen = limits.fullest(self._border.registry.gate.book.tallies(), find, realm, kind)
        return rows_of(chosen, limits.tally_view, limits.COLUMNS, limit, "nothing is counted")

    def streams(self, find: str = "", *, realm: str = "", limit: int | None = LIMIT) -> Table | Text:
        """The media streams."""
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

        return rows_of(chosen, view, columns.STREAMS, limit, "no streams")

    def usage(
        self, by: str = "terminal", find: str = "", *, realm: str = "", limit: int | None = LIMIT
    ) -> Table | Text:
        """What live calls have carried until now, the greatest first."""
        if unknown := self._no_realm(realm):
            return unknown
        if by not in LIVE:
            return No(f"usage by {by!r}? By {', '.join(LIVE)}")
        rows = usage_view(self._border.registry.calls.values(), self._runner.engine, by, find, realm)
        return rows_of(rows, lambda row: row, columns.USAGE, limit, "nothing is carried")

    def paths(self, *, limit: int | None = LIMIT) -> Table:
        """Which networks are joined, and the next hops there below."""
        calls = Counter(call.path.name for call in self._border.registry.calls.values())
        registry, now = self._border.registry, self._clock()

        def view(path: Path) -> Row:
            return views.path_view(registry, path, calls[path.name], now)

        table = rows_of(self._border.plan.paths, view, columns.PATHS, limit, "no paths")
        hops = [each for row in table for each in row["neighbours"]]
        hops += [each for trunk in self._border.plan.trunks for each in views.neighbours_view(registry, trunk, now)]
        table.below = "\n" + repr(rows_of(hops, lambda each: each, columns.NEIGHBOURS, limit, "no next hops"))
        return table

    def media(self) -> Table:
        """What the media engine relays, by network."""
        rows = views.media_view(self._border.registry, self._runner.engine, self._clock())
        table = rows_of(rows, lambda row: row, columns.MEDIA, None, "no realms")
        engine, why = self._runner.engine, self._runner.choice.why
        table.below = f"\nengine {engine.name}, {len(engine.streams())} streams" + (f"\n{why}" if why else "")
        if not engine.suites():
            table.below += "\nmedia cannot be secured here: " + unsecured(self._runner.choice.engine)
        if strays := engine.strays():
            table.below += f"\n{strays} packets at shared ports had the number of no stream"
        if shaken := self._runner.handshakes:
            table.below += "\nhandshakes: " + ", ".join(f"{word} {count}" for word, count in shaken.most_common())
        if kernel := engine.in_kernel():
            table.below += f"\n{kernel.flows} flows in the kernel, of {kernel.room} there can be ({kernel.directory})"
            for tap in kernel.taps:
                mode = f"{tap.mode}, to its peer" if tap.to_peer else tap.mode
                table.below += f"\n{tap.interface}: {mode}{f' ({tap.why})' if tap.why else ''}"
        return table

    # -- what was

    def trace(self, id: str, *, full: bool = False) -> Record | Text:
        """The messages of a call, as a ladder; `full`: and each before and after it crossed, side by side."""
        story = self._story(str(id))
        if isinstance(story, Text):
            return story
        return Record(trace_view(story, self._border.dialects, self._offset()), full_text if full else ladder_text)

    def why(self, id: str) -> Record | Table | Text:
        """Every decision about a call, and its first fault; or what was refused to an address."""
        if (host := str(id).strip("[]")) and literal(host) is not None:
            return self.refusals(host)
        story = self._story(str(id))
        if isinstance(story, Text):
            return story
        engine, plan = self._runner.engine, self._border.plan
        call = self._border.registry.calls.get(story.call)
        streams = [] if call is None else [stream.id for stream in call.streams.values()]
        open_now = set(engine.streams()) if streams else set()
        live = {stream: engine.counters(stream) for stream in streams if stream in open_now}
        sides = {name: realm.side.value for name, realm in plan.realms.items()}
        view = why_view(story, self._border.dialects, sides, live, self._clock(), self._offset())
        return Record(view, why_text)

    def refusals(self, find: str = "", *, limit: int | None = LIMIT) -> Table:
        """What was refused before it became a call."""
        now, offset, wanted = self._clock(), self._offset(), find.casefold()
        chosen = (
            each
            for each in reversed(self._runner.memory.refusals())
            if any(wanted in text.casefold() for text in (each.source, each.reason, each.event))
        )
        return rows_of(chosen, lambda each: refusal_view(each, now, offset), columns.REFUSALS, limit, "nothing refused")

    def _story(self, wanted: str) -> Story | No:
        """What is remembered of the call of that id, or the one whose id begins so."""
        memory = self._runner.memory
        found = memory.find(wanted) if wanted else []
        if len(found) == 1:
            return found[0]
        if found:
            names = " ".join(story.call for story in found[:10])
            return No(f"{len(found)} calls begin with {wanted!r}: {names}{' ...' if len(found) > 10 else ''}")
        if memory.sizes.total == 0:
            return No("nothing is remembered of calls: [trace] in the configuration has enabled = false")
        return No(f"nothing is remembered of a call {wanted!r}; calls({wanted!r}) looks for live ones")

    def _offset(self) -> float:
        """What the core's clock is behind the time of day."""
        return time() - self._clock()

    def bans(self, find: str = "", *, realm: str = "", limit: int | None = LIMIT) -> Table | Text:
        """Who is banned, the latest first."""
        if unknown := self._no_realm(realm):
            return unknown
        flood, now = self._border.registry.gate.flood, self._clock()
        chosen = [ban for ban in flood.bans if bans.matches(ban, find, realm)][::-1]
        table = rows_of(chosen, lambda ban: bans.ban_view(ban, flood, now), bans.COLUMNS, limit, "nobody is banned")
        sink = flood.sink
        table.below = "" if sink is None else f"\n{sink.dropped()} packets dropped by {sink.name}"
        return table

    # -- what changes something

    def ban(self, source: str, seconds: float | None = 3600.0, *, realm: str = "", reason: str = "") -> Text:
        """Ban a source."""
        if unknown := self._no_realm(realm):
            return unknown
        longest = float(bans.LONGEST) if seconds is None else seconds
        return bans.add(self._border, source, longest, realm, reason, self._clock())

    def unban(self, source: str, *, realm: str = "") -> Text:
        """Ban a source no more."""
        return self._no_realm(realm) or bans.lift(self._border, source, realm)

    def kick(self, id: str) -> Text:
        """End a call; both parties are told."""
        call = self._border.registry.calls.get(str(id))
        if call is None:
            found = self._call(str(id))
            if isinstance(found, No):
                known = str(id) in self._border.registry.bindings
                return No("that is a terminal; its registration is the registrar's to end") if known else found
            return No(f"kick wants the whole id, so that no other call is met: {found.id}")
        if call.state is CallState.CLOSED:
            return No(f"call {call.id} is over: {call.cause or 'no cause'}")
        with whole():
            self._runner.carry_out(self._border.end_call(call.id, "cleared from the console", self._clock()))
        return Text(f"call {call.id} is ended")

    def reload(self) -> Text:
        """Read the configuration anew, and use it if all of it is right."""
        with whole():
            return _done(None if self._operations is None else self._operations.reload())

    def drain(self, seconds: float | None = None) -> Text:
        """Take no new calls; those that are left after so many seconds are ended."""
        with whole():
            return _done(None if self._operations is None else self._operations.drain(seconds))

    def undrain(self) -> Text:
        """Take calls again."""
        with whole():
            return _done(None if self._operations is None else self._operations.undrain())

    # -- who and what is let in

    def rules(self, find: str = "", *, realm: str = "") -> Table | Text:
        """The rules in their order, and what they have done."""
        if unknown := self._no_realm(realm):
            return unknown
        rows = rules.rule_views(self._border.registry, realm, find, self._clock())
        return rows_of(rows, lambda row: row, rules.COLUMNS, None, "no rules")

    def explain(
        self,
        source: str,
        method: str,
        *,
        realm: str = "",
        protocol: str = "",
        transport: str = "",
        agent: str = "",
        caller: str = "",
        called: str = "",
        peer: str = "",
    ) -> Record | Text:
        """What would become of a request, and why."""
        if unknown := self._no_realm(realm):
            return unknown
        said = {"realm": realm, "protocol": protocol, "transport": transport, "agent": agent, "caller": caller}
        said |= {"called": called, "peer": peer}
        return rules.explain_view(self._border, str(source), str(method), said, self._clock())

    # -- how the SBC itself is

    def audit(self) -> Table:
        """Whether the books balance."""
        rows = [{"fault": fault} for fault in self._runner.audit()]
        return rows_of(rows, lambda row: row, columns.FAULTS, None, "the books balance")

    def counters(self, find: str = "") -> Table:
        """How often each thing has happened since the start."""
        counted = sorted(self._runner.counted.items())
        rows = [{"counter": name, "count": count} for name, count in counted if find in name]
        return rows_of(rows, lambda row: row, columns.COUNTERS, None, "nothing counted")

    def help(self, about: Any = None) -> Text:
        """The commands; or what a command, or anything at the prompt, says of itself."""
        name = about if isinstance(about, str) else getattr(about, "__name__", "")
        command = COMMANDS.get(name)
        if command is not None and (isinstance(about, str) or getattr(about, "__self__", None) is self):
            return Text(command.help())
        if isinstance(about, str):
            return No(f"no command {about!r}; help lists them")
        if about is not None:
            return Text(inspect.getdoc(about) or f"{type(about).__name__} says nothing of itself")
        width = max(len(command.usage) for command in COMMANDS.values())
        return Text(
            "\n".join(
                [
                    *(f"{each.usage.ljust(width)}  {each.what}" for each in COMMANDS.values()),
                    "",
                    "At the prompt they are Python, too: calls()[0]['id'], len(streams(limit=None)). Answers are lists",
                    "and dicts. border, runner and config are the parts of the SBC. Ask; do not change. Ctrl-D leaves.",
                ]
            )
        )

    def _no_realm(self, realm: str) -> No | None:
        known = self._border.plan.realms
        return No(f"no realm {realm!r}; there are {', '.join(known)}") if realm and realm not in known else None


def _done(outcome: Outcome | None) -> Text:
    """An operation's outcome in words."""
    if outcome is None:
        return No("not available: this SBC was started without it")
    text = "\n".join(outcome.lines) or ("done" if outcome.ok else "not done")
    return Text(text) if outcome.ok else No(text)


def _no_input(prompt: object = "") -> NoReturn:
    """Python's own would wait for a key on the SBC's terminal, and all calls with it."""
    raise RuntimeError("the console has no input()")
