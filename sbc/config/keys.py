"""The keys of a table: what may stand there, and the reading of those that do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from sbc.config.faults import Findings, Unfit, joined
from sbc.config.kinds import Kind


@attrs.frozen
class Key:
    """One key of a table; where it is left out and not `required`, the default is that of the value's class."""

    name: str
    kind: Kind
    required: bool = False


Tables = Mapping[str, Sequence[Key]]
"""Keys by the table they stand in."""


def read_keys(table: Mapping[str, Any], at: str, keys: Sequence[Key], findings: Findings) -> dict[str, Any]:
    """Every key of `table`, which stands at `at`, that is there and right; what is not is added to `findings`."""
    findings.unknown(at, table, [key.name for key in keys])
    values: dict[str, Any] = {}
    for key in keys:
        if key.name not in table:
            if key.required:
                findings.missing(joined(at, key.name), key.kind.allowed)
            continue
        try:
            values[key.name] = key.kind.read(table[key.name])
        except Unfit as unfit:
            problem = unfit.problem or "is not allowed here"
            findings.add(joined(at, key.name), table[key.name], problem, key.kind.allowed)
    return values
