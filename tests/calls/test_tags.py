"""Tags that hold an address: hidden from the other side, and what a party has chosen is what it hears, either way."""

from __future__ import annotations

import re

import pytest

from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.orders import Send
from sbc.core.realm import Hosts
from sbc.sip.dialect import SipDialect
from tests.calls.test_calls import hairpin, only_call, rig, unpin
from tests.calls.test_transfer import DAVE, DAVES_NAT, refer, replaces_of, replacing, tag
from tests.kept import restarted
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, make_plan, of, sends
from tests.sip_messages import (
    answer,
    contact,
    header,
    hop_request,
    inside,
    invite,
    message,
    plain_answer,
    register,
    registered,
)
from tests.sip_messages import status as status_of

PHONES, CORES = b"192.168.1.10-1", b"198.51.100.2-77"
HERS, HIS = (PHONE.host, NAT.host, SBC_ACCESS.host), (SOFTSWITCH.host, SBC_CORE.host)


def asking(call: bytes = b"one", mine: bytes = PHONES) -> bytes:
    return invite(PHONE, call=call).replace(b"tag=a-" + call, b"tag=" + mine)


def answered(made: Rig, call: bytes = b"one", theirs: bytes = CORES) -> tuple[bytes, bytes, bytes, bytes]:
    """A call of the phone's: INVITE as it came and went on, 200 as it came and as the phone got it."""
    asked = asking(call)
    (sent,) = sends(made.from_access(asked), "core")
    ok = answer(sent, SOFTSWITCH.host, tag=theirs)
    *_, back = sends(made.from_core(ok), "access")
    (ack,) = sends(made.from_access(inside(asked, back, b"ACK", 1)), "core")
    assert (header(ack, b"From"), header(ack, b"To")) == (header(sent, b"From"), header(ok, b"To"))
    return asked, sent, ok, back


def called(sent: bytes, ok: bytes, method: bytes = b"BYE", host: str = SOFTSWITCH.host) -> bytes:
    """A request of the callee's, at `host`, in the call that it was asked for by `sent` and has answered."""
    return message(
        b"%b %b SIP/2.0" % (method, contact(sent)),
        b"Via: SIP/2.0/UDP %b:5060;branch=z9hG4bKof-%b;rport" % (host.encode(), method),
        b"Max-Forwards: 70",
        b"From: " + header(ok, b"To"),
        b"To: " + header(sent, b"From"),
        b"Call-ID: " + header(sent, b"Call-ID"),
        b"CSeq: 9 " + method,
    )


def test_neither_side_sees_an_address_in_the_others_tag() -> None:
    _, sent, _, back = answered(rig())
    assert_no_trace(sent, *HERS)
    assert_no_trace(back, *HIS)
    assert re.fullmatch(rb"[a-z2-7]{39}", tag(header(sent, b"From"))) and tag(header(back, b"From")) == PHONES
    assert tag(header(back, b"To")) != tag(header(sent, b"From"))


def test_the_phone_hears_its_own_tag_when_the_core_ends_the_call() -> None:
    made = rig()
    _, sent, ok, back = answered(made)
    (bye,) = sends(made.from_core(called(sent, ok)), "access")
    assert tag(header(bye, b"To")) == PHONES and tag(header(bye, b"From")) == tag(header(back, b"To"))
    assert_no_trace(bye, *HIS)
    (told,) = sends(made.from_access(plain_answer(bye, b"200 OK")), "core")
    assert (header(told, b"From"), header(told, b"To")) == (header(ok, b"To"), header(sent, b"From"))
    assert only_call(made).state is CallState.CLOSED


def test_the_core_hears_its_own_tag_when_the_phone_ends_the_call() -> None:
    made = rig()
    asked, sent, ok, back = answered(made)
    (bye,) = sends(made.from_access(inside(asked, back)), "core")
    assert (header(bye, b"From"), header(bye, b"To")) == (header(sent, b"From"), header(ok, b"To"))
    assert_no_trace(bye, *HERS)
    (told,) = sends(made.from_core(plain_answer(bye, b"200 OK")), "access")
    assert (header(told, b"From"), header(told, b"To")) == (header(asked, b"From"), header(back, b"To"))
    assert only_call(made).state is CallState.CLOSED


