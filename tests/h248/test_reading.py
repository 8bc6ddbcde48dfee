"""What contexts, commands and descriptors say where real gateways are less than exact."""

from __future__ import annotations

import pytest

from sbc.h248.message import Command
from sbc.h248.text import decode


def only(command: bytes) -> Command:
    (found,) = decode(b"!/2 gw T=1{C=1{" + command + b"}}").commands
    return found


@pytest.mark.parametrize(
    "command",
    [
        b"A=x{}",
        b"A=x{ }",
        b"A=x{SG{}}",
        b"A=x{E=1{}}",
        b"A=x{AT{}}",
        b"A=x{M{}}",
        b"A=x{M{O{}}}",
        b"A=x{M{ST=1{}}}",
        b"A=x{M{ST=1}}",
        b"A=x{M{ST=1{L,R}}}",
        b"A=x{SA}",
        b"A=x{SA{}}",
        b"A=x{SV}",
        b"SC=x{SV{}}",
        b"A=x{Unheard-of{of{it}},X-mine=1}",
        b"A=x{M{ST=1{Other{L{v=0}}}}}",
        b"A=RTP/0.1_$@gw-1.example",
        b"ADD = 12345",
    ],
)
def test_what_is_empty_or_unknown_is_taken(command: bytes) -> None:
    found = only(command)
    assert all(stream.local is None and stream.remote is None for stream in found.streams)


def test_tokens_are_read_in_any_case() -> None:
    found = only(b"mOdIfY=X{mEdIa{sTrEaM=3{lOcAlCoNtRoL{mOdE=sEnDrEcEiVe}}}}")
    assert [(stream.id, stream.mode) for stream in found.streams] == [(3, "sendreceive")]
    assert (found.termination.name, found.termination.key) == (b"X", b"x")
