"""What of a body that tells of other dialogues (RFC 4235) crosses, how it is written there, and what is not taken."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import BadMessage, Role
from sbc.core.realm import Hosts
from sbc.sip.dialect import SipDialect
from sbc.sip.dialog_info import DialogInfo
from sbc.sip.xml import MAX_ADDRESSES, MAX_DEPTH, MAX_ELEMENTS, MAX_SIZE, escape_xml, unescape_xml
from tests.calls.test_calls import answered, only_call
from tests.effort import effort
from tests.laws import assert_no_trace
from tests.rig import PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, make_plan, sends
from tests.sip_messages import header, invite, message, request

BODY = b"""<?xml version="1.0" encoding="UTF-8"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="3" state="full" entity="sip:bob@OWN">
 <!-- <dialog-info> -->
 <dialog id="one" call-id="ab&amp;c@OWN" local-tag="l1" remote-tag='r1' direction="recipient">
  <state>confirmed</state>
  <local><identity display="b > a">sip:bob@OWN</identity><target uri="sip:bob@OWN:5060;ob"/></local>
  <d:remote><d:identity>sips:carol@voice.example</d:identity><target uri='sip:c@FAR:5062'>
   <param pname="x" pval="OWN"/></target></d:remote>
  <route-set><hop>&lt;sip:OWN;lr&gt;</hop></route-set>
  <session-description type="application/sdp"><![CDATA[c=IN IP4 FAR]]></session-description>
 </dialog>
