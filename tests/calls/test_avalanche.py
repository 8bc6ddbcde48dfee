"""After an outage a town's phones are all in again, flood or no flood, and none of them is banned.

SBC_LAB_PHONES says how many phones, each twenty behind one NAT: by default few of the ten thousand, of an SBC that is
as much slower.
"""

from __future__ import annotations

import os

import pytest

from sbc.core.orders import Send
from sbc.core.registry import Arrival
from tests.calls.avalanche import BEGAN, FLOODS, Town
from tests.rig import NAT, PHONE, SOFTSWITCH, of
from tests.sip_messages import answer, inside, invite

WHOLE = 10_000
PHONES = int(os.environ.get("SBC_LAB_PHONES", "250"))
SLOW = WHOLE / PHONES
FLOOD = 50_000 / SLOW
"""Datagrams a second, of ten thousand sources and of forged ones, as the SBC's time goes."""
WITHIN = 120.0


def begin_call(town: Town) -> tuple[bytes, bytes]:
    """A call that is up before the outage: its INVITE and the answer, as the phone has them."""
    asked = invite(PHONE)
    (sent,) = [each for each in of(Send, take(town, asked)) if each.listener.realm == "core"]
    back = town.border.receive(Arrival(town.core, SOFTSWITCH, answer(sent.data, SOFTSWITCH.host), town.now))
    (told,) = [each.data for each in of(Send, back) if each.listener.realm == "access"]
    take(town, inside(asked, told, b"ACK", 1))
    return asked, told


def take(town: Town, data: bytes) -> list[object]:
    return list(town.border.receive(Arrival(town.own, NAT, data, town.now)))


@pytest.mark.slow
@pytest.mark.parametrize("flood", FLOODS)
def test_all_are_in_and_none_is_banned_while_a_flood_arrives(flood: str) -> None:
    town = Town(PHONES, int(FLOOD), SLOW, FLOODS[flood])
    asked, told = begin_call(town)
    town.begin(within=10.0)
    while town.now < BEGAN + WITHIN and any(phone.done is None for phone in town.phones):
        town.run(town.now + 5.0, flood_from=town.now)
    guard, homes = town.border.registry.gate.flood, {phone.source.host for phone in town.phones}
    assert not [phone for phone in town.phones if phone.done is None] and town.bound >= PHONES
    assert not homes & {ban.host for ban in guard.bans}
    assert len(guard.bans) >= 0.5 * len(town.junk), "who sends rubbish is"
    assert town.words["banned"] and town.words["share"]

    assert not town.closed and len(town.border.registry.calls) == 1, "whose call was up has heard nothing of it"
    assert town.border.knock(town.own, NAT, 100, "", town.now) == ""
    (onward,) = [each for each in of(Send, take(town, inside(asked, told, b"BYE", 2))) if each.listener.realm == "core"]
    assert onward.data.startswith(b"BYE ")
