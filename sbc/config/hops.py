"""Next hops, as paths and trunks have them: which, when another has its turn, and how they are asked if they live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sbc.config import kinds
from sbc.config.faults import Findings
from sbc.config.keys import Key, read_keys
from sbc.core.address import Address
from sbc.core.fan import Asking, NextHop, Probes
from sbc.core.message import Elsewhere

TABLES: dict[str, tuple[Key, ...]] = {
    "paths[].failover": (
        Key("on", kinds.many(kinds.choice(Elsewhere), 0, "words")),
        Key("patience", kinds.seconds(0.5, 32.0)),
        Key("tries", kinds.integer(1, 10)),
    ),
    "paths[].probing": (
        Key("mode", kinds.choice(Asking)),
        Key("period", kinds.seconds(1.0, 3600.0)),
        Key("answer_within", kinds.seconds(0.5, 30.0)),
        Key("misses", kinds.integer(1, 100)),
    ),
    "paths[].next_hops[]": (
        Key("to", kinds.host_maybe_port(), required=True),
        Key("priority", kinds.integer(0, 65_535)),
        Key("weight", kinds.integer(0, 65_535)),
        Key("transport", kinds.text("a transport")),
    ),
}


def read_hops(given: Sequence[Any], at: str, keys: Sequence[Key], findings: Findings) -> Iterator[Address | NextHop]:
    """Each next hop that is right, whether it is written as a table or as a mere address."""
    for index, each in enumerate(given):
        if not isinstance(each, dict):
            yield each
            continue
        values = read_keys(each, f"{at}[{index}]", keys, findings)
        if "to" in values:
            yield NextHop(**values)


def check_probing(probes: Probes, at: str, findings: Findings) -> None:
    """An answer must have come before the next is wanted."""
    if probes.mode is not Asking.OFF and probes.answer_within >= probes.period:
        problem, allowed = "is not shorter than the period", f"less than {probes.period:g}"
        findings.add(f"{at}.probing.answer_within", probes.answer_within, problem, allowed)
