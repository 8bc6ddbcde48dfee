"""What is said of channels whose media goes by one pair of ports (H.460.19)."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Any

import pytest

from sbc.core.address import Address
from sbc.core.message import Numbered
from sbc.core.multiplexed import shared_pair
from sbc.h323 import per
from sbc.h323.codec import decode
from sbc.h323.multiplexed import asked, told, transmits
from tests.calls.test_h323_calls import olc, olc_ack
from tests.h323_calls import asking, media, setup, tunnel

RTP, RTCP = Address("192.168.1.10", 3000), Address("192.168.1.10", 3001)


@pytest.mark.parametrize(
    ("parameters", "said"), [([], False), ([1], True), ([2], False), ([2, 1], True), (None, False)]
)
def test_who_sends_says_that_it_can(parameters: list[int] | None, said: bool) -> None:
    feature: Any = {"id": ("standard", 19)}
    if parameters is not None:
        feature["parameters"] = [{"id": ("standard", each)} for each in parameters]
    assert transmits(feature) is said


@pytest.mark.parametrize("field", ["mediaChannel", "mediaControlChannel"])
def test_a_channel_asks_for_a_number_and_may_say_where(field: str) -> None:
    plain = olc_ack("192.168.1.10", 4000)
    whole = {"multiplexedMediaChannel": media(RTP), "multiplexedMediaControlChannel": media(RTCP), "multiplexID": 7}
    for control, wanted in (
        (plain, Numbered()),
        (asking(plain, **whole), Numbered(7, RTP if field == "mediaChannel" else RTCP)),
        (asking(plain, multiplexID=0), Numbered(0)),
        (asking(plain, keepAlivePayloadType=127), Numbered()),
        (asking(plain, multiplexedMediaChannel=media(RTP)), Numbered()),
        (asking(olc("192.168.1.10", 4001), multiplexID=2**32 - 1), Numbered(2**32 - 1)),
    ):
        message = decode(tunnel(setup(fast=False), [control]))
        (pdu,) = [each for each in message.pdus if each.name.startswith("openLogicalChannel")]
        assert asked(pdu, field) == wanted


def test_a_terminal_is_told_both_ports_and_the_number() -> None:
    said = per.decode(
        "TraversalParameters", per.encode("TraversalParameters", told(shared_pair("203.0.113.1", 2776), 9))
    )
    assert said["multiplexID"] == 9
    assert said["multiplexedMediaChannel"] == media(Address("203.0.113.1", 2776))
    assert said["multiplexedMediaControlChannel"] == media(Address("203.0.113.1", 2777))


def test_in_ipv6_too() -> None:
    octets = per.encode("TraversalParameters", told(shared_pair("2001:db8::1", 2776), 9))
    said = per.decode("TraversalParameters", octets)
    form, parts = said["multiplexedMediaControlChannel"][1]
    assert (form, parts["tsapIdentifier"]) == ("iP6Address", 2777)
    assert IPv6Address(parts["network"]) == IPv6Address("2001:db8::1")
