"""Tags of From and To (RFC 3261 section 19.3) that hold an address: some phones make theirs of their own.

Such a tag must not be seen on the other side, and must be what its party hears again: it crosses sealed.
"""

from __future__ import annotations

import re
from typing import Final

from sbc.core.crossing import Crossing
from sbc.core.parties import of_call, of_other
from sbc.core.realm import Hosts
from sbc.sip.codec import SipMessage
from sbc.sip.describe import single
from sbc.sip.params import unfold

_ADDRESS: Final = re.compile(rb"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|:[0-9A-Fa-f]{0,4}:")
"""Of the tag alone, whatever is known of its party: it has to be taken for one each time it is said."""
_SEALED: Final = re.compile(rb"[a-z2-7]{17,}+")
_NAMED: Final = re.compile(rb"(?<=;)(\s*+(?:to|from|local|remote)-tag\s*+=\s*+)([^\s;]++)", re.IGNORECASE)
"""How Replaces, Join (RFC 3891, 3911) and Target-Dialog (RFC 4538) name the parties."""


def write(message: SipMessage, crossing: Crossing) -> None:
    """Write the tags of a request as its receiver is to see them: the sender's hidden, its own as it has chosen it."""
    from_ = _written(message, "from")
    if _is_hidden(from_, crossing):
        _replace(message, "from", of_call(crossing).conceal(from_))
    to = _written(message, "to")
    if _SEALED.fullmatch(to) is not None:
        _replace(message, "to", of_call(crossing).reveal(to) or to)


def answered(message: SipMessage, crossing: Crossing) -> bytes:
    """The To tag of an answer, as its asker is to see it: as it is written, it may need its quotes."""
    tag = _written(message, "to")
    return of_call(crossing).conceal(tag) if _is_hidden(tag, crossing) else tag


def elsewhere(crossing: Crossing, dialogue: bytes) -> bytes:
    """What names another dialogue, Call-ID and tags, as it is named on the other side."""
    label, mark, tags = dialogue.partition(b";")
    parties = of_other(crossing, label.strip())

    def onward(match: re.Match[bytes]) -> bytes:
        tag = match[2]  # it may be either party's
        if _is_hidden(tag, crossing):
            return match[1] + parties.conceal(tag)
        return match[1] + (parties.reveal(tag) or tag if _SEALED.fullmatch(tag) is not None else tag)

    return parties.label + _NAMED.sub(onward, mark + tags)


def _is_hidden(tag: bytes, crossing: Crossing) -> bool:
    return _ADDRESS.search(tag) is not None and crossing.path.hosts is not Hosts.KEEP


def _written(message: SipMessage, name: str) -> bytes:
    """The tag of From or To, quotes and all; empty if there is none."""
    start, end = single(message, name).tag_span
    return unfold(message.data[start:end]) if start >= 0 else b""


def _replace(message: SipMessage, name: str, tag: bytes) -> None:
    message.edits.replace(*single(message, name).tag_span, tag)
