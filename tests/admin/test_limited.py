"""The limit of time: what takes longer is broken off, and the alarm is left behind for nobody."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from sbc.admin.limited import TooLong, limited, whole


def disarmed() -> bool:
    return signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_ends_in_time_is_left_alone() -> None:
    limited(30, lambda: None)
    assert disarmed()


def test_a_signal_that_comes_late_does_nothing() -> None:
    limited(5, lambda: None)
    signal.raise_signal(signal.SIGALRM)


def test_what_is_raised_is_let_out_and_the_alarm_is_off() -> None:
    with pytest.raises(ZeroDivisionError):
        limited(5, lambda: divmod(1, 0) and None)
    assert disarmed()


def test_somebody_elses_alarm_is_left_alone() -> None:
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        limited(0.01, lambda: time.sleep(0.05))
        assert disarmed()
        assert rung == []
    finally:
        signal.signal(signal.SIGALRM, before)


def test_off_the_main_thread_there_is_no_limit() -> None:
    done = []

    def work() -> None:
        limited(0.01, lambda: time.sleep(0.05))
        done.append(1)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert done == [1]


def test_too_long_is_raised_where_it_happens() -> None:
    with pytest.raises(TooLong):
        limited(0.05, lambda: time.sleep(5))
    assert disarmed()


def test_an_alarm_at_any_moment_leaves_none_behind() -> None:
    rung = 0
    for number in range(1500):
        try:
            limited(1e-6 * (1 + number % 300), lambda: None)
        except TooLong:
            rung += 1
        assert disarmed()
        signal.raise_signal(signal.SIGALRM)  # and what comes later finds nobody
    assert rung > 0


def test_what_is_to_be_whole_is_not_broken_off_and_what_comes_after_it_is() -> None:
    done = []

    def line() -> None:
        with whole():
            time.sleep(0.1)
            done.append(1)
        time.sleep(5)

    with pytest.raises(TooLong):
        limited(0.05, line)
    assert done == [1] and disarmed()
