"""What of a stream is for life, and what its two sides cannot both have."""

from __future__ import annotations

from sbc.core.address import Pair
from sbc.core.orders import SideSpec, StreamSpec
from sbc.core.vpn import Vpn


def check_kept(before: SideSpec, now: SideSpec) -> None:
    """A side keeps its sockets for life. @raises ValueError if it is now to have another local pair, mark or network,
    or other shared ports or another number there."""
    if now.local != before.local:
        raise ValueError(f"a side keeps its local pair {before.local}, it cannot become {now.local}")
    if (now.mark, now.vpn) != (before.mark, before.vpn):
        raise ValueError(f"a side keeps the mark and network of its sockets, {before.mark} {before.vpn}")
    if _joined(now) != _joined(before):
        raise ValueError(f"a side keeps its shared ports and its number there, {_joined(before)}")


def check_apart(spec: StreamSpec) -> None:
    """@raises ValueError where both sides of a stream have one number at one port."""
    first, second = (_joined(side) for side in spec.sides)
    if first is not None and first == second:
        raise ValueError(f"both sides of stream {spec.id} have the number {first[1]} at {first[0].rtp}")


def _joined(spec: SideSpec) -> tuple[Pair, int, Vpn] | None:
    return None if spec.shared is None else (spec.shared.local, spec.shared.number, spec.vpn)
