"""Reloads with real sockets on loopback: all of a new configuration counts, or nothing of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from sbc.config.values import CdrConfig, Config, DrainConfig, EngineName, LogConfig, LogLevel, MediaConfig
from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, Listener, SideSpec, StreamSpec
from sbc.core.realm import Path as RealmPath
from sbc.core.realm import Plan, Realm, Side, Timers
from sbc.core.vpn import VpnLabel
from sbc.core.wires import Tls
from sbc.media.namespaces import inside
from sbc.media.udp import mark_of
from sbc.reload import NotReloaded, Reloader
from sbc.service import BorderService, dialects
from tests.certificates import Authority
from tests.loopback import loopback
from tests.media.packets import rtp
from tests.namespaces import NEED, namespace
from tests.rig import PHONE
from tests.sip_messages import header, invite, status
from tests.test_runner import MixedReactor, listener
from tests.test_service import plan

NET = loopback("reload")
ACCESS, CORE, OTHER = (f"{NET}.{number}" for number in (1, 2, 4))


@attrs.define
class Desk:
    clock: MixedReactor
    service: BorderService
    reloader: Reloader
    config: Config
    taken: list[Config] = attrs.field(factory=list)

    def reload(self, new: Config) -> list[str]:
        self.config, lines = self.reloader.apply(self.config, new)
        return lines

    def refused(self, new: Config) -> list[str]:
        """The faults by which `new` is refused; nothing may have changed."""
        before = self.service.runner.listeners(), self.service.border.plan, self.service.border.dialects
        with pytest.raises(NotReloaded) as caught:
            self.reloader.apply(self.config, new)
        assert before == (self.service.runner.listeners(), self.service.border.plan, self.service.border.dialects)
        assert self.service.runner.audit() == [] and not self.taken
        return caught.value.faults

    def refused_now(self, new: Config) -> list[str]:
        """The same after others were not."""
        self.taken.clear()
        return self.refused(new)

    def pass_time(self, seconds: float) -> None:
        self.clock.pump([0.5] * int(seconds * 2))
        assert self.service.runner.audit() == []


@pytest.fixture
def desk() -> Iterator[Desk]:
    clock = MixedReactor()
    base = plan()
    access = attrs.evolve(base.realms["access"], sparing=False)
    service = BorderService(clock, attrs.evolve(base, realms={**base.realms, "access": access}))
    service.startService()
    reloader = Reloader(clock, service.border, service.runner, dialects)
    made = Desk(clock, service, reloader, Config(service.border.plan))
    reloader.takers.append(made.taken.append)
    yield made
    assert service.runner.audit() == []
    service.stopService()
    clock.advance(0)


def but(config: Config, name: str, **changes: Any) -> Config:
    """The configuration with one realm changed."""
    realms = dict(config.plan.realms)
    realms[name] = attrs.evolve(realms[name], **changes)
    return attrs.evolve(config, plan=attrs.evolve(config.plan, realms=realms))


def can_bind(own: Listener) -> bool:
    kind = socket.SOCK_STREAM if own.reliable else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(own.address)
        except OSError:
            return False
        return True


def test_the_same_again_changes_nothing(desk: Desk) -> None:
    assert desk.reload(desk.config) == []
    assert desk.taken == [desk.config]
    desk.pass_time(3)


def test_a_listener_moves_at_once_where_nobody_is(desk: Desk) -> None:
    (old,) = desk.config.plan.realms["access"].listeners
    new = listener("access", OTHER)
    lines = desk.reload(but(desk.config, "access", listeners=(new,)))
    assert lines == [
        f"realms.access.listeners.sip/udp {old.address}: removed",
        f"realms.access.listeners.sip/udp {new.address}: added",
    ]
    assert set(desk.service.runner.listeners()) == {new, *desk.config.plan.realms["core"].listeners}
    desk.clock.advance(0)
    assert can_bind(old) and not can_bind(new)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:  # and it is heard there
        phone.bind((OTHER, 0))
        phone.settimeout(2)
        phone.sendto(invite(PHONE), new.address)
        desk.service.runner.listeners()[new].doRead()
        assert status(phone.recv(2000)) == 100


def test_what_lives_at_a_listener_keeps_it_open(desk: Desk) -> None:
    (old,) = desk.config.plan.realms["access"].listeners
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((OTHER, 0))
        phone.settimeout(2)
        asked = invite(Address(OTHER, phone.getsockname()[1]))
        phone.sendto(asked, old.address)
        desk.service.runner.listeners()[old].doRead()
        assert status(phone.recv(2000)) == 100
        new = listener("access", OTHER)
        desk.reload(attrs.evolve(but(desk.config, "access", listeners=(new,)), drain=DrainConfig(retry_after=77)))
        assert {old, new} < set(desk.service.runner.listeners())
        phone.sendto(asked.replace(b"one", b"two"), old.address)
        desk.service.runner.listeners()[old].doRead()
        answer = phone.recv(2000)
        assert status(answer) == 503 and header(answer, b"Retry-After") == b"77"
        desk.pass_time(40)  # the call is given up meanwhile, and lingers
        assert old in desk.service.runner.listeners()
        desk.pass_time(120)
        desk.clock.advance(0)
        assert old not in desk.service.runner.listeners() and can_bind(old)


def test_a_realm_comes_and_goes(desk: Desk) -> None:
    base, own = desk.config, listener("guests", OTHER)
    media = attrs.evolve(base.plan.realms["access"].media, address=OTHER, advertised=OTHER)
    guests = Realm("guests", Side.ACCESS, (own,), media)
    path = RealmPath("second", "guests", "core", (Address(f"{NET}.3", 5060),))
    more = Plan({**base.plan.realms, "guests": guests}, (*base.plan.paths, path))
    assert desk.reload(attrs.evolve(base, plan=more)) == ["realms.guests: added", "paths.second: added"]
    assert own in desk.service.runner.listeners()
    assert desk.reload(base) == ["realms.guests: removed", "paths.second: removed"]
    assert own not in desk.service.runner.listeners() and "guests" not in desk.service.border.plan.realms


def test_where_a_socket_cannot_be_had_nothing_changes(desk: Desk) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as squatter:
        squatter.bind((OTHER, 0))
        address = Address(*squatter.getsockname())
        taken, free = Listener("access", "sip", "udp", address, address), listener("access", OTHER)
        elsewhere = attrs.evolve(free, address=Address("192.0.2.1", 5060))
        faults = desk.refused(but(desk.config, "access", listeners=(free, taken, elsewhere)))
    assert len(faults) == 2 and all(word in fault for word, fault in zip(("in use", "assign"), faults, strict=True))
    desk.clock.advance(0)
    assert can_bind(free)


def test_every_fault_is_told_at_once(desk: Desk, tmp_path: Path) -> None:
    media = attrs.evolve(desk.config.plan.realms["access"].media, address="192.0.2.1")
    new = but(desk.config, "access", media=media, tls=Tls(str(tmp_path / "no.crt"), str(tmp_path / "no.key")))
    new = but(new, "core", side=Side.ACCESS)
    faults = desk.refused(attrs.evolve(new, cdr=CdrConfig(json=str(tmp_path / "no" / "cdr.json"))))
    for part in ("realms.core.side", "tls.certificate", "tls.key", "cdr.json", "realms.access.media.address"):
        assert sum(part in fault for fault in faults) == 1, part
    assert len(faults) == 5


def test_an_open_socket_is_not_taken_from_those_who_live_there(desk: Desk) -> None:
    """The same address in a realm of another name is another network: what lives there would not be found again."""
    (own,) = desk.config.plan.realms["access"].listeners
    other = attrs.evolve(own, realm="renamed")
    realm = attrs.evolve(desk.config.plan.realms["access"], name="renamed", listeners=(other,))
    path = attrs.evolve(desk.config.plan.paths[0], access="renamed")
    moved = Plan({"renamed": realm, "core": desk.config.plan.realms["core"]}, (path,))
    (fault,) = desk.refused(attrs.evolve(desk.config, plan=moved))
    assert "until what lives there is over" in fault


def test_what_waits_for_the_next_start_is_told_again_until_then(desk: Desk) -> None:
    (own,) = desk.config.plan.realms["access"].listeners
    known = attrs.evolve(own, advertised=Address(f"{NET}.9", 5060))
    new = but(desk.config, "access", listeners=(known,))
    for _ in range(2):
        (line,) = desk.reload(new)
        assert line.startswith("needs a restart: realms.access.listeners.") and own in desk.service.runner.listeners()


def test_who_keeps_values_of_its_own_is_told(desk: Desk) -> None:
    new = attrs.evolve(
        desk.config,
        plan=attrs.evolve(desk.config.plan, timers=Timers(silence=7.0, unanswered=11.0)),
        log=LogConfig(level=LogLevel.WARN),
    )
    assert set(desk.reload(new)) == {
        "timers.unanswered: 180 -> 11",
        "timers.silence: 0 -> 7",
        "log.level: info -> warn",
    }
    assert desk.taken == [new]
    sip = desk.service.border.dialects["sip"]
    assert sip.timing(sip.describe(sip.decode(invite(PHONE)))).patience == 11.0


def test_a_certificate_on_disk_is_renewed(desk: Desk, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("own", ACCESS)
    secured = Listener("access", "sip", "tls", *(2 * (free_tcp(ACCESS),)))
    tls = Tls(str(certificate), str(key), str(authority.certificate))
    listeners = (*desk.config.plan.realms["access"].listeners, secured)
    new = but(desk.config, "access", listeners=listeners, tls=tls)
    assert "realms.access.tls: added" in desk.reload(new)
    assert desk.reload(new) == []
    authority.sign("own", ACCESS)
    (line,) = desk.reload(new)
    assert line.startswith("realms.access.tls: another certificate, good until ")
    key.unlink()
    assert "tls.key" in desk_refuses(desk, new)


def desk_refuses(desk: Desk, new: Config) -> str:
    return "\n".join(desk.refused_now(new))


def free_tcp(host: str) -> Address:
    with socket.create_server((host, 0)) as probe:
        return Address(*probe.getsockname())


def test_a_realms_rate_counts_at_once(desk: Desk) -> None:
    engine = desk.service.runner.engine
    engine.open(StreamSpec("c/1", "c", "rtp", (_side(20_000), _side(20_002))))
    for rate, policed in ((1, 4), (0, 0)):
        media = attrs.evolve(desk.config.plan.realms["access"].media, realm_rate=rate)
        (line,) = desk.reload(but(desk.config, "access", media=media))
        assert line.startswith("realms.access.media.realm_rate: ")
        before = engine.counters("c/1").sides[0].drops.policed
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.bind((ACCESS, 20_006))
            for number in range(7):
                phone.sendto(rtp(number, payload=bytes(988)), (ACCESS, 20_000))
        engine._rounds.doRead()
        assert engine.counters("c/1").sides[0].drops.policed - before == policed
    engine.close("c/1")


def _side(port: int) -> SideSpec:
    ours, theirs = Pair(Address(ACCESS, port), None), Pair(Address(ACCESS, 20_006), None)
    return SideSpec("access", ours, theirs, False, ACCESS, Latch.NAT, 3.0)


def test_a_device_that_is_not_there_is_told_before_anything_changes(desk: Desk) -> None:
    faults = desk.refused(but(desk.config, "access", network=VpnLabel("sbc-no-such")))
    assert faults == ["realms.access.network: device sbc-no-such: No such device"]


def test_another_media_engine_waits_for_the_next_start(desk: Desk) -> None:
    new = attrs.evolve(desk.config, media=MediaConfig(EngineName.NATIVE, 2))
    assert desk.reload(new) == [
        "needs a restart: media.engine: auto -> native",
        "needs a restart: media.threads: 0 -> 2",
    ]
    assert desk.config.media == MediaConfig()


@NEED
def test_a_realm_goes_to_another_network_and_takes_nobody_along(desk: Desk) -> None:
    (old,) = desk.config.plan.realms["access"].listeners
    with namespace() as red:
        label = VpnLabel(namespace=red)
        there = attrs.evolve(old, vpn=label.vpn)
        lines = desk.reload(but(desk.config, "access", network=label, listeners=(there,)))
        assert lines == [f'realms.access.network.namespace: "" -> {red}']
        assert set(desk.service.runner.listeners()) == {there, *desk.config.plan.realms["core"].listeners}
        desk.clock.advance(0)
        assert can_bind(old), "nobody is there at home"
        with inside(red):
            assert not can_bind(old)
        marked = VpnLabel(namespace=red, mark=7)
        desk.reload(but(desk.config, "access", network=marked))
        assert mark_of(desk.service.runner.listeners()[there].socket) == 7
        bound = VpnLabel("lo", namespace=red)
        (fault,) = desk.refused_now(
            but(desk.config, "access", network=bound, listeners=(attrs.evolve(old, vpn=bound.vpn),))
        )
        assert "until what lives there is over" in fault, "who is bound to no device is in the way"
        desk.reload(but(desk.config, "access", network=VpnLabel(), listeners=(old,)))
        assert not can_bind(old)
