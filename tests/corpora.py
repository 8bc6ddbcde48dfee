"""Where recorded messages are found, for the tests that read them; they stand beside the project, not in it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent / "shared" / "corpora"


def corpus(folder: str, pattern: str) -> list[tuple[str, bytes]]:
    """(name, bytes) of each message in a folder of the corpora; none if the corpora are not there."""
    return [(path.name, path.read_bytes()) for path in sorted((ROOT / folder).glob(pattern))]
