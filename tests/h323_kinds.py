"""One message of every kind that H.225.0 and H.245 know, made from the type tables: with everything in it that may be
there, and the addresses of one terminal wherever one may stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from sbc.h323 import per
from sbc.h323.codec import Wire, build_control, build_ras, build_signal
from sbc.h323.q931 import TYPES
from sbc.h323.spots import HOLDERS
from sbc.h323.types import (
    Bits,
    Boolean,
    Choice,
    Component,
    Enumerated,
    Integer,
    ListOf,
    Node,
    Null,
    ObjectId,
    Octets,
    Opaque,
    Sequence,
    Text,
)
from tests.h323_messages import TERMINAL, channel, unicast

DEEP = 5
"""How far down what may be missing is there."""
DEEPEST = 14
UNKNOWN_FEATURE = 99
_EVERYWHERE = frozenset({"genericData", "featureSet", "nonStandardData", "circuitInfo"})
"""What stands in so many places that once is enough."""
_OTHERS = frozenset({"h4501SupplementaryService", "returnedFunction"})
"""Octets of which others know what is in them."""
_ADDRESS = {"ip": bytes(map(int, TERMINAL.host.split("."))), "port": TERMINAL.port}
_BODIES = {"callProceeding", "connect", "alerting", "information", "releaseComplete", "facility", "progress"}
_BODIES |= {"setup", "status", "statusInquiry", "setupAcknowledge", "notify"}


class Endless(Exception):
    """A value of that type would have no end, or its type is one that nobody here can make up."""


def sample(node: Node, name: str = "", depth: int = 0) -> Any:
    """A value of a type: as full as can be, down to some depth. @raises Endless."""
    if depth > DEEPEST:
        raise Endless
    match node:
        case Null():
            return 0
        case Boolean():
            return True
        case ObjectId():
            return (0, 0, 8, 2250, 0, 6)
        case Opaque():
            raise Endless
        case Octets():
            return _octets(node, name)
        case Bits():
            return 1, max(node.low, 1)
        case Integer() if name == "standard":
            return UNKNOWN_FEATURE
        case Integer():
            low = 1 if node.low is None else node.low
            return max(low, 1) if node.high is None or node.high >= 1 else low
        case Enumerated():
            return node.names[0]
        case Text():
            return "1" * max(node.low, 1)
        case ListOf():
            return _list(node, name, depth)
        case Choice():
            return _choice(node, depth)
        case Sequence():
            return _sequence(node, depth)
    raise Endless


def _octets(node: Octets, name: str) -> bytes:
    size = max(node.low, 4 if node.high is None else min(4, node.high))
    return bytes(range(1, 1 + size)) if name != "generalParameters" else bytes(size)


def _list(node: ListOf, name: str, depth: int) -> list[Any]:
    if name in HOLDERS and isinstance(node.item, Octets):
        if HOLDERS[name] == "OpenLogicalChannel":
            return [per.encode("OpenLogicalChannel", channel())]
        return [build_control("request", "openLogicalChannel", channel(), tpkt=False)]
    return [sample(node.item, "", depth + 1)] * max(node.low, 1)


def _choice(node: Choice, depth: int) -> tuple[str, Any]:
    names = [each for each, _ in node.root]
    if "ipAddress" in names:
        return "ipAddress", _ADDRESS
    if "unicastAddress" in names:
        address: tuple[str, Any] = unicast()
        return address
    for name, each in sorted((*node.root, *node.additions), key=lambda each: "h2250" not in each[0]):
        try:
            return name, sample(each, name, depth + 1)
        except Endless:
            continue
    raise Endless


def _sequence(node: Sequence, depth: int) -> dict[str, Any]:
    value = {each.name: sample(each.node, each.name, depth + 1) for each in node.root if not each.optional}
    if depth <= DEEP:
        for each in (*(each for each in node.root if each.optional), *node.additions):
            _add(value, each, depth)
    return value


def _add(value: dict[str, Any], component: Component, depth: int) -> None:
    if (component.name in _EVERYWHERE and depth > 2) or component.name in _OTHERS:
        return
    with suppress(Endless):
        value[component.name] = sample(component.node, component.name, depth + 1)


def _alternatives(node: Node) -> Iterator[tuple[str, Node]]:
    assert isinstance(node, Choice)
    yield from (*node.root, *node.additions)


def every_kind() -> list[tuple[str, Wire, bytes]]:
    """The name of each kind of message, how it travels, and one of it."""
    found: list[tuple[str, Wire, bytes]] = []
    for name, node in _alternatives(per.node("RasMessage")):
        found.append((name, Wire.RAS, build_ras(name, sample(node, name))))
    whole = per.node("H323-UserInformation")
    assert isinstance(whole, Sequence)
    inside = whole.root[0].node
    assert isinstance(inside, Sequence)
    for name, node in _alternatives(inside.root[0].node):
        if name in _BODIES:
            assert name in TYPES
            found.append((name, Wire.SIGNAL, build_signal(name, 7, False, sample(node, name))))
    for group, kinds in _alternatives(per.node("MultimediaSystemControlMessage")):
        for name, node in _alternatives(kinds):
            try:
                found.append((f"{group} {name}", Wire.CONTROL, build_control(group, name, sample(node, name))))
            except Endless:
                continue
    return found
