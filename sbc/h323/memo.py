"""What the answers to a request must carry back, and what is to be known of a call."""

from __future__ import annotations

import attrs

from sbc.core.plain import recalled, to_bytes


@attrs.frozen
class Memo:
    """The requestSeqNum under which it came."""

    number: int


@attrs.frozen
class CallMemo:
    """Of a call: which of its parties, who asked first, have tunnelled H.245, whether its terminal keeps the way of its
    media open itself, and whether it can bring all its media to one port. It ends with the process, as its call."""

    tunnels: tuple[bool, bool] = (False, False)
    pinholes: bool = False
    multiplexes: bool = False


def keep(memo: Memo | None) -> bytes:
    """A memo as bytes."""
    return to_bytes(Memo | None, memo)


def recall(data: bytes) -> Memo | None:
    """The memo again. @raises BadMessage."""
    memo: Memo | None = recalled(Memo | None, data)
    return memo
