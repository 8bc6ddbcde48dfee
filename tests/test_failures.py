"""What has failed is told in order, when nobody is at work, and a fault in that is nobody else's."""

from __future__ import annotations

from typing import Any

from sbc.core.address import Address
from sbc.core.orders import Listener
from sbc.failures import Failures

OWN = Listener("core", "sip", "udp", Address("198.51.100.1", 5060), Address("198.51.100.1", 5060))
PEER, OTHER = Address("198.51.100.2", 5060), Address("198.51.100.3", 5060)


class Bench:
    """A border that keeps what it is told, and fails on what begins with "bad" or is lost for that reason."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.failures = Failures(self, lambda: 7.0, self.carry_out, self.fault)  # type: ignore[arg-type]
        self.more: list[Address] = []

    def unreachable(self, listener: Listener, peer: Address, why: str, now: float) -> list[Any]:
        if why == "bad":
            raise ZeroDivisionError
        self.told.append((peer, why, now))
        return []

    def bounced(self, listener: Listener, peer: Address, data: bytes, why: str, now: float) -> list[Any]:
        if data.startswith(b"bad"):
            raise ZeroDivisionError
        self.told.append((peer, data, why, now))
        return []

    def carry_out(self, orders: list[Any]) -> None:
        outermost = self.failures.hold()
        while self.more:
            self.failures.add(OWN, self.more.pop(), "closed")
        if outermost:
            self.failures.let()
            self.failures.tell()

    def fault(self, what: str, fault: Exception) -> None:
        self.told.append((what, type(fault)))


def test_idle_it_tells_at_once() -> None:
    bench = Bench()
    bench.failures.add(OWN, PEER, "refused")
    bench.failures.add(OWN, PEER, "port unreachable", b"INVITE")
    assert bench.told == [(PEER, "refused", 7.0), (PEER, b"INVITE", "port unreachable", 7.0)]


def test_at_work_it_waits() -> None:
    bench = Bench()
    assert bench.failures.hold() and not bench.failures.hold()
    bench.failures.add(OWN, PEER, "refused")
    assert not bench.told
    bench.failures.let()
    bench.failures.tell()
    assert bench.told == [(PEER, "refused", 7.0)]


def test_what_fails_meanwhile_is_told_too() -> None:
    bench = Bench()
    bench.more = [OTHER]
    bench.failures.add(OWN, PEER, "refused")
    assert bench.told == [(PEER, "refused", 7.0), (OTHER, "closed", 7.0)]


def test_a_fault_with_what_came_back_keeps_nobody() -> None:
    bench = Bench()
    bench.failures.hold()
    bench.failures.add(OWN, PEER, "port unreachable", b"bad")
    bench.failures.add(OWN, OTHER, "refused")
    bench.failures.let()
    bench.failures.tell()
    assert bench.told == [(f"a datagram that came back, to {PEER}", ZeroDivisionError), (OTHER, "refused", 7.0)]


def test_nor_does_one_with_a_lost_connection() -> None:
    bench = Bench()
    bench.failures.hold()
    bench.failures.add(OWN, PEER, "bad")
    bench.failures.add(OWN, OTHER, "refused")
    bench.failures.let()
    bench.failures.tell()
    assert bench.told == [(f"a connection that is not there, to {PEER}", ZeroDivisionError), (OTHER, "refused", 7.0)]
    bench.failures.add(OWN, PEER, "closed")
    assert bench.told[-1] == (PEER, "closed", 7.0)


def test_however_many_wait_each_is_told_once_in_order() -> None:
    bench = Bench()
    peers = [Address("198.51.100.2", port) for port in range(1, 5001)]
    bench.failures.hold()
    for peer in peers:
        bench.failures.add(OWN, peer, "closed")
    bench.failures.let()
    bench.more = [OTHER]
    bench.failures.tell()
    assert bench.told == [(peer, "closed", 7.0) for peer in [*peers, OTHER]]
