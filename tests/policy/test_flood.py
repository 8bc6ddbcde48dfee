"""All guards together: one list of bans, handed on in time; what operators do; what was before a restart."""

from __future__ import annotations

from collections import Counter, deque

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.message import Intent, Kind, Phase
from sbc.core.orders import Listener
from sbc.policy.bans import Ban
from sbc.policy.events import Outcome, Standing
from sbc.policy.flood import MOST_SAID, PUSHES, Flood
from sbc.policy.flooding import Flooding, Rank
from sbc.policy.load import DROPPED, OVERHEAD

BAD, PHONE = Address("203.0.113.66", 5060), Address("203.0.113.11", 40_001)
OWN = Listener("access", "toy", "udp", Address("192.0.2.1", 5060), Address("192.0.2.1", 5060))


@attrs.define
class Sink:
    """Where bans are handed on to."""

    there: dict[tuple[str, str, int], float] = attrs.field(factory=dict)
    takes: bool = True

    def ban(self, realm: str, host: str, port: int, seconds: float) -> bool:
        if self.takes:
            self.there[realm, host, port] = seconds
        return self.takes

    def lift(self, realm: str, host: str, port: int) -> None:
        self.there.pop((realm, host, port), None)


def flood(takes: bool = True) -> tuple[Flood, Sink]:
    made, sink = Flood(), Sink(takes=takes)
    made.replan({"access": Flooding(), "core": None})
    made.sink, made.bans.news = sink, {}
    return made, sink


def misbehave(made: Flood, source: Address, now: float = 0.0) -> None:
    for _ in range(10):
        made.outcome(Outcome.BAD, OWN, source, None, None, now)


def test_a_ban_is_handed_on_and_lifted_when_its_time_is_over() -> None:
    made, sink = flood()
    misbehave(made, BAD)
    assert made.banned("access", BAD, 0.0) and not made.banned("core", BAD, 0.0)
    assert made.tick(10.0) == [("access", *BAD)]
    assert sink.there == {("access", *BAD): 50.0}
    assert made.tick(30.0) == []
    assert made.tick(61.0) == [("access", *BAD)]
    assert not sink.there and not made.banned("access", BAD, 61.0)
    assert [note.event for note in made.drain()] == ["banned", "unbanned"] and not made.drain()


def test_what_the_kernel_does_not_take_stays_banned_here() -> None:
    made, _ = flood(takes=False)
    misbehave(made, BAD)
    made.tick(0.1)
    assert len(made.unpushed) == 1 and made.banned("access", BAD, 0.1)


def test_what_was_not_taken_is_handed_on_again_until_it_is_or_its_time_is_over() -> None:
    made, sink = flood(takes=False)
    misbehave(made, BAD)
    made.ban("access", "192.0.2.9", 0, 7.0, "for a test", 0.0)
    made.tick(0.1)
    sink.takes = True
    made.tick(1.0)
    assert not sink.there, "not at each turn"
    made.tick(9.0)
    assert set(sink.there) == {("access", *BAD)} and not made.unpushed


def test_a_network_is_banned_here_and_handed_on_to_nobody() -> None:
    made, sink = flood()
    ban = made.ban("access", "2001:db8::1", 0, 600.0, "abuse", 0.0)
    made.tick(0.1)
    assert not sink.there and not made.unpushed and made.banned("access", Address("2001:db8::2", 7), 0.2)
    assert made.lift(("access", "2001:db8::9", 0)) and str(ban) == "2001:db8::/64"


def test_so_many_are_handed_on_at_once_and_no_more() -> None:
    made, sink = flood()
    for number in range(3 * PUSHES):
        made.ban("access", "192.0.2.9", 1 + number, 600.0, "for a test", 0.0)
    for ticks in (1, 2, 3):
        made.tick(0.1 * ticks)
        assert len(sink.there) == ticks * PUSHES
    assert len(made.drain()) == MOST_SAID


def test_a_host_where_somebody_is_registered_is_not_handed_on_whole() -> None:
    made, sink = flood()
    made.bans.add(Ban("access", PHONE.host, 0, "for a test", 0.0, 600.0, 0))
    made.tick(0.1)
    assert ("access", PHONE.host, 0) in sink.there
    made.met("access", PHONE, 0.2)
    made.tick(0.3)
    assert not sink.there
    assert made.knock(OWN, PHONE, Standing.REGISTERED, "", 0.4) == ""
    assert made.knock(OWN, Address(PHONE.host, 1), Standing.STRANGER, "", 0.4) == "banned"


def test_an_operator_bans_and_lifts() -> None:
    made, _ = flood()
    ban = made.ban("access", "2001:DB8::1", 0, 3600.0, "abuse", 0.0)
    assert ban.host == "2001:db8::/64" and ban.kept
    assert made.banned("access", Address("2001:db8::1", 7), 0.0)
    assert made.lift(ban.key) and not made.lift(ban.key)
    assert not made.banned("access", Address("2001:db8::1", 7), 0.0)
    with pytest.raises(ValueError):
        made.ban("access", "no.address.example", 0, 1.0, "", 0.0)


def test_what_an_operator_bans_is_banned_whoever_is_there() -> None:
    made, sink = flood()
    ban = made.ban("access", PHONE.host, 0, 600.0, "abuse", 0.0)
    asked = Intent(Kind.BIND, Phase.REQUEST, b"c", b"e")
    made.outcome(Outcome.ACCEPTED, OWN, PHONE, asked, None, 0.1)  # the answer to what was under way
    made.tick(0.2)
    assert made.banned("access", PHONE, 0.3) and ("access", PHONE.host, 0) in sink.there
    again, sink = flood()  # a restart
    assert again.resume(ban, 1.0)
    again.met("access", PHONE, 1.0)
    again.tick(1.1)
    assert again.banned("access", PHONE, 1.2) and ("access", PHONE.host, 0) in sink.there


