"""Accounts of those who pay in advance: who may call, what is left, and when that is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import Cause, Refused
from sbc.policy.quota import Prepaid, Quotas, State, Unknown

ALICE = ("access", b"alice")


def quotas(terms: Prepaid | None = Prepaid()) -> Quotas:  # noqa: B008
    found = Quotas()
    found.replan({"access": terms, "core": None})
    return found


def refused(found: Quotas, incoming: bool = False) -> bool:
    try:
        found.ask(*ALICE, incoming)
    except Refused as no:
        assert no.cause is Cause.QUOTA
        return True
    return False


def test_who_has_nothing_left_may_not_call() -> None:
    found = quotas()
    found.grant(ALICE, 1000, None, False, 0.0)
    assert not refused(found)
    assert found.spend(ALICE, 999, 60.0, 1.0) is State.LOW and not refused(found)
    assert found.spend(ALICE, 5, 0.0, 2.0) is State.SPENT and refused(found)
    account = found.accounts[ALICE]
    assert (account.used_octets, account.left_octets, account.left_seconds) == (1004, 0, None)
    assert found.refused["access"] == 1


def test_either_end_ends_it() -> None:
    found = quotas()
    found.grant(ALICE, 1000, 60.0, False, 0.0)
    assert found.spend(ALICE, 10, 60.0, 1.0) is State.SPENT and refused(found)


def test_that_it_comes_to_an_end_is_said_once_and_again_when_it_was_filled() -> None:
    found = quotas(Prepaid(warn=0.5))
    found.grant(ALICE, 100, None, False, 0.0)
    states = [found.spend(ALICE, 20, 0.0, 1.0) for _ in range(4)]
    assert states == [State.OPEN, State.OPEN, State.LOW, State.OPEN]
    found.grant(ALICE, 100, None, False, 0.0)
    assert [found.spend(ALICE, 20, 0.0, 1.0) for _ in range(2)] == [State.LOW, State.OPEN]


@pytest.mark.parametrize(("unknown", "refuses"), [(Unknown.ALLOW, False), (Unknown.REFUSE, True)])
def test_who_has_no_account(unknown: Unknown, refuses: bool) -> None:
    found = quotas(Prepaid(unknown))
    assert refused(found) is refuses
    assert found.spend(ALICE, 10**9, 10**6, 1.0) is State.OPEN and not found.news


def test_calls_to_a_terminal_may_be_free() -> None:
    found = quotas(Prepaid(Unknown.REFUSE, incoming=False))
    assert refused(found) and not refused(found, incoming=True)
    assert found.charges("access", False) and not found.charges("access", True)


def test_where_nobody_pays_everybody_may_call() -> None:
    found = quotas(None)
    found.grant(ALICE, 0, None, False, 0.0)
    assert not refused(found) and not found.charges("access", False) and not found.charges("unheard-of", False)


def test_filled_anew_and_closed() -> None:
    found = quotas()
    found.grant(ALICE, 100, None, False, 0.0)
    found.spend(ALICE, 70, 1.0, 1.0)
    found.news.clear()
    assert found.grant(ALICE, 100, 5.0, False, 0.0).left_octets == 130
    assert found.grant(ALICE, None, 10.0, True, 0.0).left_octets is None and ALICE in found.news
    assert found.revoke(ALICE) and not found.revoke(ALICE) and not refused(found)


@given(st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 100)), max_size=40), st.integers(0, 50_000))
def test_what_is_used_is_what_was_spent_whatever_was_left(spent: list[tuple[int, float]], bought: int) -> None:
    found = quotas()
    account = found.grant(ALICE, bought, None, False, 0.0)
    states = [found.spend(ALICE, octets, seconds, 0.0) for octets, seconds in spent]
    used = sum(octets for octets, _ in spent)
    assert account.used_octets == used and account.left_octets == max(0, bought - used)
    assert account.used_seconds == pytest.approx(sum(seconds for _, seconds in spent))
    assert states.count(State.LOW) <= 1
    since = states.index(State.SPENT) if State.SPENT in states else len(states)
    assert all(state is State.SPENT for state in states[since:])
    assert refused(found) is (used >= bought)


def test_what_was_used_before_there_was_a_limit_counts_for_nothing() -> None:
    found = quotas()
    account = found.grant(ALICE, 10**6, None, False, 0.0)
    found.spend(ALICE, 10, 5000.0, 1.0)
    found.grant(ALICE, None, 60.0, False, 2.0)
    assert account.left_seconds == 60.0 and not account.is_spent
