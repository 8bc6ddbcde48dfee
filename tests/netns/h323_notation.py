"""Tables of types for aligned PER, in a short notation.

One `Name = type` a line:

    {a:T b?:T ... c:T d?:T}   SEQUENCE, `?` optional, what follows `...` are extension additions
    <a:T b ... c:T>           CHOICE; an alternative without a type is NULL
    [T] [T 1..256]            SEQUENCE OF (SET OF is written alike)
    0..255 1..9* INT          INTEGER; `*` marks a range that may be left
    BOOL NULL OID ENUM(4*) BITS BITS(32) OCTETS OCTETS(4) OCTETS(1..20)
    IA5 IA5(1..32) DIGITS(1..128) BMP(1..256) GENERAL
    -                         not known: an extension addition kept as the octets of its open type
"""

from __future__ import annotations

import re
from typing import Any

from tests.netns.h323_per import (
    Bits,
    Boolean,
    Choice,
    Digits,
    Enumerated,
    Integer,
    Null,
    Oid,
    Open,
    PerError,
    Reader,
    Sequence,
    SequenceOf,
    Sized,
    Text,
    Type,
    Unknown,
    Writer,
)

_TOKEN = re.compile(r"\s*(\.\.\.|-?\d+\.\.\d+\*?|\w[\w-]*\??:?|[{}<>\[\]()=*-]|\d+)")


class Reference(Type):
    """A type by its name, looked up when it is used."""

    def __init__(self, types: dict[str, Type], name: str) -> None:
        self.types, self.name = types, name

    def write(self, w: Writer, value: Any) -> None:
        self.types[self.name].write(w, value)

    def read(self, r: Reader) -> Any:
        return self.types[self.name].read(r)


class Types:
    """A table of types, read from the notation."""

    def __init__(self, text: str) -> None:
        self.types: dict[str, Type] = {}
        self._tokens: list[str] = []
        for line in re.sub(r"(?m)#.*$", "", text).split("\n\n"):
            for name, body in re.findall(r"(?ms)^(\w[\w-]*) = (.*?)(?=^\w[\w-]* = |\Z)", line):
                self._tokens = _TOKEN.findall(body)
                self.types[name] = self._type()
                if self._tokens:
                    raise ValueError(f"{name}: what is {self._tokens[:3]}?")

    def encode(self, name: str, value: Any) -> bytes:
        """The octets of a value; PerError if it is not of that type."""
        w = Writer()
        self.types[name].write(w, value)
        return w.done()

    def decode(self, name: str, data: bytes) -> Any:
        """The value of octets; PerError if they hold none. Of what the tables do not know, what was read before it."""
        r = Reader(data)
        try:
            value = self.types[name].read(r)
        except Unknown as error:
            return error.partial
        if len(data) - (r.at + 7) // 8 > 0 and data[(r.at + 7) // 8 :] != b"\0":
            raise PerError(f"{len(data) - (r.at + 7) // 8} octets too many")
        return value

    def _type(self) -> Type:
        token = self._tokens.pop(0)
        if token == "{":
            return Sequence(*self._members("}"))
        if token == "<":
            root, more = self._members(">")
            return Choice([m[:2] for m in root], None if more is None else [m[:2] for m in more])
        if token == "[":
            item = self._type()
            low, high, _ = self._range(self._tokens.pop(0)) if self._tokens[0] != "]" else (0, None, False)
            self._tokens.pop(0)
            return SequenceOf(item, low, high)
        if ".." in token:
            low, high, extensible = self._range(token)
            return Integer(low, high, extensible)
        return self._named(token)

    def _named(self, token: str) -> Type:
        plain: dict[str, Type] = {"NULL": Null(), "BOOL": Boolean(), "OID": Oid(), "INT": Integer(), "-": Open()}
        if token in plain:
            return plain[token]
        if token == "ENUM":
            self._tokens.pop(0)
            count, star = int(self._tokens.pop(0)), self._tokens.pop(0)
            if star == "*":
                self._tokens.pop(0)
            return Enumerated(count, star == "*")
        sized = {"OCTETS": (Sized, 8), "BITS": (Bits, 1), "IA5": (Text, 8), "GENERAL": (Text, 8), "BMP": (Text, 16)}
        sized["DIGITS"] = (Digits, 4)
        if token not in sized:
            return Reference(self.types, token)
        kind, unit = sized[token]
        if not self._tokens or self._tokens[0] != "(":
            return kind(unit)
        self._tokens.pop(0)
        size = self._tokens.pop(0)
        self._tokens.pop(0)
        low, high, _ = self._range(size) if ".." in size else (int(size), int(size), False)
        return kind(unit, low, high)

    def _members(self, end: str) -> tuple[list[Any], list[Any] | None]:
        root: list[Any] = []
        more: list[Any] | None = None
        while True:
            token = self._tokens.pop(0)
            if token == end:
                return root, more
            if token == "...":
                more = []
                continue
            name = token.rstrip(":").rstrip("?")
            member = (name, self._type() if token.endswith(":") else Null(), "?" in token)
            (root if more is None else more).append(member)

    @staticmethod
    def _range(token: str) -> tuple[int, int, bool]:
        low, high = token.rstrip("*").split("..")
        return int(low), int(high), token.endswith("*")
