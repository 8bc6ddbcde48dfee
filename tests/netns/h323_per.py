"""Aligned PER (X.691) as the lab's H.323 peers write and read it: each kind of type. No code shared with `sbc`, and no
ASN.1 library: what is wrong in one of those must not be right here. The notation of whole tables is in
`h323_notation.py`.

Values: dict, (name, value), list, int, bool, None, bytes, str. A dict's "..." is the size of the extension bitmap
that was read, so that what is read and written again is the same to the octet.
"""

from __future__ import annotations

from typing import Any

_DIGITS = "#*,0123456789"  # in the order of their codes (X.691 section 30.5.4)


class PerError(ValueError):
    """What was read is no such value."""


class Unknown(PerError):
    """A type that the tables do not know; `partial` is what was read before it."""

    partial: Any = None


class Writer:
    """Bits, written one after the other."""

    def __init__(self) -> None:
        self.value = self.length = 0

    def bits(self, value: int, count: int) -> None:
        if not 0 <= value < 1 << count:
            raise PerError(f"{value} does not fit into {count} bits")
        self.value, self.length = self.value << count | value, self.length + count

    def align(self) -> None:
        self.bits(0, -self.length % 8)

    def octets(self, data: bytes) -> None:
        self.bits(int.from_bytes(data, "big"), 8 * len(data))

    def done(self) -> bytes:
        self.align()
        return self.value.to_bytes(self.length // 8, "big") or b"\0"


class Reader:
    """Bits, read one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def bits(self, count: int) -> int:
        end = self.at + count
        if end > 8 * len(self.data):
            raise PerError("cut off")
        whole = int.from_bytes(self.data[self.at // 8 : (end + 7) // 8], "big")
        self.at = end
        return whole >> (-end % 8) & ((1 << count) - 1)

    def align(self) -> None:
        self.at += -self.at % 8

    def octets(self, count: int) -> bytes:
        return self.bits(8 * count).to_bytes(count, "big")


# Numbers and lengths.


def _write_ranged(w: Writer, value: int, low: int, high: int) -> None:
    """A constrained whole number (X.691 section 11.5)."""
    if not low <= value <= high:
        raise PerError(f"{value} is not in {low}..{high}")
    size, offset = high - low + 1, value - low
    if size <= 255:
        w.bits(offset, (size - 1).bit_length())
    elif size <= 65536:
        w.align()
        w.bits(offset, 8 if size == 256 else 16)
    else:
        count = max(1, (offset.bit_length() + 7) // 8)
        _write_ranged(w, count, 1, ((high - low).bit_length() + 7) // 8)
        w.align()
        w.octets(offset.to_bytes(count, "big"))


def _read_ranged(r: Reader, low: int, high: int) -> int:
    size = high - low + 1
    if size <= 255:
        value = r.bits((size - 1).bit_length())
    elif size <= 65536:
        r.align()
        value = r.bits(8 if size == 256 else 16)
    else:
        count = _read_ranged(r, 1, ((high - low).bit_length() + 7) // 8)
        r.align()
        value = int.from_bytes(r.octets(count), "big")
    if low + value > high:
        raise PerError(f"{low + value} is not in {low}..{high}")
    return low + value


def _write_length(w: Writer, length: int) -> None:
    """A length without bounds (X.691 section 11.9); fragments are not needed here."""
    w.align()
    if length < 128:
        w.bits(length, 8)
    elif length < 16384:
        w.bits(0x8000 | length, 16)
    else:
        raise PerError("too long")


def _read_length(r: Reader) -> int:
    r.align()
    first = r.bits(8)
    if first < 128:
        return first
    if first & 0x40:
        raise PerError("fragments")
    return (first & 0x3F) << 8 | r.bits(8)


def _write_small(w: Writer, value: int) -> None:
    """A number that is expected to be small (X.691 section 11.6)."""
    if value >= 64:
        raise PerError("not small")
    w.bits(value, 7)


def _read_small(r: Reader) -> int:
    if r.bits(1):
        raise PerError("not small")
    return r.bits(6)


def _write_integer(w: Writer, value: int) -> None:
    data = value.to_bytes((value.bit_length() + 8) // 8, "big", signed=True)
    _write_length(w, len(data))
    w.octets(data)


# Types.


class Type:
    """What can be written and read."""

    def write(self, w: Writer, value: Any) -> None:
        raise NotImplementedError

    def read(self, r: Reader) -> Any:
        raise NotImplementedError


class Null(Type):
    def write(self, w: Writer, value: Any) -> None:
        if value is not None:
            raise PerError(f"NULL is not {value!r}")

    def read(self, r: Reader) -> None:
        return None


class Boolean(Type):
    def write(self, w: Writer, value: Any) -> None:
        w.bits(int(value), 1)

    def read(self, r: Reader) -> bool:
        return bool(r.bits(1))


class Integer(Type):
    def __init__(self, low: int | None = None, high: int = 0, extensible: bool = False) -> None:
        self.low, self.high, self.extensible = low, high, extensible

    def write(self, w: Writer, value: Any) -> None:
        if self.extensible:
            w.bits(int(not (self.low or 0) <= value <= self.high), 1)
        if self.low is not None and self.low <= value <= self.high:
            _write_ranged(w, value, self.low, self.high)
        elif self.low is None or self.extensible:
            _write_integer(w, value)
        else:
            raise PerError(f"{value} is not in {self.low}..{self.high}")

    def read(self, r: Reader) -> int:
        beyond = self.extensible and r.bits(1)
        if self.low is not None and not beyond:
            return _read_ranged(r, self.low, self.high)
        return int.from_bytes(r.octets(_read_length(r)), "big", signed=True)


class Sized(Type):
    """Units of so many bits each, a bounded or unbounded number of them; `octets` and `text` turn them into values."""

    def __init__(self, unit: int, low: int = 0, high: int | None = None) -> None:
        self.unit, self.low, self.high = unit, low, high

    def count(self, value: Any) -> int:
        return len(value)

    def number(self, value: Any) -> int:
        return int.from_bytes(value, "big")

    def value(self, number: int, count: int) -> Any:
        return number.to_bytes(count, "big")

    def write(self, w: Writer, value: Any) -> None:
        count = self.count(value)
        if self.high is None:
            _write_length(w, count)
        elif self.low != self.high:
            _write_ranged(w, count, self.low, self.high)
        elif count != self.low:
            raise PerError(f"{value!r} has not the size {self.low}")
        if self._aligned() and count:
            w.align()
        w.bits(self.number(value), self.unit * count)

    def read(self, r: Reader) -> Any:
        if self.high is None:
            count = _read_length(r)
        else:
            count = self.low if self.low == self.high else _read_ranged(r, self.low, self.high)
        if self._aligned() and count:
            r.align()
        return self.value(r.bits(self.unit * count), count)

    def _aligned(self) -> bool:
        """Whether the units begin at an octet: X.691 sections 16, 17 and 30.5.6."""
        return (
            self.high is None or self.unit * self.high > 16 or (self.low != self.high and self.unit * self.high == 16)
        )


class Bits(Sized):
    """Value: text of 0 and 1."""

    def number(self, value: Any) -> int:
        return int(value or "0", 2)

    def value(self, number: int, count: int) -> str:
        return f"{number:0{count}b}" if count else ""


class Text(Sized):
    """Characters of 8 or 16 bits."""

    def number(self, value: Any) -> int:
        return int.from_bytes(value.encode("utf-16-be" if self.unit == 16 else "ascii"), "big")

    def value(self, number: int, count: int) -> str:
        data = number.to_bytes(count * self.unit // 8, "big")
        return data.decode("utf-16-be" if self.unit == 16 else "latin-1", "replace")


class Digits(Sized):
    """Dialled digits: 13 characters, 4 bits each."""

    def number(self, value: Any) -> int:
        return int("".join(f"{_DIGITS.index(each):x}" for each in value) or "0", 16)

    def value(self, number: int, count: int) -> str:
        places = [number >> 4 * (count - 1 - n) & 15 for n in range(count)]
        if any(place >= len(_DIGITS) for place in places):
            raise PerError("not a digit")
        return "".join(_DIGITS[place] for place in places)


class Oid(Type):
    """Value: dotted text. The contents are those of BER (X.690 section 8.19)."""

    def write(self, w: Writer, value: Any) -> None:
        first, second, *rest = (int(each) for each in value.split("."))
        data = b""
        for arc in [40 * first + second, *rest]:
            parts = [arc & 127]
            while arc := arc >> 7:
                parts.append(arc & 127 | 128)
            data += bytes(parts[::-1])
        _write_length(w, len(data))
        w.octets(data)

    def read(self, r: Reader) -> str:
        arcs, arc = [], 0
        for octet in r.octets(_read_length(r)):
            arc = arc << 7 | octet & 127
            if octet < 128:
                arcs.append(arc)
                arc = 0
        if not arcs:
            raise PerError("an empty object identifier")
        first = min(arcs[0] // 40, 2)
        return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))


class Enumerated(Type):
    def __init__(self, count: int, extensible: bool) -> None:
        self.count, self.extensible = count, extensible

    def write(self, w: Writer, value: Any) -> None:
        if self.extensible:
            w.bits(0, 1)
        _write_ranged(w, value, 0, self.count - 1)

    def read(self, r: Reader) -> int:
        if self.extensible and r.bits(1):
            raise Unknown("an enumeration's extension")
        return _read_ranged(r, 0, self.count - 1)


class Open(Type):
    """The octets of an open type whose contents are not known."""

    def write(self, w: Writer, value: Any) -> None:
        raise PerError("cannot be written")

    def read(self, r: Reader) -> Any:
        raise Unknown("a type that the tables do not know")


class SequenceOf(Type):
    def __init__(self, item: Type, low: int = 0, high: int | None = None) -> None:
        self.item, self.low, self.high = item, low, high

    def write(self, w: Writer, value: Any) -> None:
        if self.high is None:
            _write_length(w, len(value))
        else:
            _write_ranged(w, len(value), self.low, self.high)
        for each in value:
            self.item.write(w, each)

    def read(self, r: Reader) -> list[Any]:
        count = _read_length(r) if self.high is None else _read_ranged(r, self.low, self.high)
        found: list[Any] = []
        try:
            for _ in range(count):
                found.append(self.item.read(r))
        except Unknown as error:
            error.partial = [*found, error.partial]
            raise
        return found


class Sequence(Type):
    """Components: (name, type, optional)."""

    def __init__(self, root: list[tuple[str, Type, bool]], more: list[tuple[str, Type, bool]] | None) -> None:
        self.root, self.more = root, more

    def write(self, w: Writer, value: Any) -> None:
        strange = set(value) - {name for name, _, _ in self.root + (self.more or [])} - {"..."}
        if any(not name.startswith("+") for name in strange):
            raise PerError(f"no such components: {sorted(strange)}")
        size = value.get("...", len(self.more or []))
        names = [name for name, _, _ in self.more or []] + [f"+{n}" for n in range(len(self.more or []), size)]
        extended = self.more is not None and any(name in value for name in names)
        if self.more is not None:
            w.bits(int(extended), 1)
        for name, _, optional in self.root:
            if optional:
                w.bits(int(name in value), 1)
            elif name not in value:
                raise PerError(f"{name} is missing")
        for name, kind, _ in self.root:
            if name in value:
                kind.write(w, value[name])
        if not extended:
            return
        _write_small(w, size - 1)
        for name in names[:size]:
            w.bits(int(name in value), 1)
        kinds = {name: kind for name, kind, _ in self.more or []}
        for name in names[:size]:
            if name in value:
                self._write_open(w, kinds.get(name), value[name])

    @staticmethod
    def _write_open(w: Writer, kind: Type | None, value: Any) -> None:
        data = value
        if kind is not None and not (isinstance(kind, Open) and isinstance(value, bytes)):
            inner = Writer()
            kind.write(inner, value)
            data = inner.done()
        _write_length(w, len(data))
        w.octets(data)

    def read(self, r: Reader) -> dict[str, Any]:
        extended = self.more is not None and r.bits(1)
        present = [name for name, _, optional in self.root if not optional or r.bits(1)]
        value: dict[str, Any] = {}
        for name, kind, _ in self.root:
            if name not in present:
                continue
            try:
                value[name] = kind.read(r)
            except Unknown as error:
                error.partial = {**value, name: error.partial}
                raise
        if extended:
            value["..."] = size = _read_small(r) + 1
            given = [n for n, there in enumerate([r.bits(1) for _ in range(size)]) if there]
            known = self.more or []
            for n in given:
                data = r.octets(_read_length(r))
                name, kind = known[n][:2] if n < len(known) else (f"+{n}", None)
                value[name] = data if kind is None or isinstance(kind, Open) else _read_whole(kind, data)
        return value


class Choice(Type):
    def __init__(self, root: list[tuple[str, Type]], more: list[tuple[str, Type]] | None) -> None:
        self.root, self.more = root, more

    def write(self, w: Writer, value: Any) -> None:
        name, inner = value
        for n, (each, kind) in enumerate(self.root):
            if each == name:
                if self.more is not None:
                    w.bits(0, 1)
                _write_ranged(w, n, 0, len(self.root) - 1)
                kind.write(w, inner)
                return
        for n, (each, kind) in enumerate(self.more or []):
            if each == name:
                w.bits(1, 1)
                _write_small(w, n)
                Sequence._write_open(w, kind, inner)
                return
        raise PerError(f"no such alternative: {name}")

    def read(self, r: Reader) -> tuple[str, Any]:
        if self.more is not None and r.bits(1):
            n = _read_small(r)
            data = r.octets(_read_length(r))
            name, kind = self.more[n] if n < len(self.more) else (f"+{n}", Open())
            return (name, data) if isinstance(kind, Open) else (name, _read_whole(kind, data))
        name, kind = self.root[_read_ranged(r, 0, len(self.root) - 1)]
        try:
            return name, kind.read(r)
        except Unknown as error:
            error.partial = (name, error.partial)
            raise


def _read_whole(kind: Type, data: bytes) -> Any:
    """The value that fills an open type."""
    inner = Reader(data)
    return kind.read(inner)