</dialog-info>
"""


def told(own: str, far: str) -> bytes:
    return BODY.replace(b"OWN", own.encode()).replace(b"FAR", far.encode())


def notify(body: bytes, content: bytes = b"application/dialog-info+xml") -> bytes:
    head = request(b"NOTIFY", b"sip:b@x.example", PHONE).partition(b"Content-Length:")[0]
    return message(*head.split(b"\r\n")[:-1], body=body, content=content)


def crossed(data: bytes, hosts: Hosts = Hosts.ADDRESSES) -> bytes:
    """The body of what goes on to the core, whose length is told as it is."""
    rig = Rig.make(SipDialect(), make_plan("sip", hosts=hosts))
    (sent,) = sends(rig.from_access(data), "core")
    body = sent.partition(b"\r\n\r\n")[2]
    assert header(sent, b"Content-Length") == b"%d" % len(body)
    return body


def test_no_address_crosses_and_all_else_stays_as_it_was() -> None:
    body = crossed(notify(told("192.168.1.10", "10.9.9.9")))
    assert b"192.168.1.10" not in body and b"10.9.9.9" not in body and b":506" not in body
    ours = told(SBC_CORE.host, SBC_CORE.host)
    for port in (b":5060;ob", b":5062'"):
        ours = ours.replace(port, port[5:])
    start, stop = (b'call-id="', b'" local')
    assert body.partition(start)[0] == ours.partition(start)[0]
    assert body.partition(stop)[2] == ours.partition(stop)[2]
    assert b"ab&amp;c" not in body, "the name of a dialogue is hidden as its Call-ID is"


def test_what_comes_from_the_core_shows_a_phone_no_address_of_it() -> None:
    rig, _, _, _ = answered()
    wire = told(SOFTSWITCH.host, "198.51.100.77")
    sent = sends(rig.from_core(_to_phone(rig, wire)), "access")[-1]
    assert sent.startswith(b"NOTIFY ")
    assert b"198.51.100." not in sent.partition(b"\r\n\r\n")[2]
    assert SBC_ACCESS.host.encode() in sent


def _to_phone(rig: Rig, body: bytes) -> bytes:
    """A NOTIFY of the softswitch inside the call to the phone."""
    call = only_call(rig)
    acknowledged = next(data for data in reversed(sends(rig.log, "core")) if data.startswith(b"INVITE "))
    contact = header(acknowledged, b"Contact").strip(b"<>")
    head = [
        b"NOTIFY " + contact + b" SIP/2.0",
        b"Via: SIP/2.0/UDP 198.51.100.2:5060;branch=z9hG4bKnot",
        b"From: " + header(acknowledged, b"To") + b";tag=b",
        b"To: " + header(acknowledged, b"From"),
        b"Call-ID: " + call.legs[1].label,
        b"CSeq: 7 NOTIFY",
        b"Max-Forwards: 70",
    ]
    return message(*head, body=body, content=b"application/dialog-info+xml")


def test_a_known_dialogue_is_named_as_the_other_side_names_it() -> None:
    rig, _, _, _ = answered()
    call = only_call(rig)
    body = BODY.replace(b"ab&amp;c@OWN", escape_xml(call.legs[1].label))
    sent = sends(rig.from_core(_to_phone(rig, body)), "access")[-1]
    assert b'call-id="' + escape_xml(call.legs[0].label) + b'" local-tag="l1" remote-tag=\'r1\'' in sent


@pytest.mark.parametrize("tag", [b"r1", b"r-198.51.100.9"])
def test_a_call_that_we_do_not_carry_can_be_picked_up(tag: bytes) -> None:
    """The core's own call has a name on the phone's side, by which the phone can replace it (RFC 3891)."""
    rig, _, _, _ = answered()
    body = BODY.replace(b"ab&amp;c@OWN", b"ab&amp;c@198.51.100.9").replace(b"'r1'", b"'" + tag + b"'")
    sent = sends(rig.from_core(_to_phone(rig, body)), "access")[-1]
    assert_no_trace(sent, "198.51.100.9", SOFTSWITCH.host)
    found = re.search(rb'call-id="([^"]*)" local-tag="([^"]*)" remote-tag=.([^\'"]*)', sent)
    assert found is not None
    line = b"Replaces: %b;from-tag=%b;to-tag=%b\r\nCSeq:" % found.groups()
    (asked,) = sends(rig.from_access(invite(PHONE, call=b"pickup").replace(b"CSeq:", line)), "core")
    assert header(asked, b"Replaces") == b"ab&c@198.51.100.9;from-tag=l1;to-tag=" + tag


def test_names_of_users_pass_where_the_path_keeps_them_and_contacts_do_not() -> None:
    body = crossed(notify(told("192.168.1.10", "192.168.1.10")), Hosts.KEEP)
    assert b'entity="sip:bob@192.168.1.10"' in body and b">sip:bob@192.168.1.10</identity>" in body
    assert b'uri="sip:bob@198.51.100.1;ob"' in body and b'pval="198.51.100.1"' in body


def test_a_part_of_several_is_read_too() -> None:
    part = told("192.168.1.10", "10.9.9.9")
    mixed = b"--x\r\nContent-Type: Application/Dialog-Info+XML\r\n\r\n" + part + b"\r\n--x--\r\n"
    body = crossed(notify(mixed, b"multipart/mixed;boundary=x"))
    assert b"192.168.1.10" not in body and b"10.9.9.9" not in body


BOMB = b'<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]><dialog-info>&lol2;</dialog-info>'
REFUSED = [
    BOMB,
    b"<!DOCTYPE dialog-info SYSTEM 'http://192.168.1.10/x'><dialog-info/>",
    b"<dialog-info>" + b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH + b"</dialog-info>",
    b"<dialog-info>" + b"<a/>" * MAX_ELEMENTS + b"</dialog-info>",
    b"<dialog-info>" + b"10.0.0.1 " * (MAX_ADDRESSES + 1) + b"</dialog-info>",
    b"<dialog-info>" + b" " * MAX_SIZE + b"</dialog-info>",
    b"<dialog-info><a></dialog-info>",
    b"<dialog-info></a></dialog-info></dialog-info>",
    b"<dialog-info entity='x></dialog-info>",
    b"<dialog-info><!-- ></dialog-info>",
    b"<dialog-info><![CDATA[</dialog-info>",
    b"<dialog-info>a < b</dialog-info>",
    b"no XML",
    b"<dialog-info>&#49;92.168.1.10</dialog-info>",
    b"<dialog-info>192&#x2e;168.1.10</dialog-info>",
    b"<dialog-info>&#" + b"0" * 5000 + b"49;</dialog-info>",
    "<dialog-info>192.168.1.10</dialog-info>".encode("utf-16"),
    b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-7"?><dialog-info/>',
]


@pytest.mark.parametrize("body", REFUSED, ids=range(len(REFUSED)))
def test_what_is_too_much_or_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(BadMessage):
        DialogInfo(body, 0, len(body))
    rig = Rig.make(SipDialect())
    log = rig.from_access(notify(body))
    assert sends(log, "core") == []
    (back,) = sends(log, "access")
    assert back.startswith(b"SIP/2.0 400 ")


@pytest.mark.parametrize(
    "body",
    [
        b"<dialog-info/>",
        b"<?xml version='1.0'?>\n<d:dialog-info xmlns:d='urn:x'>&#233;&amp;&lt;\xc3\xa9</d:dialog-info>\n",
        b"<dialog-info>" + b"<a>" * (MAX_DEPTH - 1) + b"</a >" * (MAX_DEPTH - 1) + b"</dialog-info>",
        b"<dialog-info><dialog id='a'/><dialog call-id='x'/><dialog call-id=''/></dialog-info>",
    ],
)
def test_what_is_harmless_passes_as_it_is(body: bytes) -> None:
    assert DialogInfo(body, 0, len(body)).slots == []
    assert crossed(notify(body)).replace(b"\n", b"")[:14] == body.replace(b"\n", b"")[:14]


def test_who_is_named_where() -> None:
    body = told("192.168.1.10", "10.9.9.9")
    read = DialogInfo(body, 0, len(body))
    roles = [(slot.place.address.host, slot.role) for slot in read.slots]
    assert roles == [
        ("192.168.1.10", Role.IDENTITY),
        ("192.168.1.10", Role.HIDE),  # in the Call-ID
        ("192.168.1.10", Role.IDENTITY),
        ("192.168.1.10", Role.HIDE),
        ("10.9.9.9", Role.HIDE),
        ("192.168.1.10", Role.HIDE),
        ("192.168.1.10", Role.HIDE),
        ("10.9.9.9", Role.HIDE),
    ]
    ((call_id, tags),) = read.dialogues
    assert body[slice(*call_id)] == b"ab&amp;c@192.168.1.10" and [body[slice(*tag)] for tag in tags] == [b"l1", b"r1"]


@given(st.binary(max_size=60))
def test_a_value_that_is_escaped_is_read_as_it_was(value: bytes) -> None:
    assert unescape_xml(escape_xml(value)) == value
    assert not set(escape_xml(value)) & set(b"<>\"'")


PIECES = [
    b"<", b">", b"/", b"</", b"/>", b"<a", b"<dialog call-id=", b"<identity>", b"</identity>", b'"', b"'", b"=", b" ",
    b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?", b"?>", b"&#", b";", b"1.2.3.4", b"::1", b"[", b"]", b"\xff",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join))
def test_anything_is_read_or_refused(text: bytes) -> None:
    for body in (text, b"<dialog-info>" + text + b"</dialog-info>"):
        try:
            read = DialogInfo(body, 0, len(body))
        except BadMessage:
            continue
        assert all(body[slot.at[0] : slot.at[1]] for slot in read.slots)


@pytest.mark.parametrize(
    "evil",
    [b"<" * 30_000, b"<a " * 10_000, b"<a b='" * 5_000, b"<!--" * 8_000, b"&#1" * 10_000, b"<a>" * 10_000,
     b"<?xml " * 5_000, b"<identity>" * 3_000, b"<dialog" + b" a=''" * 6_000 + b"/>", b"<![CDATA[" * 3_500],
)  # fmt: skip
def test_no_body_takes_long(evil: bytes) -> None:
    def read() -> None:
        for body in (evil, b"<dialog-info>" + evil + b"</dialog-info>"):
            with suppress(BadMessage):
                DialogInfo(body, 0, len(body))

    assert effort(read, enough=1000) < 1000
