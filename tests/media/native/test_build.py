"""How the C of the native engine is built: what Python sees of its headers, and that every source is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbc.media.native import build

ROOT = Path(__file__).parents[3]


def test_every_source_is_built() -> None:
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / build.FOLDER).glob("*.c")} == set(build.SOURCES)


def test_python_sees_what_stands_between_the_marks() -> None:
    header = "#include <x.h>\n/* cffi: from here, what Python may call */\nint f(void);\n/* cffi: to here */\n#endif\n"
    assert build.declarations(header) == "int f(void);\n"
    with pytest.raises(ValueError, match="cffi"):
        build.declarations("int f(void);\n")
