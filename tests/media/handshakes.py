"""Handshakes in memory: certificates made once, and two ends whose datagrams pass through the test's hands."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable

from sbc.media.certificate import make_certificate
from sbc.media.dtls import Association, Terms

NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC)
OURS, THEIRS, STRANGER = (make_certificate(datetime.datetime.now(datetime.UTC)) for _ in range(3))
"""Certificates."""
OUR_TERMS, THEIR_TERMS, STRANGE_TERMS = Terms(OURS), Terms(THEIRS), Terms(STRANGER)

Passed = Callable[[list[bytes]], Iterable[bytes]]
"""What of a flight arrives, and in which order."""


def exchange(client: Association, server: Association, passed: Passed = lambda flight: flight) -> None:
    """Let both speak until neither has anything more to say."""
    flight = client.begin()
    while flight:
        back = [each for data in passed(flight) for each in server.take(data)]
        flight = [each for data in passed(back) for each in client.take(data)]
