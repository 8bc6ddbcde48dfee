"""Binary messages that are made: read again they say the same; an ASN.1 library and Erlang's text say so too."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.h248.binary import decode, parts, write
from sbc.h248.message import (
    ROOT,
    Action,
    Body,
    Command,
    Description,
    Failure,
    Form,
    Group,
    H248Message,
    Mid,
    Services,
    Stream,
    Termination,
    Verb,
    Wire,
)
from tests.h248_erlang import needs_erlang, terms
from tests.h248_messages import BINARY, BINARY_TALKS, needs_recorded

ME = Mid(Form.IP4, Address("192.0.2.1", 2944), b"[192.0.2.1]:2944")
GATEWAY = Termination(ROOT, ROOT)
ANY, ALL = Termination(b"$", b"$", choose=True), Termination(b"*", b"*", every=True)


def said(body: Body, *commands: Command, **others: object) -> H248Message:
    actions = (Action(b"-", commands),) if commands else ()
    return H248Message(Wire.BINARY, 2, ME, body, **{"transaction": 7, "actions": actions, **others})  # type: ignore[arg-type]


SDP = Group(b"v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 4000 RTP/AVP 8\r\na=ptime:20")
MADE = [
    said(Body.REQUEST, Command(Verb.AUDIT_VALUE, (GATEWAY,), audit=())),
    said(Body.REQUEST, Command(Verb.AUDIT_VALUE, (GATEWAY,), audit=("media", "packages", "statistics"))),
    said(Body.REQUEST, Command(Verb.AUDIT_CAPABILITY, (ANY, ALL), audit=("eventbuffer",), wild=True)),
    said(Body.REQUEST, Command(Verb.SUBTRACT, (ALL,), audit=("statistics",), optional=True)),
    said(Body.REQUEST, Command(Verb.SUBTRACT, (Termination(b"0102", b"0102"),))),
    said(
        Body.REQUEST,
        Command(
            Verb.SERVICE_CHANGE, (GATEWAY,),
            services=Services(
                "forced", b"905 Termination taken out of service", Mid(Form.PORT, Address("", 2945), b"2945"), ME, 10,
                1, b"ResGW/1", b"20261126T16300000", True,
            ),
        ),
    ),
    said(Body.REQUEST, Command(Verb.SERVICE_CHANGE, (GATEWAY,), services=Services("restart", b"901"))),
    said(Body.REQUEST, Command(Verb.NOTIFY, (GATEWAY,), observed=(b"it/ito", b"0x00a1/0x0001"))),
    said(
        Body.REQUEST,
        Command(
            Verb.ADD, (ANY,), signals=(b"ipnapt/latch",), events=(b"al/of",), audit=("media",),
            streams=(Stream(1, "sendreceive", Description((SDP, SDP)), Description(())), Stream(2)),
        ),
        Command(Verb.MODIFY, (ALL,), signals=(), events=()),
    ),
    said(
        Body.REPLY,
        Command(Verb.ADD, (ANY,), streams=(Stream(1, "", None, Description((SDP,)), ((b"rtp/ps", b"10"),)),)),
        Command(Verb.SUBTRACT, (ALL,), statistics=((b"rtp/ps", b"10"), (b"nt/os", b""))),
        Command(Verb.MODIFY, (ALL,), error=Failure(430, b"Unknown Termination ID")),
        Command(Verb.NOTIFY, (ALL,)),
        Command(Verb.NOTIFY, (ALL,), error=Failure(500)),
        Command(Verb.AUDIT_VALUE, (GATEWAY,), events=(b"al/on",), signals=(), observed=()),
        Command(Verb.AUDIT_VALUE, (ANY, ALL)),
        Command(Verb.AUDIT_VALUE, (), error=Failure(430)),
        Command(Verb.SERVICE_CHANGE, (GATEWAY,), services=Services(version=1, address=ME, mgc=ME, profile=b"x/1")),
        Command(Verb.SERVICE_CHANGE, (GATEWAY,), error=Failure(502, b"Not ready")),
        wants_ack=True, segment=2, last=True,
    ),
    said(Body.REPLY, error=Failure(505, b"Not registered")),
    said(Body.PENDING),
    said(Body.ACK, transaction=0, acks=((1, 1), (5, 9))),
    said(Body.SEGMENT, segment=3, last=True),
    said(Body.ERROR, transaction=0, error=Failure(400, b"Syntax error")),
    attrs.evolve(said(Body.PENDING), mid=Mid(Form.DEVICE, None, b"sbc1", b"sbc1")),
    attrs.evolve(said(Body.PENDING), mid=Mid(Form.MTP, None, b"MTP{0c01}", b"0c01")),
    attrs.evolve(said(Body.PENDING), mid=Mid(Form.IP6, Address("2001:db8::1", 0), b"[2001:db8::1]")),
    attrs.evolve(said(Body.REPLY), actions=(Action(b"$", error=Failure(412), emergency=True),)),
    attrs.evolve(said(Body.REQUEST), actions=(Action(b"4294967293", emergency=True), Action(b"*"))),
]  # fmt: skip


def library_says(data: bytes) -> str:
    pycrate = pytest.importorskip("pycrate_asn1dir.H248")
    kind = pycrate.MEDIA_GATEWAY_CONTROL.MegacoMessage
    kind.from_ber(data)
    return str(kind.to_asn1())


@pytest.mark.parametrize("message", MADE, ids=lambda each: f"{each.body.value}-{each.mid.form.value}")
def test_read_again_it_says_the_same(message: H248Message) -> None:
    data = write(message)
    assert decode(data).meaning == message.meaning
    assert parts(data) == (data,)
    assert "transactionId" in (text := library_says(data)) or message.body in (Body.ACK, Body.ERROR), text


@needs_erlang
def test_erlang_reads_it(tmp_path: Path) -> None:
    assert [one for one in terms(tmp_path, [write(each) for each in MADE]) if not one.startswith("{'MegacoM")] == []


@needs_recorded
def test_recorded_messages_written_anew_say_the_same() -> None:
    for data in (*(data for _, data in BINARY), *BINARY_TALKS):
        for each in parts(data):
            message = decode(each)
            assert decode(write(message)).meaning == message.meaning


@needs_recorded
def test_most_of_what_has_nothing_else_is_written_as_erlang_writes_it() -> None:
    every = [each for _, data in BINARY for each in parts(data)]
    same = [each for each in every if write(decode(each)) == each]
    assert len(same) >= 20, len(same)


@pytest.mark.parametrize(
    "message",
    [
        said(Body.ERROR),
        said(Body.REQUEST, Command(Verb.SERVICE_CHANGE, (GATEWAY,))),
        said(Body.REQUEST, Command(Verb.SUBTRACT, (ALL,), audit=("nonsense",))),
        said(Body.REQUEST, Command(Verb.ADD, (ALL,), signals=(b"nobody/knows",))),
        said(Body.REQUEST, Command(Verb.ADD, (ALL,), streams=(Stream(1, "nowhere"),))),
        said(Body.REQUEST, Command(Verb.ADD, (Termination(b"aaln/1", b"aaln/1"),))),
        said(Body.REQUEST, Command(Verb.ADD, (ALL,), streams=(Stream(1, "", Description((Group(b"q=1"),))),))),
        attrs.evolve(said(Body.REQUEST), actions=(Action(b"first"),)),
        attrs.evolve(said(Body.PENDING), mid=Mid(Form.PORT, Address("", 2944), b"2944")),
        attrs.evolve(said(Body.PENDING), mid=Mid(Form.IP4, Address("gw.example", 2944), b"?")),
    ],
)
def test_what_cannot_be_written(message: H248Message) -> None:
    with pytest.raises(BadMessage):
        write(message)
