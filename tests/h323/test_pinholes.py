"""Where a terminal is told to send what keeps the way of its media open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sbc.core.address import Address
from sbc.h323 import per
from sbc.h323.codec import Wire, build_control, decode
from sbc.h323.pinholes import INTERVAL, NOTHING, Offer, concerns, offered, said_of_calls
from tests.calls.test_h323_calls import olc
from tests.h323_calls import address_in, fast_start, said_back, setup, tunnel
from tests.h323_tshark import judge, needs_tshark
from tests.rig import SBC_ACCESS

SERVER = Offer(True)
FEATURE: Any = {"id": ("standard", 19), "parameters": [{"id": ("standard", 2)}]}
OTHER: Any = {"id": ("standard", 9)}


def told(data: bytes) -> list[Any]:
    """What each channel says of the terminal's packets."""
    return [pdu.whole for pdu in decode(data).pdus if pdu.type == "TraversalParameters"]


def opening(host: str) -> bytes:
    """An openLogicalChannel of H.245, as one of fast start, whose addresses are at `host`."""
    value = per.decode("OpenLogicalChannel", fast_start(host)[1])
    return build_control("request", "openLogicalChannel", value, tpkt=False)


def test_each_channel_towards_the_terminal_says_where_to_and_how_often() -> None:
    asked = setup(SBC_ACCESS)
    for data in (offered(asked, SERVER), offered(tunnel(asked, [opening(SBC_ACCESS.host)]), SERVER)):
        (said,) = told(data)
        assert said["keepAliveInterval"] == INTERVAL
        assert address_in(said["keepAliveChannel"]) == Address(SBC_ACCESS.host, 4000)
        assert "multiplexID" not in said, "multiplexed media is not offered"


def test_what_opens_no_channel_is_left_alone() -> None:
    for data in (setup(SBC_ACCESS, fast=False), tunnel(setup(SBC_ACCESS), [])):
        assert offered(data, SERVER) == data


@pytest.mark.parametrize("port", [0, 1])
def test_a_channel_that_tells_no_port_for_its_rtcp_is_left_alone(port: int) -> None:
    """RTP's would be below: there is none below 0."""
    data = tunnel(setup(fast=False), [olc(SBC_ACCESS.host, port)])
    assert not concerns(decode(data), SERVER) and offered(data, SERVER) == data
    assert told(offered(tunnel(setup(fast=False), [olc(SBC_ACCESS.host, 2)]), SERVER))


def test_a_setup_offers_the_feature_of_a_server_and_an_answer_too() -> None:
    asked = setup(SBC_ACCESS, supportedFeatures=[OTHER, {"id": ("standard", 19)}])
    assert decode(said_of_calls(asked, SERVER)).value["supportedFeatures"] == [OTHER, FEATURE]
    back = said_of_calls(said_back("connect", asked), SERVER)
    assert decode(back).value["featureSet"]["supportedFeatures"] == [FEATURE]


@pytest.mark.parametrize("left", [(), (OTHER,)])
def test_the_core_hears_nothing_of_it(left: Any) -> None:
    features = [{"id": ("standard", 19)}, *left]
    found = decode(said_of_calls(setup(SBC_ACCESS, supportedFeatures=features), NOTHING)).value
    assert found.get("supportedFeatures", []) == list(left)
    answer = said_back("connect", setup(), featureSet={"replacementFeatureSet": False, "supportedFeatures": features})
    assert decode(said_of_calls(answer, NOTHING)).value.get("featureSet", {}).get("supportedFeatures", []) == list(left)


def test_what_is_no_setup_or_answer_has_no_features() -> None:
    data = tunnel(setup(), [])
    assert said_of_calls(data, SERVER) == data


@needs_tshark
def test_tshark_understands_it(tmp_path: Path) -> None:
    asked = setup(SBC_ACCESS)
    said = [said_of_calls(offered(asked, SERVER), SERVER), offered(tunnel(asked, [opening(SBC_ACCESS.host)]), SERVER)]
    assert not [each.faults for each in judge(tmp_path, Wire.SIGNAL, said) if each.faults]
