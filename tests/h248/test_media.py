"""Streams and descriptions: what stands twice is refused, for its receiver might take the other."""

from __future__ import annotations

import attrs
import pytest

from sbc.h248 import binary, writing
from sbc.h248.media import MAX_GROUPS, MAX_STREAMS
from sbc.h248.message import BadH248, Stream, Termination, Wire
from sbc.h248.text import decode


def streams(media: bytes) -> tuple[Stream, ...]:
    return decode(b"!/2 gw T=1{C=1{A=x{M{" + media + b"}}}}").commands[0].streams


@pytest.mark.parametrize(
    "media",
    [
        b"ST=1{L{v=0},R{},L{v=0}}",
        b"ST=1{R{v=0},R{v=0}}",
        b"L{v=0},Local{v=0}",
        b"ST=1{L{v=0}},ST=1{R{v=0}}",
        b"L{v=0},ST=1{L{v=0}}",
        b"ST=65536{}",
        b"ST=" + b"9" * 5_000 + b"{}",
        b"ST=a{}",
        b"ST=1{L{" + b"v=0\n" * (MAX_GROUPS + 1) + b"}}",
        b",".join(b"ST=%d" % number for number in range(MAX_STREAMS + 1)),
    ],
)
def test_what_stands_twice_or_too_often_is_refused(media: bytes) -> None:
    with pytest.raises(BadH248) as raised:
        streams(media)
    assert raised.value.code == 442


def test_as_many_as_may_be() -> None:
    (stream,) = streams(b"ST=1{L{" + b"v=0\n" * MAX_GROUPS + b"}}")
    assert stream.local is not None and len(stream.local.groups) == MAX_GROUPS
    assert len(streams(b",".join(b"ST=%d" % number for number in range(MAX_STREAMS)))) == MAX_STREAMS


@pytest.mark.parametrize(
    ("control", "mode"),
    [
        (b"MO=SO", "sendonly"),
        (b"nt/jit=[1,2],Mode = Loopback", "loopback"),
        (b"X={a,b},MO=IN,RV=ON", "inactive"),
        (b"MO", ""),
        (b"MO=new", ""),
        (b"RG=OFF", ""),
    ],
)
def test_the_mode_is_found_among_properties(control: bytes, mode: str) -> None:
    (stream,) = streams(b"ST=7{O{" + control + b"}}")
    assert (stream.id, stream.mode) == (7, mode)


@pytest.mark.parametrize(
    ("control", "reserves"),
    [
        (b"MO=SO,RG=ON", True),
        (b"ReserveGroup = off,MO=IN", False),
        (b"RV=ON,MO=IN", None),
        (b"RG=perhaps", None),
        (b"RG,MO=SO", None),
    ],
)
@pytest.mark.parametrize("wire", [Wire.TEXT, Wire.BINARY])
def test_whether_all_alternatives_are_held_ready(wire: Wire, control: bytes, reserves: bool | None) -> None:
    asked = decode(b"!/2 gw T=1{C=1{A=x{M{ST=7{O{" + control + b"}}}}}}")
    (stream,) = asked.commands[0].streams
    assert stream.reserves is reserves
    if wire is Wire.BINARY:
        name = Termination(b"01", b"01")
        (action,) = asked.actions
        commands = tuple(attrs.evolve(each, terminations=(name,)) for each in action.commands)
        data = binary.write(attrs.evolve(asked, wire=wire, actions=(attrs.evolve(action, commands=commands),)))
        assert binary.decode(data).commands[0].streams == (stream,)
    else:
        assert decode(writing.write(asked)).commands[0].streams == (stream,)


def test_statistics_of_a_stream() -> None:
    (stream,) = streams(b'ST=1{SA{rtp/PS=1, x/y = {1,2}, nt/dur, a/b="q"}}')
    assert stream.statistics == ((b"rtp/ps", b"1"), (b"x/y", b""), (b"nt/dur", b""), (b"a/b", b"q"))
