"""The text encoding: what each form of message says, and that writing changes what it must and nothing else."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.h248.message import ALL, CHOOSE, NULL, BadH248, Body, Failure, Form, H248Message, Services, Verb, Wire
from sbc.h248.text import MAX_PARTS, TextMessage, decode, parts
from tests.h248_messages import COMPACT, PRETTY, PRETTY_AGAIN, TEXTS, needs_recorded, suffix

ADD = b"""MEGACO/1 [192.0.2.1]:2944 ; a comment { with } braces "
Transaction = 7 {
  Context = $ {
    Add = aaln/1, O-W-Add = $ {
      Media {
        Stream = 1 {
          LocalControl { Mode = ReceiveOnly, nt/jit = [1, 2] },
          Local {
v=0
c=IN IP4 $
m=audio $ RTP/AVP 8
v=0
c=IN IP4 $
m=audio $ RTP/AVP 0
a=fmtp:0 {x\\}
          }
        },
        Stream=2{R{v=0
c=IN IP4 192.0.2.9
m=audio 4000 RTP/AVP 8
}}
      },
      Events = 1 { al/of { strict = state }, al/on },
      Signals { SignalList = 3 { cg/rt, cg/bt{SY=TO} }, ipnapt/latch { napt = LATCH } }
    }
  }
}
"""
SERVICES = (
    b"!/1 <gw.example>:2944 T=1{C=-{SC=ROOT{SV{MT=RS,AD=[192.168.1.10]:2944,DL=3,PF=resgw/1,V=2,MG=[192.0.2.7],"
    b'20260101T12000000,RE="901 Cold Boot",SIC}}}}'
)


def test_an_add_says_all_there_is() -> None:
    message = decode(ADD)
    assert (message.wire, message.version, message.body, message.transaction) == (Wire.TEXT, 1, Body.REQUEST, 7)
    assert message.mid.address == Address("192.0.2.1", 2944)
    assert not message.compact
    (action,) = message.actions
    assert action.context == CHOOSE
    first, second = action.commands
    assert (first.verb, first.termination.key, first.streams, first.optional) == (Verb.ADD, b"aaln/1", (), False)
    assert (second.optional, second.wild, second.termination.choose) == (True, True, True)
    one, two = second.streams
    assert (one.id, one.mode, two.id, two.mode) == (1, "receiveonly", 2, "")
    assert one.local is not None and two.remote is not None and one.remote is None
    assert [group.text for group in one.local.groups] == [
        b"v=0\nc=IN IP4 $\nm=audio $ RTP/AVP 8",
        b"v=0\nc=IN IP4 $\nm=audio $ RTP/AVP 0\na=fmtp:0 {x}",
    ]
    assert [group.text for group in two.remote.groups] == [b"v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 8"]
    assert second.events == (b"al/of", b"al/on")
    assert second.signals == (b"cg/rt", b"cg/bt", b"ipnapt/latch")


def test_a_description_is_written_in_place_and_escaped() -> None:
    message = decode(ADD)
    (one, two) = message.commands[1].streams
    assert one.local is not None and two.remote is not None
    message.edit(one.local.groups[1].at, b"v=0\r\nc=IN IP4 203.0.113.1\r\na=x:}\r\n")
    message.edit(two.remote.groups[0].at, b"v=0\nc=IN IP4 203.0.113.1")
    message.edit(message.transaction_at, b"4294967295")
    message.edit(message.mid.at, b"[2001:db8::1]:2944")
    expected = (
        ADD.replace(b"v=0\nc=IN IP4 $\nm=audio $ RTP/AVP 0\na=fmtp:0 {x\\}", b"v=0\r\nc=IN IP4 203.0.113.1\r\na=x:\\}")
        .replace(b"v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 8", b"v=0\nc=IN IP4 203.0.113.1")
        .replace(b"= 7", b"= 4294967295")
        .replace(b"[192.0.2.1]", b"[2001:db8::1]")
    )
    assert message.encode() == expected
    again = decode(expected).commands[1].streams[0].local
    assert again is not None and again.groups[1].text == b"v=0\r\nc=IN IP4 203.0.113.1\r\na=x:}"


def services_of(message: H248Message) -> Services:
    services = message.commands[0].services
    assert services is not None
    return services


def test_a_service_change_says_all_there_is() -> None:
    message = decode(SERVICES)
    assert message.compact
    assert message.mid.form is Form.DOMAIN
    assert message.actions[0].context == NULL
    services = services_of(message)
    assert message.commands[0].termination.key == b"root"
    assert services.address is not None and services.address.address == Address("192.168.1.10", 2944)
    assert services.mgc is not None and services.mgc.address == Address("192.0.2.7", 0)
    assert (services.method, services.delay, services.version, services.profile) == ("restart", 3, 2, b"resgw/1")
    assert (services.reason, services.code, services.timestamp) == (b"901 Cold Boot", 901, b"20260101T12000000")
    assert services.incomplete


def test_what_says_where_a_gateway_is_can_be_written_and_taken_out() -> None:
    message = decode(SERVICES)
    services = services_of(message)
    assert services.address is not None and services.mgc is not None
    message.edit(services.address.at, b"41000")
    message.edit(services.version_at, b"1")
    message.drop(services.mgc.at)
    assert message.encode() == SERVICES.replace(b"AD=[192.168.1.10]:2944", b"AD=41000").replace(
        b"MG=[192.0.2.7],", b""
    ).replace(b"V=2", b"V=1")


@pytest.mark.parametrize(
    ("inside", "left"),
    [
        (b"MT=RS, AD=1 , MG=mgc", b"MT=RS"),
        (b"AD=1,MG=mgc,MT=RS", b"MT=RS"),
        (b"AD=1, MT=RS,\n MG=mgc ", b"MT=RS "),
        (b" AD = 1, MG = MTP { 1234 }", b" "),
    ],
)
def test_parameters_go_with_their_commas(inside: bytes, left: bytes) -> None:
    message = decode(b"!/1 mg T=1{C=-{SC=root{SV{" + inside + b"}}}}")
    services = services_of(message)
    assert services.address is not None and services.mgc is not None
    message.edit(services.address.at, b"7")
    message.drop(services.address.at)
    message.drop(services.mgc.at)
    message.drop(services.mgc.at)
    assert message.encode() == b"!/1 mg T=1{C=-{SC=root{SV{" + left + b"}}}}"


@pytest.mark.parametrize(
    ("text", "body", "transaction", "said"),
    [
        (b"!/1 mg PN=5{}", Body.PENDING, 5, {}),
        (b"MEGACO/3 mg\r\nPending = 5 { ; soon\r\n }\r\n", Body.PENDING, 5, {}),
        (b"!/1 mg K{9-13, 15 ,33 - 40}", Body.ACK, 0, {"acks": ((9, 13), (15, 15), (33, 40))}),
        (b"!/3 mg SM=8/1", Body.SEGMENT, 8, {"segment": 1, "last": False}),
        (b"!/3 mg SM=8/2/&", Body.SEGMENT, 8, {"segment": 2, "last": True}),
        (b"MEGACO/3 mg Segment = 8/2/END ", Body.SEGMENT, 8, {"segment": 2, "last": True}),
        (b'!/1 mg ER=400{"no { sense"}', Body.ERROR, 0, {"error": Failure(400, b"no { sense")}),
        (b'!/1 mg P=5{ER=403{ "bad" }}', Body.REPLY, 5, {"error": Failure(403, b"bad")}),
        (b"!/1 mg P=5{Error = 500{}}", Body.REPLY, 5, {"error": Failure(500)}),
        (b"!/2 mg P=5{IA,C=1{A=x}}", Body.REPLY, 5, {"wants_ack": True}),
        (b"!/3 mg P=5/3/END{C=1{A=x}}", Body.REPLY, 5, {"segment": 3, "last": True}),
    ],
)
def test_other_transactions(text: bytes, body: Body, transaction: int, said: dict[str, object]) -> None:
    message = decode(text)
    assert (message.body, message.transaction) == (body, transaction)
    assert {name: getattr(message, name) for name in said} == said
    assert message.encode() is text
    if transaction:
        message.edit(message.transaction_at, b"77")
        assert decode(message.encode()).transaction == 77


def test_a_reply_says_where_its_errors_are() -> None:
    message = decode(
        b'!/2 mg P=5{C=1{EG,S=t1{SA{rtp/ps=12,nt/os="3"}},MF=t2{ER=430{"who"}},'
        b"ER=500{}},C=*{AV=root{SV,SG{}}},C=9{N=[t1,t2/*]},C=-{AV=C{t1, t2 ;,x\n},AC=C{ER=431{}}},C=8}"
    )
    first, second, third, fourth, fifth = message.actions
    assert (first.emergency, first.error, second.emergency, second.context) == (True, Failure(500), False, ALL)
    subtract, modify = first.commands
    assert subtract.statistics == ((b"rtp/ps", b"12"), (b"nt/os", b"3"))
    assert modify.error == Failure(430, b"who")
    assert second.commands[0].signals == ()
    assert [each.key for each in third.commands[0].terminations] == [b"t1", b"t2/*"]
    assert [each.every for each in third.commands[0].terminations] == [False, True]
    assert [each.key for each in fourth.commands[0].terminations] == [b"t1", b"t2"]
    assert (fourth.commands[1].error, fourth.commands[1].termination.every) == (Failure(431), True)
    assert (fifth.context, fifth.commands) == (b"8", ())


def test_audits_and_notifications() -> None:
    message = decode(
        b"!/3 mg T=5{C=1{S=*{AT{SA,M{ST=1{O{MO}}},DM=x,Packages}},W-AV=x{AT{}},"
        b"N=x{OE=7{20260101T12000000:al/of{a=b},20260101T12000001 : it/ito}},"
        b"MF=x{E,SG,DM={(0s|00s)},TS{SI=OS},MX=H221{a,b},MD[V18,V22]{a/b=1},PG{nt-1}}}}"
    )
    subtract, audit, notify, modify = message.commands
    assert subtract.audit == ("digitmap", "media", "packages", "statistics")
    assert (audit.audit, audit.wild) == ((), True)
    assert notify.observed == (b"al/of", b"it/ito")
    assert (modify.events, modify.signals, modify.observed) == ((), (), None)


def test_a_media_without_stream_is_stream_one() -> None:
    message = decode(b"!/1 mg T=5{C=1{A=x{M{TS{SI=IV},O{MO=IN},L{v=0\nm=audio $ RTP/AVP 0\n},SA{nt/dur}}}}}")
    (stream,) = message.commands[0].streams
    assert (stream.id, stream.mode, stream.statistics) == (1, "inactive", ((b"nt/dur", b""),))
    assert stream.local is not None and len(stream.local.groups) == 1
    assert decode(b"!/1 mg T=5{C=1{A=x{M{TS{SI=IV}}}}}").commands[0].streams == ()


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (b"", []),
        (b"\r\n\t ", []),
        (b"m=audio $ RTP/AVP 0\n", [b"m=audio $ RTP/AVP 0"]),
        (b"\n\t v=0\n\t c=IN IP4 $\n\t", [b"v=0\nc=IN IP4 $"]),
        (b"v=0\rc=IN IP4 $\r", [b"v=0\nc=IN IP4 $"]),
        (b"v=0\r\ns=v=0\r\nV=0\r\n", [b"v=0\r\ns=v=0", b"V=0"]),
        (b"v=0\na=\\\\x\\}{", [b"v=0\na=\\\\x}{"]),
    ],
)
def test_alternatives_of_a_description(body: bytes, texts: list[bytes]) -> None:
    text = b"!/1 mg T=5{C=1{A=x{M{L{" + body + b"}}}}}"
    message = decode(text)
    local = message.commands[0].streams[0].local
    assert local is not None
    assert [group.text for group in local.groups] == texts
    for group in local.groups:
        message.edit(group.at, group.text)
    again = decode(message.encode()).commands[0].streams[0].local
    assert again == local


def test_an_authentication_header_is_told_and_can_go() -> None:
    text = b"AU = 0x12345678:0x00000001:0x0123456789ABCDEF01234567 !/1 [192.0.2.1] PN=1{}"
    message = decode(text)
    assert message.signed
    message.edit(message.mid.at, b"<gw.example>")
    message.drop(message.signed_at)
    assert message.encode() == b"!/1 <gw.example> PN=1{}"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", 400),
        (b"INVITE sip:x SIP/2.0", 400),
        (b"!/1 [1.2.3] T=1{C=1{A=x}}", 400),
        (b"!/4 mg T=1{C=1{A=x}}", 406),
        (b"!/0 mg T=1{C=1{A=x}}", 406),
        (b"!/1 mg", 400),
        (b"!/1 mg X=1{}", 400),
        (b"!/1 mg T{C=1{A=x}}", 403),
        (b"!/1 mg T=0{C=1{A=x}}", 403),
        (b"!/1 mg T=4294967296{C=1{A=x}}", 403),
        (b"!/1 mg T=1", 403),
        (b"!/1 mg T=1{}", 403),
        (b"!/1 mg T=1{A=x}", 403),
        (b"!/1 mg T=1{C=x{A=x}}", 403),
        (b"!/1 mg T=1{C=1{A=x}", 403),
        (b"!/1 mg T=1{C=1{A=x", 422),
        (b"!/1 mg T=1{C=1{,A=x}}", 422),
        (b"!/1 mg T=1{C=1{A}}", 442),
        (b"!/1 mg T=1{C=1{A=" + b"x" * 257 + b"}}", 442),
        (b"!/1 mg T=1{C=1{A=[]}}", 442),
        (b"!/1 mg T=1{C=1{A=x{M{ST=x{}}}}}", 442),
        (b"!/1 mg T=1{C=1{A=x{M{ST=1{L{v=0\n", 442),
        (b"!/1 mg T=1{C=1{A=x{M{ST=1{L{}}},M{ST=1{L{}}}}}}", 448),
        (b"!/1 mg T=1{C=1{SC=x{SV{AD=[1.2]}}}}", 442),
        (b"!/1 mg T=1{C=1{SC=x{SV{DL=x}}}}", 442),
        (b"!/1 mg T=1{C=1{SC=x{SV{MT}}}}", 442),
        (b"!/1 mg T=1{C=1{A=x{M{ST=1{" + b"q{" * 40 + b"}" * 40 + b"}}}}}", 400),
        (b"!/1 mg T=1{C=1{A=x}}T=2{C=1{A=x}}", 413),
        (b"!/1 mg T=1{C=1{A=x}}}", 400),
        (b"!/1 mg P=1{C=1{ER=x{}}}", 422),
        (b"!/1 mg P=1/65536{C=1{A=x}}", 403),
        (b"!/1 mg SM=1", 403),
        (b"!/1 mg K{}", 400),
        (b"!/1 mg K{5-4}", 400),
        (b"!/1 mg K{" + b"1," * 300 + b"1}", 400),
        (b"!/1 mg T=1{C=1{" + b"A=x," * 1100 + b"A=x}}", 442),
        (b"!/1 mg T=1{C=1{A=x{SG{" + b"a/b," * 10_100 + b"a/b}}}}", 400),
        (b"!/1 mg PN=1{}" + b" " * 65_536, 400),
    ],
)
def test_what_is_malformed_says_why(text: bytes, code: int) -> None:
    with pytest.raises(BadH248) as raised:
        decode(text)
    assert raised.value.code == code
    partial = raised.value.partial
    if partial is not None and text[3:].startswith(b" mg T=1{"):
        assert (partial.transaction, partial.body) == (1, Body.REQUEST)
    parts(text)


def test_fillings_behind_a_message_are_passed_over() -> None:
    for end in (b"\r\n", b"\x00\x00", b" ; the end"):
        assert decode(b"!/1 mg PN=1{}" + end).transaction == 1


def test_a_message_of_several_transactions_is_cut() -> None:
    head = b"AU=0x1:0x2:0x3 !/1 [192.0.2.1]:2944\n"
    bodies = [
        b"K{1-2}",
        b"SM=8/1",
        b"T=1{C=1{A=x{M{L{v=0\na=\\} T=9{ {\\}\n}}}}}",
        b'P=2 { ER=500{"} T=1{"} }',
        b"SM=9/2/&",
    ]
    text = head + b"\n ; and\n".join(bodies)
    assert parts(text) == tuple(head + body for body in bodies)
    assert [decode(part).transaction for part in parts(text)] == [0, 8, 1, 2, 9]
    assert all(decode(part).signed for part in parts(text))


def test_what_is_one_message_or_none_stays_as_it_is() -> None:
    for text in (b"", b"x", ADD, SERVICES, b"!/1 mg SM=8/1", b"!/1 mg T=1{}T=2{", b"!/1 mg T=1{} x", b"!/1 mg "):
        assert parts(text) == (text,)
        assert parts(text)[0] is text


def test_too_many_are_not_taken_in_part() -> None:
    most = b"!/1 mg " + b"T=1{C=1{A=x}}" * MAX_PARTS
    assert parts(most) == (b"!/1 mg T=1{C=1{A=x}}",) * MAX_PARTS
    more = most + b"T=2{C=1{A=x}}"
    assert parts(more) == (more,)
    with pytest.raises(BadH248) as raised:
        decode(more)
    assert raised.value.code == 413


@pytest.mark.parametrize(
    ("spot", "new"),
    [
        ("transaction_at", b"x"),
        ("transaction_at", b""),
        ("transaction_at", b"1" * 11),
        ("mid", b"[1.2]"),
        ("mid", b"a b"),
    ],
)
def test_what_does_not_fit_is_not_written(spot: str, new: bytes) -> None:
    message = decode(ADD)
    with pytest.raises(BadMessage):
        message.edit(message.mid.at if spot == "mid" else getattr(message, spot), new)
    assert message.encode() is ADD


def test_a_name_can_be_written() -> None:
    message = decode(b"!/3 mg T=1{C=1{A=x,MF=[a,b]}}")
    names = [each for command in message.commands for each in command.terminations]
    for each in names:
        message.edit(each.at, each.name + b"/1")
    assert message.encode() == b"!/3 mg T=1{C=1{A=x/1,MF=[a/1,b/1]}}"
    with pytest.raises(BadMessage):
        message.edit(names[0].at, b"a b")


def test_what_cannot_be_missing_is_not_taken_out() -> None:
    message = decode(ADD)
    with pytest.raises(BadMessage):
        message.drop(message.transaction_at)
    local = message.commands[1].streams[0].local
    assert local is not None
    for text in (b"v=0\n\x00", b"v=0\\"):
        with pytest.raises(BadMessage):
            message.edit(local.groups[0].at, text)
    message.edit(local.groups[0].at, b"v=0\n" + b"a=x\n" * 20_000)
    with pytest.raises(BadMessage):
        message.encode()


@needs_recorded
def test_recorded_messages_stay_as_they_came() -> None:
    assert len(TEXTS) == 285
    for data in TEXTS:
        for part in parts(data):
            message = decode(part)
            assert isinstance(message, TextMessage)
            assert message.encode() is part
            rewritten = rewrite(message)
            assert rewritten == part


def rewrite(message: H248Message) -> bytes:
    """The message with everything written that can be, as it was."""
    message.edit(message.mid.at, message.mid.text)
    if message.transaction_at is not None:
        message.edit(message.transaction_at, b"%d" % message.transaction)
    for command in message.commands:
        for stream in command.streams:
            for description in (stream.local, stream.remote):
                for group in () if description is None else description.groups:
                    message.edit(group.at, group.text)
        services = command.services
        for place in () if services is None else (services.address, services.mgc):
            if place is not None:
                message.edit(place.at, place.text)
    return message.encode()


@needs_recorded
@pytest.mark.parametrize("other", [PRETTY_AGAIN, COMPACT], ids=["pretty", "compact"])
def test_the_same_message_means_the_same_however_it_is_spelt(other: list[tuple[str, bytes]]) -> None:
    spelt = {suffix(name): data for name, data in other}
    for name, data in PRETTY:
        one, two = parts(data), parts(spelt[suffix(name)])
        assert [decode(each).meaning for each in one] == [decode(each).meaning for each in two], name
