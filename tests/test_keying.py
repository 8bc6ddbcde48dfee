"""What is told of handshakes: no key is in it."""

from __future__ import annotations

from sbc.core.orders import Note
from sbc.core.secured import Key
from sbc.keying import Keying

RECEIVE, SEND = Key("AEAD_AES_128_GCM", b"r" * 28), Key("AEAD_AES_128_GCM", b"s" * 28)


def test_it_is_noted_without_the_keys() -> None:
    notes: list[Note] = []
    keying = Keying(notes.append)
    keying.secured("call-1/0", 1, RECEIVE, SEND)
    keying.unsecured("call-1/0", 1, "fingerprint")
    said = {"stream": "call-1/0", "side": 1}
    assert notes == [
        Note("secured", "handshake", "call-1", said | {"suite": "AEAD_AES_128_GCM"}),
        Note("unsecured", "fingerprint", "call-1", said),
    ]
    assert "rrrr" not in str(notes) and "ssss" not in str(notes)
