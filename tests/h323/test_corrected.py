"""The correction of the library's encoder: that it is needed, what it gives, and that nobody else has it.

The octets are by hand, from X.691: one bit that additions follow, the root, seven bits of how long the bitmap is less
one, the bitmap, then from a boundary on each addition with its length.
"""

from __future__ import annotations

from typing import Any

import pytest
from pycrate_asn1dir import H225
from pycrate_asn1rt.asnobj_basic import BOOL
from pycrate_asn1rt.asnobj_construct import SEQ
from pycrate_asn1rt.dictobj import ASN1Dict
from pycrate_asn1rt.err import ASN1PEREncodeErr
from pycrate_asn1rt.utils import MODE_TYPE

from sbc.h323 import per
from sbc.h323.corrected import correct


def sample() -> Any:
    """SEQUENCE { a BOOLEAN, ..., b OCTET STRING OPTIONAL, c BOOLEAN OPTIONAL }."""
    made = SEQ(name="sample", mode=MODE_TYPE)
    first, second = BOOL(name="a"), BOOL(name="c")
    data = H225.H323_MESSAGES.NonStandardParameter._cont["data"].__class__(name="b")
    second._opt = data._opt = True
    made._cont = ASN1Dict([("a", first), ("b", data), ("c", second)])
    made._ext = made._ext_nest = ["b", "c"]
    made._ext_ident, made._ext_group = {}, {}
    made._root, made._root_mand, made._root_opt = ["a"], ["a"], []
    return made


def encoded(kind: Any, value: Any) -> str:
    kind._val = value
    return str(kind.to_aper().hex())


# 1 a 0000001 11 | 00000 | 03 02 41 42 | 01 80
BOTH = {"a": True, "b": b"AB", "c": True}
RIGHT = "c0e0" + "03024142" + "0180"


def test_the_library_is_still_wrong() -> None:
    """Where this fails, a new version has mended it, and the correction may go."""
    assert encoded(sample(), BOTH) != RIGHT


def test_additions_are_padded_after_their_bitmap() -> None:
    kind = sample()
    correct(kind)
    assert encoded(kind, BOTH) == RIGHT
    assert encoded(kind, {"a": True}) == "40"
    assert encoded(kind, {"a": False, "c": False}) == "80a0" + "0100"


def test_the_bitmap_stays_as_long_as_it_was() -> None:
    kind = sample()
    correct(kind)
    assert encoded(kind, {"a": True, "b": b"", "_additions": 1}) == "c040" + "0100"  # 11 0000000 1
    assert encoded(kind, {"a": True, "b": b"", "_additions": 9}) == "c440" + "00" + "0100"  # 11 0001000 100000000


def test_unknown_additions_stay_where_they_were() -> None:
    kind = sample()
    correct(kind)
    value = {"a": True, "_ext_3": b"zz", "c": True, "_additions": 4}
    assert encoded(kind, value) == "c1a8" + "0180" + "027a7a"  # 11 0000011 0101


def test_values_that_are_none_are_refused() -> None:
    kind = sample()
    correct(kind)
    for value in ({"b": b""}, {"a": True, "d": 1}, {"a": True, "_ext_64": b""}):
        with pytest.raises(ASN1PEREncodeErr):
            encoded(kind, value)


def test_only_what_was_asked_for_is_corrected() -> None:
    kind = sample()
    correct(kind)
    correct(kind)  # again does no harm
    assert type(kind) is not SEQ and type(sample()) is SEQ
    per.names()
    assert type(per._types()["OpenLogicalChannel"]) is type(kind)
