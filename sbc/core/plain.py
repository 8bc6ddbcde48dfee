"""Values as JSON has them, and back by their type hints, so that a file is trusted no further than it fits."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, NamedTuple, NewType, Union, get_args, get_origin, get_type_hints

import attrs

from sbc.core.message import BadMessage
from sbc.core.realm import Path, Plan, Realm
from sbc.core.word import Word

Moment = NewType("Moment", float)
"""Seconds on the core's clock; written as the time of day, since no other clock outlives the process."""


@attrs.frozen
class Frame:
    """What values are written and read against: the plan, the `shift` from the core's clock to the time of day, and
    the number of the process that writes them (0: not known)."""

    plan: Plan
    shift: float
    run: int = 0


_NO_FRAME = Frame(Plan({}, ()), 0.0)


class Unfit(Exception):
    """What was read is not such a value, or no longer fits the plan; says why."""


Write = Callable[[Any, Frame], Any] | None
"""How a value is written; None where `dumps` can write it as it is: that is on the path of every call."""


class Form(NamedTuple):
    """How values of one type are written and read. `read` raises Unfit, and nothing else."""

    write: Write
    read: Callable[[Any, Frame], Any]


def dumps(plain: Any) -> bytes:
    """A value, written as far as its Form does, as ASCII."""
    return _encode(plain).encode("ascii")


def _as_json(value: Any) -> Any:
    if type(value) is bytes:
        return value.decode("latin-1")
    if isinstance(value, (Enum, Word)):
        return value.value
    if isinstance(value, set | frozenset):
        return list(value)
    return {name: getattr(value, name) for name in _names(value.__class__)}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(each.name for each in attrs.fields(kind))


_encode = json.JSONEncoder(check_circular=False, separators=(",", ":"), default=_as_json).encode


@cache
def form(hint: Any) -> Form:
    """The form of a type: bytes, text, numbers, enumerations, Moment, named tuples, attrs classes, realms and paths (by
    name), and tuples, lists, sets, dictionaries and unions of such. @raises TypeError for any other."""
    if hint in _PLAIN:
        return _plain(*_PLAIN[hint])
    if hint in _SPECIAL:
        return _SPECIAL[hint]
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _union(parts)
    if origin is tuple and len(parts) == 2 and parts[1] is ...:
        return _many(tuple, form(parts[0]))
    if origin is tuple:
        return _row(lambda *cells: cells, [form(each) for each in parts])
    if origin in (list, set, frozenset):
        return _many(origin, form(parts[0]))
    if origin is dict:
        return _pairs(form(parts[0]), form(parts[1]))
    if isinstance(hint, type) and issubclass(hint, (Enum, Word)):
        return _enum(hint)
    if isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields"):
        hints = get_type_hints(hint)
        return _row(hint, [form(hints[name]) for name in hint._fields])
    if isinstance(hint, type) and attrs.has(hint):
        return shape(hint, hints_of(hint))
    raise TypeError(f"{hint} has no plain form")


def to_bytes(kind: Any, value: Any) -> bytes:
    """A value that holds neither times nor parts of the plan, as ASCII."""
    return dumps(written(form(kind).write, value, _NO_FRAME))


def of_bytes(kind: Any, data: bytes) -> Any:
    """The value that `to_bytes` was given. @raises Unfit."""
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"no value of ours: {error}") from error
    return form(kind).read(plain, _NO_FRAME)


def recalled(kind: Any, data: bytes) -> Any:
    """A dialect's memo, which `to_bytes` was given. @raises BadMessage."""
    try:
        return of_bytes(kind, data)
    except Unfit as unfit:
        raise BadMessage(f"no memo: {unfit}") from unfit


