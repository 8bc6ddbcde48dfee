"""However hostile a text of H.248, reading it takes linear time: no expression goes back again and again."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress

import pytest

from sbc.core.message import BadMessage
from sbc.h248.sweep import sweep
from sbc.h248.text import decode, parts
from tests.fuzz.test_time import ENOUGH, LONG, slow

# Forms repeated to that length, each of which makes a careless expression go back.
FORMS = [
    b" ", b"\t", b"\r\n", b"\n", b"\r", b";", b"; ", b";\n", b"; \n ", b'"', b'""', b'"\n', b"{", b"}", b"{}", b"{},",
    b"},", b"a{", b"a{},", b"a{b},", b"L{", b"L{}", b"L{},", b"L ", b"L;", b"L\n", b"R;\n{", b"Local", b"Local{", b"\\",
    b"\\}", b"\\\\}", b"a", b"a,", b"a ,", b"a=", b"a=b,", b"a=b ,", b"a=[", b"a=[b],", b"[", b"]", b"[]", b"a=<",
    b"<>",    b"a/b,", b"1", b"1-", b"1-2,", b"1,", b"/", b"1/", b"=", b"= ", b"a=\n", b"20260101T12000000",
    b"20260101T12000000:",
    b"20260101T12000000:a/b,", b"20260101T12000000 ;\n", b"T", b"T=1{", b"T=1{}", b"C=1{", b"C=1{},", b"C=1,", b"A=x,",
    b"A=x{},", b"A=[x],", b"A=x{M{", b"A=x{M{ST=1{L{v=0}}}},", b"M{", b"ST=1{},", b"v=0", b"v=0\n", b"\nv=", b"\n v",
    b"SL=1{", b"SL=1{a},", b"SC=x{SV{", b"AD=1,", b"MTP{", b"MG=MTP{", b"ER=1{", b"ER=1{},", b"\x00", b"\xff", b":",
    b"a:", b"a:b,", b"O-", b"O-W-", b"K{", b"SM=1/1 ", b"PN=1{}",
]  # fmt: skip
TOKENS = [
    b" ", b";", b"}", b"{", b"\n", b",", b"=", b"a", b"L", b"\\", b'"', b"TP", b"MX=", b"[", b"<", b"1", b":", b".",
    b"v=0",
]  # fmt: skip
SHORTER = 16_000  # octets
SOON = 100  # yardsticks: some ten times what the slowest of these takes


def reader(before: bytes, after: bytes = b"") -> Callable[[bytes], None]:
    """Reads `data` between these two, as one message and as several."""

    def read(data: bytes) -> None:
        whole = before + data + after
        for each in parts(whole):
            with suppress(BadMessage):
                decode(each)

    return read


PLACES = {
    "message": reader(b""),
    "version": reader(b"!/1"),
    "identifier": reader(b"!/1 ", b" T=1{C=1{A=x}}"),
    "bracketed identifier": reader(b"!/1 [", b"] T=1{C=1{A=x}}"),
    "authentication": reader(b"AU=", b"!/1 gw T=1{C=1{A=x}}"),
    "body": reader(b"!/1 gw "),
    "transaction": reader(b"!/1 gw T=", b"{C=1{A=x}}"),
    "actions": reader(b"!/1 gw T=1{", b"}"),
    "commands": reader(b"!/1 gw T=1{C=1{", b"}}"),
    "terminations": reader(b"!/1 gw T=1{C=1{A=[", b"]}}"),
    "descriptors": reader(b"!/1 gw T=1{C=1{A=x{", b"}}}"),
    "media": reader(b"!/1 gw T=1{C=1{A=x{M{", b"}}}}"),
    "stream": reader(b"!/1 gw T=1{C=1{A=x{M{ST=1{", b"}}}}}"),
    "control": reader(b"!/1 gw T=1{C=1{A=x{M{ST=1{O{", b"}}}}}}"),
    "description": reader(b"!/1 gw T=1{C=1{A=x{M{ST=1{L{", b"}}}}}}"),
    "statistics": reader(b"!/1 gw P=1{C=1{A=x{SA{", b"}}}}"),
    "services": reader(b"!/1 gw T=1{C=1{SC=x{SV{", b"}}}}"),
    "address": reader(b"!/1 gw T=1{C=1{SC=x{SV{AD=", b"}}}}"),
    "signals": reader(b"!/1 gw T=1{C=1{A=x{SG{", b"}}}}"),
    "observed": reader(b"!/1 gw T=1{C=1{N=x{OE=1{", b"}}}}"),
    "unknown": reader(b"!/1 gw T=1{C=1{A=x{XX{", b"}}}}"),
    "error": reader(b"!/1 gw P=1{ER=400{", b"}}"),
    "acknowledgement": reader(b"!/1 gw K{", b"}"),
}


@pytest.mark.parametrize("place", PLACES)
def test_time_is_linear(place: str) -> None:
    assert not slow(PLACES[place], FORMS, LONG, ENOUGH)


def swept(data: bytes) -> None:
    """Looks for a host's address behind a message; it is there, so that all is looked at."""
    said = b"!/1 [192.0.2.10] T=1{C=-{N=ROOT{OE=1{a/b}}}} ;192.0.2.10 " + data
    assert b"192.0.2.10" not in sweep(said, False, {"192.0.2.10"}, "198.51.100.1")


@pytest.mark.parametrize("place", ["transaction", "actions", "media", "description", "swept"])
def test_time_is_linear_of_all_pairs_of_tokens(place: str) -> None:
    pairs = (first + second for first, second in itertools.permutations(TOKENS, 2))
    assert not slow({**PLACES, "swept": swept}[place], pairs, SHORTER, SOON)
