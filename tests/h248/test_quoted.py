"""Which transaction the beginning of a request tells."""

from __future__ import annotations

import pytest

from sbc.h248.quoted import quoted
from sbc.octets import tpkt
from tests.h248_words import WIRES, WRITERS, command, message, reply, transaction


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("number", [1, 127, 128, 4_294_967_295])
def test_a_request_tells_it_as_soon_as_it_has_been_said(wire: str, number: int) -> None:
    data = WRITERS[wire](message(b"[192.0.2.1]:2944", transaction(number, 5, command(b"Notify", b"a1"))))
    found = [quoted(data[:size]) for size in range(len(data) + 1)]
    assert set(found) == {None, b"%d" % number} and found == sorted(found, key=lambda each: each is not None)
    assert quoted(tpkt.wrap(data)) == b"%d" % number


@pytest.mark.parametrize("wire", WIRES)
def test_nothing_else_does(wire: str) -> None:
    assert quoted(WRITERS[wire](message(b"[192.0.2.1]:2944", reply(7, 5, command(b"Notify", b"a1"))))) is None
    for data in (b"", b"0", b"0\x82", b"x" * 40, b"0\x80\xa1\x80\x80\x81"):
        assert quoted(data) is None
