"""The console's password file: lines of USER:BCRYPT-HASH, how one is made, and a check that tells strangers nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import bcrypt

COST = 12
"""The bcrypt cost of new hashes: 2**12 rounds, some tenths of a second."""

SHORTEST = 8
"""Characters of a new password, at least."""

LONGEST = 72
"""Octets of a password that bcrypt looks at. Longer ones are refused, not cut."""

_COSTS = range(10, 17)  # below, guessing is cheap; above, one login takes many seconds
_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9._@-]{1,64}", re.ASCII)
_USERS_ARE = "1 to 64 letters, digits, or . _ @ -"


def password_line(user: str, password: str, cost: int = COST) -> str:
    """The line of a password file (without its end) by which `user` may enter with `password`.

    Takes some tenths of a second. Raises ValueError, with a message fit for a person, for what will not do.
    """
    if not _USER.fullmatch(user):
        raise ValueError(f"{user!r} cannot be a user's name: {_USERS_ARE}")
    octets = password.encode()
    if len(password) < SHORTEST:
        raise ValueError(f"the password is too short: {SHORTEST} characters at least")
    if len(octets) > LONGEST or b"\0" in octets:
        raise ValueError(f"the password is too long for bcrypt, or holds a NUL: {LONGEST} octets at most")
    return f"{user}:{bcrypt.hashpw(octets, bcrypt.gensalt(cost)).decode('ascii')}"


class Passwords:
    """Users and their hashes. Never shows either."""

    def __init__(self, hashes: Mapping[bytes, bytes]) -> None:
        self._hashes = dict(hashes)
        cost = max((int(each[4:6]) for each in self._hashes.values()), default=COST)
        self._nobody = bcrypt.gensalt(cost) + b"." * 31  # the hash of no password, as dear to check as the dearest

    @classmethod
    def parse(cls, lines: Iterable[str]) -> Passwords:
        """Read the lines of a password file; empty ones and those that begin with # are skipped.

        Raises ValueError with the number of the first line that is wrong, and never what stands in it.
        """
        hashes: dict[bytes, bytes] = {}
        for number, line in enumerate(map(str.strip, lines), 1):
            if not line or line.startswith("#"):
                continue
            user, _, hashed = line.partition(":")
            if not _USER.fullmatch(user):
                raise ValueError(f"line {number} does not begin with a user's name and a colon ({_USERS_ARE})")
            match = _HASH.fullmatch(hashed)
            if match is None:
                raise ValueError(f"line {number} holds no bcrypt hash after the colon")
            if int(match[1]) not in _COSTS:
                raise ValueError(f"line {number}: the hash's cost is {match[1]}, not {_COSTS[0]} to {_COSTS[-1]}")
            if user.encode() in hashes:
                raise ValueError(f"line {number} names a user a second time")
            hashes[user.encode()] = hashed.encode()
        return cls(hashes)

    def check(self, user: bytes, password: bytes) -> bool:
        """Whether `password` is that of `user`. Takes some tenths of a second, so call it in a thread.

        An unknown user takes as much time as a wrong password.
        """
        hashed = self._hashes.get(user)
        fitting = len(password) <= LONGEST and b"\0" not in password
        right = bcrypt.checkpw(password if fitting else b"-", self._nobody if hashed is None else hashed)
        return right and fitting and hashed is not None
