"""What the dialect has kept in the core's memos, of a request and of a call, as bytes that outlive the process."""

from __future__ import annotations

from sbc.core.plain import recalled, to_bytes
from sbc.sip.memo import Memo
from sbc.sip.telephone import Renamed

Kept = tuple[Memo | None, Renamed | None]


def keep(memo: Memo | Renamed | None) -> bytes:
    """A memo as bytes."""
    return to_bytes(Kept, (memo, None) if isinstance(memo, Memo) else (None, memo))


def recall(data: bytes) -> Memo | Renamed | None:
    """The memo again. @raises BadMessage."""
    kept: Kept = recalled(Kept, data)
    request, call = kept
    return call if request is None else request
