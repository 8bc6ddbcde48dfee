"""The table of the console's commands: names, arguments, help. Prompt, plain words and `sbc ctl` go by it."""

from __future__ import annotations

import re
import shlex
from ast import BinOp, BoolOp, Compare, Expr, Module, Name, expr, parse
from codeop import compile_command
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

_OPTION = re.compile(r"(?:--)?([a-z_]+)=(.*)", re.DOTALL)


class Misused(Exception):
    """A command was not understood; the message says how it is used."""


@attrs.frozen
class Argument:
    """What a command is given: a word, or an option where it is named (``--limit 5``, ``limit=5``; a `flag` has no
    value). `needed` words must be there. `rest`: takes all words that are left, too."""

    name: str
    what: str
    needed: bool = False
    option: bool = False
    flag: bool = False
    number: bool = False

    def usage(self) -> str:
        """As it stands in a usage line of plain words."""
        text = self.name.upper()
        if self.flag:
            text = f"--{self.name}"
        elif self.option:
            text = f"--{self.name} {text}"
        return text if self.needed else f"[{text}]"

    def python(self) -> str:
        """The same, as it stands in a call."""
        return f"{self.name}=" if self.option or self.flag else self.name

    def read(self, text: str) -> Any:
        """The value a word stands for. @raises Misused."""
        if not self.number:
            return text
        if text in ("none", "None", "all"):
            return None
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < 1e9:
            raise Misused(f"{self.name}: {text!r} is no number; it is {self.what}")
        return int(value) if value.is_integer() else value


@attrs.frozen
class Command:
    """A command. `changes` are those after which the SBC is not as before: they are audited before they are done."""

    name: str
    what: str
    arguments: tuple[Argument, ...] = ()
    changes: bool = False

    @property
    def usage(self) -> str:
        """How it is used in plain words."""
        return " ".join([self.name, *(each.usage() for each in self.arguments)])

    @property
    def python(self) -> str:
        """How it is used in Python."""
        return f"{self.name}({', '.join(each.python() for each in self.arguments)})"

    def help(self) -> str:
        """All there is to say of it."""
        lines = [self.usage, f"  {self.python} in Python", "", f"  {self.what}."]
        if self.changes:
            lines.append("  It changes something, and is in the audit log before it is done.")
        width = max((len(each.name) for each in self.arguments), default=0)
        lines += [f"  {each.name.ljust(width)}  {each.what}" for each in self.arguments]
        return "\n".join(lines)

    def read(self, words: Sequence[str]) -> dict[str, Any]:
        """The arguments that `words` give, by name. @raises Misused."""
        by_name = {each.name: each for each in self.arguments}
        places = [each for each in self.arguments if not each.option and not each.flag]
        values: dict[str, Any] = {}
        left = list(words)
        while left:
            word = left.pop(0)
            named = _OPTION.fullmatch(word)
            if named is not None and named[1] in by_name:
                self._put(values, by_name[named[1]], named[2])
            elif word.startswith("--"):
                argument = by_name.get(word[2:])
                if argument is None:
                    raise Misused(f"{self.name} has no option {word!r}: {self.usage}")
                if not argument.flag and not left:
                    raise Misused(f"{word} wants a value: {self.usage}")
                self._put(values, argument, "" if argument.flag else left.pop(0))
            else:
                free = next((each for each in places if each.name not in values), None)
                if free is None:
                    raise Misused(f"{self.name} knows nothing to do with {word!r}: {self.usage}")
                self._put(values, free, word)
        missing = [each.name for each in self.arguments if each.needed and each.name not in values]
        if missing:
            raise Misused(f"{self.name} wants {' and '.join(missing)}: {self.usage}")
        return values

    def _put(self, values: dict[str, Any], argument: Argument, text: str) -> None:
        if argument.name in values:
            raise Misused(f"{argument.name} is there twice: {self.usage}")
        if argument.flag and text not in ("", "True", "yes"):
            raise Misused(f"{argument.name} takes no value: {self.usage}")
        values[argument.name] = True if argument.flag else argument.read(text)


_LIMIT = Argument("limit", "the most rows that are shown, none for all", option=True, number=True)
_REALM = Argument("realm", "only those of this realm", option=True)
_CALL = Argument("id", "a call's id; its beginning is enough", needed=True)


def _find(what: str) -> Argument:
    return Argument("find", f"part of {what}")


