"""Streams of calls, and their ports; what an offer changed is taken back in tests/core/test_crossing.py."""

from __future__ import annotations

import pytest

from sbc.core.message import Cause, Refused
from sbc.core.orders import CloseStream
from sbc.core.streams import close_stream, new_stream
from tests.core.test_registry import call, make, slot


def test_a_stream_takes_a_pair_on_each_side_and_gives_both_back() -> None:
    registry = make()
    one = call(registry)
    registry.add_call(one, 0.0)
    stream = new_stream(registry.networks, one, slot(), "rtp", 0.0)
    assert [pair.rtp.port for pair in stream.ours] == [20000, 30000]
    assert [pool.used for pool in registry.media_ports.values()] == [{20000}, {30000}]
    assert close_stream(registry.networks, one, stream, 0.0) == [CloseStream(stream.id, "one")]
    assert not one.streams and all(not pool.used for pool in registry.media_ports.values())


def test_a_stream_with_no_pair_on_one_side_takes_none_on_the_other() -> None:
    registry = make()
    one = call(registry)
    registry.add_call(one, 0.0)
    core = registry.media_ports["core"]
    while core.take(0.0) is not None:
        pass
    with pytest.raises(Refused) as refused:
        new_stream(registry.networks, one, slot(), "rtp", 0.0)
    assert refused.value.cause is Cause.NO_PORTS and "core" not in refused.value.why
    assert not registry.media_ports["access"].used and not one.streams


def test_stream_ids_are_never_given_twice() -> None:
    registry = make()
    one = call(registry)
    registry.add_call(one, 0.0)
    ids = set()
    for number in range(20):
        stream = new_stream(registry.networks, one, slot(), "rtp", 20.0 * number)
        ids.add(stream.id)
        close_stream(registry.networks, one, stream, 20.0 * number)
    assert len(ids) == 20
