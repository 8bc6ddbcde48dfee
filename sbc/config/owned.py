"""Files with secrets in them are their owner's alone: keys and shared secrets are read from no others."""

from __future__ import annotations

import os
import stat


class Exposed(ValueError):
    """Others may have had or may change what a file holds; with a reason fit for a person."""


def contents(path: str, most: int, follow: bool = True) -> bytes:
    """What the file holds, `most` octets of it and one, where there are more. Whose it is, is asked of the file that is
    open, which is what is read. `follow`: it may be a link. @raises OSError, Exposed."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # or a pipe would wait for who writes to it
    descriptor = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Exposed("is not a file")
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Exposed(f"others may use it (mode {stat.S_IMODE(found.st_mode):04o}); chmod 600 it")
        if found.st_uid not in (os.geteuid(), 0):
            raise Exposed("belongs to somebody else")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most + 1)
    finally:
        os.close(descriptor)
