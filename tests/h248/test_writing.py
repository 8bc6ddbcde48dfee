"""Messages of our own: they say what was meant, in long tokens and in short."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from sbc.h248.message import (
    CHOOSE,
    NULL,
    Action,
    Body,
    Command,
    Description,
    Failure,
    Group,
    H248Message,
    Services,
    Stream,
    Termination,
    Verb,
    Wire,
)
from sbc.h248.mids import read_mid, read_place
from sbc.h248.text import decode, parts, write
from tests.h248_erlang import needs_erlang, terms
from tests.h248_laws import mended
from tests.h248_messages import PRETTY, TEXTS, needs_recorded

MID = read_mid(b"[192.0.2.1]:2944")
assert MID is not None
ROOT = Termination(b"ROOT", b"root")


def message(
    body: Body, *commands: Command, compact: bool = False, context: bytes = NULL, **more: object
) -> H248Message:
    actions = (Action(context, commands),) if commands else ()
    said = {"version": 2, "transaction": 7, "actions": actions, "compact": compact, **more}
    return H248Message(wire=Wire.TEXT, mid=MID, body=body, **said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "short", "long"),
    [
        (
            message(Body.REQUEST, Command(Verb.AUDIT_VALUE, (ROOT,), audit=())),
            b"!/2 [192.0.2.1]:2944\nT=7{C=-{AV=ROOT{AT{}}}}",
            b"MEGACO/2 [192.0.2.1]:2944\nTransaction = 7 {\n\tContext = - {\n\t\tAuditValue = ROOT {\n\t\t\tAudit { }"
            b"\n\t\t}\n\t}\n}",
        ),
        (
            message(Body.REQUEST, Command(Verb.SUBTRACT, (ROOT,), wild=True, audit=("statistics",)), context=b"5"),
            b"!/2 [192.0.2.1]:2944\nT=7{C=5{W-S=ROOT{AT{SA}}}}",
            None,
        ),
        (message(Body.PENDING), b"!/2 [192.0.2.1]:2944\nPN=7{}", b"MEGACO/2 [192.0.2.1]:2944\nPending = 7 { }"),
        (message(Body.REPLY, error=Failure(403, b"why")), b'!/2 [192.0.2.1]:2944\nP=7{ER=403{"why"}}', None),
        (message(Body.ERROR, transaction=0, error=Failure(400)), b"!/2 [192.0.2.1]:2944\nER=400{}", None),
        (
            message(Body.ACK, transaction=0, acks=((3, 3), (5, 9))),
            b"!/2 [192.0.2.1]:2944\nK{3,5-9}",
            b"MEGACO/2 [192.0.2.1]:2944\nTransactionResponseAck {\n\t3,\n\t5-9\n}",
        ),
        (
            message(Body.SEGMENT, segment=2, last=True),
            b"!/2 [192.0.2.1]:2944\nSM=7/2/&",
            b"MEGACO/2 [192.0.2.1]:2944\nSegment = 7/2/END",
        ),
    ],
)
def test_what_is_made_is_written(made: H248Message, short: bytes, long: bytes | None) -> None:
    assert write(attrs.evolve(made, compact=True)) == short
    if long is not None:
        assert write(made) == long
    for text in (write(made), short):
        assert decode(text).meaning == made.meaning


def test_a_quoted_string_holds_no_quotes_and_no_line_ends() -> None:
    made = message(Body.REPLY, error=Failure(403, b'no "sense"\r\n'))
    assert decode(write(made)).error == Failure(403, b"no 'sense'  ")


def test_all_that_the_model_says_is_written() -> None:
    place, mgc = read_place(b"2944"), read_mid(b"<gw.example>")
    services = Services("restart", b"901 Cold Boot", place, mgc, 3, 2, b"resgw/1", b"20260101T12000000", True)
    local = Description((Group(b"v=0\nc=IN IP4 $\na={}"), Group(b"v=0\nm=audio $ RTP/AVP 0\n")))
    stream = Stream(4, "sendreceive", local, Description(()), ((b"rtp/ps", b"3"), (b"nt/dur", b"")))
    many = (Termination(b"a/*", b"a/*", every=True), Termination(b"b", b"b"))
    commands = (
        Command(Verb.SERVICE_CHANGE, (ROOT,), services=services),
        Command(Verb.ADD, many, optional=True, wild=True, streams=(stream,), signals=(b"cg/rt",), events=(b"al/of",)),
        Command(Verb.NOTIFY, (ROOT,), observed=(b"it/ito",), statistics=((b"nt/os", b"9"),), error=Failure(500, b"x")),
    )
    made = message(Body.REPLY, *commands, context=CHOOSE, wants_ack=True, segment=1)
    made.actions[0].emergency = True
    made.actions[0].error = Failure(501)
    for compact in (False, True):
        made.compact = compact
        again = decode(write(made))
        assert again.meaning == made.meaning
        assert again.compact is compact


ALL_THAT_IS_SAID = [
    message(Body.REQUEST, Command(Verb.AUDIT_VALUE, (ROOT,), audit=())),
    message(Body.REQUEST, Command(Verb.SUBTRACT, (ROOT,), wild=True, audit=("statistics",)), context=b"5"),
    message(Body.REQUEST, Command(Verb.SERVICE_CHANGE, (ROOT,), services=Services("forced", b"904 Cleared", delay=0))),
    message(
        Body.REPLY, Command(Verb.SERVICE_CHANGE, (ROOT,), services=Services(address=read_place(b"2944"), version=1))
    ),
    message(Body.REPLY, Command(Verb.MODIFY, (ROOT,), error=Failure(430, b"unknown")), wants_ack=True),
    message(Body.REPLY, error=Failure(403, b"syntax")),
    message(Body.PENDING),
    message(Body.ACK, transaction=0, acks=((3, 3), (5, 9))),
    message(Body.ERROR, transaction=0, error=Failure(400, b"")),
    message(Body.SEGMENT, segment=2, last=True, version=3),
    message(Body.REQUEST, Command(Verb.MODIFY, (ROOT,), signals=(), events=())),
]


@needs_erlang
@pytest.mark.parametrize(("compact", "codec"), [(False, "pretty_text"), (True, "compact_text")])
def test_erlang_reads_what_we_write(compact: bool, codec: str, tmp_path: Path) -> None:
    sent = [write(attrs.evolve(made, compact=compact)) for made in ALL_THAT_IS_SAID]
    for _, data in PRETTY:
        for part in parts(data):
            read = decode(part)
            sent.append(write(attrs.evolve(read, compact=compact)))
    for data in TEXTS:
        for part in parts(data):
            read = decode(part)
            if read.compact is compact:
                sent.append(rewritten(read))
    assert [one for one in terms(tmp_path, sent, codec) if not one.startswith("{'MegacoMessage'")] == []


def rewritten(read: H248Message) -> bytes:
    """The message with another number, and other hosts and ports in all descriptions."""
    read.edit(read.mid.at, b"[2001:db8::1]:41000")
    if read.transaction_at is not None:
        read.edit(read.transaction_at, b"4294967295")
    for command in read.commands:
        for stream in command.streams:
            for description in (stream.local, stream.remote):
                for group in () if description is None else description.groups:
                    read.edit(group.at, mended(group.text, "2001:db8::2", 40_000))
    return read.encode()


@needs_recorded
def test_what_was_read_is_written_again_with_the_same_meaning() -> None:
    for name, data in PRETTY:
        for part in parts(data):
            read = decode(part)
            for compact in (False, True):
                read.compact = compact
                assert decode(write(read)).meaning == read.meaning, name
