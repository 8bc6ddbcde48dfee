"""What H.248's text encoding says in contexts, commands and descriptors (H.248.1 Annex B.2).

Read is what an SBC looks at; all else is passed over, whatever it is, as long as its braces are paired: what a gateway
sends that is none of the standard's is for the controller to judge.
"""

from __future__ import annotations

import re

from sbc.h248.change import read_services
from sbc.h248.media import read_media, read_statistics
from sbc.h248.message import ALL, Action, BadH248, Command, Failure, Termination, Verb
from sbc.h248.scan import ACTION, COMMAND, QUOTED, Cursor, Spot, skip
from sbc.h248.tokens import CONTEXT, DESCRIPTORS, VERBS

MAX_COMMANDS = 1_024
MAX_TERMINATIONS = 256
"""The most terminations that one command names."""
MAX_NAME = 256
"""The longest name of a termination, in octets; the standard has 64."""

_BRACKET = ord("[")
_CONTEXT = re.compile(rb"[0-9]{1,10}|[-$*]")
_PARTS = re.compile(rb";[^\r\n]*+|[^\s,;]++")


def listed(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Where the names of a list stand, whatever comments are between them."""
    return [match.span() for match in _PARTS.finditer(data, start, end) if match[0][:1] != b";"]


class Reader(Cursor):
    """Reads the actions of one transaction. `lists` are the insides of the Topology and Mux descriptors on its way."""

    __slots__ = ("commands", "lists")

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.commands = 0
        self.lists: list[tuple[int, int]] = []

    def action(self, match: re.Match[bytes], code: int) -> tuple[Action, int, bool]:
        """The action whose item is `match`; where what comes next begins, and whether its block ends there."""
        context = match[2]
        if context is None or _CONTEXT.fullmatch(context) is None:
            raise BadH248("malformed ContextID", code)
        action = Action(context, context_at=Spot(*match.span(2), "number"))
        pos = match.end()
        if match[3] != b"{":
            return action, pos, match[3] == b"}"
        commands: list[Command] = []
        closed = False
        while not closed:
            item = self.item(pos, ACTION)
            name, pos = item[1], item.end()
            if name is None:
                break
            lower = name.lower()
            verb = VERBS.get(lower)
            if verb is not None:
                command, pos, closed = self.command(item, verb)
                commands.append(command)
                continue
            word = CONTEXT.get(lower)
            if word == "error":
                action.error, pos, closed = self.failure(item, ACTION)
                continue
            if word == "topology" and item[3] == b"{":
                pos, closed = self.next(self.listing(pos), ACTION)
                continue
            if word == "emergency":
                action.emergency = True
            pos, closed = self.past(item, ACTION)
        action.commands = tuple(commands)
        return action, *self.next(pos, code)

    def failure(self, match: re.Match[bytes], code: int) -> tuple[Failure, int, bool]:
        """An error descriptor in a block."""
        failure, end = self.error(match, code)
        return (failure, *self.next(end, code)) if match[3] == b"{" else (failure, end, match[3] == b"}")

    def error(self, match: re.Match[bytes], code: int) -> tuple[Failure, int]:
        """An error descriptor, and where it ends."""
        value = match[2]
        if value is None or not value.isdigit() or len(value) > 4:
            raise BadH248("malformed error code", code)
        if match[3] != b"{":
            return Failure(int(value)), match.end()
        text = QUOTED.match(self.data, match.end())
        if text is None:
            return Failure(int(value)), skip(self.data, match.end())
        return Failure(int(value), text[1] or b""), text.end()

    def command(self, match: re.Match[bytes], verb: tuple[Verb, bool, bool]) -> tuple[Command, int, bool]:
        """A command, or its reply."""
        self.commands += 1
        if self.commands > MAX_COMMANDS:
            raise BadH248("too many commands", COMMAND)
        value, mark = match[2], match[3]
        if value is None:
            raise BadH248("a command without TerminationID", COMMAND)
        start = match.start(2)
        if mark == b"{" and value.lower() in (b"c", b"context"):  # the terminations of a context, that was audited
            return self.audited(match.end(), verb)
        command = Command(verb[0], self.terminations(start, match.end(2)), *verb[1:])
        if mark != b"{":
            return command, match.end(), mark == b"}"
        pos = self.descriptors(command, match.end())
        return command, *self.next(pos, COMMAND)

    def audited(self, pos: int, verb: tuple[Verb, bool, bool]) -> tuple[Command, int, bool]:
        """The reply to an audit of a context, the inside of which begins at `pos`: its terminations, or an error."""
        item = self.item(pos, COMMAND)
        if item[1] is not None and DESCRIPTORS.get(item[1].lower()) == "error":
            error, end, _ = self.failure(item, COMMAND)
            command = Command(verb[0], (Termination(ALL, ALL, every=True),), *verb[1:], error=error)
        else:
            end = skip(self.data, pos)
            command = Command(verb[0], self.listed(pos, end - 1), *verb[1:])
        return command, *self.next(end, COMMAND)

    def listing(self, pos: int) -> int:
        """Behind a block of names of terminations that is not looked at, the inside of which begins at `pos`."""
        end = skip(self.data, pos)
        self.lists.append((pos, end - 1))
        return end

    def terminations(self, start: int, end: int) -> tuple[Termination, ...]:
        """One termination's name, or a list of them in brackets."""
        if self.data[start] == _BRACKET:
            return self.listed(start + 1, end - 1)
        return (self.named(start, end),)

    def listed(self, start: int, end: int) -> tuple[Termination, ...]:
        """The terminations of a list."""
        names = listed(self.data, start, end)
        if not names or len(names) > MAX_TERMINATIONS:
            raise BadH248("malformed list of terminations", COMMAND)
        return tuple(self.named(*span) for span in names)

    def named(self, start: int, end: int) -> Termination:
        """One termination's name."""
        name = self.data[start:end]
        if len(name) > MAX_NAME:
            raise BadH248("a name too long", COMMAND)
        return Termination(name, name.lower(), b"$" in name, b"*" in name, Spot(start, end, "name"))

    def descriptors(self, command: Command, pos: int) -> int:
        """The descriptors of a command, into it; where its block ends."""
        closed = False
        while not closed:
            item = self.item(pos, COMMAND)
            name, _, mark = item.groups()
            pos = item.end()
            if name is None:
                break
            word = DESCRIPTORS.get(name.lower())
            if word == "error":
                command.error, pos, closed = self.failure(item, COMMAND)
                continue
            if mark != b"{":
                closed = mark == b"}"
                if word == "events":
                    command.events = ()
                elif word == "signals":
                    command.signals = ()
                continue
            pos, closed = self.descriptor(command, word, pos)
        return pos

    def descriptor(self, command: Command, word: str | None, pos: int) -> tuple[int, bool]:
        """The descriptor whose inside begins at `pos`."""
        if word == "media":
            if command.streams:
                raise BadH248("descriptor appears twice in a command", 448)
            command.streams, pos = read_media(self, pos)
        elif word == "services":
            if command.services is not None:
                raise BadH248("descriptor appears twice in a command", 448)
            command.services, pos = read_services(self, pos)
        elif word == "statistics":
            command.statistics, pos = read_statistics(self, pos)
        elif word in ("audit", "signals", "events", "observedevents"):
            names, pos = self.names(pos, COMMAND)
            if word == "audit":
                command.audit = tuple(sorted({DESCRIPTORS.get(name) or name.decode("ascii") for name in names}))
            elif word == "signals":
                command.signals = tuple(names)
            elif word == "events":
                command.events = tuple(names)
            else:
                command.observed = tuple(names)
        elif word == "mux":
            pos = self.listing(pos)
        else:
            pos = skip(self.data, pos)
        return self.next(pos, COMMAND)
