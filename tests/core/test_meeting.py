"""Calls of two gateways whose media meets at the SBC: they are halves of one, and their records become one."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.call import Call
from sbc.core.meeting import MOST, met
from sbc.core.orders import CloseStream, OpenStream, Order, Record, UpdateStream
from sbc.ledger.joined import calls_of
from sbc.ledger.volume import Plain
from tests.kept import restarted
from tests.ledger.test_joined import Desk
from tests.rig import NAT, PHONE, Rig, of
from tests.toy_calls import answered
from tests.toy_gateway import Gateway, GatewayDialect, adjusts, gateway, gateway_rig, joined, no, opens, takes_off, yes
from tests.toy_records import Media, audio
from tests.toy_records import Record as Message

OTHER = Address("203.0.113.12", 40002)


def two(rig: Rig | None = None) -> tuple[Gateway, Gateway]:
    """Two gateways with the same private address, behind two NATs."""
    first = gateway(rig or gateway_rig())
    return first, gateway(first.rig, OTHER, b"gw2", 91)


def is_joined(orders: list[Order]) -> list[tuple[str, str]]:
    return [(each.call, each.fields["with"]) for each in of(Record, orders) if each.event == "join"]


def made(one: Gateway, exchange: int, *towards: Media) -> tuple[Call, Media, list[Order]]:
    """A member joins a call, whose media is to go `towards` somebody: the call, and what the core is told of it."""
    asking = one.ask(opens(exchange=exchange, media=towards))
    (asked,) = one.told(asking)
    saying = one.say(joined(asked, media=(audio(PHONE.host),)))
    call = one.rig.border.registry.members.find(one.binding.id, b"1")
    assert call is not None
    return call, Message.read(one.heard(saying)[0]).media[0], asking + saying


def changed(one: Gateway, exchange: int, towards: Media) -> list[Order]:
    asking = one.ask(adjusts(exchange=exchange, media=(towards,)))
    (asked,) = one.told(asking)
    return asking + one.say(yes(asked))


def ends(one: Gateway, exchange: int) -> list[Order]:
    (asked,) = one.told(one.ask(takes_off(exchange=exchange)))
    return one.say(yes(asked))


def test_who_is_told_the_address_of_the_other_has_met_it() -> None:
    one, other = two()
    first, told, orders = made(one, 1)
    assert not is_joined(orders)
    second, back, orders = made(other, 2, told)
    assert is_joined(orders) == [(second.id, first.id)]
    assert not is_joined(changed(one, 3, back)), "they have met before"
    assert first.gathering.met == [second.id] and second.gathering.met == [first.id]  # type: ignore[union-attr]


def test_each_direction_will_do_and_later_too() -> None:
    one, other = two()
    first, _, _ = made(one, 1)
    second, back, orders = made(other, 2, audio("198.51.100.77"))
    assert not is_joined(orders)
    assert is_joined(changed(one, 3, back)) == [(first.id, second.id)]


def test_nobody_meets_at_an_address_that_is_not_ours_or_is_nobodys_or_its_own() -> None:
    one, other = two()
    first, told, _ = made(one, 1)
    assert not is_joined(changed(one, 3, told)), "its own"
    for host, port in (("198.51.100.77", 30000), ("198.51.100.1", 30090)):
        assert not is_joined(changed(one, port, audio(host, port)))
    ends(one, 4)
    _, _, orders = made(other, 2, told)
    assert not is_joined(orders), "that has ended"
    assert first.gathering.met == []  # type: ignore[union-attr]


def test_a_terminal_cannot_make_its_call_one_with_anothers() -> None:
    """It says where it is by an address of ours in the core."""
    one, other = two()
    _, told, _ = made(one, 1)
    (asked,) = other.told(other.ask(opens(exchange=2, media=())))
    assert not is_joined(other.say(joined(asked, media=(told,))))


def test_calls_that_do_not_gather_stay_as_they_are() -> None:
    talk = answered()
    assert met(talk.call, talk.call, 1.0) == [] and not talk.rig.border.registry.networks.meetings.all()


def moved(rig: Rig, host: str, advertised: str = "") -> None:
    """Another plan, by which the media of the core realm is at another address."""
    plan = rig.border.registry.networks.configured
    core = plan.realms["core"]
    media = attrs.evolve(core.media, address=host, advertised=advertised or host)
    rig.replan(attrs.evolve(plan, realms={**plan.realms, "core": attrs.evolve(core, media=media)}))


@pytest.mark.parametrize("advertised", ["", "198.51.100.1"])
def test_calls_before_and_after_the_media_has_moved_have_the_same_ports_and_end_each(advertised: str) -> None:
    one, other = two(gateway_rig(ports=4))
    first, told, _ = made(one, 1)
    moved(one.rig, "198.51.100.9", advertised)
    second, new, _ = made(other, 2)
    assert [s.ours[0].rtp.port for s in first.streams.values()] == [s.ours[0].rtp.port for s in second.streams.values()]
    assert (told == new) == bool(advertised)
    for each, call in ((other, second), (one, first)):
        ends(each, 5)
        assert not call.streams and call.gathering is not None and not call.gathering.members
    assert not one.rig.border.registry.networks.meetings.all()


def test_who_has_met_is_known_by_the_host_too_where_the_media_has_moved() -> None:
    one, other = two()
    first, told, _ = made(one, 1)
    moved(one.rig, "198.51.100.9")
    second, new, orders = made(other, 2, told)
    assert is_joined(orders) == [(second.id, first.id)], "by the address of the former plan"
    third = gateway(one.rig, Address("203.0.113.13", 40003), b"gw3", 92)
    call, _, orders = made(third, 3, new)
    assert is_joined(orders) == [(call.id, second.id)], "not that with the same port at the former"


def test_an_address_is_known_by_what_peers_call_it() -> None:
    rig = gateway_rig()
    moved(rig, "10.0.0.9", "198.51.100.99")
    one, other = two(rig)
    first, told, _ = made(one, 1)
    second, _, orders = made(other, 2, told)
    assert is_joined(orders) == [(second.id, first.id)]


def test_the_same_port_at_an_address_of_ours_in_another_realm_is_no_meeting() -> None:
    rig = gateway_rig()
    plan = rig.border.plan
    core = plan.realms["core"]
    host = "198.51.100.20"
    beside = attrs.evolve(
        core,
        name="beside",
        listeners=(
            attrs.evolve(
                core.listeners[0], realm="beside", address=Address(host, 5060), advertised=Address(host, 5060)
            ),
        ),
        media=attrs.evolve(core.media, address=host, advertised=host),
    )
    rig.replan(attrs.evolve(plan, realms={**plan.realms, "beside": beside}))
    one, other = two(rig)
    first, _, _ = made(one, 1)
    (stream,) = first.streams.values()
    _, _, orders = made(other, 2, audio(host, stream.ours[0].rtp.port))
    assert not is_joined(orders) and first.gathering.met == []  # type: ignore[union-attr]


def test_of_very_many_no_account_is_given() -> None:
    one, _ = two()
    call, _, _ = made(one, 1)
    for number in range(MOST + 4):
        other: Any = attrs.make_class("Other", ["id", "gathering"])(f"x{number}", attrs.evolve(call.gathering, met=[]))
        assert len(met(call, other, 1.0)) == (number < MOST)


def test_ports_that_are_used_again_are_the_new_calls() -> None:
    one, other = two(gateway_rig(ports=4))
    _, told, _ = made(one, 1)
    again, number = None, 1
    while again is None or again.rtp != told.rtp:
        ends(one, number + 1)
        one.rig.wait(30)
        number += 2
        assert number < 10, "the ports are not used again"
        call, again, _ = made(one, number)
    _, _, orders = made(other, 50, told)
    assert [each for _, each in is_joined(orders)] == [call.id]


# -- and their records


def heard(desk: Desk, orders: list[Order]) -> None:
    """What the runner tells the meter of."""
    for order in orders:
        if isinstance(order, Record | OpenStream | UpdateStream | CloseStream):
            desk.hear(order)


def recorded(rig: Rig) -> Desk:
    desk = Desk()
    heard(desk, rig.log)
    return desk


@pytest.mark.parametrize("first_ends", [True, False])
def test_one_record_has_both_gateways(first_ends: bool) -> None:
    one, other = two()
    first, told, _ = made(one, 1)
    second, back, _ = made(other, 2, told)
    changed(one, 3, back)
    for gone in (one, other) if first_ends else (other, one):
        ends(gone, 5)
    record = recorded(one.rig).only
    assert calls_of(record) == [first.id, second.id] and record["complete"]
    assert [leg["seen"] for leg in record["legs"]] == [str(NAT), str(OTHER)]
    assert [[side.get("inner", False) for side in stream["sides"]] for stream in record["streams"]] == [
        [True, False]
    ] * 2
    assert record["ending"] == "normal" and record["protocol"] == "toy"


def test_a_second_that_is_refused_is_part_of_the_record_and_ends_nothing() -> None:
    one, other = two()
    first, told, _ = made(one, 1)
    (asked,) = other.told(other.ask(opens(exchange=2, media=(told,))))
    other.say(no(asked))
    desk = recorded(one.rig)
    assert not desk.only["complete"] and [part["ending"] for part in desk.only["parts"]] == [None, "failed"]
    ends(one, 5)
    assert recorded(one.rig).only["ending"] == "normal" and first.gathering is not None


class Reporting(GatewayDialect):
    """The made-up protocol, if a gateway that takes a member off said what it has counted of it."""

    def describe(self, message: Any) -> Any:
        intent = super().describe(message)
        if intent.method == "close" and intent.phase.reply:
            intent.reported = ((intent.user, (("packets_sent", "700"), ("packets_received", "50"))),)
        return intent


def test_what_a_gateway_has_counted_is_in_the_record_beside_what_was_counted_here() -> None:
    one, other = two(gateway_rig(Reporting()))
    first, told, _ = made(one, 1)
    made(other, 2, told)
    orders = ends(one, 5)
    words = [type(each).__name__ if not isinstance(each, Record) else each.event for each in orders]
    assert words.index("report") < words.index("CloseStream") < words.index("close")
    ends(other, 5)
    desk = recorded(one.rig)
    entries: list[Plain] = desk.only["reported"]
    assert (entries[0]["part"], entries[0]["member"], len(entries)) == (first.id, "1", 2)
    assert entries[0]["figures"]["packets_sent"] == "700" and set(entries[0]["counted"]) > {"packets_sent"}
    assert [note.event for note in desk.told] == ["differs"] * len(desk.told) and desk.told


def test_after_a_restart_they_are_still_one() -> None:
    one, other = two()
    first, told, _ = made(one, 1)
    second, _, _ = made(other, 2, told)
    after, orders = restarted(one.rig)
    assert {frozenset(each) for each in is_joined(orders)} == {frozenset({first.id, second.id})}
    assert len(after.border.registry.networks.meetings.all()) == 4
    assert json.dumps(after.border.registry.calls[first.id].gathering.met)  # type: ignore[union-attr]
