"""Files of prefixes: one on a line, what follows a # is for people."""

from __future__ import annotations

import os
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from sbc.config.faults import Findings
from sbc.policy.prefixes import Network
from sbc.policy.rule import PrefixList

MOST_PREFIXES = 1_000_000
MOST_OCTETS = 64 * 1024 * 1024
MOST_FAULTS = 5
"""Wrong lines of one file that are told of."""

MOST_FILES = 64
"""Files whose prefixes are remembered until they change."""

Networks = tuple[IPv4Network | IPv6Network, ...]
Held = tuple[Networks, tuple[tuple[int, str], ...]]
"""What is in a file, and what is wrong with which lines."""

_known: dict[str, tuple[int, int, Held]] = {}
_lists: dict[str, tuple[Networks, Networks, PrefixList]] = {}  # by file: what is in it, what was written beside it


def prefix_list(written: Iterable[Network], path: str, key: str, findings: Findings) -> PrefixList:
    """What was `written` and what is in the file at `path`, as one list: the very same as before where neither has
    changed, since it takes long to tell one list from another."""
    held, said = read_prefix_file(path, key, findings), tuple(written)
    known = _lists.get(path)
    if known is None or known[0] is not held or known[1] != said:
        known = held, said, PrefixList((*said, *held), path)
    _lists.pop(path, None)
    for other in list(_lists)[: max(0, len(_lists) + 1 - MOST_FILES)]:
        _lists.pop(other, None)
    _lists[path] = known
    return known[2]


def read_prefix_file(path: str, key: str, findings: Findings) -> Networks:
    """The prefixes in the file at `path`, which `key` names; what is wrong with it is added to `findings`."""
    try:
        there = os.stat(path)
        networks, faults = _remembered(path, there.st_mtime_ns, there.st_size)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        findings.add(key, path, f"cannot be read: {why}", "a file with a prefix on each line")
        return ()
    for line, problem in faults:
        findings.add(key, path, f"line {line}: {problem}", "a prefix on each line; what follows a # does not count")
    return networks


def _remembered(path: str, written: int, size: int) -> Held:
    """What a file holds. One that has not changed is not read again, and of one that has the old is forgotten."""
    known = _known.get(path)
    if known is None or known[:2] != (written, size):
        known = written, size, _read(path, size)
    _known.pop(path, None)
    for other in list(_known)[: max(0, len(_known) + 1 - MOST_FILES)]:  # each step whole: a reload reads in a thread
        _known.pop(other, None)
    _known[path] = known
    return known[2]


def _read(path: str, size: int) -> Held:
    """The prefixes of a file, and what is wrong with which lines. @raises OSError; ValueError where it is too large or
    no text."""
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
