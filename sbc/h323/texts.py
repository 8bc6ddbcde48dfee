"""Texts in a PDU: how another is written where one stands (X.691, clause 30)."""

from __future__ import annotations

from sbc.h323.splice import NotInPlace, Patch, joined
from sbc.h323.types import Text


def write_text(node: Text, before: str, start: int, at: int, text: str) -> list[Patch]:
    """What to write so that `text` stands where `before` does, of a type with limits, from bit `start` to bit `at`.
    @raises NotInPlace where what follows would not be aligned as it is, ValueError where it cannot stand there."""
    assert node.high is not None
    count = len(text)
    if not node.low <= count <= node.high:
        raise ValueError(f"{count} characters are too few or too many")
    choices = node.high - node.low + 1
    if node.width == 4:
        return _write_digits(node, before, start, at, text)
    try:
        content = text.encode("utf-16-be" if node.width == 16 else "ascii", "strict")
    except UnicodeEncodeError as error:
        raise ValueError(f"{text!r} has other characters than it may") from error
    if len(content) != count * node.width >> 3:
        raise ValueError(f"{text!r} has other characters than it may")
    end = at >> 3
    if choices <= 255:
        return [joined(start, end, count - node.low, (choices - 1).bit_length(), content)]
    size = (count - node.low).to_bytes(1 if choices == 256 else 2, "big")
    return [Patch((start + 7) >> 3, end, size + content)]


def write_words(node: Text, start: int, end: int, text: str) -> list[Patch]:
    """The same of a type without limit, between two octets. Its length counts characters, and is only mended where each
    has an octet. @raises ValueError where it cannot stand there."""
    wide = node.width == 16
    try:
        content = text.encode("utf-16-be" if wide else "latin-1", "surrogatepass")
    except UnicodeEncodeError as error:
        raise ValueError(f"{text!r} has other characters than it may") from error
    if wide and len(content) != end - start:
        raise ValueError("a text of another length")
    return [Patch(start, end, content)]


def _write_digits(node: Text, before: str, start: int, at: int, text: str) -> list[Patch]:
    """Digits have half an octet each: as many more or fewer as make up whole octets. The octet in which an odd number
    of them ends holds the beginning of what follows."""
    assert node.high is not None
    alphabet = node.alphabet
    if not all(digit in alphabet for digit in text):
        raise ValueError(f"{text!r} has other digits than it may")
    if (len(text) - len(before)) & 1:
        raise NotInPlace("an odd number of digits more or fewer")
    numbers = [alphabet.index(digit) for digit in text]
    pairs = bytes(first << 4 | second for first, second in zip(numbers[::2], numbers[1::2], strict=False))
    end = at >> 3
    patch = joined(start, end, len(text) - node.low, (node.high - node.low).bit_length(), pairs)
    return [patch, Patch(end, end + 1, bytes((numbers[-1] << 4,)), 0, 4)] if len(text) & 1 else [patch]
