"""PDUs of H.323, and those nested in them: fast start, tunnelled H.245, RAS and addresses inside generic data."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any
from weakref import ref

from sbc.core.message import BadMessage
from sbc.h323 import per
from sbc.h323.reader import Compiler
from sbc.h323.splice import AnyFrame
from sbc.h323.spots import GUID, HOLDERS, Found, Noted, Spot, names_of, note, spot_of
from sbc.h323.walk import MOST, Path, Read, Walk

DEEPEST = 4
"""How deep PDUs may be nested: RAS in a Facility, H.245 in a Setup, generic information in its channels."""
MOST_PDUS = 128
"""The most PDUs in one message."""
MOST_IN_RAS = 256
"""The most elements of all lists in one message of RAS, with all that it holds: it is a datagram that anybody may send,
and lists no capabilities, as H.245 does."""
MOST_IN_SIGNALS = 512
"""The same of call signalling itself, without the H.245 that it holds: whoever can connect may send it."""
RAS, USER_INFORMATION, CONTROL = "RasMessage", "H323-UserInformation", "MultimediaSystemControlMessage"

# What octets in generic data hold: by the feature's identifier and the parameter's (H.460.17, .18, .19).
_GENERIC: dict[tuple[Any, Any], str] = {
    (("standard", 17), ("standard", 1)): RAS,
    (("standard", 18), ("standard", 1)): "IncomingCallIndication",
    (("standard", 18), ("standard", 2)): "LRQKeepAliveData",
    (("standard", (0, 0, 8, 460, 19, 0, 1)), ("standard", 1)): "TraversalParameters",
}
# Components that list parameters: what their holder is called, and where both identifiers stand.
_PARAMETERS = {
    "parameters": ("genericData", "id", "id"),
    "messageContent": ("genericInformation", "messageIdentifier", "parameterIdentifier"),
}
_CALL = (("standard", (0, 0, 8, 460, 18, 0, 1)), ("standard", 1))  # a callIdentifier's octets


class Left:
    """How many more PDUs and elements of lists a message may have."""

    __slots__ = ("pdus", "elements")

    def __init__(self) -> None:
        self.pdus, self.elements = MOST_PDUS, MOST


class Addition:
    """An extension addition that is there: it can be dropped. Octets `at` to `end`, and the bit that says so."""

    __slots__ = ("path", "bit", "at", "end", "frame")

    def __init__(self, path: Path, bit: int, at: int, end: int, frame: AnyFrame | None) -> None:
        self.path, self.bit, self.at, self.end, self.frame = path, bit, at, end, frame


class Pdu:
    """One PDU: octets `start` to `end` of a message.

    `type` is its type in the recommendation, `whole` its value from the top; `name` and `value` are those of the chosen
    alternative. `holder` is the component that holds it in its `parent`, and `index` its place there. `understood`
    tells that nothing unknown was met.
    """

    __slots__ = (
        "__weakref__",
        "type",
        "whole",
        "start",
        "end",
        "_parent",
        "holder",
        "index",
        "children",
        "understood",
        "frame",
        "_found",
        "_added",
    )

    def __init__(
        self, kind: str, whole: Any, walk: Walk, start: int, end: int, frame: Any, parent: Pdu | None, holder: str
    ) -> None:
        self.type = kind
        self.whole = whole
        self.start, self.end = start, end
        self.frame: AnyFrame | None = frame
        self._parent = None if parent is None else ref(parent)  # no circle: memory is free as soon as nobody looks
        self.holder = holder
        self.index = 0
        self.children: list[Pdu] = []
        self.understood = not walk.strange
        self._found: list[Found] = walk.found
        self._added = walk.added

    def __repr__(self) -> str:
        return f"<{self.type} {self.name} {self.start}:{self.end}>"

    @property
    def parent(self) -> Pdu | None:
        """The PDU that holds this one; None for a root, or where the message is gone."""
        return None if self._parent is None else self._parent()

    @property
    def name(self) -> str:
        """``registrationRequest``, ``setup``, ``openLogicalChannelAck``; the type's own name where it has no choice."""
        return self._chosen()[0]

    @property
    def value(self) -> Any:
        """The value of what `name` names: a dict, nearly always."""
        return self._chosen()[1]

    @property
    def group(self) -> str:
        """Of H.245, ``request``, ``response``, ``command`` or ``indication``; else empty."""
        return str(self.whole[0]) if self.type == CONTROL else ""

    def _chosen(self) -> tuple[str, Any]:
        whole = self.whole
        if self.type == RAS:
            return whole[0], whole[1]
        if self.type == CONTROL:
            inner = whole[1]
            return inner if isinstance(inner, tuple) else whole
        if self.type == USER_INFORMATION:
            name, value = whole["h323-uu-pdu"]["h323-message-body"]
            return name, value
        return self.type[0].lower() + self.type[1:], whole

    @property
    def spots(self) -> list[Spot]:
        """What may be written over, in the order in which it was read."""
        return [spot_of(found, self) for found in self._found if found.noted is not Noted.HELD]

    def addition(self, path: tuple[str | int, ...]) -> Addition | None:
        """The extension addition at `path`, if it is there."""
        for around, name, bit, at, end, frame in self._added:
            if names_of((around, name)) == path:
                return Addition((around, name), bit, at, end, frame)
        return None

    @property
    def pdus(self) -> Iterator[Pdu]:
        """This and all in it."""
        yield self
        for child in self.children:
            yield from child.pdus


