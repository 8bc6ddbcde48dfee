"""Texts of types with and without limits, and what may be written in their place."""

from __future__ import annotations

import pytest

from sbc.h323.codec import Message, decode
from sbc.h323.spots import Noted, Spot
from sbc.h323.texts import write_text, write_words
from sbc.h323.types import Text
from tests.h323_calls import rrq, setup


def texts(data: bytes) -> tuple[Message, list[Spot]]:
    message = decode(data)
    return message, [spot for spot in message.spots if spot.kind is Noted.TEXT]


def generic(form: str, text: str) -> bytes:
    return rrq(
        6, genericData=[{"id": ("standard", 9), "parameters": [{"id": ("standard", 1), "content": (form, text)}]}]
    )


@pytest.mark.parametrize("text", ["", "a", "b" * 127, "b" * 128, "c" * 500])
def test_another_text_without_limit_is_read_again(text: str) -> None:
    message, (spot,) = texts(generic("text", "alice"))
    message.put(spot, text)
    after, (again,) = texts(message.encode())
    assert again.value == text and after.pdu.understood  # type: ignore[union-attr]
    assert message.encode() == generic("text", text)


def test_of_two_octets_a_character_only_as_many() -> None:
    message, (spot,) = texts(generic("unicode", "alice"))
    message.put(spot, "bobby")
    assert message.encode() == generic("unicode", "bobby")
    with pytest.raises(ValueError, match="another length"):
        message.put(spot, "bob")


@pytest.mark.parametrize("text", ["b", "x" * 80])
def test_a_name_to_be_shown(text: str) -> None:
    message, (spot,) = texts(setup(displayName=[{"name": "alice"}]))
    message.put(spot, text)
    assert message.encode() == setup(displayName=[{"name": text}])
    with pytest.raises(ValueError, match="too few or too many"):
        message.put(spot, "x" * 81)


def test_what_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="other characters"):
        write_words(Text(), 0, 5, "\u20ac")
    with pytest.raises(ValueError, match="other characters"):
        write_text(Text(low=1, high=64), "alice", 0, 48, "\xe9")
