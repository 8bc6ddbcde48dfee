"""Names of terminations that hold addresses are found wherever a message has them."""

from __future__ import annotations

from sbc.h248.named import Named

TEXT = (
    b"!/3 [192.0.2.1]:2944 T=1{C=5{TP{rtp/192.0.2.1,rtp/192.0.2.2,BW},A=rtp/192.0.2.1,"
    b"O-MF=[a/192.0.2.3, ;x 192.0.2.9\n b]{MX=H221{c/192.0.2.4,d},E=1{x/y{z=192.0.2.5}}}},C=-{AV=C{192.0.2.6,e}}}"
)


def test_names_are_found_and_nothing_else() -> None:
    found = sorted(TEXT[start:end] for start, end in Named(TEXT).spans)
    assert found == [
        b"192.0.2.6",
        b"BW",
        b"a/192.0.2.3",
        b"b",
        b"c/192.0.2.4",
        b"d",
        b"e",
        b"rtp/192.0.2.1",
        b"rtp/192.0.2.1",
        b"rtp/192.0.2.2",
    ]


def test_what_looks_like_a_list_names_nothing() -> None:
    """In quotes, in comments, where no such descriptor can be, and what is said about a list of names."""
    inside = (
        b'N=x{OE=1{a/b{y="TP {192.0.2.9}"}}},MF=x{E=1{a/b{TP{192.0.2.8}}},;MX=a{192.0.2.7}\n MX=H221{;192.0.2.6\n n/1}}'
    )
    data = b"!/1 gw T=1{C=1{" + inside + b"}} ; TP{192.0.2.5}"
    assert sorted(data[start:end] for start, end in Named(data).spans) == [b"n/1", b"x", b"x"]


def test_what_is_no_message_names_nothing() -> None:
    for data in (b"", b"TP{a}", b"!/1 [192.0.2.1] T=1{C=5{A=x}", b"!/1 [192.0.2.1] PN=1{}"):
        assert Named(data).spans == []


def test_an_offset_is_in_a_name_or_not() -> None:
    names = Named(TEXT)
    inside = {offset for start, end in names.spans for offset in range(start, end)}
    assert {offset for offset in range(len(TEXT)) if offset in names} == inside
