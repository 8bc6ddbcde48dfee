"""Provisional answers that must arrive (100rel, RFC 3262), where the callee knows of them and the caller does not.

The SBC then has the caller's part towards the callee: it says that they have arrived, and hands them on as plain ones.
"""

from __future__ import annotations

from typing import Final

import attrs

from sbc.core.crossing import Crossing
from sbc.core.realm import Side
from sbc.sip.codec import SipMessage, decode
from sbc.sip.describe import option_tags, single
from sbc.sip.memo import Early, Memo
from sbc.sip.options import Reliable, of

MOST_EARLY = 8
"""The most early dialogues of one attempt whose descriptions are kept."""
_TAG: Final = b"100rel"


def shield(message: SipMessage, crossing: Crossing) -> bytes:
    """Whether the SBC is to receive the provisional answers to an INVITE for its asker, is noted in the exchange.

    Returns the header line by which the callee is told that they are received; empty if it is told nothing. Without an
    offer in the INVITE it cannot be done: a reliable answer would hold the offer, and the PRACK had to answer it, which
    only the caller can (RFC 3262 section 5).
    """
    wanted = of(crossing.path).reliable
    if wanted is Reliable.PASS or message.method != "INVITE" or not message.cache.get("sdp"):
        return b""
    if _TAG in option_tags(message, "supported") | option_tags(message, "require"):
        return b""
    crossing.exchange.receives = True
    return b"Supported: " + _TAG if wanted is Reliable.OFFER and crossing.there.side is Side.CORE else b""


def make_plain(message: SipMessage, crossing: Crossing) -> None:
    """Make a reliable provisional answer a plain one, for a caller to whom it would mean nothing; keep its description,
    which the final answer need not repeat."""
    if not crossing.intent.receipt:
        return
    for header in message.all("rseq"):
        message.edits.drop(header.line_start, header.line_end)
    for header in message.all("require"):
        tags = [tag.strip() for tag in message.edits.between(message.data, header.start, header.end).split(b",")]
        others = [tag for tag in tags if tag.lower() != _TAG]
        if others:
            message.edits.overwrite(header.start, header.end, b", ".join(others))
        else:
            message.edits.drop(header.line_start, header.line_end)
    memo: Memo = crossing.exchange.memo
    if message.body_start < message.body_end:
        body = message.data[message.body_start : message.body_end]
        kept = Early(single(message, "to").tag, message.value("content-type") or b"", body)
        others_kept = tuple(each for each in memo.early if each.party != kept.party)
        crossing.exchange.memo = attrs.evolve(memo, early=(*others_kept, kept)[-MOST_EARLY:])


def complete(message: SipMessage, memo: Memo) -> SipMessage:
    """A 2xx with the description that its party has given in a reliable provisional answer, if it does not repeat it:
    to the caller that one was no answer yet (RFC 3261 section 13.2.1, RFC 3262 section 5)."""
    if message.status // 100 != 2 or message.body_start < message.body_end or not memo.early:
        return message
    party = single(message, "to").tag
    kept = next((each for each in memo.early if each.party == party), None)
    if kept is None:
        return message
    length, edits = message.first("content-length"), message.edits
    if length is not None:
        edits.replace(length.start, length.end, b"%d" % len(kept.body))
    for header in message.all("content-type"):
        edits.drop(header.line_start, header.line_end)
    if kept.content_type:
        via = message.all("via")[0]
        edits.insert(via.line_end, b"Content-Type: " + kept.content_type + message.eol)
    return decode(edits.apply(message.data[: message.body_start]) + kept.body)
