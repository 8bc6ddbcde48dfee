"""The secret that is shared with RADIUS servers, read from a file that is the SBC's alone."""

from __future__ import annotations

from sbc.config.faults import Findings
from sbc.config.owned import Exposed, contents

KEY = "accounting.radius.secret_file"
LONGEST = 1024
SHORTEST = 8
"""Octets: RFC 2865 section 3 wants it as unguessable as a good password."""

ALLOWED = "a file that only the SBC's user may read (chmod 600), with the secret alone in it"


def read_secret(path: str, source: str = "") -> bytes:
    """The secret in the file at `path`; a line break at its end is none of it. `source` is the configuration's file.
    What stands in it is in no message. @raises ConfigError."""
    findings = Findings(source)
    secret = b""
    try:
        secret = contents(path, LONGEST).rstrip(b"\r\n")
    except OSError as error:
        findings.add(KEY, path, f"cannot be read: {error.strerror or error}", ALLOWED)
    except Exposed as why:
        findings.add(KEY, path, str(why), ALLOWED)
    else:
        if not SHORTEST <= len(secret) <= LONGEST:
            findings.add(KEY, path, f"has not {SHORTEST} to {LONGEST} octets in it", ALLOWED)
        elif b"\n" in secret:
            findings.add(KEY, path, "has more than one line", ALLOWED)
    findings.settle()
    return secret
