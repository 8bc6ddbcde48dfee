"""What flows in channels, by RTP's names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import UNSAID, Width
from sbc.h323 import formats
from sbc.h323.formats import media_of, width_of
from sbc.media.codecs import agreed, clock


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (("audioData", ("g711Alaw64k", 20)), "audio PCMA/8000"),
        (("audioData", ("g711Ulaw64k", 20)), "audio PCMU/8000"),
        (("audioData", ("g729AnnexA", 2)), "audio G729/8000"),
        (("audioData", ("nonStandard", {})), "audio"),
        (("audioData", ("_ext_9", b"\x00")), "audio"),
        (("videoData", ("h263VideoCapability", {})), "video H263/90000"),
        (("data", {"application": ("t38fax", {})}), "image"),
        (("nullData", 0), ""),
        (None, ""),
        ("audioData", ""),
    ],
)
def test_what_a_channel_carries(said: Any, found: str) -> None:
    assert media_of(said) == found


@pytest.mark.parametrize("form", ["standard", "h221NonStandard"])
def test_capabilities_that_are_told_by_a_number(form: str) -> None:
    number: Any = (0, 0, 7, 7222, 1, 0)
    said = ("audioData", ("genericAudioCapability", {"capabilityIdentifier": (form, number)}))
    assert media_of(said) == ("audio AMR-WB/16000" if form == "standard" else "audio")
    said = ("videoData", ("genericVideoCapability", {"capabilityIdentifier": ("standard", (0, 0, 8, 241, 0, 0, 1))}))
    assert media_of(said) == "video H264/90000"
    assert media_of(("audioData", ("genericAudioCapability", {}))) == "audio"


def test_every_name_tells_its_clock() -> None:
    for table in (formats._AUDIO, formats._VIDEO, formats._GENERIC):
        for name in table.values():  # type: ignore[attr-defined]
            media = f"x {name}"
            assert agreed((media, "")) == [name] and clock((media, "")) >= 8000


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("audioData", ("g711Alaw64k", 20)), Width(packing=20)),
        (("audioData", ("g711Ulaw64k", 240)), UNSAID),  # what the receiver can take
        (("audioData", ("g729", 2)), Width(packing=20)),
        (("audioData", ("g729AnnexA", 6)), Width(packing=60)),
        (("audioData", ("g728", 8)), Width(packing=20)),
        (("audioData", ("g7231", {"maxAl-sduAudioFrames": 1, "silenceSuppression": False})), Width(packing=30)),
        (("audioData", ("gsmFullRate", {"audioUnitSize": 33})), Width(packing=20)),
        (("audioData", ("genericAudioCapability", {"maxBitRate": 240})), Width(media=24_000)),
        (("videoData", ("h263VideoCapability", {"maxBitRate": 3_200})), Width(media=320_000)),
        (("data", {"application": ("t38fax", {}), "maxBitRate": 144}), Width(media=14_400)),
        (("audioData", ("nonStandard", b"")), UNSAID),
        (("nullData", 0), UNSAID),
        (None, UNSAID),
    ],
)
def test_a_capability_says_how_much_flows(said: object, expected: Width) -> None:
    assert width_of(said) == expected


VALUES = st.recursive(
    st.none() | st.integers(min_value=0, max_value=2**32) | st.binary(max_size=4),
    lambda inner: (
        st.dictionaries(st.sampled_from(["maxBitRate", "audioUnitSize", "maxAl-sduAudioFrames", "x"]), inner)
        | st.tuples(st.sampled_from(["g711Alaw64k", "g729", "g7231", "gsmFullRate", "genericAudioCapability"]), inner)
    ),
    max_leaves=6,
)


@given(st.sampled_from(["audioData", "videoData", "data", "nullData"]), VALUES)
def test_of_any_capability_something_sound_is_read(kind: str, said: object) -> None:
    width = width_of((kind, said))
    assert 0 <= width.media <= 100 * 2**32 and 0 <= width.packing <= 60
