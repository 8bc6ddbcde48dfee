"""Names: a token for each place that each party loads, both ways, and nothing left when their owner goes."""

from __future__ import annotations

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sbc.core.address import Address
from sbc.core.message import Place
from sbc.core.mint import Mint
from sbc.core.names import Names, Peer


@attrs.define(eq=False)
class Owner:
    tokens: dict[tuple[str, Peer], bytes] = attrs.field(factory=dict)


def place(number: int) -> Place:
    return Place(Address("192.0.2.1", 5060), b"place %d" % number)


def make() -> Names:
    return Names(Mint(b"sixteen octets!!"))


def test_a_place_keeps_its_name() -> None:
    names, owner = make(), Owner()
    first = names.give(owner, "core", place(1), b"", 5)
    assert names.give(owner, "core", place(1), b"", 5) is first
    assert names.find("core", first.token) is first
    assert len(names) == 1


def test_a_token_means_nothing_in_another_realm() -> None:
    names = make()
    name = names.give(Owner(), "core", place(1), b"", 5)
    assert names.find("access", name.token) is None


def test_two_parties_at_one_place_have_a_name_each() -> None:
    names, owner = make(), Owner()
    first, second = (names.give(owner, "core", place(1), party, 5) for party in (b"x", b"y"))
    assert first.token != second.token
    assert (first.party, second.party) == (b"x", b"y")


def test_what_was_given_in_one_realm_is_taken_back_there_alone() -> None:
    names, owner, other = make(), Owner(), Owner()
    told = [names.give(owner, "core", place(number), b"", 5) for number in (1, 2)]
    kept = [names.give(owner, "access", place(1), b"", 5), names.give(other, "core", place(1), b"", 5)]
    names.revoke(owner, "core")
    assert not any(names.find("core", name.token) for name in told) and len(names) == 2
    assert [names.find(name.realm, name.token) for name in kept] == kept
    assert names.give(owner, "core", place(1), b"", 5).token not in {name.token for name in told}


def test_past_the_most_the_one_longest_not_loaded_goes() -> None:
    names, owner = make(), Owner()
    first, second = (names.give(owner, "core", place(each), b"", 2) for each in (1, 2))
    names.give(owner, "core", place(1), b"", 2)
    names.give(owner, "core", place(3), b"", 2)
    assert names.find("core", first.token) is first
    assert names.find("core", second.token) is None
    assert len(names) == 2


class AgainstAModel(RuleBasedStateMachine):
    """Two owners, two realms, a few places: `names` against dictionaries of what was given."""

    MOST = 3

    def __init__(self) -> None:
        super().__init__()
        self.names = make()
        self.owners = [Owner(), Owner()]
        self.given: list[dict[tuple[str, int, bytes], bytes]] = [{}, {}]
        self.gone: set[bytes] = set()

    @rule(
        who=st.integers(0, 1),
        realm=st.sampled_from(["access", "core"]),
        where=st.integers(0, 3),
        party=st.sampled_from([b"", b"x"]),
    )
    def give(self, who: int, realm: str, where: int, party: bytes) -> None:
        name = self.names.give(self.owners[who], realm, place(where), party, self.MOST)
        given, key = self.given[who], (realm, where, party)
        assert given.pop(key, name.token) == name.token
        given[key] = name.token
        if len(given) > self.MOST:
            self.gone.add(given.pop(next(iter(given))))

    @rule(who=st.integers(0, 1))
    def release(self, who: int) -> None:
        self.names.release(self.owners[who])
        self.gone |= set(self.given[who].values())
        self.given[who].clear()

    @invariant()
    def what_was_given_is_found_and_nothing_else(self) -> None:
        assert len(self.names) == sum(map(len, self.given))
        for owner, given in zip(self.owners, self.given, strict=True):
            for (realm, where, party), token in given.items():
                name = self.names.find(realm, token)
                assert name is not None and (name.place, name.party, name.owner) == (place(where), party, owner)
        assert not any(self.names.find(realm, token) for realm in ("access", "core") for token in self.gone)


TestAgainstAModel = AgainstAModel.TestCase


def test_a_name_of_before_a_restart_is_entered_as_it_was() -> None:
    names, again, owner = make(), make(), Owner()
    name = names.give(owner, "core", place(1), b"party", 4)
    for (realm, peer), token in owner.tokens.items():
        again.enter(owner, realm, peer, token)
    found = again.find("core", name.token)
    assert found is not None and (found.place, found.party, found.owner) == (place(1), b"party", owner)
    again.release(owner)
    assert not len(again)
