"""Capability sets as the other side is told them: what is secured there, and nothing of what the sender can here."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from sbc.core.secured import MediaSecurity
from sbc.h323 import srtp
from sbc.h323.codec import build_control, decode
from sbc.h323.securing_sets import MOST, Able, rewrite, suites_of, told
from tests.steps import steps

_80, _32 = srtp.OIDS
SDES, NONE, OPTIONAL = MediaSecurity.SDES, MediaSecurity.NONE, MediaSecurity.OPTIONAL
PLAIN, SECURED, BOTH = Able(NONE, ()), Able(SDES, (_80, _32)), Able(OPTIONAL, (_80,))
A_LAW: Any = ("receiveAudioCapability", ("g711Alaw64k", 20))
_H261 = {"qcifMPI": 1, "temporalSpatialTradeOffCapability": False, "maxBitRate": 1, "stillImageTransmission": False}
VIDEO: Any = ("receiveVideoCapability", ("h261VideoCapability", _H261))
KEYS: Any = ("receiveUserInputCapability", ("basicString", 0))


def means(number: int, *suites: str) -> Any:
    integrity = {"genericH235SecurityCapability": srtp.generic(suites)}
    return "h235SecurityCapability", {"encryptionAuthenticationAndIntegrity": integrity, "mediaCapability": number}


def algorithm(number: int) -> Any:
    """By H.235.6, with keys of its own."""
    integrity = {"encryptionCapability": [("algorithm", (2, 16, 840, 1, 101, 3, 4, 1, 2))]}
    return "h235SecurityCapability", {"encryptionAuthenticationAndIntegrity": integrity, "mediaCapability": number}


def a_set(entries: dict[int, Any], *together: list[int]) -> dict[str, Any]:
    table = [{"capabilityTableEntryNumber": number, "capability": each} for number, each in entries.items()]
    value: dict[str, Any] = {"sequenceNumber": 1, "protocolIdentifier": (0, 0, 8, 245, 0, 7), "capabilityTable": table}
    if together:
        value["capabilityDescriptors"] = [
            {"capabilityDescriptorNumber": 0, "simultaneousCapabilities": list(together)},
            {"capabilityDescriptorNumber": 1},
        ]
    return value


def found(value: dict[str, Any]) -> tuple[dict[int, Any], list[list[int]]]:
    entries = {each["capabilityTableEntryNumber"]: each["capability"] for each in value["capabilityTable"]}
    descriptors = value.get("capabilityDescriptors", [{}])
    return entries, descriptors[0].get("simultaneousCapabilities", [])


MIXED = a_set({1: A_LAW, 2: means(1, _32), 3: VIDEO, 4: algorithm(3), 5: KEYS}, [1, 2], [4], [5])


def test_what_a_set_names() -> None:
    assert suites_of(MIXED) == (_32,)
    assert suites_of(a_set({1: A_LAW, 2: means(1, _32, _80), 3: means(1, _80)})) == (_32, _80)
    assert suites_of(a_set({1: A_LAW})) == ()


def raw(number: int, octets: bytes) -> Any:
    """An entry that says these octets of how it secures another."""
    name, said = means(number, _80)
    said["encryptionAuthenticationAndIntegrity"]["genericH235SecurityCapability"]["nonCollapsingRaw"] = octets
    return name, said


def test_a_set_of_very_many_suites_is_no_work() -> None:
    """Whoever is in a call may say it; all others wait."""
    flood = {2 + number: raw(1, bytes((100,)) + bytes(98) + bytes((0x20, number))) for number in range(250)}
    few = {2 + number: raw(1, srtp.capability((_80,))) for number in range(250)}
    found, many = steps(partial(suites_of, a_set({1: A_LAW, **flood})))
    same, usual = steps(partial(suites_of, a_set({1: A_LAW, **few})))
    assert (found, same) == ((), (_80,)) and many < 4 * usual
    assert suites_of(a_set({1: A_LAW, **few, 253: means(1, _32)})) == (_80, _32)


@pytest.mark.parametrize("able", [PLAIN, SECURED, BOTH])
def test_what_is_told_names_nothing_that_is_not_there(able: Able) -> None:
    """Entries that mean each other, themselves, others that mean another, or nothing."""
    tangled = {1: A_LAW, 2: means(3), 3: means(2), 4: means(4), 5: means(6), 6: means(1), 7: means(99)}
    value = told(a_set(tangled, [2, 3], [4], [5, 1], [6], [7], [1, 2]), able)
    entries, together = found(value)
    assert entries[1] == A_LAW and all(each in entries for one in together for each in one)
    assert together and all(together)
    message = decode(build_control("request", "terminalCapabilitySet", value))
    assert message.pdu is not None and message.pdu.value["capabilityTable"] == value["capabilityTable"]
    assert found(told(a_set({1: A_LAW, 2: means(2)}, [2]), PLAIN))[1] == []


def test_a_plain_side_hears_of_media_alone_and_of_all_of_it() -> None:
    assert found(told(MIXED, PLAIN)) == ({1: A_LAW, 3: VIDEO, 5: KEYS}, [[1], [3], [5]])


def test_a_secured_side_hears_of_our_own_in_place_of_what_is_plain() -> None:
    entries, together = found(told(MIXED, SECURED))
    assert entries == {1: A_LAW, 3: VIDEO, 5: KEYS, 6: means(1, _80, _32), 7: means(3, _80, _32)}
    assert together == [[6], [7], [5]]


def test_an_optional_side_hears_of_both() -> None:
    entries, together = found(told(a_set({1: A_LAW, 5: KEYS}, [1], [5]), BOTH))
    assert entries == {1: A_LAW, 5: KEYS, 6: means(1, _80)} and together == [[6, 1], [5]]


def test_where_nothing_is_to_be_said_all_stays() -> None:
    value = a_set({1: A_LAW}, [1])
    assert told(value, PLAIN) is value
    assert told(value, Able(SDES, ())) is value
    only = a_set({5: KEYS}, [5])
    assert told(only, SECURED) is only


def test_numbers_are_free_ones_and_a_table_never_grows_beyond_what_it_may() -> None:
    entries, _ = found(told(a_set({65_535: A_LAW}, [65_535]), SECURED))
    assert entries == {65_535: A_LAW, 1: means(65_535, _80, _32)}
    whole = told(a_set({number: A_LAW for number in range(1, MOST + 1)}), SECURED)
    assert len(whole["capabilityTable"]) == MOST
    nearly = told(a_set({number: A_LAW for number in range(1, MOST - 1)}), SECURED)
    assert len(nearly["capabilityTable"]) == MOST


@pytest.mark.parametrize("able", [PLAIN, SECURED, BOTH])
def test_it_is_written_into_a_message_that_reads_so_again(able: Able) -> None:
    message = decode(build_control("request", "terminalCapabilitySet", MIXED))
    assert message.pdu is not None
    rewrite(message, message.pdu, able)
    again = decode(message.encode())
    assert again.pdu is not None and found(again.pdu.value) == found(told(MIXED, able))


def test_what_cannot_be_encoded_anew_stays() -> None:
    value = a_set({1: A_LAW, 2: means(1, _80)}, [1], [2])
    value["_ext_7"] = b"\x00"  # what nobody here knows may be there, and is kept
    message = decode(build_control("request", "terminalCapabilitySet", value))
    assert message.pdu is not None
    rewrite(message, message.pdu, PLAIN)
    again = decode(message.encode())
    assert message.resized and again.pdu is not None
    for other in (build_control("command", "endSessionCommand", ("disconnect", 0)),):
        untouched = decode(other)
        assert untouched.pdu is not None
        rewrite(untouched, untouched.pdu, SECURED)
        assert untouched.encode() == other
