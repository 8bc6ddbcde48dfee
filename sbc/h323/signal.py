"""What messages of call signalling mean to the core (H.225.0 clause 7.3, Q.931)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sbc.core.message import BadMessage, Intent, Kind, Phase
from sbc.h323 import logical
from sbc.h323.causes import ELSEWHERE, ENDINGS, cause_of
from sbc.h323.message import H323Message
from sbc.h323.naming import bare, call_of, dialled_of, maker_of, name_of, user_of
from sbc.h323.priority import priority_of

PROGRESS = frozenset({"callProceeding", "alerting", "progress", "setupAcknowledge"})
_CARRIERS = frozenset({"fastStart", "h245Control", "parallelH245Control"})
_DECIDED = frozenset({"h245Address", "h245SecurityMode", "fastConnectRefused", "tokens"})
"""By what a CallProceeding decides how the call goes on: who has heard it takes another gateway's word amiss. Tokens
may be one half of a key for media (H.235.6)."""


def describe_signal(message: H323Message) -> Intent:
    """The Intent of a message. @raises BadMessage.

    A call is known by its call reference on its own connection. Nothing but Setup is answered; a ReleaseComplete of who
    was called refuses the Setup, or ends what it has begun."""
    head = message.message.q931
    if head is None:
        raise BadMessage("no call signalling")
    name, back = head.name, head.from_destination
    call, value = b"%d" % head.call_reference, message.value if isinstance(message.value, dict) else {}
    intent = Intent(Kind.OTHER, Phase.CONFIRM, call, b"", method=name, within=True, bound=True, frank=True)
    intent.label, intent.back = identifier(value).hex().encode(), back
    setup = b"setup " + call
    if name == "setup":
        if back:
            raise BadMessage("a Setup from who was called")
        intent.kind, intent.phase, intent.exchange, intent.within = Kind.OPEN, Phase.REQUEST, setup, False
        _setup(intent, message, value)
    elif back and name in PROGRESS:
        intent.kind, intent.phase, intent.exchange, intent.within = Kind.ANSWER, Phase.PROVISIONAL, setup, False
        intent.mute = name == "callProceeding" and value.keys().isdisjoint(_DECIDED) and not _describes(message)
    elif back and name == "connect":
        intent.kind, intent.phase, intent.exchange, intent.within = Kind.ANSWER, Phase.SUCCESS, setup, False
    elif name == "releaseComplete":
        _release(intent, message)
        if back:
            intent.kind, intent.phase, intent.exchange, intent.ends = Kind.ANSWER, Phase.FAILURE, setup, True
            intent.within = False
    elif _describes(message):
        intent.kind = Kind.MODIFY
        intent.accepts = back and bool(logical.proposals(message.message))
    if name == "facility" and not back:
        intent.comes_for = identifier(value)
    logical.note(intent, message)
    return intent


def _describes(message: H323Message) -> bool:
    """Whether anything is said of media."""
    return any(pdu.holder in _CARRIERS for pdu in message.message.pdus)


def identifier(value: Mapping[str, Any]) -> bytes:
    """The callIdentifier of a message; empty where it has none."""
    found = value.get("callIdentifier")
    return bytes(found["guid"]) if isinstance(found, dict) and any(found.get("guid", b"")) else b""


def _setup(intent: Intent, message: H323Message, value: Mapping[str, Any]) -> None:
    head = message.message.q931
    assert head is not None
    intent.heralds = call_of(value)
    intent.keeps, intent.many = bool(value.get("maintainConnection")), bool(value.get("multipleCalls"))
    intent.handle = name_of(value, "endpointIdentifier")
    calling, called = head.calling, head.called
    intent.user = user_of(value.get("sourceAddress")) or (calling or "").encode()
    intent.calling, intent.priority = bare(intent.user), priority_of(value)
    intent.callee = intent.called = user_of(value.get("destinationAddress")) or (called or "").encode()
    intent.dialled = dialled_of(value.get("destinationAddress"), called)
    intent.agent = maker_of(value.get("sourceInfo", {}).get("vendor"))


def _release(intent: Intent, message: H323Message) -> None:
    number = cause_of(message)
    intent.kind = Kind.CLOSE
    if number is None:
        return
    intent.cause = f"Q.850 {number}"
    intent.ending = ENDINGS.get(number)
    intent.elsewhere = ELSEWHERE.get(number)
