"""Words: what is used of an Enum, side by side with one."""

from __future__ import annotations

import copy
import pickle
from enum import Enum
from typing import Any

import pytest

from sbc.core.word import Word


class Tone(Word):
    """Some words."""

    HIGH = "high"
    LOW = "low"
    DEEP = "low"  # another name of the same

    def __init__(self, word: str) -> None:
        self.letters = len(word)

    @property
    def loud(self) -> bool:
        return self is Tone.HIGH


class EnumTone(Enum):
    HIGH = "high"
    LOW = "low"
    DEEP = "low"

    def __init__(self, word: str) -> None:
        self.letters = len(word)

    @property
    def loud(self) -> bool:
        return self is EnumTone.HIGH


BOTH = pytest.mark.parametrize("kind", [Tone, EnumTone])


@BOTH
def test_members(kind: Any) -> None:
    assert (kind.HIGH.name, kind.HIGH.value, kind.HIGH.letters) == ("HIGH", "high", 4)
    assert kind.DEEP is kind.LOW
    assert kind.HIGH.loud
    assert not kind.LOW.loud
    assert isinstance(kind.HIGH, kind)
    assert kind.HIGH in kind


@BOTH
def test_order_and_number(kind: Any) -> None:
    assert list(kind) == [kind.HIGH, kind.LOW]
    assert len(kind) == 2
    assert dict(kind.__members__) == {"HIGH": kind.HIGH, "LOW": kind.LOW, "DEEP": kind.LOW}


@BOTH
def test_by_value_and_by_name(kind: Any) -> None:
    assert kind("low") is kind.LOW
    assert kind(kind.LOW) is kind.LOW
    assert kind["DEEP"] is kind.LOW
    with pytest.raises(KeyError):
        kind["SHRILL"]


@BOTH
@pytest.mark.parametrize("other", ["shrill", None, 5, [], ("high",)])
def test_what_is_none_of_them(kind: Any, other: object) -> None:
    with pytest.raises(ValueError, match=f"is not a valid {kind.__name__}"):
        kind(other)


@BOTH
def test_told_apart(kind: Any) -> None:
    assert kind.HIGH != kind.LOW
    assert len({kind.HIGH, kind.LOW, kind.DEEP}) == 2
    assert {kind.HIGH: 1}[kind("high")] == 1
    assert kind.HIGH != "high"


@BOTH
def test_copies_are_the_same(kind: Any) -> None:
    assert copy.copy(kind.HIGH) is kind.HIGH
    assert copy.deepcopy([kind.HIGH])[0] is kind.HIGH
    assert pickle.loads(pickle.dumps(kind.HIGH)) is kind.HIGH


@BOTH
def test_in_words(kind: Any) -> None:
    assert repr(kind.HIGH) == f"<{kind.__name__}.HIGH: 'high'>"
    assert str(kind.HIGH) == f"{kind.__name__}.HIGH"
    assert f"{kind.HIGH}" == f"{kind.__name__}.HIGH"


def test_words_of_different_classes_are_different() -> None:
    class Other(Word):
        HIGH = "high"

    assert Other.HIGH != Tone.HIGH
    assert Tone.HIGH not in Other
