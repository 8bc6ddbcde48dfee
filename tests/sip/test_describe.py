"""What SIP messages mean to the core."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import BadMessage, Kind, Phase
from sbc.sip.codec import decode
from sbc.sip.describe import describe, expires_of, route
from tests.rig import PHONE
from tests.sip_messages import answer, hop_request, inside, invite, message, plain_answer, register, request


def test_an_invite_opens_and_names_its_sender_and_target() -> None:
    intent = describe(decode(invite(PHONE)))
    assert (intent.kind, intent.phase, intent.method) == (Kind.OPEN, Phase.REQUEST, "INVITE")
    assert intent.label == b"one@192.168.1.10" and intent.party == b"a-one"
    assert intent.claimed == PHONE and intent.hops == 70 and not intent.within
    assert intent.user == b"alice@sbc.example.com"
    assert intent.target is not None and intent.target.place.address == Address("sbc.example.com", 5060)
    assert intent.target.token == b"bob"


def test_both_directions_of_a_dialogue_name_the_same_call() -> None:
    asked = invite(PHONE)
    ok = answer(asked, "198.51.100.2")
    bye = inside(asked, ok)
    from_other_side = bye.replace(b"From:", b"X:").replace(b"To:", b"From:").replace(b"X:", b"To:")
    calls = {describe(decode(data)).call for data in (ok, bye, from_other_side)}
    assert len(calls) == 1
    assert describe(decode(bye)).within and describe(decode(bye)).kind is Kind.CLOSE


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        (b"100 Trying", Phase.PENDING),
        (b"183 Progress", Phase.PROVISIONAL),
        (b"200 OK", Phase.SUCCESS),
        (b"302 Moved", Phase.FAILURE),
        (b"401 Unauthorized", Phase.CHALLENGE),
        (b"407 Proxy Authentication Required", Phase.CHALLENGE),
        (b"486 Busy Here", Phase.FAILURE),
        (b"603 Decline", Phase.FAILURE),
    ],
)
def test_phases_of_answers(status: bytes, phase: Phase) -> None:
    intent = describe(decode(plain_answer(invite(PHONE), status)))
    assert intent.phase is phase
    if phase in (Phase.FAILURE, Phase.CHALLENGE):
        assert intent.cause == status.decode()


def test_cancel_and_ack_belong_to_the_invite() -> None:
    asked = invite(PHONE)
    opening = describe(decode(asked))
    cancel = describe(decode(hop_request(b"CANCEL", asked)))
    ack = describe(decode(hop_request(b"ACK", asked)))
    assert cancel.phase is Phase.WITHDRAW and cancel.withdraws == opening.exchange != cancel.exchange
    assert ack.phase is Phase.CONFIRM and ack.exchange == opening.exchange


def test_answers_belong_to_their_request_and_to_no_other_method() -> None:
    asked = describe(decode(invite(PHONE)))
    assert describe(decode(answer(invite(PHONE), "198.51.100.2"))).exchange == asked.exchange
    options = request(b"OPTIONS", b"sip:bob@example.com", PHONE)
    assert describe(decode(options)).exchange != asked.exchange


def test_a_branch_used_again_in_another_call_is_another_exchange() -> None:
    one, two = invite(PHONE, b"one"), invite(PHONE, b"two").replace(b"z9hG4bKtwo", b"z9hG4bKone")
    assert describe(decode(one)).exchange != describe(decode(two)).exchange


def test_a_peer_of_rfc_2543_has_exchanges_too() -> None:
    old = invite(PHONE).replace(b"z9hG4bKone-1", b"1")
    assert describe(decode(old)).exchange == describe(decode(hop_request(b"ACK", old))).exchange
    assert (
        describe(decode(old)).exchange != describe(decode(invite(PHONE, seq=2).replace(b"z9hG4bKone-2", b"1"))).exchange
    )


@pytest.mark.parametrize(
    ("lines", "expires"),
    [
        ((b"Subscription-State: terminated;reason=timeout",), 0),
        ((b"Subscription-State: active;expires=99",), 99),
        ((b"Subscription-State: active",), None),
        ((), None),
    ],
)
def test_how_long_a_subscription_goes_on(lines: tuple[bytes, ...], expires: int | None) -> None:
    assert describe(decode(request(b"NOTIFY", b"sip:a@example.com", PHONE, *lines))).expires == expires


def test_a_registration_names_the_user_and_the_way_back() -> None:
    intent = describe(
        decode(register(PHONE, b"Path: <sip:203.0.113.30:5070;lr>, <sip:p2.example.com;lr>", b"Expires: 77"))
    )
    assert intent.kind is Kind.BIND and intent.user == b"alice@sbc.example.com" and intent.expires == 77
    assert intent.route is not None
    assert intent.route.hops == (b"<sip:203.0.113.30:5070;lr>", b"<sip:p2.example.com;lr>")
    assert intent.route.first == Address("203.0.113.30", 5070)


def test_the_route_of_an_answer_is_what_was_recorded_backwards() -> None:
    asked = invite(PHONE)
    ok = answer(asked, "198.51.100.2").replace(
        b"CSeq:", b"Record-Route: <sip:a;lr>, <sip:b;lr>\r\nRecord-Route: <sip:c;lr>\r\nCSeq:"
    )
    assert describe(decode(ok)).route == route([b"<sip:c;lr>", b"<sip:b;lr>", b"<sip:a;lr>"])


@pytest.mark.parametrize(
    ("text", "seconds"), [(b"60", 60), (b"", None), (b"-1", None), (b"x", None), (b"9" * 15, 2**31 - 1), (None, None)]
)
def test_expires(text: bytes | None, seconds: int | None) -> None:
    assert expires_of(text) == seconds


@pytest.mark.parametrize("name", [b"From", b"To"])
def test_two_values_of_what_must_be_one_are_bad(name: bytes) -> None:
    data = invite(PHONE).replace(name + b": ", name + b": <sip:x@example.com>, ")
    with pytest.raises(BadMessage):
        describe(decode(data))


def test_a_tel_uri_is_no_place() -> None:
    data = invite(PHONE, to=b"tel:+15551234")
    assert describe(decode(data)).target is None
    assert message(b"x")