@cache
def _readers() -> dict[str, Read]:
    compiler = Compiler(note)
    return {name: compiler.reader(per.node(name)) for name in per.names()}


def prepare() -> None:
    """Make the readers now, so that the first message need not wait for them: a quarter of a second."""
    _readers()


def read_pdu(
    data: bytes,
    kind: str,
    start: int,
    end: int,
    frame: AnyFrame | None,
    parent: Pdu | None = None,
    holder: str = "",
    depth: int = 0,
    left: Left | None = None,
) -> Pdu:
    """Read the PDU in ``data[start:end]`` and all that are nested in it. @raises BadMessage."""
    if depth > DEEPEST:
        raise BadMessage("PDUs nested too deep")
    left = left or Left()
    left.pdus -= 1
    if left.pdus < 0:
        raise BadMessage("too many PDUs")
    if kind == RAS:
        left.elements = min(left.elements, MOST_IN_RAS)
    most = min(left.elements, MOST_IN_SIGNALS) if kind == USER_INFORMATION else left.elements
    walk = Walk(data, start, end, frame, most)
    whole = _readers()[kind](walk)
    stop = (walk.pos + 7) >> 3
    if stop == start and end > start:  # an encoding of no bits has one octet (X.691, 11.1.3)
        stop += 1
    if stop > end or walk.pos > walk.end:
        raise BadMessage("truncated PER")
    left.elements -= most - walk.left
    pdu = Pdu(kind, whole, walk, start, stop, frame, parent, holder)
    for at, found in enumerate(tuple(walk.found)):
        if found.noted is Noted.HELD:
            child = _child(data, HOLDERS[found.value], found, pdu, str(found.value), depth, left)
            child.index = found.extra
        elif found.noted is Noted.OPAQUE:
            _generic(data, at, pdu, depth, left)
    for path, first, last, inside in walk.unread:
        walk.found.append(Found(Noted.OPAQUE, path, data[first:last], first << 3, last << 3, inside))
    if stop < end:
        if kind == CONTROL:  # H.245 may put several into one packet
            pdu.children.append(read_pdu(data, kind, stop, end, frame, pdu, "", depth + 1, left))
        else:
            pdu.understood = False
    return pdu


def _child(data: bytes, kind: str, found: Found, pdu: Pdu, holder: str, depth: int, left: Left) -> Pdu:
    child = read_pdu(data, kind, found.start >> 3, found.end >> 3, found.frame, pdu, holder, depth + 1, left)
    pdu.children.append(child)
    return child


def _generic(data: bytes, at: int, pdu: Pdu, depth: int, left: Left) -> None:
    """Octets inside generic data: what they hold the identifiers beside them say."""
    found = pdu._found[at]
    names = names_of(found.path)
    where = next((where for where in range(len(names) - 2, -1, -1) if names[where] in _PARAMETERS), None)
    if where is None or not isinstance(feature := value_at(pdu.whole, names[:where]), dict):
        return
    holder, of_feature, of_parameter = _PARAMETERS[str(names[where])]
    parameter = value_at(feature, names[where : where + 2])
    if of_feature not in feature or not isinstance(parameter, dict):
        return  # another component of that name
    identifiers = (feature[of_feature], parameter[of_parameter])
    if any(each[0] != "standard" for each in identifiers):
        return
    if identifiers == _CALL and len(found.value) == GUID:
        pdu._found[at] = found._replace(noted=Noted.CALL)
    kind = _GENERIC.get(identifiers)
    if kind is not None and found.value:
        pdu._found[at] = found._replace(noted=Noted.HELD)
        _child(data, kind, found, pdu, holder, depth, left)


def value_at(whole: Any, path: tuple[str | int, ...]) -> Any:
    """The part of a value at a path: components, chosen alternatives and indices. @raises KeyError."""
    for name in path:
        if isinstance(whole, tuple):
            if whole[0] != name:
                raise KeyError(name)
            whole = whole[1]
        else:
            whole = whole[name]
    return whole
