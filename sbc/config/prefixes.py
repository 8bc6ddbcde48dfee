"""Files of prefixes: one on a line, what follows a # is for people."""

from __future__ import annotations

import os
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from sbc.config.faults import Findings

MOST_PREFIXES = 1_000_000
MOST_OCTETS = 64 * 1024 * 1024
MOST_FAULTS = 5
"""Wrong lines of one file that are told of."""

Networks = tuple[IPv4Network | IPv6Network, ...]


def read_prefix_file(path: str, key: str, findings: Findings) -> Networks:
    """The prefixes in the file at `path`, which `key` names; what is wrong with it is added to `findings`."""
    try:
        there = os.stat(path)
        networks, faults = _read(path, there.st_mtime_ns, there.st_size)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        findings.add(key, path, f"cannot be read: {why}", "a file with a prefix on each line")
        return ()
    for line, problem in faults:
        findings.add(key, path, f"line {line}: {problem}", "a prefix on each line; what follows a # does not count")
    return networks


@lru_cache(maxsize=64)
def _read(path: str, _written: int, size: int) -> tuple[Networks, tuple[tuple[int, str], ...]]:
    """The prefixes of a file, and what is wrong with which lines. A file that has not changed is not read again.

    @raises OSError; ValueError where it is too large or no text.
    """
    if size > MOST_OCTETS:
        raise ValueError(f"it has more than {MOST_OCTETS} octets")
    found: dict[IPv4Network | IPv6Network, None] = {}
    faults: list[tuple[int, str]] = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            text = line.partition("#")[0].strip()
            if not text:
                continue
            try:
                found[ip_network(text)] = None
            except ValueError as error:
                faults.append((number, str(error)[:80] if text.isprintable() else "is no prefix"))
                if len(faults) >= MOST_FAULTS:
                    break
            if len(found) > MOST_PREFIXES:
                raise ValueError(f"it has more than {MOST_PREFIXES} prefixes")
    return tuple(found), tuple(faults)
