"""The extension module that has the kernel's programs, and what it must be to fit the rest of the package."""

from __future__ import annotations

from importlib import import_module
from typing import Any

LAYOUT = 12
"""RELAY_LAYOUT of relay_maps.h: maps, or a module, of another number are of no use."""


def loader() -> Any:
    """The module, with `ffi` and `lib`. @raises ImportError where it was not built, does not fit here, or was built
    with another version of the package."""
    module = import_module("sbc.media.kernel._loader")
    if (found := getattr(module.lib, "RELAY_LAYOUT", 0)) != LAYOUT:
        raise ImportError(f"it was built with another version of sbc (its layout is {found or 'older'}, not {LAYOUT})")
    return module
