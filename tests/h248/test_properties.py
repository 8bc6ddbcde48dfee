"""Groups of properties: SDP of Annex C.11, addresses of C.6, values in both forms, and what is written into them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import BadMessage
from sbc.h248 import ber
from sbc.h248.ber import Changes, read, wrap
from sbc.h248.properties import group_octets, lines, plain, rewrite, told
from tests.h248_binary import group, leaf, listed, node, prop

V, O, C, A, M = 0xB001, 0xB002, 0xB008, 0xB00C, 0xB00F  # noqa: E741
USUAL = group(
    prop(V, b"0"), prop(C, b"IN IP4 10.0.0.1"), prop(M, b"audio 4000 RTP/AVP 8"), prop(A, b"ptime:20"),
    prop(A, b"rtcp:4001"),
)  # fmt: skip
TEXT = b"v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\na=ptime:20\r\na=rtcp:4001"


def text(data: bytes) -> bytes:
    return told(lines(data, read(data)))


def written(data: bytes, new: bytes) -> bytes:
    root = read(data)
    changes = Changes(data)
    rewrite(data, root, new, changes)
    after = changes.apply(root)
    read(after)
    return after


def test_lines() -> None:
    assert text(USUAL) == TEXT
    assert written(USUAL, TEXT) == USUAL
    assert written(USUAL, TEXT.replace(b"\r\n", b"\n") + b"\n\n") == USUAL


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"10.0.0.1", b"203.0.113.200"),
        (b"IP4 10.0.0.1", b"IP6 2001:db8::1"),
        (b" 4000", b" 40002"),
        (b"\r\na=rtcp:4001", b""),
        (b"\r\na=ptime:20", b""),
        (b"AVP 8\r\n", b"AVP 8\r\nc=IN IP4 203.0.113.9\r\n"),
        (b"v=0", b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-"),
        (b"4001", b"4001\r\na=sendonly"),
        (b"a=rtcp:4001", b"a=rtcp:50001 IN IP4 203.0.113.9"),
    ],
)
def test_written(old: bytes, new: bytes) -> None:
    wanted = TEXT.replace(old, new)
    assert wanted != TEXT
    after = written(USUAL, wanted)
    assert text(after) == wanted
    assert written(after, TEXT) == USUAL


def test_all_may_go_and_come() -> None:
    empty = written(USUAL, b"")
    assert (text(empty), empty) == (b"", b"\x30\x00")
    assert text(written(empty, TEXT)) == TEXT
    assert written(empty, TEXT) == group_octets(TEXT) == USUAL


def test_what_is_no_line_stays_where_it_is() -> None:
    nsap = prop(0x3003, b"\x01\x02\x03")
    strange = listed(leaf(0, b"\0\x0b\0\x07"), node(1, wrap(4, b"40")), node(2, leaf(0, b"\1")))
    data = group(nsap, prop(C, b"IN IP4 10.0.0.1"), strange, prop(M, b"audio 4000 RTP/AVP 8"))
    after = written(data, b"c=IN IP4 1.2.3.4\r\nm=audio 9 RTP/AVP 8")
    assert after == group(nsap, prop(C, b"IN IP4 1.2.3.4"), strange, prop(M, b"audio 9 RTP/AVP 8"))


@pytest.mark.parametrize("tag", [0x04, 0x0C, 0x16])
def test_values_that_are_ber_once_more(tag: int) -> None:
    """Section 12.2 has it so; the length inside is mended too."""
    data = group(prop(C, wrap(tag, b"IN IP4 10.0.0.1")), prop(M, wrap(tag, b"audio 1 RTP/AVP 8 " + b"9 " * 100)))
    old = text(data)
    assert old.startswith(b"c=IN IP4 10.0.0.1\r\nm=audio 1 RTP/AVP 8 9 9")
    host = b"2001:db8:1111:2222:3333:4444:5555:6666"
    after = written(data, old.replace(b"IP4 10.0.0.1", b"IP6 " + host))
    assert after.startswith(b"\x30") and wrap(4, wrap(tag, b"IN IP6 " + host)) in after
    assert written(after, old) == data


@pytest.mark.parametrize("tag", [0x04, 0x0C, 0x16])
def test_a_line_that_is_added_is_as_the_others_are(tag: int) -> None:
    """BER once more inside the octets, or bare."""
    those = [prop(V, wrap(tag, b"0")), prop(C, wrap(tag, b"IN IP4 10.0.0.1")), prop(M, wrap(tag, b"audio 4 RTP/AVP 8"))]
    for more in (b"sendonly", b"x:" + b"y" * 200):
        after = written(group(*those), text(group(*those)) + b"\r\na=" + more)
        assert after == group(*those, prop(A, wrap(tag, more)))
    bare = [prop(V, b"0"), prop(C, b"IN IP4 10.0.0.1")]
    assert written(group(*bare), text(group(*bare)) + b"\r\na=sendonly") == group(*bare, prop(A, b"sendonly"))


def test_several_values_in_a_property() -> None:
    data = group(prop(M, b"audio 4000 RTP/AVP 8"), prop(A, b"ptime:20", b"rtcp:4001", b"sendonly"))
    assert text(data) == b"m=audio 4000 RTP/AVP 8\r\na=ptime:20\r\na=rtcp:4001\r\na=sendonly"
    after = written(data, b"m=audio 4000 RTP/AVP 8\r\na=ptime:20\r\na=sendonly")
    assert after == group(prop(M, b"audio 4000 RTP/AVP 8"), prop(A, b"ptime:20", b"sendonly"))
    assert written(data, b"m=audio 4000 RTP/AVP 8") == group(prop(M, b"audio 4000 RTP/AVP 8"))


def test_a_value_that_is_the_line() -> None:
    data = group(prop(C, b"c=IN IP4 10.0.0.1\r\n"), prop(M, b"m=audio 1 RTP/AVP 8"), prop(A, b"a=x"))
    assert text(data) == b"c=IN IP4 10.0.0.1\r\nm=audio 1 RTP/AVP 8\r\na=a=x"
    after = written(data, b"c=IN IP4 1.1.1.1\r\nm=audio 2 RTP/AVP 8\r\na=a=x")
    assert after == group(prop(C, b"c=IN IP4 1.1.1.1"), prop(M, b"m=audio 2 RTP/AVP 8"), prop(A, b"a=x"))


def test_a_value_that_is_no_list() -> None:
    single = listed(leaf(0, C.to_bytes(4, "big")), leaf(1, b"IN IP4 10.0.0.1"))
    data = group(single)
    assert text(data) == b"c=IN IP4 10.0.0.1"
    assert text(written(data, b"c=IN IP4 1.1.1.1")) == b"c=IN IP4 1.1.1.1"
    assert written(data, b"") == group()


IPV4, IPV6, PORT, PAYLOAD, MEDIA = 0x6001, 0x6002, 0x6003, 0x100F, 0x1001


@pytest.mark.parametrize(
    ("host", "port"),
    [
        (b"\x0a\0\0\x01", b"\x0f\xa0"),
        (b"\x04\x04\x0a\0\0\x01", b"\x02\x02\x0f\xa0"),
        (b"\x0a\0\0\x01", b"\0\0\x0f\xa0"),
        (b"\x0a\0\0\x01", b"4000"),
    ],
)
def test_addresses_and_ports_of_their_own(host: bytes, port: bytes) -> None:
    data = group(prop(PORT, port), prop(IPV4, host), prop(PAYLOAD, b"\x08"), prop(MEDIA, b"\0"))
    assert text(data) == b"c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 8"
    after = written(data, b"c=IN IP4 203.0.113.9\r\nm=audio 50000 RTP/AVP 8")
    assert text(after) == b"c=IN IP4 203.0.113.9\r\nm=audio 50000 RTP/AVP 8"
    assert len(read(after).parts or ()) == 4
    back = written(after, text(data))
    assert text(back) == text(data) and (back == data or port[:1] == b"\x02")  # 50000 has a zero octet in front
    six = written(data, b"c=IN IP6 2001:db8::1\r\nm=audio 50000 RTP/AVP 8")
    assert text(six) == b"c=IN IP6 2001:db8::1\r\nm=audio 50000 RTP/AVP 8"
    assert prop(IPV6, bytes.fromhex("20010db8000000000000000000000001")) in six or host[:1] == b"\x04"
    assert text(written(six, text(data))) == text(data)


def test_to_be_chosen() -> None:
    data = group(prop(IPV4, b"$"), prop(PORT, b"$"))
    assert text(data) == b"c=IN IP4 $\r\nm=audio $ RTP/AVP 0"
    assert text(written(data, b"c=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0")).startswith(
        b"c=IN IP4 192.0.2.1\r\nm=aud"
    )


def test_an_address_beside_the_lines_is_told_too() -> None:
    """Nothing of it may pass unseen."""
    data = group(prop(C, b"IN IP4 10.0.0.1"), prop(M, b"audio 4000 RTP/AVP 8"), prop(IPV4, b"\x0a\0\0\x02"))
    assert text(data) == b"c=IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.2\r\nm=audio 4000 RTP/AVP 8"
    after = written(data, b"c=IN IP4 1.1.1.1\r\nc=IN IP4 2.2.2.2\r\nm=audio 4000 RTP/AVP 8")
    assert after == group(prop(C, b"IN IP4 1.1.1.1"), prop(M, b"audio 4000 RTP/AVP 8"), prop(IPV4, b"\2\2\2\2"))


@pytest.mark.parametrize(
    "data",
    [
        group(listed(leaf(0, C.to_bytes(4, "big")))),  # no value
        group(prop(C)),
        group(prop(C, b"IN IP4 10.0.0.1\r\nm=audio 1 RTP/AVP 8")),
        group(prop(C, b"IN IP4 10.0.0.1\0")),
        group(prop(IPV4, b"\1\2\3")),
        group(prop(PORT, b"\1\0\0\0")),
        group(prop(PORT, b"")),
        group(*[prop(A, *[b"x"] * 500)] * 5),
    ],
)
def test_malformed(data: bytes) -> None:
    with pytest.raises(BadMessage):
        text(data)


@pytest.mark.parametrize("new", [b"x=1", b"nonsense", b"c=IN IP4 1.1.1.1\r\nm=audio $ RTP/AVP 8", b"c=IN IP4 name"])
def test_what_cannot_be_written(new: bytes) -> None:
    with pytest.raises(BadMessage):
        written(group(prop(IPV4, b"\1\1\1\1"), prop(PORT, b"\1\1")), new)


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"1250", b"1250"),
        (b"\x02\x02\x04\xe2", b"1250"),
        (b"\x02\x01\xff", b"-1"),
        (b"\x16\x03abc", b"abc"),
        (b"\x00\x01", b"0x0001"),
        (b"", b""),
    ],
)
def test_plain_values(octets: bytes, said: bytes) -> None:
    assert plain(octets) == said


LINES = st.lists(
    st.tuples(st.sampled_from(b"vosicmatr"), st.from_regex(rb"[a-z0-9:. /]{0,12}", fullmatch=True)).map(
        lambda pair: b"%c=%b" % pair
    ),
    max_size=12,
).filter(lambda found: all(each[2:3] != b"=" and not each[2:].startswith((b"c=", b"m=")) for each in found))


@given(LINES, LINES)
def test_any_text_takes_the_place_of_any_other(old: list[bytes], new: list[bytes]) -> None:
    data = group_octets(b"\r\n".join(old))
    assert text(data).split(b"\r\n") == (old or [b""])
    after = written(data, b"\r\n".join(new))
    assert text(after).split(b"\r\n") == (new or [b""])
    assert text(written(after, b"\r\n".join(old))) == text(data)


@given(st.binary(max_size=120))
def test_any_property(octets: bytes) -> None:
    for number in (C, IPV4, IPV6, PORT, PAYLOAD, MEDIA):
        data = group(prop(IPV4, b"\1\1\1\1"), prop(number, octets), prop(PORT, b"\1\1"))
        try:
            said = text(data)
        except BadMessage:
            continue
        try:
            assert ber.read(written(data, said)) is not None
        except BadMessage:
            assert b"$" in said
