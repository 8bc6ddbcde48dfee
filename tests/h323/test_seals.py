"""Tokens that cover a whole message: which they are, and what is done about them on each path."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from sbc.core.orders import Listener, Note, Order
from sbc.core.registry import Arrival
from sbc.h323.codec import Message, build_ras, build_signal, decode
from sbc.h323.options import H323Options, Tokens
from sbc.h323.seals import seals
from tests.h323_calls import GATEKEEPER, GUID, acf, arq, h323_rig, ip, rcf, read, registered, rrq, said_back, setup, to
from tests.h323_messages import RECORDED
from tests.h323_tshark import Wire, judge, needs_tshark
from tests.rig import NAT, Rig, events, of

CLEAR: Any = {
    "tokenOID": (0, 0, 8, 235, 0, 2, 5),
    "timeStamp": 1_000_000,
    "random": 7,
    "sendersID": "alice",
    "generalID": "gk",
}
CAT: Any = {"tokenOID": (1, 2, 840, 113548, 10, 1, 2, 1), "timeStamp": 1_000_000, "challenge": bytes(16), "random": 3}


def hashed(number: int = 1, version: int = 2) -> Any:
    oid = (0, 0, 8, 235, 0, version, number)
    digest = {"algorithmOID": (0, 0, 8, 235, 0, version, 6), "paramS": {}, "hash": (12345, 96)}
    return "nestedcryptoToken", ("cryptoHashedToken", {"tokenOID": oid, "hashedVals": CLEAR, "token": digest})


SIGNED: Any = (
    "nestedcryptoToken",
    (
        "cryptoSignedToken",
        {
            "tokenOID": (0, 0, 8, 235, 0, 2, 7),
            "token": {
                "toBeSigned": ("_unk_004", b"\x01\x02\x03"),
                "algorithmOID": (1, 2, 840, 113549, 1, 1, 5),
                "paramS": {},
                "signature": (5, 1024),
            },
        },
    ),
)
PASSWORD: Any = (
    "cryptoEPPwdHash",
    {
        "alias": ("h323-ID", "alice"),
        "timeStamp": 1_000_000,
        "token": {"algorithmOID": (1, 2, 840, 113549, 2, 5), "paramS": {}, "hash": (99, 128)},
    },
)
ICV: Any = {"algorithmOID": (0, 0, 8, 235, 0, 2, 6), "icv": (5, 96)}


def words(data: bytes) -> list[str]:
    return [seal.word for seal in seals(decode(data))]


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, []),
        ({"cryptoTokens": [PASSWORD], "tokens": [CAT]}, []),
        ({"cryptoTokens": [hashed(2)]}, []),  # procedure IA: authentication alone
        ({"cryptoTokens": [hashed()]}, ["hash 0.0.8.235.0.2.1"]),
        ({"cryptoTokens": [PASSWORD, hashed(1, 1)]}, ["hash 0.0.8.235.0.1.1"]),
        ({"integrityCheckValue": ICV}, ["integrityCheckValue"]),
        ({"cryptoTokens": [hashed()], "integrityCheckValue": ICV}, ["hash 0.0.8.235.0.2.1", "integrityCheckValue"]),
    ],
)
def test_what_covers_the_whole_message(more: dict[str, Any], found: list[str]) -> None:
    assert words(rrq(6, **more)) == found


def test_recorded_messages_that_are_sealed() -> None:
    for name, data in RECORDED:
        for word in words(data):
            assert word.startswith(("hash 0.0.8.235.0.", "signature ", "integrityCheckValue")), name


def rig_that(tokens: Tokens) -> Rig:
    return h323_rig(options={"h323": H323Options(tokens=tokens)})


def noted(orders: list[Order], event: str) -> Note:
    (found,) = [note for note in of(Note, orders) if note.event == event]
    return found


def test_what_proves_who_it_is_from_passes_without_a_word() -> None:
    for tokens in Tokens:
        orders = rig_that(tokens).from_access(rrq(6, cryptoTokens=[PASSWORD], tokens=[CAT]))
        (sent,) = to(orders, "core")
        value = read(sent).value
        assert value["cryptoTokens"] == [PASSWORD] and value["tokens"] == [CAT]
        assert not {"seal-broken", "seal-stripped", "refused"} & set(events(orders))


def test_a_seal_that_is_broken_passes_and_is_told() -> None:
    orders = rig_that(Tokens.PASS).from_access(rrq(6, cryptoTokens=[PASSWORD, hashed()]))
    (sent,) = to(orders, "core")
    assert read(sent).value["cryptoTokens"] == [PASSWORD, hashed()]
    note = noted(orders, "seal-broken")
    assert "0.0.8.235.0.2.1" in note.reason
    assert note.fields == {"method": "registrationRequest", "source": str(NAT), "realm": "access"}


@pytest.mark.parametrize(
    ("more", "left"),
    [
        ({"cryptoTokens": [PASSWORD, hashed()], "tokens": [CAT]}, {"cryptoTokens": [PASSWORD], "tokens": [CAT]}),
        ({"cryptoTokens": [hashed(), PASSWORD], "integrityCheckValue": ICV}, {"cryptoTokens": [PASSWORD]}),
        ({"cryptoTokens": [hashed()]}, {}),
        ({"integrityCheckValue": ICV}, {}),
    ],
)
def test_seals_are_stripped_and_what_is_beside_them_stays(more: dict[str, Any], left: dict[str, Any]) -> None:
    for data, lifetime in ((rrq(6, **more), 3600), (without_lifetime(**more), 3600)):
        orders = rig_that(Tokens.STRIP).from_access(data)
        (sent,) = to(orders, "core")
        value = read(sent).value
        names = ("cryptoTokens", "tokens", "integrityCheckValue")
        assert {name: value[name] for name in names if name in value} == left
        assert value["timeToLive"] == lifetime and value["terminalAlias"] == decode(data).value["terminalAlias"]
        noted(orders, "seal-stripped")
        assert noted(orders, "resized").reason


def without_lifetime(**more: Any) -> bytes:
    value = {name: each for name, each in decode(rrq(6, **more)).value.items() if name != "timeToLive"}
    return build_ras("registrationRequest", value)


def test_a_sealed_message_that_is_not_to_cross_is_refused_in_its_own_words() -> None:
    rig = rig_that(Tokens.REFUSE)
    orders = rig.from_access(rrq(6, cryptoTokens=[hashed()]))
    assert not to(orders, "core") and "0.0.8.235.0.2.1" in noted(orders, "refused").reason
    (back,) = to(orders, "access")
    assert (read(back).name, read(back).value["rejectReason"][0]) == ("registrationReject", "securityDenial")
    rig.wait(100)
    assert not rig.border.registry.bindings and not rig.border.registry.live_exchanges


def test_an_answer_of_the_gatekeepers_is_treated_alike() -> None:
    for tokens, name in ((Tokens.STRIP, "registrationConfirm"), (Tokens.REFUSE, "registrationReject")):
        rig = rig_that(tokens)
        (sent,) = to(rig.from_access(rrq(6)), "core")
        orders = rig.from_core(rcf(sent.data, cryptoTokens=[hashed()]), GATEKEEPER, at=sent.listener)
        (back,) = to(orders, "access")
        assert read(back).name == name and "cryptoTokens" not in read(back).value


def by_tcp(rig: Rig) -> Listener:
    return next(own for own in rig.border.plan.realms["access"].listeners if own.transport == "tcp")


def called(tokens: Tokens, data: bytes) -> tuple[Rig, list[Order]]:
    rig = rig_that(tokens)
    own = registered(rig)
    (sent,) = to(rig.from_access(arq(20)), "core")
    rig.from_core(acf(sent.data), GATEKEEPER, at=own)
    return rig, rig._take(rig.border.receive(Arrival(by_tcp(rig), NAT, data, rig.now)))


def test_a_sealed_setup() -> None:
    data = setup(cryptoTokens=[hashed()], tokens=[CAT])
    rig, orders = called(Tokens.STRIP, data)
    (up,) = to(orders, "core")
    assert "cryptoTokens" not in read(up).value and read(up).value["tokens"] == [CAT]
    (call,) = rig.border.registry.calls.values()
    assert noted(orders, "seal-stripped").call == call.id
    _, orders = called(Tokens.REFUSE, data)
    (back,) = to(orders, "access")
    assert (read(back).name, read(back).value["reason"][0]) == ("releaseComplete", "securityDenied")


def test_what_nothing_was_changed_in_keeps_its_seal() -> None:
    """Call signalling without an address crosses as it came, to the octet, and what covers it stays true."""
    for tokens in Tokens:
        rig, orders = called(tokens, setup())
        (up,) = to(orders, "core")
        alerting = said_back("alerting", up.data, cryptoTokens=[hashed()])
        orders = rig._take(rig.border.receive(Arrival(up.listener, up.to, alerting, rig.now)))
        (back,) = to(orders, "access")
        assert back.data == alerting and not {"seal-broken", "seal-stripped", "refused"} & set(events(orders))


def test_a_component_of_the_root_is_taken_out_by_encoding_anew() -> None:
    """Messages of later editions have their tokens there."""
    asked = {
        "requestSeqNum": 9,
        "serviceControl": [],
        "endpointIdentifier": "17_endp",
        "cryptoTokens": [PASSWORD, hashed()],
    }
    for tokens, left in (([PASSWORD, hashed()], [PASSWORD]), ([hashed()], None)):
        message: Message = decode(build_ras("serviceControlIndication", {**asked, "cryptoTokens": tokens}))
        (seal,) = seals(message)
        if left is None:
            message.take_out(seal.spot)
        else:
            message.put(seal.spot, left)
        back = decode(message.encode())
        assert back.value.get("cryptoTokens") == left and back.value["endpointIdentifier"] == "17_endp"


@needs_tshark
def test_tshark_finds_no_fault_in_what_was_stripped(tmp_path: Path) -> None:
    assert shutil.which("tshark")
    sent = []
    for more in ({"cryptoTokens": [PASSWORD, hashed()]}, {"cryptoTokens": [hashed()], "integrityCheckValue": ICV}):
        sent += [each.data for each in to(rig_that(Tokens.STRIP).from_access(rrq(6, **more)), "core")]
    assert [said.faults for said in judge(tmp_path, Wire.RAS, sent)] == ["", ""]
    _, orders = called(Tokens.STRIP, setup(cryptoTokens=[PASSWORD, hashed()], callIdentifier={"guid": GUID}))
    (up,) = to(orders, "core")
    assert [said.faults for said in judge(tmp_path, Wire.SIGNAL, [up.data])] == [""]
    assert read(up).value["cryptoTokens"] == [PASSWORD]


def test_signatures_are_seals_too() -> None:
    data = build_signal(
        "alerting",
        5,
        True,
        {"protocolIdentifier": (0, 0, 8, 2250, 0, 6), "destinationInfo": ep(), "cryptoTokens": [SIGNED]},
    )
    assert words(data) == ["signature 0.0.8.235.0.2.7"]


def ep() -> Any:
    return {
        "terminal": {},
        "mc": False,
        "undefinedNode": False,
        "vendor": {"vendor": {"t35CountryCode": 1, "t35Extension": 0, "manufacturerCode": 1}},
    }


def test_the_address_of_a_token_bearer_is_still_rewritten() -> None:
    (sent,) = to(rig_that(Tokens.STRIP).from_access(rrq(6, cryptoTokens=[hashed()])), "core")
    assert read(sent).value["callSignalAddress"][0] != ip(NAT)


def test_of_several_the_signed_one_goes() -> None:
    """What is signed nobody here reads, so nothing around it is encoded anew."""
    (sent,) = to(rig_that(Tokens.STRIP).from_access(rrq(6, cryptoTokens=[SIGNED, PASSWORD])), "core")
    assert read(sent).value["cryptoTokens"] == [PASSWORD] and read(sent).value["timeToLive"] == 3600
