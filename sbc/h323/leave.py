"""Leave to call in RAS (H.225.0 clauses 7.11 and 7.13): what gives back the one that an admissionRequest was given."""

from __future__ import annotations

from typing import Any

from sbc.core.message import Ending
from sbc.h323.codec import build_ras, decode
from sbc.h323.per import Unencodable
from sbc.h323.q931 import cause
from sbc.text import q850

_SAME = ("conferenceID", "callReferenceValue", "callIdentifier", "gatekeeperIdentifier", "endpointIdentifier")
"""What both messages say of the call, in the same words."""


def give_back(sent: bytes, ending: Ending | None, token: bytes) -> bytes | None:
    """The disengageRequest of the call that the admissionRequest `sent` was about; None where that names its sender by
    what nobody may write."""
    asked = decode(sent).value
    said: dict[str, Any] = {name: asked[name] for name in _SAME if name in asked}
    said |= {"requestSeqNum": int(token), "disengageReason": ("normalDrop", 0)}
    said["answeredCall"] = bool(asked.get("answerCall"))
    if ending is not None:
        said["terminationCause"] = ("releaseCompleteCauseIE", cause(q850.cause(ending)))
    try:
        return build_ras("disengageRequest", said)
    except Unencodable:  # its name was read, and cannot be written
        return None
