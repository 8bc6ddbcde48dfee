"""Bans: of transport addresses and hosts, longer each time, never too many, found in no time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.policy.bans import FORGIVEN, Ban, Bans

HOST = "203.0.113.66"
FLOW = ("access", HOST, 5060)


def ban(bans: Bans, key: tuple[str, str, int] = FLOW, now: float = 0.0, soft: bool = False, first: float = 60.0) -> Ban:
    seconds, times = bans.term(key, first, 86_400.0, now)
    made = Ban(*key, "for a test", now, now + seconds, times)
    bans.add(made, soft)
    return made


def test_one_source_is_banned_and_its_neighbours_are_not() -> None:
    bans = Bans()
    ban(bans)
    assert Address(HOST, 5060) in bans.refused("access")
    assert (HOST, 5060) in bans.refused("access"), "as a socket says it"
    assert (HOST, 5061) not in bans.refused("access") and HOST not in bans.refused("access")
    assert not bans.refused("another")


def test_a_host_is_banned_whole_or_but_for_who_is_registered_there() -> None:
    bans = Bans()
    ban(bans, ("access", HOST, 0))
    assert HOST in bans.refused("access") and not bans.closed("access", HOST)
    bans.soften("access", HOST)
    assert HOST not in bans.refused("access") and bans.closed("access", HOST)
    (one,) = bans
    assert bans.is_soft(one)
    assert bans.lift(one.key) is one
    assert not bans.closed("access", HOST) and not len(bans)


def test_who_comes_again_is_banned_for_longer() -> None:
    bans, now, seconds = Bans(), 0.0, []
    for _ in range(20):
        made = ban(bans, now=now)
        seconds.append(made.until - made.since)
        now = made.until + 1
        assert bans.expire(now) == [made]
    assert seconds[:4] == [60.0, 120.0, 240.0, 480.0] and seconds[-1] == 86_400.0
    now += FORGIVEN
    assert ban(bans, now=now).times == 0, "it has behaved for a day"
    bans.lift(FLOW)
    assert ban(bans, now=now).times == 0, "an operator has forgiven it"


def test_whoever_has_to_know_hears_of_each_once() -> None:
    bans = Bans()
    bans.news = {}
    ban(bans)
    ban(bans)
    assert list(bans.news) == [FLOW]
    bans.news.clear()
    bans.expire(1e9)
    assert list(bans.news) == [FLOW] and bans.get(FLOW) is None


def test_what_was_said_anew_counts() -> None:
    bans = Bans()
    ban(bans)
    bans.add(Ban(*FLOW, "by hand", 0.0, 1_000.0, 0, kept=True))
    assert not bans.expire(500.0) and len(bans) == 1
    assert len(bans.expire(1_000.0)) == 1 and not bans.refused("access")


def test_of_too_many_that_which_ends_first_goes() -> None:
    bans = Bans(most=10)
    for port in range(1, 31):
        ban(bans, ("access", HOST, port), first=float(port))
    assert sorted(each.port for each in bans) == list(range(21, 31))
    assert len(bans.refused("access")) == 10


KEYS = st.tuples(st.sampled_from(("a", "b")), st.sampled_from(("192.0.2.1", "192.0.2.2")), st.integers(0, 4))


@given(st.lists(st.tuples(KEYS, st.sampled_from(("ban", "soft", "lift", "wait")), st.floats(0.0, 300.0)), max_size=120))
def test_all_tables_say_the_same(steps: list[tuple[tuple[str, str, int], str, float]]) -> None:
    bans, now = Bans(most=6), 0.0
    for key, what, wait in steps:
        if what == "wait":
            now += wait
            bans.expire(now)
        elif what == "lift":
            bans.lift(key)
        else:
            ban(bans, key, now, soft=what == "soft" and not key[2], first=1.0 + wait)
        found = {each.key for each in bans}
        hard = {(realm, *(at if isinstance(at, tuple) else (at, 0))) for realm, of in bans.hard.items() for at in of}
        soft = {(realm, host, 0) for realm, of in bans.soft.items() for host in of}
        assert hard | soft == found and not hard & soft and len(bans) <= 6
        assert all(each.until > now for each in bans)


def test_a_ban_that_does_not_count_makes_the_next_no_longer() -> None:
    bans = Bans()
    bans.add(Ban("access", "192.0.2.7", 0, "forged", 0.0, 60.0, 0), counts=False)
    bans.expire(60.0)
    assert bans.term(("access", "192.0.2.7", 0), 60.0, 86_400.0, 70.0) == (60.0, 0)


def test_a_terminal_comes_to_a_host_of_which_only_strangers_were_ever_banned() -> None:
    bans = Bans()
    bans.add(Ban("access", "192.0.2.7", 0, "junk", 0.0, 60.0, 0), soft=True)
    bans.soften("access", "192.0.2.7")
    assert bans.closed("access", "192.0.2.7")
