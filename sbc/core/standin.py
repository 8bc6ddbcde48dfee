"""In whose name the SBC answers by itself: who asks something of a terminal that has registered for good, and knows it
by what it calls itself, may heed nobody else's answer; nor may the terminal that of another than it registered with.
Whoever else asks is answered by who is asked: by us, at the address of ours where we are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sbc.core import bound
from sbc.core.message import Cause, Refused
from sbc.core.realm import Side

if TYPE_CHECKING:
    from sbc.core.address import Address
    from sbc.core.orders import Listener
    from sbc.core.registry import Registry


ELSEWHERE = frozenset({Cause.DRAINING, Cause.UNREACHABLE, Cause.TIMEOUT})
"""What another SBC may well do, where this one does not: it takes nothing new, or finds nobody in the core."""


def refusal(
    registry: Registry, dialect: Any, message: Any, no: Refused, listener: Listener, peer: Address
) -> bytes | None:
    """What says `no` to who has asked at `listener`, as `peer` will know it; None where nothing is said."""
    realm = registry.plan.realms[listener.realm]
    no.others = realm.alternates if no.cause in ELSEWHERE else ()
    return answer(registry, dialect, listener, peer, dialect.refuse(message, no, peer))


def answer(registry: Registry, dialect: Any, listener: Listener, peer: Address, own: bytes | None) -> bytes | None:
    """Our `own` answer to who has asked at `listener`, as `peer` will know it."""
    if own is None:
        return None
    said: bytes = dialect.in_name_of(own, _known(registry, listener, peer), listener.advertised)
    return said


def _known(registry: Registry, listener: Listener, peer: Address) -> bytes:
    """A message that the peer has had from the other party: the terminal's registration as it went on, or what was
    said to that; empty where neither is."""
    realm = registry.plan.realms[listener.realm]
    if realm.side is Side.ACCESS:
        binding = bound.terminal_of(registry, listener, peer, b"")
        return binding.kept if binding is not None and binding.lasting else b""
    port = registry.terminal_ports.find(listener)
    binding = None if port is None else port.binding
    return binding.sent if binding is not None and binding.lasting else b""
