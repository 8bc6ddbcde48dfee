"""What of a call or a binding outlives the process: a plain value, taken whenever something of it has changed.

What comes back of it, and how, is in sbc/core/resume.py. What stays behind is named here, each with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sbc.core import answers
from sbc.core.address import Address
from sbc.core.binding import Binding, BindingState
from sbc.core.call import Asked, Call, CallState, Leg, Stream
from sbc.core.exchange import OPEN_STATES, Change, Exchange, ExchangeState, Hop, mark
from sbc.core.hops import HopKey
from sbc.core.keys import is_far
from sbc.core.members import Gathering
from sbc.core.message import Ending, Place, Who
from sbc.core.names import Peer
from sbc.core.plain import Form, Frame, Moment, Unfit, dumps, form, hints_of, optional, shape, writer, written
from sbc.core.promises import Promise
from sbc.core.realm import Path
from sbc.core.sessions import Session
from sbc.policy.marking import Urgency

VERSION = 1
"""Of the values. Another one is not read: an attribute that is added needs a default, not a number."""

LEFT_OUT: dict[type, dict[str, str]] = {
    Call: {
        "legs": "written one by one",
        "streams": "written one by one, by what they hold of their key",
        "channels": "written one by one, as far as they have streams",
        "paused": "the same",
        "exchanges": "those that can go on are written one by one",
        "opening": "said by its place among the exchanges",
        "watch": "begun anew: what was heard last is long ago",
        "pulse": "of calls that go by connections, which are not written",
        "memo": "the dialect's own form of it",
        "entry": "the timers' own",
        "life": "written as the state",
        "ticket": "made anew, for whom it had counted",
    },
    Session: {"open": "questions of ours are not written: they are asked again"},
    Leg: {},
    Stream: {"silent": "the engine will tell", "limits": "the engine is told anew", "secured": "the same"},
    Exchange: {
        "intent": "read again from the request",
        "timing": "the dialect's, of the request",
        "path": "its call's",
        "call": "whoever it is written with",
        "neighbour": "the next hop that is there now",
        "trunk": "an attempt that lasts over a restart goes nowhere else",
        "instead": "attempts that were given up are left to themselves",
        "memo": "the dialect's own form of it",
        "wait": "begun anew",
        "bounces": "the same",
        "bindings": "exchanges that bind are not written: whoever registers repeats it",
        "asked_for": "the same",
        "implied": "the same",
        "watch": "questions of ours are not written: they are asked again",
        "releases": "its call is over, and not written",
        "parting": "what we tell the registrar is not written, and not said again",
        "terminal": "of a call that gathers its gateway; else it matters for leave, not asked for within calls",
        "leads": "the same",
        "returns": "the same",
        "summons": "calls that mean their connections are not written",
        "undo": "written by what its streams are known by",
        "unfit": "after a restart what is turned down anyway is answered as RTP/AVP",
        "tokens": "names that are loaded within a call are the call's",
        "kept": "made anew",
        "entry": "the timers' own",
    },
    Promise: {
        "ending": "the process ends, and its calls with it",
        "calls": "they have connections, which end with the process",
        "returning": "what we tell who gave the leave is not written: it is said again",
        "said": "what its party says of it crosses, and is not written",
        "recall": "what the core has taken back it says again, or knows",
        "due": "of leave for a call that has come it is begun anew, else it is `until`",
        "entry": "the timers' own",
    },
    Binding: {
        "strayed": "what it did last is long ago",
        "watch": "begun anew; of one that is dead it is known that it was",
        "claims": "exchanges that bind are not written: whoever registers repeats it",
        "ticket": "made anew, of its path and user",
        "parting": "what we tell the registrar is not written, and not said again",
        "entry": "the timers' own",
    },
}
"""What of each class is not written by its own attribute, and why."""

MOMENTS: dict[type, frozenset[str]] = {
    Call: frozenset({"opened_at", "answered_at", "due", "ends_at"}),
    Session: frozenset({"until", "ask_at"}),
    Promise: frozenset({"until"}),
    Exchange: frozenset({"deadline", "due", "began_at", "moves_on"}),
    Binding: frozenset({"expires_at", "told_at", "granted_at", "grant_ends", "due"}),
}
"""Which attributes are times on the core's clock."""

