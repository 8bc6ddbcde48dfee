"""Number rules: which numbers they change, and that both parties of a dialogue see it named alike to its end."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.config.faults import Findings
from sbc.core.orders import Send
from sbc.sip.dialect import SipDialect
from sbc.sip.options import read
from tests.calls.test_calls import bye_from_core
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, make_plan, of, sends
from tests.sip_messages import (
    answer,
    contact,
    header,
    hop_request,
    inside,
    invite,
    plain_answer,
    register,
    registered,
    request,
    status,
)


def number(direction: str, places: str, strip: str = "00", add: str = "+") -> dict[str, Any]:
    return {"direction": direction, "places": places.split(), "strip": strip, "add": add}


def rig(*numbers: dict[str, Any]) -> Rig:
    findings = Findings("x")
    options = read({"numbers": list(numbers)}, "p", findings)
    assert not findings.faults, [*map(str, findings)]
    return Rig.make(SipDialect(), make_plan("sip", options={"sip": options}))


def to_number(user: bytes, caller: bytes = b"alice") -> bytes:
    return invite(PHONE, to=b"sip:" + user + b"@sbc.example.com").replace(b"sip:alice@sbc", b"sip:" + caller + b"@sbc")


EVERYWHERE = "request-uri to from p-preferred-identity"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"0049301234", b"+49301234"),
        (b"00", b"+"),
        (b"030-1234", b"030-1234"),
        (b"00x49", b"00x49"),
        (b"bob", b"bob"),
        (b"0049;npdi", b"+49;npdi"),
        (b"0049:pw", b"+49:pw"),
    ],
)
def test_which_numbers_are_changed(before: bytes, after: bytes) -> None:
    (sent,) = sends(rig(number("to-core", EVERYWHERE)).from_access(to_number(before)), "core")
    assert sent.startswith(b"INVITE sip:" + after + b"@198.51.100.2 SIP/2.0")
    assert header(sent, b"To") == b"<sip:" + after + b"@198.51.100.2>"
    assert header(sent, b"From").startswith(b'"Alice" <sip:alice@198.51.100.2>')


def test_the_first_rule_that_fits_counts_and_a_number_is_never_emptied() -> None:
    rules = (number("to-core", "to", "00", "+"), number("to-core", "to", "0", "+49"), number("to-core", "to", "7", ""))
    for before, after in ((b"0044", b"+44"), (b"030", b"+4930"), (b"75", b"5"), (b"7", b"7"), (b"9", b"9")):
        (sent,) = sends(rig(*rules).from_access(to_number(before)), "core")
        assert header(sent, b"To") == b"<sip:" + after + b"@198.51.100.2>"
        assert sent.startswith(b"INVITE sip:" + before + b"@")


def test_tel_uris_and_other_identities() -> None:
    made = rig(number("to-core", "request-uri to from p-preferred-identity diversion"))
    asked = to_number(b"0049").replace(b"sip:0049@sbc.example.com", b"tel:0049;phone-context=x")
    more = b"P-Preferred-Identity: <tel:0033>, <sip:0034@sbc.example.com>\r\nDiversion: <sip:0035@a.example>\r\nCSeq:"
    (sent,) = sends(made.from_access(asked.replace(b"CSeq:", more)), "core")
    assert sent.startswith(b"INVITE tel:+49;phone-context=x SIP/2.0")
    assert header(sent, b"To") == b"<tel:+49;phone-context=x>"
    assert header(sent, b"P-Preferred-Identity") == b"<tel:+33>, <sip:+34@198.51.100.2>"
    assert header(sent, b"Diversion") == b"<sip:+35@a.example>"


def user_in(data: bytes, name: bytes) -> bytes:
    return header(data, name).partition(b"<sip:")[2].partition(b"@")[0]


def test_a_dialogue_is_named_to_each_party_as_it_knows_it() -> None:
    made = rig(number("to-core", EVERYWHERE))
    asked = to_number(b"0049", b"0033")
    (sent,) = sends(made.from_access(asked), "core")
    assert (user_in(sent, b"From"), user_in(sent, b"To")) == (b"+33", b"+49")
    *_, back = sends(made.from_core(answer(sent, SOFTSWITCH.host)), "access")
    assert header(back, b"From") == header(asked, b"From") and header(back, b"To").startswith(header(asked, b"To"))
    (ack,) = sends(made.from_access(inside(asked, back, b"ACK", 1)), "core")
    (info,) = sends(made.from_access(inside(asked, back, b"INFO", 2)), "core")
    for data in (ack, info):
        assert header(data, b"From") == header(sent, b"From")
        assert header(data, b"To") == header(sent, b"To") + b";tag=b"
    (told,) = sends(made.from_core(plain_answer(info, b"200 OK")), "access")
    assert user_in(told, b"From") == b"0033" and user_in(told, b"To") == b"0049"
    (bye,) = sends(made.from_core(bye_from_core(sent)), "access")
    assert (user_in(bye, b"From"), user_in(bye, b"To")) == (b"0049", b"0033")
    (ok,) = sends(made.from_access(plain_answer(bye, b"200 OK")), "core")
    assert (user_in(ok, b"From"), user_in(ok, b"To")) == (b"+49", b"+33")


def test_a_refused_attempt_and_one_that_comes_again_too() -> None:
    made = rig(number("to-core", EVERYWHERE))
    asked = to_number(b"0049", b"0033")
    (sent,) = sends(made.from_access(asked), "core")
    refused = made.from_core(plain_answer(sent, b"407 Proxy Authentication Required"))
    (ack,), (told,) = sends(refused, "core"), sends(refused, "access")
    assert header(ack, b"From") == header(sent, b"From") and ack.split()[1] == sent.split()[1]
    assert header(told, b"To").startswith(header(asked, b"To"))
    made.from_access(hop_request(b"ACK", asked, told))
    again = asked.replace(b"one-1", b"one-2").replace(b"CSeq: 1", b"CSeq: 2")
    (sent,) = sends(made.from_access(again), "core")
    assert (user_in(sent, b"From"), user_in(sent, b"To")) == (b"+33", b"+49")
    orders = made.from_access(hop_request(b"CANCEL", again))
    assert status(sends(orders, "access")[0]) == 200
    (cancel,) = sends(made.from_core(plain_answer(sent, b"100 Trying")), "core")
    assert cancel.split()[1] == sent.split()[1] and header(cancel, b"To") == header(sent, b"To")


def test_the_sbcs_own_goodbye_speaks_as_each_party_does() -> None:
    made = rig(number("to-core", EVERYWHERE))
    asked = to_number(b"0049", b"0033")
    (sent,) = sends(made.from_access(asked), "core")
    made.from_core(answer(sent, SOFTSWITCH.host))
    (call,) = made.border.registry.calls.values()
    orders = made._take(made.border.end_call(call.id, "cleared", made.now))
    assert user_in(sends(orders, "core")[0], b"From") == b"+33"
    assert user_in(sends(orders, "access")[0], b"From") == b"0049"


def test_what_comes_from_the_core_has_rules_of_its_own() -> None:
    made = rig(number("to-access", "from to p-asserted-identity", "+", "00"), number("to-core", EVERYWHERE, "9", "8"))
    (bound,) = sends(made.from_access(register(PHONE)), "core")
    made.from_core(registered(bound))
    asked = invite(SOFTSWITCH, to=contact(bound)).replace(b"sip:alice@sbc", b"sip:+33@sbc")
    asked = asked.replace(b"CSeq:", b"P-Asserted-Identity: <tel:+33>\r\nCSeq:")
    (send,) = [each for each in of(Send, made.from_core(asked)) if each.listener.realm == "access"]
    assert send.to == NAT and user_in(send.data, b"From") == b"0033"
    assert header(send.data, b"P-Asserted-Identity") == b"<tel:0033>"
    (back,) = sends(made.from_access(answer(send.data, PHONE.host)), "core")
    assert header(back, b"From") == header(asked, b"From")
    bye = inside(send.data, back, b"BYE", 1).replace(b"From:", b"T0:").replace(b"To:", b"From:").replace(b"T0:", b"To:")
    bye = bye.replace(b"From: <sip:alice", b"From: <sip:alice")
    assert user_in(bye, b"To") == b"0033"


def test_registrations_keep_their_numbers() -> None:
    made = rig(number("to-core", EVERYWHERE))
    (sent,) = sends(made.from_access(register(PHONE, user=b"0049")), "core")
    assert user_in(sent, b"To") == b"0049" and user_in(sent, b"From") == b"0049"


def test_messages_outside_calls_get_their_own_names_back() -> None:
    made = rig(number("to-core", EVERYWHERE))
    asked = request(b"MESSAGE", b"sip:0049@sbc.example.com", PHONE, user=b"0033")
    (sent,) = sends(made.from_access(asked), "core")
    assert sent.startswith(b"MESSAGE sip:+49@") and user_in(sent, b"From") == b"+33"
    (told,) = sends(made.from_core(plain_answer(sent, b"200 OK")), "access")
    assert header(told, b"From") == header(asked, b"From")
