"""What a path's options change in the messages that take it."""

from __future__ import annotations

from sbc.core.realm import Hosts
from sbc.sip.dialect import SipDialect
from tests.rig import PHONE, SBC_CORE, Rig, make_plan, sends
from tests.sip_messages import header, invite, plain_answer

FROM_ADDRESS = b'"Alice" <sip:alice@192.168.1.10:5060>;tag=a-one'


def sent(data: bytes, **path: object) -> bytes:
    """What goes on into the core."""
    (onward,) = sends(Rig.make(SipDialect(), make_plan("sip", **path)).from_access(data), "core")
    return onward


def with_from(value: bytes) -> bytes:
    data = invite(PHONE)
    return data.replace(header(data, b"From"), value)


def test_addresses_in_identities_are_hidden_by_default_and_names_pass() -> None:
    assert header(sent(with_from(FROM_ADDRESS)), b"From") == b'"Alice" <sip:alice@198.51.100.1>;tag=a-one'
    named = FROM_ADDRESS.replace(b"192.168.1.10:5060", b"home.example")
    assert header(sent(with_from(named)), b"From") == named


def test_all_hosts_may_be_hidden() -> None:
    named = FROM_ADDRESS.replace(b"192.168.1.10:5060", b"home.example")
    assert header(sent(with_from(named), hosts=Hosts.ALL), b"From") == b'"Alice" <sip:alice@198.51.100.1>;tag=a-one'


def test_hosts_may_be_kept() -> None:
    assert header(sent(with_from(FROM_ADDRESS), hosts=Hosts.KEEP), b"From") == FROM_ADDRESS


def test_whoever_names_the_sbc_means_the_paths_domain() -> None:
    data = sent(invite(PHONE), domain="voice.example")
    assert data.startswith(b"INVITE sip:bob@voice.example SIP/2.0\r\n")
    assert header(data, b"From") == b'"Alice" <sip:alice@voice.example>;tag=a-one'
    assert header(data, b"To") == b"<sip:bob@voice.example>"


def test_without_a_domain_the_next_hop_is_meant() -> None:
    assert sent(invite(PHONE)).startswith(b"INVITE sip:bob@198.51.100.2 SIP/2.0\r\n")


def test_the_phone_gets_its_own_from_and_to_back_whatever_was_written() -> None:
    made = Rig.make(SipDialect(), make_plan("sip", domain="voice.example", hosts=Hosts.ALL))
    asked = invite(PHONE)
    (onward,) = sends(made.from_access(asked), "core")
    (back,) = sends(made.from_core(plain_answer(onward, b"486 Busy Here")), "access")
    assert header(back, b"From") == header(asked, b"From")
    assert header(back, b"To") == header(asked, b"To") + b";tag=b"


def test_labels_may_pass() -> None:
    assert header(sent(invite(PHONE), hide_labels=False), b"Call-ID") == b"one@192.168.1.10"
    assert b"192.168" not in header(sent(invite(PHONE)), b"Call-ID")


def test_two_sources_with_the_same_label_do_not_meet() -> None:
    """A Call-ID that somebody else has chosen too gives another one on the far side, and the two calls stay apart."""
    from tests.calls.test_registration import STRANGER

    made = Rig.make(SipDialect())
    (first,) = sends(made.from_access(invite(PHONE)), "core")
    (second,) = sends(made.from_access(invite(PHONE), STRANGER), "core")
    assert header(first, b"Call-ID") != header(second, b"Call-ID")
    assert len(made.border.registry.calls) == 2
    assert SBC_CORE.host.encode() in header(second, b"Via")
