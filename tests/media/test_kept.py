"""What of a stream stays for life."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.orders import Shared
from sbc.media.kept import check_apart, check_kept
from tests.media.specs import stream_spec

PAIRS = tuple(Pair(Address("192.0.2.1", port), Address("192.0.2.1", port + 1)) for port in (4000, 4002, 4004, 4006))
SPEC = stream_spec("stream", PAIRS[:2], PAIRS[2:])  # type: ignore[arg-type]
SIDE = SPEC.sides[0]


@pytest.mark.parametrize("changes", [{"local": PAIRS[1]}, {"mark": 7}, {"shared": Shared(PAIRS[3], 9)}])
def test_a_side_keeps_its_sockets(changes: dict[str, object]) -> None:
    check_kept(SIDE, attrs.evolve(SIDE, dscp=46))
    with pytest.raises(ValueError, match="keeps"):
        check_kept(SIDE, attrs.evolve(SIDE, **changes))


def test_two_sides_have_two_numbers() -> None:
    check_apart(SPEC)
    shared = Shared(PAIRS[3], 9)
    sides = (attrs.evolve(SIDE, shared=shared), attrs.evolve(SPEC.sides[1], shared=shared))
    with pytest.raises(ValueError, match="number 9"):
        check_apart(attrs.evolve(SPEC, sides=sides))
