"""Names of next hops, with a DNS that is a table: what RFC 3263 asks for, in what order, and what is not believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import attrs
import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import TimeoutError as NoAnswer
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.names import dns
from twisted.names.error import DNSNameError, DNSServerError

from sbc.config.values import DnsConfig
from sbc.core.address import Address
from sbc.core.fan import NextHop
from sbc.core.hops import Target
from sbc.core.realm import Path, Plan, Signaling
from sbc.core.vpn import VpnLabel
from sbc.locate import MOST_ADDRESSES, MOST_TARGETS, MOST_TTL, RETRY, Locator
from sbc.sip.services import SERVICES
from tests.rig import SBC_ACCESS, SBC_CORE, make_plan

NAME = "voice.example"
LEAST = DnsConfig().least


class Table:
    """A DNS: the answers by type and name, or the error there. `asked` is what was asked, in order."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[dns.RRHeader] | Exception] = {}
        self.asked: list[tuple[str, str]] = []

    def put(self, name: str, *payloads: Any, ttl: int = 300, at: str = "") -> None:
        """Records of one kind at a name; `at` another owner than what is asked for."""
        kind = dns.QUERY_TYPES[payloads[0].TYPE]
        headers = [dns.RRHeader(at or name, p.TYPE, ttl=ttl, payload=p) for p in payloads]
        self.records[kind, name] = headers

    def answer(self, kind: str, raw: bytes) -> Deferred[Any]:
        name = raw.decode()
        self.asked.append((kind, name))
        found = self.records.get((kind, name), DNSNameError("no such name"))
        return fail(found) if isinstance(found, Exception) else succeed((found, [], []))

    def lookupAddress(self, name: bytes, timeout: Any) -> Deferred[Any]:
        return self.answer("A", name)

    def lookupIPV6Address(self, name: bytes, timeout: Any) -> Deferred[Any]:
        return self.answer("AAAA", name)

    def lookupService(self, name: bytes, timeout: Any) -> Deferred[Any]:
        return self.answer("SRV", name)

    def lookupNamingAuthorityPointer(self, name: bytes, timeout: Any) -> Deferred[Any]:
        return self.answer("NAPTR", name)


def plan_with(*transports: str, hops: tuple[NextHop | Address, ...] = (), **path: Any) -> Plan:
    plan = make_plan("sip", **path)
    core = plan.realms["core"]
    own = tuple(attrs.evolve(core.listeners[0], transport=each) for each in transports or ("udp",))
    realms = {**plan.realms, "core": attrs.evolve(core, listeners=own)}
    changed = attrs.evolve(plan.paths[0], next_hops=hops or (NextHop(Address(NAME, 0)),))
    return attrs.evolve(plan, realms=realms, paths=(changed,))


@attrs.define
class Desk:
    """A locator at work: `told` are the lists it has given."""

    clock: Clock
    table: Table
    locator: Locator
    told: list[list[Target]]

    @classmethod
    def make(
        cls,
        plan: Plan,
        fill: Callable[[Table], None] = lambda table: None,
        within: Mapping[VpnLabel, Table] = MappingProxyType({}),
    ) -> Desk:
        clock, table = Clock(), Table()
        told: list[list[Target]] = []

        def give(path: Path, targets: list[Target]) -> None:
            assert path is plan.paths[0]
            told.append(targets)

        locator = Locator(clock, plan, {"sip": SERVICES}, give)
        locator.resolver = table
        locator._resolvers.of = within.__getitem__  # type: ignore[assignment,method-assign]
        fill(table)
        desk = cls(clock, table, locator, told)
        locator.start()
        return desk

    def places(self) -> list[tuple[str, Address, tuple[int, ...], float]]:
        return [(t.transport, t.address, t.priority, t.weight) for t in self.told[-1]]


def a(number: int) -> dns.Record_A:
    return dns.Record_A(f"198.51.100.{number}")


def at(number: int, port: int = 5060) -> Address:
    return Address(f"198.51.100.{number}", port)


def test_with_a_port_only_addresses_are_asked_for() -> None:
    plan = plan_with(hops=(NextHop(Address(NAME, 5070), 3, 4),))
    desk = Desk.make(plan, lambda table: table.put(NAME, a(10), a(11)))
    assert desk.places() == [("udp", at(10, 5070), (3,), 2), ("udp", at(11, 5070), (3,), 2)]
    assert desk.table.asked == [("A", NAME)]
    assert {target.name for target in desk.told[0]} == {NAME}


