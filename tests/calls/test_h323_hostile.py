"""What strangers do to the port for H.323 calls: it costs them more than us, and nobody else anything."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from sbc.core.orders import HangUp, Send
from sbc.core.wires import Connections as Limits
from sbc.h323.codec import build_signal
from sbc.octets.tpkt import TpktFramer
from tests.calls.test_h323_calls import heard, tcp
from tests.h323_calls import GATEKEEPER, acf, arq, h323_rig, read, registered, setup, to
from tests.rig import NAT, events, of
from tests.streams import NET, Bench, open_bench

MESSAGE, PER_SOURCE, TOTAL = 5.0, 20, 60
STRANGERS = [f"{NET}.{100 + number}" for number in range(10)]


@pytest.fixture
def port() -> Iterator[Bench]:
    """The port for calls, with small limits."""
    with open_bench(Limits(message=MESSAGE, per_source=PER_SOURCE, total=TOTAL), framer=TpktFramer) as made:
        yield made


def served(bench: Bench, end: socket.socket) -> bool:
    """A Setup of an honest terminal is heard."""
    before = len(bench.heard.messages)
    end.sendall(setup())
    bench.wait(lambda: len(bench.heard.messages) > before, "the Setup")
    return True


@pytest.mark.parametrize("sources", [1, 10])
def test_connections_that_say_nothing_are_bounded_for_each_host_and_in_all_and_end_soon(
    port: Bench, sources: int
) -> None:
    ends = [port.phone(STRANGERS[number % sources]) for number in range(100)]
    port.turn(50)
    most = min(sources * PER_SOURCE, TOTAL)
    assert len(port.table.books().connections) == most
    assert port.heard.counted["connection-refused"] == 100 - most
    if sources == 1:
        assert served(port, port.phone()), "others are taken all the same"
    port.pass_time(MESSAGE + 1)
    assert port.heard.counted["connection-slow"] == most
    assert len(port.table.books().connections) == (sources == 1)
    assert all(port.ended(each) for each in ends)
    assert served(port, port.phone())


def test_who_drips_octets_or_empty_packets_is_closed_as_soon(port: Bench) -> None:
    dripping, empty, honest = port.phone(STRANGERS[0]), port.phone(STRANGERS[1]), port.phone()
    honest.sendall(setup())
    data = setup()
    for octet in data[: int(2 * MESSAGE)]:
        port.turn()
        for end, said in ((dripping, bytes([octet])), (empty, b"\x03\x00\x00\x04")):
            try:
                end.sendall(said)
            except OSError:
                continue
        port.pass_time(0.5)
    port.pass_time(1)
    assert port.ended(dripping) and port.ended(empty) and not port.ended(honest)
    assert port.heard.counted["connection-slow"] == 2 and len(port.heard.messages) == 1


@pytest.mark.parametrize("data", [b"\x03\x00\x00\x03", b"\x03\x00\x00\x00", b"\x02", b"GET / HTTP/1.1\r\n\r\n"])
def test_lengths_that_cannot_be_end_the_connection_at_once_and_are_counted(port: Bench, data: bytes) -> None:
    end = port.phone()
    end.sendall(setup() + data + setup())
    port.wait(lambda: port.heard.counted["connection-unframed"], "the end")
    assert len(port.heard.messages) == 1 and len(port.heard.bad) == 1
    port.wait(lambda: port.ended(end), "the peer to see it")


def test_a_length_that_promises_more_than_comes_is_waited_for_no_longer_than_any(port: Bench) -> None:
    end = port.phone()
    end.sendall(b"\x03\x00\xff\xff\x08\x02")
    port.turn()
    port.pass_time(MESSAGE + 1)
    assert port.ended(end) and port.heard.counted["connection-slow"] == 1


def test_a_flood_of_setups_is_refused_and_each_connection_closed() -> None:
    """Of strangers, who have no leave: a release with its cause, and nothing is kept."""
    rig = h323_rig()
    own = tcp(rig, "access")
    for number in range(500):
        source = NAT._replace(host="203.0.113.99", port=20_000 + number)
        orders = heard(rig, own, source, setup())
        (said,) = of(Send, orders)
        assert read(said).name == "releaseComplete" and said.to == source
        assert [each.peer for each in of(HangUp, orders)] == [source]
    registry = rig.border.registry
    assert not registry.calls and not registry.live_exchanges and not registry.ties.all()


def test_what_is_said_of_no_call_is_answered_and_closed() -> None:
    rig = h323_rig()
    facility = build_signal("information", 9, False)
    orders = heard(rig, tcp(rig, "access"), NAT, facility)
    assert [read(each).name for each in of(Send, orders)] == ["releaseComplete"] and len(of(HangUp, orders)) == 1


def test_calls_that_are_opened_and_never_answered_are_bounded_for_each_host() -> None:
    """By who has leave for each of them, from as many connections: the rest is refused with cause 42."""
    rig = h323_rig(ports=2000)
    own = registered(rig)
    most = rig.border.plan.realms["access"].limits.exchanges_per_source
    refused = 0
    for number in range(most + 50):
        name = number.to_bytes(16, "big")
        asked = arq(1000 + number, callIdentifier={"guid": b"\x01" + name[1:]})
        (sent,) = to(rig.from_access(asked), "core")
        rig.from_core(acf(sent.data), GATEKEEPER, at=own)
        source = NAT._replace(port=20_000 + number)
        data = setup(callIdentifier={"guid": b"\x01" + name[1:]}, fast=False)
        orders = heard(rig, tcp(rig, "access"), source, data)
        if "refused" in events(orders):
            (said,) = [each for each in to(orders, "access") if each.listener.transport == "tcp"]
            assert read(said).q931.cause == 42 and len(of(HangUp, orders)) == 1  # type: ignore[union-attr]
            refused += 1
    assert refused == 50
    assert "gave-up" in events(rig.wait(16.0)), "nobody has said anything to any of them"
    rig.wait(200.0)
    assert not rig.border.registry.calls
