"""What is pinned in the engine's folder: maps by their names, XDP programs by interface, TC programs by number.

Whatever else is pinned there is somebody else's, and stays."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_LINK, _TC, _LEASE = "link-", "tc-", "lease"
_MAPS = (
    "flows",
    "slots",
    "arrivals",
    "buckets",
    "news",
    "outlets",
    "confirmed",
    "marks",
    "near",
)  # relay_tables.h; an earlier version's are among them


def links(directory: str) -> list[Path]:
    """The XDP programs that are on interfaces."""
    return [path for path in Path(directory).iterdir() if path.name.startswith(_LINK)]


def unpin_maps(directory: str, lease: bool = False) -> int:
    """Forget the maps; how many. Programs that still use them lose sight of all flows when replaced. `lease`: also the
    one that knows what was set in the system."""
    ours = (*_MAPS, _LEASE) if lease else _MAPS
    return _unpin(path for path in Path(directory).iterdir() if path.name in ours)


def unpin_tc(directory: str, own: int) -> int:
    """Forget the TC programs but our own, when no interface runs one of them any more; how many."""
    return _unpin(
        path for path in Path(directory).iterdir() if path.name.startswith(_TC) and path.name != f"{_TC}{own}"
    )


def left(directory: str) -> bool:
    """Whether anything of ours is pinned there. @raises OSError where that cannot be seen."""
    return any(
        path.name in (*_MAPS, _LEASE) or path.name.startswith((_LINK, _TC)) for path in Path(directory).iterdir()
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
