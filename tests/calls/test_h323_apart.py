"""Messages of H.323 in a call of which something cannot be taken across, and the rest can: that goes on."""

from __future__ import annotations

import pytest

from sbc.core.audit import audit
from sbc.core.call import CallState
from sbc.core.orders import Note, OpenStream, Order, Send
from sbc.core.secured import MediaSecurity
from sbc.h323.codec import build_control, build_signal, decode
from sbc.octets.tpkt import wrap
from tests.calls.test_h323_calls import admitted, from_gatekeeper, only, opened
from tests.calls.test_h323_channels import CORE, TERMINAL, VIDEO, close, olc
from tests.calls.test_h323_secured import (
    CORE_KEY,
    PHONE_KEY,
    Talk,
    channel,
    fast_start,
    keyed,
    proposals,
    protected,
    secured,
    table,
)
from tests.h323_calls import said_back, to
from tests.rig import Rig, of

SDES, NONE = MediaSecurity.SDES, MediaSecurity.NONE


def names(orders: list[Order], realm: str) -> list[str]:
    """The H.245 that goes there, in order."""
    return [pdu.name for each in to(orders, realm) for pdu in decode(each.data).pdus if pdu.group]


def rejected(orders: list[Order], realm: str = "access") -> list[tuple[int, str]]:
    found = [pdu.value for each in to(orders, realm) for pdu in decode(each.data).pdus if pdu.group]
    return [(each["forwardLogicalChannelNumber"], each["cause"][0]) for each in found if "cause" in each]


def test_of_a_facility_with_one_unfit_channel_the_rest_goes_on_in_order() -> None:
    talk = Talk()
    plain = olc(TERMINAL, 4, 4003, 2, VIDEO)
    orders = talk.up(table(), plain, channel(TERMINAL, 3, 4001, PHONE_KEY), close(9))
    assert names(orders, "core") == ["terminalCapabilitySet", "openLogicalChannel", "closeLogicalChannel"]
    assert rejected(orders) == [(4, "securityDenied")] and len(talk.call.streams) == len(of(OpenStream, orders)) == 1
    assert talk.call.legs[0].suites == () and audit(talk.rig.border.registry) == []
    assert {decode(each.data).name for each in to(orders, "core")} == {"facility"}


def test_one_that_comes_by_itself_is_only_refused() -> None:
    talk = Talk()
    orders = talk.up(olc(TERMINAL, 4, 4003))
    assert not to(orders, "core") and len(to(orders, "access")) == 1
    assert [note.event for note in of(Note, orders)].count("refused") == 1


def test_an_answer_whose_tunnel_has_an_unfit_channel_is_an_answer() -> None:
    rig = protected(NONE, SDES)
    admitted(rig)
    sent = opened(rig, fast=False)
    head = decode(sent.data).q931
    assert head is not None
    said = decode(said_back("connect", sent.data)).value
    control = [table(), olc(CORE, 7, 5001), close(9)]
    connect = build_signal("connect", head.call_reference, True, said, control=control, extra={"h245Tunnelling": True})
    orders = from_gatekeeper(rig, sent, connect)
    (call,) = rig.border.registry.calls.values()
    assert call.state is CallState.UP
    assert [decode(each.data).name for each in to(orders, "access")] == ["connect", "facility"]
    assert names(orders, "access") == ["terminalCapabilitySet", "closeLogicalChannel"]
    assert rejected(orders, "core") == [(7, "securityDenied")]


def facility(rig: Rig, sent: Send, started: list[bytes], *control: bytes) -> list[Order]:
    """Who was called says in a Facility what it takes of fast connect, and more in the tunnel."""
    head, value = decode(sent.data).q931, decode(sent.data).value
    assert head is not None
    body = {"protocolIdentifier": value["protocolIdentifier"], "callIdentifier": value["callIdentifier"]}
    body |= {"reason": ("undefinedReason", 0), "fastStart": started}
    more = {"h245Tunnelling": True}
    return from_gatekeeper(
        rig, sent, build_signal("facility", head.call_reference, True, body, control=control, extra=more)
    )


def ringing() -> tuple[Rig, Send]:
    """A call from a plain terminal to a core that is to be secured, which has said that it rings."""
    rig = protected(NONE, SDES)
    admitted(rig)
    sent = opened(rig)
    from_gatekeeper(rig, sent, said_back("alerting", sent.data))
    return rig, sent


@pytest.mark.parametrize("control", [[], [table()], [table(), close(9), close(10)]])
def test_fast_connect_that_is_unfit_ends_the_call_in_a_facility_as_in_an_answer(control: list[bytes]) -> None:
    """Who was called believes its channels open, and the caller would hear nothing of them."""
    rig, sent = ringing()
    orders = facility(rig, sent, fast_start(CORE, offers=False), *control)
    assert [decode(each.data).name for each in to(orders, "access")] == ["releaseComplete"]
    assert decode(only(to(orders, "access")).data).value["reason"] == ("securityDenied", 0)
    assert [decode(each.data).name for each in to(orders, "core")].count("releaseComplete") == 1
    assert [note.event for note in of(Note, orders)].count("media-plain") == 1
    (call,) = rig.border.registry.calls.values()
    assert call.state is CallState.CLOSED and "media" in call.cause and audit(rig.border.registry) == []
    assert [len(pool.used) for pool in rig.border.registry.media_ports.values()] == [0, 0]


