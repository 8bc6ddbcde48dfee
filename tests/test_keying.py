"""What is told of handshakes: no key is in it."""

from __future__ import annotations

from sbc.core.orders import Note
from sbc.core.secured import Fingerprint, Key
from sbc.keying import Keying

RECEIVE, SEND = Key("AEAD_AES_128_GCM", b"r" * 28), Key("AEAD_AES_128_GCM", b"s" * 28)
PRINTS = (Fingerprint("sha-256", bytes(32)),)


class Core:
    """A core that remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def secured(self, *what: object) -> None:
        self.told.append(what)


def test_it_is_noted_and_the_core_alone_hears_of_the_keys() -> None:
    notes: list[Note] = []
    core = Core()
    keying = Keying(core, notes.append)  # type: ignore[arg-type]
    keying.keyed("call-1/0", 1, RECEIVE, SEND, PRINTS)
    keying.secured("call-1/0", 1, RECEIVE.suite)
    keying.unsecured("call-1/0", 1, "fingerprint")
    said = {"stream": "call-1/0", "side": 1}
    assert notes == [
        Note("secured", "handshake", "call-1", said | {"suite": "AEAD_AES_128_GCM"}),
        Note("unsecured", "fingerprint", "call-1", said),
    ]
    assert core.told == [("call-1/0", 1, RECEIVE, SEND, PRINTS)]
