"""IP addresses in text that nobody has taken apart: where they stand, each as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sbc.core.address import canonical, is_specific

# what must stand before an address, and after it, that it is no part of a longer one; an escape (%40) is no digits
ESCAPE = rb"(?<=%[0-9A-Fa-f]{2})"
IPV6 = re.compile(
    rb"(?:(?<![0-9A-Za-z:.])|" + ESCAPE + rb")[0-9A-Fa-f]{0,4}+(?>(?::[0-9A-Fa-f]{0,4}+){2,7})(?![0-9A-Za-z:.])"
)
_IPV4 = re.compile(
    rb"(?:(?<![0-9])(?<![0-9]\.)|" + ESCAPE + rb")[0-9]{1,3}+(?:\.[0-9]{1,3}+){3}(?![0-9]|\.[0-9])",
)
_PORT = re.compile(rb":[0-9]{1,5}+(?![0-9])")


class Literal(NamedTuple):
    """An address as it stands there, brackets and port with it."""

    start: int
    end: int
    host: str
    port: int


def literals(data: bytes, start: int, end: int, spell: Callable[[str], str] = canonical) -> Iterator[Literal]:
    """The addresses of somebody in ``data[start:end]``, which neither 0.0.0.0 nor :: is. `spell` gives what stands
    there its one spelling, where a protocol has more of them than `canonical` knows."""
    for pattern in (_IPV4, IPV6):
        for match in pattern.finditer(data, start, end):
            host = spell(match[0].decode())
            if not is_specific(host):
                continue
            at, behind = match.span()
            if data[at - 1 : at] == b"[" and at > start and data[behind : behind + 1] == b"]" and behind < end:
                at, behind = at - 1, behind + 1
            port = _PORT.match(data, behind, end) if pattern is _IPV4 or data[at : at + 1] == b"[" else None
            yield Literal(at, behind if port is None else port.end(), host, int(port[0][1:]) if port else 0)
