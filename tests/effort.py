"""What a piece of work costs, in yardsticks: pieces of other work, of one size, on the same machine in the same moment.

Seconds would measure the machine. So would a single try: what others run takes caches and clock away, and the garbage
collector looks through whatever earlier tests have left. So the least of a few tries counts, and the collector waits.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

TRIES = 5
STEPS = 20_000  # of a yardstick, which takes about a millisecond
QUARTERS = 4  # the quickest of which counts, as many times


def effort(work: Callable[..., object], ready: Callable[[], tuple[Any, ...]] = tuple, enough: float = 0.0) -> float:
    """The yardsticks that `work(*ready())` takes, `ready()` not counted. As soon as a try takes no more than `enough`,
    there is no other: that is all that will be asked.
    """
    least = float("inf")
    with _no_collector():
        for _ in range(TRIES):
            given = ready()
            took = _seconds(lambda given=given: work(*given))
            least = min(least, took / QUARTERS / min(_seconds(_quarter) for _ in range(QUARTERS)))
            if least <= enough:
                break
    return least


def _seconds(work: Callable[[], object]) -> float:
    """Processor time, of this thread."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def _quarter() -> int:
    """What readers do: look at octets, and add up."""
    seen, text = 0, b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1"
    for step in range(STEPS // QUARTERS):
        seen += text[step % 40]
    return seen


@contextmanager
def _no_collector() -> Iterator[None]:
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
