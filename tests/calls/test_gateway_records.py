"""Calls between two gateways of ours in MGCP and H.248: one record, what both have counted, over a restart too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.binding import BindingState
from sbc.core.orders import Order, Record, Send
from sbc.core.realm import Keepalive, Registrations
from sbc.core.registry import Arrival
from sbc.ledger.joined import calls_of
from sbc.ledger.volume import Plain
from tests import h248_calls, h248_words, mgcp_calls
from tests.core.test_meeting import heard
from tests.kept import restarted
from tests.ledger.test_joined import Desk
from tests.mgcp_messages import crcx, created, dlcx, mdcx, response, sdp
from tests.rig import Rig, of

OTHER = Address("203.0.113.12", 51_000)


@attrs.define
class Half:
    """A gateway, by what the core does with it: make an end towards an address, or none; begin to, and finish in the
    next life of the SBC; move it; take it off with what the gateway has counted."""

    rig: Callable[[], Rig]
    move: Callable[[Rig], Half]
    make: Callable[[Address | None], Address]
    begin: Callable[[Address], Callable[[Rig], list[Order]]]
    change: Callable[[Address], list[Order]]
    end: Callable[[int, int], list[Order]]


def media_of(data: bytes) -> Address:
    """Where the core is told that media goes, by a session description."""
    text = data.decode()
    host = text.rpartition("c=IN IP4 ")[2].split()[0]
    return Address(host, int(text.rpartition("m=audio ")[2].split()[0]))


def of_mgcp(rig: Rig, seen: Address | None = None) -> Half:
    line = mgcp_calls.Line.register(rig) if seen is None else mgcp_calls.Line.register(rig, OTHER, number=32)
    return mgcp_half(line)


def mgcp_half(line: mgcp_calls.Line) -> Half:
    def make(far: Address | None) -> Address:
        described = b"" if far is None else sdp(far.host, far.port)
        asked = line.asked(crcx(line.next(), line.at(), "2a", described))
        return media_of(line.told(created(asked, "1F", mgcp_calls.PRIVATE, 4000)))

    def begin(far: Address) -> Callable[[Rig], list[Order]]:
        asked = line.asked(crcx(line.next(), line.at(), "2a", sdp(far.host, far.port)))
        return lambda rig: attrs.evolve(line, rig=rig).says(created(asked, "1F", mgcp_calls.PRIVATE, 4000))

    def change(far: Address) -> list[Order]:
        said = line.agent(mdcx(line.next(), line.at(), "1F", "2a", sdp(far.host, far.port)))
        return said + line.says(created(mgcp_calls.sent(said, "access")[0].data, "", mgcp_calls.PRIVATE, 4000))

    def end(sent: int, received: int) -> list[Order]:
        said = line.agent(dlcx(line.next(), line.at(), "2a", "1F"))
        told = f"P: PS={sent}, OS={160 * sent}, PR={received}, OR={160 * received}, PL=0, JI=1, LA=9"
        return said + line.says(response(250, mgcp_calls.sent(said, "access")[0].data, told))

    return Half(lambda: line.rig, lambda rig: mgcp_half(attrs.evolve(line, rig=rig)), make, begin, change, end)


def of_h248(rig: Rig, seen: Address | None = None) -> Half:
    one = h248_calls.gateway(rig) if seen is None else h248_calls.gateway(rig, OTHER, number=2)
    return h248_half(one)


def h248_half(one: h248_calls.Gateway) -> Half:
    def make(far: Address | None) -> Address:
        (told,) = one.heard(one.added(one.add(remote=far)))
        return media_of(told)

    def begin(far: Address) -> Callable[[Rig], list[Order]]:
        asked = one.add(remote=far)
        return lambda rig: attrs.evolve(one, rig=rig).added(asked)

    def change(far: Address) -> list[Order]:
        said = one.modify(remote=far)
        modified = h248_words.command(b"Modify", h248_calls.RTP)
        return said + one.say(h248_words.reply(h248_calls.read(*one.told(said)).transaction, 5, modified))

    def end(sent: int, received: int) -> list[Order]:
        asked = one.subtract()
        figures = h248_words.statistics(**{"rtp/ps": sent, "rtp/pr": received})
        gone = (
            h248_words.command(b"Subtract", h248_calls.LINE),
            h248_words.command(b"Subtract", h248_calls.RTP, figures),
        )
        return one.say(h248_words.reply(asked.transaction, 5, *gone))

    return Half(lambda: one.rig, lambda rig: h248_half(attrs.evolve(one, rig=rig)), make, begin, change, end)


PLANS: dict[str, Callable[..., Rig]] = {"mgcp": mgcp_calls.mgcp_rig, "h248": h248_calls.gateway_rig}
HALVES: dict[str, Callable[..., Half]] = {"mgcp": of_mgcp, "h248": of_h248}


@pytest.fixture(params=sorted(HALVES))
def halves(request: pytest.FixtureRequest) -> tuple[Half, Half]:
    """Two gateways with the same private address behind two NATs, whose call agent has joined them."""
    rig = PLANS[request.param]()
    make = HALVES[request.param]
    first, second = make(rig), make(rig, OTHER)
    there = first.make(None)
    first.change(second.make(there))
    return first, second


def answers_of(name: str, orders: list[Order], figures: bool, mid: bytes) -> list[tuple[Address, bytes]]:
    """What the gateway says, and from where, to whatever takes a member of its off."""
    found = []
    for order in of(Send, orders):
        if order.listener.realm != "access":
            continue
        if name == "mgcp":
            told = ["P: PS=70, OS=11200, PR=35, OR=5600, PL=0, JI=1, LA=9"] if figures else []
            found.append((order.to, response(250, order.data, *told)))
        else:
            asked = h248_calls.read(order.data)
            termination = asked.commands[0].termination.key
            is_rtp = termination.lower().startswith(b"rtp")
            counted = h248_words.statistics(**{"rtp/ps": 70, "rtp/pr": 35}) if figures and is_rtp else b""
            gone = h248_words.command(b"Subtract", termination, counted)
            said = h248_words.reply(asked.transaction, int(asked.actions[0].context), gone)
            found.append((order.to, h248_words.message(mid, said)))
    return found


@pytest.mark.parametrize("name", sorted(HALVES))
@pytest.mark.parametrize("figures", [True, False])
def test_what_gateways_say_to_our_own_release_is_in_the_record(name: str, figures: bool) -> None:
    rig, mid = PLANS[name](), b""
    if name == "h248":
        one = h248_calls.gateway(rig)
        mid = one.mid
        h248_half(one).make(Address("198.51.100.77", 4000))
    else:
        of_mgcp(rig).make(Address("198.51.100.77", 4000))
    (call,) = rig.border.registry.calls.values()
    orders = rig._take(rig.border.end_call(call.id, "kicked", rig.now))
    desk = Desk()
    heard(desk, rig.log)
    assert [each.fields["awaits"] for each in of(Record, orders) if each.event == "close"] == [True]
    assert desk.finals == [], "not before the gateway has answered"
    access = rig.border.plan.realms["access"].listeners[0]
    answers = answers_of(name, orders, figures, mid)
    said = [order for source, data in answers for order in rig._take(rig.border.receive(
        Arrival(access, source, data, rig.now)))]  # fmt: skip
    assert [each.event for each in of(Record, said)][-1] == "settled"
    heard(desk, said)
    (record,) = desk.finals
    assert record["complete"] and record["ended_by"] == "sbc"
    told = [each for each in record["reported"] if "packets_sent" in each["figures"]]
    assert [each["figures"]["packets_sent"] for each in told] == (["70"] if figures else [])
    if figures:
        assert told[0]["counted"]["packets_sent"] == 50  # the test's engine says so of every stream


@pytest.mark.parametrize("name", sorted(HALVES))
def test_a_gateway_that_does_not_answer_our_release_keeps_no_record_open(name: str) -> None:
    rig = PLANS[name]()
    HALVES[name](rig).make(Address("198.51.100.77", 4000))
    (call,) = rig.border.registry.calls.values()
    rig._take(rig.border.end_call(call.id, "kicked", rig.now))
    rig.wait(100)
    desk = Desk()
    heard(desk, rig.log)
    (record,) = desk.finals
    assert record["complete"] and not any(each["figures"] for each in record["reported"])


def record_of(rig: Rig) -> Plain:
    desk = Desk()
    heard(desk, rig.log)
    return desk.only


def test_one_record_with_what_both_have_counted(halves: tuple[Half, Half]) -> None:
    first, second = halves
    first.end(100, 50)
    second.end(90, 45)
    record = record_of(first.rig())
    assert record["complete"] and len(record["parts"]) == 2 and record["ending"] == "normal"
    assert [leg["seen"].split(":")[0] for leg in record["legs"]] == ["203.0.113.11", "203.0.113.12"]
    assert [[side.get("inner", False) for side in stream["sides"]] for stream in record["streams"]] == [
        [True, False]
    ] * 2
    figures = [each["figures"] for each in record["reported"] if "packets_sent" in each["figures"]]
    assert [(each["packets_sent"], each["packets_received"]) for each in figures] == [("100", "50"), ("90", "45")]
    assert record["reported"][0]["counted"]["packets_sent"] == 50  # the test's engine says so of every stream


def test_a_restart_leaves_them_joined_and_each_ends_by_itself(halves: tuple[Half, Half]) -> None:
    first, second = halves
    made, orders = restarted(first.rig())
    joined = [frozenset((each.call, each.fields["with"])) for each in of(Record, orders) if each.event == "join"]
    assert len(set(joined)) == 1 and len(made.border.registry.calls) == 2
    assert set(calls_of(record_of(first.rig()))) == set(joined[0])
    ended = first.move(made).end(1, 1) + second.move(made).end(1, 1)
    assert [each.event for each in of(Record, ended)].count("close") == 2


@pytest.mark.parametrize("protocol", sorted(HALVES))
def test_an_end_that_was_being_made_has_both_its_sides_in_the_next_life(protocol: str) -> None:
    rig = PLANS[protocol]()
    far = Address("198.51.100.77", 6000)
    finish = HALVES[protocol](rig).begin(far)
    made, _ = restarted(rig)
    orders = finish(made)
    (call,) = made.border.registry.calls.values()
    (stream,) = call.streams.values()
    assert [None if pair is None else pair.rtp.port for pair in stream.remote] == [far.port, 4000]
    assert "answer" in [each.event for each in of(Record, orders)] and stream.member


@pytest.mark.parametrize("protocol", sorted(HALVES))
def test_one_that_is_lost_comes_back_with_a_word_to_the_core(protocol: str) -> None:
    alive = Keepalive(tell_core=True)
    rig: Any = PLANS[protocol](keepalive=alive, registrations=Registrations(core=900))
    half = HALVES[protocol](rig)
    half.make(None)
    (binding,) = rig.border.registry.bindings.values()
    orders: list[Order] = []
    while binding.state is not BindingState.DEAD:
        orders += rig.wait(1.0)
    (told,) = {each.data for each in mgcp_calls.sent(orders, "core")}
    assert b"forced" in told.lower() and binding.lasting
    rig._take(rig.border.stirred(Arrival(binding.listener, binding.seen, b"", rig.now)))
    (said,) = {each.data for each in mgcp_calls.sent(rig.wait(0.0), "core")}
    assert b"disconnected" in said.lower() and binding.state is BindingState.BOUND
