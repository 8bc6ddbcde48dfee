"""What messages of RAS mean to the core."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.message import BadMessage, Elsewhere, Ending, Kind, Phase
from sbc.h323.codec import build_ras, build_signal, decode
from sbc.h323.describe import describe, number_of
from sbc.h323.message import H323Message
from sbc.h323.naming import call_of, user_of
from sbc.h323.shown import mask
from tests.h323_calls import (
    CONFERENCE,
    GUID,
    PROTOCOL,
    TERMINAL_CALLS,
    TERMINAL_RAS,
    VENDOR,
    acf,
    arq,
    grq,
    ip,
    keepalive,
    plain,
    rcf,
    rrq,
    urq,
)


def said(data: bytes) -> Any:
    return describe(H323Message(decode(data)))


def test_a_registration_binds_and_says_where_calls_are_taken() -> None:
    intent = said(rrq(6, endpointIdentifier="old"))
    assert (intent.kind, intent.phase, intent.exchange) == (Kind.BIND, Phase.REQUEST, b"6")
    assert (intent.user, intent.calling, intent.handle, intent.expires) == (b"h323-ID:alice", b"alice", b"", 300)
    assert (intent.claimed, intent.route.first, intent.route.transport) == (TERMINAL_RAS, TERMINAL_CALLS, "tcp")
    assert not intent.refreshes


def test_its_terms_are_all_but_what_is_of_the_moment() -> None:
    terms = said(rrq(6)).terms
    assert terms == said(rrq(7, timeToLive=60, endpointIdentifier="17_endp")).terms
    assert terms != said(rrq(6, terminalAlias=[("h323-ID", "bob")])).terms
    assert terms != said(rrq(6, calls=TERMINAL_CALLS._replace(port=1721))).terms


def test_a_keepalive_is_known_by_its_name_alone() -> None:
    intent = said(keepalive(8))
    assert (intent.kind, intent.handle, intent.refreshes, intent.user) == (Kind.BIND, b"17_endp", True, b"")
    assert intent.claimed is None and intent.route is None


def test_who_takes_itself_off_binds_for_no_time() -> None:
    intent = said(urq(9))
    assert (intent.kind, intent.expires, intent.handle) == (Kind.BIND, 0, b"17_endp")


def test_a_confirm_grants_all_for_its_time_and_gives_a_name() -> None:
    intent = said(rcf(rrq(6), timeToLive=500))
    assert (intent.kind, intent.phase, intent.grants) == (Kind.BIND, Phase.SUCCESS, True)
    assert (intent.handle, intent.expires, intent.exchange) == (b"17_endp", 500, b"6")


def test_admission_speaks_of_its_call() -> None:
    for data in (arq(20), acf(arq(20))):
        assert said(data).exchange == b"20"
    assert said(arq(20)).call == GUID
    assert said(arq(20, callIdentifier={"guid": bytes(16)})).call == CONFERENCE
    assert call_of({}) == b""


@pytest.mark.parametrize(
    ("reason", "elsewhere"), [("resourceUnavailable", Elsewhere.UNAVAILABLE), ("requestDenied", None)]
)
def test_a_reject_tells_its_reason(reason: str, elsewhere: Elsewhere | None) -> None:
    intent = said(plain("admissionReject", arq(20), rejectReason=(reason, 0)))
    assert (intent.phase, intent.cause) == (Phase.FAILURE, f"admissionReject {reason}")
    assert intent.elsewhere is elsewhere


def test_who_asks_for_leave_says_what_it_dials_and_who_takes_a_call_dials_nothing() -> None:
    assert said(arq(20)).dialled == b"200"
    assert said(arq(20, answerCall=True)).dialled == b""


def test_terminals_say_who_made_them() -> None:
    vendor = {**VENDOR, "productId": b"Phone\0\0", "versionId": b"1.2"}
    asked = said(grq(5, endpointType={"vendor": vendor, "terminal": {}, "mc": False, "undefinedNode": False}))
    registered, kept = said(rrq(6, endpointVendor=vendor)), said(keepalive(7, endpointVendor=vendor))
    assert asked.agent == registered.agent == kept.agent == b"Phone 1.2"
    assert said(grq(5)).agent == said(rrq(6)).agent == said(arq(20)).agent == b""


def test_credentials_are_shown_and_not_believed() -> None:
    shown = [{"tokenOID": (0, 0, 8, 235, 0, 2, 1), "password": "secret"}]
    assert said(rrq(6, tokens=shown)).proves and said(arq(20, tokens=shown)).proves
    crypto = ("cryptoEPPwdHash", {
        "alias": ("h323-ID", "alice"), "timeStamp": 1,
        "token": {"algorithmOID": (1, 2, 840, 113549, 2, 5), "paramS": {}, "hash": (1, 128)},
    })  # fmt: skip
    assert said(rrq(6, cryptoTokens=[crypto])).proves and not said(rrq(6)).proves
    for reason, ending in ((("securityDenial", 0), Ending.UNAUTHORIZED), (("duplicateAlias", []), None)):
        no = plain("registrationReject", rrq(6), protocolIdentifier=PROTOCOL, rejectReason=reason)
        assert said(no).ending is ending


def test_discovery_asks_whether_somebody_is_there() -> None:
    assert said(grq(5)).probe and said(grq(5)).claimed == TERMINAL_RAS


def test_work_in_progress_is_not_final_and_what_is_not_understood_is() -> None:
    assert said(plain("requestInProgress", arq(20), delay=100)).phase is Phase.PROVISIONAL
    assert said(plain("unknownMessageResponse", arq(20))).phase is Phase.FAILURE


def test_users_are_named_by_their_first_alias() -> None:
    assert user_of([("dialledDigits", "100"), ("h323-ID", "alice")]) == b"dialledDigits:100"
    assert user_of(None) == user_of([]) == user_of([("mobileUIM", {})]) == b""


def test_what_has_no_number_is_no_ras() -> None:
    with pytest.raises(BadMessage):
        number_of(H323Message(decode(build_signal("releaseComplete", 5, False))))
    assert number_of(H323Message(decode(build_ras("disengageConfirm", {"requestSeqNum": 65535})))) == 65535


@pytest.mark.parametrize(
    "token",
    [
        {"tokenOID": (0, 0, 8, 235, 0, 2, 1), "random": 1 << (8 * 1_800)},
        {"tokenOID": (0, 0, 8, 235, 0, 2, 1), "profileInfo": [{"elementID": 1, "element": ("bits", (1, 16_000))}]},
    ],
    ids=["number", "bits"],
)
def test_numbers_too_large_to_be_shown_are_no_message(token: Any) -> None:
    """In digits they would be a fault: of the sum of a registration's terms, and of the trace."""
    alternate = {"callSignalAddress": [ip(TERMINAL_CALLS)], "tokens": [token]}
    data = rrq(6, alternateEndpoints=[alternate])
    with pytest.raises(BadMessage):
        said(data)
    mask(data)
