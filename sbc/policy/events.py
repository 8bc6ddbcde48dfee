"""What policies are asked about, and what they answer: small values that name no protocol."""

from __future__ import annotations

from typing import NamedTuple

from sbc.core.address import Address
from sbc.core.message import Cause, Intent
from sbc.core.orders import Listener
from sbc.core.word import Word


class Standing(Word):
    """How far who sends something is known."""

    STRANGER = "stranger"
    REGISTERED = "registered"  # a terminal that a registrar has confirmed, at that very source
    TRUNK = "trunk"  # one that is configured, at that very source
    TRUSTED = "trusted"  # a host of the core's


class Message(NamedTuple):
    """A request that has been understood and would cross. `terminal` is the id of the binding it comes from, empty for
    strangers; `proven` the name that its sender's certificate has shown."""

    listener: Listener
    source: Address
    standing: Standing
    intent: Intent
    terminal: str = ""
    proven: str = ""


class Outcome(Word):
    """What became of something that was sent to us."""

    BAD = "bad"  # it was no message
    STRAY = "stray"  # an answer to what was never asked
    REFUSED = "refused"  # by the SBC itself
    CHALLENGED = "challenged"  # it showed no credentials, and was asked for some
    WRONG = "wrong"  # it showed credentials, and they were not taken
    FAILED = "failed"  # whoever was asked did not take it
    ACCEPTED = "accepted"


class Act(Word):
    """What is done with what a policy does not let pass."""

    DROP = "drop"  # as if it had never come
    REJECT = "reject"  # its sender is told, in the protocol's words
    HOLD = "hold"  # the same, but late


class Verdict(NamedTuple):
    """Why something does not pass. `word` is a fixed word by which it is counted, `by` the name of the rule or limit,
    `why` is what its sender is told, with `cause` and `retry_after` (seconds). An answer is held for `seconds`."""

    act: Act
    word: str
    by: str = ""
    why: str = "not allowed"
    cause: Cause = Cause.FORBIDDEN
    retry_after: int | None = None
    seconds: float = 0.0
