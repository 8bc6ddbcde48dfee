"""What dialects add to the configuration: each has a table of its own name in a path, which it reads itself.

A dialect is found by its name, in ``sbc.NAME.options``, so that no line here or in the core speaks of any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

from sbc.config import kinds
from sbc.config.faults import Findings
from sbc.config.keys import Key, Tables


class DialectOptions(Protocol):
    """What ``sbc.NAME.options`` has to offer."""

    TABLES: Tables
    """The keys of its table ``paths[].NAME``, and of those within it."""

    def read(self, table: Mapping[str, Any], at: str, findings: Findings) -> Any:
        """The value of its table, which stands at `at`; None where too much of it is wrong. The core never looks at it
        (``Path.options``)."""


def options_of(protocol: str) -> DialectOptions | None:
    """What the dialect of that name adds, if it does."""
    if not protocol.isidentifier() or find_spec("sbc." + protocol) is None:
        return None
    name = f"sbc.{protocol}.options"
    return cast(DialectOptions, import_module(name)) if find_spec(name) is not None else None


def all_tables(tables: Tables, protocols: Iterable[str]) -> dict[str, tuple[Key, ...]]:
    """`tables` with what the dialects of `protocols` add."""
    whole = {name: tuple(keys) for name, keys in tables.items()}
    for protocol in protocols:
        options = options_of(protocol)
        if options is not None:
            whole["paths[]"] += (Key(protocol, kinds.table()),)
            whole |= {name: tuple(keys) for name, keys in options.TABLES.items()}
    return whole