_TABLE = (
    Command("status", "What runs since when, whether it takes calls, and how much there is of everything"),
    Command(
        "calls",
        "The calls, newest first",
        (_find("an id, label, user or address"), _REALM, Argument("state", "only those in it", option=True), _LIMIT),
    ),
    Command("call", "Everything about one call", (_CALL,)),
    Command("bindings", "The registered terminals", (_find("a user, place or address"), _REALM, _LIMIT)),
    Command("realms", "The networks: what they hold against their limits, media ports, listeners", (_LIMIT,)),
    Command(
        "limits",
        "What is used of each limit: now/limit (peak); what was refused, and what went past it",
        (
            _find("a name"),
            _REALM,
            Argument("kind", "only realm, path, customer or terminal", option=True),
            _LIMIT,
        ),
    ),
    Command("paths", "Which networks are joined, and the next hops there", (_LIMIT,)),
    Command("media", "What the media engine relays: streams, ports, packets and drops of each network"),
    Command(
        "streams",
        "The media streams. In brackets: signalled, nothing heard from there yet",
        (_find("a stream's or call's id or address"), _REALM, _LIMIT),
    ),
    Command(
        "usage",
        "What live calls have carried until now, the greatest first: octets of whole IP packets",
        (
            Argument("by", "terminal (if left out), realm or media"),
            Argument("find", "part of a terminal's user"),
            _REALM,
            _LIMIT,
        ),
    ),
    Command(
        "trace",
        "The messages of a call, as a ladder",
        (
            _CALL,
            Argument("full", "each message before and after it crossed, side by side, changed lines marked", flag=True),
        ),
    ),
    Command(
        "why",
        "Every decision about a call with its cause, and in one sentence the first fault",
        (Argument("id", "a call's id, or its beginning; or an address, to see what was refused to it", needed=True),),
    ),
    Command(
        "refusals",
        "What was refused before it became a call, the latest first",
        (_find("a source, reason or event"), _LIMIT),
    ),
    Command(
        "bans",
        "Who is banned: why, for how long, and whether all there are or strangers alone",
        (_find("an address or reason"), _REALM, _LIMIT),
    ),
    Command(
        "ban",
        "Ban a source: nothing is taken from it, and its connections are closed",
        (
            Argument("source", "a host, or a host and port", needed=True),
            Argument("seconds", "for how long; an hour, if left out", number=True),
            Argument("realm", "where; in all access realms, if left out", option=True),
            Argument("reason", "why, for log and list", option=True),
        ),
        changes=True,
    ),
    Command(
        "unban",
        "Ban a source no more, and forget what it was banned for",
        (
            Argument("source", "as bans shows it", needed=True),
            Argument("realm", "where; in all access realms, if left out", option=True),
        ),
        changes=True,
    ),
    Command(
        "quota",
        "Accounts of those who pay in advance: what is left of them, and what was used",
        (_find("a user"), _REALM, _LIMIT),
    ),
    Command(
        "grant",
        "Let an account have more octets, seconds or both; one that is not there is opened",
        (
            Argument("user", "what its terminals register as", needed=True),
            Argument("octets", "of whole IP packets, both ways: 500MB", option=True),
            Argument("seconds", "of answered calls: 3600, 60min or 1h", option=True),
            Argument("realm", "where; may be left out where one realm has accounts", option=True),
            Argument("anew", "so much, whatever was left", flag=True),
        ),
        changes=True,
    ),
    Command(
        "revoke",
        "Close an account",
        (Argument("user", "as quota shows it", needed=True), Argument("realm", "where, as for grant", option=True)),
        changes=True,
    ),
    Command(
        "kick",
        "End a call; both parties are told, and its record says that it was cleared",
        (Argument("id", "the call's whole id", needed=True),),
        changes=True,
    ),
    Command("reload", "Read the configuration anew, and use it if all of it is right", changes=True),
    Command(
        "drain",
        "Take no new calls; those there are go on",
        (Argument("seconds", "after which the calls that are left are ended; never, if left out", number=True),),
        changes=True,
    ),
    Command("undrain", "Take calls again", changes=True),
    Command("rules", "The rules of each realm in their order, and how often each decided", (_find("a rule"), _REALM)),
    Command(
        "explain",
        "What would become of a request, and which rule decides it and why; nothing is counted",
        (
            Argument("source", "where it comes from: an address, with or without a port", needed=True),
            Argument("method", "what it is, as rules have it", needed=True),
            Argument("realm", "where it comes to; the first access realm, if left out", option=True),
            Argument("protocol", "what it is spoken in", option=True),
            Argument("transport", "over what", option=True),
            Argument("agent", "what its sender says to be made by", option=True),
            Argument("caller", "who calls", option=True),
            Argument("called", "whom", option=True),
            Argument("peer", "the name that its sender's certificate has shown", option=True),
        ),
    ),
    Command("audit", "Whether the books balance: ports, keys, tokens, timers, sockets against what is alive"),
    Command("counters", "How often each thing has happened since the start", (_find("a counter's name"),)),
    Command("help", "This list, or what a command does", (Argument("about", "a command's name"),)),
)

COMMANDS: Mapping[str, Command] = {each.name: each for each in _TABLE}
"""The commands by name, in the order in which help lists them."""


def read(words: Sequence[str]) -> tuple[Command, dict[str, Any]]:
    """The command that `words` begin with, and its arguments. @raises Misused."""
    command = COMMANDS.get(words[0]) if words else None
    if command is None:
        raise Misused(f"no command {words[0]!r}; help lists them" if words else "no command; help lists them")
    return command, command.read(words[1:])


def split(line: str) -> list[str]:
    """The words of a line, as a shell would have them. @raises Misused."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise Misused(f"cannot be taken apart: {error}") from error


def is_plain(line: str) -> bool:
    """Whether a line typed at the Python prompt is meant as a plain command: it begins with one and is no Python, or
    none that could be meant (``calls``, ``calls -1``: nobody subtracts from a command)."""
    first, _, rest = line.strip().partition(" ")
    if first not in COMMANDS:
        return False
    try:
        if compile_command(line.strip()) is None:
            return False  # it goes on in the next line
        tree = parse(line.strip())
    except (SyntaxError, ValueError, OverflowError):
        return True
    except (RecursionError, MemoryError):
        return False
    return isinstance(tree, Module) and len(tree.body) == 1 and _is_of(tree.body[0], first) and not rest.startswith("=")


def _is_of(statement: Any, name: str) -> bool:
    """Whether a statement is an expression that has the command `name` itself, not what it answers, in front."""
    if not isinstance(statement, Expr):
        return False
    front: expr = statement.value
    while isinstance(front, BinOp | Compare | BoolOp):
        front = front.values[0] if isinstance(front, BoolOp) else front.left
    return isinstance(front, Name) and front.id == name
