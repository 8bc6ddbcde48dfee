"""What says whether the modules that read messages are compiled says so; and in this folder none hides its source."""

from __future__ import annotations

import ast
import importlib
import os
from pathlib import Path

from sbc import __version__
from sbc.compiled import is_compiled, version

ROOT = Path(__file__).parent.parent
ASKED = os.environ.get("SBC_COMPILE") == "1"  # bin/test-compiled


def compiled_modules() -> list[str]:
    """What setup.py compiles, as paths."""
    for node in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COMPILED":
            named: list[str] = ast.literal_eval(node.value)
            return named
    raise AssertionError("setup.py has no COMPILED")


def test_all_of_them_are_compiled_or_none_is() -> None:
    for path in compiled_modules():
        module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
        assert module.__file__ is not None
        stale = f"{module.__file__} hides {path}: bin/setup venv removes it"
        assert module.__file__.endswith(".so") is ASKED, stale


def test_the_version_says_so() -> None:
    assert is_compiled() is ASKED
    assert version() == (f"{__version__}, compiled" if ASKED else __version__)
