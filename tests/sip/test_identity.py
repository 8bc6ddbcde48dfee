"""Identities that a network vouches for: believed of the core, not of terminals, and kept from them where private."""

from __future__ import annotations

import pytest

from sbc.core.orders import Send
from sbc.core.realm import Hosts
from sbc.sip.codec import decode
from sbc.sip.dialect import SipDialect
from sbc.sip.identity import is_private
from sbc.sip.options import Asserted, SipOptions
from tests.calls.test_calls import answered, bye_from_core
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, make_plan, of, sends
from tests.sip_messages import answer, contact, header, invite, register, registered, request

PAI = b"P-Asserted-Identity: <sip:president@gov.example>\r\nP-Asserted-Identity: <tel:+1>\r\n"
PPI = b"P-Preferred-Identity: <sip:alice@sbc.example.com>\r\n"
RPID = b"Remote-Party-ID: <sip:president@gov.example>;party=calling\r\n"


def rig(asserted: Asserted = Asserted.STRIP, hosts: Hosts = Hosts.ADDRESSES) -> Rig:
    return Rig.make(SipDialect(), make_plan("sip", options={"sip": SipOptions(asserted=asserted)}, hosts=hosts))


def said(data: bytes, more: bytes) -> bytes:
    return data.replace(b"CSeq:", more + b"CSeq:", 1)


@pytest.mark.parametrize("made", [Rig.make(SipDialect()), rig()])
def test_what_a_terminal_asserts_does_not_reach_the_core_and_what_it_prefers_does(made: Rig) -> None:
    (sent,) = sends(made.from_access(said(invite(PHONE), PAI + PPI + RPID)), "core")
    assert b"president" not in sent and b"tel:+1" not in sent and b"Asserted" not in sent
    assert header(sent, b"P-Preferred-Identity") == b"<sip:alice@198.51.100.2>"
    (sent,) = sends(made.from_access(said(request(b"MESSAGE", b"sip:b@x.example", PHONE), PAI)), "core")
    assert b"Asserted" not in sent


def test_with_private_addresses_in_it_it_goes_all_the_same() -> None:
    pai = b"P-Asserted-Identity: <sip:x@192.168.1.10>, <sip:y@203.0.113.11>;a=192.168.1.10\r\n"
    (sent,) = sends(rig().from_access(said(invite(PHONE), pai)), "core")
    assert b"Asserted" not in sent


def test_a_trusted_realm_may_assert() -> None:
    (sent,) = sends(rig(Asserted.KEEP).from_access(said(invite(PHONE), PAI + RPID)), "core")
    assert sent.count(b"P-Asserted-Identity") == 2 and b"<sip:president@gov.example>" in sent and b"Remote-" in sent


def from_core(made: Rig, more: bytes) -> bytes:
    (bound,) = sends(made.from_access(register(PHONE)), "core")
    made.from_core(registered(bound))
    orders = made.from_core(said(invite(SOFTSWITCH, to=contact(bound)), more))
    (send,) = [each for each in of(Send, orders) if each.listener.realm == "access"]
    assert send.to == NAT
    return send.data


def test_a_terminal_is_told_who_calls_unless_that_is_private() -> None:
    assert from_core(rig(), PAI).count(b"P-Asserted-Identity") == 2
    assert from_core(rig(), PAI + b"Privacy: none\r\n").count(b"P-Asserted-Identity") == 2
    for privacy in (b"id", b"header;id;critical", b"user; ID", b"user,id"):
        assert b"Asserted" not in from_core(rig(), PAI + b"Privacy: " + privacy + b"\r\n"), privacy
    assert b"Asserted" in from_core(rig(Asserted.KEEP), PAI + b"Privacy: id\r\n")


def test_the_older_header_has_its_own_word_for_it() -> None:
    assert b"Remote-Party" in from_core(rig(), RPID)
    for off in (b";privacy=off", b'; privacy = "off"'):
        assert b"Remote-Party" in from_core(rig(), RPID.replace(b"\r", off + b"\r"))
    assert b"Remote-Party" not in from_core(rig(), RPID.replace(b"\r", b";privacy=full\r"))
    assert b"Remote-Party" not in from_core(rig(), RPID + b"Privacy: id\r\n")


def test_answers_count_too() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    *_, back = sends(made.from_core(said(answer(sent, SOFTSWITCH.host), PAI + b"Privacy: id\r\n")), "access")
    assert b"Asserted" not in back
    made, _, sent, _ = answered(rig())
    (bye,) = sends(made.from_core(said(bye_from_core(sent), PAI)), "access")
    assert b"Asserted" in bye
    (ok,) = sends(made.from_access(said(answer(bye, PHONE.host), PAI)), "core")
    assert b"Asserted" not in ok


def test_privacy_is_read_word_by_word() -> None:
    asked = invite(PHONE)
    assert not is_private(decode(asked))
    assert not is_private(decode(said(asked, b"Privacy: hidden\r\n")))
    assert is_private(decode(said(asked, b"Privacy: header\r\nPrivacy:\r\n id\r\n")))
