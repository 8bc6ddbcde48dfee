"""A watch: what is known of one transport address behind a NAT that is kept reachable, and who there needs that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from sbc.core.address import Address
from sbc.core.group import Group
from sbc.core.orders import Listener
from sbc.core.timers import Entry

if TYPE_CHECKING:
    from sbc.core.binding import Binding
    from sbc.core.call import Call
    from sbc.core.exchange import Exchange

WatchKey = tuple[str, Address, Address, bool]
"""Realm, our address there, the terminal's as seen, and whether it speaks by a connection: what a NAT keeps one mapping
for."""


def key_of(listener: Listener, peer: Address) -> WatchKey:
    """The key of the watch over `peer` as seen from `listener`."""
    return (listener.realm, listener.address, peer, listener.reliable)


@attrs.define(eq=False)
class Watch:
    """One mapping: `peer`, as seen from `listener`. It is watched as long as it has `owners`.

    It is asked after a silence of `wait` seconds since `heard_at`; `probe` is the question that is open, asked after
    `silence`, and `spoiled` once the terminal has spoken meanwhile: then the answer says nothing of the silence.
    `missed` answers in a row make it `dead`.
    """

    listener: Listener
    peer: Address
    dialect: str
    heard_at: float
    owners: Group[Binding | Call] = ()
    wait: float = 0.0
    probe: Exchange | None = None
    silence: float = 0.0
    spoiled: bool = False
    asked: int = 0
    missed: int = 0
    dead: bool = False
    due: float | None = None
    entry: Entry | None = None

    @property
    def key(self) -> WatchKey:
        return key_of(self.listener, self.peer)

    def __repr__(self) -> str:
        return f"<Watch of {self.peer} from {self.listener.address}>"
