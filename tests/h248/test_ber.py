"""BER: all forms of lengths, what is changed and what stays, and what must not be read for long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import BadMessage
from sbc.h248 import ber
from sbc.h248.ber import DEEPEST, MOST, Changes, Tlv, read, size_of, wrap
from tests.effort import effort

LONG = b"\x30\x84\x00\x00\x00\x08\x80\x01\x05\xa1\x03\x80\x01\x06"  # a length in the longest form
OPEN = b"\x30\x80\x80\x01\x05\xa1\x80\x80\x01\x06\x00\x00\x00\x00"  # indefinite lengths
TREES = st.recursive(
    st.tuples(st.integers(0, 30), st.binary(max_size=200)),
    lambda inner: st.tuples(st.integers(0, 30), st.lists(inner, max_size=4)),
    max_leaves=20,
)


def octets_of(tree: tuple[int, object], form: st.DataObject | None = None) -> bytes:
    number, content = tree
    if isinstance(content, bytes):
        return form_of(0x80 | number, content, form, False)
    assert isinstance(content, list)
    return form_of(0xA0 | number, b"".join(octets_of(each, form) for each in content), form, True)


def form_of(tag: int, content: bytes, form: st.DataObject | None, constructed: bool) -> bytes:
    wanted = 0 if form is None else form.draw(st.integers(0, 5 if constructed else 4))
    if wanted == 5:
        return bytes((tag, 0x80)) + content + b"\0\0"
    return bytes((tag,)) + size_of(len(content), 0 if len(content) >> (8 * wanted) else wanted) + content


def all_of(tlv: Tlv) -> list[Tlv]:
    return [tlv, *[each for part in tlv.parts or () for each in all_of(part)]]


def test_a_tree() -> None:
    root = read(b"\x30\x08\x80\x01\x05\xa1\x03\x80\x01\x06")
    assert root.tag == ber.SEQUENCE and root.parts is not None and [each.tag for each in root.parts] == [0x80, 0x81]
    inner = root.part(1)
    assert inner is not None and inner.part(0) is not None and inner.part(7) is None
    assert "81" in repr(inner)


@pytest.mark.parametrize("data", [LONG, OPEN])
def test_forms_of_lengths_are_kept(data: bytes) -> None:
    root = read(data)
    changes = Changes(data)
    leaf = root.part(1).part(0)  # type: ignore[union-attr]
    assert leaf is not None
    changes.content(leaf, b"\x07\x08")
    new = changes.apply(root)
    assert read(new).part(1).part(0) is not None  # type: ignore[union-attr]
    if data is LONG:
        assert new == b"\x30\x84\x00\x00\x00\x09\x80\x01\x05\xa1\x04\x80\x02\x07\x08"
    else:
        assert new == b"\x30\x80\x80\x01\x05\xa1\x80\x80\x02\x07\x08\x00\x00\x00\x00"


def test_a_length_grows_into_the_long_form_and_all_around_it() -> None:
    data = wrap(0x30, wrap(0xA1, wrap(0x80, b"x" * 120)))
    root = read(data)
    changes = Changes(data)
    leaf = root.part(1).part(0)  # type: ignore[union-attr]
    assert leaf is not None
    changes.content(leaf, b"y" * 125)
    assert changes.apply(root) == wrap(0x30, wrap(0xA1, wrap(0x80, b"y" * 125)))
    changes.content(leaf, b"z" * 300)
    assert changes.apply(root) == wrap(0x30, wrap(0xA1, wrap(0x80, b"z" * 300)))


def test_taken_out_added_and_replaced() -> None:
    data = wrap(0x30, b"\x80\x01\x05", b"\x81\x01\x06", b"\x82\x01\x07")
    root = read(data)
    first, second, third = root.parts or ()
    changes = Changes(data)
    assert not changes
    changes.replace(first, b"")
    changes.add(root, b"\x83\x00", third)
    changes.add(root, b"\x84\x00")
    changes.add(root, b"\x85\x00", third)
    assert changes
    assert changes.apply(root) == wrap(0x30, b"\x81\x01\x06\x83\x00\x85\x00\x82\x01\x07\x84\x00")
    changes.replace(second, b"\x89\x01\xff")
    assert changes.apply(root) == wrap(0x30, b"\x89\x01\xff\x83\x00\x85\x00\x82\x01\x07\x84\x00")


def test_what_is_inside_of_what_is_taken_out_is_gone() -> None:
    data = wrap(0x30, wrap(0xA0, b"\x80\x01\x05"), b"\x81\x00")
    root = read(data)
    outer = root.part(0)
    assert outer is not None and outer.parts is not None
    changes = Changes(data)
    changes.content(outer.parts[0], b"1234")
    changes.replace(outer, b"")
    assert changes.apply(root) == wrap(0x30, b"\x81\x00")


def test_a_string_in_pieces() -> None:
    data = wrap(0x30, wrap(0xA0, b"\x04\x01a", wrap(0x24, b"\x04\x01b"), b"\x04\x00"))
    root = read(data)
    string = root.part(0)
    assert string is not None and ber.octets(data, string) == b"ab"
    changes = Changes(data)
    changes.content(string, b"c")
    assert changes.apply(root) == wrap(0x30, b"\x80\x01c")


def test_tags_of_several_octets() -> None:
    data = wrap(0x30, b"\xbf\x81\x00\x03\x80\x01\x05", b"\x9f\x22\x01\x06")
    root = read(data)
    assert [each.tag for each in root.parts or ()] == [0x9F8100, 0x9F22]
    changes = Changes(data)
    held = root.parts[0].parts  # type: ignore[index]
    assert held is not None
    changes.content(held[0], b"ab")
    changes.content(root.parts[1], b"cde")  # type: ignore[index]
    assert changes.apply(root) == wrap(0x30, b"\xbf\x81\x00\x04\x80\x02ab", b"\x9f\x22\x03cde")


def test_numbers() -> None:
    for value in (0, 1, 127, 128, 255, 256, 65_535, 2**31, 2**32 - 1):
        data = wrap(0x80, ber.whole(value))
        assert ber.number(data, read(data)) == value
    assert ber.whole(128) == b"\x00\x80" and ber.whole(127) == b"\x7f" and ber.whole(0) == b"\0"
    for bad in (b"\x80\x00", b"\x80\x0a" + b"1" * 10, b"\xa0\x00"):
        with pytest.raises(BadMessage):
            ber.number(bad, read(bad))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x01",
        b"\x30\x02\x80",
        b"\x30\x00\x30\x00",  # two
        b"\x30\x02\x80\x05",
        b"\x30\x81",
        b"\x30\x85\x00\x00\x00\x00\x00",
        b"\x30\xff",
        b"\x30\x80",  # never ends
        b"\x30\x80\x80\x00",
        b"\x80\x80\x00\x00",  # primitive, and without a length
        b"\x3f",
        b"\x3f\x81\x81\x81\x81\x01\x00",
    ],
)
def test_malformed(data: bytes) -> None:
    with pytest.raises(BadMessage):
        read(data)


def test_bombs() -> None:
    """As many and as deep as a message has room for: refused, and at once."""
    assert effort(_refuse_bombs, enough=2000) < 2000
    nested = b""
    for _ in range(DEEPEST + 2):
        nested = wrap(0xA0, nested)
    with pytest.raises(BadMessage, match="deep"):
        read(nested)
    assert read(wrap(0x30, b"\x80\x00" * (MOST - 1))).parts


def _refuse_bombs() -> None:
    for data in (
        b"\xa0\x80" * 30_000,
        b"\xa0\x80" * 15_000 + b"\0\0" * 15_000,
        wrap(0x30, b"\x80\x00" * 32_000),
        wrap(0x30, b"\x30\x80\0\0" * 16_000),
        wrap(0x30, *[b"\xa0\x80" * 60] * 500),
    ):
        with pytest.raises(BadMessage):
            read(data)


@given(TREES, st.data())
def test_whatever_its_form_a_tree_is_read_and_comes_back(tree: tuple[int, object], form: st.DataObject) -> None:
    data = octets_of(tree, form)
    root = read(data)
    assert (root.at, root.after) == (0, len(data))
    assert Changes(data).apply(root) == data
    changes = Changes(data)
    for each in all_of(root):
        if each.parts is None:
            changes.content(each, data[each.start : each.end])  # the same again: all lengths are written anew
    assert changes.apply(root) == data


@given(TREES, st.data())
def test_every_length_around_a_change_is_mended(tree: tuple[int, object], form: st.DataObject) -> None:
    data = octets_of(tree, form)
    root = read(data)
    leaves = [each for each in all_of(root) if each.parts is None]
    changes = Changes(data)
    chosen = {each: form.draw(st.binary(max_size=300)) for each in leaves if form.draw(st.booleans())}
    for each, new in chosen.items():
        changes.content(each, new)
    after = changes.apply(root)
    contents = [chosen.get(each, data[each.start : each.end]) for each in leaves]
    assert [after[each.start : each.end] for each in all_of(read(after)) if each.parts is None] == contents
    assert [each.tag for each in all_of(read(after))] == [each.tag for each in all_of(root)]


@given(st.binary(max_size=400))
def test_anything_is_read_or_refused(data: bytes) -> None:
    try:
        root = read(data)
    except BadMessage:
        return
    assert Changes(data).apply(root) == data


def test_a_span_is_found_without_reading() -> None:
    data = wrap(0x30, wrap(0xA1, b"\x80\x01\x05"), b"\x81\x82\x00\x01x")
    assert ber.span(data, 0, len(data)) == (2, len(data))
    assert ber.span(data, 7, len(data)) == (11, 12)
    for bad, at in ((OPEN, 0), (b"\x3f\x01\x00", 0), (b"\x30\x05\x00", 0), (b"\x30", 0), (b"\x30\x85" + b"\0" * 5, 0)):
        with pytest.raises(BadMessage):
            ber.span(bad, at, len(bad))