def test_a_network_with_servers_of_its_own_is_asked_in_there() -> None:
    plan = plan_with(hops=(NextHop(Address(NAME, 5070)),))
    label, table = VpnLabel("red", dns=(("10.0.0.53", 0),)), Table()
    table.put(NAME, a(12))
    realms = {**plan.realms, "core": attrs.evolve(plan.realms["core"], network=label)}
    desk = Desk.make(attrs.evolve(plan, realms=realms), lambda other: other.put(NAME, a(11)), {label: table})
    assert [target.address for target in desk.told[-1]] == [at(12, 5070)]
    assert (desk.table.asked, table.asked) == ([], [("A", NAME)])


def test_a_host_of_another_network_is_not_ourselves_because_it_has_our_address() -> None:
    plan = plan_with(hops=(NextHop(Address(NAME, SBC_ACCESS.port)),))
    for network, found in ((VpnLabel(), []), (VpnLabel(namespace="red"), [SBC_ACCESS])):
        realms = {**plan.realms, "core": attrs.evolve(plan.realms["core"], network=network)}
        desk = Desk.make(
            attrs.evolve(plan, realms=realms), lambda table: table.put(NAME, dns.Record_A(SBC_ACCESS.host))
        )
        assert [target.address for told in desk.told for target in told] == found


def test_with_a_transport_its_srv_records() -> None:
    def fill(table: Table) -> None:
        table.put(
            f"_sip._tcp.{NAME}", dns.Record_SRV(10, 60, 5062, "a.example"), dns.Record_SRV(20, 0, 5060, "B.Example")
        )
        table.put("a.example", a(10))
        table.put("b.example", a(11))

    desk = Desk.make(plan_with("udp", "tcp", hops=(NextHop(Address(NAME, 0), 1, transport="tcp"),)), fill)
    assert desk.places() == [("tcp", at(10, 5062), (1, 0, 10), 60), ("tcp", at(11), (1, 0, 20), 0)]
    assert desk.table.asked[0] == ("SRV", f"_sip._tcp.{NAME}")


def test_naptr_records_say_which_transport_comes_first() -> None:
    def fill(table: Table) -> None:
        table.put(
            NAME,
            dns.Record_NAPTR(50, 50, b"s", b"SIP+D2U", b"", "udp.example"),
            dns.Record_NAPTR(20, 50, b"S", b"sip+d2t", b"", "tcp.example"),
            dns.Record_NAPTR(10, 50, b"s", b"SIPS+D2T", b"", "tls.example"),  # nobody here speaks it
            dns.Record_NAPTR(1, 1, b"u", b"E2U+sip", b"!^.*$!sip:x@y!", ""),
        )
        table.put("udp.example", dns.Record_SRV(0, 1, 5060, "a.example"))
        table.put("tcp.example", dns.Record_SRV(0, 1, 5060, "a.example"))
        table.put("a.example", a(10))

    desk = Desk.make(plan_with("udp", "tcp"), fill)
    assert desk.places() == [("tcp", at(10), (0, 0, 0), 1), ("udp", at(10), (0, 1, 0), 1)]
    assert ("SRV", "tls.example") not in desk.table.asked


def test_without_them_each_transport_is_asked_for_and_at_last_the_address() -> None:
    desk = Desk.make(plan_with("tcp", "udp"), lambda table: table.put(NAME, a(10)))
    assert desk.table.asked == [
        ("NAPTR", NAME),
        ("SRV", f"_sip._tcp.{NAME}"),
        ("SRV", f"_sip._udp.{NAME}"),
        ("A", NAME),
    ]
    assert desk.places() == [("tcp", at(10), (0,), 1)]


def test_terminals_ports_are_udp_ports() -> None:
    def fill(table: Table) -> None:
        table.put(NAME, dns.Record_NAPTR(1, 1, b"s", b"SIP+D2T", b"", "tcp.example"))
        table.put(f"_sip._udp.{NAME}", dns.Record_SRV(0, 1, 5060, "a.example"))
        table.put("a.example", a(10))

    desk = Desk.make(plan_with("udp", "tcp", signaling=Signaling.PORT_PER_TERMINAL), fill)
    assert [place[0] for place in desk.places()] == ["udp"]


