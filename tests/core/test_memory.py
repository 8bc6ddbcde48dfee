"""What is remembered of calls: references, in order, within bounds whatever comes; the first kept, the oldest gone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.memory import DECISIONS, FIRST, OVERHEAD, Memory, Ring
from sbc.core.orders import Listener, Note, Record, Send
from sbc.core.registry import Arrival
from sbc.core.remembered import FORGETFUL, Sizes

HERE = Address("192.0.2.1", 5060)
THERE = Address("192.0.2.2", 5060)
OWN = Listener("access", "toy", "udp", HERE, HERE)


def arrival(data: bytes, at: float = 0.0) -> Arrival:
    return Arrival(OWN, THERE, data, at)


def send(call: str, data: bytes) -> Send:
    return Send(OWN, THERE, data, call)


def closed(call: str) -> Record:
    return Record(call, "close", {})


def story(memory: Memory, call: str) -> Any:
    (found,) = memory.find(call)
    return found


def test_messages_are_kept_by_reference_with_what_they_came_of() -> None:
    memory = Memory()
    came = arrival(b"asked", 1.0)
    memory.heard("a", came)
    went = send("a", b"onward")
    memory.sent(went, 1.5)
    memory.done()
    later = send("a", b"again")
    memory.sent(later, 2.0)
    entries = list(story(memory, "a").messages)
    assert [entry.message for entry in entries] == [came, went, later]
    assert entries[0].message is came and entries[1].message.data is went.data
    assert [entry.of for entry in entries] == [None, came, None]
    assert [entry.at for entry in entries] == [1.0, 1.5, 2.0]


def test_what_belongs_to_no_call_is_not_kept_but_may_lead_to_one() -> None:
    memory = Memory()
    memory.heard("", arrival(b"x"))
    assert len(memory) == 0
    memory.sent(send("b", b"y"), 0.0)
    assert story(memory, "b").messages


def test_forgetful_remembers_nothing() -> None:
    memory = Memory(FORGETFUL)
    memory.heard("a", arrival(b"x"))
    memory.sent(send("a", b"x"), 0.0)
    memory.decided("a", closed("a"), 0.0)
    memory.noted(Note("refused", "no", "", {"source": "192.0.2.1:1"}), 0.0)
    assert len(memory) == 0 and memory.octets == 0 and memory.refusals() == []


def test_the_first_are_kept_and_the_latest() -> None:
    ring = Ring(FIRST + 10)
    gone = [ring.add(number, first=True) for number in range(FIRST + 30)]
    assert list(ring) == [*range(FIRST), *range(FIRST + 20, FIRST + 30)]
    assert [each for each in gone if each is not None] == list(range(FIRST, FIRST + 20))
    assert (ring.kept, ring.lost, len(ring)) == (FIRST, 20, FIRST + 10)


def test_a_call_has_a_bound_of_messages_octets_and_decisions() -> None:
    memory = Memory(Sizes(messages=60, octets=100_000))
    for number in range(500):
        memory.heard("a", arrival(b"x" * 5000, float(number)))
        memory.done()
        memory.decided("a", Note("something", str(number), "a"), float(number))
    kept = story(memory, "a")
    assert kept.spoken <= 100_000
    assert len(kept.messages) < 60
    assert kept.messages.lost == 500 - len(kept.messages)
    assert next(iter(kept.messages)).at == 0.0, "how it began is kept"
    assert [entry.at for entry in kept.messages][-1] == 499.0
    assert len(kept.decisions) == DECISIONS


def test_ended_calls_go_first_and_the_oldest_of_them() -> None:
    memory = Memory(Sizes(total=3 * (1000 + 3 * OVERHEAD)))
    for call in ("a", "b", "c"):
        memory.heard(call, arrival(b"x" * 1000))
    memory.decided("b", closed("b"), 1.0)
    memory.heard("d", arrival(b"x" * 1000))
    assert [bool(memory.find(call)) for call in "abcd"] == [True, False, True, True]
    memory.heard("e", arrival(b"x" * 1000))
    assert [bool(memory.find(call)) for call in "abcde"] == [False, False, True, True, True]
    assert memory.forgotten == 2


def test_an_ended_call_still_takes_what_comes() -> None:
    memory = Memory()
    memory.heard("a", arrival(b"x"))
    memory.decided("a", closed("a"), 1.0)
    memory.heard("a", arrival(b"y"))
    assert len(story(memory, "a").messages) == 2
    assert len(memory) == 1


def test_calls_are_found_by_their_id_or_its_beginning() -> None:
    memory = Memory()
    for call in ("abc", "abd", "ab"):
        memory.heard(call, arrival(b"x"))
    memory.decided("abd", closed("abd"), 0.0)
    assert [each.call for each in memory.find("ab")] == ["ab"]
    assert sorted(each.call for each in memory.find("a")) == ["ab", "abc", "abd"]
    assert memory.find("x") == []


def refused(source: str, reason: str = "no") -> Note:
    return Note("refused", reason, "", {"source": source})


def test_refusals_of_one_host_for_one_reason_are_one() -> None:
    memory = Memory(Sizes(refusals=3))
    for port in range(1, 101):
        memory.noted(refused(f"192.0.2.1:{port}"), float(port))
    memory.noted(refused("192.0.2.1:1", "another"), 200.0)
    memory.noted(refused("[2001:db8::1]:5060"), 201.0)
    first, _, third = memory.refusals()
    assert (first.count, first.first, first.last, first.source) == (100, 1.0, 100.0, "192.0.2.1:100")
    assert third.source == "[2001:db8::1]:5060"
    memory.noted(refused("192.0.2.9:1"), 202.0)
    assert [each.source for each in memory.refusals()] == ["192.0.2.1:1", "[2001:db8::1]:5060", "192.0.2.9:1"]


def test_other_notes_are_no_refusals() -> None:
    memory = Memory()
    memory.noted(Note("bound", "", "", {"source": "192.0.2.1:1"}), 0.0)
    memory.noted(Note("refused", "inside a call", "a", {}), 0.0)
    assert memory.refusals() == []
    assert len(story(memory, "a").decisions) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from("hsdc"), st.integers(0, 70_000)),
        max_size=300,
    )
)
@pytest.mark.parametrize("total", [200_000])
def test_the_books_of_the_memory_balance_within_their_bounds(total: int, told: list[tuple[int, str, int]]) -> None:
    memory = Memory(Sizes(messages=50, octets=131_072, total=total))
    for number, what, size in told:
        call = str(number)
        if what == "h":
            memory.heard(call, arrival(b"x" * size))
        elif what == "s":
            memory.sent(send(call, b"x" * size), 0.0)
        elif what == "d":
            memory.decided(call, Note("x", "", call), 0.0)
        else:
            memory.decided(call, closed(call), 0.0)
        stories = [memory.find(str(each))[0] for each in range(31) if str(each) in (*memory._live, *memory._over)]
        assert memory.octets == sum(each.octets for each in stories) <= total
        for each in stories:
            assert each.spoken == sum(OVERHEAD + len(entry.message.data) for entry in each.messages) <= 131_072


def test_a_host_of_another_realm_is_another() -> None:
    memory = Memory(Sizes(refusals=3))
    for realm in ("a", "b", "a"):
        memory.noted(Note("refused", "no", "", {"source": "10.0.0.1:5060", "realm": realm}), 0.0)
    assert [(each.fields["realm"], each.count) for each in memory.refusals()] == [("b", 1), ("a", 2)]
