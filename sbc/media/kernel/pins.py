"""What is pinned in the engine's folder: maps by their names, XDP programs by interface, TC programs by number."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_LINK, _TC, _LEASE = "link-", "tc-", "lease"


def links(directory: str) -> list[Path]:
    """The XDP programs that are on interfaces."""
    return [path for path in Path(directory).iterdir() if path.name.startswith(_LINK)]


def unpin_maps(directory: str, lease: bool = False) -> int:
    """Forget the maps; how many. Programs that still use them lose sight of all flows when replaced. `lease`: also the
    one that knows what was set in the system."""
    kept = (_LINK, _TC) if lease else (_LINK, _TC, _LEASE)
    return _unpin(path for path in Path(directory).iterdir() if not path.name.startswith(kept))


def unpin_tc(directory: str, own: int) -> int:
    """Forget the TC programs but our own, when no interface runs one of them any more; how many."""
    return _unpin(
        path for path in Path(directory).iterdir() if path.name.startswith(_TC) and path.name != f"{_TC}{own}"
    )


def remove(directory: str) -> None:
    """Forget all, and the folder, when our programs have been taken off. One that could not be keeps its pin."""
    unpin_maps(directory, lease=True)
    unpin_tc(directory, 0)
    with suppress(OSError):  # such a pin is in it, it is a mount point, or the folder above is not ours to write to
        os.rmdir(directory)


def _unpin(paths: Iterable[Path]) -> int:
    found = list(paths)
    for path in found:
        path.unlink()
    return len(found)
