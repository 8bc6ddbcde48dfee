"""Parameters of SIP headers and URIs (``;name=value``), read where they stand, so that one can be edited alone."""

from __future__ import annotations

import re
from typing import Final

from sbc.core.message import BadMessage
from sbc.text.holds import holds

MAX_PARAMS = 64
"""The most parameters one header value or URI may have."""

QUOTED = rb'"(?>(?:[^"\\]++|\\.)*)"'
HEADER_PARAM = rb'\s*+;\s*+[^\s;,="<>]*+(?>(?:\s*+=\s*+(?:' + QUOTED + rb'|[^\s;,"<>]*+))?)'
"""One generic-param (RFC 3261 section 25.1), white space and folds allowed; possessive, so the time is linear."""

_HEADER: Final = re.compile(rb'\s*+;\s*+([^\s;,="<>]*+)(?:\s*+=\s*+(' + QUOTED + rb'|[^\s;,"<>]*+))?', re.DOTALL)
_URI: Final = re.compile(rb";([^\s;=?<>\"]*+)(?:=([^\s;?<>\"]*+))?")
_QUOTED_PAIR: Final = re.compile(rb"\\(.)", re.DOTALL)
_FOLD: Final = re.compile(rb"[ \t]*+\r?\n[ \t]++")
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")


def unescape(text: bytes) -> bytes:
    """Resolve ``%HH`` (RFC 3261 section 19.1.2); a percent sign that begins no escape stays as it is."""
    if not holds(text, b"%"):
        return text
    return _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), text)


def unquote(text: bytes) -> bytes:
    """The content of a quoted string, quoted pairs resolved; anything else as it is."""
    if len(text) < 2 or text[:1] != b'"' or text[-1:] != b'"':
        return text
    return _QUOTED_PAIR.sub(rb"\1", text[1:-1])


def to_bytes(text: str) -> bytes:
    """The octets of a parameter's name or value: UTF-8, and whatever octets were not UTF-8 when it was read."""
    return text.encode("utf-8", "surrogateescape")


def unfold(value: bytes) -> bytes:
    """A header value with each fold turned into one space (RFC 3261 section 7.3.1)."""
    return _FOLD.sub(b" ", value) if holds(value, b"\n") else value


class Parameters:
    """The parameters in ``data[start:end]``, which is empty or begins with the first semicolon, up to what is none.

    `values` maps names in lower case to values, None for a name alone; of a name given twice the first counts. Empty
    parameters (``;;``) are passed over. Raises BadMessage where there are more than MAX_PARAMS.
    """

    __slots__ = ("values", "_matches")

    def __init__(self, data: bytes, start: int, end: int, *, uri: bool = False) -> None:
        self.values: dict[str, str | None] = {}
        self._matches: dict[str, re.Match[bytes]] = {}
        pattern, resolve, mark = (_URI, unescape, b"%") if uri else (_HEADER, unquote, b'"')
        count = 0
        while (match := pattern.match(data, start, end)) is not None:
            start = match.end()
            count += 1
            if count > MAX_PARAMS:
                raise BadMessage("Too many parameters")
            raw, value = match.groups()
            name = (unescape(raw) if uri and holds(raw, b"%") else raw).decode("utf-8", "surrogateescape").lower()
            if not name or name in self.values:
                continue
            if value is not None:
                value = (resolve(value) if holds(value, mark) else value).decode("utf-8", "surrogateescape")
            self.values[name] = value
            self._matches[name] = match

    def span(self, name: str) -> tuple[int, int] | None:
        """Where the value of a parameter stands, quotes included; None if there is no such parameter, or no value."""
        match = self._matches.get(name)
        return None if match is None or match[2] is None else match.span(2)

    def whole(self, name: str) -> tuple[int, int] | None:
        """Where a parameter stands, from the space before its semicolon to the end of its value; None if absent."""
        match = self._matches.get(name)
        return None if match is None else match.span()


class Parameterised:
    """What has parameters, in ``data[params_start:params_end]``; they are read when first asked for."""

    __slots__ = ("data", "params_start", "params_end", "_parameters")

    def __init__(self, data: bytes, params_start: int, params_end: int) -> None:
        self.data = data
        self.params_start = params_start
        self.params_end = params_end
        self._parameters: Parameters | None = None

    @property
    def params(self) -> dict[str, str | None]:
        """Names in lower case and their values, None for a name alone. Raises BadMessage if there are too many."""
        parameters = self._parameters
        if parameters is None:
            parameters = self._parameters = self._parse()
        return parameters.values

    def param_span(self, name: str) -> tuple[int, int] | None:
        """Where the value of a parameter stands, quotes included; None if there is no such parameter, or no value."""
        return self._read().span(name)

    def param_whole(self, name: str) -> tuple[int, int] | None:
        """Where a parameter stands, from the space before its semicolon to the end of its value; None if absent."""
        return self._read().whole(name)

    def _read(self) -> Parameters:
        if self._parameters is None:
            self._parameters = self._parse()
        return self._parameters

    def _parse(self) -> Parameters:
        return Parameters(self.data, self.params_start, self.params_end)
