"""The numbers that tell streams apart at a port which they share: drawn so that none can be guessed, and given back."""

from __future__ import annotations

from collections.abc import Iterable

from sbc.core.address import Address, Pair
from sbc.core.mint import Mint
from sbc.core.orders import Shared
from sbc.core.realm import Realm

MOST = 0x7FFF_FFFF
"""The highest number. An octet that begins with a 1 is not before media: RTP itself begins so (version 2), and whoever
forgets the number is not taken for somebody else."""


class Numbers:
    """Which numbers are in use, by the host and port that they count at."""

    def __init__(self, mint: Mint) -> None:
        self._mint = mint
        self.used: dict[Address, set[int]] = {}

    def draw(self, realm: Realm) -> Shared | None:
        """The realm's shared ports, with a number there that nobody has; None where it has none."""
        media = realm.media
        if not media.multiplexed:
            return None
        local = shared_pair(media.address, media.multiplexed)
        used = self.used.setdefault(local.rtp, set())
        number = self._mint.number() & MOST
        while number == 0 or number in used:
            number = self._mint.number() & MOST
        used.add(number)
        return Shared(local, number)

    def give(self, shared: Shared) -> None:
        """Give a number back. @raises KeyError if it is not in use: that would be a fault of ours."""
        used = self.used[shared.local.rtp]
        used.remove(shared.number)
        if not used:
            del self.used[shared.local.rtp]

    def claim(self, wanted: Iterable[Shared | None]) -> bool:
        """Take these very numbers, all or none; whether they were free."""
        sides = [each for each in wanted if each is not None]
        if any(each.number in self.used.get(each.local.rtp, ()) for each in sides):
            return False
        for each in sides:
            self.used.setdefault(each.local.rtp, set()).add(each.number)
        return True


def shared_pair(host: str, port: int) -> Pair:
    """The pair of a port that streams share: RTCP has the next."""
    return Pair(Address(host, port), Address(host, port + 1))