def test_fast_connect_that_fits_stays_where_a_channel_in_the_tunnel_beside_it_does_not() -> None:
    rig, sent = ringing()
    orders = facility(rig, sent, proposals(CORE, CORE_KEY, offers=False), olc(CORE, 7, 5001), close(9))
    first, second = to(orders, "access")
    assert len(decode(first.data).value["fastStart"]) == 2 and names([second], "access") == ["closeLogicalChannel"]
    assert rejected(orders, "core") == [(7, "securityDenied")]
    (call,) = rig.border.registry.calls.values()
    assert call.state is not CallState.CLOSED


def test_fast_connect_after_the_answer_means_nothing_and_ends_nothing() -> None:
    """Who calls has gone on without it by then (H.323 clause 8.1.7.2)."""
    rig, sent = ringing()
    from_gatekeeper(rig, sent, said_back("connect", sent.data))
    orders = facility(rig, sent, fast_start(CORE, offers=False), table())
    assert names(orders, "access") == ["terminalCapabilitySet"] and "media-plain" in str(of(Note, orders))
    (call,) = rig.border.registry.calls.values()
    assert call.state is CallState.UP


def test_an_answer_that_ends_the_call_says_nothing_more() -> None:
    rig, sent = ringing()
    head, value = decode(sent.data).q931, decode(said_back("connect", sent.data, CORE)).value
    assert head is not None
    more = {"h245Tunnelling": True}
    said = build_signal("connect", head.call_reference, True, value, control=[table(), olc(CORE, 7, 5001)], extra=more)
    orders = from_gatekeeper(rig, sent, said)
    assert [decode(each.data).name for each in to(orders, "access")] == ["releaseComplete"]
    assert [decode(each.data).name for each in to(orders, "core")] == ["releaseComplete"]


def test_several_in_one_string_of_the_tunnel_are_taken_one_by_one() -> None:
    talk = Talk()
    orders = talk.up(table() + olc(TERMINAL, 4, 4003) + close(9))
    assert names(orders, "core") == ["terminalCapabilitySet", "closeLogicalChannel"]
    assert rejected(orders) == [(4, "securityDenied")]


def test_a_key_that_is_told_by_itself_takes_nothing_else_with_it() -> None:
    talk = Talk()
    talk.up(channel(TERMINAL, 3, 4001, PHONE_KEY))
    said = {"logicalChannelNumber": 3, "type": ("encryptionUpdate", {"synchFlag": 0, "h235Key": b"\x00"})}
    orders = talk.up(build_control("command", "miscellaneousCommand", said, tpkt=False), close(9))
    assert names(orders, "core") == ["closeLogicalChannel"] and not to(orders, "access")


def test_very_many_are_not_taken_one_by_one() -> None:
    """Each would be read anew, and answered."""
    talk = Talk()
    orders = talk.up(*(olc(TERMINAL, number, 4003) for number in range(1, 101)))
    assert len(to(orders, "access")) == 1 and len(rejected(orders)) == 100 and not to(orders, "core")


def test_of_very_many_of_which_few_are_of_channels_the_rest_goes_on() -> None:
    """Nothing answers a terminalCapabilitySet or masterSlaveDetermination that is lost: many a call ends by it."""
    talk = Talk()
    keys = [build_control("indication", "userInput", ("alphanumeric", "1"), tpkt=False)] * 40
    orders = talk.up(table(), *keys, olc(TERMINAL, 4, 4003), channel(TERMINAL, 3, 4001, PHONE_KEY), *keys)
    assert names(orders, "core") == [
        "terminalCapabilitySet",
        *["userInput"] * 40,
        "openLogicalChannel",
        *["userInput"] * 40,
    ]
    assert rejected(orders) == [(4, "securityDenied")] and audit(talk.rig.border.registry) == []


LONG = {"nonStandardIdentifier": ("object", (1, 3, 6)), "data": bytes(9_000)}


def too_long(control: bytes) -> bytes:
    """The same, and no encoder is to write it anew."""
    message = decode(wrap(control))
    assert message.pdu is not None
    group, (name, value) = message.pdu.whole
    forward = value["forwardLogicalChannelParameters"]
    form, said = forward["multiplexParameters"]
    forward = {**forward, "multiplexParameters": (form, {**said, "nonStandard": [LONG]})}
    return build_control(group, name, {**value, "forwardLogicalChannelParameters": forward}, tpkt=False)


def test_a_channel_that_cannot_be_written_is_refused_in_so_many_words() -> None:
    talk = Talk()
    orders = talk.up(keyed(too_long(olc(TERMINAL, 3, 4001, carries=secured())), PHONE_KEY), close(9))
    assert rejected(orders) == [(3, "unspecified")] and names(orders, "core") == ["closeLogicalChannel"]
    assert not talk.call.streams and talk.used() == [0, 0]
