"""Names of parties: sealed for their call and their end of it, and opened for nobody else."""

from __future__ import annotations

import attrs

from sbc.core.address import Address
from sbc.core.crossing import Crossing
from sbc.core.parties import MOST_SEALED, of_call, of_other
from sbc.core.registry import Arrival
from tests.calls.test_calls import answered, only_call
from tests.rig import Rig

NAME = b"whoever"


def crossing(made: Rig, leg: int) -> Crossing:
    """A message from that leg of the only call to the other."""
    call = only_call(made)
    registry = made.border.registry
    exchange = attrs.evolve(call.opening, arrival_leg=leg, label=call.legs[1 - leg].label)
    intent = attrs.evolve(call.opening.intent, label=call.legs[leg].label)
    mine, theirs = call.legs[leg], call.legs[1 - leg]
    hop = attrs.evolve(call.opening.far, listener=theirs.listener, peer=theirs.seen)
    arrival = Arrival(mine.listener, mine.seen, b"", made.now)
    return Crossing(registry, arrival, intent, exchange, hop, call.path, None)


def test_each_end_opens_what_the_other_has_of_it_and_nothing_else() -> None:
    made, *_ = answered()
    asking, asked = of_call(crossing(made, 0)), of_call(crossing(made, 1))
    assert asked.reveal(asking.conceal(NAME)) == NAME and asking.reveal(asked.conceal(NAME)) == NAME
    assert asking.reveal(asking.conceal(NAME)) is None and asked.reveal(asked.conceal(NAME)) is None
    assert asking.label == only_call(made).legs[1].label and asked.label == only_call(made).legs[0].label


def test_of_another_call_the_names_are_those_of_that_call() -> None:
    made, *_ = answered()
    own, back = (of_call(crossing(made, leg)) for leg in (0, 1))
    there, here = (of_other(crossing(made, leg), only_call(made).legs[leg].label) for leg in (0, 1))
    assert (there.label, here.label) == (own.label, back.label)
    assert there.conceal(NAME) == own.conceal(NAME) and here.conceal(NAME) == back.conceal(NAME)
    assert there.reveal(back.conceal(NAME)) == NAME and here.reveal(own.conceal(NAME)) == NAME


def test_a_terminal_that_is_not_in_the_other_call_is_not_told_who_is() -> None:
    made, *_ = answered()
    hidden = of_call(crossing(made, 0)).conceal(NAME)
    stranger = crossing(made, 1)
    stranger.hop = attrs.evolve(stranger.hop, peer=Address("203.0.113.99", 5060))
    assert of_other(stranger, only_call(made).legs[1].label).reveal(hidden) is None


def test_of_a_call_that_nobody_knows_nothing_is_opened() -> None:
    made, *_ = answered()
    strange = of_other(crossing(made, 0), b"strange")
    assert strange.label not in (b"strange", b"") and strange.reveal(strange.conceal(NAME)) is None


def test_a_call_that_nobody_knows_is_named_to_the_other_side_and_back() -> None:
    """Whoever was told of it can name it, and its parties, to those who know it."""
    made, *_ = answered()
    there, back = crossing(made, 1), crossing(made, 0)
    told = of_other(there, b"strange@198.51.100.9")
    assert told == of_other(there, b"strange@198.51.100.9") and b"strange" not in told.label
    known = of_other(back, told.label)
    assert known.label == b"strange@198.51.100.9"
    assert known.reveal(told.conceal(NAME)) == NAME
    spoilt = told.label[:-1] + (b"a" if told.label[-1:] != b"a" else b"b")
    for other in (spoilt, b"a" * 40, of_other(back, b"strange@198.51.100.9").label):
        assert of_other(back, other).label not in (b"strange@198.51.100.9", other)


def test_a_name_that_would_grow_too_long_is_hidden_for_good() -> None:
    made, *_ = answered()
    label = of_other(crossing(made, 1), b"x" * (MOST_SEALED + 1)).label
    assert len(label) == 16 and of_other(crossing(made, 0), label).label != b"x" * (MOST_SEALED + 1)
