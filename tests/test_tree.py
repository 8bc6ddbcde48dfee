"""Holds the tree: tests mirror the modules, every file says what it is, and none grows into two."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST = 400  # lines; a file near it has a second noun in it

# Modules without a test file of their own, and why that is right.
UNTESTED = {
    "sbc/media/hands.py": "only a protocol",
    "sbc/interfaces.py": "interfaces alone: nothing in it runs",
    "sbc/core/message.py": "values alone, used by every dialect's tests",
    "sbc/core/intent.py": "values alone, used by every dialect's tests",
    "sbc/core/terms.py": "words and values alone, used by every dialect's tests",
    "sbc/core/orders.py": "values alone, used by every test of the core",
    "sbc/core/question.py": "values alone, used by tests/h323/test_alive.py",
    "sbc/core/fan.py": "values alone, used by tests/core/test_hops.py",
    "sbc/core/wires.py": "values alone, made by tests/config/test_load.py",
    "sbc/media/interfaces.py": "interfaces alone: nothing in it runs",
    "sbc/policy/events.py": "values alone, used by every test of policies",
    "sbc/core/realm.py": "values alone, made by tests/config/test_load.py",
    "sbc/core/remembered.py": "values alone, used by tests/core/test_memory.py",
    "sbc/policy/demand.py": "values alone, used by tests/policy/test_bandwidth.py",
    "sbc/h323/types.py": "values alone, used by every test of tests/h323",
    "sbc/policy/flooding.py": "values alone, made by tests/config/test_flood.py",
    "sbc/config/schema.py": "tables, held to the example file by tests/config/test_example.py",
    "sbc/config/values.py": "values alone, made by tests/config/test_load.py",
}

# Tests of no single module, and what they are of.
OF_THE_WHOLE = {
    "tests/test_floors.py": "imports of all modules",
    "tests/test_tree.py": "this",
    "tests/test_patterns.py": "regular expressions of all modules",
    "tests/test_packaging.py": "the installed package",
    "tests/test_process.py": "the process that twistd runs",
    "tests/test_bin.py": "bin/test",
    "tests/test_unit.py": "etc/sbc.service and docs/operations.rst",
    "tests/media/kernel/test_relay.py": "the kernel's programs, which are C",
    "tests/media/kernel/test_offload.py": "the same, with real packets of hosts that leave work to devices",
    "tests/media/native/test_urgent.py": "urgent.c",
    "tests/core/test_toy_laws.py": "the core, by a dialect that lives only in the tests",
    "tests/config/test_example.py": "etc/sbc.toml and docs/configuration.rst",
    "tests/config/test_recipes.py": "the recipes of docs/edge.rst and the pages it leads to",
}
WHOLE_FOLDERS = tuple(f"tests/{each}/" for each in ("calls", "soak", "netns", "contract", "interop", "fuzz", "bench"))


def relative(paths: list[Path]) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in paths)


MODULES = relative([path for path in (ROOT / "sbc").rglob("*.py") if path.name != "__init__.py"])
PACKAGES = relative(list((ROOT / "sbc").rglob("__init__.py")))
TESTS = relative(list((ROOT / "tests").rglob("test_*.py")))
MIRRORS = [each for each in TESTS if each not in OF_THE_WHOLE and not each.startswith(WHOLE_FOLDERS)]


def path_of_test(module: str) -> str:
    path = Path(module)
    return Path("tests", *path.parts[1:-1], f"test_{path.name}").as_posix()


def path_of_module(test: str) -> str:
    path = Path(test)
    return Path("sbc", *path.parts[1:-1], path.name.removeprefix("test_")).as_posix()


@pytest.mark.parametrize("module", [each for each in MODULES if each not in UNTESTED])
def test_module_has_its_test(module: str) -> None:
    assert (ROOT / path_of_test(module)).is_file(), f"{path_of_test(module)} is missing"


@pytest.mark.parametrize(
    "test", [each for each in TESTS if not each.startswith(WHOLE_FOLDERS) and each not in OF_THE_WHOLE]
)
def test_test_has_its_module(test: str) -> None:
    assert (ROOT / path_of_module(test)).is_file(), f"{path_of_module(test)} is missing"


@pytest.mark.parametrize("module", UNTESTED)
def test_exception_is_still_one(module: str) -> None:
    assert module in MODULES
    assert not (ROOT / path_of_test(module)).exists(), "it has a test now; strike it from the exceptions"


@pytest.mark.parametrize("test", OF_THE_WHOLE)
def test_test_of_the_whole_is_there(test: str) -> None:
    assert test in TESTS


@pytest.mark.parametrize("package", PACKAGES)
def test_package_file_holds_no_code(package: str) -> None:
    body = ast.parse((ROOT / package).read_text()).body
    assert ast.get_docstring(ast.Module(body, [])), "it says nothing"
    assert all(isinstance(node, ast.Assign) for node in body[1:])


@pytest.mark.parametrize("module", MODULES)
def test_module_is_short_and_says_what_it_is(module: str) -> None:
    text = (ROOT / module).read_text()
    assert ast.get_docstring(ast.parse(text))
    assert text.count("\n") <= LONGEST


@pytest.mark.parametrize("source", relative([*(ROOT / "sbc").rglob("*.c"), *(ROOT / "sbc").rglob("*.h")]))
def test_source_in_c_is_short_and_says_what_it_is(source: str) -> None:
    text = (ROOT / source).read_text()
    assert text.startswith("/* ") or text.startswith("// ")
    assert text.count("\n") <= LONGEST


def test_tests_are_no_packages() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))
    assert not (ROOT / "twisted" / "plugins" / "__init__.py").exists()
    assert not (ROOT / "twisted" / "__init__.py").exists()
