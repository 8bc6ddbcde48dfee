"""XML read for the addresses in it: elements and attributes where they stand (see test_dialog_info for what is not)."""

from __future__ import annotations

import pytest

from sbc.core.message import BadMessage, Role
from sbc.sip.xml import MAX_ADDRESSES, addresses, elements, slots_of

TEXT = b"""<?xml version="1.0"?><!-- <a b="no"/> -->
<x:a b='1' c = "2"><d/><a>in<e f="g"/></a ></x:a><z/><a b="last"/>"""


def test_elements_are_found_by_their_local_names_with_attributes_and_content() -> None:
    whole = b"before" + TEXT + b"<a>"
    found = elements(whole, 6, 6 + len(TEXT), frozenset({b"a", b"e"}))
    told = [
        (e.name, {name: whole[slice(*span)] for name, span in e.attributes.items()}, whole[slice(*e.content)])
        for e in found
    ]
    assert told == [
        (b"a", {b"b": b"1", b"c": b"2"}, b'<d/><a>in<e f="g"/></a >'),
        (b"a", {}, b'in<e f="g"/>'),
        (b"e", {b"f": b"g"}, b""),
        (b"a", {b"b": b"last"}, b""),
    ]


def test_an_address_is_a_users_name_where_it_stands_in_one() -> None:
    text = b"10.0.0.1 (10.0.0.2 [2001:db8::1]:5060) 10.0.0.3"
    names = [(text.index(b"("), text.index(b")")), (text.index(b"10.0.0.2"), text.index(b"["))]
    found = {slot.place.address.host: slot.role for slot in slots_of(text, 0, len(text), names)}
    assert found == {
        "10.0.0.1": Role.HIDE,
        "10.0.0.2": Role.IDENTITY,
        "2001:db8::1": Role.IDENTITY,
        "10.0.0.3": Role.HIDE,
    }


def test_too_many_addresses_are_refused() -> None:
    text = b"10.0.0.1 " * (MAX_ADDRESSES + 1)
    assert len(addresses(text, 9, len(text))) == MAX_ADDRESSES
    with pytest.raises(BadMessage):
        addresses(text, 0, len(text))
