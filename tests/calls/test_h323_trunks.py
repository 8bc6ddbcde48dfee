"""Gateways of H.323, several in one place: which is called, which instead, and how one is known to be gone."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.audit import audit
from sbc.core.fan import Asking, Failover, NextHop, Probes
from sbc.core.orders import Connect, HangUp, Listen, Listener, Order, Send, Unlisten
from sbc.core.realm import Callers, Plan
from sbc.core.registry import Arrival
from sbc.core.trunk import Trunk
from sbc.h323.codec import decode
from sbc.policy.rule import Pattern
from tests.calls.test_h323_channels import capabilities
from tests.calls.test_h323_control import start_h245
from tests.calls.test_limits import left
from tests.edge import GATEKEEPER, H323, to
from tests.h323_calls import CALLS, addresses, arq, ip, plain, registered, release, said_back, tunnel
from tests.rig import SBC_ACCESS, SBC_CORE, events, of

ONE, TWO = Address("192.0.2.17", CALLS), Address("192.0.2.18", CALLS)
OUT_ONE, OUT_TWO = Address("198.51.100.77", CALLS), Address("198.51.100.78", CALLS)
NEVER_ASKED = Probes(Asking.OFF)
FROM = GATEKEEPER._replace(port=33_000)


class Scene:
    """A call to a trunk of two gateways from the core, or from access to one of two gateways in the core."""

    def __init__(self, outward: bool, **more: Any) -> None:
        self.outward = outward
        self.made = H323(lambda plan: _outward(plan, more) if outward else _trunked(plan, more))
        self.rig = self.made.rig
        self.there = "core" if outward else "access"
        self.first, self.second = (OUT_ONE, OUT_TWO) if outward else (ONE, TWO)
        self.by: Listener = self.made.calls("access" if outward else "core")
        self.at = Address("203.0.113.60", 33_000) if outward else FROM
        self.asked = b""

    def rings(self, number: int = 7) -> list[Order]:
        own = SBC_ACCESS if self.outward else SBC_CORE
        host = self.at if self.outward else GATEKEEPER
        self.asked = self.made.setup(host, number, Address(own.host, CALLS))
        self.at = self.at._replace(port=self.at.port + 1)
        return self.made.heard(self.by, self.at, self.asked)

    def onward(self, orders: list[Order]) -> list[Send]:
        return [each for each in to(orders, self.there) if decode(each.data).name == "setup"]

    def back(self, orders: list[Order]) -> list[Any]:
        """What who calls is told: names, and causes of what ends the call."""
        found = [decode(each.data) for each in of(Send, orders) if each.to == self.at]
        return [(each.name, each.q931.cause if each.q931 is not None else None) for each in found]

    def says(self, sent: Send, data: bytes) -> list[Order]:
        return self.rig._take(self.rig.border.receive(Arrival(sent.listener, sent.to, data, self.rig.now)))

    def unreachable(self, sent: Send | Connect, why: str = "connection refused") -> list[Order]:
        peer = sent.to if isinstance(sent, Send) else sent.peer
        return self.rig._take(self.rig.border.unreachable(sent.listener, peer, why, self.rig.now))

    def takes(self, sent: Connect) -> list[Order]:
        return self.rig._take(self.rig.border.accepted(sent.listener, sent.peer, self.rig.now))

    def end(self, sent: Send) -> None:
        orders = self.says(sent, said_back("connect", sent.data, sent.to.host))
        assert ("connect", None) in self.back(orders)
        self.made.ends[7] = (self.by, self.at, release(self.asked))
        self.made.end(7)
        assert left(self.made) == []


def _trunked(base: Plan, more: dict[str, Any]) -> Plan:
    said = {"next_hops": (ONE, TWO), "protocol": "h323", "called": (Pattern("200"),), "transport": "tcp", **more}
    trunk = Trunk("pbx", **{"probing": NEVER_ASKED, **said})
    access = attrs.evolve(base.realms["access"], trunks=(trunk,), sparing=True)
    paths = tuple(attrs.evolve(path, callers=Callers.REGISTERED) for path in base.paths)
    return attrs.evolve(base, realms={**base.realms, "access": access}, paths=paths)


def _outward(base: Plan, more: dict[str, Any]) -> Plan:
    hops = tuple(NextHop(each, place, transport="tcp") for place, each in enumerate((OUT_ONE, OUT_TWO)))
    said = {"next_hops": hops, "callers": Callers.ANY, "probing": NEVER_ASKED, **more}
    return attrs.evolve(base, paths=tuple(attrs.evolve(path, **said) for path in base.paths))


def test_gateways_of_one_host_are_told_apart() -> None:
    """By their ports: each attempt has a connection of its own, and what the first says late is not the second's."""
    scene = Scene(False, next_hops=(ONE, ONE._replace(port=1721), ONE._replace(port=1722)))
    (first,) = scene.onward(scene.rings())
    (second,) = scene.onward(scene.unreachable(first))
    (third,) = scene.onward(scene.says(second, release(second.data, 42, back=True)))
    assert len({each.listener.lane for each in (first, second, third)}) == 3
    assert audit(scene.rig.border.registry) == []
    scene.end(third)


