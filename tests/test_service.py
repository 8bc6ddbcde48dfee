"""The service as a whole: it listens, looks over its books, and leaves nothing behind."""

from __future__ import annotations

import pathlib
import socket
from itertools import cycle
from typing import cast

import attrs
import pytest
from twisted.application.service import IService, MultiService
from twisted.internet.error import CannotListenError
from twisted.logger import Logger, formatEvent

from sbc.config.values import (
    AuditConfig,
    CdrConfig,
    Config,
    ControlConfig,
    EngineName,
    MetricsConfig,
    PrepaidConfig,
    StoreConfig,
)
from sbc.core.address import Address
from sbc.core.orders import Rate
from sbc.core.realm import Callers, Media, Path, Plan, Realm, Side
from sbc.core.vpn import VpnLabel
from sbc.media.twisted_engine import TwistedEngine
from sbc.service import BorderService, Sbc, make_service
from tests.loopback import loopback
from tests.test_runner import MixedReactor, listener

ACCESS, CORE, SOFTSWITCH = (f"{loopback('service')}.{number}" for number in (1, 2, 3))


def plan() -> Plan:
    access, core = listener("access", ACCESS), listener("core", CORE)
    return Plan(
        {
            "access": Realm("access", Side.ACCESS, (access,), Media(ACCESS, ACCESS, range(20000, 20010))),
            "core": Realm("core", Side.CORE, (core,), Media(CORE, CORE, range(20000, 20010))),
        },
        (Path("main", "access", "core", (Address(SOFTSWITCH, 5060),), callers=Callers.ANY),),
    )


def test_it_listens_while_it_runs_and_not_after() -> None:
    clock = MixedReactor()
    service = BorderService(clock, plan())
    service.startService()
    for _ in service.runner.checks():
        service.look_over_books()
        clock.advance(service.pace(Config(plan())))
    assert service.runner.counted["audit-faults"] == 0
    taken = [own.address for own in service.runner.listeners()]
    assert len(taken) == 2
    service.stopService()
    clock.advance(0)
    for address in taken:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(address)


def test_an_address_in_use_stops_the_start() -> None:
    where = plan()
    taken = where.realms["core"].listeners[0].address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as squatter:
        squatter.bind(taken)
        clock = MixedReactor()
        service = BorderService(clock, where)
        with pytest.raises(CannotListenError):
            service.startService()
        service.stopService()
        clock.advance(0)


def test_looks_that_cost_much_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, cost, spent, looks = MixedReactor(), 0.02, [0.0], []

    def look() -> list[str]:
        spent[0] += cost
        looks.append(clock.seconds())
        return []

    monkeypatch.setattr("sbc.service.thread_time", lambda: spent[0])
    service = BorderService(clock, plan())
    service._checks = cycle([look])
    config = Config(plan())
    for _ in range(61):
        service.look_over_books()
        assert service.looks_over_books(config)
        clock.advance(0.5)
    assert len(looks) == 16  # one in 2 s: a hundredth of the processor
    cost = 0.001
    del looks[:]
    clock.advance(2.0)
    for _ in range(10):
        service.look_over_books()
        clock.advance(0.5)
    assert len(looks) == 10


def test_an_imbalance_is_counted() -> None:
    clock = MixedReactor()
    service = BorderService(clock, plan())
    service.startService()
    service.border.registry.media_ports["core"].take(0.0)
    for _ in service.runner.checks():  # each look is one check; all come round in the configured time
        service.look_over_books()
        clock.advance(service.pace(Config(plan())))
    assert service.runner.counted["audit-faults"] == 1
    service.stopService()
    clock.advance(0)


def test_an_auditor_who_is_lost_is_counted_and_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost() -> list[str]:
        raise KeyError("a stream")

    said: list[str] = []
    monkeypatch.setattr(BorderService, "_log", Logger(observer=lambda event: said.append(event["log_format"])))
    clock = MixedReactor()
    service = BorderService(clock, plan())
    service.startService()
    said.clear()
    service._checks = cycle([lost, lambda: []])
    for _ in range(3):
        service.look_over_books()
        clock.advance(1.0)
    assert service.runner.counted["audit-faults"] == len(said) == 2
    service.stopService()
    clock.advance(0)


