"""The keys by which messages find exchanges and calls: they say from where a name is meant, as well as the name."""

from __future__ import annotations

from typing import Final

from sbc.core.address import Address
from sbc.core.orders import Listener
from sbc.core.realm import Realm, Side

CallKey = tuple[str, str, bytes]
ExchangeKey = tuple[str, str, int, bytes]
SummonsKey = tuple[str, str, bytes]
"""Realm and host of who was asked to open a connection for a call, and what that is called everywhere."""
_FAR: Final = -1  # no port: no key of the other kind is like it


def near_key(realm: str, source: Address, exchange: bytes, at: Listener | None = None) -> ExchangeKey:
    """The key of an exchange on the side it came from: peers elsewhere cannot name it, even if they know its id. What
    means its connection is of that between `source` and our own address `at` alone."""
    return (realm, source.host if at is None else f"{source.host}/{_own_end(at)}", source.port, exchange)


def far_key(realm: str, host: str, exchange: bytes, lane: str = "") -> ExchangeKey:
    """The key of an exchange on the side it went to, where its id is ours. It belongs to the host that was asked: there
    are protocols that have but a few numbers for their requests. What goes by a connection that is meant (`line_of`) is
    found by that alone."""
    return (realm, f"{host}/{lane}" if lane else host, _FAR, exchange)


def line_of(listener: Listener, peer: Address, bound: bool) -> str:
    """What tells a connection that is meant from others to the same host; empty where none is."""
    return listener.lane or (f":{peer.port}" if bound else "")


def answer_key(listener: Listener, peer: Address, exchange: bytes, bound: bool) -> ExchangeKey:
    """The key under which an answer from `peer`, by that listener of ours, finds its exchange."""
    return far_key(listener.realm, peer.host, exchange, line_of(listener, peer, bound))


def is_far(key: ExchangeKey) -> bool:
    """Whether it is the key of an exchange on the side it went to."""
    return key[2] == _FAR


def bound_key(listener: Listener, source: Address, name: bytes, asked: bool) -> CallKey:
    """The key of a call that means the connection it goes by, as well as its name. Both ends of a connection name calls
    as they like: `asked` tells one that the peer was asked for."""
    return (listener.realm, f"{source}/{_own_end(listener)}", name + b"'" if asked else name)


def _own_end(listener: Listener) -> str:
    """Our end of a connection: from one port a peer may connect to several of ours, or send datagrams, too."""
    return f"{listener.address}/{listener.lane or (listener.transport if listener.reliable else '')}"


def local_key(realm: str, gateway: str, name: bytes) -> CallKey:
    """The key of a call whose name counts at one gateway alone, by its binding's id. No host is written like it."""
    return (realm, f"={gateway}", name)


def call_key(realm: Realm, source: Address, name: bytes) -> CallKey:
    """The key of a call on one side. In an access realm the host belongs to it: what one terminal calls its call is no
    business of another's. (A terminal that moves to another host is known by the token it was given.)"""
    return (realm.name, source.host if realm.side is Side.ACCESS else "", name)
