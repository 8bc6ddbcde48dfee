"""Bindings: what the SBC knows of a registered terminal: where it was seen, and what it is called on the other side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from sbc.core.address import Address
from sbc.core.group import Group, joined
from sbc.core.message import NO_ROUTE, Cause, Place, Route
from sbc.core.names import Peer
from sbc.core.orders import Listener
from sbc.core.realm import Path, Realm, is_behind_nat
from sbc.core.timers import Entry
from sbc.core.watch import Watch
from sbc.core.word import Word
from sbc.policy.book import Ticket

if TYPE_CHECKING:
    from sbc.core.exchange import Exchange, Hop
    from sbc.core.hops import HopKey


class BindingState(Word):
    """What is known of a terminal. DEAD and LAPSED: the registrar still counts on it, the SBC says it is absent."""

    PENDING = "pending"  # the registrar has not said yes yet; lives as long as its exchange
    BOUND = "bound"
    DEAD = "dead"  # does not answer; any message of its own brings it back
    LAPSED = "lapsed"  # has not come back to refresh; only the registrar can bring it back


ABSENT = frozenset({BindingState.DEAD, BindingState.LAPSED})


@attrs.define(eq=False)
class Binding:
    """One place of one user. `seen` and `listener` are the transport mapping to the terminal; they move only when the
    registrar has accepted a registration that came from elsewhere. `onward` is the listener it is presented with on the
    core side.

    `expires_at` is until when the terminal believes to be registered, `grant_ends` until when it is. `terms` are what
    it registered with, `kept` what it was told then. `service` are the hops its requests to the core side are to take.
    Where the core is to hear of its death, `sent` is the accepted request as it went on, to `registrar`, and `parting`
    the request that takes it off. One that is `lasting` has registered for good: `grant_ends` is when it is forgotten
    if it is not heard of; it has `sent` in any case, for answers in its name. It is `parted` where the core was told
    that it is dead, until the core knows that it is back; `untold` where the way by which the core reached it is lost,
    until the core knows that it is there. `flow` tells apart the ways that one terminal has several of, and `flows`
    says that its registrar does so.
    """

    id: str
    dialect: str
    path: Path
    realm: Realm
    user: bytes
    place: Place
    seen: Address
    listener: Listener
    onward: Listener
    label: bytes = b""  # what it registers under
    handle: bytes = b""  # what the registrar calls it
    state: BindingState = BindingState.PENDING
    expires_at: float = 0.0
    told_at: float = 0.0
    comes_back: float = 0.5  # the part of what it was told after which it did
    stale: bool = False  # its path has changed since the registrar's last yes: its next refresh is taken there
    strayed: bool = False  # it last came from another port than before
    granted_at: float = 0.0
    grant_ends: float = 0.0
    terms: bytes = b""
    kept: bytes = b""
    granted_by: HopKey | None = None  # the next hop whose yes it lives by
    comes: bool = False  # whether, asked to, it opens the connection for a call to it by itself
    flow: bytes = b""
    flows: bool = False
    route: Route = NO_ROUTE
    service: Route = NO_ROUTE
    watch: Watch | None = None
    sent: bytes = b""
    registrar: Hop | None = None
    parting: Exchange | None = None
    lasting: bool = False
    parted: bool = False
    untold: bool = False
    ticket: Ticket | None = None  # once the registrar has confirmed it
    claims: Group[object] = ()  # exchanges that would bind it
    tokens: dict[tuple[str, Peer], bytes] = attrs.field(factory=dict)
    due: float | None = None
    entry: Entry | None = None

    @property
    def behind_nat(self) -> bool:
        """Whether the terminal was seen elsewhere than where it believes to be."""
        return is_behind_nat(self.realm, self.seen, self.place.address)

    @property
    def is_to_be_restored(self) -> bool:
        """Whether the core, which may not count on it, is to hear that it is there."""
        return self.parted or self.untold

    @property
    def lack(self) -> Cause:
        """Why who asks for it is refused, when nothing leads to it by this way."""
        return Cause.FLOW if self.flows else Cause.ABSENT

    def claim(self, exchange: object) -> None:
        """An exchange would bind it, or take it off."""
        self.claims = joined(self.claims, exchange)

    def __repr__(self) -> str:
        return f"<Binding {self.id} {self.user.decode(errors='replace')} {self.state.value} at {self.seen}>"
