"""Edits behave as a naive model does: cut the bytes up, put the new ones in, join."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.text.edits import Edits

DATA = bytes(range(65, 65 + 40))


def edited(*changes: tuple[int, int, bytes]) -> bytes:
    edits = Edits()
    for start, end, new in changes:
        edits.replace(start, end, new)
    return edits.apply(DATA)


def test_nothing_to_edit_gives_the_very_same_object() -> None:
    edits = Edits()
    assert edits.apply(DATA) is DATA
    assert not edits
    assert edits.size_within(0, len(DATA)) == 0


def test_edits_made_in_any_order_apply_from_left_to_right() -> None:
    assert edited((6, 8, b"+"), (0, 2, b"--"), (3, 3, b"|")) == b"--C|DEF+" + DATA[8:]


def test_the_later_of_two_replacements_of_one_span_wins() -> None:
    edits = Edits()
    edits.replace(2, 4, b"first")
    edits.replace(2, 4, b"then")
    edits.replace(9, 9, b"first")
    edits.replace(9, 9, b"then")
    assert edits.apply(DATA) == DATA[:2] + b"then" + DATA[4:9] + b"then" + DATA[9:]


def test_a_deletion_may_be_taken_back_by_a_replacement() -> None:
    edits = Edits()
    edits.delete(2, 4)
    edits.replace(2, 4, DATA[2:4])
    assert edits.apply(DATA) == DATA


def test_inserts_keep_their_order_and_stand_before_a_replacement_that_begins_there() -> None:
    edits = Edits()
    edits.insert(4, b"1")
    edits.replace(4, 6, b"new")
    edits.insert(4, b"2")
    edits.replace(2, 4, b"old")
    edits.insert(4, b"3")
    assert edits.apply(DATA) == DATA[:2] + b"old123new" + DATA[6:]


@pytest.mark.parametrize(("start", "end"), [(3, 5), (5, 9), (4, 8), (5, 7), (3, 9), (4, 5), (7, 8), (6, 6)])
def test_other_overlaps_are_refused_and_change_nothing(start: int, end: int) -> None:
    edits = Edits()
    edits.replace(4, 8, b"x") if (start, end) != (4, 8) else edits.replace(4, 7, b"x")
    before = edits.apply(DATA)
    with pytest.raises(ValueError, match="overlaps"):
        edits.replace(start, end, b"y")
    assert edits.apply(DATA) == before


def test_an_insert_inside_a_replaced_span_is_refused() -> None:
    edits = Edits()
    edits.replace(4, 8, b"x")
    with pytest.raises(ValueError, match="overlaps"):
        edits.insert(5, b"y")
    edits.insert(8, b"z")
    assert edits.apply(DATA) == DATA[:4] + b"xz" + DATA[8:]


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (5, 4)])
def test_what_is_no_span_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="span"):
        Edits().replace(start, end, b"")


def test_an_insert_before_the_beginning_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        Edits().insert(-1, b"")


def test_an_edit_beyond_the_end_is_refused_when_applied() -> None:
    edits = Edits()
    edits.replace(0, len(DATA) + 1, b"")
    with pytest.raises(ValueError, match="ends at"):
        edits.apply(DATA)


def test_sizes() -> None:
    edits = Edits()
    edits.replace(2, 6, b"x")
    edits.insert(10, b"four")
    edits.delete(20, 22)
    assert edits.size_within(0, len(DATA)) == -3 + 4 - 2 == len(edits.apply(DATA)) - len(DATA)
    assert edits.size_within(0, 6) == -3
    assert edits.size_within(6, 10) == edits.size_within(10, 20) == 4
    assert edits.size_within(20, 40) == -2
    with pytest.raises(ValueError, match="crosses"):
        edits.size_within(3, 10)


def test_what_became_of_a_span() -> None:
    edits = Edits()
    edits.replace(4, 6, b"new")
    edits.insert(4, b"before")
    edits.insert(10, b"after")
    assert edits.between(DATA, 12, 20) == DATA[12:20]
    assert edits.between(DATA, 4, 6) == b"new"
    assert edits.between(DATA, 2, 10) == DATA[2:4] + b"beforenew" + DATA[6:10]
    with pytest.raises(ValueError, match="crosses"):
        edits.between(DATA, 5, 10)


Change = tuple[str, int, int, bytes]
changes = st.lists(
    st.tuples(st.sampled_from(["replace", "insert"]), st.integers(0, 40), st.integers(0, 8), st.binary(max_size=3))
)


def model(accepted: list[Change]) -> bytes:
    """Walk over every offset and ask what stands there."""
    inserts = {
        at: b"".join(new for kind, start, _, new in accepted if kind == "insert" and start == at) for at in range(41)
    }
    replaced = {(start, end): new for kind, start, end, new in accepted if kind == "replace"}
    out = b""
    at = 0
    while at <= len(DATA):
        out += replaced.get((at, at), b"") + inserts[at]
        long = next(((end, new) for (start, end), new in replaced.items() if start == at and end > at), None)
        if long is None:
            out += DATA[at : at + 1]
            at += 1
        else:
            out += long[1]
            at = long[0]
    return out


def test_what_is_free_and_what_is_overwritten() -> None:
    edits = Edits()
    edits.replace(2, 4, b"XY")
    edits.insert(6, b"!")
    assert edits.is_free(0, 2) and edits.is_free(4, 6) and edits.is_free(6, 8)
    assert not edits.is_free(2, 4) and not edits.is_free(1, 3) and not edits.is_free(3, 5) and not edits.is_free(5, 7)
    edits.overwrite(1, 5, b"-")
    assert edits.apply(b"01234567") == b"0-5!67"


@given(changes)
def test_like_the_model(wanted: list[tuple[str, int, int, bytes]]) -> None:
    edits = Edits()
    accepted: list[Change] = []
    for kind, start, length, new in wanted:
        end = min(start + length, len(DATA)) if kind == "replace" else start
        clash = any(
            not (start == s and end == e and kind == k)
            and (max(start, s) < min(end, e) or s < start == end < e or start < s == e < end)
            for k, s, e, _ in accepted
        )
        try:
            if kind == "insert":
                edits.insert(start, new)
            else:
                edits.replace(start, end, new)
        except ValueError:
            assert clash
        else:
            assert not clash
            accepted.append((kind, start, end, new))
    assert edits.apply(DATA) == model(accepted)
    assert edits.size_within(0, len(DATA)) == len(edits.apply(DATA)) - len(DATA)
