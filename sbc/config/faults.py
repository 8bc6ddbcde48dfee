"""What is wrong with a configuration: faults as values, all in one error, so that a file is mended in one go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from json import dumps
from string import ascii_letters, digits

import attrs

_BARE = frozenset(ascii_letters + digits + "_-")
_LONGEST = 80  # characters of a value that are shown
_WIDEST = 128  # bits of an integer that are shown; str() of a huge one is slow and may raise


@attrs.frozen
class Fault:
    """One thing wrong in one file.

    `key` is the dotted way to it (``realms.access.media.ports``, ``paths[0].core``, counted from 0), empty where the
    file as a whole is meant. `value` is what stands there, as TOML writes it, empty where nothing does. `problem` says
    what is wrong, `allowed` what would be right. `line` and `column` (from 1) are known for syntax errors alone.
    """

    file: str
    key: str
    value: str
    problem: str
    allowed: str = ""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """One line, whatever the file held: FILE: KEY = VALUE: PROBLEM (allowed: ALLOWED)."""
        parts = [printable(self.file) + ("" if self.line is None else f":{self.line}:{self.column}")]
        if self.key:
            parts.append(f"{self.key} = {self.value}" if self.value else self.key)
        parts.append(self.problem)
        return ": ".join(parts) + (f" (allowed: {self.allowed})" if self.allowed else "")


class ConfigError(Exception):
    """A configuration that cannot be used: every fault that was found, never none. As text, one fault a line."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


class Unfit(Exception):
    """A value is not what its key allows. `problem` says why; empty where what is allowed says enough."""

    def __init__(self, problem: str = "") -> None:
        super().__init__(problem)
        self.problem = problem


@attrs.define
class Findings:
    """Collects the faults of one file."""

    file: str
    faults: list[Fault] = attrs.field(factory=list)

    def add(self, key: str, value: object, problem: str, allowed: str = "") -> None:
        """Note that `value` at `key` is wrong; None where the key is wrong for what it lacks."""
        self.faults.append(Fault(self.file, key, shown(value), problem, allowed))

    def missing(self, key: str, allowed: str) -> None:
        """Note that there is nothing at `key`, where something must be."""
        self.faults.append(Fault(self.file, key, "", "missing", allowed))

    def unknown(self, at: str, table: Mapping[str, object], known: Sequence[str]) -> None:
        """Note each key of `table` (which stands at `at`) that is not one of `known`, and which was probably meant."""
        for name in table:
            if name not in known:
                near = get_close_matches(name[:_LONGEST], known, 1)
                hint = f'; did you mean "{near[0]}"?' if near else ""
                self.faults.append(Fault(self.file, joined(at, name), "", f"unknown key{hint}", ", ".join(known)))

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.faults)

    def settle(self) -> None:
        """Raise ConfigError if there is any fault."""
        if self.faults:
            raise ConfigError(self.faults)


def joined(at: str, name: str) -> str:
    """The dotted key of `name` in the table at `at`, quoted as TOML does where it must be."""
    if not name or not _BARE.issuperset(name) or len(name) > _LONGEST:
        name = _quoted(name)
    return f"{at}.{name}" if at else name


def shown(value: object) -> str:
    """`value` as TOML would write it, on one line, cut to a length a person reads; tables and arrays by their size."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        bits = value.bit_length()
        return str(value) if bits <= _WIDEST else f"an integer of {bits} bits"
    if isinstance(value, Mapping):
        return f"a table of {_count(len(value), 'key')}"
    if isinstance(value, list | tuple):
        return f"an array of {_count(len(value), 'value')}"
    return printable(str(value))  # a float, date or time


def printable(text: str) -> str:
    """`text` with whatever would break a line, or steer a terminal, escaped."""
    if text.isprintable():  # as by far most is
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _quoted(text: str) -> str:
    cut = dumps(text[:_LONGEST], ensure_ascii=False)[1:-1]
    return f'"{printable(cut)}{"..." if len(text) > _LONGEST else ""}"'


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
