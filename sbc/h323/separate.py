"""H.245 on a connection of its own (H.323 clause 8.2): what it means to the core; who is asked to open it."""

from __future__ import annotations

from typing import Any

from sbc.core.address import Address
from sbc.core.message import Intent, Kind, Phase
from sbc.h323 import logical
from sbc.h323.anew import transport_address
from sbc.h323.codec import build_signal, decode
from sbc.h323.message import H323Message
from sbc.h323.ras import PROTOCOL


def describe_control(message: H323Message) -> Intent:
    """The Intent of a message of H.245: nobody answers it as a request is answered, and which call it is of only its
    connection tells."""
    intent = Intent(Kind.MODIFY, Phase.CONFIRM, b"", b"", method=message.name, within=True, bound=True, control=True)
    logical.note(intent, message)
    return intent


def beckon(opening: bytes, to_asker: bool, address: Address) -> bytes | None:
    """The Facility that has a party of the call of the Setup `opening` connect to `address` (clause 8.2.3); None where
    nothing can be made of that."""
    asked = decode(opening)
    head, said = asked.q931, asked.value
    if head is None or not isinstance(said, dict) or "conferenceID" not in said:  # it had no user-user part
        return None
    body: dict[str, Any] = {
        "protocolIdentifier": PROTOCOL,
        "conferenceID": said["conferenceID"],
        "reason": ("startH245", 0),
        "h245Address": transport_address(address),
    }
    if "callIdentifier" in said:
        body["callIdentifier"] = said["callIdentifier"]
    try:
        return build_signal("facility", head.call_reference, to_asker, body, extra={"h245Tunnelling": False})
    except ValueError:
        return None
