"""On whatever bytes, the reader of H.248's text encoding raises BadH248 and nothing else, and loses nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sbc.core.message import BadMessage
from sbc.h248.message import BadH248, Group, H248Message, Services
from sbc.h248.text import TextMessage, decode, parts, write
from tests.fuzz.test_text import changed
from tests.h248_messages import TEXTS

ADD = b"""MEGACO/1 [192.0.2.1]:2944
Transaction = 7 {
  Context = $ {
    Add = aaln/1, O-Add = $ { Media { Stream = 1 {
      LocalControl { Mode = ReceiveOnly, nt/jit = [1, 2] },
      Local {
v=0
c=IN IP4 $
m=audio $ RTP/AVP 8
v=0
c=IN IP4 $
a=fmtp:0 {x\\}
    } } }, Signals { SignalList = 3 { cg/rt } } }
  }
}
"""
CHANGE = b'!/1 <gw.example>:2944 ; x\nT=1{C=-{SC=ROOT{SV{MT=RS,AD=[192.168.1.10]:2944,V=2,MG=[192.0.2.7],RE="901"}}}}'
REPLY = b'!/2 MTP{1234} P=5{IA,C=1{EG,S=t1{SA{rtp/ps=12}},MF=[t2,t3]{ER=430{"who"}}},C=8}K{1-2,5}SM=8/1/&PN=5{}'
SEEDS = [ADD, CHANGE, REPLY, *TEXTS[::7]]
PIECES = st.one_of(
    st.binary(max_size=4),
    st.sampled_from([
        b"{", b"}", b"{}", b"\\}", b"\\", b",", b"=", b";", b'"', b"[", b"]", b"<", b">", b":", b"#", b"/", b"$", b"*",
        b"-", b"\n", b"\r", b"\r\n", b" ", b"\t", b"\0", b"\xff", b"L{", b"R{", b"M{", b"ST=1{", b"ST=2{", b"v=0\n",
        b"T=2{", b"P=2{", b"C=1{", b"A=x,", b"SV{", b"AD=1,", b"MG=MTP{1234},", b"AT{", b"SG{}", b"SL=1{", b"OE=1{",
        b"20260101T12000000:", b"ER=400{}", b"IA,", b"K{1}", b"SM=1/1", b"O-", b"W-", b"9" * 5000, b"x" * 300,
    ]),
)  # fmt: skip
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), PIECES), min_size=1, max_size=5)


BROKEN = re.compile(rb'"[^"]*[\r\n]')
"""A quoted text of several lines, which is written in one."""


def groups(message: H248Message) -> Iterator[Group]:
    """Every alternative of every description."""
    for command in message.commands:
        for stream in command.streams:
            for description in (stream.local, stream.remote):
                yield from () if description is None else description.groups


def changes(message: H248Message) -> Iterator[Services]:
    """Every ServiceChange descriptor."""
    yield from (command.services for command in message.commands if command.services is not None)


def check(data: bytes) -> None:
    """Cut, read, write: BadH248 at most."""
    found = parts(data)
    assert found == (data,) or len(found) > 1
    for part in found:
        try:
            message = decode(part)
        except BadH248 as bad:
            assert 400 <= bad.code < 500
            continue
        assert message.encode() is part
        check_the_same_again(part, message)
        check_writing(part)
        with suppress(BadMessage):
            again = decode(write(message))
            assert again.meaning == message.meaning or BROKEN.search(part)


def check_the_same_again(data: bytes, message: TextMessage) -> None:
    """What is written as it was leaves what was said as it was."""
    meaning = message.meaning
    message.edit(message.mid.at, message.mid.text)
    for group in groups(message):
        with suppress(BadMessage):
            message.edit(group.at, group.text)
    assert decode(message.encode()).meaning == meaning
    assert message.data is data


def check_writing(data: bytes) -> None:
    """All that can be written is written, and nothing else has changed."""
    message = decode(data)
    message.edit(message.mid.at, b"[203.0.113.9]:1")
    if message.transaction_at is not None:
        message.edit(message.transaction_at, b"4242")
    texts = list(groups(message))
    for group in texts:
        message.edit(group.at, b"v=0\r\nc=IN IP4 203.0.113.9\r\na={}\r\n")
    told = []
    for services in changes(message):
        places = [place for place in (services.address, services.mgc) if place is not None]
        if len(places) == 2:
            message.drop(services.address.at)
        for place in places[-1:]:
            message.edit(place.at, b"[203.0.113.9]:2")
        told.append([b"[203.0.113.9]:2"] * bool(places))
    try:
        again = decode(message.encode())
    except BadMessage as bad:
        assert "too long" in bad.reason or "too many" in bad.reason, bad.reason
        return
    assert again.mid.text == b"[203.0.113.9]:1"
    assert again.transaction == (4242 if message.transaction_at is not None else 0)
    assert [group.text for group in groups(again)] == [b"v=0\r\nc=IN IP4 203.0.113.9\r\na={}"] * len(texts)
    assert [command.verb for command in again.commands] == [command.verb for command in message.commands]
    for services, said in zip(changes(again), told, strict=True):
        found = [place.text for place in (services.address, services.mgc) if place is not None]
        assert found == said


@given(st.sampled_from(SEEDS), CHANGES)
@settings(max_examples=400)
@example(ADD, [])
@example(CHANGE, [])
@example(REPLY, [])
def test_changed_messages(seed: bytes, changes: list[tuple[float, int, bytes]]) -> None:
    check(changed(seed, changes))


@given(st.lists(PIECES, max_size=12))
@settings(max_examples=300)
def test_anything_at_all(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    check(data)
    for before, after in ((b"!/1 gw ", b""), (b"!/1 gw T=1{", b"}"), (b"!/1 gw T=1{C=1{A=x{", b"}}}"),
                          (b"!/1 gw T=1{C=1{A=x{M{L{", b"}}}}}"), (b"!/1 gw P=1{C=1{SC=x{SV{", b"}}}}")):  # fmt: skip
        check(before + data + after)
