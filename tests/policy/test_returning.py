"""Who comes again is known by a table of fixed size; who never was there comes but once."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.policy.returning import LATEST, SOONEST, Returning

PHONE = Address("203.0.113.11", 40_001)


def test_who_repeats_what_was_lost_comes_again() -> None:
    seen = Returning()
    assert not seen.comes_again(PHONE, 1_000.0)
    assert not seen.comes_again(PHONE, 1_000.1), "at once is no repetition"
    for wait in (0.5, 1.5, 3.5, 7.5):  # as SIP has it
        assert seen.comes_again(PHONE, 1_000.0 + wait)


def test_who_comes_much_later_comes_anew() -> None:
    seen = Returning()
    seen.comes_again(PHONE, 1_000.0)
    assert not seen.comes_again(PHONE, 1_000.0 + LATEST + 0.2)
    assert seen.comes_again(PHONE, 1_000.0 + LATEST + 0.2 + 2 * SOONEST)
    assert not seen.comes_again(PHONE, 1_000.0 + 7_000.0), "when the table's time has come round, too"


def test_of_ten_thousand_forged_sources_a_second_few_are_taken_for_another() -> None:
    seen, number, taken = Returning(), 0, 0
    for tick in range(100):
        for _ in range(1_000):
            number += 1
            source = Address(
                f"{number >> 24 & 255}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", number % 60_000
            )
            taken += seen.comes_again(source, 1_000.0 + tick / 10)
    assert taken < 0.1 * number
