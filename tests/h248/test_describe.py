"""What messages mean to the core."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import Elsewhere, Ending, Kind, Phase
from sbc.core.patterns import digit
from sbc.h248.contexts import concerns_media
from sbc.h248.describe import describe
from sbc.h248.memo import asked
from sbc.h248.message import Action, Command, Termination, Verb
from sbc.h248.taken import decode
from tests.effort import effort
from tests.h248_binary import action, leaf, node
from tests.h248_binary import message as binary_message
from tests.h248_binary import reply as binary_reply
from tests.h248_calls import meaning, read
from tests.h248_words import WIRES, WRITERS, command, failed, media, message, reply, sdp, statistics, transaction

AT = b"[192.0.2.1]:2944"


def of(*body: bytes, wire: str = "text") -> bytes:
    return WRITERS[wire](message(AT, *body))


@pytest.mark.parametrize("wire", WIRES)
def test_requests(wire: str) -> None:
    added = meaning(of(transaction(7, b"$", command(b"Add", b"a1"), command(b"Add", b"$")), wire=wire))
    assert (added.kind, added.call, added.exchange, added.gathers) == (Kind.OPEN, b"", b"7", True)
    again = meaning(of(transaction(7, 5, command(b"Add", b"$")), wire=wire))
    assert (again.kind, again.call, again.gathers, again.within) == (Kind.OPEN, b"5", True, False)
    changed = meaning(of(transaction(7, 5, command(b"Modify", b"a1", media(remote=sdp("192.0.2.9", 4)))), wire=wire))
    assert (changed.kind, changed.call, changed.within) == (Kind.MODIFY, b"5", True)
    for said in (command(b"Modify", b"a1", media()), command(b"Subtract", b"a1"), command(b"AuditValue", b"*")):
        other = meaning(of(transaction(7, 5, said), wire=wire))
        assert (other.kind, other.call, other.within) == (Kind.MODIFY, b"5", False)
    for context in (b"-", b"*"):
        assert meaning(of(transaction(7, context, command(b"Modify", b"a1")), wire=wire)).kind is Kind.OTHER
    noted = meaning(of(transaction(7, 5, command(b"Notify", b"a1", b"ObservedEvents = 1 { al/of }")), wire=wire))
    assert (noted.kind, noted.local, noted.frank, noted.method) == (Kind.OTHER, True, True, "Notify")
    assert not noted.probe and meaning(of(transaction(7, b"-", command(b"AuditValue", b"ROOT", b"Audit { }")))).probe


@pytest.mark.parametrize("wire", WIRES)
def test_who_joins_and_who_leaves(wire: str) -> None:
    joined = meaning(of(reply(7, 5, command(b"Add", b"a1"), command(b"Add", b"r1")), wire=wire))
    assert (joined.phase, joined.call, len(joined.joins)) == (Phase.SUCCESS, b"5", 2)
    counts = command(b"Subtract", b"r1", statistics(rtp_ps=3))
    gone = meaning(of(reply(7, 5, command(b"Subtract", b"a1"), counts), wire=wire))
    assert [call for call, _ in gone.leaves] == [b"5", b"5"]
    assert [figures for _, figures in gone.reported] == [(("packets_sent", "3"),)]
    assert meaning(of(reply(7, 5, command(b"Subtract", b"*")), wire=wire)).leaves == ((b"5", b"*"),)
    assert meaning(of(reply(7, b"*", command(b"Subtract", b"*")), wire=wire)).leaves == ((b"*", b"*"),)


def test_an_audit_that_found_nothing_names_nobody() -> None:
    """In binary: an empty contextAuditResult, and a contextError beside a reply that is good."""
    nothing, wrong = node(5, node(0)), node(5, node(1, leaf(0, b"\x01\x9b")))
    good = node(5, node(2, node(0, node(0), leaf(1, b"\1\2")), node(1)))
    for said in ([nothing], [good, wrong], [nothing, good]):
        intent = meaning(binary_message(binary_reply(7, action(b"\5", *said))))
        assert (intent.phase, intent.joins, intent.leaves, intent.reported) == (Phase.SUCCESS, (), (), ())


def test_what_has_failed_in_part_joins_in_part() -> None:
    wrong = command(b"Add", b"r1", b'Error = 510 { "full" }')
    intent = meaning(of(reply(7, 5, command(b"Add", b"a1"), wrong)))
    assert (intent.phase, intent.joins) == (Phase.SUCCESS, (b"a1",))
    intent = meaning(of(reply(7, 5, wrong)))
    assert (intent.phase, intent.ending, intent.cause) == (Phase.FAILURE, Ending.CONGESTION, "510 full")
    assert meaning(of(failed(7, 503))).elsewhere is Elsewhere.UNAVAILABLE


def test_who_is_not_known_where_it_was_to_be_taken_off_is_off() -> None:
    taken = decode(of(failed(7, 411)))
    assert describe(taken).phase is Phase.FAILURE and describe(taken).gone
    taken.asked = asked(read(of(transaction(7, 5, command(b"Subtract", b"a1"), command(b"Subtract", b"r1")))))
    assert (describe(taken).phase, describe(taken).leaves) == (Phase.SUCCESS, ((b"5", b"a1"), (b"5", b"r1")))
    taken.asked = asked(read(of(transaction(7, 5, command(b"Modify", b"a1")))))
    assert describe(taken).phase is Phase.FAILURE
    missing = command(b"Subtract", b"r1", b'Error = 435 { "not there" }')
    assert meaning(of(reply(7, 5, command(b"Subtract", b"a1"), missing))).leaves == ((b"5", b"a1"), (b"5", b"r1"))


def test_nobody_is_in_a_context_that_the_gateway_does_not_know() -> None:
    taken = decode(of(b'Reply = 7 { Context = 5 { Error = 411 { "unknown" } } }'))
    taken.asked = asked(read(of(transaction(7, 5, command(b"Modify", b"a1"), command(b"Subtract", b"r1")))))
    assert (describe(taken).phase, describe(taken).leaves) == (Phase.FAILURE, ((b"5", b"*"),))
    wrong = b'Reply = 7 { Context = 6 { Error = 411 { "unknown" } }, Context = 5 { Subtract = r1 } }'
    assert meaning(of(wrong)).leaves == ((b"5", b"r1"), (b"6", b"*"))
    assert not meaning(of(b'Reply = 7 { Context = 5 { Error = 510 { "full" } } }')).leaves


def test_a_binary_wildcard_takes_off_all_that_it_means() -> None:
    key = b"7274702f31/81"
    taken = decode(of(reply(7, 5, command(b"Subtract", b"x")), wire="binary"))
    taken.message.actions = (Action(b"5", (Command(Verb.SUBTRACT, (Termination(key, key, every=True),)),)),)
    assert describe(taken).leaves == ((b"5", b"7274702f3" + digit(0, 3)),)


@pytest.mark.parametrize("wire", WIRES)
def test_what_is_said_between_neighbours(wire: str) -> None:
    pending = meaning(of(b"Pending = 7 { }", wire=wire))
    assert (pending.phase, pending.exchange, pending.kind) == (Phase.PROVISIONAL, b"7", Kind.OTHER)
    ack = meaning(of(b"TransactionResponseAck { 7 - 9, 12 }", wire=wire))
    assert (ack.phase, ack.exchange, ack.within) == (Phase.CONFIRM, b"7", True)
    wants = meaning(of(reply(7, 5, command(b"Modify", b"a1"), ack=True), wire=wire))
    assert wants.receipt and not meaning(of(reply(7, 5, command(b"Modify", b"a1")), wire=wire)).receipt


def test_segments_of_an_answer() -> None:
    first = meaning(message(AT, b"Reply = 7/1 { Context = 5 { Add = a1 } }", version=3))
    assert (first.phase, first.receipt, first.joins) == (Phase.PROVISIONAL, True, (b"a1",))
    last = meaning(message(AT, b"Reply = 7/2/END { Context = 5 { Add = r1 } }", version=3))
    assert (last.phase, last.joins) == (Phase.SUCCESS, (b"r1",))


def test_actions_that_are_of_calls() -> None:
    one, two = b"Context = 5 { %b }" % command(b"Modify", b"a1"), b"Context = $ { %b }" % command(b"Add", b"$")
    body = read(of(b"Transaction = 7 { %b, %b }" % (one, two)))
    assert [each.context for each in body.actions if concerns_media(each)] == [b"$"]
    assert meaning(of(b"Transaction = 7 { %b, %b }" % (one, two))).kind is Kind.OPEN
    help_ = b"Transaction = 7 { Context = $ { Emergency, %b } }" % command(b"Add", b"$")
    assert meaning(of(help_)).urgent


@pytest.mark.parametrize("wire", WIRES)
def test_who_says_no_port_means_the_usual_one(wire: str) -> None:
    notify = transaction(7, b"-", command(b"Notify", b"a1"))
    claimed = meaning(WRITERS[wire](message(b"[192.0.2.1]", notify))).claimed
    assert claimed == Address("192.0.2.1", 2944 if wire == "text" else 2945)
    assert meaning(WRITERS[wire](message(b"gw1", notify))).claimed is None


def test_as_many_actions_of_one_context_as_there_may_be_cost_no_more_each_than_few() -> None:
    few, many = (decode(b"MEGACO/1 [192.0.2.1]:2944 T=1{%b}" % b",".join([b"C=5{A=t%d}" % n for n in range(count)]))
                 for count in (100, 1000))  # fmt: skip
    assert describe(many).kind is Kind.OPEN and describe(many).call == b"5"
    assert effort(lambda: describe(many)) < 40 * effort(lambda: describe(few)), "ten times as many"