def test_the_whole_is_a_service_for_any_application() -> None:
    service = make_service(Config(plan()))
    assert IService.providedBy(service)
    assert [each.name for each in service if each.name] == ["border", "guard", "daytime"]
    assert service.operations.state == "running"


def test_the_console_may_be_a_control_socket_alone(tmp_path: pathlib.Path) -> None:
    config = Config(plan(), control=ControlConfig(str(tmp_path / "s")), audit=AuditConfig(str(tmp_path / "audit")))
    service = make_service(config)
    assert [each.name for each in cast("MultiService", service) if each.name] == [
        "border",
        "guard",
        "daytime",
        "control",
    ]
    assert (tmp_path / "audit").exists()


def test_metrics_come_with_what_they_need_in_between() -> None:
    service = make_service(Config(plan(), metrics=MetricsConfig(Address("127.0.0.1", 0))))
    services = list(cast("MultiService", service))
    assert [each.name for each in services if each.name] == ["border", "guard", "daytime", "lag", "metrics"]
    assert services[0].runner.totals is not None


def test_the_ledger_starts_before_the_first_call_and_hears_of_all(tmp_path: pathlib.Path) -> None:
    whole = make_service(Config(plan(), cdr=CdrConfig(json=str(tmp_path / "cdr.json"))))
    services = list(cast("MultiService", whole))
    assert [each.name for each in services if each.name] == ["ledger", "border", "guard", "daytime"]
    ledger, border = services[:2]
    assert border.runner.meter is ledger.meter


def test_what_is_kept_hears_of_a_clock_that_was_set(tmp_path: pathlib.Path) -> None:
    config = Config(plan(), prepaid=PrepaidConfig(str(tmp_path / "p")), store=StoreConfig(str(tmp_path / "s")))
    named = {each.name: each for each in cast("MultiService", make_service(config)) if each.name}
    assert named["daytime"].stepped == [named["store"].sign_life, named["prepaid"].sign_life]


def test_what_keeps_it_from_starting_is_said_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(Sbc, "_log", Logger(observer=lambda event: said.append(formatEvent(event))))
    where = plan()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as squatter:
        squatter.bind(where.realms["access"].listeners[0].address)
        whole = make_service(Config(where))
        with pytest.raises(CannotListenError):
            whole.startService()
    (line,) = said
    assert line.startswith(f"the SBC cannot start: Couldn't listen on {ACCESS}:") and "in use" in line


def test_a_network_that_cannot_be_had_stops_the_start() -> None:
    base = plan()
    realms = {**base.realms, "core": attrs.evolve(base.realms["core"], network=VpnLabel("sbc-no-such"))}
    clock = MixedReactor()
    service = BorderService(clock, attrs.evolve(base, realms=realms))
    with pytest.raises(OSError, match=r"realms\.core\.network: device sbc-no-such: No such device"):
        service.startService()
    service.stopService()
    clock.advance(0)


def test_the_engine_is_chosen_and_told_the_rates_of_realms(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: dict[str, Rate | None] = {}
    monkeypatch.setattr(TwistedEngine, "limit_realm", lambda self, realm, rate: limits.update({realm: rate}))
    base = plan()
    media = attrs.evolve(base.realms["core"].media, realm_rate=1_000)
    realms = {**base.realms, "core": attrs.evolve(base.realms["core"], media=media)}
    clock = MixedReactor()
    service = BorderService(clock, attrs.evolve(base, realms=realms))
    service.startService()
    assert service.runner.choice.engine is EngineName.TWISTED
    assert limits == {"access": None, "core": Rate(125_000, 31_250)}
    service.stopService()
    clock.advance(0)