def test_a_call_from_the_core_in_which_both_have_such_tags() -> None:
    made = rig()
    (bound,) = sends(made.from_access(register(PHONE)), "core")
    made.from_core(registered(bound))
    asked = invite(SOFTSWITCH, to=contact(bound)).replace(b"tag=a-one", b"tag=" + CORES)
    *_, got = sends(made.from_core(asked), "access")
    assert_no_trace(got, *HIS)
    ok = answer(got, PHONE.host, tag=PHONES)
    (back,) = sends(made.from_access(ok), "core")
    assert_no_trace(back, *HERS)
    (ack,) = sends(made.from_core(inside(asked, back, b"ACK", 1)), "access")
    assert (header(ack, b"From"), header(ack, b"To")) == (header(got, b"From"), header(ok, b"To"))
    (info,) = sends(made.from_access(called(got, ok, b"INFO", PHONE.host)), "core")
    assert (tag(header(info, b"From")), tag(header(info, b"To"))) == (tag(header(back, b"To")), CORES)
    (bye,) = sends(made.from_core(inside(asked, back)), "access")
    assert (header(bye, b"From"), header(bye, b"To")) == (header(got, b"From"), header(ok, b"To"))


def test_what_is_sent_again_says_the_same() -> None:
    made = rig()
    _, sent, ok, back = answered(made)
    assert sends(made.from_core(ok), "access") == [back]
    bye = called(sent, ok)
    (first,) = sends(made.from_core(bye), "access")
    assert sends(made.wait(0.5), "access") == [first]
    ask = asking(b"two")
    (first,) = sends(made.from_access(ask), "core")
    assert first in sends(made.wait(0.5), "core")


def test_asked_for_credentials_it_is_the_same_again_and_may_be_taken_back() -> None:
    made = rig()
    (sent,) = sends(made.from_access(asking()), "core")
    back = made.from_core(plain_answer(sent, b"401 Unauthorized", tag=CORES))
    (ack,) = sends(back, "core")
    assert tag(header(ack, b"To")) == CORES and header(ack, b"From") == header(sent, b"From")
    assert_no_trace(sends(back, "access")[0], *HIS)
    again = asking().replace(b"CSeq: 1", b"CSeq: 2").replace(b"z9hG4bKone-1", b"z9hG4bKone-2")
    (sent2,) = sends(made.from_access(again), "core")
    assert header(sent2, b"From") == header(sent, b"From")
    made.from_core(plain_answer(sent2, b"180 Ringing", tag=CORES))
    (cancel,) = sends(made.from_access(hop_request(b"CANCEL", again)), "core")
    assert header(cancel, b"From") == header(sent, b"From")


def test_several_that_ring_are_told_apart_and_each_hears_its_own() -> None:
    made = rig()
    asked = asking()
    (sent,) = sends(made.from_access(asked), "core")
    rung = {}
    for at in (b"198.51.100.21", b"198.51.100.22"):
        ring = answer(sent, at.decode(), b"183 Session Progress", tag=at + b"-1", body=b"")
        *_, rung[at] = sends(made.from_core(ring), "access")
        assert_no_trace(rung[at], at.decode())
    assert len({tag(header(each, b"To")) for each in rung.values()}) == 2
    for seq, (at, ring) in enumerate(rung.items()):
        (update,) = sends(made.from_access(inside(asked, ring, b"UPDATE", 2 + seq)), "core")
        assert tag(header(update, b"To")) == at + b"-1" and update.startswith(b"UPDATE sip:bob@" + at)


