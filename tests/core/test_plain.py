"""Plain values: all that can be written comes back, and nothing else is taken for it."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address, Pair
from sbc.core.message import Ending, Place, Route
from sbc.core.orders import Listener
from sbc.core.plain import Frame, Moment, Unfit, dumps, form, hints_of, of_bytes, shape, to_bytes, written
from sbc.core.realm import Path, Realm
from tests.rig import make_plan

PLAN = make_plan("toy")
FRAME = Frame(PLAN, 1000.0)
hosts = st.text(max_size=12)
addresses = st.builds(Address, hosts, st.integers(0, 65535))
routes = st.builds(Route, st.lists(st.binary(max_size=6), max_size=3).map(tuple), st.none() | addresses, hosts)
places = st.builds(Place, addresses, st.binary(max_size=6), routes, st.booleans(), hosts)


@attrs.frozen
class Sample:
    """One of everything that is kept."""

    octets: bytes
    words: str
    number: int
    share: float
    yes: bool
    key: int | str
    maybe: Ending | None
    place: Place
    pair: Pair | None
    listener: Listener
    cells: list[Address | None]
    some: set[tuple[str, str, bytes]]
    table: dict[tuple[str, tuple[Place, bytes]], bytes]
    _hidden: int
    more: tuple[bytes, ...] = ()


samples = st.builds(
    Sample,
    st.binary(max_size=9),
    st.text(max_size=9),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.integers() | st.text(max_size=4),
    st.none() | st.sampled_from(list(Ending)),
    places,
    st.none() | st.builds(Pair, addresses, st.none() | addresses),
    st.builds(Listener, hosts, hosts, hosts, addresses, addresses),
    st.lists(st.none() | addresses, max_size=3),
    st.sets(st.tuples(hosts, hosts, st.binary(max_size=4)), max_size=3),
    st.dictionaries(st.tuples(hosts, st.tuples(places, st.binary(max_size=4))), st.binary(max_size=4), max_size=3),
    st.integers(),
    st.lists(st.binary(max_size=4), max_size=3).map(tuple),
)


def there_and_back(hint: Any, value: Any, frame: Frame = FRAME) -> Any:
    one = form(hint)
    return one.read(json.loads(dumps(written(one.write, value, frame))), frame)


@given(samples)
def test_there_and_back(sample: Sample) -> None:
    back = there_and_back(Sample, sample)
    assert back == sample
    assert list(back.table) == list(sample.table), "the order of a table tells the older from the younger"
    assert of_bytes(Sample, to_bytes(Sample, sample)) == sample


@given(samples, st.data())
def test_what_is_spoilt_is_unfit_and_nothing_else_is_raised(sample: Sample, data: st.DataObject) -> None:
    plain = json.loads(to_bytes(Sample, sample))
    junk = data.draw(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
                                  lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)))  # fmt: skip  # noqa: E501
    plain[data.draw(st.sampled_from(sorted(plain)))] = junk
    try:
        form(Sample).read(plain, FRAME)
    except Unfit:
        return


def test_times_are_written_as_times_of_day_and_read_on_another_clock() -> None:
    one = form(Moment)
    assert written(one.write, 5.0, FRAME) == 1005.0
    assert one.read(1005.0, Frame(PLAN, 900.0)) == 105.0
    hints = hints_of(Sample, frozenset({"octets"}), frozenset({"share"}))
    assert hints["share"] is Moment and "octets" not in hints
    for wrong in (None, "1", True, float("nan"), 1e300, [1.0]):
        with pytest.raises(Unfit):
            one.read(wrong, FRAME)


def test_realms_and_paths_are_said_by_name_and_are_the_plans_own() -> None:
    assert written(form(Realm).write, PLAN.realms["core"], FRAME) == "core"
    assert form(Realm).read("core", FRAME) is PLAN.realms["core"]
    assert form(Path).read("main", FRAME) is PLAN.paths[0]
    for kind in (Realm, Path):
        for wrong in ("other", None, 7, ["core"]):
            with pytest.raises(Unfit):
                form(kind).read(wrong, FRAME)


def test_what_is_missing_is_left_to_its_default_if_it_has_one() -> None:
    @attrs.frozen
    class Small:
        one: int
        two: int = 2

    read = shape(Small, {"one": int, "two": int}).read
    assert read({"one": 1, "three": 3}, FRAME) == Small(1, 2)
    with pytest.raises(Unfit, match="Small"):
        read({"two": 2}, FRAME)
    with pytest.raises(Unfit, match="no object"):
        read([1, 2], FRAME)


@pytest.mark.parametrize("hint", [object, range, int | bytes, complex])
def test_a_type_without_a_form_is_said_at_once(hint: Any) -> None:
    with pytest.raises(TypeError, match="no plain form"):
        form(hint)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000])
def test_octets_that_are_no_value(data: bytes) -> None:
    with pytest.raises(Unfit):
        of_bytes(int, data)


@pytest.mark.parametrize("text", ["\u20ac", 7, None])
def test_octets_are_octets(text: Any) -> None:
    with pytest.raises(Unfit):
        form(bytes).read(text, FRAME)
