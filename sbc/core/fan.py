"""Next hops of which one is asked after the other: those of a path, or the addresses of a trunk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import attrs

from sbc.core.address import Address
from sbc.core.message import Elsewhere
from sbc.core.word import Word


@attrs.frozen
class NextHop:
    """A next hop as configured: an IP address and port, or a domain name, with a port or (0) without.

    Those of the lowest `priority` come first; among them each gets its share by `weight` (RFC 2782). `transport` is how
    it is reached, as the path says if empty.
    """

    to: Address
    priority: int = 0
    weight: int = 1
    transport: str = ""


def in_order(hops: Iterable[Address | NextHop]) -> tuple[NextHop, ...]:
    """Next hops as a path has them: plain addresses stand in the order in which they are tried."""
    return tuple(hop if isinstance(hop, NextHop) else NextHop(hop, priority=place) for place, hop in enumerate(hops))


class Asking(Word):
    """Whether next hops are asked if they live."""

    AUTO = "auto"  # where there is more than one
    PROBE = "probe"
    OFF = "off"


@attrs.frozen
class Probes:
    """How next hops are asked whether they live; seconds.

    One of which nothing was heard for a `period` is asked and has `answer_within` to answer. One that has missed
    `misses` in a row is down.
    """

    mode: Asking = Asking.AUTO
    period: float = 10.0
    answer_within: float = 4.0
    misses: int = 2


@attrs.frozen
class Failover:
    """When a request that one next hop does not take goes to another.

    `on` are the answers after which it does. A next hop that has said nothing for `patience` seconds is left for the
    next, if there is one; where there is none, the protocol's own timers decide. At most `tries` get the request.
    """

    on: tuple[Elsewhere, ...] = (Elsewhere.UNAVAILABLE, Elsewhere.TIMEOUT)
    patience: float = 4.0
    tries: int = 3


class Fan(Protocol):
    """Who has such next hops, in the realm `there`. Its `label` is its own among all."""

    @property
    def label(self) -> str:
        """What people call it by."""

    @property
    def there(self) -> str:
        """The name of the realm that they are in."""

    @property
    def next_hops(self) -> tuple[NextHop, ...]:
        """As they are configured."""

    @property
    def failover(self) -> Failover:
        """When a request that one does not take goes to another."""

    @property
    def probing(self) -> Probes:
        """How they are asked whether they live."""
