"""One MGCP message as spans of its octets: command or response line, parameter lines, session descriptions (RFC 3435
section 3).

Nothing is copied that is not asked for, and what is not edited stays as it came: the case of names, blanks, line ends,
parameters nobody knows, comments.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from sbc.core.message import BadMessage, NoMessage
from sbc.text.edits import Edits

MAX_SIZE = 16_384
"""Octets of one message. The RFC wants 4,000 to be taken (section 3.5.4)."""
MAX_LINES = 200
MAX_LINE = 8_192
MAX_BODIES = 4
MAX_PARTS = 16
"""Messages of one datagram; of more the first."""
NUMBERS = 999_999_999
"""The highest transaction identifier (section 3.2.1.2)."""

MAX_NAME = 512
"""Octets of an endpoint's name."""

_WORD = rb"[!-~]{1,%d}+" % MAX_NAME
_COMMAND = re.compile(
    rb"([A-Z][A-Z0-9]{3})[ \t]++([0-9]{1,9})[ \t]++(" + _WORD + rb")[ \t]++MGCP[ \t]++([0-9]{1,3}\.[0-9]{1,3})"
    rb"(?:[ \t]++([^\r\n\x00]*+))?(?:\r?\n|\Z)",
    re.IGNORECASE,
)
_RESPONSE = re.compile(
    rb"([0-9]{3})[ \t]++([0-9]{1,9})(?:[ \t]++(/[!-~]{1,64}+))?(?:[ \t]++([^\r\n\x00]*+))?[ \t]*+(?:\r?\n|\Z)"
)
_NUMBERED = re.compile(rb"[A-Z][A-Z0-9]{3}[ \t]++([0-9]{1,9})[ \t]", re.IGNORECASE)
_LINE = re.compile(rb"([^\r\n\x00]*+)(\r?\n|\Z)")
_PARAMETER = re.compile(rb"([!-9;-~]{1,64}+)[ \t]*+:[ \t]*+([^\r\n\x00]*+)")
_DIVIDER = re.compile(rb"(?:\A|(?<=\n))\.[ \t]*\r?(?:\n|\Z)")
_COMMENT = (b";", b"#")


class BadMgcp(BadMessage):
    """What is no message, though it begins as one: a command with a `number` can be answered, with that `code`."""

    def __init__(self, reason: str, number: bytes = b"", code: int = 510) -> None:
        super().__init__(reason)
        self.number = number
        self.code = code


class Line(NamedTuple):
    """One parameter line. `name` is in upper case, empty for a comment; ``start:end`` is its value, lines that continue
    it included, ``line_start:line_end`` all of it with its line end."""

    name: str
    line_start: int
    start: int
    end: int
    line_end: int


