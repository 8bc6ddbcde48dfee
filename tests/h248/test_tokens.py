"""The words of the text encoding: no short form means two things in one place."""

from __future__ import annotations

import pytest

from sbc.h248 import tokens
from sbc.h248.message import Body, Verb


@pytest.mark.parametrize("place", ["CONTEXT", "DESCRIPTORS", "MEDIA", "MODES", "SERVICES", "METHODS"])
def test_both_forms_say_the_long_one(place: str) -> None:
    words = getattr(tokens, place)
    for form, word in words.items():
        assert form in (word.encode(), next(v for k, v in tokens.SHORT.items() if k.lower() == word).lower().encode())
    assert len(words) == 2 * len(set(words.values()))


def test_commands_have_their_prefixes_in_any_order() -> None:
    assert tokens.VERBS[b"add"] == tokens.VERBS[b"a"] == (Verb.ADD, False, False)
    assert tokens.VERBS[b"o-w-sc"] == tokens.VERBS[b"w-o-servicechange"] == (Verb.SERVICE_CHANGE, True, True)
    assert tokens.VERBS[b"w-av"] == (Verb.AUDIT_VALUE, False, True)
    assert not set(tokens.VERBS) & set(tokens.CONTEXT)


def test_bodies() -> None:
    assert {body for body in tokens.BODIES.values()} == set(Body)
