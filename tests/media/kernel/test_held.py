"""Which interface holds which address, in a network of its own: asked once, and again when the system says so."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from sbc.media.kernel import held
from sbc.media.kernel.held import Held
from tests.media.kernel.apart import Apart, why_not


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    if why := why_not():
        pytest.skip(why)
    with Apart() as made:
        made.ip("link set lo up", "link add one type veth peer name other", "link set one up")
        made.ip(
            "addr add 10.1.0.1/24 dev one",
            "addr add fd01::1/64 dev one nodad",
            "addr add 10.9.0.1 peer 10.9.0.2 dev one",
        )
        yield made


@pytest.fixture
def here(apart: Apart) -> Iterator[Held]:
    made = Held()
    yield made
    made.close()


def test_an_address_of_each_version_and_our_end_of_a_link_between_two(apart: Apart, here: Held) -> None:
    one = apart.call(socket.if_nametoindex, "one")
    hosts = ("10.1.0.1", "fd01::1", "10.9.0.1", "127.0.0.1", "10.9.0.2", "10.1.0.9", "fd01::9", "no address")
    assert [apart.call(here.interface, host) for host in hosts] == [one, one, one, 1, 0, 0, 0, 0]


def test_it_is_asked_once_and_again_after_something_has_changed(
    apart: Apart, here: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, dump = [], held._dump
    monkeypatch.setattr(held, "_dump", lambda: asked.append(1) or dump())
    for _ in range(3):
        assert apart.call(here.interface, "10.3.0.1") == 0
    apart.run("tc qdisc replace dev one root pfifo", "tc qdisc del dev one root")  # some hosts do so all day
    assert not apart.call(here.changed)
    apart.ip("link add two type veth peer name second", "addr add 10.3.0.1/24 dev two")
    assert apart.call(here.changed)
    assert not apart.call(here.changed)
    assert apart.call(here.interface, "10.3.0.1") == apart.call(socket.if_nametoindex, "two")
    apart.ip("link del two")
    assert apart.call(here.changed)
    assert apart.call(here.interface, "10.3.0.1") == 0
    assert len(asked) == 3


def test_notices_that_were_lost_are_a_change(apart: Apart, here: Held) -> None:
    apart.call(here.interface, "10.1.0.1")
    notices = here._notices
    assert notices is not None
    notices.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    apart.ip(*(f"addr add 10.4.{n}.1/24 dev one" for n in range(30)))
    assert apart.call(here.changed)
    assert not apart.call(here.changed)
    assert apart.call(here.interface, "10.4.29.1") == apart.call(socket.if_nametoindex, "one")


def test_before_it_was_asked_nothing_has_changed() -> None:
    made = Held()
    assert not made.changed()
    made.close()


def test_an_error_is_the_caller_s(apart: Apart, here: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "_GETADDR", 9999)  # what nobody knows
    with pytest.raises(OSError, match="not supported"):
        apart.call(here.interface, "10.1.0.1")
