"""What is left of what a message proposes, or its sender could take: the rest stays, and all can read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sbc.core.message import Flow, Role, Slot, Width
from sbc.h323 import per
from sbc.h323.codec import MOST_OCTETS_ANEW, Wire, build_control, decode
from sbc.h323.formats import media_of, width_of
from sbc.h323.message import H323Message
from sbc.h323.narrow import Narrowing, able, narrowed
from sbc.h323.slots import slots
from tests.h323_calls import fast_start, setup, tunnel
from tests.h323_messages import RECORDED, needs_recorded
from tests.h323_tshark import judge, needs_tshark

HOST = "192.168.1.10"
G711, G729 = ("g711Alaw64k", 20), ("g729", 2)
DEAR, LEAN = Flow("audio PCMA/8000", Width(packing=20)), Flow("audio G729/8000", Width(packing=20))
H263 = {"sqcifMPI": 1, "maxBitRate": 3840, "unrestrictedVector": False, "arithmeticCoding": False}
H263 |= {"advancedPrediction": False, "pbFrames": False, "temporalSpatialTradeOffCapability": False}


def proposals(*codecs: Any) -> list[bytes]:
    return [each for codec in codecs for each in fast_start(HOST, codec=codec)]


def held(data: bytes) -> list[bytes]:
    found: list[bytes] = decode(data).value["fastStart"]
    return found


def places(data: bytes) -> list[Slot]:
    return slots(H323Message(decode(data)))


def left(data: bytes, **said: Any) -> tuple[bytes, list[str]]:
    notes: list[str] = []
    return narrowed(data, Narrowing(**said), notes), notes


def capabilities(*given: tuple[str, Any], **more: Any) -> bytes:
    said: Any = {"sequenceNumber": 1, "protocolIdentifier": (0, 0, 8, 245, 0, 7)}
    said["capabilityTable"] = [
        {"capabilityTableEntryNumber": number, "capability": each} for number, each in enumerate(given, 1)
    ]
    alternatives = [each for each in (list(range(1, len(given))), [len(given)]) if each]
    said["capabilityDescriptors"] = [{"capabilityDescriptorNumber": 0, "simultaneousCapabilities": alternatives}]
    return build_control("request", "terminalCapabilitySet", {**said, **more}, tpkt=False)


def sets(data: bytes) -> list[Any]:
    return [pdu.value for pdu in decode(data).pdus if pdu.name == "terminalCapabilitySet"]


def numbers(value: Any) -> list[int]:
    return [each["capabilityTableEntryNumber"] for each in value["capabilityTable"]]


VOICE = (("receiveAudioCapability", G711), ("receiveAndTransmitAudioCapability", G729))
VIDEO: Any = ("receiveVideoCapability", ("h263VideoCapability", H263))
KEYS: Any = ("receiveUserInputCapability", ("basicString", 0))


def test_proposals_that_go_are_cut_out_and_others_stay_octet_by_octet() -> None:
    data = setup(fastStart=proposals(G711, G729))
    new, notes = left(data, gone={(1, DEAR)}, proposals=[(1, LEAN)])
    assert held(new) == held(data)[2:] and notes == ["fastStart in setup: 3, 4 of 4 are left"]
    before, after = dict(decode(data).value), dict(decode(new).value)
    del before["fastStart"], after["fastStart"]
    assert before == after and len(data) - len(new) == sum(len(each) + 1 for each in held(data)[:2])


def test_better_ones_come_first_in_the_places_of_their_session() -> None:
    data = setup(fastStart=proposals(G711, G729))
    new, _ = left(data, proposals=[(1, LEAN), (1, DEAR)])
    assert held(new) == held(data)[2:] + held(data)[:2] and len(new) == len(data)
    assert left(data, proposals=[(1, DEAR), (1, LEAN)]) == (data, [])
    other = left(data, gone={(2, DEAR)}, proposals=[(2, LEAN)])
    assert other == (data, []), "of another session"


def test_a_proposal_is_told_by_its_slot_and_what_is_opened_otherwise_cannot_be_cut() -> None:
    data, wanted = setup(fastStart=proposals(G711, G729)), Narrowing()
    found = [each for each in places(data) if each.role in (Role.RTP, Role.RTCP)]
    for each in found:
        assert wanted.keep(each, None if each.media == DEAR.media else (0,))
    assert wanted.gone == {(1, DEAR)} and wanted.proposals == [(1, LEAN)]
    assert held(narrowed(data, wanted, [])) == held(data)[2:]
    opening = {**per.decode("OpenLogicalChannel", fast_start(HOST)[1])}
    tunnelled = tunnel(setup(), [build_control("request", "openLogicalChannel", opening, tpkt=False)])
    (slot,) = [each for each in places(tunnelled) if each.role is Role.RTCP]
    assert not Narrowing().keep(slot, None) and not Narrowing().keep(slot, (0,)) and Narrowing().keep(slot, ())


def test_what_a_party_is_able_to_take_are_voice_and_video() -> None:
    events: Any = ("receiveAudioCapability", ("audioTelephonyEvent", {"audioTelephoneEvent": "0-15"}))
    data = tunnel(setup(), [capabilities(*VOICE, VIDEO, events, KEYS)])
    assert list(able(decode(data))) == [DEAR, LEAN, Flow("video H263/90000", Width(media=384_000))]
    assert list(able(decode(setup()))) == []


def test_capabilities_that_go_go_from_the_table_and_from_what_goes_together() -> None:
    data = tunnel(setup(), [capabilities(*VOICE, VIDEO, KEYS)])
    new, notes = left(data, able=((1, 0),))
    (value,) = sets(new)
    assert numbers(value) == [2, 4] and notes[0].startswith("terminalCapabilitySet was encoded anew: ")
    assert value["capabilityDescriptors"] == [
        {"capabilityDescriptorNumber": 0, "simultaneousCapabilities": [[2], [4]]},
    ]


def test_the_first_of_alternatives_is_the_best() -> None:
    new, _ = left(tunnel(setup(), [capabilities(*VOICE, VIDEO, KEYS)]), able=((1, 0), (0, 0)))
    (value,) = sets(new)
    assert value["capabilityDescriptors"][0]["simultaneousCapabilities"] == [[2, 1], [4]]
    assert numbers(value) == [1, 2, 4], "the table has no order"


def test_what_others_mean_stays_and_what_is_about_one_goes_with_it() -> None:
    secured: Any = ("h235SecurityCapability", {"encryptionAuthenticationAndIntegrity": {}, "mediaCapability": 1})
    new, _ = left(tunnel(setup(), [capabilities(*VOICE, secured, KEYS)]), able=((1, 0),))
    assert [numbers(each) for each in sets(new)] == [[2, 4]]
    redundancy = {"redundancyEncodingMethod": ("rtpAudioRedundancyEncoding", 0), "primaryEncoding": 1}
    said = capabilities(*VOICE, VIDEO, KEYS, multiplexCapability=multiplex(redundancy))
    assert [numbers(each) for each in sets(left(tunnel(setup(), [said]), able=((1, 0),))[0])] == [[1, 2, 4]]


def rates(data: bytes) -> list[int | None]:
    return [width_of(("videoData", each["capability"][1])).media for each in sets(data)[0]["capabilityTable"]]


MPEG: Any = ("is11172VideoCapability", {"constrainedBitstream": True, "videoBitRate": 10_000})
H264: Any = ("genericVideoCapability", {"capabilityIdentifier": ("standard", (0, 0, 8, 241, 0, 0, 1))})


def test_video_goes_on_at_a_lower_rate() -> None:
    """In units of 100 bit/s, or of 400 (MPEG); one that had said nothing says it now."""
    shown = [("receiveVideoCapability", each) for each in (("h263VideoCapability", H263), MPEG, H264)]
    data = tunnel(setup(), [capabilities(*shown, KEYS)])
    assert rates(data)[:3] == [384_000, 4_000_000, 0]
    new, notes = left(data, able=((0, 128_000), (1, 256_000), (2, 192_000)))
    assert rates(new)[:3] == [128_000, 256_000, 192_000] and numbers(sets(new)[0]) == [1, 2, 3, 4]
    assert "entry 1 takes 128 kbit/s; entry 2 takes 256 kbit/s; entry 3 takes 192 kbit/s" in "; ".join(notes)
    assert left(new, able=((0, 384_000), (1, 0), (2, 0)))[0] == new, "never raised"


def test_video_shown_beside_is_lowered_in_each_of_its_codecs() -> None:
    """H.239: what is shown beside the people."""
    role = {"capabilityIdentifier": ("standard", (0, 0, 8, 239, 1, 2))}
    beside = {"videoCapability": [("h263VideoCapability", H263), H264], "videoCapabilityExtension": [role]}
    data = tunnel(setup(), [capabilities(("receiveVideoCapability", ("extendedVideoCapability", beside)), KEYS)])
    (entry, _) = sets(left(data, able=((0, 128_000),))[0])[0]["capabilityTable"]
    _, said = entry["capability"][1]
    assert [each["maxBitRate"] for _, each in said["videoCapability"]] == [1280, 1280]


def test_a_set_of_which_nothing_would_be_left_stays() -> None:
    """Without a table it would say that its sender wants nothing sent."""
    data = tunnel(setup(), [capabilities(VIDEO)])
    new, notes = left(data, able=())
    assert new == data and "stays as it is" in notes[0]
    new, _ = left(tunnel(setup(), [capabilities(VIDEO, KEYS)]), able=())
    assert [numbers(each) for each in sets(new)] == [[2]], "what it is keyed by stays"


def multiplex(redundancy: Any) -> Any:
    nothing: Any = {"multicastCapability": False, "multiUniCastConference": False, "mediaDistributionCapability": []}
    said: Any = {"maximumAudioDelayJitter": 60, "receiveMultipointCapability": nothing}
    said |= {"transmitMultipointCapability": nothing, "receiveAndTransmitMultipointCapability": nothing}
    said |= {"mcCapability": {"centralizedConferenceMC": False, "decentralizedConferenceMC": False}}
    said |= {"rtcpVideoControlCapability": False, "mediaPacketizationCapability": {"h261aVideoPacketization": False}}
    return "h2250Capability", {**said, "redundancyEncodingCapability": [redundancy]}


def test_what_cannot_be_encoded_anew_stays_as_it_is() -> None:
    large: Any = ("nonStandard", {"nonStandardIdentifier": ("object", (1, 3)), "data": bytes(MOST_OCTETS_ANEW)})
    data = tunnel(setup(), [capabilities(*VOICE, large, KEYS)])
    new, notes = left(data, able=((1, 0),))
    assert new == data and "stays as it is" in notes[0]


def test_an_empty_set_beside_one_with_codecs_stays_empty() -> None:
    said = {"sequenceNumber": 1, "protocolIdentifier": (0, 0, 8, 245, 0, 7)}
    empty = build_control("request", "terminalCapabilitySet", said, tpkt=False)
    new, _ = left(tunnel(setup(), [empty, capabilities(*VOICE, KEYS), empty]), able=((1, 0),))
    first, between, last = sets(new)
    assert first == last == said and numbers(between) == [2, 3]


def recorded(kind: str) -> list[tuple[str, bytes]]:
    return [(name, data) for name, data in RECORDED if has(data, kind)]


def has(data: bytes, kind: str) -> bool:
    message = decode(data)
    if kind == "fastStart":
        return message.name == "setup" and isinstance(message.value, dict) and kind in message.value
    return bool(list(able(message)))


def proposed(data: bytes) -> list[tuple[Any, Flow]]:
    return list(dict.fromkeys((each.stream, Flow(each.media, each.width)) for each in places(data) if each.media))


def flow_of(octets: bytes) -> Flow:
    whole = per.decode("OpenLogicalChannel", octets)
    said = whole.get("reverseLogicalChannelParameters", whole["forwardLogicalChannelParameters"])["dataType"]
    return Flow(media_of(said), width_of(said))


@needs_recorded
def test_recorded_proposals_lose_what_goes_and_nothing_else() -> None:
    found = recorded("fastStart")
    assert found
    for name, data in found:
        first, *others = proposed(data)
        new, _ = left(data, gone={first}, proposals=others)
        assert held(new) == [each for each in held(data) if flow_of(each) != first[1]], name


@needs_recorded
def test_recorded_capabilities_lose_what_goes_and_nothing_else() -> None:
    found, cut = recorded("capabilities"), 0
    assert len(found) > 5
    for name, data in found:
        flows = list(able(decode(data)))
        new, notes = left(data, able=tuple((place, 0) for place in range(1, len(flows))))
        stays = any("stays as it is" in each for each in notes)
        assert list(able(decode(new))) == (flows if stays else flows[1:]), name
        cut += not stays
    assert cut > len(found) // 2, "most can be encoded anew"


@needs_tshark
@needs_recorded
def test_tshark_understands_what_is_left(tmp_path: Path) -> None:
    for wire in (Wire.SIGNAL, Wire.CONTROL):
        came, new = [], []
        for _, data in [*recorded("fastStart"), *recorded("capabilities")]:
            if decode(data).wire is wire:
                flows, count = proposed(data), len(list(able(decode(data))))
                gone, further = set(flows[:1]), tuple((place, 0) for place in range(1, count))
                came.append(data)
                new.append(left(data, gone=gone, proposals=flows[1:], able=further if count else None)[0])
        assert came
        before = [(each.protocols, each.faults) for each in judge(tmp_path, wire, came)]
        assert [(each.protocols, each.faults) for each in judge(tmp_path, wire, new)] == before