BOTH_WAYS = pytest.mark.parametrize("outward", [False, True], ids=["trunk", "path"])


@BOTH_WAYS
@pytest.mark.parametrize("cause", [34, 38, 41, 42, 47, 58])
def test_what_the_first_cannot_take_the_second_has(outward: bool, cause: int) -> None:
    scene = Scene(outward)
    (sent,) = scene.onward(scene.rings())
    assert sent.to == scene.first and sent.listener.lane
    orders = scene.says(sent, release(sent.data, cause, back=True))
    (second,) = scene.onward(orders)
    assert second.to == scene.second and "failover" in events(orders)
    assert not [each for each in scene.back(orders) if each[0] == "releaseComplete"]
    assert [each.peer for each in of(HangUp, orders)] == [scene.first], "its connection was for that attempt alone"
    hosts = {each.host for found in addresses(second.data).values() for each in found}
    assert scene.second.host in hosts and scene.first.host not in hosts
    scene.end(second)


@BOTH_WAYS
def test_who_has_but_said_that_it_is_at_it_may_still_be_left(outward: bool) -> None:
    """As most gateways say before they look for a channel. Who calls hears of it once."""
    scene = Scene(outward)
    (sent,) = scene.onward(scene.rings())
    assert scene.back(scene.says(sent, said_back("callProceeding", sent.data))) == [("callProceeding", None)]
    orders = scene.says(sent, release(sent.data, 42, back=True))
    (second,) = scene.onward(orders)
    assert second.to == scene.second and scene.back(orders) == []
    assert [each.peer for each in of(HangUp, orders)] == [scene.first]
    assert scene.back(scene.says(second, said_back("callProceeding", second.data))) == []
    assert scene.back(scene.says(second, said_back("alerting", second.data))) == [("alerting", None)]
    scene.end(second)


@BOTH_WAYS
@pytest.mark.parametrize("name", ["callProceeding", "progress"])
def test_who_has_said_where_media_is_has_the_call(outward: bool, name: str) -> None:
    scene = Scene(outward)
    (sent,) = scene.onward(scene.rings())
    scene.says(sent, said_back(name, sent.data, sent.to.host))
    orders = scene.says(sent, release(sent.data, 42, back=True))
    assert not scene.onward(orders) and scene.back(orders) == [("releaseComplete", 42)]