def hints_of(
    kind: type,
    left_out: frozenset[str] = frozenset(),
    moments: frozenset[str] = frozenset(),
    names: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The type hints of an attrs class, but for what is left out, or made from the rest; `moments` are times on the
    core's clock. `names` are types that its module knows only where types are checked."""
    kept = {each.name: each.type for each in attrs.fields(kind) if each.init and each.name not in left_out}
    said = types.SimpleNamespace(__annotations__=kept)  # what is left out need not be importable
    hints = get_type_hints(said, vars(sys.modules[kind.__module__]), dict(names or {}))
    return {name: _timed(hint) if name in moments else hint for name, hint in hints.items()}


def _timed(hint: Any) -> Any:
    return Moment if hint is float else Moment | None  # type: ignore[operator,unused-ignore]


def shape(kind: Any, hints: dict[str, Any]) -> Form:
    """The form of an attrs class as an object of these attributes. One that is missing is left to its default."""
    forms = {name: form(hint) for name, hint in hints.items()}
    aliases = {each.name: each.alias for each in attrs.fields(kind)}

    def read(plain: Any, frame: Frame) -> Any:
        found = read_object(forms, plain, frame)
        try:
            return kind(**{aliases[name]: value for name, value in found.items()})
        except (TypeError, ValueError) as error:
            raise Unfit(f"no {kind.__name__}: {error}") from error

    write = writer(forms)
    return Form(
        None if all(each.write is None for each in forms.values()) and len(forms) == len(aliases) else write, read
    )


def writer(forms: dict[str, Form]) -> Callable[[Any, Frame], dict[str, Any]]:
    """What writes the attributes of an object that `forms` names."""
    writes = [(name, each.write) for name, each in forms.items()]

    def write(value: Any, frame: Frame) -> dict[str, Any]:
        return {
            name: getattr(value, name) if each is None else each(getattr(value, name), frame) for name, each in writes
        }

    return write


def written(write: Write, value: Any, frame: Frame) -> Any:
    """The value as far as its Form writes it."""
    return value if write is None else write(value, frame)


def read_object(forms: dict[str, Form], plain: Any, frame: Frame) -> dict[str, Any]:
    """The attributes that `plain` has of those that `forms` names. @raises Unfit."""
    if not isinstance(plain, dict):
        raise Unfit("no object")
    return {name: each.read(plain[name], frame) for name, each in forms.items() if name in plain}


def _plain(*kinds: type) -> Form:
    def read(plain: Any, _: Frame) -> Any:
        if type(plain) not in kinds:
            raise Unfit(f"{type(plain).__name__} where {kinds[0].__name__} was expected")
        return plain

    return Form(None, read)


_PLAIN: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (float, int),
    bool: (bool,),
    type(None): (type(None),),
}


def _read_bytes(plain: Any, _: Frame) -> bytes:
    try:
        return plain.encode("latin-1")  # type: ignore[no-any-return]
    except (AttributeError, UnicodeEncodeError):
        raise Unfit("no octets") from None


def _read_moment(plain: Any, frame: Frame) -> float:
    if type(plain) not in (float, int) or plain != plain or abs(plain) > 1e12:
        raise Unfit("no time")
    return float(plain - frame.shift)


def _read_realm(plain: Any, frame: Frame) -> Realm:
    found = frame.plan.realms.get(plain) if isinstance(plain, str) else None
    if found is None:
        raise Unfit(f"there is no realm {plain}")
    return found


def _read_path(plain: Any, frame: Frame) -> Path:
    found = next((path for path in frame.plan.paths if path.name == plain), None)
    if found is None:
        raise Unfit(f"there is no path {plain}")
    return found


_SPECIAL: dict[Any, Form] = {
    bytes: Form(None, _read_bytes),
    Moment: Form(lambda value, frame: value + frame.shift, _read_moment),
    Realm: Form(lambda value, _: value.name, _read_realm),
    Path: Form(lambda value, _: value.name, _read_path),
}


def _enum(kind: type[Enum]) -> Form:
    def read(plain: Any, _: Frame) -> Enum:
        try:
            return kind(plain)
        except ValueError:
            raise Unfit(f"{plain!r} is no {kind.__name__}") from None

    return Form(None, read)


def _union(parts: tuple[Any, ...]) -> Form:
    rest = [part for part in parts if part is not type(None)]
    if len(rest) == 1:
        return optional(form(rest[0]))
    if not all(part in _PLAIN for part in parts):
        raise TypeError(f"a union of {parts} has no plain form")
    return _plain(*(kind for part in parts for kind in _PLAIN[part]))


def optional(one: Form) -> Form:
    """The form of a value, or None."""
    write, read = one
    return Form(
        None if write is None else lambda value, frame: None if value is None else write(value, frame),
        lambda plain, frame: None if plain is None else read(plain, frame),
    )


def _many(kind: type, one: Form) -> Form:
    write, read_one = one.write, one.read

    def read(plain: Any, frame: Frame) -> Any:
        if not isinstance(plain, list):
            raise Unfit("no list")
        return kind([read_one(each, frame) for each in plain])

    return Form(None if write is None else lambda value, frame: [write(each, frame) for each in value], read)


def _row(make: Callable[..., Any], cells: list[Form]) -> Form:
    writers = [cell.write for cell in cells]

    def read(plain: Any, frame: Frame) -> Any:
        if not isinstance(plain, list) or len(plain) != len(cells):
            raise Unfit("no row of its length")
        return make(*(cell.read(each, frame) for cell, each in zip(cells, plain, strict=True)))

    def write(value: Any, frame: Frame) -> list[Any]:
        return [written(each, cell, frame) for each, cell in zip(writers, value, strict=True)]

    return Form(None if not any(writers) else write, read)


def _pairs(key: Form, value: Form) -> Form:
    """A dictionary, whose order is kept: in some it tells the older from the younger."""
    rows = _many(list, _row(lambda *cells: cells, [key, value]))

    def read(plain: Any, frame: Frame) -> dict[Any, Any]:
        return dict(rows.read(plain, frame))

    return Form(lambda table, frame: written(rows.write, list(table.items()), frame), read)
