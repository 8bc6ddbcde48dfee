"""What channels say of how they are secured, and how it is written anew: keys of one side are nowhere on the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import BadMessage
from sbc.core.secured import UNFIT, Key, OneWay, Secured
from sbc.h323 import per, securing, srtp
from sbc.h323.codec import Wire, build_control, build_ras, build_signal, decode
from sbc.h323.message import H323Message
from sbc.h323.securing import Securing
from tests.calls.test_h323_channels import ack, olc
from tests.calls.test_h323_secured import channel, keyed, proposals, secured
from tests.h323_calls import fast_start, setup
from tests.h323_tshark import judge, needs_tshark, said_by_tshark

_80, _32 = srtp.OIDS
HOST = "192.168.1.10"
THEIRS, OURS = Key(_80, bytes(range(31, 61)), tag=3), Key(_32, bytes(range(131, 161)))
TOLD = Secured((OURS,), demands=True, takes=(_32,))


def packet(control: bytes) -> bytes:
    return b"\x03\x00" + (len(control) + 4).to_bytes(2, "big") + control


OPENED = packet(channel(HOST, 3, 4001, THEIRS.secret))
PLAIN = packet(olc(HOST, 3, 4001))


def written(data: bytes, *told: Secured | None, wanted: Securing | None = None) -> bytes:
    message = H323Message(decode(data))
    message.securing = wanted or Securing(dict(enumerate(told)))
    return message.encode()


def said(data: bytes) -> Secured | None:
    pdu = decode(data).pdu
    assert pdu is not None
    return securing.said(pdu)


def test_a_channel_says_its_suites_and_the_key_of_who_sends() -> None:
    assert said(PLAIN) is None
    assert said(OPENED) == Secured((THEIRS,), demands=True, takes=(_80,))
    assert said(packet(olc(HOST, 3, 4001, carries=secured(suite=_32)))) == Secured(demands=True, takes=(_32,))
    assert said(packet(keyed(olc(HOST, 3, 4001), THEIRS.secret))) is None  # a key without anything that is secured


def test_what_is_secured_otherwise_has_no_key_and_no_suite() -> None:
    integrity = {"encryptionCapability": [("algorithm", (2, 16, 840, 1, 101, 3, 4, 1, 2))]}
    kind: Any = (
        "h235Media",
        {"encryptionAuthenticationAndIntegrity": integrity, "mediaType": secured()[1]["mediaType"]},
    )
    assert said(packet(keyed(olc(HOST, 3, 4001, carries=kind), THEIRS.secret))) == Secured(demands=True)


def test_which_direction_a_channel_is_for() -> None:
    assert securing.one_way(H323Message(decode(PLAIN)), decode(PLAIN).pdus[0]) == OneWay(
        True, tag=3, suites=tuple(srtp.OIDS)
    )
    answered = decode(packet(ack(HOST, 3, 5000)))
    assert securing.one_way(H323Message(answered), answered.pdus[0]).mute
    for offers, name, sends in ((True, "setup", [False, True]), (False, "connect", [True, False])):
        data = setup(fastStart=fast_start(HOST, offers=offers))
        message = decode(data)
        if name != "setup":
            said = {"protocolIdentifier": (0, 0, 8, 2250, 0, 7), "callIdentifier": {"guid": bytes(range(16))}}
            said |= {"destinationInfo": {"mc": False, "undefinedNode": False}, "conferenceID": bytes(range(16))}
            message = decode(build_signal(name, 7, True, {**said, "fastStart": fast_start(HOST, offers=offers)}))
        found = [securing.one_way(H323Message(message), pdu) for pdu in message.pdus if pdu.holder == "fastStart"]
        assert [each.sent for each in found] == sends and all(each.beside for each in found)


def test_a_channel_is_written_anew_with_our_key_or_none() -> None:
    assert said(written(OPENED, TOLD)) == Secured((Key(_32, OURS.secret, tag=3),), demands=True, takes=(_32,))
    assert said(written(PLAIN, TOLD)) == said(written(OPENED, TOLD))
    plain = written(OPENED, None)
    assert plain == PLAIN and THEIRS.secret[:16] not in plain
    assert written(PLAIN, None) == PLAIN
    silent = written(OPENED, Secured(demands=True, takes=(_80, _32)))
    assert said(silent) == Secured(demands=True, takes=(_80, _32)) and OURS.secret[:16] not in silent


def test_a_key_is_taken_out_of_what_says_nothing_else_of_it() -> None:
    answer = packet(keyed(ack(HOST, 3, 5000), THEIRS.secret))
    bare = written(answer, wanted=Securing(bare={0}))
    assert bare == packet(ack(HOST, 3, 5000))


def test_of_what_is_proposed_some_goes() -> None:
    data = setup(fastStart=[*fast_start(HOST), *proposals(HOST, THEIRS.secret, first=10)])
    held = [place for place, pdu in enumerate(decode(data).pdus) if pdu.holder == "fastStart"]
    told = dict(zip(held, (UNFIT, UNFIT, None, None), strict=True))
    left = [pdu for pdu in decode(written(data, wanted=Securing(told))).pdus if pdu.holder == "fastStart"]
    assert [pdu.whole["forwardLogicalChannelNumber"] for pdu in left] == [11, 111]
    assert all(securing.said(pdu) is None for pdu in left)


def test_what_cannot_be_written_anew_does_not_cross() -> None:
    broken = build_control("request", "openLogicalChannel", {**decode(OPENED).pdus[0].value, "_ext_9": b"\x00\x01"})
    message = H323Message(decode(broken))
    message.securing = Securing({0: None})
    with pytest.raises(BadMessage):
        message.encode()


@given(st.data())
def test_a_broken_channel_is_read_or_is_none(data: Any) -> None:
    """Whatever octets stand where keys and suites do: read, passed over, never an error of another kind."""
    said_key, raw = data.draw(st.binary(min_size=1, max_size=60)), data.draw(st.binary(max_size=40))
    integrity = {"genericH235SecurityCapability": {**srtp.generic((_80,)), "nonCollapsingRaw": raw}}
    value = decode(OPENED).pdus[0].value
    forward = dict(value["forwardLogicalChannelParameters"])
    forward["dataType"] = (
        "h235Media",
        {"encryptionAuthenticationAndIntegrity": integrity, "mediaType": secured()[1]["mediaType"]},
    )
    changed = {
        **value,
        "forwardLogicalChannelParameters": forward,
        "encryptionSync": {"synchFlag": 0, "h235Key": said_key},
    }
    found = said(build_control("request", "openLogicalChannel", changed))
    assert found is not None and found.demands and set(found.takes) <= set(srtp.OIDS)


@needs_tshark
def test_tshark_understands_what_is_written(tmp_path: Path) -> None:
    """A channel of each suite, with a key: no fault, and both stand where it looks for them."""
    written_anew = [
        written(PLAIN, Secured((Key(each, OURS.secret),), demands=True, takes=(each,))) for each in srtp.OIDS
    ]
    assert [each.faults for each in judge(tmp_path, Wire.CONTROL, written_anew)] == ["", ""]
    said = said_by_tshark(tmp_path, Wire.CONTROL, ("h245.nonCollapsingRaw", "h245.h235Key"))
    assert said == [[srtp.capability((each,)).hex(), srtp.keys(Key(each, OURS.secret)).hex()] for each in srtp.OIDS]


@needs_tshark
def test_tshark_finds_our_key_where_h235_has_generic_key_material(tmp_path: Path) -> None:
    """It reads no h235Key of H.245, but that of a token, which is of the same type."""
    token = {"tokenOID": (0, 0, 8, 235, 0, 2, 5), "h235Key": per.decode("H235Key", srtp.keys(OURS))}
    asked = {"requestSeqNum": 1, "protocolIdentifier": (0, 0, 8, 2250, 0, 7), "tokens": [token]}
    asked |= {
        "rasAddress": ("ipAddress", {"ip": bytes(4), "port": 1}),
        "endpointType": {"mc": False, "undefinedNode": True},
    }
    assert [each.faults for each in judge(tmp_path, Wire.RAS, [build_ras("gatekeeperRequest", asked)])] == [""]
    (said,) = said_by_tshark(tmp_path, Wire.RAS, ("h235.genericKeyMaterial",))
    assert said == [(b"\x01\x00\x10" + OURS.secret[:16] + b"\x0e" + OURS.secret[16:]).hex()]
