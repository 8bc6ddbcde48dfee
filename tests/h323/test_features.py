"""Features that are answered to terminals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sbc.h323.codec import Wire, decode
from sbc.h323.features import Answered, answered, has_ours, incoming_call, offers
from tests.h323_calls import GUID
from tests.h323_tshark import judge, needs_tshark
from tests.rig import SBC_ACCESS


def features(**lists: Any) -> Any:
    return {"replacementFeatureSet": False} | {
        name: [{"id": ("standard", number)} for number in numbers] for name, numbers in lists.items()
    }


@pytest.mark.parametrize("name", ["supportedFeatures", "desiredFeatures", "neededFeatures"])
def test_a_feature_may_be_offered_in_each_list(name: str) -> None:
    value = {"featureSet": features(**{name: (9, 18)})}
    assert offers(value, 18) and not offers(value, 17) and has_ours(value)
    assert not offers({}, 18)


def test_ours_are_taken_out_and_put_in() -> None:
    value = {"timeToLive": 60, "featureSet": features(neededFeatures=(9, 19), supportedFeatures=(18,))}
    assert answered(value, Answered()) == {"timeToLive": 60, "featureSet": features(neededFeatures=(9,))}
    assert answered({}, Answered((18,))) == {"featureSet": features(supportedFeatures=(18,))}
    assert answered({"featureSet": features(supportedFeatures=(17,))}, Answered()) == {}
    other = {"id": ("oid", (1, 2))}
    kept = {"replacementFeatureSet": False, "supportedFeatures": [other]}
    assert answered({"featureSet": kept}, Answered()) == {"featureSet": kept}


def test_a_terminal_is_told_of_a_call() -> None:
    data = incoming_call(77, GUID, SBC_ACCESS)
    message = decode(data)
    (held,) = message.pdus[1:]
    assert held.type == "IncomingCallIndication" and held.whole["callID"] == {"guid": GUID}
    assert message.value["requestSeqNum"] == 77


@needs_tshark
def test_tshark_understands_it(tmp_path: Path) -> None:
    (judged,) = judge(tmp_path, Wire.RAS, [incoming_call(77, GUID, SBC_ACCESS)])
    assert not judged.faults and SBC_ACCESS.host in judged.hosts
