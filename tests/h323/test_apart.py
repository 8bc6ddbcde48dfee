"""What a message of H.245 or call signalling is taken apart into, when something in it is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import Cause, Refused
from sbc.h323 import apart
from sbc.h323.codec import build_signal, decode
from sbc.octets.tpkt import wrap
from tests.calls.test_h323_channels import TERMINAL, ack, capabilities, close, olc
from tests.h323.test_seals import hashed
from tests.h323_calls import PROTOCOL, fast_start, said_back, setup

NO = Refused(Cause.SECURITY, "not so")
SAID = {"close": close(3), "ack": ack(TERMINAL, 4, 4000), "able": capabilities(False), "open": olc(TERMINAL, 5, 4001)}
TUNNEL: Any = {"h245Tunnelling": True}


def facility(control: list[bytes], back: bool = True, **more: Any) -> bytes:
    body = {"protocolIdentifier": PROTOCOL, "reason": ("undefinedReason", 0), **more}
    return build_signal("facility", 77, back, body, control=control, extra=TUNNEL)


def octets(data: bytes) -> list[bytes]:
    message = decode(data)
    return [data[pdu.start : pdu.end] for pdu in message.pdus if pdu.group]


@given(st.lists(st.lists(st.sampled_from(list(SAID.values())), min_size=1, max_size=3), max_size=7), st.booleans())
def test_all_of_the_tunnel_is_there_in_its_order_each_alone(held: list[list[bytes]], back: bool) -> None:
    """Also where one string holds several."""
    said = [each for one in held for each in one]
    parts = apart.apart(facility([b"".join(one) for one in held], back), NO)
    if len(said) < 2:
        assert parts == ()
        return
    if len(said) <= apart.MOST:
        assert [octets(part) for part in parts] == [[each] for each in said]
    elif parts:
        assert len(parts) <= apart.MOST
        told = [octets(part) for part in parts]
        assert [each for one in told for each in one] == said
        assert all(len(one) == 1 for one in told if {SAID["open"], SAID["ack"]} & set(one))
    else:
        assert sum(each in (SAID["open"], SAID["ack"]) for each in said) >= apart.MOST // 2
    heads = [decode(part).q931 for part in parts]
    assert all(each and (each.call_reference, each.from_destination) == (77, back) for each in heads)
    assert len(said) > apart.MOST or not any(apart.apart(part, NO) for part in parts), "that is all"


def test_of_very_many_what_is_of_no_channel_goes_in_company() -> None:
    """As many as one message of call signalling may hold."""
    held = [SAID["able"], *[SAID["close"]] * 60, SAID["open"], SAID["close"], SAID["ack"], *[SAID["close"]] * 60]
    told = [octets(part) for part in apart.apart(facility(held), NO)]
    assert [len(each) for each in told] == [61, 1, 1, 1, 60] and [each for one in told for each in one] == held
    assert apart.apart(facility([SAID["open"]] * (apart.MOST + 1)), NO) == ()


def test_what_comes_by_a_connection_of_its_own_is_taken_apart_too() -> None:
    data = wrap(b"".join(SAID.values()))
    assert apart.apart(data, NO) == tuple(wrap(each) for each in SAID.values())


def test_what_a_facility_says_itself_comes_first() -> None:
    data = facility([SAID["open"], SAID["close"]], fastStart=fast_start(TERMINAL, offers=False))
    first, *rest = apart.apart(data, NO)
    assert not octets(first) and len(decode(first).value["fastStart"]) == 2
    assert [octets(part) for part in rest] == [[SAID["open"]], [SAID["close"]]]


@pytest.mark.parametrize("name", ["connect", "alerting"])
def test_an_answer_keeps_what_comes_before_the_first_channel(name: str) -> None:
    value = decode(said_back(name, setup())).value
    held = [SAID["able"], SAID["open"], SAID["close"]]
    first, *rest = apart.apart(build_signal(name, 77, True, value, control=held, extra=TUNNEL), NO)
    assert (decode(first).name, octets(first)) == (name, held[:1]) and decode(first).value == value
    assert [octets(part) for part in rest] == [[held[1]], [held[2]]]
    assert apart.apart(build_signal(name, 77, True, value, control=[SAID["able"]], extra=TUNNEL), NO) == ()


def test_what_is_refused_as_a_whole_is_not_taken_apart() -> None:
    both = [SAID["open"], SAID["close"]]
    assert apart.apart(facility(both), Refused(Cause.NO_CALL, "")) == ()
    assert apart.apart(setup(), NO) == ()
    sealed = facility(both, cryptoTokens=[hashed()])
    assert apart.apart(sealed, NO) == (), "what is signed as a whole is so no more in parts"