@BOTH_WAYS
@pytest.mark.parametrize("tunnelled", [True, False])
def test_who_has_begun_h245_has_the_call(outward: bool, tunnelled: bool) -> None:
    """As where a CallProceeding has it: another gateway would begin it anew with who calls, which is in the middle."""
    scene = Scene(outward)
    (sent,) = scene.onward(scene.rings())
    scene.says(sent, said_back("callProceeding", sent.data))
    began = tunnel(sent.data, [capabilities(False)], back=True)
    began = began if tunnelled else start_h245(sent, Address(sent.to.host, 30_001))
    assert ("facility", None) in scene.back(scene.says(sent, began))
    orders = scene.says(sent, release(sent.data, 42, back=True))
    assert not scene.onward(orders) and scene.back(orders) == [("releaseComplete", 42)]


def test_who_has_begun_h245_is_not_left_for_its_silence() -> None:
    scene = Scene(True, failover=Failover(patience=3.0))
    (sent,) = scene.onward(scene.rings())
    scene.says(sent, tunnel(sent.data, [capabilities(False)], back=True))
    assert not scene.onward(scene.rig.wait(10))
    scene.end(sent)


@BOTH_WAYS
@pytest.mark.parametrize(
    "said", [{"fastConnectRefused": 0}, {"h245SecurityMode": ("noSecurity", 0)}, {"tokens": [{"tokenOID": (1, 3, 6)}]}]
)
def test_who_has_decided_how_the_call_goes_on_has_it(outward: bool, said: dict[str, Any]) -> None:
    scene = Scene(outward)
    (sent,) = scene.onward(scene.rings())
    assert scene.back(scene.says(sent, said_back("callProceeding", sent.data, **said))) == [("callProceeding", None)]
    orders = scene.says(sent, release(sent.data, 42, back=True))
    assert not scene.onward(orders) and scene.back(orders) == [("releaseComplete", 42)]


@BOTH_WAYS
@pytest.mark.parametrize("cause", [1, 16, 17, 19, 21, 127])
def test_what_its_people_say_is_no_reason_to_ask_elsewhere(outward: bool, cause: int) -> None:
    scene = Scene(outward)
    (sent,) = scene.onward(scene.rings())
    orders = scene.says(sent, release(sent.data, cause, back=True))
    assert not scene.onward(orders) and scene.back(orders) == [("releaseComplete", cause)]


@BOTH_WAYS
def test_who_takes_no_connection_is_left_for_the_other(outward: bool) -> None:
    scene = Scene(outward)
    (sent,) = scene.onward(scene.rings())
    orders = scene.unreachable(sent)
    assert {"hop-down", "failover"} <= set(events(orders))
    (second,) = scene.onward(orders)
    assert second.to == scene.second
    scene.end(second)
    (next_call,) = scene.onward(scene.rings(8))
    assert next_call.to == scene.second, "at once"


@BOTH_WAYS
def test_of_who_is_silent_the_other_has_the_call_and_a_late_yes_begins_no_second(outward: bool) -> None:
    scene = Scene(outward, failover=Failover(patience=3.0))
    (sent,) = scene.onward(scene.rings())
    orders = scene.rig.wait(3.1)
    (second,) = scene.onward(orders)
    taken_back = [decode(each.data).name for each in of(Send, orders) if each.to == scene.first]
    assert second.to == scene.second and taken_back == ["releaseComplete"]
    late = scene.says(sent, said_back("connect", sent.data, sent.to.host))
    assert scene.back(late) == []
    scene.end(second)


@BOTH_WAYS
def test_who_rings_has_the_call_though_it_says_no_then(outward: bool) -> None:
    """Who calls has heard it ring: it is not to hear that anew."""
    scene = Scene(outward)
    (sent,) = scene.onward(scene.rings())
    scene.says(sent, said_back("alerting", sent.data))
    orders = scene.says(sent, release(sent.data, 41, back=True))
    assert not scene.onward(orders) and scene.back(orders) == [("releaseComplete", 41)]


