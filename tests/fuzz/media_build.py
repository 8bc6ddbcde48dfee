"""What a fuzzing target of the native engine's C is made of, for the tests and (as a program) for bin/sanitize."""

from __future__ import annotations

import sys
from pathlib import Path

from sbc.media.native.build import libraries

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "sbc/media/native"
MEDIA = ROOT / "tests/fuzz/media"
NAMES = (
    "packet", "latch", "reasons", "flow", "inlet", "bundle", "figures", "gate", "sealing", "sources", "srtp",
    "srtp_fast",
)  # fmt: skip
"""The engine's files that a packet passes through, threads and sockets left out."""


def sources(target: str) -> list[Path]:
    """The files of a target."""
    return [*(NATIVE / f"{name}.c" for name in NAMES), *(MEDIA / f"{name}.c" for name in ("loop", target))]


def flags(*before: Path) -> list[str]:
    """What a compiler is told of each file; what is in `before` comes before what the engine has."""
    return [*(f"-I{each}" for each in (*before, NATIVE, MEDIA)), *(f"-D{macro}" for macro in libraries().values())]


def links() -> list[str]:
    """What a linker is told."""
    return [f"-l{library}" for library in libraries()]


def arguments(target: str) -> list[str]:
    """What a compiler is told to make one of `target`, whole."""
    return [*flags(), *map(str, sources(target)), *links()]


if __name__ == "__main__":
    sys.stdout.write(" ".join(arguments(sys.argv[1])))
