"""A side's keys as they come and go, and the index of a packet."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sbc.core.secured import Dtls, Fingerprint, Key, SideSecurity
from sbc.media.sealing import GRACE, Row, Seals, Unsealed, follow, is_whole
from tests.media.keys import key, security
from tests.media.packets import receiver_report, rtp, sender_report


class Plain:
    """A seal that writes the name of its key before a packet."""

    made = 0

    def __init__(self, key: Key, sends: bool, rows: Sequence[Row] = (), begins: int = -1) -> None:
        Plain.made += 1
        self._name, self._rows, self.begins = key.secret[:4], tuple(rows), begins

    def open(self, data: bytes, is_rtcp: bool) -> bytes:
        if data[:4] != self._name:
            raise Unsealed("forged")
        return data[4:]

    def close(self, data: bytes, is_rtcp: bool) -> bytes:
        return self._name + data

    def rollover(self) -> tuple[Row, ...]:
        return self._rows

    def grew(self) -> bool:
        return False


def name(of: str) -> bytes:
    return key(of).secret[:4]


def test_a_key_that_stays_goes_on_and_the_one_before_counts_a_moment() -> None:
    seals = Seals(Plain, security("a"), 0.0)
    made = Plain.made
    seals.take(security("a"), 1.0)
    assert Plain.made == made
    seals.take(security("b"), 2.0)
    assert Plain.made == made + 2
    assert seals.open(name("a") + rtp(), False, 2.0 + GRACE - 0.1) == rtp()
    assert seals.open(name("b") + rtp(), False, 2.0 + GRACE) == rtp()
    with pytest.raises(Unsealed):
        seals.open(name("a") + rtp(), False, 2.0 + GRACE)
    assert seals.close(b"x", False) == name("b-ours") + b"x"


def test_each_way_has_its_own_rows() -> None:
    rows = ((0, 1, 10, -1), (1, 2, 20, 3))
    assert Seals(Plain, security("a", rollover=rows), 0.0).rollover() == rows


def test_without_keys_nothing_passes() -> None:
    seals = Seals(Plain, SideSecurity(dtls=Dtls(client=True)), 0.0)
    assert (seals.reads, seals.writes, seals.hears, seals.suite) == (False, False, True, "")
    for ask in (lambda: seals.open(rtp(), False, 0.0), lambda: seals.close(rtp(), False)):
        with pytest.raises(Unsealed, match="unkeyed"):
            ask()


def test_keys_of_a_handshake_stay_until_the_peer_is_another() -> None:
    def of(*digests: bytes) -> SideSecurity:
        return SideSecurity(dtls=Dtls(False, tuple(Fingerprint("sha-256", digest) for digest in digests)))

    seals = Seals(Plain, of(), 0.0)
    seals.take(of(b"one"), 0.0)
    seals.key(key("a"), key("a-ours"), 0.0)
    seals.take(of(b"one"), 1.0)
    assert seals.writes
    seals.take(of(b"two"), 2.0)
    assert not seals.reads and not seals.writes


def test_clear_rtcp_is_told_from_forged() -> None:
    seals = Seals(Plain, security("a"), 0.0)
    with pytest.raises(Unsealed, match="clear"):
        seals.open(receiver_report() + sender_report(1, 2), True, 0.0)
    with pytest.raises(Unsealed, match="forged"):
        seals.open(receiver_report() + bytes(14), True, 0.0)
    assert not is_whole(receiver_report()[:-1])


@pytest.mark.parametrize(
    ("furthest", "sequence", "index"),
    [
        (-1, 65_535, 65_535),
        (65_535, 0, 65_536),
        (65_536, 65_535, 65_535),
        (5, 65_530, 65_530),  # before the first roll-over there is none to go back to
        (3 << 16 | 40_000, 100, 4 << 16 | 100),
        (3 << 16 | 100, 40_000, 2 << 16 | 40_000),
        (3 << 16 | 100, 200, 3 << 16 | 200),
    ],
)
def test_the_index_of_a_packet(furthest: int, sequence: int, index: int) -> None:
    assert follow(furthest, sequence) == index
