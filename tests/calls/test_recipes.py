"""The recipes of the manual at work: each as it stands there, and traffic that shows what it promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sbc.core.address import Address
from sbc.core.orders import Listener, OpenStream, Send
from sbc.core.registry import Arrival
from sbc.sip.dialect import SipDialect
from tests import sip_messages as sip
from tests.config.test_recipes import loaded, named, recipes
from tests.edge import to
from tests.rig import Rig, of

HOP = Address("198.51.100.9", 5060)
PBX = Address("192.0.2.17", 5060)
STRANGER = Address("198.18.0.66", 5060)
CHEAP = (
    b"v=0\r\no=- 1 1 IN IP4 203.0.113.70\r\ns=-\r\nc=IN IP4 203.0.113.70\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 3 18\r\na=rtpmap:18 G729/8000\r\n"
)


class Place:
    """An SBC that is configured by recipes, and nothing else, on top of two realms and a path."""

    def __init__(self, at: Path, *texts: str) -> None:
        (at / "listed.txt").write_text("198.51.100.128/25\n")
        self.rig = Rig.make(SipDialect(emergency=("112",)), loaded("\n".join(texts), at).plan)
        self.rig.border.registry.gate.flood.bans.news = {}

    def own(self, realm: str = "access") -> Listener:
        return self.rig.border.plan.realms[realm].listeners[0]

    def hear(self, data: bytes, source: Address, realm: str = "access") -> list[Send]:
        """What is sent for a datagram that comes in; nothing where it is not read."""
        rig, own = self.rig, self.own(realm)
        if rig.border.knock(own, source, len(data), "", rig.now):
            return []
        return of(Send, rig._receive(Arrival(own, source, data, rig.now)))

    def register(self, source: Address, user: bytes = b"alice") -> None:
        (sent,) = self.hear(sip.register(source, call=b"r" + user, user=user), source)
        self.hear(sip.registered(sent.data), sent.to, "core")

    def call(self, source: Address, name: bytes, number: bytes = b"bob", more: bytes = b"", body: bytes = b"") -> str:
        """Somebody calls, and is answered: the status that it gets, empty where it hears nothing."""
        data = sip.invite(source, name, b"sip:" + number + b"@sbc.example.com")
        if body:
            data = sip.message(*data.partition(b"\r\n\r\n")[0].split(b"\r\n")[:8], body=body)
        sent = self.hear(data.replace(b"Max-Forwards", more + b"Max-Forwards", 1), source)
        onward = [each for each in sent if each.listener.realm == "core"]
        if not onward:
            finals = [each.data.split(b" ")[1] for each in sent if not each.data.startswith(b"SIP/2.0 1")]
            return finals[-1].decode() if finals else ""
        self.onward = onward[-1]
        told = self.hear(sip.answer(onward[-1].data, onward[-1].to.host), onward[-1].to, "core")
        self.hear(sip.inside(data, told[-1].data, b"ACK", 1), source)
        return told[-1].data.split(b" ")[1].decode()

    def phones(self, count: int) -> list[Address]:
        found = [Address(f"203.0.113.{64 + n}", 5060) for n in range(count)]
        for n, each in enumerate(found):
            self.register(each, b"u%d" % n)
        return found


def the_trunk_alone(at: Path) -> None:
    place = Place(at, named("trunk"))
    assert place.call(PBX, b"out") == "200"
    for data in (sip.invite(STRANGER), sip.register(STRANGER), sip.request(b"OPTIONS", b"sip:x@192.0.2.1", STRANGER)):
        assert place.hear(data, STRANGER) == [], "is not even read"
    sent = place.hear(sip.invite(HOP, b"in", b"sip:+49301234@198.51.100.1"), HOP, "core")
    assert [each.to for each in sent if each.listener.realm == "access"] == [PBX]
    away = place.hear(sip.invite(HOP, b"away", b"sip:+33123@198.51.100.1"), HOP, "core")
    assert any(each.data.startswith(b"SIP/2.0 404") for each in away)


def thirty_channels(at: Path) -> None:
    place = Place(at, named("trunk"), recipes("admission")[2])
    got = [place.call(Address("192.0.2.16", 5060), b"c%d" % n) for n in range(31)]
    assert got == ["200"] * 30 + ["503"]


def ten_calls_and_two_each(at: Path) -> None:
    place = Place(at, named("customer"))
    phones = place.phones(7)
    assert [place.call(phones[0], b"a%d" % n) for n in range(3)] == ["200", "200", "503"], "two for each"
    assert [place.call(phones[1], b"b%d" % n) for n in range(2)] == ["200", "503"], "three at once, then one a second"
    for n in range(7):
        place.rig.wait(1.01)
        assert place.call(phones[2 + n % 4], b"c%d" % n) == "200"
    place.rig.wait(3.0)
    assert place.call(phones[6], b"eleventh") == "503" and place.call(phones[6], b"help", b"112") == "200"


def scanners_are_banned(at: Path) -> None:
    place = Place(at, named("scanners"))
    scan = b"User-Agent: Another-Scanner 1.0\r\n"
    assert place.call(STRANGER, b"s", more=scan) == "" and place.rig.border.knock(place.own(), STRANGER, 9, "", 1000.0)
    neighbour = Address(STRANGER.host, 5061)
    assert not place.rig.border.knock(place.own(), neighbour, 9, "", place.rig.now), "its neighbours notice nothing"
    monitor = Address("192.0.2.70", 5060)
    place.call(monitor, b"m", more=scan)
    assert not place.rig.border.knock(place.own(), monitor, 9, "", place.rig.now)
    assert place.call(neighbour, b"sat", b"00881123") == "", "the refusal is held back"
    late = [each for each in of(Send, place.rig.wait(60)) if each.to == neighbour]
    assert late and late[0].data.startswith(b"SIP/2.0 403")
    (phone,) = place.phones(1)
    assert place.call(phone, b"ok", b"00881123") == "200", "who is registered may"


def dear_numbers_in_vain(at: Path) -> None:
    place = Place(at, named("scanners"))
    for source, prefix, banned in ((STRANGER, b"0039", True), (Address("198.18.0.67", 5060), b"0301", False)):
        for n in range(10):  # of others it may be some more
            place.call(source, b"n%d" % n, prefix + b"%d" % n)
            place.rig.now += 0.7
        assert bool(place.rig.border.knock(place.own(), source, 9, "", place.rig.now)) == banned


def voice_is_marked(at: Path) -> None:
    place = Place(at, named("marks"))
    (phone,) = place.phones(1)
    for name, number, marks in (
        (b"a", b"bob", {"access": (46, 5), "core": (46, 5)}),
        (b"e", b"112", {"core": (44, 6)}),
    ):
        place.rig.log.clear()
        assert place.call(phone, name, number) == "200"
        (opened,) = of(OpenStream, place.rig.log)
        found = {side.realm: (side.dscp, side.priority) for side in opened.spec.sides}
        assert found | marks == found
        incoming = {side.realm: side.incoming for side in opened.spec.sides}
        assert incoming["core"] and incoming["core"][46] == 46 and not incoming["access"], "the core's go on"


def two_customers_with_the_same_addresses(at: Path) -> None:
    place = Place(at, named("vpn"))
    rig, phone = place.rig, Address("10.0.0.50", 5060)
    for name, hop in (("customer-a", "198.51.100.11"), ("customer-b", "198.51.100.12")):
        own = rig.border.plan.realms[name].listeners[0]
        (sent,) = to(rig.from_access(sip.register(phone), phone, own), "core")
        assert sent.to.host == hop
        (told,) = to(rig.from_core(sip.registered(sent.data), sent.to), name)
        assert told.to == phone
    for name, hop in (("customer-a", "198.51.100.11"), ("customer-b", "198.51.100.12")):
        own = rig.border.plan.realms[name].listeners[0]
        (sent,) = to(rig.from_access(sip.invite(phone, b"same"), phone, own), "core")
        assert sent.to.host == hop
        orders = rig.from_core(sip.answer(sent.data, hop), sent.to)
        assert [each.to for each in to(orders, name)] == [phone]
        assert not to(orders, "customer-b" if name == "customer-a" else "customer-a"), "no packet crosses"
    assert len(rig.border.registry.calls) == 2 and len(rig.border.registry.bindings) == 2
    networks = [each.legs[0].realm.vpn for each in rig.border.registry.calls.values()]
    assert not networks[0].meets(networks[1])


def nobody_calls_without_money(at: Path) -> None:
    place = Place(at, named("prepaid"))
    phone, poor = place.phones(2)
    assert [place.call(each, b"none") for each in (phone, poor)] == ["402", "402"]
    quota, (whose,) = place.rig.border.registry.gate.quota, {("access", b"u0@sbc.example.com")}
    quota.grant(whose, 1000, None, False, place.rig.now)
    assert place.call(phone, b"paid") == "200" and place.call(poor, b"poor") == "402"
    quota.spend(whose, 1000, 0.0, place.rig.now)
    assert place.call(phone, b"over") == "402" and place.call(phone, b"help", b"112") == "200"


def rules_in_their_order(at: Path) -> None:
    place = Place(at, recipes("access")[0])
    assert place.call(PBX, b"pbx") == "200" and place.call(STRANGER, b"no") == "403"
    assert place.hear(sip.register(Address("198.51.100.200", 5060)), Address("198.51.100.200", 5060)) == [], "listed"
    (phone,) = place.phones(1)
    assert place.call(phone, b"p", b"0900123") == "403" and place.call(phone, b"s", b"00882123") == "403"
    other = Address("198.18.0.67", 5060)
    heard = [bool(place.hear(sip.register(other, call=b"q%d" % n), other)) for n in range(60)]
    assert heard[0] and 20 <= sum(heard) < 50 and not heard[-1], "twenty a second, of who is not registered"
    assert [place.call(phone, b"c%d" % n) for n in range(25)] == ["200"] * 25


def a_line_of_two_megabits(at: Path) -> None:
    place = Place(at, recipes("admission")[3])
    phones = place.phones(12)
    got = [place.call(phones[n % 12], b"c%d" % n) for n in range(24)]
    assert got == ["200"] * 23 + ["488"], "84 kbit/s each way for each"


def what_fits_goes_on(at: Path) -> None:
    place = Place(at, recipes("bandwidth")[0])
    (phone,) = place.phones(1)
    got = [place.call(phone, b"c%d" % n) for n in range(24)]
    assert got[-1] == "488"
    place.call(phone, b"last", body=CHEAP)
    assert b"RTP/AVP 18 3\r\n" in place.onward.data, "what does not fit is left out, the cheapest stands first"


def no_priority_to_the_core(at: Path) -> None:
    place = Place(at, recipes("admission")[0])
    (phone,) = place.phones(1)
    assert place.call(phone, b"a", more=b"Resource-Priority: ets.0\r\n") == "200"
    assert b"resource-priority" not in place.onward.data.lower()


DRIVES: list[Callable[[Path], None]] = [
    the_trunk_alone,
    thirty_channels,
    ten_calls_and_two_each,
    scanners_are_banned,
    dear_numbers_in_vain,
    voice_is_marked,
    two_customers_with_the_same_addresses,
    nobody_calls_without_money,
    rules_in_their_order,
    a_line_of_two_megabits,
    what_fits_goes_on,
    no_priority_to_the_core,
]


@pytest.mark.parametrize("drive", DRIVES)
def test_a_recipe_does_what_it_promises(drive: Callable[[Path], None], tmp_path: Path) -> None:
    drive(tmp_path)
