"""What an exchange does in each state on each event, as a table, and the steps that lead to each state."""

from __future__ import annotations

from collections.abc import Callable

from sbc.core import transact
from sbc.core.exchange import Exchange, ExchangeState
from sbc.core.orders import Order
from tests.rig import SOFTSWITCH, Rig
from tests.toy_calls import Talk
from tests.toy_records import (
    CHALLENGE,
    CONFIRM,
    FAILURE,
    OPEN,
    PENDING,
    PROVISIONAL,
    SUCCESS,
    WITHDRAW,
    answer,
    number,
)
from tests.toy_records import Record as ToyRecord

State = ExchangeState
TRYING, PROCEEDING, WITHDRAWING, WITHDRAWN, ACCEPTED, REFUSED, DONE = State
FORGOTTEN = None


def said(talk: Talk, stage: int, party: int = 9, **changes: object) -> bytes:
    return answer(talk.sent, SOFTSWITCH.host, stage, party, **changes).pack()


def withdrawal(asked: bytes, exchange: int = 66) -> bytes:
    record = ToyRecord.read(asked)
    return record.but(
        op=WITHDRAW, exchange=number(exchange), withdrawn=record.exchange, places=(), media=(), believed=bytes(6)
    ).pack()


def confirmation(talk: Talk) -> bytes:
    """Of an answer, by whoever had asked."""
    return ToyRecord.read(talk.asked).but(op=CONFIRM, receiver=9, places=(), media=()).pack()


