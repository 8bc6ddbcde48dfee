"""Who a caller is said to be, and by whom: identities asserted within a trust domain do not enter or leave it unasked.

RFC 3325; the access realm is outside the domain, unless its path says otherwise.
"""

from __future__ import annotations

import re
from typing import Final

from sbc.core.crossing import Crossing
from sbc.core.realm import Side
from sbc.sip.codec import SipMessage
from sbc.sip.options import Asserted, of

_ASSERTED: Final = "p-asserted-identity"
_OLDER: Final = "remote-party-id"  # the same before there was an RFC, with its own word for privacy
_HIDDEN: Final = re.compile(rb";\s*+privacy\s*+=\s*+\"?+(?!off)")


def filter_asserted(message: SipMessage, crossing: Crossing) -> None:
    """Take out what a terminal asserts of itself, and what it is not to see of others (RFC 3325 sections 5 and 7)."""
    names = message.places
    if (_ASSERTED not in names and _OLDER not in names) or of(crossing.path).asserted is Asserted.KEEP:
        return
    inwards = crossing.there.side is Side.CORE
    private = not inwards and is_private(message)
    for name in (_ASSERTED, _OLDER):
        for header in message.all(name):
            said = message.data[header.start : header.end].lower()
            if inwards or private or (name == _OLDER and _HIDDEN.search(said)):
                message.edits.drop(header.line_start, header.line_end)


def is_private(message: SipMessage) -> bool:
    """Whether the user wants the network to keep it to itself (``Privacy: id``, RFC 3325 section 9.3)."""
    said = b";".join(message.data[header.start : header.end] for header in message.all("privacy"))
    return b"id" in re.split(rb"[;,\s]+", said.lower())
