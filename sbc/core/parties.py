"""How the parties of a call are named on the other side: a name that tells too much is sealed for the call.

Names need no memory: the seal holds the name, and opens only for the call, and the end of it, that it was made for. So
a party hears the name it has chosen, whoever repeats it, however late; and what was sealed in one call is not opened in
another.
"""

from __future__ import annotations

from typing import Final

import attrs

from sbc.core.crossing import Crossing
from sbc.core.mint import Mint
from sbc.core.realm import Side

End = tuple[bytes, ...]
"""One end of a call: its realm, the call's name there, and whether it asked or was asked."""
MOST_SEALED = 256
"""Octets of a call's name that are sealed; a longer one is hidden for good."""
_FOREIGN: Final = b"foreign"


@attrs.frozen
class Parties:
    """The names in a message about a call: its sender's end is `here`, the receiver's `there`, where the call is named
    `label`. `there` is None where the receiver is not in that call: then what is sealed stays so."""

    mint: Mint
    label: bytes
    here: End
    there: End | None

    def conceal(self, name: bytes) -> bytes:
        """A name of this side, sealed."""
        return self.mint.seal(name, *self.here)

    def reveal(self, name: bytes) -> bytes | None:
        """The name of the other side that was sealed as `name` for here; None if none was."""
        return None if self.there is None else self.mint.unseal(name, *self.there)


def of_call(crossing: Crossing) -> Parties:
    """The names in what a message says of its own call."""
    call, leg = crossing.call, crossing.from_leg
    here, there = crossing.intent.label, crossing.label
    if call is not None:
        here, there = call.legs[leg].label, call.legs[1 - leg].label
    ends = _end(crossing.here.name, here, leg), _end(crossing.there.name, there, 1 - leg)
    return Parties(crossing.registry.mint, there, *ends)


def of_other(crossing: Crossing, label: bytes) -> Parties:
    """The names in what a message says of another call, which is named `label` here."""
    registry, here, there = crossing.registry, crossing.here.name, crossing.there.name
    legs = [
        (leg, index)
        for call in registry.calls_by_label.get((here, label), ())
        for index, leg in enumerate(call.legs)
        if leg.realm.name == there
    ]
    for leg, index in legs:
        if leg.seen == crossing.hop.peer:  # of two calls that the core has joined, the one the peer is in
            return Parties(registry.mint, leg.label, _end(here, label, 1 - index), _end(there, leg.label, index))
    if legs:
        leg, index = legs[0]
        own = (
            crossing.there.side is Side.CORE
        )  # whose hosts know each other's calls; a terminal is told of its own only
        end = _end(there, leg.label, index) if own else None
        return Parties(registry.mint, leg.label, _end(here, label, 1 - index), end)
    return _of_foreign(registry.mint, here, there, label, crossing.path.hide_labels)


def _of_foreign(mint: Mint, here: str, there: str, label: bytes, hidden: bool) -> Parties:
    """The names of a call that we do not carry. Its label is sealed as names are, so that whoever was told of the call
    (and nobody else) can name it to those who know it, long after and without a table."""
    known = mint.unseal(label, _FOREIGN, there.encode(), here.encode()) if hidden else None
    if known is not None:  # it comes back
        return Parties(mint, known, _end(here, label, 0), _end(there, known, 0))
    named = label
    if hidden and len(label) <= MOST_SEALED:
        named = mint.seal(label, _FOREIGN, here.encode(), there.encode())
    elif hidden:
        named = mint.derive(b"label", here.encode(), label)
    return Parties(mint, named, _end(here, label, 0), None)


def _end(realm: str, label: bytes, leg: int) -> End:
    return realm.encode(), label, b"%d" % leg