class MgcpMessage:
    """A command, or the response to one.

    Of a command `verb` is in upper case, `endpoint` the span of the endpoint's name, `code` None; of a response `verb`
    is empty, `code` its three digits as a number, `package` the span of the package that the code is of. `text` is the
    span of what follows on the first line: a profile's name, or the comment to a code. `number` is the transaction
    identifier, at `number_span`. `bodies` are the spans of the session descriptions. `asked` and `cache` belong to the
    functions of the dialect: what the request of a response was, and what was read already.
    """

    __slots__ = (
        "asked", "bodies", "cache", "code", "data", "edits", "endpoint", "lines", "number", "number_span", "package",
        "text", "verb", "version",
    )  # fmt: skip

    def __init__(self, data: bytes, first: re.Match[bytes], command: bool) -> None:
        self.data = data
        self.edits = Edits()
        self.asked: Any = None
        self.cache: dict[str, Any] = {}
        self.verb = first[1].decode("ascii").upper() if command else ""
        self.code = None if command else int(first[1])
        self.number = int(first[2])
        self.number_span = first.span(2)
        self.endpoint = first.span(3) if command else (-1, -1)
        self.version = first[4].decode("ascii") if command else ""
        self.package = (-1, -1) if command else first.span(3)
        self.text = first.span(5 if command else 4)
        self.lines: list[Line] = []
        self.bodies: list[tuple[int, int]] = []
        try:
            self._read(first.end())
        except BadMgcp as bad:
            bad.number = first[2] if command else b""
            raise

    def value(self, name: str) -> bytes | None:
        """The value of the first parameter of that name; None where there is none."""
        for line in self.lines:
            if line.name == name:
                return self.data[line.start : line.end]
        return None

    def all(self, name: str) -> list[Line]:
        """All lines of one parameter."""
        return [line for line in self.lines if line.name == name]

    def _read(self, at: int) -> None:
        data, size = self.data, len(self.data)
        while at < size:
            line = _LINE.match(data, at)
            if line is None:
                raise BadMgcp("a carriage return or NUL inside a line")
            if line.end() - at > MAX_LINE:
                raise BadMgcp("a line is too long")
            if not line[1].strip():
                self._read_bodies(line.end())
                return
            self._read_line(line)
            at = line.end()

    def _read_line(self, line: re.Match[bytes]) -> None:
        data, lines = self.data, self.lines
        start = begins = line.start()
        if not lines:  # some indent the first, too: there is nothing yet that it could continue
            begins = line.end(1) - len(line[1].lstrip(b" \t"))
        elif data[start : start + 1] in (b" ", b"\t"):
            whole = lines.pop()
            end = line.end(1) - (len(line[1]) - len(line[1].rstrip()))
            lines.append(whole._replace(end=end, line_end=line.end()))
            if line.end() - whole.line_start > MAX_LINE:
                raise BadMgcp("a line is too long")
            return
        if len(lines) == MAX_LINES:
            raise BadMgcp("too many parameter lines")
        if data.startswith(_COMMENT, begins, line.end(1)):
            lines.append(Line("", start, start, line.end(1), line.end()))
            return
        found = _PARAMETER.fullmatch(data, begins, line.end(1))
        if found is None:
            raise BadMgcp("a line that is no parameter")
        value = found.start(2)
        lines.append(Line(found[1].decode("ascii").upper(), start, value, value + len(found[2].rstrip()), line.end()))

    def _read_bodies(self, at: int) -> None:
        """Session descriptions, an empty line between two (section 3.4)."""
        data, size, begun = self.data, len(self.data), -1
        while at < size:
            line = _LINE.match(data, at)
            if line is None:
                raise BadMgcp("a carriage return or NUL inside a line")
            blank = not line[1].strip()
            if not blank and begun < 0:
                if not line[1].startswith(b"v="):
                    raise BadMgcp("after the parameters comes no session description")
                if len(self.bodies) == MAX_BODIES:
                    raise BadMgcp("too many session descriptions")
                begun = at
            elif blank and begun >= 0:
                self.bodies.append((begun, at))
                begun = -1
            at = line.end()
        if begun >= 0:
            self.bodies.append((begun, size))


def decode(data: bytes) -> MgcpMessage:
    """Read one message. @raises BadMessage; NoMessage where there are but blanks."""
    data = bare(data)
    if len(data) > MAX_SIZE:
        numbered = _NUMBERED.match(data)
        raise BadMgcp("too large", b"" if numbered is None else numbered[1])
    command = _COMMAND.match(data)
    first = command or _RESPONSE.match(data)
    if first is None:
        if not data.strip():
            raise NoMessage("blank")
        numbered = _NUMBERED.match(data)
        raise BadMgcp("no command, and no response", b"" if numbered is None else numbered[1])
    if not int(first[2]):
        raise BadMgcp("transaction identifiers begin with 1")
    return MgcpMessage(data, first, command is not None)


def bare(data: bytes) -> bytes:
    """A datagram without the empty lines that some begin it with, and the NUL that ends a string in C."""
    return data.lstrip(b" \t\r\n").rstrip(b"\0")


def parts(data: bytes) -> tuple[bytes, ...]:
    """The messages of a datagram, divided by lines that hold a dot and nothing else (section 3.5.5)."""
    if b"." not in data or not (dividers := list(_DIVIDER.finditer(data))):
        return (data,)
    starts = [0, *(each.end() for each in dividers)]
    ends = [*(each.start() for each in dividers), len(data)]
    found = [data[start:end] for start, end in zip(starts, ends, strict=True) if data[start:end].strip()]
    return tuple(found[:MAX_PARTS]) or (data,)
