"""Classes of attrs as mypyc makes native ones of them: written out, for the build alone (setup.py).

What attrs makes of a class it makes while the program runs, so its attributes are looked up by name, some 170
instructions each, and it is filled by Python. A class that is written out mypyc knows: an attribute is three
instructions, to make one a call in C. As Python all stays with attrs. What is written out keeps its lines, which
tracebacks name, and is to whoever asks (`attrs.fields`, `attrs.evolve`, `copy`) what it was (`described`). It cannot be
pickled, nor referred to weakly.
"""

from __future__ import annotations

import ast
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import attrs

_EQUAL = {"attrs.define(eq=False)": False, "attrs.frozen": True, "value": True}
"""The decorators that are understood, and whether what they make compares by what it holds."""


class _Field(NamedTuple):
    name: str
    kind: str
    default: str  # empty: it has none
    made: str  # what makes its default anew for each object; empty: nothing does
    compared: bool

    @property
    def alias(self) -> str:
        return self.name.lstrip("_")

    @property
    def parameter(self) -> str:
        if self.made:
            return f"{self.alias}: {self.kind} | None = None"
        return f"{self.alias}: {self.kind}" + (f" = {self.default}" if self.default else "")

    @property
    def filled(self) -> str:
        if self.made:
            return f"self.{self.name} = {self.made} if {self.alias} is None else {self.alias}"
        return f"self.{self.name} = {self.alias}"

    @property
    def said(self) -> str:
        default = f", 'default': {self.default}" if self.default else ""
        default = f", 'factory': lambda: {self.made}" if self.made else default
        return f"({self.name!r}, {{'eq': {self.compared}, 'type': {self.kind!r}{default}}})"


def written_out(source: str) -> str:
    """A module with the attrs classes written out whose every field is understood; the others stay."""
    lines = source.encode().splitlines()  # ast counts octets
    described = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and len(node.decorator_list) == 1:
            equal = _EQUAL.get(ast.unparse(node.decorator_list[0]))
            fields = None if equal is None else _fields(node)
            if fields:
                _write(lines, node, fields, bool(equal))
                said = ", ".join(each.said for each in fields)
                described.append(f"described({node.name}, ({said},), eq={equal})")
    if described:
        lines += [b"from sbc.native import described", *(each.encode() for each in described)]
    return b"\n".join(lines).decode() + "\n" if described else source


def shadows(paths: list[str], folder: str = "build/native") -> list[str]:
    """What tells mypyc to read, in place of these modules, files in which their classes are written out."""
    told = ["--disable-error-code=misc"]  # it is not to know that they are attrs' to `attrs.evolve` all the same
    for path in map(Path, paths):
        source, shadow = path.read_text(), folder / path
        if (written := written_out(source)) != source:
            shadow.parent.mkdir(parents=True, exist_ok=True)
            shadow.write_text(written)
            told += ["--shadow-file", str(path), str(shadow)]
    return told


def _fields(node: ast.ClassDef) -> list[_Field] | None:
    """The fields of a class that has no bases, a docstring and then fields; None if there is more to it."""
    marked = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    found = [_field(each) for each in marked]
    names = {each.name for each in found if each is not None}
    if None in found or node.bases or ast.get_docstring(node) is None or node.body[1:2] != marked[:1]:
        return None
    for each in node.body:  # what attrs calls besides, by its name or for a field
        if isinstance(each, ast.FunctionDef):
            asked = {ast.unparse(part).partition(".")[0] for part in each.decorator_list}
            if each.name.startswith("__attrs_") or asked & names:
                return None
    return [each for each in found if each is not None]


def _field(node: ast.AnnAssign) -> _Field | None:
    name, kind, value, said = ast.unparse(node.target), ast.unparse(node.annotation), node.value, {}
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "attrs.field":
        said = {each.arg: each.value for each in value.keywords}
        value = said.pop("default", None)
    factory, compared = said.pop("factory", None), said.pop("eq", None)
    if said or kind.startswith("ClassVar") or not isinstance(factory, ast.Name | ast.Lambda | None):
        return None
    default = "" if value is None else ast.unparse(value)
    made = ""
    if factory is not None:
        made = ast.unparse(factory.body if isinstance(factory, ast.Lambda) else ast.Call(factory, [], []))
    return _Field(name, kind, default, made, compared is None or ast.unparse(compared) != "False")


def _write(lines: list[bytes], node: ast.ClassDef, fields: list[_Field], equal: bool) -> None:
    """Put the methods where the class has its decorator and docstring, and take the fields' defaults away."""
    parameters = ", ".join(each.parameter for each in fields)
    methods = [f"def __init__(self, {parameters}) -> None: {'; '.join(each.filled for each in fields)}"]
    if equal:
        compared = [each.name for each in fields if each.compared]
        same = " and ".join(f"self.{name} == other.{name}" for name in compared)
        methods.append(f"def __eq__(self, other: object) -> bool: return isinstance(other, {node.name}) and {same}")
        methods.append(f"def __hash__(self) -> int: return hash(({', '.join(f'self.{name}' for name in compared)},))")
    for each in (each for each in node.body if isinstance(each, ast.AnnAssign) and each.value is not None):
        value = each.value
        assert value is not None and each.annotation.end_col_offset is not None
        assert value.end_lineno is not None
        head, tail = lines[each.lineno - 1][: each.annotation.end_col_offset], lines[value.end_lineno - 1]
        lines[each.lineno - 1 : value.end_lineno] = [b""] * (value.end_lineno - each.lineno + 1)
        lines[each.lineno - 1] = head + tail[value.end_col_offset :]
    first = node.decorator_list[0].lineno - 1
    room = node.body[1].lineno - 1 - first
    written = [f"class {node.name}:", *(f"    {method}" for method in methods)]
    lines[first : first + room] = [each.encode() for each in written] + [b""] * (room - len(written))


def described(kind: Any, fields: tuple[tuple[str, dict[str, Any]], ...], eq: bool) -> None:
    """Let a native class be to attrs, and to people, what the class was that was written out."""
    said = {name: attrs.field(**how) for name, how in fields}
    same = attrs.make_class(kind.__name__, said, eq=eq, hash=eq or None)
    kind.__attrs_attrs__ = attrs.fields(same)
    if "__repr__" not in vars(kind):  # what a class writes itself attrs leaves
        kind.__repr__ = same.__repr__
    kind.__copy__, kind.__deepcopy__ = attrs.evolve, _deep_copy  # an empty one cannot be made, which others begin with


def _deep_copy(native: Any, memo: dict[int, Any]) -> Any:
    """It may hold itself, so it is there before what it holds is copied."""
    made = memo[id(native)] = attrs.evolve(native)
    for field in attrs.fields(type(native)):
        object.__setattr__(made, field.name, deepcopy(getattr(native, field.name), memo))
    return made
