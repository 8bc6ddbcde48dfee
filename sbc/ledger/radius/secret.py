"""The secret that is shared with RADIUS servers, read from a file that is the SBC's alone."""

from __future__ import annotations

import os
import stat

from sbc.config.faults import Findings

KEY = "accounting.radius.secret_file"
LONGEST = 1024
SHORTEST = 8
"""Octets: RFC 2865 section 3 wants it as unguessable as a good password."""

ALLOWED = "a file that only the SBC's user may read (chmod 600), with the secret alone in it"


def read_secret(path: str, source: str = "") -> bytes:
    """The secret in the file at `path`; a line break at its end is none of it. `source` is the configuration's file.
    What stands in it is in no message. @raises ConfigError."""
    findings = Findings(source)
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read(LONGEST + 1).rstrip(b"\r\n")
    except OSError as error:
        findings.add(KEY, path, f"cannot be read: {error.strerror or error}", ALLOWED)
        secret, mode = b"", 0
    else:
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            findings.add(KEY, path, f"may be read or written by others (mode {stat.S_IMODE(mode):o})", ALLOWED)
        if not SHORTEST <= len(secret) <= LONGEST:
            findings.add(KEY, path, f"has not {SHORTEST} to {LONGEST} octets in it", ALLOWED)
        elif b"\n" in secret:
            findings.add(KEY, path, "has more than one line", ALLOWED)
    findings.settle()
    return secret
