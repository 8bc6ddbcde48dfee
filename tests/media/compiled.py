"""The headers that the engines in C share, compiled by themselves, so that tests can hold them to their reference."""

from __future__ import annotations

import re
import shutil
import sysconfig
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

NATIVE = Path(__file__).parents[2] / "sbc/media/native"
_SHOWN = re.compile(r"/\* cffi: from here.*?\*/\n(.*?)/\* cffi: to here \*/", re.DOTALL)


@cache
def compiled(header: str) -> Any:
    """The cffi module (`ffi` and `lib`) of what a header shows to Python. Skips the test where there is no compiler."""
    if shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0]) is None:
        pytest.skip("no C compiler")
    from cffi import FFI

    shown = _SHOWN.search((NATIVE / header).read_text())
    assert shown is not None, f"{header} shows nothing to cffi"
    ffi = FFI()
    ffi.cdef(shown[1])
    name = f"_compiled_{header.partition('.')[0]}"
    strict = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wno-sign-conversion"]
    ffi.set_source(name, f'#include "{header}"\n', include_dirs=[str(NATIVE)], extra_compile_args=strict)
    folder = mkdtemp(prefix="sbc-compiled-")
    try:
        spec = spec_from_file_location(name, ffi.compile(tmpdir=folder))
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        shutil.rmtree(folder)
    return module
