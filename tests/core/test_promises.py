"""Leave for calls: it holds for a minute, for one host and one name, and there is no end of neither."""

from __future__ import annotations

from sbc.core.promises import LASTS, MOST, Promises
from tests.rig import NAT, PHONE, SOFTSWITCH

KEY = ("access", NAT.host, b"call")


def test_it_holds_for_its_time_and_for_an_attempt_that_comes_again() -> None:
    promises = Promises()
    promises.keep(KEY, SOFTSWITCH, "b", 100.0)
    for now in (100.0, 100.0 + LASTS - 1):
        found = promises.find(KEY, now)
        assert found is not None and (found.to, found.binding) == (SOFTSWITCH, "b")
    assert promises.find(KEY, 100.0 + LASTS) is None and len(promises) == 0


def test_it_is_for_who_asked_and_the_last_word_counts() -> None:
    promises = Promises()
    promises.keep(KEY, SOFTSWITCH, "b", 100.0)
    promises.keep(KEY, PHONE, "c", 101.0)
    found = promises.find(KEY, 102.0)
    assert found is not None and found.to == PHONE and len(promises) == 1
    assert promises.find(("access", PHONE.host, b"call"), 102.0) is None


def test_of_too_many_the_oldest_is_forgotten() -> None:
    promises = Promises()
    for number in range(MOST + 5):
        promises.keep(("access", NAT.host, b"%d" % number), SOFTSWITCH, "", 100.0)
    assert len(promises) == MOST
    assert promises.find(("access", NAT.host, b"4"), 100.0) is None
    assert promises.find(("access", NAT.host, b"5"), 100.0) is not None
