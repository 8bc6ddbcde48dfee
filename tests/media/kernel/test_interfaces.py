"""On which interfaces the programs are put, and how: a plane that does as it is told stands in for the kernel's."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogEvent

from sbc.media.kernel import interfaces
from sbc.media.kernel.interfaces import Interfaces
from sbc.media.kernel.peers import FRAMES, PEER

NAMES = {1: "lo", 2: "eth0", 3: "eth1", 4: "tun0"}


class Host:
    """A plane, and what it is on: every call that puts or takes off is kept."""

    def __init__(self, **fails: int) -> None:
        self.fails = fails
        self.done: list[Any] = []
        self.takes: dict[int, bool | None] = {2: True}
        self.at_hand: set[int] = set()
        self.spoken_of: set[int] | None = set()
        self.modes: dict[int, str] = {}
        self.left: list[Path] = []
        self.swept: list[int] = []
        self.unpinned: list[bool] = []
        self.heard = 0

    def _do(self, name: str, *what: Any) -> None:
        if name in self.fails:
            raise OSError(self.fails[name], f"no {name}")
        self.done.append((name, *what))

    def attach_xdp(self, interface: int, generic: bool) -> None:
        mode = "generic" if generic else "native"
        self._do(mode, interface)
        self.modes[interface] = mode

    def attach_tc(self, interface: int) -> bool:
        self._do("tc", interface)
        return True

    def detach_xdp(self, interface: int) -> None:
        self._do("no xdp", interface)
        self.modes.pop(interface, None)

    def detach_tc(self, interface: int) -> None:
        self._do("no tc", interface)

    def sweep_tc(self, interface: int) -> None:
        self.swept.append(interface)

    def unpin(self, everything: bool) -> None:
        self.unpinned.append(everything)

    def renew_xdp(self, pin: Path) -> int:
        self._do("renew", pin.name)
        return int(pin.name.removeprefix("link-"))

    def xdp_mode(self, interface: int) -> str:
        return self.modes.get(interface, "")

    def pins(self) -> list[Path]:
        return self.left

    def takes_frames(self, interface: int) -> bool | None:
        return self.takes.get(interface, False)

    def has_peer_at_hand(self, interface: int) -> bool:
        return interface in self.at_hand

    def outlet(self, interface: int, may: int) -> None:
        self._do("outlet", interface, may)

    def hear(self) -> set[int] | None:
        self.heard += 1
        return self.spoken_of

    def interface_of(self, host: str) -> int:
        return {"127.0.0.1": 1, "192.0.2.1": 2, "192.0.2.2": 3, "192.0.2.3": 4}.get(host, 0)


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[int, str]:
    there = dict(NAMES)
    monkeypatch.setattr(interfaces.socket, "if_indextoname", there.__getitem__)
    monkeypatch.setattr(interfaces.socket, "if_nameindex", lambda: list(there.items()))
    monkeypatch.setattr(interfaces, "_index", lambda name: {v: k for k, v in there.items()}.get(name, 0))
    monkeypatch.setattr(interfaces, "_is_ethernet", lambda name: name.startswith("eth"))
    monkeypatch.setattr(interfaces, "_driver", lambda name: "e1000")
    return there


def made(host: Host, *named: str) -> Interfaces:
    return Interfaces(host, named)  # type: ignore[arg-type]


def test_the_best_that_can_be_with_tc_beside_it_and_once() -> None:
    host = Host()
    found = made(host)
    assert found.ensure("192.0.2.1") == ""
    assert found.ensure("192.0.2.1") == ""
    assert host.done == [("tc", 2), ("native", 2), ("outlet", 2, FRAMES)]
    assert (found.attached[2].name, found.attached[2].mode, found.attached[2].why) == ("eth0", "native", "")


def test_tc_alone_on_a_veth_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "_driver", lambda name: "veth")
    host = Host()
    found = made(host)
    assert found.ensure("192.0.2.1") == ""
    assert (found.attached[2].mode, host.done[0]) == ("tc", ("tc", 2))
    told = Interfaces(Host(), (), ("native",))  # type: ignore[arg-type]
    told.ensure("192.0.2.1")
    assert told.attached[2].mode == "native"


def test_tc_alone_where_xdp_could_never_send_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A VLAN's device, and a kernel that does not say who takes frames; what an earlier version has left there goes."""
    monkeypatch.setattr(interfaces, "_driver", lambda name: "802.1Q VLAN Support")
    host = Host()
    host.left, host.modes = [tmp_path / "link-2"], {2: "generic"}
    found = made(host)
    assert found.ensure("192.0.2.1") == ""
    assert (found.attached[2].mode, host.done[1:3]) == ("tc", [("tc", 2), ("no xdp", 2)])
    assert "VLAN" in found.attached[2].why
    monkeypatch.setattr(interfaces, "_driver", lambda name: "e1000")
    host = Host()
    host.takes[2] = None
    found = made(host)
    assert found.ensure("192.0.2.1") == ""
    assert (found.attached[2].mode, host.done) == ("tc", [("tc", 2)])
    assert "from 6.3 on" in found.attached[2].why


