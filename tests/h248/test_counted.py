"""What gateways have counted, in the words of all protocols."""

from __future__ import annotations

from sbc.h248.counted import counted
from sbc.h248.message import Command, Stream, Termination, Verb

GONE = (Termination(b"r", b"r"),)


def test_figures_have_their_words() -> None:
    said = ((b"rtp/ps", b"10"), (b"nt/or", b"1600"), (b"rtp/pl", b"0.5"), (b"rtp/jit", b"3"), (b"nt/dur", b"2000"))
    assert counted(Command(Verb.SUBTRACT, GONE, statistics=said)) == (
        *(("packets_sent", "10"), ("octets_received", "1600"), ("rtp/pl", "0.5"), ("jitter", "3"), ("nt/dur", "2000")),
    )


def test_what_can_be_added_up_of_several_streams_is() -> None:
    streams = tuple(
        Stream(number, statistics=((b"rtp/ps", b"%d" % number), (b"rtp/jit", b"%d" % number))) for number in (1, 2)
    )
    assert counted(Command(Verb.SUBTRACT, GONE, streams=streams)) == (("packets_sent", "3"), ("jitter", "1"))


def test_nothing_said_is_nothing() -> None:
    assert counted(Command(Verb.SUBTRACT, GONE)) == ()
    assert counted(Command(Verb.SUBTRACT, GONE, statistics=((b"rtp/ps", b"9" * 99),)))[0][1] == "9" * 64
