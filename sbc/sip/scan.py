"""Where the lines of usual messages and the parts of usual values are, in one pass in C where scan.c is built.

It is wherever there is a compiler. What is not usual in any way C leaves to codec.py, and to the expressions of
headers.py and uri.py, by answering None: they are the law, and where it answers it says what they would. Offsets are
those of the octets, -1 where a part is absent.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final

Scan = Callable[[bytes, int, int], "tuple[int, ...] | None"]


def _left(_data: bytes, _start: int, _end: int) -> tuple[int, ...] | None:
    """Nothing is usual where C is not built."""
    return None


Lines = tuple[list[str], list[bytes], dict[str, int], list[int], int]


def _split(_data: bytes, _start: int, _usual: dict[bytes, str], _named: Callable[[bytes], str]) -> Lines | None:
    """The same of lines."""
    return None


def _built() -> tuple[Scan, Scan, Scan, Callable[..., Lines | None]] | None:
    try:
        module = import_module("sbc.sip._scan")
    except ModuleNotFoundError:
        return None
    return module.uri, module.name_addr, module.via, module.headers


_FUNCTIONS: Final = _built()
BUILT: Final = _FUNCTIONS is not None
"""Whether C is asked at all."""
usual_uri, usual_name_addr, usual_via, usual_headers = _FUNCTIONS or (_left, _left, _left, _split)
"""Parts of a URI; of a name-addr: those of its URI, where that is, where its parameters begin, and its tag; of a Via
value: what `Via` has, its branch, the whole of its rport, and what else it says. Of header lines: names, lines, where
each name stands first, four offsets of each line (its own, then its value's), and where the body begins."""