def test_in_front_of_the_stack_where_the_driver_cannot() -> None:
    found = made(Host(native=errno.EOPNOTSUPP))
    assert found.ensure("192.0.2.2") == ""
    assert (found.attached[3].mode, found.attached[3].why) == ("generic", "native XDP: no native")


def test_tc_alone_where_there_is_no_xdp_or_it_is_somebody_else_s() -> None:
    found = made(Host(native=errno.EOPNOTSUPP, generic=errno.EOPNOTSUPP))
    assert found.ensure("192.0.2.1") == ""
    assert (found.attached[2].mode, found.attached[2].why) == ("tc", "native XDP: no native; generic XDP: no generic")
    host = Host(native=errno.EBUSY)
    found = made(host)
    assert found.ensure("192.0.2.1") == ""
    assert found.attached[2].mode == "tc"
    assert ("generic", 2) not in host.done


def test_not_at_all_without_tc() -> None:
    """Nor is XDP put there for nothing: many drivers stop their interface for that, and it is tried every second."""
    host = Host(tc=errno.EBUSY)
    found = made(host)
    assert found.guard(["192.0.2.1"]) == ["192.0.2.1: not-attached"]
    for _ in range(3):
        assert not found.look()
    assert host.done == []


def test_what_was_left_of_xdp_is_taken_off_where_tc_cannot_be_had(tmp_path: Path) -> None:
    host = Host(tc=errno.EBUSY)
    host.left, host.modes = [tmp_path / "link-2"], {2: "native"}
    assert made(host).ensure("192.0.2.1") == "not-attached"
    assert host.done == [("renew", "link-2"), ("no xdp", 2)]


def test_where_it_is_of_no_use_it_is_not_put() -> None:
    host = Host()
    found = made(host)
    assert found.ensure("127.0.0.1") == "loopback"
    assert found.ensure("203.0.113.1") == "no-interface"
    assert found.ensure("192.0.2.3") == "not-ethernet"
    assert host.done == []


def test_an_address_that_no_wire_has_comes_by_the_interfaces_that_are_named() -> None:
    host = Host()
    found = made(host, "eth0", "eth1", "none")
    assert found.ensure("127.0.0.1") == ""
    assert set(found.attached) == {2, 3}


def test_an_address_may_come_later() -> None:
    host = Host()
    found = made(host)
    found.ensure("203.0.113.1")
    host.interface_of = lambda host: 3  # type: ignore[method-assign]
    assert found.ensure("203.0.113.1") == "no-interface"
    found.look()
    assert found.ensure("203.0.113.1") == ""


def test_what_takes_frames_changes_and_interfaces_go(names: dict[int, str]) -> None:
    host = Host()
    found = made(host)
    found.ensure("192.0.2.1")
    host.takes[2] = False
    found.look()
    found.look()
    assert host.done[2:] == [("outlet", 2, FRAMES), ("outlet", 2, 0)]
    assert not found.look()
    del names[2]
    assert found.look()
    assert not found.attached


def test_a_peer_at_hand_comes_and_goes_and_is_left_alone_where_it_is_to_be() -> None:
    host = Host()
    host.at_hand = {2, 3}
    found = made(host)
    for address in ("192.0.2.1", "192.0.2.2"):
        found.ensure(address)
    assert [each for each in host.done if each[0] == "outlet"] == [("outlet", 2, FRAMES | PEER), ("outlet", 3, PEER)]
    assert [(tap.interface, tap.to_peer) for tap in found.taps()] == [("eth0", True), ("eth1", True)]
    host.at_hand.remove(3)
    found.look()
    assert host.done[-1] == ("outlet", 3, 0)
    assert [tap.to_peer for tap in found.taps()] == [True, False]
    other = Host()
    other.at_hand = {3}
    Interfaces(other, redirect_peer=False).ensure("192.0.2.2")  # type: ignore[arg-type]
    assert "outlet" not in [each[0] for each in other.done]


def test_of_an_interface_that_is_gone_nothing_stays_said(names: dict[int, str]) -> None:
    host = Host()
    found = made(host)
    found.ensure("192.0.2.1")
    del names[2]
    found.look()
    assert host.done[-3:] == [("outlet", 2, FRAMES), ("outlet", 2, 0), ("no xdp", 2)]


