"""The types of H.460.18 and H.460.19, against octets by hand."""

from __future__ import annotations

import pytest

from sbc.h323 import per
from tests.h323_messages import GUID, ip, unicast

INDICATION = {"callSignallingAddress": ip(), "callID": {"guid": GUID}}
# extension 0, address: extension 0, 000; then aligned: the address; callID: extension 0; aligned: 16 octets
INDICATION_OCTETS = "00" + "c0a8010a06b8" + "00" + GUID.hex()

PARAMETERS = {"multiplexID": 70000, "keepAliveChannel": unicast(), "keepAlivePayloadType": 96, "keepAliveInterval": 20}
# 0 001111; multiplexID: 10, which is 3 octets; unicast 0 0, iPAddress 0 000 0; 7 bits; interval: 00, across a
# boundary, which is one octet
PARAMETERS_OCTETS = "1f00" + "011170" + "00" + "c0a8010a06b8" + "c000" + "13"


@pytest.mark.parametrize(
    ("name", "value", "octets"),
    [
        ("IncomingCallIndication", INDICATION, INDICATION_OCTETS),
        ("TraversalParameters", PARAMETERS, PARAMETERS_OCTETS),
        ("TraversalParameters", {}, "00"),
        ("LRQKeepAliveData", {"lrqKeepAliveInterval": 20}, "0013"),
    ],
)
def test_octets(name: str, value: object, octets: str) -> None:
    assert per.encode(name, value).hex() == octets
    assert per.decode(name, bytes.fromhex(octets)) == value