# what the two sides may do, and time
EVENTS: dict[str, Callable[[Talk], list[Order]]] = {
    "asked again": lambda talk: talk.rig.from_access(talk.asked),
    "confirmed": lambda talk: talk.rig.from_access(confirmation(talk)),
    "taken back": lambda talk: talk.rig.from_access(withdrawal(talk.asked, 67)),
    "pending": lambda talk: talk.rig.from_core(said(talk, PENDING)),
    "provisional": lambda talk: talk.rig.from_core(said(talk, PROVISIONAL, 10)),
    "success": lambda talk: talk.rig.from_core(said(talk, SUCCESS, 10)),
    "failure": lambda talk: talk.rig.from_core(said(talk, FAILURE, 10)),
    "challenge": lambda talk: talk.rig.from_core(said(talk, CHALLENGE, 10)),
    "heard again": lambda talk: talk.rig.from_core(talk.exchange.heard),
    "time": lambda talk: wake(talk.rig, talk.exchange),
}
WAY_TO: dict[State, tuple[Callable[[Talk], object], ...]] = {
    TRYING: (),
    PROCEEDING: (lambda talk: talk.rig.from_core(said(talk, PROVISIONAL)),),
    WITHDRAWING: (lambda talk: talk.rig.from_access(withdrawal(talk.asked)),),
    WITHDRAWN: (
        lambda talk: talk.rig.from_core(said(talk, PROVISIONAL)),
        lambda talk: talk.rig.from_access(withdrawal(talk.asked)),
    ),
    ACCEPTED: (lambda talk: talk.rig.from_core(said(talk, SUCCESS)),),
    REFUSED: (lambda talk: talk.rig.from_core(said(talk, FAILURE)),),
    DONE: (
        lambda talk: talk.rig.from_core(said(talk, FAILURE)),
        lambda talk: talk.rig.from_access(confirmation(talk)),
    ),
}
# state, event: the state it leads to, the stages told to whoever asked, the operations sent to whoever was asked
TABLE: dict[State, dict[str, tuple[State | None, list[int], list[int]]]] = {
    TRYING: {
        "asked again": (TRYING, [PENDING], []),
        "confirmed": (TRYING, [], []),
        "taken back": (WITHDRAWING, [SUCCESS], []),
        "pending": (PROCEEDING, [], []),
        "provisional": (PROCEEDING, [PROVISIONAL], []),
        "success": (ACCEPTED, [SUCCESS], []),
        "failure": (REFUSED, [FAILURE], [CONFIRM]),
        "challenge": (REFUSED, [CHALLENGE], [CONFIRM]),
        "time": (TRYING, [], [OPEN]),
    },
    PROCEEDING: {
        "asked again": (PROCEEDING, [PROVISIONAL], []),
        "confirmed": (PROCEEDING, [], []),
        "taken back": (WITHDRAWN, [SUCCESS], [WITHDRAW]),
        "pending": (PROCEEDING, [], []),
        "provisional": (PROCEEDING, [PROVISIONAL], []),
        "success": (ACCEPTED, [SUCCESS], []),
        "failure": (REFUSED, [FAILURE], [CONFIRM]),
        "challenge": (REFUSED, [CHALLENGE], [CONFIRM]),
        "heard again": (PROCEEDING, [PROVISIONAL], []),
        "time": (REFUSED, [FAILURE], [WITHDRAW]),
    },
    WITHDRAWING: {
        "asked again": (WITHDRAWING, [PENDING], []),
        "confirmed": (WITHDRAWING, [], []),
        "taken back": (WITHDRAWING, [SUCCESS], []),
        "pending": (WITHDRAWN, [], [WITHDRAW]),
        "provisional": (WITHDRAWN, [], [WITHDRAW]),
        "success": (ACCEPTED, [SUCCESS], []),
        "failure": (REFUSED, [FAILURE], [CONFIRM]),
        "challenge": (REFUSED, [CHALLENGE], [CONFIRM]),
        "time": (WITHDRAWING, [], [OPEN]),
    },
    WITHDRAWN: {
        "asked again": (WITHDRAWN, [PROVISIONAL], []),
        "confirmed": (WITHDRAWN, [], []),
        "taken back": (WITHDRAWN, [SUCCESS], []),
        "pending": (WITHDRAWN, [], []),
        "provisional": (WITHDRAWN, [PROVISIONAL], []),
        "success": (ACCEPTED, [SUCCESS], []),
        "failure": (REFUSED, [FAILURE], [CONFIRM]),
        "challenge": (REFUSED, [CHALLENGE], [CONFIRM]),
        "heard again": (WITHDRAWN, [PROVISIONAL], []),
        "time": (REFUSED, [FAILURE], []),
    },
    ACCEPTED: {
        "asked again": (ACCEPTED, [SUCCESS], []),
        "confirmed": (ACCEPTED, [], [CONFIRM]),  # end to end
        "taken back": (ACCEPTED, [SUCCESS], []),
        "pending": (ACCEPTED, [], []),
        "provisional": (ACCEPTED, [], []),
        "success": (ACCEPTED, [SUCCESS], []),  # of another party
        "failure": (ACCEPTED, [], [CONFIRM]),
        "challenge": (ACCEPTED, [], [CONFIRM]),
        "heard again": (ACCEPTED, [SUCCESS], []),
        "time": (FORGOTTEN, [], []),
    },
    REFUSED: {
        "asked again": (REFUSED, [FAILURE], []),
        "confirmed": (DONE, [], []),
        "taken back": (REFUSED, [SUCCESS], []),
        "pending": (REFUSED, [], []),
        "provisional": (REFUSED, [], []),
        "success": (ACCEPTED, [SUCCESS], []),  # late, but somebody is there
        "failure": (REFUSED, [], [CONFIRM]),
        "challenge": (REFUSED, [], [CONFIRM]),
        "heard again": (REFUSED, [], [CONFIRM]),
        "time": (REFUSED, [FAILURE], []),
    },
    DONE: {
        "asked again": (DONE, [FAILURE], []),
        "confirmed": (DONE, [], []),
        "taken back": (DONE, [SUCCESS], []),
        "pending": (DONE, [], []),
        "provisional": (DONE, [], []),
        "success": (ACCEPTED, [SUCCESS], []),
        "failure": (DONE, [], [CONFIRM]),
        "challenge": (DONE, [], [CONFIRM]),
        "heard again": (DONE, [], [CONFIRM]),
        "time": (FORGOTTEN, [], []),
    },
}


def wake(rig: Rig, exchange: Exchange) -> list[Order]:
    """Let the deadline of one exchange come, and of nothing else."""
    assert exchange.due is not None
    rig.now = exchange.due
    rig.border.registry.timers.set(exchange, None)
    return transact.wake_exchange(rig.border.registry, rig.border.dialects["toy"], exchange, rig.now)
