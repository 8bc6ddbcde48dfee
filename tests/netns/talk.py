"""Two phones talk: media is opened in both directions, then a counted batch goes each way and must arrive whole."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.netns.phone_media import PRIME
from tests.netns.waiting import PATIENCE, wait_for

if TYPE_CHECKING:
    from tests.netns.phone_call import PhoneCall

_batches = itertools.count(1)


@dataclass(frozen=True)
class Direction:
    """One direction of a batch: packets sent and heard, RTP then RTCP."""

    sent: tuple[int, int]
    heard: tuple[int, int]
    repeated: int
    disordered: int


@dataclass(frozen=True)
class Talk:
    """A counted batch: its number (see `phone_media.batch_tag`) and both directions."""

    batch: int
    there: Direction
    back: Direction

    @property
    def whole(self) -> bool:
        """Everything sent was heard once and in order, and the same number both ways."""
        return self.there == self.back == Direction(self.there.sent, self.there.sent, 0, 0)


def open_media(calls: Sequence[tuple[PhoneCall, PhoneCall]], timeout: float = PATIENCE) -> None:
    """Let the phones of each call send until each has heard the other's RTP and RTCP: NATs are open then, the SBC
    has latched. TimeoutError, saying who has not heard what, if that does not come about."""
    both = [call for pair in calls for call in pair]
    for call in both:
        call.media.heard.pop(PRIME, None)
        call.send_batch(PRIME, 10_000, 5_000)
    try:
        wait_for(lambda: all(min(call.media.counts(PRIME)) for call in both), timeout, "media both ways")
    except TimeoutError as error:
        heard = {str(call): call.media.counts(PRIME) for call in both}
        raise TimeoutError(f"{error}; (RTP, RTCP) heard: {heard}") from None
    finally:
        for call in both:
            call.stop_sending()


def talk(
    one: PhoneCall,
    other: PhoneCall,
    packets: int = 50,
    reports: int = 5,
    timeout: float = PATIENCE,
    opened: bool = False,
) -> Talk:
    """One batch each way at 50 packets a second over one call; see `talk_all`."""
    return talk_all([(one, other)], packets, reports, timeout, opened)[0]


def talk_all(
    calls: Sequence[tuple[PhoneCall, PhoneCall]],
    packets: int = 50,
    reports: int = 5,
    timeout: float = PATIENCE,
    opened: bool = False,
) -> list[Talk]:
    """One batch each way over several calls at once. Media is opened first unless it is `opened` already. Waits
    until all has arrived, or `timeout` after the last that has; asserts nothing."""
    if not opened:
        open_media(calls)
    batches = [next(_batches) for _ in calls]
    for (one, other), batch in zip(calls, batches, strict=True):
        one.send_batch(batch, packets, reports)
        other.send_batch(batch, packets, reports)
    both = [call for pair in calls for call in pair]
    wait_for(lambda: all(call.media.idle for call in both), timeout, "the phones to have sent everything")
    last, since = (-1, -1), time.monotonic()
    while time.monotonic() - since < timeout:
        counts = [call.media.counts(batch) for pair, batch in zip(calls, batches, strict=True) for call in pair]
        if all(count == (packets, reports) for count in counts):
            break
        total = (sum(rtp for rtp, _ in counts), sum(rtcp for _, rtcp in counts))
        if total != last:
            last, since = total, time.monotonic()
        time.sleep(0.01)
    return [
        Talk(batch, _direction(one, other, batch), _direction(other, one, batch))
        for (one, other), batch in zip(calls, batches, strict=True)
    ]


def _direction(sender: PhoneCall, hearer: PhoneCall, batch: int) -> Direction:
    sent = sender.media.sent
    heard = hearer.media.heard.get(batch)
    return Direction(
        (sent["rtp", batch], sent["rtcp", batch]),
        hearer.media.counts(batch),
        heard.repeated if heard else 0,
        heard.disordered if heard else 0,
    )
