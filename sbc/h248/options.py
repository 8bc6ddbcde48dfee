"""What a path may be told about H.248 alone: its table ``[paths.h248]``."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from sbc.config import kinds
from sbc.config.faults import Findings
from sbc.config.keys import Key, read_keys
from sbc.core.realm import Path


class Authentication(Enum):
    """What becomes of an authentication header, which covers all octets after it, where any was changed (H.248.1
    clause 10.2)."""

    PASS = "pass"  # as it came: whoever checks it finds that the message was changed
    STRIP = "strip"  # taken out: whoever gets the message trusts the SBC
    REFUSE = "refuse"  # the message does not cross, and its sender is told so


class Identity(Enum):
    """What gateways are called towards the controller where they call themselves by a name."""

    NAME = "name"  # by that name
    ADDRESS = "address"  # by their own address and port on that side, as those are that call themselves by one


@attrs.frozen
class H248Options:
    """What a path is told about H.248."""

    authentication: Authentication = Authentication.PASS
    mid: Identity = Identity.NAME
    levels: tuple[int, ...] = ()  # how many bits each level of a binary termination's name has, from the first


DEFAULTS = H248Options()
OWN_PORTS = True
"""Gateways are told apart in the core by where they are alone: each has to have a port of its own there."""
TABLES: dict[str, tuple[Key, ...]] = {
    "paths[].h248": (
        Key("authentication", kinds.choice(Authentication)),
        Key("mid", kinds.choice(Identity)),
        Key("levels", kinds.many(kinds.integer(1, 64), 1, "numbers of bits", again=True)),
    )
}
"""Every key of a path's table, named as in sbc.config.schema.TABLES."""


def of(path: Path) -> H248Options:
    """The options of a path."""
    found: H248Options = path.options.get("h248", DEFAULTS)
    return found


def read(table: Mapping[str, Any], at: str, findings: Findings) -> H248Options:
    """The options in the table at `at`; what is wrong is added to `findings`, and left out."""
    options = H248Options(**read_keys(table, at, TABLES["paths[].h248"], findings))
    bits = sum(options.levels)
    if bits > 64 or bits % 8:
        allowed = "levels of 8, 16, ... or 64 bits in all, as names have whole octets: [8, 8, 16]"
        findings.add(f"{at}.levels", list(options.levels), f"has {bits} bits in all", allowed)
        return attrs.evolve(options, levels=())
    return options
