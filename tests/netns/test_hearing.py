"""What `hearing` says of recordings that are made up, so that it can be known what it ought to say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.netns.capture import Capture
from tests.netns.hearing import assert_heard, wait_heard
from tests.netns.pcap import Packet
from tests.netns.topology import FIRST, PHONE

NOTHING: Any = None


def recording(name: str, *sent_and_heard: tuple[int, range, range]) -> Capture:
    """A recording at a phone, ended: of each second, the numbers of what it sent then and of what it got."""
    capture = Capture(NOTHING, "lan", NOTHING, Path(name))
    capture._packets = [
        Packet(second, *ends, "udp", b"\x80\x00" + bytes([number]) + bytes(20), b"")
        for second, sent, heard in sent_and_heard
        for ends, numbers in (
            (((PHONE, 4000), (FIRST.sbc_access, 9000)), sent),
            (((FIRST.sbc_access, 9000), (PHONE, 4000)), heard),
        )
        for number in numbers
    ]
    return capture


def test_what_has_come_was_heard() -> None:
    one = recording("one", (1, range(0, 30), range(100, 130)))
    other = recording("other", (1, range(100, 130), range(0, 30)))
    wait_heard(one, other, packets=0)
    assert_heard(one, other)


def test_what_is_missing_in_the_midst_is_lost() -> None:
    one = recording("one", (1, range(0, 5), range(100, 130)), (2, range(5, 10), range(0)), (3, range(10, 30), range(0)))
    other = recording("other", (1, range(100, 130), range(0, 5)), (3, range(0), range(10, 30)))
    wait_heard(one, other, packets=0)
    with pytest.raises(AssertionError, match="rtp: 5 of 30 lost"):
        assert_heard(one, other)


@pytest.mark.parametrize("awaited", [None, "rtcp"])
def test_who_did_not_wait_cannot_know_that_the_end_was_heard(awaited: str | None) -> None:
    one = recording("one", (1, range(0, 30), range(100, 130)))
    other = recording("other", (1, range(100, 130), range(0, 30)))
    if awaited:
        wait_heard(one, other, awaited, packets=0)
    with pytest.raises(AssertionError, match="rtp was not waited for at one"):
        assert_heard(one, other)
