"""The one place that touches the ASN.1 library: types of H.225.0, H.235, H.245 and H.460, and its encoder of values.

The library is pycrate, because it ships the types compiled: no text of the ITU's is needed. What is read is read by
`sbc.h323.reader`, which tells where things stand; the library writes, and only what cannot be written in place. Its
objects are shared by all who use them, so all of this is for one thread, in synchronous code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from struct import error as StructError
from typing import Any

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

_H225 = ("RasMessage", "H323-UserInformation", "GenericData")
_H245 = ("MultimediaSystemControlMessage", "OpenLogicalChannel")


class Unencodable(ValueError):
    """A value is none of its type."""


def node(name: str) -> Node:
    """The type called `name`, which is one of `names`. @raises KeyError."""
    return _nodes()[name]


def names() -> tuple[str, ...]:
    """The types that stand by themselves: messages, and what other messages hold as octets."""
    return tuple(_types())


def encode(name: str, value: Any) -> bytes:
    """The aligned PER of a value of the type called `name`. Of a dict of the reader's, unknown extension additions and
    the length of the received bitmap are kept. @raises Unencodable."""
    from pycrate_asn1rt.codecs import ASN1CodecPER

    kind = _types()[name]
    depth = len(ASN1CodecPER._off)
    try:
        kind._val = value
        data: bytes | None = kind.to_aper()
    except _faults() as error:
        raise Unencodable(f"{name}: {error}") from error
    finally:
        del ASN1CodecPER._off[depth:]  # where it gave up the library leaves its count of bits behind
        kind._val = None
    if data is None:
        raise Unencodable(f"{name}: nothing")
    return data


def decode(name: str, data: bytes) -> Any:
    """The value as the library reads it: a second opinion, for the tests. @raises Unencodable where it is none."""
    from pycrate_asn1rt.codecs import ASN1CodecPER

    kind = _types()[name]
    depth = len(ASN1CodecPER._off)
    try:
        kind.from_aper(data)
        return kind.get_val()
    except _faults() as error:
        raise Unencodable(f"{name}: {error}") from error
    finally:
        del ASN1CodecPER._off[depth:]


@cache
def _faults() -> tuple[type[Exception], ...]:
    """What the library raises where a value or an encoding is none: its own error, and whatever happens on the way."""
    from pycrate_core.utils import PycrateErr

    mishaps = (ArithmeticError, AttributeError, LookupError, NameError, RecursionError, TypeError, ValueError)
    return (PycrateErr, StructError, *mishaps)


@cache
def _types() -> dict[str, Any]:
    """The library's own types. The first call takes a tenth of a second."""
    from pycrate_asn1dir import H225, H235, H245

    from sbc.h323.corrected import correct
    from sbc.h323.traversal import traversal_types

    h225, h245 = H225.H323_MESSAGES, H245.MULTIMEDIA_SYSTEM_CONTROL
    types = {name: getattr(h225, name.replace("-", "_")) for name in _H225}
    types |= {name: getattr(h245, name.replace("-", "_")) for name in _H245}
    types |= traversal_types(h225, h245)
    types["H235Key"] = H235.H235_SECURITY_MESSAGES.H235Key
    types["cryptoTokens"] = h225.RegistrationRequest._cont["cryptoTokens"]
    for kind in types.values():
        correct(kind)
    return types


@cache
def _nodes() -> dict[str, Node]:
    known: dict[tuple[int, ...], Node] = {}
    return {name: _node(kind, known) for name, kind in _types().items()}


def _node(kind: Any, known: dict[tuple[int, ...], Node]) -> Node:
    """A type of the library's as a value of ours. Types are shared, and may hold themselves."""
    plain: Callable[[Any], Node] | None = _PLAIN.get(kind.TYPE)
    if plain is not None:
        return plain(kind)
    key = (id(kind._cont), id(kind._const_sz)) if kind.TYPE.endswith(" OF") else (id(kind._cont),)
    made: Node | None = known.get(key)
    if made is None:
        called = kind._typeref.called[1] if kind._typeref is not None else kind._name
        if kind.TYPE.endswith(" OF"):
            known[key] = made = list_of = ListOf(*_size(kind), name=called)
            list_of.item = _node(kind._cont, known)
        elif kind.TYPE == "CHOICE":
            known[key] = made = choice = Choice(name=called, extensible=kind._ext is not None)
            choice.root = tuple((each, _node(kind._cont[each], known)) for each in kind._root)
            choice.additions = tuple((each, _node(kind._cont[each], known)) for each in kind._ext or ())
        else:
            known[key] = made = sequence = Sequence(name=called, extensible=kind._ext is not None)
            sequence.root = tuple(_components(kind, kind._root, known))
            sequence.additions = tuple(_components(kind, kind._ext or (), known))
    return made


def _components(kind: Any, chosen: Any, known: dict[tuple[int, ...], Node]) -> Iterator[Component]:
    for name in chosen:
        component = kind._cont[name]
        yield Component(name, _node(component, known), component._opt or component._def is not None)


def _size(kind: Any) -> tuple[int, int | None]:
    size = kind._const_sz
    return (0, None) if size is None else (size.lb, size.ub)


def _integer(kind: Any) -> Node:
    limits = kind._const_val
    if limits is None:
        return Integer()
    return Integer(limits.lb, limits.ub, limits.ext is not None)


def _enumerated(kind: Any) -> Node:
    return Enumerated(tuple(kind._root), kind._ext is not None)


def _text(width: int) -> Any:
    def text(kind: Any) -> Node:
        alphabet = "".join(sorted(kind._const_alpha.root)) if kind._const_alpha is not None else ""
        if kind.TYPE == "NumericString":
            alphabet = alphabet or " 0123456789"
        bits = width
        if alphabet:  # the least power of two that tells them apart (X.691, 30.5.2)
            least = (len(alphabet) - 1).bit_length()
            bits = next(each for each in (1, 2, 4, 8) if each >= least)
            if ord(alphabet[-1]) < 1 << bits:
                alphabet = ""
        return Text(*_size(kind), bits, alphabet)

    return text


_PLAIN: dict[str, Any] = {
    "NULL": lambda kind: Null(),
    "BOOLEAN": lambda kind: Boolean(),
    "OBJECT IDENTIFIER": lambda kind: ObjectId(),
    "OPEN_TYPE": lambda kind: Opaque(),
    "INTEGER": _integer,
    "ENUMERATED": _enumerated,
    "OCTET STRING": lambda kind: Octets(*_size(kind)),
    "BIT STRING": lambda kind: Bits(*_size(kind)),
    "IA5String": _text(8),
    "PrintableString": _text(8),
    "NumericString": _text(4),
    "BMPString": _text(16),
    "GeneralString": _text(0),
}
