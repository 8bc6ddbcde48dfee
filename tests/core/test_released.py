"""What is made of answers to our own requests that take members off calls."""

from __future__ import annotations

from sbc.core.exchange import Exchange
from sbc.core.message import Intent, Kind, Phase, Timing
from sbc.core.released import counted, settled


def test_what_takes_nobody_off_says_nothing() -> None:
    intent = Intent(Kind.CLOSE, Phase.REQUEST, call=b"", exchange=b"", method="BYE")
    asked = Exchange("toy", intent, Timing(0.5, 4.0, 32.0, 32.0, 64.0), b"", None, None)
    assert counted(None, None, asked, 1.0) == [] == settled(asked, 1.0)
    asked.releases = (b"member", ())
    assert counted(None, None, asked, 1.0) == [] == settled(asked, 1.0), "its call is forgotten"
