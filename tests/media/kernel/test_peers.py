"""Which interfaces have a peer at hand: asked of the system, in networks of their own."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from sbc.media.kernel import rtnetlink
from sbc.media.kernel.peers import Peers
from tests.media.kernel.apart import Apart, why_not
from tests.media.kernel.bench import Bench

_SCHED_CLS, _TCX_EGRESS = 3, 47  # linux/bpf.h
_NEXT = bytes.fromhex("b7000000ffffffff 9500000000000000")  # r0 = TCX_NEXT; exit
_libc = ctypes.CDLL(None)


@pytest.fixture(scope="module")
def far() -> Iterator[Apart]:
    if why := why_not():
        pytest.skip(why)
    with Apart() as made:
        yield made


@pytest.fixture(scope="module")
def apart(far: Apart) -> Iterator[Apart]:
    with Apart() as made:
        made.ip(
            f"link add there type veth peer name other netns {far.call(_libc.gettid)}",
            "link add here type veth peer name second",
            "link add bridge type bridge",
            *(f"link set {name} up" for name in ("there", "here", "bridge", "lo")),
        )
        yield made


def none(_: int) -> int:
    return 0


def at_hand(apart: Apart, name: str) -> bool:
    with closing(Peers(none)) as peers:
        return apart.call(lambda: peers.is_at_hand(socket.if_nametoindex(name)))


def test_a_veth_has_one_with_its_other_end_in_another_namespace(apart: Apart, far: Apart) -> None:
    assert [at_hand(apart, name) for name in ("there", "here", "bridge", "lo")] == [True, False, False, False]
    apart.ip(f"link set second netns {far.call(_libc.gettid)}")
    assert at_hand(apart, "here")
    far.ip(f"link set second netns {apart.call(_libc.gettid)}")
    assert not at_hand(apart, "here")


@pytest.mark.parametrize(
    "what",
    [
        "qdisc {} dev there root pfifo",
        "filter {} dev there egress protocol ip prio 3 handle 1 bpf da bytecode 1,6_0_0_0",
    ],
    ids=["queueing discipline", "filter"],
)
def test_what_stands_in_the_way_out_is_not_passed_by(apart: Apart, what: str) -> None:
    apart.run("tc qdisc replace dev there clsact")  # nor is that anything by itself
    assert at_hand(apart, "there")
    apart.call(_tc, what.format("add"))
    assert not at_hand(apart, "there")
    apart.call(_tc, what.format("del"))
    assert at_hand(apart, "there")


@pytest.fixture
def peers(apart: Apart) -> Iterator[Peers]:
    made = Peers(none)
    yield made
    made.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The questions that were asked after interfaces."""
    kept, ask = [], rtnetlink.ask
    monkeypatch.setattr(rtnetlink, "ask", lambda kind, about: kept.append(kind) or ask(kind, about))
    return kept


def test_each_is_asked_about_once_and_again_after_a_notice_of_it(apart: Apart, peers: Peers, asked: list[int]) -> None:
    """On a host where much changes a thousand interfaces that do not are no work."""
    there, bridge = (apart.call(socket.if_nametoindex, name) for name in ("there", "bridge"))

    def found() -> list[bool]:
        apart.call(peers.hear)
        return [apart.call(peers.is_at_hand, index) for index in (there, bridge)]

    assert found() == found() == [True, False]
    assert len(asked) == 2
    apart.ip("link add another type veth peer name third", "link set another up", "addr add 10.9.0.1/24 dev there")
    apart.run("tc qdisc replace dev another root pfifo", "tc qdisc replace dev another clsact")
    assert found() == [True, False]
    assert len(asked) == 2
    apart.run("tc qdisc add dev there root pfifo")
    assert found() == [False, False]
    assert len(asked) == 3
    apart.run("tc qdisc del dev there root")
    assert found() == [True, False]
    assert peers._notices is not None
    peers._notices.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    apart.run(
        *(f"tc qdisc replace dev another root pfifo limit {n}" for n in range(10)), "tc qdisc add dev there root pfifo"
    )
    assert found() == [False, False]
    apart.run("tc qdisc del dev there root")


def test_nor_is_one_at_hand_while_the_system_does_not_say(
    apart: Apart, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = apart.call(socket.if_nametoindex, "there")
    for name in ("listen", "ask", "dump"):
        with monkeypatch.context() as patch:
            patch.setattr(rtnetlink, name, refuse)
            assert not apart.call(peers.is_at_hand, there)
    assert apart.call(peers.is_at_hand, there)
    monkeypatch.setattr(peers, "_programs", refuse)
    assert not apart.call(peers.is_at_hand, there)


def refuse(*_: object) -> int:
    raise OSError


def _tc(command: str) -> None:
    words = [word.replace("_", " ") for word in command.split()]
    assert os.spawnvp(os.P_WAIT, "tc", ["tc", *words]) == 0


@pytest.fixture
def pierced(bench: Bench) -> Iterator[Callable[[], bool]]:
    """Whether the way out of a bench, whose peer is elsewhere, may be left out."""
    with Apart() as elsewhere:
        bench.apart.ip(f"link add out type veth peer name in netns {elsewhere.call(_libc.gettid)}")
        index = bench.apart.call(socket.if_nametoindex, "out")
        bench.apart.ip("link set out up")
        yield lambda: bench.apart.call(bench.plane.has_peer_at_hand, index)
        bench.apart.ip("link del out")


def test_nor_are_programs_of_others_that_are_no_filters(bench: Bench, pierced: Callable[[], bool]) -> None:
    libbpf = ctypes.CDLL("libbpf.so.1")
    program = libbpf.bpf_prog_load(_SCHED_CLS, b"other", b"GPL", _NEXT, 2, None)
    assert program >= 0
    assert pierced()
    index = bench.apart.call(socket.if_nametoindex, "out")
    failed = bench.apart.call(libbpf.bpf_prog_attach, program, index, _TCX_EGRESS, 0)
    found = pierced()
    if not failed:
        bench.apart.call(libbpf.bpf_prog_detach2, program, index, _TCX_EGRESS)
    os.close(program)
    if failed:
        pytest.skip("this kernel has no tcx (Linux 6.6)")
    assert (found, pierced()) == (False, True)


def test_of_what_is_gone_nothing_is_known(bench: Bench) -> None:
    assert not bench.apart.call(bench.plane.has_peer_at_hand, 9_999)
