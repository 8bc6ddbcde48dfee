"""Which PDUs are capability sets, and which of their entries are voice or video."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.h323.capabilities import kind_of, said, sets
from sbc.h323.codec import build_control, decode

PCMU = ("g711Ulaw64k", 20)


@pytest.mark.parametrize(
    ("capability", "kind"),
    [
        (("receiveAudioCapability", PCMU), "audioData"),
        (("transmitAudioCapability", PCMU), "audioData"),
        (("receiveVideoCapability", ("h261VideoCapability", {})), "videoData"),
        (("receiveAndTransmitVideoCapability", ("h263VideoCapability", {})), "videoData"),
        (("receiveAudioCapability", ("audioTelephonyEvent", {})), ""),
        (("receiveAudioCapability", ("audioTone", {})), ""),
        (("receiveAudioCapability", None), ""),
        (("receiveUserInputCapability", ("basicString", 0)), ""),
        (("h235SecurityCapability", {"mediaCapability": 1}), ""),
        (None, ""),
    ],
)
def test_what_would_flow(capability: Any, kind: str) -> None:
    entry = {"capabilityTableEntryNumber": 1} | ({} if capability is None else {"capability": capability})
    assert kind_of(entry) == kind
    assert said(entry) == (capability or ("", None))


def test_a_set_without_a_table_is_none() -> None:
    for table in ([{"capabilityTableEntryNumber": 1, "capability": ("receiveAudioCapability", PCMU)}], None):
        value: dict[str, Any] = {"sequenceNumber": 1, "protocolIdentifier": (0, 0, 8, 245, 0, 13)}
        value |= {} if table is None else {"capabilityTable": table}
        message = decode(build_control("request", "terminalCapabilitySet", value, tpkt=True))
        assert [pdu.value for pdu in sets(message)] == ([] if table is None else [value])
