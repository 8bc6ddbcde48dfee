"""What protocols there are, each found by its name when it is first needed: no line elsewhere speaks of any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

import attrs
from twisted.internet.protocol import DatagramProtocol

from sbc.config.schema import PROTOCOLS
from sbc.core.address import Address
from sbc.core.realm import Plan
from sbc.interfaces import IFramer, Service

T = TypeVar("T")
Deliver = Callable[[Address, bytes], None]


class Datagrams(DatagramProtocol):
    """Hands on each datagram, empty ones, too: that somebody speaks, whatever it says, tells that it lives."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver

    def datagramReceived(self, data: bytes, source: tuple[str, int]) -> None:
        self._deliver(Address(*source), data)


class FullDatagrams(Datagrams):
    """Hands on each datagram that is not empty: empty ones only hold a mapping open."""

    def datagramReceived(self, data: bytes, source: tuple[str, int]) -> None:
        if data:
            super().datagramReceived(data, source)


@attrs.frozen
class Speech:
    """What ``sbc.NAME.protocol`` has to offer, as ``SPEECH``: `dialect` makes the IDialect that a plan needs,
    `datagrams` what hands datagrams on, `framer` what cuts a connection into messages. `services` are its transports
    in the DNS. `frames` takes messages that a WebSocket keeps apart, where the protocol may come by one."""

    dialect: Callable[[Plan], Any]
    datagrams: Callable[[Deliver], DatagramProtocol]
    framer: Callable[[], IFramer]
    services: Mapping[str, Service]
    frames: Callable[[], IFramer] | None = None


@cache
def speech(name: str) -> Speech:
    """All of one protocol. @raises ModuleNotFoundError where there is none of that name."""
    found: Speech = import_module(f"sbc.{name}.protocol").SPEECH
    return found


class Spoken(Mapping[str, T]):
    """One thing of every protocol, by its name; a protocol that nobody needs is never loaded."""

    def __init__(self, what: Callable[[Speech], T]) -> None:
        self._what = what

    def __getitem__(self, name: str) -> T:
        if name not in PROTOCOLS:
            raise KeyError(name)
        return self._what(speech(name))

    def __iter__(self) -> Iterator[str]:
        return iter(PROTOCOLS)

    def __len__(self) -> int:
        return len(PROTOCOLS)


def dialects(plan: Plan) -> dict[str, Any]:
    """What is spoken under a plan."""
    names = {listener.dialect for realm in plan.realms.values() for listener in realm.listeners}
    return {name: speech(name).dialect(plan) for name in sorted(names)}
