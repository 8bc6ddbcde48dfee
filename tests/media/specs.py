"""Specs of streams as the core orders them, for all rigs that drive a media engine."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.address import Pair
from sbc.core.orders import Latch, SideSpec, StreamSpec

Changes = dict[str, Any] | None
Pairs = tuple[Pair, Pair]


def side_spec(realm: str, local: Pair, remote: Pair, changes: Changes = None) -> SideSpec:
    """A side whose peer is not behind a NAT and stands where it signals; but for what is changed of that."""
    usual = SideSpec(
        realm=realm,
        local=local,
        remote=remote,
        behind_nat=False,
        seen_host=remote.rtp.host,
        latch=Latch.NAT,
        window=3.0,
    )
    return attrs.evolve(usual, **(changes or {}))


def stream_spec(
    name: str, ours: Pairs, theirs: Pairs, a: Changes = None, b: Changes = None, kind: str = "rtp"
) -> StreamSpec:
    """A stream between realms "access" and "core"; `a` and `b` change what is usual of its sides."""
    sides = side_spec("access", ours[0], theirs[0], a), side_spec("core", ours[1], theirs[1], b)
    return StreamSpec(name, "call-1", kind, sides)


def signalled(spec: StreamSpec, side: int, **changes: Any) -> StreamSpec:
    """The same after one side has signalled anew."""
    sides = list(spec.sides)
    sides[side] = attrs.evolve(sides[side], **changes)
    return attrs.evolve(spec, sides=(sides[0], sides[1]))
