"""Bans where the system cannot be asked to drop anything: what reads the sockets does it."""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import implementer

from sbc.bans.doors import Barred, Door
from sbc.interfaces import IBanSink


@implementer(IBanSink)
class UserSpaceBans:
    """Takes none."""

    name = "user-space"

    def __init__(self, why: str = "") -> None:
        """`why` there is nothing better, in words."""
        self.why = why

    def guard(self, doors: Iterable[Door]) -> None:
        """See IBanSink."""

    def ban(self, realm: str, host: str, port: int, seconds: float) -> bool:
        """See IBanSink."""
        return False

    def lift(self, realm: str, host: str, port: int) -> None:
        """See IBanSink."""

    def clear(self) -> None:
        """See IBanSink."""

    def list(self) -> list[Barred]:
        """See IBanSink."""
        return []

    def of(self, realm: str, host: str, port: int) -> int:
        """See IBanSink."""
        return 0

    def dropped(self) -> int:
        """See IBanSink."""
        return 0

    def stop(self) -> None:
        """See IBanSink."""
