"""What SIP messages get of ours on a hop, and what answers get back."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.realm import Hosts
from sbc.sip.codec import decode
from sbc.sip.dialect import SipDialect
from sbc.sip.stamp import escape_in_header, received_vias
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, make_plan, sends
from tests.sip_messages import answer, header, invite, message, plain_answer, request


@pytest.mark.parametrize(
    ("via", "expected"),
    [
        (
            b"SIP/2.0/UDP 192.168.1.10;branch=b;rport",
            b"SIP/2.0/UDP 192.168.1.10;branch=b;received=203.0.113.11;rport=40001",
        ),
        (b"SIP/2.0/UDP 192.168.1.10;branch=b", b"SIP/2.0/UDP 192.168.1.10;branch=b;received=203.0.113.11"),
        (b"SIP/2.0/UDP 203.0.113.11;branch=b", b"SIP/2.0/UDP 203.0.113.11;branch=b"),
        (
            b"SIP/2.0/UDP h;received=1.2.3.4;rport=9;branch=b",
            b"SIP/2.0/UDP h;branch=b;received=203.0.113.11;rport=40001",
        ),
    ],
)
def test_received_and_rport_say_what_was_seen(via: bytes, expected: bytes) -> None:
    data = invite(PHONE).replace(
        b"Via: " + header(invite(PHONE), b"Via"), b"Via: " + via + b", SIP/2.0/UDP other;branch=c"
    )
    assert received_vias(decode(data), NAT) == [expected, b"SIP/2.0/UDP other;branch=c"]


def rig() -> Rig:
    return Rig.make(SipDialect())


def test_all_vias_of_a_request_give_way_to_ours_and_come_back_in_order() -> None:
    made = rig()
    asked = invite(PHONE).replace(
        b"Max-Forwards", b"v: SIP/2.0/UDP proxy1;branch=x, SIP/2.0/UDP proxy2;branch=y\r\nMax-Forwards"
    )
    (sent,) = sends(made.from_access(asked), "core")
    assert sent.count(b"SIP/2.0/UDP") == 1 and b"proxy" not in sent
    (back,) = sends(made.from_core(answer(sent, SOFTSWITCH.host)), "access")
    order = [back.index(part) for part in (b"192.168.1.10:5060;branch", b"proxy1;branch=x", b"proxy2;branch=y")]
    assert order == sorted(order)


def test_routes_do_not_cross_but_a_record_comes_back_to_whoever_wrote_it() -> None:
    made = rig()
    asked = invite(PHONE).replace(
        b"Max-Forwards", b"Route: <sip:203.0.113.1;lr>\r\nRecord-Route: <sip:192.168.1.1;lr>\r\nMax-Forwards"
    )
    (sent,) = sends(made.from_access(asked), "core")
    assert b"oute:" not in sent
    (back,) = sends(made.from_core(answer(sent, SOFTSWITCH.host)), "access")
    assert header(back, b"Record-Route") == b"<sip:192.168.1.1;lr>"


def test_max_forwards_goes_down_or_begins() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    assert header(sent, b"Max-Forwards") == b"69"
    (sent,) = sends(made.from_access(invite(PHONE, b"two").replace(b"Max-Forwards: 70\r\n", b"")), "core")
    assert header(sent, b"Max-Forwards") == b"70"


def test_an_answer_without_a_tag_gets_none() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    ringing = plain_answer(sent, b"180 Ringing").replace(b";tag=b", b"")
    (back,) = sends(made.from_core(ringing), "access")
    assert header(back, b"To") == b"<sip:bob@sbc.example.com>"


def test_what_follows_the_body_does_not_cross() -> None:
    made = rig()
    (sent,) = sends(
        made.from_access(request(b"INFO", b"sip:bob@example.com", PHONE) + b"192.168.1.10 trailing"), "core"
    )
    assert sent.endswith(b"\r\n\r\n")


def test_replaces_in_an_invite_names_the_call_on_the_other_side() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    asked = invite(PHONE, b"two").replace(b"CSeq:", b"Replaces: one@192.168.1.10;to-tag=b;from-tag=a-one\r\nCSeq:")
    (second,) = sends(made.from_access(asked), "core")
    assert header(second, b"Replaces") == header(sent, b"Call-ID") + b";to-tag=b;from-tag=a-one"


def test_escapes() -> None:
    assert escape_in_header(b"a@b;c=d e") == b"a%40b%3Bc%3Dd%20e"
    assert message(b"x") and Address("a", 1)


def test_addresses_in_headers_nobody_knows_are_hidden_and_all_else_in_them_passes() -> None:
    made = rig()
    value = b"CS=0;IP=192.168.1.10:4000,203.0.113.1:20002;NAT=203.0.113.11;V=1.2.3.4;X=192.168.1.101;Y=1192.168.1.10"
    asked = invite(PHONE).replace(b"CSeq:", b"X-RTP-Stat: " + value + b"\r\nUser-Agent: phone/1.2.3.4\r\nCSeq:")
    (sent,) = sends(made.from_access(asked), "core")
    assert header(sent, b"X-RTP-Stat") == (
        b"CS=0;IP=198.51.100.1:4000,198.51.100.1:20002;NAT=198.51.100.1;V=1.2.3.4;X=192.168.1.101;Y=1192.168.1.10"
    )
    assert header(sent, b"User-Agent") == b"phone/1.2.3.4"
    ok = answer(sent, SOFTSWITCH.host).replace(b"CSeq:", b"P-Charging-Vector: orig=198.51.100.2\r\nCSeq:")
    (back,) = sends(made.from_core(ok), "access")
    assert header(back, b"P-Charging-Vector") == b"orig=203.0.113.1"


def test_credentials_cross_as_they_are() -> None:
    made = rig()
    credentials = b'Digest username="a", uri="sip:203.0.113.1", response="0"'
    (sent,) = sends(
        made.from_access(invite(PHONE).replace(b"CSeq:", b"Authorization: " + credentials + b"\r\nCSeq:")), "core"
    )
    assert header(sent, b"Authorization") == credentials


def test_what_stands_beside_the_uri_does_not_leak_either() -> None:
    made = rig()
    asked = invite(PHONE)
    for old, new in (
        (
            b'"Alice" <sip:alice@sbc.example.com>',
            b'"Alice at 192.168.1.10" <sip:alice@sbc.example.com;maddr=192.168.1.10>',
        ),
        (b";ob>", b';ob>;received="sip:192.168.1.10:5060"'),
        (b"CSeq:", b'Warning: 399 x "not 192.168.1.10"\r\nRefer-To: <http://192.168.1.10/>\r\nCSeq:'),
    ):
        assert old in asked
        asked = asked.replace(old, new)
    (sent,) = sends(made.from_access(asked), "core")
    assert b"192.168" not in sent
    (back,) = sends(made.from_core(answer(sent, SOFTSWITCH.host)), "access")
    assert header(back, b"From").startswith(b'"Alice at 192.168.1.10" <sip:alice@sbc.example.com;maddr=192.168.1.10>')


def test_only_our_own_marks_in_a_via_are_cut() -> None:
    via = b"SIP/2.0/UDP 192.168.1.10;rport-x=1;branch=b;rport"
    data = invite(PHONE).replace(header(invite(PHONE), b"Via"), via)
    assert received_vias(decode(data), NAT) == [
        b"SIP/2.0/UDP 192.168.1.10;rport-x=1;branch=b;received=203.0.113.11;rport=40001"
    ]


def sent_on(old: bytes, new: bytes, **path: object) -> bytes:
    """An INVITE, `new` in it in place of `old`, as it goes on into the core."""
    asked = invite(PHONE).replace(old, new, 1)
    assert asked != invite(PHONE)
    (sent,) = sends(Rig.make(SipDialect(), make_plan("sip", **path)).from_access(asked), "core")
    return sent


def test_who_names_the_sbc_by_its_address_means_the_domain_with_and_without_a_port() -> None:
    for host in (b"203.0.113.1", b"203.0.113.1:5060"):
        sent = sent_on(b"<sip:alice@sbc.example.com>", b"<sip:alice@%b>" % host, domain="voice.example")
        assert header(sent, b"From") == b'"Alice" <sip:alice@voice.example>;tag=a-one'


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (b"sip:bob@sbc.example.com;maddr=203.0.113.1;user=phone", b"sip:bob@198.51.100.2;user=phone"),
        (b"sip:bob@sbc.example.com;maddr=192.0.2.7", b"sip:bob@198.51.100.2;maddr=192.0.2.7"),
        (b"sip:bob@sbc.example.com;x=192.168.1.10", b"sip:bob@198.51.100.2;x=198.51.100.1"),
        (b"sip:192.168.1.10@sbc.example.com?Subject=192.168.1.10",
         b"sip:198.51.100.1@198.51.100.2?Subject=198.51.100.1"),
        (b"sip:bob@192.168.1.10", b"sip:bob@198.51.100.2"),
        (b"tel:7;phone-context=192.168.1.10", b"tel:7;phone-context=198.51.100.1"),
    ],
)  # fmt: skip
def test_a_request_uri_shows_no_address_of_the_other_side_nor_leads_back(said: bytes, written: bytes) -> None:
    assert sent_on(b"INVITE sip:bob@sbc.example.com ", b"INVITE %b " % said).startswith(b"INVITE %b SIP" % written)


def test_the_host_of_a_request_uri_is_the_paths_to_keep() -> None:
    asked = b"INVITE sip:bob@192.168.1.10;x=192.168.1.10 "
    sent = sent_on(b"INVITE sip:bob@sbc.example.com ", asked, hosts=Hosts.KEEP)
    assert sent.startswith(b"INVITE sip:bob@192.168.1.10;x=198.51.100.1 ")


def test_an_address_is_found_behind_an_escape_and_between_letters() -> None:
    value = b"<sip:b@x.example?Contact=sip%3Aa%40192.168.1.10%3A5060>"
    sent = sent_on(
        b"CSeq:", b"Refer-To: " + value + b"\r\nSubject: v192.168.1.10x 0192.168.1.10 1.192.168.1.10\r\nCSeq:"
    )
    assert header(sent, b"Refer-To") == value.replace(b"192.168.1.10", b"198.51.100.1")
    assert header(sent, b"Subject") == b"v198.51.100.1x 0192.168.1.10 1.192.168.1.10"


def test_a_call_id_with_an_address_in_the_replaces_of_a_refer_to_is_written_once() -> None:
    for at in (b"@", b"%40"):
        value = b"<sip:b@x.example?Replaces=two" + at + b"192.168.1.10%3Bto-tag%3Db>"
        written = header(sent_on(b"CSeq:", b"Refer-To: " + value + b"\r\nCSeq:"), b"Refer-To")
        assert written.startswith(b"<sip:b@x.example?Replaces=") and written.endswith(b"%3Bto-tag%3Db>")
        assert b"two" not in written and b".1" not in written


def test_the_reason_phrase_of_an_answer_shows_no_address() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    (back,) = sends(made.from_core(plain_answer(sent, b"503 Lost 198.51.100.2:5060 (198.51.100.2)")), "access")
    assert back.startswith(b"SIP/2.0 503 Lost 203.0.113.1:5060 (203.0.113.1)\r\n")


def test_what_a_notify_tells_of_another_message_shows_no_address() -> None:
    told = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.168.1.10:5060;received=203.0.113.11\r\n"
    asked = request(b"NOTIFY", b"sip:b@x.example", PHONE)
    head = asked.partition(b"Content-Length:")[0]
    plain = message(*head.split(b"\r\n")[:-1], body=told, content=b"Message/SIPfrag;version=2.0")
    mixed = b"--x\r\nContent-Type: message/sipfrag\r\n\r\n" + told + b"\r\n--x--\r\n"
    for data in (plain, message(*head.split(b"\r\n")[:-1], body=mixed, content=b"multipart/mixed;boundary=x")):
        (sent,) = sends(rig().from_access(data), "core")
        body = sent.partition(b"\r\n\r\n")[2]
        hidden = told.replace(b"192.168.1.10:5060", b"198.51.100.1").replace(b"203.0.113.11", b"198.51.100.1")
        assert hidden in body
        assert header(sent, b"Content-Length") == b"%d" % len(body)


@pytest.mark.parametrize("tag", [b'"a<b"', b'"a;b=c, d"', b'"a\r\n b"'])
def test_a_tag_goes_on_with_its_quotes(tag: bytes) -> None:
    """Without them what was inside would be the header's own; the rig sees to it that it is read the same there."""
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    (back,) = sends(
        made.from_core(answer(sent, SOFTSWITCH.host).replace(b";tag=b\r", b";tag=" + tag + b"\r")), "access"
    )
    assert header(back, b"To").endswith(b";tag=" + tag.replace(b"\r\n", b""))


def test_a_request_that_was_folded_is_answered_with_other_line_ends() -> None:
    made = rig()
    folded = invite(PHONE).replace(b";rport\r", b"\r\n ;rport\r").replace(b'" <sip:a', b'"\r\n <sip:a')
    folded = folded.replace(b"CSeq:", b"Record-Route: <sip:192.168.1.1;lr>\r\n ;x=y\r\nCSeq:")
    (sent,) = sends(made.from_access(folded), "core")
    reply = plain_answer(sent.replace(b'"\r\n <', b'" <'), b"180 Ringing").replace(b"\r\n", b"\n")
    (back,) = sends(made.from_core(reply), "access")
    assert (
        b"\r" not in back and b'From: "Alice" <sip:a' in back and b"Record-Route: <sip:192.168.1.1;lr> ;x=y\n" in back
    )
