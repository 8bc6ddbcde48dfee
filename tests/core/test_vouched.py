"""Hosts that the core has named."""

from __future__ import annotations

from sbc.core.vouched import LASTS, MOST, Vouched
from tests.rig import PHONE


def test_a_host_that_was_named_is_known_for_hours_in_its_realm() -> None:
    vouched = Vouched()
    vouched.keep("core", PHONE.host, 100.0)
    vouched.keep("core", PHONE.host, 200.0)
    assert vouched.find("core", PHONE.host, 199.0 + LASTS) and not vouched.find("other", PHONE.host, 200.0)
    assert not vouched.find("core", PHONE.host, 200.0 + LASTS) and len(vouched) == 0


def test_of_too_many_the_one_named_longest_ago_is_forgotten() -> None:
    vouched = Vouched()
    for number in range(MOST):
        vouched.keep("core", f"h{number}", 100.0)
    vouched.keep("core", "h0", 101.0)
    vouched.keep("core", "new", 101.0)
    assert len(vouched) == MOST
    assert vouched.find("core", "h0", 102.0) and not vouched.find("core", "h1", 102.0)
