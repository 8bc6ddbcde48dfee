"""Tokens: never the same twice, the same for the same parts, and nothing to be learned from them."""

from __future__ import annotations

import re
from base64 import b32decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.mint import Mint

SECRET = b"sixteen octets!!"
parts = st.lists(st.binary(max_size=8), max_size=4)


def test_a_token_is_never_given_twice() -> None:
    mint = Mint(SECRET)
    assert len({mint.token() for _ in range(10_000)}) == 10_000


def test_tokens_are_80_bits_in_16_letters_and_digits_of_one_case() -> None:
    assert re.fullmatch(rb"[a-z2-7]{16}", Mint(SECRET).token())


@given(parts)
def test_a_token_is_a_number_written_in_base32(said: list[bytes]) -> None:
    mint = Mint(SECRET)
    drawn = mint.draw(*said)
    assert b32decode(mint.derive(*said).upper()) == drawn.to_bytes(10, "big")
    assert 0.0 <= mint.chance(*said) < 1.0 and int(mint.chance(*said) * 2**32) == drawn >> 48


def test_a_new_number_is_that_of_a_new_token() -> None:
    assert b32decode(Mint(SECRET).token().upper()) == Mint(SECRET).number().to_bytes(10, "big")


@given(parts, parts)
def test_other_parts_other_token(one: list[bytes], other: list[bytes]) -> None:
    mint = Mint(SECRET)
    assert (mint.derive(*one) == mint.derive(*other)) == (one == other)


def test_the_same_secret_gives_the_same_tokens_and_another_others() -> None:
    assert Mint(SECRET).token() == Mint(SECRET).token()
    assert Mint(SECRET).token() != Mint(SECRET[::-1]).token()
    assert Mint(SECRET).derive(b"a") != Mint(SECRET[::-1]).derive(b"a")


@pytest.mark.parametrize("secret", [b"", b"fifteen octets!", b"x" * 65])
def test_a_secret_that_is_none_is_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match="16 to 64"):
        Mint(secret)


def test_no_run_of_the_same_secret_gives_a_token_of_another_but_what_is_derived_stays() -> None:
    first, second = (Mint(SECRET, run) for run in (b"one", b"two"))
    assert not {first.token() for _ in range(1000)} & {second.token() for _ in range(1000)}
    assert first.derive(b"label", b"x") == second.derive(b"label", b"x")


def test_another_secret_can_be_taken_until_the_first_token_is_given() -> None:
    mint = Mint(SECRET)
    mint.assume(SECRET[::-1], b"run")
    assert mint.token() == Mint(SECRET[::-1], b"run").token()
    with pytest.raises(ValueError, match="given already"):
        mint.assume(SECRET, b"run")


texts, places = st.binary(min_size=1, max_size=200), st.lists(st.binary(max_size=8), max_size=3)


@given(texts, places)
def test_what_is_sealed_is_opened_by_who_has_the_secret_and_for_where_it_was_meant(
    text: bytes, where: list[bytes]
) -> None:
    token = Mint(SECRET, b"one").seal(text, *where)
    assert re.fullmatch(rb"[a-z2-7]{18,}", token) and token == Mint(SECRET, b"two").seal(text, *where)
    assert Mint(SECRET, b"two").unseal(token, *where) == text
    assert Mint(SECRET).unseal(token, *where, b"") is None
    assert Mint(SECRET[::-1]).unseal(token, *where) is None


@given(texts, st.integers(min_value=0), st.sampled_from(b"abcdefghijklmnopqrstuvwxyz234567"))
def test_a_seal_that_was_changed_is_none(text: bytes, at: int, letter: int) -> None:
    token = bytearray(Mint(SECRET).seal(text))
    at, changed = at % len(token), token[at % len(token)] != letter
    token[at] = letter
    assert Mint(SECRET).unseal(bytes(token)) == (None if changed else text)


@given(st.binary(max_size=60))
def test_no_other_octets_are_a_seal(token: bytes) -> None:
    assert Mint(SECRET).unseal(token) is None


def test_a_seal_shows_nothing_but_the_length() -> None:
    one, other = (Mint(SECRET).seal(text) for text in (b"192.168.1.10-1", b"192.168.1.10-2"))
    assert len(one) == len(other) == 39
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 12


def test_octets_for_keys_never_come_again_nor_from_what_is_kept() -> None:
    mint, other = Mint(SECRET), Mint(SECRET[::-1])
    mint.assume(b"what the store keeps", b"run")
    other.assume(b"what the store keeps", b"run")
    drawn = [each.octets(count) for each in (mint, other) for count in (16, 30, 46, 200) for _ in range(2)]
    assert len({octets[:16] for octets in drawn}) == len(drawn)
    assert [len(octets) for octets in drawn] == [16, 16, 30, 30, 46, 46, 200, 200] * 2
