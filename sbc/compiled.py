"""What runs: which version, and whether the modules that read and write messages are Python or compiled (setup.py)."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from sbc import __version__

_ONE_OF_THEM = "sbc.text.edits"


@cache
def is_compiled() -> bool:
    """Whether sbc was built with SBC_COMPILE=1."""
    spec = find_spec(_ONE_OF_THEM)
    return spec is not None and spec.origin is not None and not spec.origin.endswith(".py")


def version() -> str:
    """The version, for people."""
    return f"{__version__}, compiled" if is_compiled() else __version__