def test_after_a_restart_both_are_called_what_they_were() -> None:
    made = rig()
    asked, sent, ok, back = answered(made)
    made, _ = restarted(made, 1.0)
    (info,) = sends(made.from_access(inside(asked, back, b"INFO", 5)), "core")
    assert (header(info, b"From"), header(info, b"To")) == (header(sent, b"From"), header(ok, b"To"))
    (bye,) = sends(made.from_core(called(sent, ok)), "access")
    assert (tag(header(bye, b"From")), tag(header(bye, b"To"))) == (tag(header(back, b"To")), PHONES)


def test_a_phone_that_has_moved_is_called_the_same() -> None:
    """What is hidden of its tag does not depend on what is known of where it is."""
    made = rig()
    asked, sent, ok, back = answered(made)
    moved = inside(asked, back, b"INFO", 5).replace(b"Via: SIP/2.0/UDP 192.168.1.10", b"Via: SIP/2.0/UDP 10.0.0.7")
    (info,) = sends(made.from_access(moved, Address("203.0.113.99", 7)), "core")
    assert (header(info, b"From"), header(info, b"To")) == (header(sent, b"From"), header(ok, b"To"))


def test_the_call_ends_from_our_side_in_the_words_of_each() -> None:
    made = rig()
    asked, sent, ok, back = answered(made)
    orders = made.border.end_call(only_call(made).id, "enough", made.now)
    (here,), (there,) = sends(orders, "access"), sends(orders, "core")
    assert (header(here, b"From"), header(here, b"To")) == (header(back, b"To"), header(asked, b"From"))
    assert (header(there, b"From"), header(there, b"To")) == (header(sent, b"From"), header(ok, b"To"))


@pytest.mark.parametrize(
    "written", [b'"a 192.168.1.10"', b"x192.168.1.10y", b"fe80::1:192", b"10.0.0.1", b"192.168.1.100"]
)
def test_however_it_is_written_it_comes_back_so(written: bytes) -> None:
    made = rig()
    (sent,) = sends(made.from_access(asking(mine=written)), "core")
    assert written not in sent
    ok = answer(sent, SOFTSWITCH.host)
    *_, back = sends(made.from_core(ok), "access")
    assert header(back, b"From").endswith(b";tag=" + written)
    (bye,) = sends(made.from_core(called(sent, ok)), "access")
    assert header(bye, b"To").endswith(b";tag=" + written)


@pytest.mark.parametrize(
    "plain", [b"1.2.3", b"a-one", b"12345678", b"as5d.4f", b"abcdefghijklmnopqrstuvwxyz234567abcdefg"]
)
def test_others_cross_as_they_are(plain: bytes) -> None:
    made = rig()
    (sent,) = sends(made.from_access(asking(mine=plain)), "core")
    ok = answer(sent, SOFTSWITCH.host, tag=plain[::-1])
    *_, back = sends(made.from_core(ok), "access")
    (bye,) = sends(made.from_core(called(sent, ok)), "access")
    assert tag(header(sent, b"From")) == tag(header(bye, b"To")) == plain
    assert tag(header(back, b"To")) == tag(header(bye, b"From")) == plain[::-1]


def test_where_hosts_are_to_be_seen_tags_are_either_way() -> None:
    made = Rig.make(SipDialect(), make_plan("sip", hosts=Hosts.KEEP))
    _, sent, ok, back = answered(made)
    assert tag(header(sent, b"From")) == PHONES and tag(header(back, b"To")) == CORES
    (bye,) = sends(made.from_core(called(sent, ok)), "access")
    assert (tag(header(bye, b"From")), tag(header(bye, b"To"))) == (CORES, PHONES)


def test_what_was_sealed_in_one_call_is_not_opened_in_another() -> None:
    """Who guesses that a tag it has seen hides something learns nothing by having it sent to its own phone."""
    made = rig()
    _, sent, _, _ = answered(made)
    _, sent2, ok2, _ = answered(made, b"two")
    strange = called(sent2, ok2, b"INFO").replace(tag(header(sent2, b"From")), tag(header(sent, b"From")))
    got = sends(made.from_core(strange), "access")
    assert not any(PHONES in each for each in got)