_CALL: dict[str, Any] = {
    "id": str,
    "dialect": str,
    "path": Path,
    "opened_at": Moment,
    "answered_at": Moment | None,
    "accepted": tuple[bytes, bytes] | None,
    "answered_by": bytes,
    "asked_by": bytes,
    "asked": Asked,
    "terminal": bytes,
    "herald": bytes,
    "cause": str,
    "ending": Ending | None,
    "ended_by": Who | None,
    "opened_streams": int,
    "keys": set[tuple[str, str, bytes]],
    "tokens": dict[tuple[str, Peer], bytes],
    "target": Place | None,
    "bound": bool,
    "directed": bool,
    "lifetime": bool,
    "gathering": Gathering | None,
    "holder": bytes,
    "urgent": bool,
    "urgency": Urgency,
    "due": Moment | None,
    "ends_at": Moment,
}


def _of(kind: type) -> dict[str, Any]:
    forward = {"HopKey": HopKey, "Hop": Hop, "Exchange": Exchange}
    return hints_of(kind, frozenset(LEFT_OUT[kind]), MOMENTS.get(kind, frozenset()), forward)


SESSION = optional(shape(Session, _of(Session)))
CALL: dict[str, Form] = {name: form(hint) for name, hint in _CALL.items()} | {"session": SESSION}
LEG = shape(Leg, _of(Leg))
STREAM = shape(Stream, _of(Stream))
EXCHANGE: dict[str, Form] = {name: form(hint) for name, hint in _of(Exchange).items()}
CHANGE: dict[str, Form] = {name: form(hint) for name, hint in hints_of(Change, frozenset({"stream"})).items()}
BINDING: dict[str, Form] = {name: form(hint) for name, hint in _of(Binding).items()}
PROMISE: dict[str, Form] = {name: form(hint) for name, hint in _of(Promise).items()}
_write_call, _write_exchange, _write_change, _write_binding, _write_promise = map(
    writer, (CALL, EXCHANGE, CHANGE, BINDING, PROMISE)
)
_ANSWER: dict[str, Any] = {
    "dialect": str,
    "own": tuple[str, str, Address],  # our end: realm, transport, address
    "peer": Address,
    "otherwise": Address | None,
    "keys": list[tuple[str, str, int, bytes]],
    "answer": bytes,
    "pieces": tuple[bytes, ...],
    "receipt": tuple[tuple[str, str, Address], Address, bytes, bytes, bytes] | None,
    "due": Moment,
}
"""`receipt`, where whoever was asked repeats its answer until it hears that it has arrived: our end and its, our name
of the exchange there, the mark of its answer, and what it is told."""
ANSWER: dict[str, Form] = {name: form(hint) for name, hint in _ANSWER.items()}


def lasts(owner: Call | Binding | Promise | Exchange) -> bool:
    """Whether it is to be found again after a restart: a call until it ends, unless it means connections, which end
    with the process, or nobody has joined it or may; a binding from the registrar's yes on; leave for a call, if
    somebody was asked for it; and of an exchange the answer."""
    if isinstance(owner, Exchange):
        return bool(owner.kept) and owner.due is not None
    if isinstance(owner, Call):
        empty = owner.gathering is not None and not owner.gathering.members and not any(map(goes_on, owner.exchanges))
        return owner.state is not CallState.CLOSED and not owner.bound and not empty
    if isinstance(owner, Promise):
        return owner.far is not None
    return owner.state is not BindingState.PENDING


def goes_on(exchange: Exchange) -> bool:
    """Whether an exchange of a call is written with it: one whose asker waits in silence for what may take long, or
    that is to be carried out once. What its asker repeats otherwise comes again by itself, and crosses under the same
    name."""
    alive = exchange.state in OPEN_STATES or exchange.state is ExchangeState.ACCEPTED
    once = exchange.timing.confirmed or exchange.intent.local
    return alive and once and exchange.near is not None and exchange.due is not None


