"""The beginning of a message of ours, as an ICMP error quotes it: which exchange it belongs to."""

from __future__ import annotations

import re

from sbc.sip.describe import exchange_name

_METHOD = re.compile(rb"([A-Z]{1,32}) ")
_BRANCH = re.compile(rb"\n(?:Via|v)[ \t]*:[^\r\n]*?;branch=(z9hG4bK[^;,\s]+)(?=[;,\s])", re.IGNORECASE)
_CALL_ID = re.compile(rb"\n(?:Call-ID|i)[ \t]*:[ \t]*([^\s]+)[ \t]*\r?\n", re.IGNORECASE)


def exchange_of(data: bytes) -> bytes | None:
    """The name of the transaction of the request that begins with `data`; None where that is not said yet.

    It need not be right where somebody else made it up: whoever asks compares it with what was sent.
    """
    method, branch, call_id = _METHOD.match(data), _BRANCH.search(data), _CALL_ID.search(data)
    if method is None or branch is None or call_id is None:
        return None
    return exchange_name(branch[1], method[1].decode(), call_id[1])
