"""A realm's guard: strangers have little, terminals have theirs, and nobody pays for a neighbour."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.message import Cause, Intent, Kind, Phase
from sbc.core.orders import Listener, Note
from sbc.policy.bans import Bans
from sbc.policy.events import Act, Message, Outcome, Standing
from sbc.policy.flooding import Flooding, Ill, Rank
from sbc.policy.guard import (
    ANSWERED,
    BANNED,
    BEFORE,
    COURTED,
    FAVOURS,
    HOST_RATE,
    MOST_FAVOURS,
    REALM_RATE,
    SHARE,
    SOURCE_RATE,
    TURN,
    UNHEARD,
    Guard,
)
from sbc.policy.load import Load

PHONE, NEIGHBOUR = Address("203.0.113.11", 40_001), Address("203.0.113.11", 40_002)
STRANGER = Address("203.0.113.66", 5060)
OWN = Listener("access", "toy", "udp", Address("192.0.2.1", 5060), Address("192.0.2.1", 5060))
STREAMS = attrs.evolve(OWN, transport="tcp")


@attrs.define
class Scene:
    """A guard, and what it has said."""

    guard: Guard
    bans: Bans
    load: Load
    said: list[Note]

    def knock(self, source: Address, now: float = 0.0, standing: Standing = Standing.STRANGER, proven: str = "") -> str:
        banned = self.bans.banned("access", source)
        return BANNED if banned else self.guard.knock(source, standing, proven, now)

    def tell(self, outcome: Outcome, source: Address, now: float = 0.0, times: int = 1, sure: bool = False) -> None:
        for _ in range(times):
            self.guard.outcome(outcome, source, intent(Kind.BIND), Cause.DENIED, sure, now)

    def register(self, source: Address, now: float = 0.0) -> None:
        self.tell(Outcome.ACCEPTED, source, now)
        assert self.knock(source, now, Standing.REGISTERED) == ""


def scene(**limits: Any) -> Scene:
    bans, load, said = Bans(), Load(), list[Note]()
    guard = Guard("access", Flooding(**limits), bans, load, lambda *_: False, said.append)
    return Scene(guard, bans, load, said)


def intent(kind: Kind = Kind.OPEN, **more: Any) -> Intent:
    return Intent(kind, Phase.REQUEST, b"call", b"exchange", user=b"alice", **more)


def asked(
    source: Address, what: Intent, standing: Standing = Standing.STRANGER, terminal: str = "", own: Listener = OWN
) -> Message:
    return Message(own, source, standing, what, terminal)


def passed(where: Scene, source: Address, count: int, now: float = 0.0, standing: Standing = Standing.STRANGER) -> int:
    return sum(where.knock(source, now, standing) == "" for _ in range(count))


def test_each_class_has_its_rate() -> None:
    where = scene(stranger_burst=10, registered_burst=50, trusted_burst=200, trusted_after=60.0, ban_score=1e6)
    assert 9 <= passed(where, STRANGER, 500) <= 10
    where.register(PHONE)
    assert 48 <= passed(where, PHONE, 500, 0.0, Standing.REGISTERED) <= 50
    where.knock(PHONE, 100.0, Standing.REGISTERED)
    assert 198 <= passed(where, PHONE, 500, 101.0, Standing.REGISTERED) <= 200
    assert where.guard.known[PHONE].rank is Rank.TRUSTED
    assert passed(where, STRANGER, 10_000, 1.0, Standing.TRUSTED) == 10_000, "the core's own are not counted"


def test_strangers_at_one_host_share_what_it_may_send_and_terminals_there_do_not() -> None:
    where = scene(host_burst=100)
    where.register(PHONE)
    let_in = sum(passed(where, Address(PHONE.host, port), 5) for port in range(1_000, 1_400))
    assert 98 <= let_in <= 100
    assert where.knock(Address(PHONE.host, 9), 0.0) == HOST_RATE
    assert passed(where, PHONE, 100, 0.0, Standing.REGISTERED) == 100
    assert where.knock(STRANGER) == ""


def test_strangers_of_a_realm_share_a_rate_where_there_is_one() -> None:
    where = scene(realm_rate=10.0, realm_burst=50)
    words = [where.knock(Address(f"198.51.100.{at % 200}", at)) for at in range(1, 200)]
    assert 48 <= words.count("") <= 50 and set(words) == {"", REALM_RATE}


def test_who_misbehaves_is_banned_and_its_neighbour_is_not() -> None:
    where = scene()
    where.tell(Outcome.BAD, PHONE, times=4)
    assert where.knock(PHONE) == ""
    where.tell(Outcome.BAD, PHONE)
    assert where.knock(PHONE) == BANNED and where.knock(NEIGHBOUR) == ""
    (note,) = where.said
    assert (note.event, note.fields["source"]) == ("banned", str(PHONE))
    where.bans.expire(61.0)
    assert where.knock(PHONE, 61.0) == ""


def test_what_is_long_past_does_not_count() -> None:
    where = scene()
    for minute in range(100):
        where.tell(Outcome.BAD, PHONE, 600.0 * minute, times=4)
    assert not where.said


def test_a_host_is_banned_that_misbehaves_as_a_whole() -> None:
    where = scene()
    for port in range(1, 12):
        where.tell(Outcome.BAD, Address(STRANGER.host, port), times=10)
    assert where.knock(Address(STRANGER.host, 9_999)) == BANNED
    assert any(note.fields["source"] == STRANGER.host for note in where.said)


def test_honest_terminals_outweigh_bad_ones_behind_the_same_address() -> None:
    where = scene()
    phones = [Address(PHONE.host, 50_000 + each) for each in range(5)]
    for phone in phones:
        where.register(phone)
    for port in range(1, 51):
        where.tell(Outcome.BAD, Address(PHONE.host, port), times=10)
    assert where.knock(Address(PHONE.host, 9_999)) == "", "fifty bad ones, but five honest"
    for port in range(51, 81):
        where.tell(Outcome.BAD, Address(PHONE.host, port), times=10)
    assert where.knock(Address(PHONE.host, 9_999)) == BANNED
    assert all(where.knock(phone, 0.0, Standing.REGISTERED) == "" for phone in phones), "whatever their neighbours do"
    assert PHONE.host not in where.bans.refused("access"), "nor may the kernel drop all of that host"


def test_a_registered_terminal_is_demoted_first_and_not_banned_by_what_may_be_forged() -> None:
    where = scene(stranger_burst=10)
    where.register(PHONE)
    where.tell(Outcome.BAD, PHONE, times=1_000)
    assert [note.event for note in where.said] == ["demoted"]
    assert 9 <= passed(where, PHONE, 50, 0.0, Standing.REGISTERED) <= 10, "it is served as a stranger is"
    assert passed(where, PHONE, 500, 1_000.0, Standing.REGISTERED) == 500, "for a while"


@pytest.mark.parametrize(("sure", "ill"), [(True, Ill.DEMOTE), (False, Ill.BAN)])
def test_it_is_banned_if_it_goes_on_where_it_is_surely_itself_or_that_is_wanted(sure: bool, ill: Ill) -> None:
    where = scene(registered=ill)
    where.register(PHONE)
    where.tell(Outcome.WRONG, PHONE, times=100, sure=sure)
    assert [note.event for note in where.said][:2] == ["demoted", "banned"]
    assert where.knock(PHONE, 0.0, Standing.REGISTERED) == BANNED
    assert where.knock(NEIGHBOUR) == ""


def test_nobody_is_banned_who_never_is_or_is_trusted() -> None:
    never, trusted = (ip_network("198.51.100.0/24"),), (ip_network("203.0.113.0/26"),)
    where = scene(never=never, trusted=trusted)
    for source in (Address("198.51.100.7", 5060), Address("203.0.113.5", 5060)):
        where.tell(Outcome.BAD, source, times=5_000)
        assert where.knock(source, 500.0) == ""
    assert passed(where, Address("203.0.113.5", 5060), 1_000, 600.0) == 1_000, "a trunk that does not register"
    assert passed(where, Address("198.51.100.7", 5060), 1_000, 600.0) <= 100
    assert not where.said


@pytest.mark.parametrize("how", ["welcomed by a rule", "answered", "registered", "a trunk's"])
def test_networks_of_trusted_keep_their_rate_when_more_is_known_of_who_is_there(how: str) -> None:
    where, trunk = scene(trusted=(ip_network("203.0.113.0/26"),)), Address("203.0.113.5", 5060)
    standing = Standing.REGISTERED if how == "registered" else Standing.STRANGER
    if how == "a trunk's":
        where, standing = scene(), Standing.TRUNK
    assert where.knock(trunk, 0.0, standing) == ""
    asks = intent(welcome=how == "welcomed by a rule")
    assert where.guard.message(asked(trunk, asks, standing), 0.0) is None
    where.guard.outcome(Outcome.ACCEPTED, trunk, asks, None, False, 0.0)
    assert trunk in where.guard.known
    assert 7_997 <= passed(where, trunk, 9_000, 0.0, standing) <= 8_000
    where.load.level = 1.0
    share = where.guard.shares[Rank.REGISTERED]
    assert share.has(1.0)
    share.use(1.0)
    assert where.knock(trunk, 1.0, standing) == "", "nor does it share what time there is with terminals"
    where.guard.replan(Flooding())
    where.guard.known[trunk].due = 1.0
    assert where.knock(trunk, 1.0, standing) == ("" if how == "a trunk's" else SHARE), "as long as it is in one"


def test_a_trunk_that_misbehaves_is_served_as_strangers_are_for_a_while() -> None:
    where, trunk = scene(stranger_burst=10), Address("203.0.113.5", 5060)
    where.knock(trunk, 0.0, Standing.TRUNK)
    where.tell(Outcome.BAD, trunk, times=100)
    assert [note.event for note in where.said] == ["demoted"]
    assert 9 <= passed(where, trunk, 50, 0.0, Standing.TRUNK) <= 10
    assert passed(where, trunk, 5_000, 301.0, Standing.TRUNK) == 5_000


def test_whom_a_change_trusts_is_trusted_though_it_is_remembered_and_the_other_way_round() -> None:
    where, trunk = scene(host_rate=100.0), Address("203.0.113.5", 5060)
    assert where.knock(trunk) == ""
    networks = (ip_network("203.0.113.0/26"), ip_network("2001:db8::/32"))
    where.guard.replan(Flooding(trusted=networks))
    where.tell(Outcome.BAD, trunk, times=100)
    assert passed(where, trunk, 1_000) == 1_000 and not where.said
    where.guard.replan(Flooding())
    where.tell(Outcome.BAD, trunk, times=100)
    assert where.knock(trunk) == BANNED


def test_scanners_are_banned_by_their_name() -> None:
    where = scene()
    verdict = where.guard.scanner(asked(STRANGER, intent(Kind.OTHER, agent=b"Friendly-Scanner/1.0")), 0.0)
    assert verdict is not None and verdict.act is Act.DROP
    assert where.knock(STRANGER) == BANNED
    assert "riendly" in where.said[0].reason
    assert where.guard.scanner(asked(PHONE, intent(Kind.OTHER, agent=b"Honest Phone")), 0.0) is None
    assert where.guard.scanner(asked(PHONE, intent(Kind.OTHER)), 0.0) is None


def test_a_scanners_datagrams_in_the_name_of_a_registered_phone_only_demote_it() -> None:
    where, scans = scene(), intent(Kind.OTHER, agent=b"friendly-scanner")
    where.register(PHONE)
    for _ in range(30):
        where.guard.scanner(asked(PHONE, scans, Standing.REGISTERED), 0.0)
    assert {note.event for note in where.said} == {"demoted"} and where.knock(PHONE, 0.0, Standing.REGISTERED) == ""
    for _ in range(2):
        where.guard.scanner(asked(PHONE, scans, Standing.REGISTERED)._replace(listener=STREAMS), 0.0)
    assert where.knock(PHONE, 0.0, Standing.REGISTERED) == BANNED, "by a connection it is surely itself"


def test_a_trunk_that_a_rule_names_begins_as_many_calls_as_who_is_registered() -> None:
    where = scene()
    verdicts = [where.guard.message(asked(STRANGER, intent(welcome=True)), 0.0) for _ in range(500)]
    assert not any(verdicts) and passed(where, STRANGER, 500, 1.0) == 500 and not where.said


def test_a_stranger_that_begins_very_many_calls() -> None:
    where = scene()
    verdicts = [where.guard.message(asked(STRANGER, intent()), 0.0) for _ in range(60)]
    assert verdicts[:19] == [None] * 19 and verdicts[-1] is not None
    assert where.knock(STRANGER) == BANNED
    assert where.guard.message(asked(STRANGER, intent(urgent=True)), 0.0) is None
    where.register(PHONE)
    assert not any(where.guard.message(asked(PHONE, intent(), Standing.REGISTERED, "b1"), 0.0) for _ in range(200))


def test_requests_of_one_terminal_are_limited_where_that_is_wanted() -> None:
    where = scene(terminal_rate=1.0, terminal_burst=5)
    verdicts = [where.guard.message(asked(PHONE, intent(), Standing.REGISTERED, "b1"), 0.0) for _ in range(10)]
    refused = [each for each in verdicts if each is not None]
    assert 5 <= len(refused) <= 6 and refused[0].act is Act.REJECT and refused[0].cause is Cause.RATE
    assert where.guard.message(asked(PHONE, intent(Kind.CLOSE), Standing.REGISTERED, "b1"), 0.0) is None
    assert where.guard.message(asked(PHONE, intent(urgent=True), Standing.REGISTERED, "b1"), 0.0) is None
    assert where.guard.message(asked(NEIGHBOUR, intent(), Standing.REGISTERED, "b2"), 0.0) is None


def test_whose_call_was_answered_ranks_as_registered_for_a_while() -> None:
    where = scene(stranger_burst=10)
    where.guard.outcome(Outcome.ACCEPTED, STRANGER, intent(), None, False, 0.0)
    assert passed(where, STRANGER, 500) == 500
    assert passed(where, STRANGER, 500, ANSWERED + 1) <= 10


def test_who_is_registered_no_more_is_a_stranger_again() -> None:
    where = scene()
    where.register(PHONE)
    assert where.guard.terminals.homes == {PHONE.host: 1}
    assert where.knock(PHONE, 1.0) == "" and not where.guard.known and not where.guard.terminals.homes
    where.register(PHONE, 2.0)
    where.guard.sweep(10, UNHEARD)
    assert PHONE in where.guard.known
    where.guard.sweep(10, UNHEARD + 3.0)
    assert not where.guard.known and not where.guard.terminals.homes


def busy(where: Scene) -> float:
    """Let the process be wholly busy; when it is."""
    for step in range(40):
        where.load.use(1.0, step / 10)
    return 3.9


def test_when_the_process_is_busy_strangers_have_their_share_and_terminals_theirs() -> None:
    where, spent = scene(), {Standing.STRANGER: 0.0, Standing.REGISTERED: 0.0}
    where.register(PHONE)
    began = busy(where)
    for step in range(10_000):  # ten seconds of more than can be done
        now = began + step / 1_000
        where.load.use(0.001, now)
        sources = ((Address(f"198.51.100.{step % 250}", 1 + step), Standing.STRANGER), (PHONE, Standing.REGISTERED))
        for source, standing in sources:
            if where.knock(source, now, standing) == "" and where.guard.serving is not None:
                where.guard.serving.use(0.01)
                spent[standing] += 0.01
    assert spent[Standing.STRANGER] == pytest.approx(3.0, rel=0.2)
    assert spent[Standing.REGISTERED] == pytest.approx(6.0, rel=0.2)


def test_when_it_is_busy_whoever_has_been_asked_for_credentials_comes_first() -> None:
    where = scene()
    now = busy(where)
    share = where.guard.shares[Rank.STRANGER]
    assert share.has(now)
    share.use(0.1)
    assert where.knock(NEIGHBOUR, now) == SHARE
    where.tell(Outcome.CHALLENGED, PHONE, now)
    assert where.knock(PHONE, now) == ""


def test_when_it_is_busy_who_has_had_its_turns_comes_after_who_has_had_none() -> None:
    where = scene()
    now = busy(where)
    share = where.guard.shares[Rank.STRANGER]
    assert [where.knock(STRANGER, now) for _ in range(3)] == ["", "", ""]
    share.left = 0.7 * share.depth
    assert where.knock(STRANGER, now) == SHARE and where.knock(NEIGHBOUR, now) == ""
    share.left = 0.9 * share.depth
    assert where.knock(STRANGER, now) == "", "while there is time for all"
    now += TURN + 0.1
    where.load.behind.add("a socket")
    where.load.use(0.0, now)
    share.at, share.left = now, 0.7 * share.depth
    assert where.knock(STRANGER, now) == "", "after a while it has another"


def test_who_has_had_its_turns_is_put_off_before_the_process_is_wholly_busy() -> None:
    """Else it is busy and not by turns, and whenever it is not all are read who were put off."""
    where = scene()
    for step in range(3):
        where.load.use(0.05, step / 10)
    assert BEFORE * 0.7 <= where.load.level < 0.7
    share = where.guard.shares[Rank.STRANGER]
    share.at, share.left = 0.2, 0.7 * share.depth
    assert [where.knock(STRANGER, 0.2) for _ in range(3)] == ["", "", SHARE]
    assert where.knock(NEIGHBOUR, 0.2) == "", "there is time for all others"
    where.tell(Outcome.CHALLENGED, STRANGER, 0.2)
    assert where.knock(STRANGER, 0.2) == "", "and for who is to show credentials"


def test_who_does_wrong_is_read_until_it_is_banned() -> None:
    where = scene()
    now = busy(where)
    share = where.guard.shares[Rank.STRANGER]
    share.at, share.left = now, 0.7 * share.depth
    while where.knock(STRANGER, now) == "":
        where.tell(Outcome.BAD, STRANGER, now)
    assert where.knock(STRANGER, now) == BANNED


def test_many_who_ask_and_ask_are_not_in_the_way_of_those_who_ask_for_the_first_time() -> None:
    """Three thousand ask five times a second each, which nobody is banned for; phones repeat what was lost."""
    where = scene()
    began, step, cost = busy(where), 0.2, 0.0004
    crowd = [Address(f"198.18.{number >> 8}.{number & 255}", 5060) for number in range(3_000)]
    waiting = {Address(f"203.0.113.{number % 50}", 20_000 + number): 0.1 for number in range(1_000)}
    for turn in range(150):  # thirty seconds
        now = began + turn * step
        where.load.behind.add("a socket")
        where.load.use(0.0, now)
        phones = [phone for phone, wait in waiting.items() if (turn + phone.port) % max(1, int(wait / step)) == 0]
        for place, source in enumerate(crowd + phones):
            if where.knock(source, now + place * 1e-6) == "" and where.guard.serving is not None:
                where.guard.serving.use(cost)
                waiting.pop(source, None)
        for phone in phones:
            if phone in waiting:
                waiting[phone] = min(4.0, 2 * waiting[phone])
    assert not waiting


def test_who_shows_no_credentials_comes_first_no_more() -> None:
    where = scene()
    now = busy(where)
    where.tell(Outcome.CHALLENGED, PHONE, now)
    where.tell(Outcome.CHALLENGED, NEIGHBOUR, now)
    share = where.guard._strangers_share
    share.at, share.left = now, -1.0
    taken = 0
    for _ in range(20):
        if where.knock(PHONE, now) == "":
            taken += 1
            where.tell(Outcome.CHALLENGED, PHONE, now)
    assert taken == FAVOURS
    where.tell(Outcome.CHALLENGED, NEIGHBOUR, now + COURTED)
    where.load.behind.add("a socket")
    where.load.use(0.0, now + COURTED + 1.0)
    share.at, share.left = now + COURTED + 1.0, -1.0
    assert where.knock(NEIGHBOUR, now + COURTED + 1.0) == "", "whose own were never read"


def test_who_registers_many_comes_first_with_each() -> None:
    where = scene()
    now = busy(where)
    for line in range(100):
        user = intent(Kind.BIND)
        user.user = b"line%d" % line
        where.guard._strangers_share.at, where.guard._strangers_share.left = now, -1.0
        where.guard.outcome(Outcome.CHALLENGED, PHONE, user, None, False, now)
        assert where.knock(PHONE, now) == ""


def test_a_trunk_that_has_long_behaved_well_is_forgiven_as_much_as_a_terminal() -> None:
    where, trunk = scene(), Address("203.0.113.5", 5060)
    for source, standing in ((trunk, Standing.TRUNK), (PHONE, Standing.REGISTERED)):
        for now in (0.0, 601.0):
            assert where.knock(source, now, standing) == ""
        where.tell(Outcome.BAD, source, 602.0)
    assert where.guard.known[trunk].score == where.guard.known[PHONE].score > 0.0


def test_favours_are_no_more_than_some_lines_need_however_many_it_has_asked_for() -> None:
    where = scene()
    for line in range(500):
        user = intent(Kind.BIND)
        user.user = b"line%d" % line
        where.guard.outcome(Outcome.CHALLENGED, PHONE, user, None, False, 1.0)
    found = where.guard.strangers.get(PHONE)
    assert found is not None and found.favours == MOST_FAVOURS


def test_a_terminal_that_is_demoted_has_turns_as_ever() -> None:
    where = scene(demotion=300.0)
    where.register(PHONE)
    where.tell(Outcome.BAD, PHONE, times=20)
    now = busy(where)
    share = where.guard.shares[Rank.STRANGER]
    for step in range(20):
        where.load.behind.add("a socket")
        where.load.use(0.0, now + step)
        share.at, share.left = now + step, 0.7 * share.depth
        assert where.knock(PHONE, now + step, Standing.REGISTERED) == ""


def test_who_has_been_asked_for_credentials_has_what_terminals_leave_of_their_time_and_no_more() -> None:
    phones = [Address(f"203.0.{number >> 8}.{number & 255}", 5060) for number in range(10_000)]
    for used, least, most in ((0.0, 0.55, 0.75), (0.5, 0.05, 0.2), (0.9, 0.0, 0.06)):
        where, spent = scene(), {PHONE: 0.0, STRANGER: 0.0}
        where.register(PHONE)
        began = busy(where)
        shed = 0
        for step, phone in enumerate(phones):  # ten seconds, in which terminals want so much of the processor
            now = began + step / 1_000
            where.load.behind.add("a socket")
            where.load.use(0.0, now)
            if step % 100 < 100 * used:
                shed += where.knock(PHONE, now, Standing.REGISTERED) != ""
                if where.guard.serving is not None:
                    where.guard.serving.use(0.001)
                    spent[PHONE] += 0.001
            where.guard._strangers_share.left = -1.0  # of others there are more than enough
            where.tell(Outcome.CHALLENGED, phone, now)
            if where.knock(phone, now) == "" and where.guard.serving is not None:
                where.guard.serving.use(0.001)
                spent[STRANGER] += 0.001
        assert least <= spent[STRANGER] / 10 <= most, used
        assert spent[PHONE] == pytest.approx(10 * min(used, 0.6), abs=0.5) and (not shed or used > 0.6)


def test_a_flood_of_a_million_sources_grows_no_memory_and_pushes_out_nobody() -> None:
    where = scene(sources=1_000)
    where.register(PHONE)
    for number in range(200_000):  # of the million
        source = Address(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1 + number % 60_000)
        where.knock(source, number / 50_000)
        if number % 10 == 0:
            where.tell(Outcome.BAD, source, number / 50_000)
    assert len(where.guard.strangers) <= 1_000 and len(where.guard.hosts) <= 1_000
    assert PHONE in where.guard.known and not where.said
    assert where.knock(PHONE, 5.0, Standing.REGISTERED) == ""


def test_a_change_of_limits_counts_at_once_and_forgets_nothing() -> None:
    where = scene()
    where.register(PHONE)
    where.tell(Outcome.BAD, STRANGER, times=2)
    where.guard.replan(Flooding(ban_score=50.0, registered_burst=5))
    where.tell(Outcome.BAD, STRANGER)
    assert where.knock(STRANGER) == BANNED
    assert passed(where, PHONE, 100, 0.0, Standing.REGISTERED) <= 5
    assert where.knock(STRANGER, 0.0) == BANNED and SOURCE_RATE


def test_what_may_be_forged_bans_a_host_for_no_longer_each_time() -> None:
    where, now = scene(), 0.0
    for round_ in range(5):
        now = 200.0 * round_
        where.bans.expire(now)
        for port in range(1, 12):
            where.tell(Outcome.BAD, Address(STRANGER.host, 1_000 * round_ + port), now, 10)
    found = [note.fields["seconds"] for note in where.said if note.fields["source"] == STRANGER.host]
    assert found == ["60"] * 5
    sure = [Address("198.51.100.9", port) for port in range(1, 100)]
    for round_ in range(3):
        now += 500.0
        where.bans.expire(now)
        for source in sure[11 * round_ : 11 * round_ + 11]:
            where.tell(Outcome.BAD, source, now, 10, sure=True)
    found = [note.fields["seconds"] for note in where.said if note.fields["source"] == "198.51.100.9"]
    assert found == ["60", "120", "240"], "by connections it is where it says"


def test_only_who_may_call_ranks_as_registered_by_a_rule() -> None:
    where = scene()
    for port in range(1, 50):
        where.guard.message(asked(Address(STRANGER.host, port), intent(Kind.OTHER, welcome=True)), 0.0)
        where.guard.message(asked(Address(STRANGER.host, port), intent(Kind.BIND, welcome=True)), 0.0)
    assert not where.guard.known and not where.guard.terminals.honest(STRANGER.host)


def test_whom_a_rule_lets_call_by_datagrams_is_bounded_and_outweighs_nothing() -> None:
    where = scene(sources=100)
    where.register(PHONE)
    for port in range(1, 1_000):
        where.guard.message(asked(Address(STRANGER.host, port), intent(welcome=True)), 0.0)
        where.guard.outcome(Outcome.ACCEPTED, Address(STRANGER.host, port), intent(), None, False, 0.0)
    assert len(where.guard.known) == 101 and PHONE in where.guard.known
    assert where.guard.terminals.honest(STRANGER.host) == 1 and STRANGER.host not in where.guard.terminals.homes
    where.guard.message(asked(NEIGHBOUR, intent(welcome=True), own=STREAMS), 0.0)
    assert where.guard.terminals.homes == {PHONE.host: 2}, "by a connection it is where it says"


def test_who_was_only_let_call_and_registers_is_a_terminal() -> None:
    where = scene()
    where.guard.message(asked(PHONE, intent(welcome=True)), 0.0)
    where.register(PHONE, 1.0)
    assert where.guard.terminals.homes == {PHONE.host: 1}
    assert where.knock(PHONE, ANSWERED + 2.0) == "" and not where.guard.terminals.homes


def test_a_network_of_ipv6_is_one_host() -> None:
    where = scene(host_burst=100)
    inside = [Address(f"2001:db8::{number:x}", 5060) for number in range(1, 500)]
    let_in = sum(where.knock(source) == "" for source in inside)
    assert 98 <= let_in <= 100 and len(where.guard.hosts) == 1
    for source in inside[:11]:
        where.tell(Outcome.BAD, source, times=10)
    assert any(note.fields["source"] == "2001:db8::/64" for note in where.said)
    assert where.knock(Address("2001:db8::ffff:1", 9)) == BANNED and where.knock(Address("2001:db8:0:1::1", 9)) == ""


def test_a_ban_of_a_network_is_none_of_who_is_never_banned_in_it() -> None:
    where = scene(never=(ip_network("2001:db8::5/128"),), trusted=(ip_network("2001:db8::6/128"),))
    where.register(Address("2001:db8::77", 5060))  # so that it is strangers who are banned
    for port in range(1, 25):
        where.tell(Outcome.BAD, Address(f"2001:db8::{port:x}00", 5060), times=10)
    assert where.knock(Address("2001:db8::aaaa", 1)) == BANNED
    assert where.knock(Address("2001:db8::5", 1)) == where.knock(Address("2001:db8::6", 1)) == ""


def test_who_may_yet_show_a_certificate_is_let_connect_though_strangers_there_are_banned() -> None:
    where = scene()
    where.register(PHONE)
    where.guard._ban(PHONE.host, 0, "for a test", True, 0.0)
    assert where.knock(NEIGHBOUR) == BANNED
    assert where.guard.knock(NEIGHBOUR, Standing.STRANGER, "", 0.0, unproven=True) == ""
    assert where.guard.knock(NEIGHBOUR, Standing.STRANGER, "", 0.0) == BANNED, "what it then says without one"
    assert where.guard.knock(NEIGHBOUR, Standing.STRANGER, "pbx.example.com", 0.0) == ""


def test_who_is_at_fault_now_and_then_is_not_trusted_for_being_there_long() -> None:
    where = scene(trusted_after=600.0)
    where.register(PHONE)
    for minute in range(30):
        assert where.knock(PHONE, 60.0 * minute, Standing.REGISTERED) == ""
        where.tell(Outcome.BAD, PHONE, 60.0 * minute)
    assert where.guard.known[PHONE].rank is Rank.REGISTERED
    where.knock(PHONE, 30 * 60.0 + 600.0, Standing.REGISTERED)
    assert where.guard.known[PHONE].rank is Rank.TRUSTED
