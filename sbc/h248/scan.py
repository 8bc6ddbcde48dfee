"""H.248's text encoding cut into items: a name, perhaps a value, and what follows them (H.248.1 Annex B.2).

Everything below a transaction is a list of ``name [= value] [{ ... }]`` parted by commas. White space and comments may
stand between any two of these. The one exception are the octet strings of Local and Remote, which go up to the first
``}`` that no backslash is before, whatever is in them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sbc.h248.message import BadH248

ACTION, COMMAND = 422, 442
"""Syntax error in an action, in a command (H.248.8)."""
MAX_DEPTH = 32
"""How deep braces may be nested: the deepest that the grammar has are some twelve."""
MAX_ITEMS = 10_000
"""The most items of one message: each takes a microsecond."""
SAFE = rb"[-+&!_/'?@^`~*$\\()%|.0-9A-Za-z]"
LW = rb"[ \t\r\n]*+(?>(?:;[^\r\n]*+[ \t\r\n]*+)*)"
_VALUE = SAFE + SAFE[:-1] + rb'#:=]*+|"[^"]*+"|\[[^]]*+\](?::[0-9]++)?|<[^>]*+>(?::[0-9]++)?'
ITEM = re.compile(
    LW + rb"(?:(" + SAFE + rb"++(?:(?<=[0-9]{8}[Tt][0-9]{8})" + LW + rb":" + LW + SAFE + rb"++)?)" + LW
    + rb"(?:(?:[=<>#]" + LW + rb"|(?=\[))(" + _VALUE + rb")?" + LW + rb")?)?((?(1)[,{}]|\}))"
)  # fmt: skip
"""One item of a block: its name, its value, and what comes after: a comma, its own block, or the end of the block that
it stands in. Of an empty block, and after a comma too many, the end alone. In a value ``#``, ``:`` and ``=`` are let
pass, which it should quote: dialled digits are sent so."""
NEXT = re.compile(LW + rb"([,}])")
"""What comes after an item's own block."""
OCTETS = re.compile(rb"((?>(?:[^\\}]++|\\\}?+)*))\}")
"""An octet string, and its end."""
QUOTED = re.compile(LW + rb'(?:"([^"]*+)")?' + LW + rb"\}")
"""The rest of a block that holds a quoted string at most."""
_LOCAL = rb"(?:[Ll](?:[Oo][Cc][Aa][Ll])?|[Rr](?:[Ee][Mm][Oo][Tt][Ee])?)"
_BRACES = re.compile(
    rb'[{}]|"[^"]*+(?:"|\Z)|;[^\r\n]*+|(?<!' + SAFE + rb")" + _LOCAL + LW + rb"\{(?>(?:[^\\}]++|\\\}?+)*)(?:\}|\Z)"
)
_END = re.compile(LW + rb"\x00*+\Z")


def skip(data: bytes, pos: int) -> int:
    """Where a block ends whose inside begins at `pos`: behind its brace. @raises BadH248."""
    depth = 1
    for match in _BRACES.finditer(data, pos):
        brace = match[0]
        if brace == b"{":
            depth += 1
            if depth > MAX_DEPTH:
                raise BadH248("nested too deep")
        elif brace == b"}":
            depth -= 1
            if not depth:
                return match.end()
    raise BadH248("a brace is not closed")


def at_end(data: bytes, pos: int) -> bool:
    """Whether nothing is left but white space and comments. NULs that fill up the datagram are passed over, too."""
    return pos == len(data) or _END.match(data, pos) is not None


class Spot(NamedTuple):
    """Where something stands that may be written, and what it is: ``number``, ``mid``, ``place``, ``group`` or
    ``header``. Of a parameter of a ServiceChange, which of `items` it is: these are the spans of all of them."""

    start: int
    end: int
    kind: str
    items: list[tuple[int, int]] | None = None
    nth: int = 0


class Cursor:
    """A way through the items of one message. @raises BadH248 where it may have too many of them."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        if data.count(b",") + data.count(b"{") > MAX_ITEMS:
            raise BadH248("too many items")
        self.data = data

    def item(self, pos: int, code: int) -> re.Match[bytes]:
        """The item at `pos`. @raises BadH248, with the error `code`, where there is none."""
        match = ITEM.match(self.data, pos)
        if match is None:
            raise BadH248("malformed", code)
        return match

    def next(self, pos: int, code: int) -> tuple[int, bool]:
        """Behind a block: where the next item begins, and whether there is none. @raises BadH248."""
        mark = self.data[pos : pos + 1]
        if mark == b"}":
            return pos + 1, True
        if mark == b",":
            return pos + 1, False
        match = NEXT.match(self.data, pos)
        if match is None:
            raise BadH248("neither a comma nor the end of the block", code)
        return match.end(), match[1] == b"}"

    def past(self, match: re.Match[bytes], code: int) -> tuple[int, bool]:
        """Behind an item that is not looked at."""
        mark = match[3]
        if mark == b"{":
            return self.next(skip(self.data, match.end()), code)
        return match.end(), mark == b"}"

    def names(self, pos: int, code: int) -> tuple[list[bytes], int]:
        """The names of the items of a block whose inside begins at `pos`, in lower case and without time stamps, those
        in its lists (SignalList) with them; and where it ends."""
        found: list[bytes] = []
        depth = 1
        while depth:
            match = self.item(pos, code)
            name, value, mark = match.groups()
            pos = match.end()
            if name is not None:
                lower = name.lower()
                if value is not None and mark == b"{" and lower in (b"sl", b"signallist") and depth == 1:
                    depth += 1
                    continue
                found.append(lower.rpartition(b":")[2].strip())
            if mark == b"{":
                pos, closed = self.next(skip(self.data, pos), code)
            else:
                closed = mark == b"}"
            while closed:
                depth -= 1
                if not depth:
                    break
                pos, closed = self.next(pos, code)
        return found, pos