@BOTH_WAYS
def test_when_neither_takes_it_who_calls_hears_the_last_word(outward: bool) -> None:
    scene = Scene(outward)
    (sent,) = scene.onward(scene.rings())
    (second,) = scene.onward(scene.says(sent, release(sent.data, 42, back=True)))
    orders = scene.says(second, release(second.data, 47, back=True))
    assert scene.back(orders) == [("releaseComplete", 47)]
    assert left(scene.made) == []


@BOTH_WAYS
def test_both_are_knocked_at_and_who_is_down_has_no_calls_until_it_is_back(outward: bool) -> None:
    scene = Scene(outward, probing=Probes(period=10.0, answer_within=2.0, misses=2))
    alive = {scene.second}

    def pass_time(seconds: int) -> list[str]:
        said: list[str] = []
        for _ in range(seconds):
            orders = scene.rig.wait(1)
            assert not to(orders, scene.there), "not a word is said"
            for each in of(Connect, orders):
                assert each.peer in (scene.first, scene.second) and each.listener.lane
                answer = scene.takes(each) if each.peer in alive else scene.unreachable(each)
                hung = [every.peer for every in of(HangUp, answer)]
                assert hung == [each.peer], "and the connection closed"
                orders += answer
            said += events(orders)
        return said

    scene.rig._take(scene.rig.border.start(scene.rig.now))
    assert "hop-down" in pass_time(30)
    (sent,) = scene.onward(scene.rings())
    assert sent.to == scene.second, "at once"
    scene.end(sent)
    alive.add(scene.first)
    assert "hop-up" in pass_time(30)
    (again,) = scene.onward(scene.rings(9))
    assert again.to == scene.first


@BOTH_WAYS
def test_one_refused_knock_is_one_missed_answer(outward: bool) -> None:
    """So a gateway that is started anew keeps its calls, until it has missed as many as are configured."""
    scene = Scene(outward, probing=Probes(period=10.0, answer_within=2.0, misses=3))
    scene.rig._take(scene.rig.border.start(scene.rig.now))

    def knock() -> list[str]:
        """Until the first has refused once more."""
        said: list[str] = []
        knocked: list[Connect] = []
        while scene.first not in {each.peer for each in knocked}:
            orders = scene.rig.wait(0.5)
            knocked = of(Connect, orders)
            said += events(orders)
            for each in knocked:
                said += events(scene.unreachable(each) if each.peer == scene.first else scene.takes(each))
        return said

    assert knock() == ["hop-suspect"]
    (sent,) = scene.onward(scene.rings())
    assert sent.to == scene.first, "it is used"
    scene.end(sent)  # which it has answered: so it lives
    assert knock() == ["hop-suspect"] and knock() == [] and knock() == ["hop-down"]
    (sent,) = scene.onward(scene.rings(8))
    assert sent.to == scene.second


@BOTH_WAYS
def test_who_says_nothing_when_knocked_at_is_down_and_the_attempt_is_given_up(outward: bool) -> None:
    scene = Scene(outward, probing=Probes(period=10.0, answer_within=2.0, misses=2))
    scene.rig._take(scene.rig.border.start(scene.rig.now))
    knocked: list[Connect] = []
    hung: list[Any] = []
    said: list[str] = []
    for _ in range(30):
        orders = scene.rig.wait(1)
        knocked += of(Connect, orders)
        hung += [(each.listener, each.peer) for each in of(HangUp, orders)]
        said += events(orders)
    assert said.count("hop-down") == 2 and len(hung) >= len(knocked) - 2
    assert set(hung) <= {(each.listener, each.peer) for each in knocked}
    late = scene.takes(knocked[0])
    assert events(late) == [] and not of(HangUp, late), "who comes too late is not there"


def test_a_gatekeeper_is_asked_in_its_own_words() -> None:
    """By datagrams, beside a gateway that is knocked at."""
    hops = (NextHop(GATEKEEPER), NextHop(OUT_ONE, transport="tcp"))
    scene = Scene(True, next_hops=hops, probing=Probes(period=10.0))
    scene.rig._take(scene.rig.border.start(scene.rig.now))
    orders = scene.rig.wait(12)
    assert {decode(each.data).name for each in to(orders, "core") if each.to == GATEKEEPER} == {"gatekeeperRequest"}
    assert {each.peer for each in of(Connect, orders)} == {OUT_ONE}