@pytest.mark.parametrize("name", [b"Replaces", b"Join", b"Target-Dialog"])
def test_headers_that_name_another_dialogue_name_its_parties_as_they_are_known_there(name: bytes) -> None:
    made = rig()
    _, sent, _, back = answered(made)
    one, other = (b"local-tag", b"remote-tag") if name == b"Target-Dialog" else (b"from-tag", b"to-tag")
    value = b"%b: %b;%b=%b ; %b=%b" % (name, header(back, b"Call-ID"), other, tag(header(back, b"To")), one, PHONES)
    (asked,) = sends(made.from_access(invite(PHONE, call=b"new").replace(b"CSeq:", value + b"\r\nCSeq:")), "core")
    mine = tag(header(sent, b"From"))
    assert header(asked, name) == b"%b;%b=%b ; %b=%b" % (header(sent, b"Call-ID"), other, CORES, one, mine)


def test_a_transfer_after_asking_names_the_parties_as_the_core_knows_them() -> None:
    made = rig()
    asked, _, _, back = answered(made)
    asked2, sent2, _, back2 = answered(made, b"two", b"198.51.100.3-5")
    named = replacing(header(asked2, b"Call-ID"), tag(header(back2, b"To")), tag(header(asked2, b"From")))
    (sent,) = sends(made.from_access(refer(asked, back, contact(back2) + b"?Replaces=" + named)), "core")
    assert replaces_of(header(sent, b"Refer-To")) == b"%b;to-tag=198.51.100.3-5;from-tag=%b" % (
        header(sent2, b"Call-ID"),
        tag(header(sent2, b"From")),
    )
    assert_no_trace(sent, *HERS)


def test_a_proxy_between_two_phones_takes_neither_tag_across_and_each_hears_its_own() -> None:
    """alice calls dave through the softswitch, which proxies, so that the core has one name for both calls."""
    made = Rig.make(SipDialect(), make_plan("sip", hide_labels=False))
    (bound,) = sends(made.from_access(register(DAVE, user=b"dave", call=b"reg-dave"), DAVES_NAT), "core")
    made.from_core(registered(bound))
    asked = asking()
    (sent,) = sends(made.from_access(asked), "core")
    orders = made.from_core(hairpin(made, sent, contact(bound)))
    (got,) = [each.data for each in of(Send, orders) if each.to == DAVES_NAT]
    assert tag(header(got, b"From")) == tag(header(sent, b"From"))
    ok = answer(got, DAVE.host, tag=b"192.168.1.77-3")
    (daves,) = sends(made.from_access(ok, DAVES_NAT), "core")
    *_, back = sends(made.from_core(unpin(daves)), "access")
    assert_no_trace(got.partition(b"Call-ID")[0], PHONE.host)
    assert_no_trace(back, DAVE.host)
    (bye,) = sends(made.from_access(inside(asked, back)), "core")
    assert_no_trace(bye.partition(b"Call-ID")[0], DAVE.host, PHONE.host)
    (end,) = [o.data for o in of(Send, made.from_core(hairpin(made, bye))) if o.to == DAVES_NAT]
    assert (tag(header(end, b"From")), tag(header(end, b"To"))) == (tag(header(got, b"From")), b"192.168.1.77-3")


def test_a_registration_and_a_message_get_their_own_tags_back() -> None:
    made = rig()
    asked = register(PHONE).replace(b"tag=f-reg", b"tag=" + PHONES)
    (sent,) = sends(made.from_access(asked), "core")
    assert_no_trace(sent, *HERS)
    (back,) = sends(made.from_core(registered(sent).replace(b"tag=b", b"tag=" + CORES)), "access")
    assert status_of(back) == 200 and header(back, b"From") == header(asked, b"From")
    assert_no_trace(back, *HIS)
