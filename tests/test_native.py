"""Classes that are written out for mypyc are what attrs makes of them: fields, defaults, equality; and lines stay."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import sys
import types
from copy import copy, deepcopy
from pathlib import Path

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.call import Said
from sbc.core.message import Place, Role, Slot
from sbc.native import shadows, written_out
from tests.test_compiled import ASKED, ROOT, compiled_modules

PATHS = [path for path in compiled_modules() if written_out((ROOT / path).read_text()) != (ROOT / path).read_text()]


def run(text: str, name: str) -> types.ModuleType:
    """A module of that text, which is none of those that are imported; it goes by the name of one."""
    made = types.ModuleType(name)
    exec(compile(text, name, "exec", dont_inherit=True), vars(made))
    return made


def both(text: str) -> tuple[types.ModuleType, types.ModuleType]:
    """A module as it is, and written out; attrs is imported in it."""
    text = f"from __future__ import annotations\nimport attrs\n{text}"
    return run(text, "tests.plain"), run(written_out(text), "tests.plain")


@pytest.mark.skipif(ASKED, reason="then the classes are native")
@pytest.mark.parametrize("path", PATHS)
def test_what_is_written_out_is_what_attrs_makes(path: str) -> None:
    source = (ROOT / path).read_text()
    name = path.removesuffix(".py").replace("/", ".")
    module, written = importlib.import_module(name), run(written_out(source), name)
    known = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == name]
    for kind in filter(attrs.has, known):
        other = getattr(written, kind.__name__)
        for before, after in zip(attrs.fields(kind), attrs.fields(other), strict=True):
            assert (after.name, after.alias, after.type, after.eq) == (
                before.name,
                before.alias,
                before.type,
                before.eq,
            )
            if isinstance(before.default, attrs.Factory) and not before.default.takes_self:  # type: ignore[arg-type]
                assert repr(after.default.factory()) == repr(before.default.factory())
            elif type(before.default).__module__ == builtins.__name__:
                assert after.default == before.default
        taken = [list(inspect.signature(each).parameters) for each in (kind, other)]
        assert taken[0] == taken[1]
        assert ("__eq__" in vars(kind)) == ("__eq__" in vars(other))


def places(text: str) -> set[tuple[str, int]]:
    """Where its functions and fields are."""
    nodes = [each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.FunctionDef | ast.AnnAssign)]
    return {
        (each.name if isinstance(each, ast.FunctionDef) else ast.unparse(each.target), each.lineno) for each in nodes
    }


@pytest.mark.parametrize("path", PATHS)
def test_lines_stay_where_they_are(path: str) -> None:
    source = (ROOT / path).read_text()
    written = written_out(source)
    assert places(source) <= places(written)


HOP = '''
@attrs.frozen
class Hop:
    """One."""

    host: str
    _port: int = 5060  # of it
    seen: list[int] = attrs.field(factory=lambda: [1])
    note: str = attrs.field(
        default="",
        eq=False,
    )

    def said(self) -> str:
        return f"{self.host}:{self._port}"
'''


def test_an_object_of_it_is_filled_compared_and_changed_like_one_of_attrs() -> None:
    for module in both(HOP):
        hop = module.Hop("a")
        assert hop == module.Hop(host="a", port=5060, seen=[1], note="else")
        assert hop != module.Hop("a", 5061) and hop != "a"
        assert (hop.said(), hop.seen, hop.note) == ("a:5060", [1], "")
        assert hop.seen is not module.Hop("a").seen
        assert repr(hop) == "Hop(host='a', _port=5060, seen=[1], note='')"
        assert attrs.evolve(hop, port=1).said() == "a:1"
        assert hash(attrs.evolve(hop, seen=())) == hash(module.Hop("a", seen=(), note="else"))  # type: ignore[misc]


def test_what_a_class_says_of_itself_stays() -> None:
    for module in both(HOP + '\n    def __repr__(self) -> str:\n        return "a hop"\n'):
        assert repr(module.Hop("a")) == "a hop"


def test_an_object_of_it_is_copied_though_an_empty_one_cannot_be_made() -> None:
    """As of native classes: what makes one wants all that there is no default for."""
    text = HOP + "    held: list[object] = attrs.field(factory=list)\n"
    plain, written = both(text.replace("@attrs.frozen", "@attrs.define(eq=False)"))

    def made(kind: type, *args: object, **named: object) -> object:
        inspect.signature(kind.__init__).bind(None, *args, **named)  # type: ignore[misc]
        return object.__new__(kind)

    written.Hop.__new__ = made
    for module in plain, written:
        hop = module.Hop("a")
        hop.held = [hop]
        shallow, deep = copy(hop), deepcopy(hop)
        assert shallow is not hop and shallow.host == "a" and shallow.seen is hop.seen and shallow.held[0] is hop
        assert deep is not hop and deep.seen == [1] and deep.seen is not hop.seen and deep.held[0] is deep


def test_an_object_of_a_class_that_may_be_native_is_copied() -> None:
    """Compiled, it is."""
    said = Said(Pair(Address("192.0.2.1", 4000), None), "PCMU", False)
    assert copy(said) == deepcopy(said) == said
    slot = Slot(Role.RTP, Place(Address("192.0.2.1", 4000)), [1])
    assert copy(slot).at is slot.at and deepcopy(slot).at == [1] and deepcopy(slot).at is not slot.at


def test_an_object_that_is_one_alone_is_equal_to_itself() -> None:
    for module in both('@attrs.define(eq=False)\nclass Thing:\n    """One."""\n\n    size: int = 1\n'):
        thing = module.Thing(2)
        assert thing == thing and thing != module.Thing(2)
        assert {thing: thing.size}[thing] == 2


@pytest.mark.parametrize(
    "spoilt",
    [
        HOP.replace("@attrs.frozen", "@attrs.frozen(kw_only=True)"),
        HOP.replace("class Hop:", "class Hop(str):"),
        HOP.replace('"""One."""', "pass"),
        HOP.replace("eq=False", "init=False"),
        HOP.replace("eq=False", "converter=str"),
        HOP.replace("@attrs.frozen\n", "@attrs.frozen\n@other\n"),
        HOP.replace("def said", "def __attrs_post_init__"),
        HOP.replace("def said", "@seen.validator\n    def said"),
        HOP.replace("host: str\n", "host: ClassVar[str]\n"),
        HOP.replace("factory=lambda: [1]", "factory=attrs.Factory(list)"),
    ],
)
def test_what_is_not_understood_stays(spoilt: str) -> None:
    assert spoilt != HOP
    assert written_out(spoilt) == spoilt


def test_the_compiler_is_told_of_what_is_written_out_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hop.py").write_text(HOP)
    Path("other.py").write_text("LEFT = 1\n")
    assert shadows(["hop.py", "other.py"], "made")[1:] == ["--shadow-file", "hop.py", "made/hop.py"]
    assert Path("made/hop.py").read_text() == written_out(HOP)
    assert sys.modules.get("hop") is None