def test_a_lift_forgets_what_it_was_for() -> None:
    made, _ = flood()
    misbehave(made, BAD)
    assert made.lift(("access", *BAD))
    made.outcome(Outcome.BAD, OWN, BAD, None, None, 0.0)
    assert not made.banned("access", BAD, 0.0)


def test_bans_outlive_a_restart_and_old_ones_do_not() -> None:
    made, sink = flood()
    assert made.resume(Ban("access", *BAD, "before", 0.0, 500.0, 3), 100.0)
    assert not made.resume(Ban("access", "192.0.2.7", 0, "before", 0.0, 99.0, 0), 100.0)
    made.tick(100.0)
    assert sink.there == {("access", *BAD): 400.0}
    assert made.bans.term(("access", *BAD), 60.0, 86_400.0, 100.0) == (960.0, 4)


def test_time_is_charged_to_who_has_knocked_last() -> None:
    made, _ = flood()
    strangers = made.guards["access"].shares[Rank.STRANGER]
    before = strangers.left
    assert made.knock(OWN, BAD, Standing.STRANGER, "", 0.0) == ""
    made.spent(0.01, 0.0)
    assert strangers.left < before - 0.0099
    left = strangers.left
    made.knock(OWN, BAD, Standing.TRUSTED, "", 0.0)
    made.spent(0.01, 0.0)
    made.spent(0.01, 0.0)
    assert strangers.left == left


def test_handshakes_of_strangers_are_paid_from_their_share_and_are_work() -> None:
    """What only connects, and says nothing, would else be free, however many there are."""
    made, _ = flood()
    guard, now = made.guards["access"], 10.0
    share, own = guard.shares[Rank.STRANGER], guard.shares[Rank.REGISTERED]
    whole = own.left
    for step in range(100):
        made.worked("access", Address("203.0.113.66", step), Standing.STRANGER, 0.01, now + step / 100)
    assert made.load.level >= 0.9 and share.left < 0.0 and own.left == whole
    share.has(now + 5.0)  # no more is owed than some: who had that already would seem to pay nothing
    left = share.left
    made.worked("access", PHONE, Standing.TRUSTED, 0.5, now + 1.0)
    guard.meet(PHONE, now)
    made.worked("access", PHONE, Standing.REGISTERED, 0.5, now + 1.0)
    assert share.left == left and own.left < whole, "next hops pay nothing, terminals from their own"
    own.has(now + 5.0)
    whole = own.left
    for known in (False, True):
        if known:
            guard.meet(Address("203.0.113.5", 5061), now)
        made.worked("access", Address("203.0.113.5", 5061), Standing.TRUNK, 0.5, now + 1.0)
        assert share.left == left and own.left == whole, "nor do trunks: what they say costs neither share, either"


def test_a_realm_that_is_protected_no_more_lets_all_pass_and_keeps_what_was_banned() -> None:
    made, _ = flood()
    misbehave(made, BAD)
    made.replan({"access": None})
    assert made.knock(OWN, PHONE, Standing.STRANGER, "", 0.0) == ""
    misbehave(made, PHONE)
    assert not made.banned("access", PHONE, 0.0) and made.banned("access", BAD, 0.0)


def let_in(made: Flood, rate: int, cost: float, others: int = 200, others_cost: float = 0.0005) -> tuple[float, float]:
    """What part gets in of what `others` registered terminals send, a message a second each, and of what comes from a
    trunk's address, `rate` a second: one socket, which keeps 256 datagrams, one processor, ten seconds."""
    trunk = Address("198.51.100.9", 5060)
    phones = [Address(f"203.0.113.{number}", 5060) for number in range(others)]
    for each in phones:
        made.met("access", each, 0.0)
    arrivals = [(second + at / others, each) for second in range(10) for at, each in enumerate(phones)]
    arrivals += [(at / rate, trunk) for at in range(10 * rate)]
    waiting, came, read = deque[tuple[float, Address]](), deque(sorted(arrivals)), Counter[bool]()
    now = 0.0
    while came or waiting:
        now = max(now, came[0][0]) if not waiting else now
        while came and came[0][0] <= now:
            waiting.append(came.popleft())
            if len(waiting) > 256:
                waiting.pop()
        if len(waiting) > 64:
            made.load.behind.add(OWN)
        _, source = waiting.popleft()
        standing = Standing.TRUNK if source == trunk else Standing.REGISTERED
        if made.knock(OWN, source, standing, "", now):
            now += DROPPED
            continue
        read[source == trunk] += 1
        spent = cost if source == trunk else others_cost
        now += spent + OVERHEAD
        made.spent(spent, now)
    return read[False] / (10 * others), read[True] / (10 * rate)


def test_terminals_are_served_beside_a_flood_in_the_name_of_a_trunk() -> None:
    """Anybody may send datagrams from a trunk's address: 2,000 a second would be the whole processor three times."""
    made, _ = flood()
    terminals, trunk = let_in(made, 2_000, 0.0015)
    assert terminals > 0.97, f"{terminals:.2f} of theirs"
    assert trunk > 0.1, "it has its part all the same"


def test_a_trunk_that_is_nearly_all_there_is_to_do_loses_nothing() -> None:
    made, _ = flood()
    assert let_in(made, 400, 0.001) == (1.0, 1.0)
