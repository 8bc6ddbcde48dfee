"""Numbers at shared ports: drawn so that nobody guesses them, each once, and given back."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.mint import Mint
from sbc.core.multiplexed import MOST, Numbers, shared_pair
from sbc.core.orders import Shared
from sbc.core.realm import Limits, Realm
from tests.rig import make_plan

PLAN = make_plan("toy", Limits())
SECRET = b"0123456789abcdef"


def realm(port: int = 2776) -> Realm:
    access = PLAN.realms["access"]
    return attrs.evolve(access, media=attrs.evolve(access.media, multiplexed=port))


def test_a_realm_without_shared_ports_has_no_numbers() -> None:
    numbers = Numbers(Mint(SECRET))
    assert numbers.draw(realm(0)) is None
    assert numbers.used == {}


def test_each_number_is_drawn_once_and_none_is_like_media() -> None:
    numbers, there = Numbers(Mint(SECRET)), realm()
    drawn = [numbers.draw(there) for _ in range(500)]
    assert all(each is not None and 0 < each.number <= MOST and not each.told for each in drawn)
    assert len({each.number for each in drawn if each is not None}) == 500
    assert {each.local for each in drawn if each is not None} == {shared_pair(there.media.address, 2776)}
    for each in drawn:
        assert each is not None
        numbers.give(each)
    assert numbers.used == {}


class _Loaded:
    """A mint that gives what it is told; none of Mint's own kind, which may be compiled."""

    def __init__(self, *numbers: int) -> None:
        self._told = list(numbers)

    def number(self) -> int:
        return self._told.pop(0)


def test_no_number_is_0_or_of_two_streams() -> None:
    numbers, there = Numbers(_Loaded(0, 7, 1 << 31 | 7, 1 << 31, 8)), realm()
    drawn = [numbers.draw(there) for _ in range(2)]
    assert [each.number for each in drawn if each is not None] == [7, 8]


def test_numbers_count_at_their_port() -> None:
    numbers = Numbers(_Loaded(7, 7))
    first, second = numbers.draw(realm(2776)), numbers.draw(realm(2778))
    assert first is not None
    assert second is not None
    assert first.number == second.number == 7
    numbers.give(first)
    with pytest.raises(KeyError):
        numbers.give(first)
    assert numbers.used == {second.local.rtp: {7}}


def test_numbers_of_before_are_claimed_all_or_none() -> None:
    numbers = Numbers(Mint(SECRET))
    one, other = (Shared(shared_pair("192.0.2.1", 2776), number) for number in (1, 2))
    assert numbers.claim([None, None])
    assert numbers.claim([one, None])
    assert not numbers.claim([other, one])
    assert numbers.used == {Address("192.0.2.1", 2776): {1}}
    assert numbers.claim([None, other])
