"""The lite agent of ICE: whose checks are answered, what is nominated when, consent, restarts, floods."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address, Pair
from sbc.core.secured import Ice, IcePair
from sbc.media.ice import BURST, CONSENT, HOLD, REFUSALS, SOURCES, Lite, Reaction, State
from sbc.media.stun import Attribute, Kind, read, write

OURS, THEIRS = Ice("ours", "o" * 22), Ice("theirs", "t" * 22)
PAIR = IcePair(OURS, THEIRS)
WIFI, MOBILE, RTCP = Address("192.0.2.1", 4000), Address("198.51.100.9", 5000), Address("192.0.2.1", 4001)
HIGH, LOW = 0x6E7F1EFF, 0x6E001EFF


@attrs.define
class Peer:
    """A full agent that controls, and checks by these credentials."""

    pair: IcePair = PAIR
    password: str = OURS.password
    count: int = 0

    def check(self, nominate: bool = False, priority: int = HIGH, more: tuple[tuple[int, bytes], ...] = ()) -> bytes:
        self.count += 1
        theirs = self.pair.theirs
        assert theirs is not None
        attributes = [
            (int(Attribute.USERNAME), f"{self.pair.ours.ufrag}:{theirs.ufrag}".encode()),
            (int(Attribute.PRIORITY), priority.to_bytes(4, "big")),
            *more,
        ]
        if not any(word == Attribute.ICE_CONTROLLED for word, _ in more):
            attributes.append((Attribute.ICE_CONTROLLING, b"12345678"))
        if nominate:
            attributes.append((Attribute.USE_CANDIDATE, b""))
        return write(Kind.REQUEST, self.count.to_bytes(12, "big"), attributes, self.password.encode())


def told(reaction: Reaction) -> int | Address | None:
    """What the peer is told: the code of an error, or where it was seen."""
    assert reaction.reply is not None
    answer = read(reaction.reply)
    return answer.mapped if answer.kind is Kind.SUCCESS else answer.error


def test_checks_are_answered_and_the_nominated_pair_is_taken() -> None:
    agent, peer = Lite(PAIR), Peer()
    reaction = agent.receive(peer.check(), WIFI, False, 0)
    assert (told(reaction), reaction.word, reaction.moved) == (WIFI, "checked", False)
    assert reaction.reply is not None
    answer = read(reaction.reply)
    assert answer.proof is not None and answer.proof.holds(OURS.password.encode())
    assert agent.selected is None and agent.proven(WIFI, 1) and not agent.proven(MOBILE, 1)
    reaction = agent.receive(peer.check(nominate=True), WIFI, False, 1)
    assert (told(reaction), reaction.word, reaction.moved) == (WIFI, "nominated", True)
    assert agent.selected == Pair(WIFI, None) and agent.state is State.SELECTED
    assert not agent.receive(peer.check(nominate=True), WIFI, False, 2).moved


def test_rtcp_is_a_component_of_its_own() -> None:
    agent, peer = Lite(PAIR), Peer()
    assert not agent.receive(peer.check(nominate=True), RTCP, True, 0).moved  # there is no RTP yet
    assert agent.selected is None
    assert agent.receive(peer.check(nominate=True), WIFI, False, 0).moved
    assert agent.selected == Pair(WIFI, RTCP)


def test_of_aggressive_nominations_the_highest_counts() -> None:
    """RFC 5245 section 8.1.1.2: each check nominates, in any order."""
    for order in ((HIGH, LOW), (LOW, HIGH)):
        agent, peer = Lite(PAIR), Peer()
        for at, priority in enumerate(order):
            agent.receive(peer.check(True, priority), WIFI if priority == HIGH else MOBILE, False, at * 0.05)
        assert agent.selected == Pair(WIFI, None)


def test_a_peer_that_goes_elsewhere_is_followed() -> None:
    agent, peer = Lite(PAIR), Peer()
    agent.receive(peer.check(True, HIGH), WIFI, False, 0)
    assert not agent.receive(peer.check(True, LOW), MOBILE, False, HOLD / 2).moved
    assert agent.receive(peer.check(True, LOW), MOBILE, False, HOLD).moved
    assert agent.selected == Pair(MOBILE, None)


@pytest.mark.parametrize(
    ("make", "code", "word"),
    [
        (lambda: write(Kind.REQUEST, b"0" * 12, []), 400, "incomplete"),
        (lambda: write(Kind.REQUEST, b"0" * 12, [], b"secret"), 400, "incomplete"),
        (lambda: write(Kind.REQUEST, b"0" * 12, [(Attribute.USERNAME, b"ours:theirs")]), 400, "incomplete"),
        (lambda: Peer(password="wrong").check(True), 401, "unauthenticated"),
        (lambda: Peer(IcePair(Ice("other", ""), THEIRS)).check(True), 401, "unauthenticated"),
        (lambda: Peer().check(True, more=((0x7FFE, b""),)), 420, "not-understood"),
        (lambda: Peer().check(True, more=((Attribute.ICE_CONTROLLED, b"\0" * 8),)), 487, "role-conflict"),
        (lambda: Peer().check(True, more=((Attribute.ICE_CONTROLLED, b"\xff" * 8),)), 487, "role-conflict"),
    ],
)
def test_what_is_refused(make: Callable[[], bytes], code: int, word: str) -> None:
    agent = Lite(PAIR)
    reaction = agent.receive(make(), WIFI, False, 0)
    assert (told(reaction), reaction.word, reaction.moved) == (code, word, False)
    assert agent.selected is None and not agent.proven(WIFI, 0)
    assert reaction.reply is not None
    assert (read(reaction.reply).proof is not None) is (code in (420, 487))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "malformed"),
        (b"\0\1\0\0", "malformed"),
        (write(Kind.INDICATION, b"0" * 12, []), "no-request"),
        (write(Kind.SUCCESS, b"0" * 12, []), "no-request"),
    ],
)
def test_what_is_not_answered(data: bytes, word: str) -> None:
    assert Lite(PAIR).receive(data, WIFI, False, 0) == Reaction(None, word)


def test_checks_may_come_before_the_peer_has_said_who_it_is() -> None:
    agent, peer = Lite(IcePair(OURS, None)), Peer()
    assert agent.receive(peer.check(True), WIFI, False, 0).moved
    agent.become(PAIR)
    assert agent.state is State.SELECTED and agent.selected == Pair(WIFI, None)


def test_who_is_not_the_one_that_has_answered_is_given_nothing() -> None:
    agent, other = Lite(PAIR), Peer(IcePair(OURS, Ice("branch", "b" * 22)))
    reaction = agent.receive(other.check(True), MOBILE, False, 0)
    assert (told(reaction), reaction.moved) == (MOBILE, False)
    assert agent.selected is None and not agent.proven(MOBILE, 0)


def test_consent_is_lost_and_found_again() -> None:
    agent, peer = Lite(PAIR), Peer()
    assert agent.due is None and not agent.look(1000)
    agent.receive(peer.check(True), WIFI, False, 0)
    agent.receive(peer.check(), WIFI, False, 10)  # without nominating, as regular nomination goes on
    agent.receive(peer.check(), MOBILE, False, 30)  # another pair shows nothing of the one in use
    assert agent.due == 10 + CONSENT and not agent.look(10 + CONSENT - 1)
    assert agent.look(10 + CONSENT) and agent.state is State.PAUSED and agent.selected is None and agent.due is None
    assert not agent.look(10 + CONSENT + 1)  # told once
    assert not agent.receive(peer.check(), MOBILE, False, 50).moved
    assert agent.receive(peer.check(), WIFI, False, 51).moved and agent.selected == Pair(WIFI, None)
    assert agent.look(51 + CONSENT)
    assert agent.receive(peer.check(True, LOW), MOBILE, False, 100).moved and agent.selected == Pair(MOBILE, None)


def test_a_restart_leaves_the_old_pair_in_use_until_a_new_one_is_nominated() -> None:
    agent, before = Lite(PAIR), Peer()
    agent.receive(before.check(True), WIFI, False, 0)
    renewed = IcePair(Ice("anew", "n" * 22), Ice("theirs2", "u" * 22))
    agent.become(renewed)
    assert agent.state is State.RESTARTED and agent.selected == Pair(WIFI, None)
    agent.receive(before.check(True), WIFI, False, 20)  # keeps it alive,
    assert agent.due == 20 + CONSENT
    assert not agent.receive(before.check(True), MOBILE, False, 20).moved  # and nominates nothing
    after = Peer(renewed, "n" * 22)
    assert agent.receive(after.check(True, LOW), MOBILE, False, 20.1).moved
    assert agent.state is State.SELECTED and agent.selected == Pair(MOBILE, None)
    assert told(agent.receive(before.check(True), WIFI, False, 21)) == 401
    agent.become(renewed)
    assert agent.state is State.SELECTED


def test_another_answer_is_another_peer() -> None:
    agent = Lite(PAIR)
    agent.receive(Peer().check(True), WIFI, False, 0)
    other = IcePair(OURS, Ice("branch", "b" * 22))
    agent.become(other)
    assert agent.state is State.RESTARTED
    assert agent.receive(Peer(other).check(True, LOW), MOBILE, False, 0.1).moved
    assert agent.selected == Pair(MOBILE, None)


def test_what_an_earlier_process_had_selected_goes_on() -> None:
    agent = Lite(PAIR)
    agent.resume(Pair(WIFI, RTCP), 100)
    assert agent.selected == Pair(WIFI, RTCP) and agent.proven(WIFI, 101) and agent.due == 100 + CONSENT
    assert agent.receive(Peer().check(True), MOBILE, False, 100 + HOLD).moved


def test_a_flood_is_not_answered() -> None:
    agent, peer = Lite(PAIR), Peer()
    answered = sum(agent.receive(peer.check(), WIFI, False, 0).reply is not None for _ in range(500))
    assert answered == BURST
    assert agent.receive(peer.check(), MOBILE, False, 0).reply is not None  # the others are not concerned
    assert agent.receive(peer.check(), WIFI, False, 1).reply is not None


def test_strangers_are_refused_only_so_often() -> None:
    agent, stranger = Lite(PAIR), Peer(password="guess")
    reactions = [agent.receive(stranger.check(), Address("203.0.113.7", port), False, 0) for port in range(1, 500)]
    assert sum(each.reply is not None for each in reactions) == REFUSALS
    assert reactions[-1].word == "limited"
    assert agent.receive(Peer().check(True), WIFI, False, 0).moved  # who knows the password is served


def test_what_is_remembered_of_sources_is_bounded_and_the_pair_in_use_stays() -> None:
    agent, peer = Lite(PAIR), Peer()
    agent.receive(peer.check(True), WIFI, False, 0)
    for port in range(1, 1000):
        agent.receive(peer.check(), Address("203.0.113.7", port), False, 1)
    assert sum(agent.proven(Address("203.0.113.7", port), 1) for port in range(1, 1000)) == SOURCES - 1
    assert agent.proven(WIFI, 1) and agent.selected == Pair(WIFI, None)


@given(st.lists(st.tuples(st.binary(max_size=80), st.booleans()), max_size=20))
def test_any_octets(datagrams: list[tuple[bytes, bool]]) -> None:
    agent = Lite(PAIR)
    for data, rtcp in datagrams:
        for each in (data, Peer().check(True)[: len(data)], data + b"\0" + Peer().check(True)):
            assert not agent.receive(each, WIFI, rtcp, 0).moved
    assert agent.selected is None
