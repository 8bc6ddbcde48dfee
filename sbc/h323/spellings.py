"""How an address may stand in octets that nobody takes apart, and what, as long, may stand there instead."""

from __future__ import annotations

from typing import NamedTuple

from sbc.core.address import literal

DIGITS = bytes.maketrans(b"123456789abcdefABCDEF", b"0" * 21)
TEXT = frozenset(b"\t\r\n") | frozenset(range(0x20, 0x7F))
_OF4, _OF6 = frozenset(b"0123456789"), frozenset(b"0123456789abcdefABCDEF:")
_WIDE = 2


class Spelling(NamedTuple):
    """`octets`, for which `instead`. A written one has `wide` octets a character, the lower first or last; a packed one
    has 0. `digits` are the characters that beside it would make it part of another address."""

    octets: bytes
    instead: bytes
    wide: int = 0
    little: bool = False
    digits: frozenset[int] = frozenset()

    def replace(self, octets: bytes) -> bytes:
        """Those octets with what is to stand there instead."""
        if not self.wide:
            return octets.replace(self.octets, self.instead)
        parts, after, at = [], 0, octets.find(self.octets)
        while at >= 0:
            end = at + len(self.octets)
            if self._is_whole(octets, at, end):
                parts += [octets[after:at], self.instead]
                after = end
            at = octets.find(self.octets, end)
        return b"".join((*parts, octets[after:])) if parts else octets

    def _is_whole(self, octets: bytes, at: int, end: int) -> bool:
        """Whether it is not a part of a longer one. A digit before may be the length of a text that begins here: it is
        where after so many octets, or characters, the text ends."""
        if self._goes_on(self._character(octets, end), self._character(octets, end + self.wide)):
            return False
        before, one_more = (self._before(octets, at - n * self.wide) for n in (1, 2))
        if not self._goes_on(before, one_more):
            return True
        return any(_ends(octets, at + before * size) for size in {1, self.wide})

    def _goes_on(self, beside: int, next_to_it: int) -> bool:
        return beside in self.digits or (beside == ord(".") and next_to_it in self.digits)

    def _before(self, octets: bytes, at: int) -> int:
        """The character that begins there. Of two octets with the higher first the lower counts alone: what was found
        may begin in the middle of a character that is the other way round."""
        if self.wide == _WIDE and not self.little:
            return octets[at + 1] if 0 <= at + 1 < len(octets) else 0
        return self._character(octets, at)

    def _character(self, octets: bytes, at: int) -> int:
        """The character that begins at an octet; 0 where none does."""
        if at < 0 or at >= len(octets):
            return 0
        if self.wide == 1:
            return octets[at]
        return int.from_bytes(octets[at : at + _WIDE].ljust(_WIDE, b"\0"), "little" if self.little else "big")


def _ends(octets: bytes, at: int) -> bool:
    return at == len(octets) or (at < len(octets) and octets[at] not in TEXT)


def spellings(host: str, ours: str) -> list[Spelling]:
    """How `host` may stand there: `ours` in its place where that is as long; else nothing but zeros."""
    ip, our_ip = literal(host), literal(ours)
    found = []
    if ip is not None:
        same = our_ip is not None and len(our_ip.packed) == len(ip.packed)
        found.append(Spelling(ip.packed, our_ip.packed if same and our_ip is not None else bytes(len(ip.packed))))
    instead = ours if len(ours) == len(host) else host.encode().translate(DIGITS).decode()
    digits = _OF6 if ":" in host else _OF4
    found.append(Spelling(host.encode(), instead.encode(), 1, False, digits))
    for little in (False, True):
        code = "utf-16-le" if little else "utf-16-be"
        found.append(Spelling(host.encode(code), instead.encode(code), _WIDE, little, digits))
    return found
