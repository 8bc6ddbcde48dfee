"""Who is banned does not come past the kernel's programs to where we signal; everybody else, and all else, does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import attrs
import pytest

from sbc.core.address import Address
from sbc.media.kernel.barrier import Barrier
from tests.media.kernel.bench import (
    AT_PHONE,
    PHONE,
    TC_REDIRECT,
    TC_SHOT,
    TC_UNSPEC,
    TRUNK,
    TRUNK6,
    XDP_DROP,
    XDP_PASS,
    XDP_REDIRECT,
    Bench,
)
from tests.media.kernel.frames import Frame
from tests.media.packets import rtp

BAD, BAD6 = Address("10.1.0.66", 5062), Address("fd01::66", 5062)
OURS, OURS6 = Address("10.1.0.1", 5060), Address("fd01::1", 5060)
SIP = Frame(BAD, OURS, b"OPTIONS sip:x SIP/2.0\r\n\r\n")
SIP6 = Frame(BAD6, OURS6, SIP.payload)
ACCESS, CORE = 1, 2


@pytest.fixture
def barrier(bench: Bench) -> Iterator[Barrier]:
    made = bench.plane.barrier
    for host, protocol in product((OURS.host, OURS6.host), ("udp", "tcp")):
        made.door(ACCESS, host, range(5060, 5062), protocol)
    bench.plane.lease.renew()
    yield made
    for realm, source in product((ACCESS, CORE), (BAD, BAD6, Address(BAD.host, 0), Address(BAD6.host, 0), PHONE)):
        try:
            made.lift(realm, source)
        except OSError:  # it was not there
            continue
    for host, protocol in product((OURS.host, OURS6.host, "0.0.0.0", "::"), ("udp", "tcp")):
        made.door(0, host, range(5060, 5062), protocol)


@pytest.fixture(params=["xdp", "tc"])
def passes(request: pytest.FixtureRequest, bench: Bench) -> Callable[[Frame], bool]:
    run, up, down = (bench.xdp, XDP_PASS, XDP_DROP) if request.param == "xdp" else (bench.tc, TC_UNSPEC, TC_SHOT)

    def look(frame: Frame) -> bool:
        action, data = run(frame)
        assert action in (up, down)
        assert data == frame.data()
        return action == up

    return look


@pytest.mark.parametrize("frame", [SIP, SIP6], ids=["IPv4", "IPv6"])
def test_a_flow_that_is_banned_is_dropped_and_another_port_of_its_host_is_not(
    barrier: Barrier, passes: Callable[[Frame], bool], frame: Frame
) -> None:
    assert passes(frame)
    before = barrier.dropped
    barrier.bar(ACCESS, frame.source, 60.0)
    assert not passes(frame)
    assert not passes(attrs.evolve(frame, to=Address(frame.to.host, 5061)))
    assert passes(attrs.evolve(frame, source=Address(frame.source.host, 5063)))
    assert (barrier.of(ACCESS, frame.source), barrier.dropped - before) == (2, 2)
    barrier.lift(ACCESS, frame.source)
    assert passes(frame)


@pytest.mark.parametrize("frame", [SIP, SIP6], ids=["IPv4", "IPv6"])
def test_a_host_that_is_banned_is_dropped_whatever_its_port(
    barrier: Barrier, passes: Callable[[Frame], bool], frame: Frame
) -> None:
    barrier.bar(ACCESS, Address(frame.source.host, 0), 60.0)
    for port in (1, 5062, 65_535):
        assert not passes(attrs.evolve(frame, source=Address(frame.source.host, port)))
    other = Address("10.1.0.67", 5062) if frame is SIP else Address("fd01::67", 5062)
    assert passes(attrs.evolve(frame, source=other))


def test_what_does_not_go_to_a_door_of_that_realm_passes(barrier: Barrier, passes: Callable[[Frame], bool]) -> None:
    barrier.bar(CORE, BAD, 60.0)
    assert passes(SIP)
    barrier.bar(ACCESS, BAD, 60.0)
    for to in (Address(OURS.host, 22), Address(OURS.host, 5062), Address("10.1.0.9", 5060), AT_PHONE):
        assert passes(attrs.evolve(SIP, to=to))
    assert not passes(SIP)


def test_tcp_is_dropped_as_udp_is_and_options_and_fragments_are_no_way_past(
    barrier: Barrier, passes: Callable[[Frame], bool]
) -> None:
    barrier.bar(ACCESS, BAD, 60.0)
    assert not passes(attrs.evolve(SIP, protocol=6))
    assert not passes(attrs.evolve(SIP, options=b"\x94\x04\x00\x00" * 10))
    assert not passes(attrs.evolve(SIP, fragment=0x2000))
    assert not passes(attrs.evolve(SIP, ttl=1))
    assert passes(attrs.evolve(SIP, fragment=0x0010))  # without its first it is nothing
    assert passes(attrs.evolve(SIP, protocol=1))


def test_a_ban_ends_by_itself_and_one_that_is_renewed_lasts(barrier: Barrier, passes: Callable[[Frame], bool]) -> None:
    barrier.bar(ACCESS, BAD, 60.0)
    assert not passes(SIP)
    barrier.bar(ACCESS, BAD, -1.0)
    assert passes(SIP)
    barrier.bar(ACCESS, Address(BAD.host, 0), 60.0)  # which one that is over does not hide
    assert not passes(SIP)
    barrier.bar(ACCESS, BAD, 60.0)
    assert not passes(SIP)
    assert barrier.of(ACCESS, BAD) == 2  # it goes on counting


@pytest.mark.parametrize(
    ("frame", "any_host", "behind"), [(SIP, "0.0.0.0", TRUNK), (SIP6, "::", TRUNK6)], ids=["4", "6"]
)
def test_where_all_addresses_are_listened_at_each_of_ours_is_a_door_and_no_other_host_s(
    barrier: Barrier, passes: Callable[[Frame], bool], frame: Frame, any_host: str, behind: Address
) -> None:
    barrier.door(0, frame.to.host, range(5060, 5062), "udp")
    barrier.bar(ACCESS, frame.source, 60.0)
    assert passes(frame)
    barrier.door(ACCESS, any_host, range(5060, 5061), "udp")
    assert not passes(frame)
    assert passes(attrs.evolve(frame, to=Address(frame.to.host, 5061)))
    assert passes(attrs.evolve(frame, to=Address(behind.host, 5060)))  # who is routed by us


def test_a_door_is_one_of_its_transport_alone(barrier: Barrier, passes: Callable[[Frame], bool]) -> None:
    """By the other transport another realm may have its media there."""
    barrier.door(0, OURS.host, range(5060, 5062), "udp")
    barrier.bar(ACCESS, BAD, 60.0)
    assert passes(SIP)
    assert not passes(attrs.evolve(SIP, protocol=6))
    barrier.door(CORE, OURS.host, range(5060, 5062), "udp")
    assert passes(SIP)
    barrier.bar(CORE, BAD, 60.0)
    assert not passes(SIP)


def test_no_ban_outlives_the_lease_of_who_has_made_it(
    barrier: Barrier, passes: Callable[[Frame], bool], bench: Bench
) -> None:
    """Whoever sits at that port when the process was killed is to be heard."""
    barrier.bar(ACCESS, BAD, 3600.0)
    assert not passes(SIP)
    bench.plane.lease.end()
    assert passes(SIP)
    bench.plane.lease.renew()
    assert not passes(SIP)


def test_media_of_a_live_call_is_forwarded_whoever_is_banned(barrier: Barrier, bench: Bench) -> None:
    """Its source may share an address, behind a NAT, with whoever misbehaves."""
    bench.ready()
    barrier.bar(ACCESS, PHONE, 60.0)
    barrier.bar(ACCESS, Address(PHONE.host, 0), 60.0)
    packet = Frame(PHONE, AT_PHONE, rtp())
    assert bench.xdp(packet)[0] == XDP_REDIRECT
    assert bench.tc(packet)[0] == TC_REDIRECT
    assert bench.xdp(attrs.evolve(packet, to=Address(AT_PHONE.host, 20_002)))[0] == XDP_PASS


def test_what_is_no_address_or_not_banned_is_refused(barrier: Barrier) -> None:
    with pytest.raises(OSError, match=r"refuses|illegal"):
        barrier.bar(ACCESS, Address("sip.example", 0), 1.0)
    with pytest.raises(OSError, match=r"refuses|illegal"):
        barrier.lift(ACCESS, Address("10.9.9.9", 1))
    with pytest.raises(OSError, match=r"refuses|illegal"):
        barrier.of(ACCESS, Address("10.9.9.9", 1))
