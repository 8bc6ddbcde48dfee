"""Each file that the program writes has one writer and one format."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sbc.config.faults import Findings

if TYPE_CHECKING:
    from sbc.config.checks import Draft

LONGEST_SOCKET = 107
"""Octets of a UNIX socket's path on Linux (unix(7): sun_path holds 108, the last of them 0)."""


def check_files(draft: Draft, findings: Findings) -> None:
    """Add to `findings` files that are meant for two things, and a socket whose path is too long."""
    cdr, accounting = draft.cdr, draft.accounting
    csv = None if accounting is None else accounting.csv
    wanted = [
        ("log.file", draft.log.file),
        ("cdr.json", None if cdr is None else cdr.json),
        ("cdr.sqlite", None if cdr is None else cdr.sqlite),
        ("accounting.book", None if accounting is None else accounting.book),
        ("accounting.csv.file", None if csv is None else csv.file),
        ("prepaid.file", None if draft.prepaid is None else draft.prepaid.file),
        ("store.sqlite", None if draft.store is None else draft.store.sqlite),
        ("store.key_file", (draft.store.key_file or None) if draft.store is not None else None),
        ("audit.file", None if draft.audit is None else draft.audit.file),
        ("control.socket", None if draft.control is None else draft.control.socket),
    ]
    taken: dict[str, str] = {}
    for key, path in wanted:
        if path is not None and path in taken:
            findings.add(key, path, f"is the file of {taken[path]}", "a file of its own")
        if path is not None:
            taken.setdefault(path, key)
    if draft.control is not None and len(os.fsencode(draft.control.socket)) > LONGEST_SOCKET:
        problem = "is too long for a socket's path"
        findings.add("control.socket", draft.control.socket, problem, f"at most {LONGEST_SOCKET} octets")
