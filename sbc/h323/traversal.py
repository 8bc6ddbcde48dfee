"""The types of H.460.18 and H.460.19 that stand inside generic data, made of the library's own, which lacks them."""

from __future__ import annotations

from copy import copy
from typing import Any


def traversal_types(h225: Any, h245: Any) -> dict[str, Any]:
    """Of the library's H.225.0 and H.245: H.460.18's IncomingCallIndication and LRQKeepAliveData, and H.460.19's
    TraversalParameters."""
    number32, number7 = h225.Content._cont["number32"], h225.AlternateGK._cont["priority"]
    return {
        "IncomingCallIndication": _sequence(
            "IncomingCallIndication",
            {"callSignallingAddress": h225.TransportAddress, "callID": h225.CallIdentifier},
        ),
        "LRQKeepAliveData": _sequence("LRQKeepAliveData", {"lrqKeepAliveInterval": h225.TimeToLive}),
        "TraversalParameters": _sequence(
            "TraversalParameters",
            {},
            {
                "multiplexedMediaChannel": h245.TransportAddress,
                "multiplexedMediaControlChannel": h245.TransportAddress,
                "multiplexID": number32,
                "keepAliveChannel": h245.TransportAddress,
                "keepAlivePayloadType": number7,
                "keepAliveInterval": h225.TimeToLive,
            },
        ),
    }


def _sequence(name: str, needed: dict[str, Any], optional: dict[str, Any] | None = None) -> Any:
    """An extensible SEQUENCE without additions: components that must be there, then some that may."""
    from pycrate_asn1rt.asnobj_construct import SEQ
    from pycrate_asn1rt.dictobj import ASN1Dict

    made = SEQ(name=name)
    components = []
    for each, kind in (needed | (optional or {})).items():
        component = copy(kind)
        component._name, component._opt = each, each not in needed
        components.append((each, component))
    made._cont = ASN1Dict(components)
    made._ext, made._ext_ident, made._ext_group, made._ext_nest = [], {}, {}, []
    made._root = [each for each, _ in components]
    made._root_mand, made._root_opt = list(needed), list(optional or {})
    return made
