"""What packages define, by the numbers of the binary encoding and by the names of the text encoding (H.248.1 Annex E,
H.248.14, H.248.37)."""

from __future__ import annotations

PACKAGES = {
    0x0001: b"g",
    0x0002: b"root",
    0x0003: b"tonegen",
    0x0004: b"tonedet",
    0x0005: b"dg",
    0x0006: b"dd",
    0x0007: b"cg",
    0x0008: b"cd",
    0x0009: b"al",
    0x000A: b"ct",
    0x000B: b"nt",
    0x000C: b"rtp",
    0x000D: b"tdmc",
    0x0045: b"it",
    0x0099: b"ipnapt",
}
_ALL = 0xFFFF
"""The number of a package, or of what is in one, that stands for all of them."""

_KEYS = {**{b"d%d" % digit: 0x10 + digit for digit in range(10)}, b"ds": 0x20, b"do": 0x21} | {
    b"d%c" % letter: 0x1A + place for place, letter in enumerate(b"abcd")
}
_TONES = dict(zip((b"dt", b"rt", b"bt", b"ct", b"sit", b"wt", b"prt", b"cw", b"cr"), range(0x30, 0x39), strict=True))

_SIGNALS: dict[bytes, dict[bytes, int]] = {
    b"tonegen": {b"pt": 1},
    b"dg": _KEYS,
    b"cg": _TONES,
    b"al": {b"ri": 2},
    b"ct": {b"ct": 3, b"rsp": 4},
    b"ipnapt": {b"latch": 1},
}
_EVENTS: dict[bytes, dict[bytes, int]] = {
    b"g": {b"cause": 1, b"sc": 2},
    b"tonedet": {b"std": 1, b"etd": 2, b"ltd": 3},
    b"dd": {b"ce": 4, **_KEYS},
    b"cd": _TONES,
    b"al": {b"on": 4, b"of": 5, b"fl": 6},
    b"ct": {b"cmp": 5},
    b"nt": {b"netfail": 5, b"qualert": 6},
    b"rtp": {b"pltrans": 1},
    b"it": {b"ito": 1},
}
_STATISTICS: dict[bytes, dict[bytes, int]] = {
    b"nt": {b"dur": 1, b"os": 2, b"or": 3},
    b"rtp": {b"ps": 4, b"pr": 5, b"pl": 6, b"jit": 7, b"delay": 8},
}
_NUMBERS = {name: number for number, name in PACKAGES.items()}


class Names:
    """The names of one kind of thing, by the four octets that the binary encoding has for them."""

    def __init__(self, items: dict[bytes, dict[bytes, int]]) -> None:
        self._names = {
            _octets(_NUMBERS[package], number): package + b"/" + name
            for package, each in items.items()
            for name, number in each.items()
        }
        self._octets = {name: octets for octets, name in self._names.items()}

    def name(self, octets: bytes) -> bytes:
        """``al/of``; numbers of what is not known, as ``0x00a1/0x0001``; ``*`` for all."""
        return self._names.get(octets) or _spelled(octets)

    def octets(self, name: bytes) -> bytes | None:
        """What the binary encoding has for a name; None where that is not known."""
        found = self._octets.get(name)
        if found is not None:
            return found
        package, _, item = name.partition(b"/")
        numbers = (_number(package), _number(item))
        return None if numbers[0] is None or numbers[1] is None else _octets(numbers[0], numbers[1])


def _octets(package: int, item: int) -> bytes:
    return package.to_bytes(2, "big") + item.to_bytes(2, "big")


def _spelled(octets: bytes) -> bytes:
    package, item = int.from_bytes(octets[:2], "big"), int.from_bytes(octets[2:], "big")
    name = b"*" if package == _ALL else PACKAGES.get(package) if item == _ALL else None
    return b"%b/%b" % (name or b"0x%04x" % package, b"*" if item == _ALL else b"0x%04x" % item)


def _number(text: bytes) -> int | None:
    if text == b"*":
        return _ALL
    if text in _NUMBERS:
        return _NUMBERS[text]
    digits = text[2:] if text[:2] == b"0x" else b""
    return int(digits, 16) if 0 < len(digits) <= 4 and all(each in b"0123456789abcdef" for each in digits) else None


SIGNALS = Names(_SIGNALS)
EVENTS = Names(_EVENTS)
STATISTICS = Names(_STATISTICS)
