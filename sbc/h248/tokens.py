"""The words of H.248's text encoding, long and short, of versions 1 to 3 (Annex B.2)."""

from __future__ import annotations

from sbc.h248.message import Body, Verb

SHORT = {
    "MEGACO": "!",
    "Authentication": "AU",
    "Transaction": "T",
    "Reply": "P",
    "Pending": "PN",
    "TransactionResponseAck": "K",
    "Segment": "SM",
    "Error": "ER",
    "ImmAckRequired": "IA",
    "END": "&",
    "Context": "C",
    "Emergency": "EG",
    "EmergencyOff": "EGO",
    "Priority": "PR",
    "Topology": "TP",
    "IEPSCall": "IEPS",
    "ContextAttr": "CT",
    "ContextAudit": "CA",
    "Add": "A",
    "Move": "MV",
    "Modify": "MF",
    "Subtract": "S",
    "AuditValue": "AV",
    "AuditCapability": "AC",
    "Notify": "N",
    "ServiceChange": "SC",
    "Media": "M",
    "Stream": "ST",
    "Local": "L",
    "Remote": "R",
    "LocalControl": "O",
    "TerminationState": "TS",
    "Mode": "MO",
    "ReserveGroup": "RG",
    "SendOnly": "SO",
    "ReceiveOnly": "RC",
    "SendReceive": "SR",
    "Inactive": "IN",
    "Loopback": "LB",
    "Services": "SV",
    "Method": "MT",
    "Reason": "RE",
    "ServiceChangeAddress": "AD",
    "MgcIdToTry": "MG",
    "Delay": "DL",
    "Version": "V",
    "Profile": "PF",
    "ServiceChangeInc": "SIC",
    "Restart": "RS",
    "Forced": "FO",
    "Graceful": "GR",
    "Disconnected": "DC",
    "HandOff": "HO",
    "Failover": "FL",
    "Audit": "AT",
    "Statistics": "SA",
    "Signals": "SG",
    "SignalList": "SL",
    "Events": "E",
    "EventBuffer": "EB",
    "ObservedEvents": "OE",
    "DigitMap": "DM",
    "Packages": "PG",
    "Modem": "MD",
    "Mux": "MX",
}
"""The short form of each long token that is read or written here. Short forms are words of their place alone: ``S`` is
Subtract among commands, ``IN`` a mode, ``AT`` a descriptor."""


def _forms(*words: str) -> dict[bytes, str]:
    """The long form, in lower case, of both forms in lower case."""
    return {form.lower().encode(): word.lower() for word in words for form in (word, SHORT[word])}


BODIES = {
    form: body
    for word, body in (
        ("Transaction", Body.REQUEST),
        ("Reply", Body.REPLY),
        ("Pending", Body.PENDING),
        ("TransactionResponseAck", Body.ACK),
        ("Segment", Body.SEGMENT),
        ("Error", Body.ERROR),
    )
    for form in (word.lower().encode(), SHORT[word].lower().encode())
}
"""What a message holds, by its first word in lower case."""

VERBS = {
    prefix + form: (verb, b"o-" in prefix, b"w-" in prefix)
    for verb in Verb
    for form in (verb.value.lower().encode(), SHORT[verb.value].lower().encode())
    for prefix in (b"", b"o-", b"w-", b"o-w-", b"w-o-")
}
"""The commands by their word in lower case, whether they are optional, and want one reply for all."""

CONTEXT = _forms("Context", "Error", "ImmAckRequired", "Emergency", "EmergencyOff", "Topology")
DESCRIPTORS = _forms(
    "Media", "Services", "Audit", "Statistics", "Signals", "Events", "EventBuffer", "ObservedEvents", "DigitMap",
    "Packages", "Modem", "Mux", "Error", "Topology", "Emergency", "Priority",
)  # fmt: skip
MEDIA = _forms(
    "Stream", "Local", "Remote", "LocalControl", "Statistics", "TerminationState", "Mode", "ReserveGroup", "SignalList"
)
MODES = _forms("SendOnly", "ReceiveOnly", "SendReceive", "Inactive", "Loopback")
SWITCHES = {b"on": True, b"off": False}
SERVICES = _forms(
    "Method", "Reason", "ServiceChangeAddress", "MgcIdToTry", "Delay", "Version", "Profile", "ServiceChangeInc"
)
METHODS = _forms("Restart", "Forced", "Graceful", "Disconnected", "HandOff", "Failover")
ENDS = frozenset((b"end", b"&"))
"""What says that a segment is the last."""
