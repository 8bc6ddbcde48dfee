"""ASN.1 types as plain values: what must be known of a type to read its aligned PER (ITU-T X.691), and no more."""

from __future__ import annotations

import attrs


@attrs.define(eq=False)
class Node:
    """A type. `name` is what the recommendation calls it, empty where it is written in place."""

    name: str = attrs.field(default="", kw_only=True)


@attrs.define(eq=False)
class Null(Node):
    """NULL."""


@attrs.define(eq=False)
class Boolean(Node):
    """BOOLEAN."""


@attrs.define(eq=False)
class ObjectId(Node):
    """OBJECT IDENTIFIER."""


@attrs.define(eq=False)
class Opaque(Node):
    """An open type whose content nobody here reads."""


@attrs.define(eq=False)
class Sized(Node):
    """What has a size: `low` to `high`, which is None where there is no limit."""

    low: int = 0
    high: int | None = None


@attrs.define(eq=False)
class Integer(Node):
    """INTEGER, `low` to `high`; None is no limit. `extensible`: other values may come."""

    low: int | None = None
    high: int | None = None
    extensible: bool = False


@attrs.define(eq=False)
class Enumerated(Node):
    """ENUMERATED with these names."""

    names: tuple[str, ...] = ()
    extensible: bool = False


@attrs.define(eq=False)
class Octets(Sized):
    """OCTET STRING; the size is in octets."""


@attrs.define(eq=False)
class Bits(Sized):
    """BIT STRING; the size is in bits."""


@attrs.define(eq=False)
class Text(Sized):
    """A character string of `width` bits a character; those of `alphabet`, in order, where they are numbered by it.

    With `width` 0 it is one whose size is counted in octets (GeneralString)."""

    width: int = 8
    alphabet: str = ""


@attrs.define(eq=False)
class ListOf(Sized):
    """SEQUENCE OF or SET OF."""

    item: Node = attrs.field(factory=Null)


@attrs.frozen(eq=False)
class Component:
    """One component of a sequence."""

    name: str
    node: Node
    optional: bool = False


@attrs.define(eq=False)
class Sequence(Node):
    """SEQUENCE: the components of its root, and its extension additions where it is extensible."""

    root: tuple[Component, ...] = ()
    extensible: bool = False
    additions: tuple[Component, ...] = ()


@attrs.define(eq=False)
class Choice(Node):
    """CHOICE: the alternatives of its root, and those added where it is extensible."""

    root: tuple[tuple[str, Node], ...] = ()
    extensible: bool = False
    additions: tuple[tuple[str, Node], ...] = ()
