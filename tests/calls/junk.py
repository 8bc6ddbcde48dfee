"""What sources send that a flood comes from, and that a guard may or may not ban them for."""

from __future__ import annotations

import random
from collections.abc import Callable

from sbc.core.address import Address
from tests.sip_messages import register

Junk = Callable[[Address, random.Random], bytes]
"""One more message of a source, unlike all others."""


def rubbish(source: Address, dice: random.Random) -> bytes:
    """Which bans it soon."""
    return b"REGISTER rubbish SIP/2.0\r\n\r\n"


def scan(source: Address, dice: random.Random) -> bytes:
    """Which bans it at once."""
    return register(source, b"User-Agent: friendly-scanner", call=b"%d" % dice.getrandbits(60))


def question(source: Address, dice: random.Random) -> bytes:
    """Which the border answers itself, and bans nobody for."""
    lines = (
        b"OPTIONS sip:192.0.2.1 SIP/2.0",
        b"Via: SIP/2.0/UDP %b;branch=z9hG4bK%d;rport" % (str(source).encode(), dice.getrandbits(60)),
        b"Max-Forwards: 0",
        b"From: <sip:u@192.0.2.1>;tag=1",
        b"To: <sip:u@192.0.2.1>",
        b"Call-ID: %d" % dice.getrandbits(60),
        b"CSeq: 1 OPTIONS",
        b"Content-Length: 0",
    )
    return b"\r\n".join(lines) + b"\r\n\r\n"


def knocking(source: Address, dice: random.Random) -> bytes:
    """A registration that is asked for credentials, of one user, who shows none: nobody is banned for that either."""
    return register(source, call=b"%d" % dice.getrandbits(60), user=b"u" + source.host.encode())


def forged(source: Address, dice: random.Random) -> bytes:
    """A sound registration in the name of a source that never was."""
    return register(source, call=b"%d" % dice.getrandbits(60), user=b"nobody")