@pytest.mark.parametrize("silent", [False, True])
def test_leave_is_asked_of_another_gatekeeper_where_one_cannot_give_it(silent: bool) -> None:
    """And the terminal registers with that, when it is told that it is not known there."""
    second = GATEKEEPER._replace(host="198.51.100.88")
    scene = Scene(True, next_hops=(NextHop(GATEKEEPER, 0), NextHop(second, 1)))
    rig = scene.rig
    own = registered(rig)
    (sent,) = to(rig.from_access(arq(20)), "core")
    assert sent.to == GATEKEEPER
    if silent:
        found = [each for _ in range(5) for each in to(rig.wait(1), "core") if each.to == second]
    else:
        short = plain("admissionReject", sent.data, rejectReason=("resourceUnavailable", 0))
        found = to(rig.from_core(short, GATEKEEPER, at=own), "core")
    assert [(each.to, decode(each.data).name) for each in found[:1]] == [(second, "admissionRequest")]
    unknown = plain("admissionReject", found[0].data, rejectReason=("callerNotRegistered", 0))
    (told,) = to(rig.from_core(unknown, second, at=own), "access")
    assert decode(told.data).value["rejectReason"][0] == "callerNotRegistered"


def with_h245(outward: bool, **more: Any) -> tuple[Scene, Send, Listener]:
    """A call whose asker takes H.245 on a connection of its own: what the first is told, and the door it is told of."""
    scene = Scene(outward, **more)
    own = SBC_ACCESS if outward else SBC_CORE
    at = scene.at if outward else GATEKEEPER
    takes = ip(at._replace(port=30_245))
    scene.asked = scene.made.setup(at, 7, Address(own.host, CALLS), fast=False, h245Address=takes)
    orders = scene.made.heard(scene.by, scene.at, scene.asked)
    (sent,), (listen,) = scene.onward(orders), of(Listen, orders)
    assert addresses(sent.data)["h245Address"] == [listen.listener.advertised]
    return scene, sent, listen.listener


@BOTH_WAYS
@pytest.mark.parametrize("silent", [False, True])
def test_who_is_asked_next_is_told_of_a_door_of_its_own(outward: bool, silent: bool) -> None:
    """By what the first was told, it came in before the second, and had the H.245 of its call."""
    scene, sent, door = with_h245(outward, failover=Failover(patience=3.0))
    orders = scene.rig.wait(3.1) if silent else scene.says(sent, release(sent.data, 42, back=True))
    (second,), (listen,) = scene.onward(orders), of(Listen, orders)
    assert addresses(second.data)["h245Address"] == [listen.listener.advertised] != [door.advertised]
    assert [each.listener for each in of(Unlisten, orders)] == [door]
    assert orders.index(listen) < orders.index(second)
    assert scene.rig.border.barred(listen.listener, second.to._replace(port=33_333), scene.rig.now) == ""
    assert scene.rig.border.registry.controls.listeners() == {listen.listener}
    scene.end(second)


@BOTH_WAYS
def test_who_has_come_for_h245_has_the_call(outward: bool) -> None:
    """Who calls is at it by then: it would be in the middle of it when another came."""
    scene, sent, door = with_h245(outward, failover=Failover(patience=3.0))
    peer = sent.to._replace(port=33_333)
    assert scene.rig.border.barred(door, peer, scene.rig.now) == ""
    assert scene.rig._take(scene.rig.border.accepted(door, peer, scene.rig.now))
    orders = scene.says(sent, release(sent.data, 42, back=True))
    assert not scene.onward(orders) and ("releaseComplete", 42) in scene.back(orders)
