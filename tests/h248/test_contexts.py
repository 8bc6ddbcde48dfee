"""Of which calls the actions of a transaction are."""

from __future__ import annotations

import pytest

from sbc.h248.contexts import NOWHERE, concerns_media, latches, places, says_place
from tests.h248_calls import read
from tests.h248_words import WIRES, WRITERS, action, command, media, message, sdp

ADD = command(b"Add", b"$", media(local=sdp()))
FAR = command(b"Modify", b"rtp/1", media(remote=sdp("192.0.2.9", 4000)))
SUBTRACT = command(b"Subtract", b"rtp/1")
LATCH = command(b"Modify", b"rtp/1", b"Signals { ipnapt/latch { napt = LATCH } }")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("actions", "found"),
    [
        ([(b"5", SUBTRACT), (b"6", SUBTRACT), (b"-", SUBTRACT)], [0, 0, 0]),
        ([(b"5", SUBTRACT), (b"$", ADD)], [NOWHERE, 0]),
        ([(b"$", ADD), (b"$", ADD), (b"7", FAR)], [0, 1, 2]),
        ([(b"7", SUBTRACT), (b"8", ADD), (b"7", FAR), (b"7", SUBTRACT)], [1, 0, 1, 1]),
        ([(b"7", LATCH), (b"8", LATCH)], [0, 1]),
        ([(b"-", FAR), (b"*", FAR), (b"5", FAR)], [NOWHERE, NOWHERE, 0]),
    ],
)
def test_places(wire: str, actions: list[tuple[bytes, bytes]], found: list[int]) -> None:
    said = b"Transaction = 7 { %b }" % b", ".join(action(context, each) for context, each in actions)
    assert places(read(WRITERS[wire](message(b"mgc", said))).actions) == found


def test_what_concerns_media() -> None:
    def only(said: bytes):  # type: ignore[no-untyped-def]
        return read(message(b"mgc", b"Transaction = 7 { %b }" % action(5, said))).actions[0]

    assert all(concerns_media(only(each)) for each in (ADD, FAR, LATCH)) and not concerns_media(only(SUBTRACT))
    assert latches(only(LATCH).commands[0]) and says_place(only(FAR).commands[0])
    assert not says_place(only(ADD).commands[0]), "where all is to be chosen nothing is said"
