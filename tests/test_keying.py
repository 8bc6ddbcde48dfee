"""What is told of handshakes: no key is in it."""

from __future__ import annotations

from twisted.internet.task import Clock

from sbc.core.orders import Note
from sbc.core.secured import Fingerprint, Key
from sbc.keying import Keying

RECEIVE, SEND = Key("AEAD_AES_128_GCM", b"r" * 28), Key("AEAD_AES_128_GCM", b"s" * 28)
PRINTS = (Fingerprint("sha-256", bytes(32)),)


class Core:
    """A core that remembers what it is told, and asks for one thing."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def secured(self, *what: object) -> None:
        self.told.append(what)

    def unsecured(self, *what: object) -> list[str]:
        self.told.append(what)
        return ["an order"]


class Runner:
    """What carries out orders, and remembers them."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.done: list[str] = []
        self.noted = self.notes.append
        self.carry_out = self.done.extend


def test_it_is_noted_and_the_core_alone_hears_of_the_keys() -> None:
    core, runner = Core(), Runner()
    keying = Keying(Clock(), core, runner)  # type: ignore[arg-type]
    keying.keyed("call-1/0", 1, RECEIVE, SEND, PRINTS, True)
    keying.secured("call-1/0", 1, RECEIVE.suite)
    keying.unsecured("call-1/0", 1, "fingerprint")
    said = {"stream": "call-1/0", "side": 1}
    assert runner.notes == [
        Note("secured", "handshake", "call-1", said | {"suite": "AEAD_AES_128_GCM"}),
        Note("unsecured", "fingerprint", "call-1", said),
    ]
    assert core.told == [("call-1/0", 1, RECEIVE, SEND, PRINTS, True)]


def test_what_follows_from_a_failure_is_done_when_whoever_tells_is_done() -> None:
    core, runner, clock = Core(), Runner(), Clock()
    Keying(clock, core, runner).failed("call-1/0", 1, "timeout")  # type: ignore[arg-type]
    assert core.told == [] and runner.done == []
    clock.advance(7)
    assert core.told == [("call-1/0", 1, "timeout", 7.0)] and runner.done == ["an order"]
