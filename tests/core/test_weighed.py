"""Which streams of an offer are turned down for how they would be secured."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core import weighed
from sbc.core.address import Address
from sbc.core.message import Place, Refused, Role, Slot
from sbc.core.secured import MediaSecurity, Protection, Secured
from sbc.core.securing import Way
from tests.rig import make_plan

REALM = make_plan("sip").realms["access"]
SECURE = attrs.evolve(REALM, protection=Protection(MediaSecurity.SDES))
KEYED = Secured(demands=True)
FOREIGN = Secured(foreign=True)


class Live:
    """As much of a call as is looked at: the keys of its streams."""

    def __init__(self, *keys: int) -> None:
        self.streams = {(key, "rtp"): Live.Stream(key) for key in keys}

    @attrs.frozen
    class Stream:
        key: int


def slot(stream: int, secured: Secured | None = None, port: int = 0, role: Role = Role.RTP) -> Slot:
    made = Slot(role, Place(Address("10.0.0.1", port or 4000 + 2 * stream)), None, stream=stream)
    made.secured, made.media = secured, "audio PCMU/8000"
    return made


def demanding(said: Secured | None) -> Way | None:
    return Way.SDES if said is not None and said.demands else None


def optional(said: Secured | None) -> Way | None:
    return Way.SDES if said is not None and said.demands else Way.PLAIN


def turned_down(slots: list[Slot], way: Any = demanding, realm: Any = SECURE, live: Live | None = None) -> list[Any]:
    return sorted(weighed.turned_down(slots, way, (realm, REALM), live or Live()))  # type: ignore[arg-type]


def test_what_does_not_fit_where_another_does() -> None:
    assert turned_down([slot(0, KEYED), slot(1)]) == [1]
    assert turned_down([slot(0), slot(1)]) == [], "none does: that is refused"
    assert turned_down([slot(0)]) == []
    assert turned_down([slot(0, KEYED), slot(1), slot(1, KEYED)]) == [], (
        "it is described in two ways, of which one fits"
    )
    assert turned_down([slot(0, KEYED), slot(1)], live=Live(1)) == []
    assert turned_down([slot(0, KEYED), slot(1, FOREIGN)]) == [], "what is no RTP is not weighed"


def test_one_address_is_one_stream() -> None:
    assert turned_down([slot(0, None, 4000), slot(1, KEYED, 4000)], optional) == [0]
    assert turned_down([slot(0), slot(1, KEYED)], optional) == []
    assert turned_down([slot(0, None, 4000), slot(1, None, 4000)], optional) == []


def test_fax_goes_where_it_may_not_pass_and_something_else_does() -> None:
    fax = slot(1, role=Role.T38)
    assert turned_down([slot(0, KEYED), fax]) == [1]
    allowed = attrs.evolve(REALM, protection=Protection(MediaSecurity.SDES, fax_in_clear=True))
    assert turned_down([slot(0, KEYED), fax], realm=allowed) == []
    assert weighed.bars_fax((REALM, SECURE)) is SECURE and weighed.bars_fax((REALM, allowed)) is None
    weighed.let_fax_pass(fax, (allowed,))
    with pytest.raises(Refused) as no:
        weighed.let_fax_pass(fax, (SECURE,))
    assert no.value.counted == "fax-in-clear"


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([None, KEYED, FOREIGN]), st.sampled_from([0, 4000])), max_size=6
    ),
    st.sampled_from([demanding, optional]),
)
def test_something_is_always_taken_where_anything_could_be(told: list[Any], way: Any) -> None:
    slots = [slot(*each) for each in told]
    gone = turned_down(slots, way)
    fits = [
        each for each in slots if (each.secured is None or not each.secured.foreign) and way(each.secured) is not None
    ]
    assert not gone or any(each.stream not in gone for each in fits)
