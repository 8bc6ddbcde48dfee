"""Our own certificates that are about to expire: said while there is time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from twisted.application.internet import TimerService
from twisted.logger import Logger

from sbc.tls import Security, name_of

SOON = 30.0
"""Days before its end from which on a certificate is spoken of."""
PERIOD = 86_400.0
"""Seconds between two looks: once a day it is said again."""
_DAY = 86_400.0


def days_left(security: Mapping[str, Security], now: float) -> Iterator[tuple[str, str, float]]:
    """Of each certificate its realm, the name that it is for, and for how many days it, or one of those that sign it,
    is still valid; fewer than 0 if it is not. `now` is the time of day, in seconds."""
    at = datetime.fromtimestamp(now, UTC)
    for realm, each in security.items():
        for identity in each.identities:
            yield realm, name_of(identity.chain[0]), (identity.until - at).total_seconds() / _DAY


class ExpiryService(TimerService):
    """Looks at the certificates at the start, once a day, and when it is told to. `seconds` is the time of day."""

    _log = Logger()

    def __init__(self, security: Callable[[], Mapping[str, Security]], seconds: Callable[[], float]) -> None:
        super().__init__(PERIOD, self.look)
        self._security, self._seconds = security, seconds

    def look(self) -> None:
        """Say which certificates expire soon, or have."""
        for realm, name, days in days_left(self._security(), self._seconds()):
            if days < 0:
                self._log.error("the certificate of {name} in realm {realm} has expired", name=name, realm=realm)
            elif days < SOON:
                said = "the certificate of {name} in realm {realm} expires in {days:.0f} days"
                self._log.warn(said, name=name, realm=realm, days=days)
