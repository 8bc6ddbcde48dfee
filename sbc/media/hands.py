"""What a secured side does to its stream: nothing else of that is known to it."""

from __future__ import annotations

from typing import Protocol

from sbc.core.address import Address, Pair
from sbc.core.secured import Fingerprint, Key


class Hands(Protocol):
    """What a side does, of its stream."""

    def say(self, data: bytes, to: Address, rtcp: bool) -> None:
        """Send a datagram from the side's port."""

    def aim(self, at: Pair | None) -> None:
        """Media goes there now; None: nowhere."""

    def key(self, receive: Key, send: Key, fingerprints: tuple[Fingerprint, ...], rtcp: bool) -> None:
        """These keys are in force now, of a peer whose certificate has one of the fingerprints; `rtcp`: for RTCP alone,
        which has its own."""

    def secured(self, suite: str) -> None:
        """Media passes by that suite from now on."""

    def unsecured(self, why: str) -> None:
        """No media passes, for a reason of that name, where it should or has before."""

    def failed(self, why: str) -> None:
        """There are no keys, and no handshake is to be hoped for."""

    def count(self, word: str) -> None:
        """Something of that name has happened."""

    def heard(self) -> int:
        """Packets of media that were accepted of the peer so far."""
