"""The store's clock: what is set while the machine is up moves nothing, and after a boot not all is believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.store.era import DOUBT, Era, Machine, boot_id, sign, synchronised, take_up

BEGAN = 1_800_000_000.0
HOURS = 7200.0


@attrs.define
class Times:
    """A machine's clocks, to be set."""

    steady: float = 1000.0
    wall: float = BEGAN
    boot: str = "one"
    right: bool = True

    def machine(self) -> Machine:
        return Machine(lambda: self.steady, lambda: self.wall, self.boot, lambda: self.right)

    def pass_time(self, seconds: float) -> None:
        self.steady += seconds
        self.wall += seconds

    def reboot(self, seconds: float) -> None:
        self.pass_time(seconds)
        self.steady, self.boot = 5.0, self.boot + "'"


@pytest.fixture
def times() -> Times:
    return Times()


def test_a_new_store_begins_by_the_time_of_day(times: Times) -> None:
    assert take_up(times.machine(), {}) == take_up(times.machine(), None) == Era(BEGAN - 1000.0)


@pytest.mark.parametrize("step", [0.0, HOURS, -HOURS, -BEGAN])
@pytest.mark.parametrize("after", [0.0, 3.0])
def test_a_clock_that_is_set_while_the_machine_is_up_moves_nothing(times: Times, step: float, after: float) -> None:
    first = take_up(times.machine(), {})
    until = times.steady + 60.0 + first.shift  # a binding, as it is written
    times.pass_time(4.0)
    said = sign(times.machine(), first)
    times.wall += step
    times.pass_time(after)
    times.right = False
    second = take_up(times.machine(), said)
    assert second.away == after and not second.doubt
    assert until - second.shift - times.steady == pytest.approx(56.0 - after)


def test_a_boot_counts_by_the_time_of_day(times: Times) -> None:
    first = take_up(times.machine(), {})
    until = times.steady + 300.0 + first.shift
    said = sign(times.machine(), first)
    times.reboot(100.0)
    second = take_up(times.machine(), said)
    assert second.away == pytest.approx(100.0) and not second.doubt
    assert until - second.shift - times.steady == pytest.approx(200.0)


def test_a_clock_that_was_set_right_before_the_boot_is_no_absence(times: Times) -> None:
    first = take_up(times.machine(), {})
    until = times.steady + 300.0 + first.shift
    times.wall += HOURS  # which the sign of life after it knows
    said = sign(times.machine(), first)
    times.reboot(100.0)
    second = take_up(times.machine(), said)
    assert until - second.shift - times.steady == pytest.approx(200.0)


@pytest.mark.parametrize(("step", "right"), [(-HOURS, True), (-BEGAN, False), (HOURS, False), (3e8, False)])
def test_a_boot_with_a_wrong_clock_throws_nothing_away(times: Times, step: float, right: bool) -> None:
    first = take_up(times.machine(), {})
    until = times.steady + 300.0 + first.shift
    said = sign(times.machine(), first)
    times.reboot(40.0)
    times.wall, times.right = times.wall + step, right
    second = take_up(times.machine(), said)
    assert second.doubt and second.away == DOUBT
    assert until - second.shift - times.steady == pytest.approx(300.0)


def test_a_long_absence_is_believed_where_the_clock_is_right(times: Times) -> None:
    said = sign(times.machine(), take_up(times.machine(), {}))
    times.reboot(86_400.0)
    assert take_up(times.machine(), said).away == pytest.approx(86_400.0)


def test_a_short_one_is_believed_before_it_is(times: Times) -> None:
    said = sign(times.machine(), take_up(times.machine(), {}))
    times.reboot(DOUBT)
    times.right = False
    assert take_up(times.machine(), said).away == pytest.approx(DOUBT)


def test_a_store_of_an_older_release_goes_by_the_time_of_day(times: Times) -> None:
    found = take_up(times.machine(), {"alive": BEGAN - 30.0})
    assert found == Era(BEGAN - 1000.0, 30.0)


@given(st.recursive(st.none() | st.floats() | st.text() | st.booleans(), lambda e: st.dictionaries(st.text(), e)))
def test_whatever_stands_there_is_read(said: Any) -> None:
    take_up(Times().machine(), said)
    take_up(Times().machine(), {"alive": said, "at": said, "steady": said, "boot": said})


def test_the_machine_is_asked() -> None:
    assert boot_id().startswith(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    assert synchronised() in (True, False)