def of_call(call: Call, dialect: Any, frame: Frame) -> dict[str, Any]:
    """A call, its streams and those of its exchanges that go on, as JSON has it."""
    plain = _write_call(call, frame)
    exchanges = sorted(filter(goes_on, call.exchanges), key=lambda each: each.token)
    plain["memo"] = dialect.keep_memo(call.memo)
    plain["state"] = call.state.value
    plain["run"] = frame.run
    plain["legs"] = [written(LEG.write, leg, frame) for leg in call.legs]
    plain["streams"] = [written(STREAM.write, stream, frame) for stream in call.streams.values()]
    plain["channels"] = [
        [leg, name.decode("latin-1"), channel.stream.key, channel.stream.kind]
        for (leg, name), channel in call.channels.items()
        if channel.stream is not None
    ]
    plain["exchanges"] = [_of_exchange(each, dialect, frame) for each in exchanges]
    plain["opening"] = exchanges.index(call.opening) if call.opening in exchanges else None
    return plain


def _of_exchange(exchange: Exchange, dialect: Any, frame: Frame) -> dict[str, Any]:
    plain = _write_exchange(exchange, frame)
    plain["memo"] = dialect.keep_memo(exchange.memo)
    plain["undo"] = [
        {**_write_change(each, frame), "stream": [each.stream.key, each.stream.kind]} for each in exchange.undo
    ]
    return plain


def of_binding(binding: Binding, frame: Frame) -> dict[str, Any]:
    """A binding as JSON has it."""
    return _write_binding(binding, frame)


def of_promise(promise: Promise, frame: Frame) -> dict[str, Any]:
    """Leave for a call as JSON has it."""
    return _write_promise(promise, frame)


def of_answer(exchange: Exchange, frame: Frame) -> dict[str, Any]:
    """What an exchange was answered, and to whom, as JSON has it; made at once, for there is one of every command."""
    near, answer, due = exchange.near, exchange.answer, answers.until(exchange)
    assert near is not None and answer is not None and due is not None  # else it would not be kept
    own, far, receipt = near.listener, exchange.far, None
    if far is not None and exchange.confirmation is not None:
        texts = (exchange.token, mark(exchange.heard), exchange.confirmation)
        end = (far.listener.realm, far.listener.transport, far.listener.address)
        receipt = (end, far.peer, *(each.decode("latin-1") for each in texts))
    return {
        "dialect": exchange.dialect,
        "own": (own.realm, own.transport, own.address),
        "peer": near.peer,
        "otherwise": near.otherwise,
        "keys": [(*key[:3], key[3].decode("latin-1")) for key in exchange.keys if not is_far(key)],
        "answer": answer.decode("latin-1"),
        "pieces": [each.decode("latin-1") for each in exchange.pieces],
        "receipt": receipt,
        "due": due + frame.shift,
    }


def plain_of(owner: Call | Binding | Promise | Exchange, dialects: Mapping[str, Any], frame: Frame) -> dict[str, Any]:
    """Whatever it is, as JSON has it."""
    if isinstance(owner, Call):
        return of_call(owner, dialects[owner.dialect], frame)
    if isinstance(owner, Exchange):
        return of_answer(owner, frame)
    return of_promise(owner, frame) if isinstance(owner, Promise) else of_binding(owner, frame)


def pack(what: str, plain: Mapping[str, Any]) -> bytes:
    """A value as a store keeps it; `what` is "call", "binding", "promise", "answer" or "ban"."""
    return dumps({"version": VERSION, "what": what, **plain})


def unpack(what: str, data: bytes) -> dict[str, Any]:
    """The value that `pack` made. @raises Unfit."""
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"is no value of ours: {error}") from error
    if not isinstance(plain, dict) or plain.get("what") != what:
        raise Unfit(f"is no {what}")
    if plain.get("version") != VERSION:
        raise Unfit(f"is of version {plain.get('version')}, this SBC reads {VERSION}")
    return plain
