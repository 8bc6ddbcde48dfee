"""What flows in a channel of H.245, by the names that RTP has for it, and how much: for detail records, for its clock,
and for the bandwidth it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sbc.core.message import UNSAID, Width

_AUDIO = {
    "g711Alaw64k": "PCMA/8000",
    "g711Alaw56k": "PCMA/8000",
    "g711Ulaw64k": "PCMU/8000",
    "g711Ulaw56k": "PCMU/8000",
    "g722-64k": "G722/8000",
    "g722-56k": "G722/8000",
    "g722-48k": "G722/8000",
    "g7231": "G723/8000",
    "g7231AnnexCCapability": "G723/8000",
    "g728": "G728/8000",
    "g729": "G729/8000",
    "g729AnnexA": "G729/8000",
    "g729wAnnexB": "G729/8000",
    "g729AnnexAwAnnexB": "G729/8000",
    "g729Extensions": "G729/8000",
    "gsmFullRate": "GSM/8000",
    "gsmHalfRate": "GSM-HR-08/8000",
    "gsmEnhancedFullRate": "GSM-EFR/8000",
}
_VIDEO = {"h261VideoCapability": "H261/90000", "h262VideoCapability": "MPV/90000", "h263VideoCapability": "H263/90000"}
_GENERIC = {
    (0, 0, 7, 7221, 1, 0): "G7221/16000",
    (0, 0, 7, 7221, 1, 1, 0): "G7221/16000",
    (0, 0, 7, 7222, 1, 0): "AMR-WB/16000",
    (0, 0, 8, 245, 1, 1, 1): "AMR/8000",
    (0, 0, 8, 241, 0, 0, 1): "H264/90000",
}
"""Capabilities that are told by a number (H.245 annexes I and R, G.722.1, G.722.2, H.241)."""
_FRAMES = {  # ms of each of the frames that a packet holds (H.245 clause B.2.2.6, H.225.0 clause 6.2.1)
    "G711": 1.0,
    "G722": 1.0,
    "G728": 2.5,
    "G729": 10.0,
    "G723": 30.0,
}
_NAMES = {"PCMA": "G711", "PCMU": "G711"}
_GSM_OCTETS = {"gsmFullRate": 33, "gsmHalfRate": 14, "gsmEnhancedFullRate": 31}  # of a frame of 20 ms
_LONGEST = 60
"""Ms of media in a packet. What allows more than that says what the receiver can take, not what is sent."""
_RATES = {"maxBitRate": 100, "videoBitRate": 400}
"""Components that say how fast, and the bit/s that each unit stands for (H.245 clauses B.2.2.4 to B.2.2.8)."""
_SAYS = {
    "h261VideoCapability": "maxBitRate",
    "h262VideoCapability": "videoBitRate",
    "h263VideoCapability": "maxBitRate",
    "is11172VideoCapability": "videoBitRate",
    "genericVideoCapability": "maxBitRate",
}
"""Which of them stands in which capability of video."""
_MADE_OF = "videoCapability"
SECURED = "h235Media"
"""The dataType of what is secured: it holds that of what flows."""
_KINDS = {"audioData": "audio", "videoData": "video", "data": "image"}


def flowing(data_type: Any) -> Any:
    """A dataType without what is said of how it is secured (H.245 h235Media): what flows."""
    secured = isinstance(data_type, tuple) and data_type[0] == SECURED and isinstance(data_type[1], dict)
    return data_type[1].get("mediaType") if secured else data_type


def media_of(data_type: Any) -> str:
    """What a dataType (a pair of name and value) says, as Slot.media has it: ``audio PCMU/8000``; the kind alone where
    what flows there has no name here, and nothing where nothing flows."""
    data_type = flowing(data_type)
    if not isinstance(data_type, tuple) or data_type[0] not in _KINDS:
        return ""
    kind, said = _KINDS[data_type[0]], data_type[1]
    name, value = said if isinstance(said, tuple) and len(said) == 2 else ("", None)
    found = _AUDIO.get(name) if kind == "audio" else _VIDEO.get(name)
    if name.startswith("generic") and isinstance(value, dict):
        found = _GENERIC.get(_number(value.get("capabilityIdentifier")))
    return f"{kind} {found}" if found is not None else kind


def _number(identifier: Any) -> tuple[int, ...]:
    """The object identifier of a capability; empty where it has another name."""
    form, value = identifier if isinstance(identifier, tuple) and len(identifier) == 2 else ("", ())
    return tuple(value) if form == "standard" else ()


def width_of(data_type: Any) -> Width:
    """What a dataType says of how much flows: frames a packet, and bits a second (H.245 clause B.2.2)."""
    data_type = flowing(data_type)
    if not isinstance(data_type, tuple) or data_type[0] not in _KINDS:
        return UNSAID
    said = data_type[1]
    if data_type[0] == "data":
        return _rated(said)
    name, value = said if isinstance(said, tuple) and len(said) == 2 else ("", None)
    if data_type[0] == "videoData" or name.startswith("generic"):
        return _rated(value)
    packing = _packing(name, value)
    return Width(packing=packing) if 0 < packing <= _LONGEST else UNSAID


def _rated(value: Any) -> Width:
    """By the first component that says it."""
    for name, unit in _RATES.items():
        rate = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(rate, int) and rate > 0:
            return Width(media=rate * unit)
    return UNSAID


def slower(said: Any, rate: int) -> Any:
    """A capability of video that takes no more than so many bit/s; H.239's, that of each of which it is made up."""
    name, value = said
    if name == "extendedVideoCapability":
        return name, {**value, _MADE_OF: [slower(each, rate) for each in value[_MADE_OF]]}
    if name not in _SAYS:
        return said
    held = _SAYS[name]
    unit = _RATES[held]
    before = value.get(held, 0)
    return name, {**value, held: min(before or rate // unit, max(rate // unit, 1))}


def _packing(name: str, value: Any) -> int:
    if isinstance(value, Mapping):
        if name in _GSM_OCTETS:
            size = value.get("audioUnitSize")
            return size // _GSM_OCTETS[name] * 20 if isinstance(size, int) else 0
        value = value.get("maxAl-sduAudioFrames", value.get("maxAl-sduFrames", value.get("audioUnit")))
    if not isinstance(value, int):
        return 0
    codec = _AUDIO.get(name, "").partition("/")[0]
    return int(value * _FRAMES.get(_NAMES.get(codec, codec), 0.0))
