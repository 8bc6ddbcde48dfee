"""Items of the text encoding, and where blocks end."""

from __future__ import annotations

import pytest

from sbc.h248.message import BadH248
from sbc.h248.scan import ITEM, MAX_DEPTH, MAX_ITEMS, Cursor, at_end, skip


@pytest.mark.parametrize(
    ("text", "item"),
    [
        (b"Mode = SendReceive ,", (b"Mode", b"SendReceive", b",")),
        (b" ; why { not\r\n\tMedia ; or } so\n {", (b"Media", None, b"{")),
        (b"Events=*{", (b"Events", b"*", b"{")),
        (b"nt/jit > 40}", (b"nt/jit", b"40", b"}")),
        (b"a/b=[1,2,3],", (b"a/b", b"[1,2,3]", b",")),
        (b"NC={", (b"NC", None, b"{")),
        (b"Modem[V18,V22]{", (b"Modem", b"[V18,V22]", b"{")),
        (b'RE="901 { cold, boot }",', (b"RE", b'"901 { cold, boot }"', b",")),
        (b"AD=[2001:db8::1]:2944}", (b"AD", b"[2001:db8::1]:2944", b"}")),
        (b"AD=<gw.example>:2944}", (b"AD", b"<gw.example>:2944", b"}")),
        (b"20260101T12000000 : al/of{", (b"20260101T12000000 : al/of", None, b"{")),
        (b"20260101t12000000}", (b"20260101t12000000", None, b"}")),
        (b"ds = *31#12:3== }", (b"ds", b"*31#12:3==", b"}")),
        (b"  }", (None, None, b"}")),
    ],
)
def test_an_item_is_a_name_a_value_and_what_follows(text: bytes, item: tuple[bytes | None, ...]) -> None:
    match = ITEM.match(text)
    assert match is not None
    assert match.groups() == item
    assert match.end() == len(text)


@pytest.mark.parametrize(
    "text",
    [b"", b"a", b"a b,", b"a=b c,", b'a="b,', b"a=[1,", b"a:b,", b"\xff,", b"<}", b"=a}", b"=,", b"[a],", b",", b"{"],
)
def test_what_is_no_item_is_none(text: bytes) -> None:
    assert ITEM.match(text) is None


@pytest.mark.parametrize(
    "inside",
    [
        b"",
        b"a{b{c}}",
        b'a{"}"}',
        b"a{;}\n}",
        b"M{L{v=0\na=x{\\}\n}}",
        b"m{ST=1{ remote ; where\n {a=x;{ \\} } ,LOCAL{}}}",
        b"gl/L{x}",
    ],
)
def test_a_block_ends_where_its_brace_is_paired(inside: bytes) -> None:
    text = b"{" + inside + b"}, more }"
    assert skip(text, 1) == len(inside) + 2


@pytest.mark.parametrize("text", [b"", b"{", b"a{b}", b'"}', b";}", b"L{}", b"{" * MAX_DEPTH + b"}" * MAX_DEPTH + b"}"])
def test_a_block_that_does_not_end_is_told(text: bytes) -> None:
    with pytest.raises(BadH248):
        skip(text, 0)


def test_names_are_listed_with_those_of_lists() -> None:
    text = b"AL/on{strict=state}, SL=1{cg/rt{SY=TO}, cg/bt}, 20260101T12000000:g/sc{x=y}}, rest"
    names, end = Cursor(text).names(0, 442)
    assert names == [b"al/on", b"cg/rt", b"cg/bt", b"g/sc"]
    assert text[end:] == b", rest"
    assert Cursor(b" }").names(0, 442) == ([], 2)
    with pytest.raises(BadH248):
        Cursor(b"SL=1{a,b}").names(0, 442)


def test_too_many_items_are_not_begun() -> None:
    Cursor(b"," * MAX_ITEMS)
    with pytest.raises(BadH248):
        Cursor(b"," * MAX_ITEMS + b"{")


def test_white_space_comments_and_fillings_are_nothing() -> None:
    for text in (b"", b" \r\n", b"; end", b"\n;x\n\x00\x00"):
        assert at_end(text, 0)
    for text in (b"x", b"\x00x", b";\nx"):
        assert not at_end(text, 0)
