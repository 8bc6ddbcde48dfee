"""What was refused lately is known again, for as long as it is repeated, and not for ever."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.vain import LASTS, Attempt, Vain


def attempt(number: int = 1) -> Attempt:
    return Attempt("access", Address("203.0.113.1", 5060), b"call", b"%d" % number)


def test_a_repetition_is_known_until_nobody_repeats_it_any_more() -> None:
    vain = Vain()
    assert [vain.is_new(attempt(), now) for now in (0.0, 0.5, LASTS - 1.0, LASTS)] == [True, False, False, True]
    assert vain.is_new(attempt(2), LASTS)


def test_so_many_are_remembered_the_latest() -> None:
    vain = Vain(most=3)
    for number in range(5):
        assert vain.is_new(attempt(number), 0.0)
    assert len(vain) == 3 and not vain.is_new(attempt(4), 0.0) and vain.is_new(attempt(0), 0.0)