def test_in_a_realm_of_ipv6_addresses_are_that() -> None:
    plan = plan_with()
    core = plan.realms["core"]
    media = attrs.evolve(core.media, address="2001:db8::1", advertised="2001:db8::1")
    plan = attrs.evolve(plan, realms={**plan.realms, "core": attrs.evolve(core, media=media)})
    desk = Desk.make(plan, lambda table: table.put(NAME, dns.Record_AAAA("2001:db8::9")))
    assert [place[1] for place in desk.places()] == [Address("2001:db8::9", 5060)]


def test_names_and_addresses_stand_together() -> None:
    hops = (Address("198.51.100.2", 5060), Address(NAME, 5060))
    desk = Desk.make(plan_with(hops=hops), lambda table: table.put(NAME, a(10)))
    assert [place[:3] for place in desk.places()] == [("", at(2), (0,)), ("udp", at(10), (1,))]


# -- again


def test_it_is_asked_again_when_it_may_be_stale_and_only_changes_are_told() -> None:
    plan = plan_with(hops=(NextHop(Address(NAME, 5060)),))
    desk = Desk.make(plan, lambda table: table.put(NAME, a(10), ttl=100))
    desk.clock.advance(89)
    assert len(desk.table.asked) == 1
    desk.clock.advance(11.1)
    assert len(desk.table.asked) == 2 and len(desk.told) == 1
    desk.table.put(NAME, a(11), ttl=100)
    desk.clock.advance(100)
    assert [place[1] for place in desk.places()] == [at(11)]


@pytest.mark.parametrize(("ttl", "bound"), [(0, LEAST), (2**31 - 1, MOST_TTL)])
def test_within_bounds(ttl: int, bound: float) -> None:
    plan = plan_with(hops=(NextHop(Address(NAME, 5060)),))
    desk = Desk.make(plan, lambda table: table.put(NAME, a(10), ttl=ttl))
    desk.clock.advance(bound * 0.89)
    assert len(desk.table.asked) == 1
    desk.clock.advance(bound * 0.12)
    assert len(desk.table.asked) == 2


