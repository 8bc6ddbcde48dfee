"""How busy the process is, and what each class may use of it then."""

from __future__ import annotations

import pytest

from sbc.policy.load import WINDOW, Load, Share


def test_it_is_as_busy_as_it_has_been_at_work() -> None:
    load = Load()
    for step in range(100):
        load.use(0.008, step / 100)
    assert load.level == pytest.approx(0.8, abs=0.1)
    load.use(0.0, 60.0)
    assert load.level < 0.05, "it has rested for a minute"


def test_it_is_never_more_than_wholly_busy() -> None:
    load = Load()
    for step in range(100):
        load.use(1.0, step * WINDOW)
    assert load.level == 1.0


def test_a_share_is_that_part_of_each_second() -> None:
    share, used = Share(0.25), 0.0
    for step in range(10_000):
        now = step / 1_000
        if share.has(now):
            share.use(0.002)
            used += 0.002
    assert used == pytest.approx(2.5, rel=0.1)


def test_a_part_of_it_may_be_kept_for_others() -> None:
    share = Share(0.2)
    while share.has(1.0, 0.5):
        share.use(0.001)
    assert share.has(1.0) and not share.has(1.0, 0.5)


def test_what_is_owed_is_bounded() -> None:
    share = Share(0.5)
    share.use(1_000.0)
    assert share.has(10.0)


def test_where_more_waits_than_can_be_read_there_is_no_time() -> None:
    load = Load()
    for step in range(40):
        if step < 20:
            load.behind.add("a socket")
        load.use(0.0, step / 10)
        if step == 19:
            assert load.level > 0.99
    assert load.level < 0.01, "nobody has to say that it is over"


def test_a_clock_that_is_set_back_takes_nobodys_share_nor_leaves_it_busy() -> None:
    load, share = Load(), Share(0.5)
    for step in range(40):
        load.use(1.0, 10_000.0 + step / 10)
    share.has(10_000.0)
    share.use(1_000.0)
    assert not share.has(5_000.0) and share.has(5_001.0)
    assert load.level > 0.9
    for step in range(40):
        load.use(0.0, 5_000.0 + step / 10)
    assert load.level < 0.05
