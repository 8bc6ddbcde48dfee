"""The names under which the SBC presents one side's peers to the other: a token here, a place there.

This table is the whole of topology hiding: what a message loads becomes a token of ours, and the token, coming back,
the place.
"""

from __future__ import annotations

from typing import Protocol

import attrs

from sbc.core.message import Place
from sbc.core.mint import Mint

Peer = tuple[Place, bytes]
"""A place and the party that loaded it: two parties at one place need not be reached by the same hops."""


class Owner(Protocol):
    """Whose life a name shares: a call, a binding, or an exchange outside both."""

    tokens: dict[tuple[str, Peer], bytes]


@attrs.define(eq=False)
class Name:
    """`token`, given out in realm `realm`, stands for `place` and the `party` that loaded it."""

    token: bytes
    realm: str
    place: Place
    owner: Owner
    party: bytes


class Names:
    """Tokens to places, both ways, owner by owner."""

    def __init__(self, mint: Mint) -> None:
        self._mint = mint
        self._by_token: dict[tuple[str, bytes], Name] = {}

    def __len__(self) -> int:
        return len(self._by_token)

    def give(self, owner: Owner, realm: str, place: Place, party: bytes, most: int) -> Name:
        """The name in `realm` of `place`, as `party` has loaded it: the owner's existing one, or a new one.

        Past `most` the one that was not loaded for the longest time is dropped.
        """
        key = (realm, (place, party))
        token = owner.tokens.pop(key, None)
        if token is not None:
            owner.tokens[key] = token  # the youngest again
            return self._by_token[realm, token]
        while len(owner.tokens) >= most:
            oldest = next(iter(owner.tokens))
            del self._by_token[oldest[0], owner.tokens.pop(oldest)]
        name = Name(self._mint.token(), realm, place, owner, party)
        owner.tokens[key] = name.token
        self._by_token[realm, name.token] = name
        return name

    def enter(self, owner: Owner, realm: str, peer: Peer, token: bytes) -> None:
        """Let a token that `owner` knows be found: it was given before a restart."""
        place, party = peer
        self._by_token[realm, token] = Name(token, realm, place, owner, party)

    def find(self, realm: str, token: bytes) -> Name | None:
        """The name with that token in that realm. Tokens of other realms are unknown there."""
        return self._by_token.get((realm, token))

    def revoke(self, owner: Owner, realm: str) -> None:
        """Forget what was given of `owner` in `realm`: whoever has it there is to have no part in it any more."""
        for key in [key for key in owner.tokens if key[0] == realm]:
            del self._by_token[realm, owner.tokens.pop(key)]

    def release(self, owner: Owner) -> None:
        """Forget every name of `owner`."""
        for (realm, _), token in owner.tokens.items():
            del self._by_token[realm, token]
        owner.tokens.clear()

    def all(self) -> list[Name]:
        """Every name; for the auditor."""
        return list(self._by_token.values())
