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


def arguments(target: str, native: Path = NATIVE) -> list[str]:
    """What a compiler is told to make one of `target`; what is in `native` comes before what the engine has."""
    needed = libraries()
    return [
        *(f"-I{each}" for each in (native, NATIVE, MEDIA)),
        *(f"-D{macro}" for macro in needed.values()),
        *(str(native / f"{name}.c") for name in NAMES),
        *(str(MEDIA / f"{name}.c") for name in ("loop", target)),
        *(f"-l{library}" for library in needed),
    ]


if __name__ == "__main__":
    sys.stdout.write(" ".join(arguments(sys.argv[1])))