@pytest.mark.parametrize("error", [NoAnswer("in vain"), DNSServerError("broken"), DNSNameError("gone")])
def test_what_was_known_stays_when_there_is_no_answer_which_is_said_once(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_with(hops=(NextHop(Address(NAME, 5060)),))
    desk = Desk.make(plan, lambda table: table.put(NAME, a(10), ttl=100))
    said: list[str] = []
    monkeypatch.setattr(Locator, "_log", Logger(observer=lambda event: said.append(event["log_level"].name)))
    desk.table.records["A", NAME] = error
    for _ in range(6):
        desk.clock.advance(100)
    assert len(desk.told) == 1 and said == ["warn"]
    asked = len(desk.table.asked)
    desk.clock.advance(RETRY * LEAST)
    assert len(desk.table.asked) == asked + 1
    desk.table.put(NAME, a(12))
    desk.clock.advance(RETRY * LEAST)
    assert [place[1] for place in desk.places()] == [at(12)] and said == ["warn", "info", "info"]


def test_one_host_without_an_answer_keeps_nobody_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(Locator, "_log", Logger(observer=lambda event: said.append(event["log_level"].name)))

    def fill(table: Table) -> None:
        table.put(f"_sip._udp.{NAME}", *(dns.Record_SRV(n, 1, 5060, f"h{n}.example") for n in (1, 2)))
        table.put("h1.example", a(11))
        table.records["A", "h2.example"] = DNSServerError("broken")

    desk = Desk.make(plan_with(), fill)
    assert [place[1] for place in desk.places()] == [at(11)] and said == ["warn", "info"]
    desk.table.put("h2.example", a(12))
    desk.clock.advance(RETRY * LEAST)
    assert [place[1] for place in desk.places()] == [at(11), at(12)]
    desk.table.put("h1.example", a(13))
    desk.table.records["A", "h2.example"] = NoAnswer("in vain")
    desk.clock.advance(MOST_TTL)
    assert {place[1] for place in desk.places()} == {at(11), at(12), at(13)}, "what was known stays"
    desk.table.records["SRV", f"_sip._udp.{NAME}"] = DNSServerError("broken")
    told = len(desk.told)
    desk.clock.advance(MOST_TTL)
    assert len(desk.told) == told and ("A", NAME) not in desk.table.asked, "no answer is not a no"


def test_nothing_is_asked_after_the_end() -> None:
    plan = plan_with(hops=(NextHop(Address(NAME, 5060)),))
    desk = Desk.make(plan, lambda table: table.put(NAME, a(10)))
    desk.locator.stop()
    assert not desk.clock.getDelayedCalls()
    waiting: Deferred[Any] = Deferred()
    desk = Desk.make(plan)
    desk.table.answer = lambda kind, name: waiting  # type: ignore[method-assign]
    desk.clock.advance(RETRY * LEAST)
    desk.locator.stop()
    waiting.callback(([dns.RRHeader(NAME, dns.A, payload=a(10))], [], []))
    assert not desk.told and not desk.clock.getDelayedCalls()


def test_without_names_nobody_is_asked() -> None:
    plan = plan_with(hops=(Address("198.51.100.2", 5060),))
    locator = Locator(Clock(), plan, {"sip": SERVICES}, lambda path, targets: None)
    locator.start()
    assert locator.resolver is None
    locator.stop()


# -- what is not believed


def test_so_many_and_no_more() -> None:
    def fill(table: Table) -> None:
        table.put(f"_sip._udp.{NAME}", *(dns.Record_SRV(0, 1, 5060, f"h{n}.example") for n in range(100)))
        for n in range(100):
            table.put(f"h{n}.example", *(dns.Record_A(f"10.{n}.0.{m}") for m in range(50)))

    desk = Desk.make(plan_with(), fill)
    assert len(desk.told[0]) == MOST_TARGETS
    per_host = [sum(t.address.host.startswith(f"10.{n}.") for t in desk.told[0]) for n in range(100)]
    assert max(per_host) == MOST_ADDRESSES
    assert len(desk.table.asked) < 30


def test_aliases_are_followed_but_not_for_ever() -> None:
    plan = plan_with(hops=(NextHop(Address(NAME, 5060)),))

    def alias(table: Table, name: str, to: str) -> None:
        table.records["A", name] = [dns.RRHeader(name, dns.CNAME, ttl=20, payload=dns.Record_CNAME(to))]

    def chain(table: Table) -> None:
        alias(table, NAME, "one.example")
        one = dns.RRHeader("one.example", dns.CNAME, ttl=600, payload=dns.Record_CNAME("Two.example"))
        table.records["A", "one.example"] = [one, dns.RRHeader("two.example", dns.A, ttl=600, payload=a(10))]

    desk = Desk.make(plan, chain)
    assert [place[1] for place in desk.places()] == [at(10)]
    desk.clock.advance(20)
    assert len(desk.table.asked) == 4, "the least of all lifetimes counts"

    def loop(table: Table) -> None:
        alias(table, NAME, "one.example")
        alias(table, "one.example", NAME)

    desk = Desk.make(plan, loop)
    assert not desk.told and len(desk.table.asked) <= 10


def test_records_of_others_do_not_count() -> None:
    plan = plan_with(hops=(NextHop(Address(NAME, 5060)),))
    desk = Desk.make(plan, lambda table: table.put(NAME, a(66), at="elsewhere.example"))
    assert not desk.told


@pytest.mark.parametrize("host", [SBC_CORE.host, "127.0.0.1", "0.0.0.0", "224.0.0.1"])
def test_nobody_who_is_ourselves_or_everybody(host: str) -> None:
    plan = plan_with(hops=(NextHop(Address(NAME, 5060)),))
    desk = Desk.make(plan, lambda table: table.put(NAME, dns.Record_A(host), a(10)))
    assert [place[1] for place in desk.places()] == [at(10)]


def test_a_service_that_says_it_is_not_here() -> None:
    def fill(table: Table) -> None:
        table.put(f"_sip._udp.{NAME}", dns.Record_SRV(0, 0, 0, ""))

    desk = Desk.make(plan_with(), fill)
    assert not desk.told