@pytest.mark.parametrize("spoken_of", [{2, 9}, None], ids=["it", "any"])
def test_a_filter_may_be_gone_where_there_was_a_notice(spoken_of: set[int] | None, log: list[LogEvent]) -> None:
    host = Host()
    found = made(host)
    found.ensure("192.0.2.1")
    host.done.clear()
    found.look()
    assert host.done == []
    host.spoken_of = spoken_of
    found.look()
    assert host.done == [("tc", 2)]
    host.fails["tc"] = errno.EBUSY
    assert found.look()
    assert not found.attached
    assert found.ensure("192.0.2.1") == "not-attached"
    assert not found.look()
    assert [event["log_format"].partition(":")[0] for event in log][-3:] == [
        "somebody had taken the filter off interface {name}",
        "the filter of interface {name} is gone, and cannot be put back",
        "the kernel cannot relay at {name}",
    ]
    assert host.done[1:] == [("outlet", 2, 0), ("no xdp", 2)]
    host.done.clear()
    del host.fails["tc"]
    assert found.look(), "it is tried again"
    assert host.done == [("tc", 2), ("native", 2), ("outlet", 2, FRAMES)]
    assert not found.look()


def test_where_the_system_does_not_say_what_has_become_of_interfaces_that_is_said_once(
    monkeypatch: pytest.MonkeyPatch, log: list[LogEvent]
) -> None:
    """As where no file can be opened any more. What there were notices of meanwhile is looked at afterwards."""

    def refuse() -> list[tuple[int, str]]:
        raise OSError(errno.EMFILE, "Too many open files")

    host = Host()
    found = made(host)
    found.ensure("192.0.2.1")
    host.done.clear()
    host.spoken_of = {2}
    with monkeypatch.context() as patch:
        patch.setattr(interfaces.socket, "if_nameindex", refuse)
        assert [found.look() for _ in range(3)] == [False] * 3
    assert [event["why"] for event in log if "does not say" in event["log_format"]] == ["Too many open files"]
    host.spoken_of = set()
    assert found.look(), "nobody knows what has moved"
    assert host.done == [("tc", 2)]
    assert not found.look()


def test_an_address_may_move() -> None:
    host = Host()
    found = made(host)
    found.ensure("192.0.2.1")
    host.interface_of = lambda host: 3  # type: ignore[method-assign]
    assert found.look()
    assert found.ensure("192.0.2.1") == ""
    assert set(found.attached) == {2, 3}
    assert not found.look()


def test_addresses_are_asked_after_once_for_all() -> None:
    host = Host()
    found = made(host)
    for address in ("192.0.2.1", "192.0.2.2", "127.0.0.1"):
        found.ensure(address)
    before = host.heard
    found.look()
    assert host.heard == before + 1


def test_a_named_interface_may_come_later(names: dict[int, str], log: list[LogEvent]) -> None:
    host = Host()
    found = made(host, "eth9")
    found.ensure("192.0.2.1")
    assert not found.look()
    found.ensure("192.0.2.2")
    assert [event["name"] for event in log if "is not there" in event["log_format"]] == ["eth9"]
    names[9] = "eth9"
    assert found.look()
    assert found.ensure("192.0.2.1") == ""
    assert set(found.attached) == {2, 3, 9}
    assert not found.look()


def test_what_cannot_be_taken_off_is_said_and_what_was_not_there_is_not(log: list[LogEvent]) -> None:
    host = Host()
    found = made(host)
    found.ensure("192.0.2.1")
    for there_is_none in (errno.ENOENT, errno.EOPNOTSUPP):  # the latter where filters are shared by several interfaces
        host.fails = {"no xdp": errno.ENOENT, "no tc": there_is_none}
        found._take_off(2, "XDP", "TC")
    host.fails["no tc"] = errno.EBUSY
    found._take_off(2, "XDP", "TC")
    said = [(event["kind"], event["index"], event["why"]) for event in log if "not taken off" in event["log_format"]]
    assert said == [("TC", 2, "no no tc")]


def test_what_an_earlier_process_has_left_goes_on_or_is_taken_off(tmp_path: Path) -> None:
    host = Host()
    host.left = [tmp_path / "link-2", tmp_path / "link-3"]
    host.modes = {2: "native", 3: "native"}
    found = made(host)
    found.ensure("192.0.2.1")
    assert host.done == [("renew", "link-2"), ("renew", "link-3"), ("tc", 2), ("outlet", 2, FRAMES)]
    assert found.collect() == 3
    assert ("no xdp", 3) in host.done
    assert ("no xdp", 2) not in host.done
    found.detach()
    assert ("no xdp", 2) in host.done
    assert ("no tc", 2) in host.done
    assert host.unpinned[0] is False  # programs that stay on interfaces keep their pins
    assert host.unpinned[-1] is True


def test_pins_of_interfaces_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    host = Host(renew=errno.ENODEV)
    host.left = [tmp_path / "link-9"]
    host.left[0].touch()
    made(host)
    assert not host.left[0].exists()
    assert host.swept == list(NAMES)
