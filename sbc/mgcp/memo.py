"""What the responses to a command do not say themselves, and what is to be known of a call."""

from __future__ import annotations

import attrs

from sbc.core.plain import recalled, to_bytes


@attrs.frozen
class Memo:
    """A command as it came: its transaction identifier and endpoint in its own spelling, what it is about, and how many
    streams it described. `remote_only`: of descriptions it has asked for the remote one alone."""

    number: bytes
    verb: str
    endpoint: bytes
    call: bytes = b""
    connection: bytes = b""
    described: int = 0
    remote_only: bool = False
    counted: bytes = b""  # what a gateway has counted that deletes a connection itself


@attrs.frozen
class CallMemo:
    """Of a call: the domain of its endpoints as whoever asked for it writes it, and as it was written onward; and its
    CallId as both spell it."""

    asker: bytes = b""
    asked: bytes = b""
    call: bytes = b""


Kept = tuple[Memo | None, CallMemo | None]


def keep(memo: Memo | CallMemo | None) -> bytes:
    """A memo as bytes."""
    return to_bytes(Kept, (None, memo) if isinstance(memo, CallMemo) else (memo, None))


def recall(data: bytes) -> Memo | CallMemo | None:
    """The memo again. @raises BadMessage."""
    kept: Kept = recalled(Kept, data)
    request, call = kept
    return call if request is None else request
