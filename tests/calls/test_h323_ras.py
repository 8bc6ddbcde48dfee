"""RAS through the SBC: discovery, registration, keepalive, admission, disengage, and refusals both ways."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.address import Address
from sbc.core.binding import BindingState
from sbc.core.orders import Listen, Send, Unlisten
from sbc.core.realm import Keepalive, Limits
from sbc.h323.codec import build_ras
from tests.h323_calls import (
    CALLS,
    GATEKEEPER,
    GUID,
    PROTOCOL,
    RAS,
    TERMINAL_CALLS,
    TERMINAL_RAS,
    acf,
    address_of,
    arq,
    drq,
    endpoint,
    grq,
    h323_rig,
    ip,
    keepalive,
    plain,
    rcf,
    read,
    registered,
    rrq,
    to,
    urq,
)
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, events, of

NEXT_DOOR = Address("203.0.113.12", 40002)


def only(found: list[Any]) -> Any:
    (one,) = found
    return one


def test_discovery_tells_each_side_where_we_are() -> None:
    rig = h323_rig()
    sent = only(to(rig.from_access(grq(5)), "core"))
    asked = read(sent).value
    assert sent.to == GATEKEEPER and address_of(asked["rasAddress"]) == Address(SBC_CORE.host, RAS)
    assert_no_trace(sent.data, PHONE.host, NAT.host, SBC_ACCESS.host)
    said = {"protocolIdentifier": PROTOCOL, "gatekeeperIdentifier": "gk", "rasAddress": ip(GATEKEEPER)}
    back = only(to(rig.from_core(plain("gatekeeperConfirm", sent.data, **said), GATEKEEPER), "access"))
    answer = read(back).value
    assert (back.to, answer["requestSeqNum"], answer["gatekeeperIdentifier"]) == (NAT, 5, "gk")
    assert address_of(answer["rasAddress"]) == Address(SBC_ACCESS.host, RAS)


def test_a_registration_gets_a_port_of_its_own_for_both_ras_and_calls() -> None:
    rig = h323_rig()
    orders = rig.from_access(rrq(6))
    sent = only(to(orders, "core"))
    own = Address(SBC_CORE.host, 41000)
    assert [(each.listener.transport, each.listener.address) for each in of(Listen, orders)] == [
        ("udp", own),
        ("tcp", own),
    ]
    asked = read(sent).value
    assert (sent.listener.address, sent.to) == (own, GATEKEEPER)
    assert [address_of(each) for each in (*asked["rasAddress"], *asked["callSignalAddress"])] == [own, own]
    assert asked["timeToLive"] == 3600
    assert_no_trace(sent.data, PHONE.host, NAT.host, SBC_ACCESS.host)


def test_the_terminal_is_told_to_come_back_soon_and_what_the_gatekeeper_calls_it() -> None:
    rig = h323_rig()
    sent = only(to(rig.from_access(rrq(6)), "core"))
    back = only(to(rig.from_core(rcf(sent.data), GATEKEEPER, at=sent.listener), "access"))
    answer = read(back).value
    assert (answer["requestSeqNum"], answer["timeToLive"], answer["endpointIdentifier"]) == (6, 60, "17_endp")
    assert address_of(answer["callSignalAddress"][0]) == Address(SBC_ACCESS.host, CALLS)
    assert_no_trace(back.data, SOFTSWITCH.host, SBC_CORE.host)
    binding = only(list(rig.border.registry.bindings.values()))
    assert (binding.state, binding.handle, binding.user) == (BindingState.BOUND, b"17_endp", b"h323-ID:alice")
    assert binding.behind_nat and binding.route.first == TERMINAL_CALLS


def test_a_terminal_that_says_no_lifetime_and_a_gatekeeper_that_grants_none_are_both_told_one() -> None:
    """Then the time that is put in has to be encoded with all else that was written."""
    rig = h323_rig()
    data = rrq(6)
    without = build_ras("registrationRequest", {k: v for k, v in read(data).value.items() if k != "timeToLive"})
    sent = only(to(rig.from_access(without), "core"))
    assert read(sent).value["timeToLive"] == 3600
    said = rcf(sent.data)
    bare = build_ras("registrationConfirm", {k: v for k, v in read(said).value.items() if k != "timeToLive"})
    back = read(only(to(rig.from_core(bare, GATEKEEPER, at=sent.listener), "access"))).value
    assert (back["timeToLive"], back["requestSeqNum"]) == (60, 6)


def test_keepalives_end_at_the_sbc_until_half_of_the_grant_is_over() -> None:
    rig = h323_rig()
    own = registered(rig)
    forwarded = None
    for number in range(10, 90):
        rig.wait(50)
        orders = rig.from_access(keepalive(number))
        forwarded = next(iter(to(orders, "core")), None)
        if forwarded is not None:
            break
        answer = read(only(to(orders, "access"))).value
        assert (answer["requestSeqNum"], answer["timeToLive"], answer["endpointIdentifier"]) == (number, 60, "17_endp")
    assert forwarded is not None and rig.now - 1000 >= 1800 and forwarded.listener == own
    asked = read(forwarded).value
    assert (asked["timeToLive"], asked["keepAlive"], asked["endpointIdentifier"]) == (3600, True, "17_endp")
    back = only(to(rig.from_core(rcf(forwarded.data), GATEKEEPER, at=own), "access"))
    assert read(back).value["timeToLive"] == 60
    assert only(list(rig.border.registry.bindings.values())).grant_ends == rig.now + 3600


def test_what_a_registration_has_said_outlives_keepalives_and_their_answers() -> None:
    """A keepalive names nothing, its answer need not either: neither is what is said again, or taken off."""
    rig = h323_rig(keepalive=Keepalive(period=20.0, tell_core=True))
    own = registered(rig)
    rig.now += 40
    while not (up := to(rig.from_access(keepalive(10 + int(rig.now) % 1000)), "core")):
        rig.now += 40
    rig.from_core(rcf(only(up).data, callSignalAddress=[]), GATEKEEPER, at=own)
    answer = read(only(to(rig.from_access(rrq(7)), "access"))).value
    assert address_of(only(answer["callSignalAddress"])) == Address(SBC_ACCESS.host, CALLS)
    told, *_ = [each for each in to(rig.wait(300), "core") if read(each).name == "unregistrationRequest"]
    asked = read(told).value
    assert address_of(only(asked["callSignalAddress"])) == own.address and asked["endpointIdentifier"] == "17_endp"


def test_a_full_registration_that_says_the_same_ends_at_the_sbc_too() -> None:
    rig = h323_rig()
    registered(rig)
    rig.wait(30)
    orders = rig.from_access(rrq(7, endpointIdentifier="17_endp"))
    assert events(orders) == ["absorbed"] and read(only(to(orders, "access"))).value["requestSeqNum"] == 7
    orders = rig.from_access(rrq(8, terminalAlias=[("h323-ID", "alice"), ("dialledDigits", "101")]))
    assert only(to(orders, "core"))


def test_whoever_is_not_bound_here_is_told_to_register_anew() -> None:
    rig = h323_rig()
    registered(rig)
    for data, source in ((keepalive(9, "18_endp"), NAT), (keepalive(9), NEXT_DOOR)):
        answer = read(only(to(rig.from_access(data, source), "access")))
        assert (answer.name, answer.value["rejectReason"][0]) == ("registrationReject", "fullRegistrationRequired")
    answer = read(only(to(rig.from_access(arq(10, "18_endp")), "access")))
    assert (answer.name, answer.value["rejectReason"][0]) == ("admissionReject", "callerNotRegistered")
    answer = read(only(to(rig.from_access(urq(11), NEXT_DOOR), "access")))
    assert (answer.name, answer.value["rejectReason"][0]) == ("unregistrationReject", "notCurrentlyRegistered")
    assert only(list(rig.border.registry.bindings.values())).state is BindingState.BOUND


def test_a_keepalive_by_another_mapping_of_the_nat_moves_the_terminal_when_the_gatekeeper_agrees() -> None:
    rig = h323_rig()
    own = registered(rig)
    moved = NAT._replace(port=40555)
    sent = only(to(rig.from_access(keepalive(9), moved), "core"))
    back = only(to(rig.from_core(rcf(sent.data), GATEKEEPER, at=own), "access"))
    assert back.to == moved and only(list(rig.border.registry.bindings.values())).seen == moved


def test_the_gatekeepers_refusal_crosses_and_leaves_nothing() -> None:
    rig = h323_rig()
    sent = only(to(rig.from_access(rrq(6)), "core"))
    said = {"protocolIdentifier": PROTOCOL, "rejectReason": ("securityDenial", 0)}
    back = only(
        to(rig.from_core(plain("registrationReject", sent.data, **said), GATEKEEPER, at=sent.listener), "access")
    )
    assert (read(back).value["requestSeqNum"], read(back).value["rejectReason"][0]) == (6, "securityDenial")
    orders = rig.wait(60)
    assert not rig.border.registry.bindings and len(of(Unlisten, orders)) == 2


def test_a_gatekeeper_that_does_not_answer_is_asked_again_and_then_the_terminal_is_told() -> None:
    rig = h323_rig()
    rig.from_access(rrq(6))
    orders = rig.wait(12)
    assert len(to(orders, "core")) == 2
    answer = read(only(to(orders, "access")))
    assert (answer.name, answer.value["rejectReason"][0]) == ("registrationReject", "resourceUnavailable")


def test_what_the_terminal_repeats_goes_no_further_and_is_answered_as_before() -> None:
    rig = h323_rig()
    sent = only(to(rig.from_access(rrq(6)), "core"))
    assert to(rig.from_access(rrq(6)), "core") == []
    back = only(to(rig.from_core(rcf(sent.data), GATEKEEPER, at=sent.listener), "access"))
    assert only(to(rig.from_access(rrq(6)), "access")) == back


def test_a_request_in_progress_keeps_both_waiting() -> None:
    """Each time it is said, in the same words or others; so it is to who asks again."""
    rig = h323_rig()
    own = registered(rig)
    sent = only(to(rig.from_access(arq(20)), "core"))
    waits = [plain("requestInProgress", sent.data, delay=delay) for delay in (5000, 5000, 60000)]
    for said in waits:
        told = only(to(rig.from_core(said, GATEKEEPER, at=own), "access"))
        assert (read(told).name, read(told).value["requestSeqNum"]) == ("requestInProgress", 20)
        assert only(to(rig.from_access(arq(20)), "access")) == told
        assert to(rig.wait(50), "access") == []
    back = only(to(rig.from_core(acf(sent.data), GATEKEEPER, at=own), "access"))
    assert (read(back).name, read(back).value["requestSeqNum"]) == ("admissionConfirm", 20)


def test_a_request_in_progress_is_not_believed_for_ever() -> None:
    rig = h323_rig()
    own = registered(rig)
    sent = only(to(rig.from_access(arq(20)), "core"))
    rig.from_core(plain("requestInProgress", sent.data, delay=5000), GATEKEEPER, at=own)
    answer = read(only(to(rig.wait(80), "access")))
    assert (answer.name, answer.value["rejectReason"][0]) == ("admissionReject", "resourceUnavailable")


def test_admission_leads_the_call_to_us() -> None:
    rig = h323_rig()
    own = registered(rig)
    sent = only(to(rig.from_access(arq(20)), "core"))
    assert sent.listener == own and read(sent).value["endpointIdentifier"] == "17_endp"
    back = only(to(rig.from_core(acf(sent.data), GATEKEEPER, at=own), "access"))
    answer = read(back).value
    assert address_of(answer["destCallSignalAddress"]) == Address(SBC_ACCESS.host, CALLS)
    assert answer["requestSeqNum"] == 20
    assert_no_trace(back.data, SOFTSWITCH.host, SBC_CORE.host)


@pytest.mark.parametrize("reason", ["calledPartyNotRegistered", "requestDenied", "resourceUnavailable"])
def test_a_refused_admission_says_why(reason: str) -> None:
    rig = h323_rig()
    own = registered(rig)
    sent = only(to(rig.from_access(arq(20)), "core"))
    said = plain("admissionReject", sent.data, rejectReason=(reason, 0))
    back = read(only(to(rig.from_core(said, GATEKEEPER, at=own), "access"))).value
    assert (back["requestSeqNum"], back["rejectReason"][0]) == (20, reason)


def test_a_called_terminal_asks_for_its_own_address_and_ours_goes_on() -> None:
    rig = h323_rig()
    own = registered(rig)
    caller = Address(SBC_ACCESS.host, CALLS)
    asked = arq(21, answerCall=True, destCallSignalAddress=ip(TERMINAL_CALLS), srcCallSignalAddress=ip(caller))
    sent = only(to(rig.from_access(asked), "core"))
    assert address_of(read(sent).value["destCallSignalAddress"]) == own.address
    assert_no_trace(sent.data, PHONE.host, NAT.host, SBC_ACCESS.host)


def test_disengage_both_ways() -> None:
    rig = h323_rig()
    own = registered(rig)
    sent = only(to(rig.from_access(drq(30)), "core"))
    back = read(only(to(rig.from_core(plain("disengageConfirm", sent.data), GATEKEEPER, at=own), "access")))
    assert (back.name, back.value["requestSeqNum"]) == ("disengageConfirm", 30)
    down = only(to(rig.from_core(drq(900), GATEKEEPER, at=own), "access"))
    assert down.to == NAT and read(down).value["callIdentifier"]["guid"] == GUID
    up = only(to(rig.from_access(plain("disengageConfirm", down.data)), "core"))
    assert (up.to, up.listener, read(up).value["requestSeqNum"]) == (GATEKEEPER, own, 900)


def test_a_terminal_takes_itself_off() -> None:
    rig = h323_rig()
    own = registered(rig)
    sent = only(to(rig.from_access(urq(40)), "core"))
    assert address_of(read(sent).value["callSignalAddress"][0]) == own.address
    orders = rig.from_core(plain("unregistrationConfirm", sent.data), GATEKEEPER, at=own)
    assert read(only(to(orders, "access"))).value["requestSeqNum"] == 40
    assert not rig.border.registry.bindings
    assert len(of(Unlisten, rig.wait(60))) == 2


def without_alias(rig: Any, source: Address, name: str) -> Any:
    """A terminal that calls itself nothing, as the gatekeeper has registered it."""
    said = build_ras("registrationRequest", {k: v for k, v in read(rrq(6)).value.items() if k != "terminalAlias"})
    sent = only(to(rig.from_access(said, source), "core"))
    rig.from_core(rcf(sent.data, name), GATEKEEPER, at=sent.listener)
    return sent.listener


def nameless_urq(number: int) -> bytes:
    return build_ras("unregistrationRequest", {"requestSeqNum": number, "callSignalAddress": [ip(TERMINAL_CALLS)]})


def test_a_stranger_takes_nobody_off_who_has_no_alias() -> None:
    rig = h323_rig()
    without_alias(rig, NAT, "17_endp")
    sent = only(to(rig.from_access(nameless_urq(40), NEXT_DOOR), "core"))
    assert sent.listener.address == Address(SBC_CORE.host, RAS)  # and not from the terminal's own
    rig.from_core(plain("unregistrationConfirm", sent.data), GATEKEEPER, at=sent.listener)
    assert only(list(rig.border.registry.bindings.values())).state is BindingState.BOUND


def test_a_terminal_takes_itself_off_without_its_name() -> None:
    for own_alias in (True, False):
        rig = h323_rig()
        own = registered(rig) if own_alias else without_alias(rig, NAT, "17_endp")
        sent = only(to(rig.from_access(nameless_urq(40)), "core"))
        assert sent.listener == own
        rig.from_core(plain("unregistrationConfirm", sent.data), GATEKEEPER, at=own)
        assert not rig.border.registry.bindings


def test_after_a_keepalive_has_gone_on_the_full_registration_is_still_what_is_kept() -> None:
    rig = h323_rig(keepalive=Keepalive(tell_core=True))
    own = registered(rig)
    (binding,) = rig.border.registry.bindings.values()
    kept, asked = binding.kept, binding.sent
    rig.now += 50
    for number in range(7, 100):
        found = to(rig.from_access(keepalive(number)), "core")
        if found:
            rig.from_core(rcf(found[0].data, callSignalAddress=[]), GATEKEEPER, at=own)
            break
        rig.now += 50
    assert found and binding.state is BindingState.BOUND
    assert (binding.kept, binding.sent) == (kept, asked) and read(asked).value["terminalAlias"]


def test_the_gatekeeper_takes_a_terminal_off() -> None:
    rig = h323_rig()
    own = registered(rig)
    down = only(to(rig.from_core(urq(901, calls=own.address), GATEKEEPER, at=own), "access"))
    assert_no_trace(down.data, SBC_CORE.host, SOFTSWITCH.host)
    up = only(to(rig.from_access(plain("unregistrationConfirm", down.data)), "core"))
    assert read(up).value["requestSeqNum"] == 901 and not rig.border.registry.bindings


def test_bandwidth_location_and_resources_cross_with_their_answers() -> None:
    rig = h323_rig()
    own = registered(rig)
    conference: Any = {"conferenceID": bytes(16), "callReferenceValue": 77, "bandWidth": 640}
    asked = build_ras(
        "bandwidthRequest",
        {"requestSeqNum": 50, "endpointIdentifier": "17_endp", "callIdentifier": {"guid": GUID}, **conference}
        | {"answeredCall": False},
    )
    sent = only(to(rig.from_access(asked), "core"))
    back = rig.from_core(plain("bandwidthConfirm", sent.data, bandWidth=640), GATEKEEPER, at=own)
    assert read(only(to(back, "access"))).value["requestSeqNum"] == 50
    reply = ip(TERMINAL_RAS)
    asked = build_ras(
        "locationRequest",
        {"requestSeqNum": 51, "destinationInfo": [("dialledDigits", "200")], "replyAddress": reply}
        | {"endpointIdentifier": "17_endp"},
    )
    sent = only(to(rig.from_access(asked), "core"))
    assert address_of(read(sent).value["replyAddress"]) == own.address
    said = {"callSignalAddress": ip(GATEKEEPER._replace(port=CALLS)), "rasAddress": ip(GATEKEEPER)}
    back = read(
        only(to(rig.from_core(plain("locationConfirm", sent.data, **said), GATEKEEPER, at=own), "access"))
    ).value
    assert address_of(back["callSignalAddress"]) == Address(SBC_ACCESS.host, CALLS)
    assert address_of(back["rasAddress"]) == Address(SBC_ACCESS.host, RAS)
    asked = build_ras(
        "resourcesAvailableIndicate",
        {
            "requestSeqNum": 52,
            "protocolIdentifier": PROTOCOL,
            "endpointIdentifier": "17_endp",
            "protocols": [],
            "almostOutOfResources": True,
        },
    )
    sent = only(to(rig.from_access(asked), "core"))
    said = {"protocolIdentifier": PROTOCOL}
    back = rig.from_core(plain("resourcesAvailableConfirm", sent.data, **said), GATEKEEPER, at=own)
    assert read(only(to(back, "access"))).value["requestSeqNum"] == 52


def report(number: int, **more: Any) -> bytes:
    said = {
        "requestSeqNum": number,
        "endpointType": endpoint(),
        "endpointIdentifier": "17_endp",
        "rasAddress": ip(TERMINAL_RAS),
        "callSignalAddress": [ip(TERMINAL_CALLS)],
    }
    return build_ras("infoRequestResponse", {**said, **more})


def test_the_gatekeeper_asks_a_terminal_and_has_its_report() -> None:
    rig = h323_rig()
    own = registered(rig)
    asked = build_ras("infoRequest", {"requestSeqNum": 902, "callReferenceValue": 0, "replyAddress": ip(GATEKEEPER)})
    down = only(to(rig.from_core(asked, GATEKEEPER, at=own), "access"))
    assert address_of(read(down).value["replyAddress"]) == Address(SBC_ACCESS.host, RAS)
    up = only(to(rig.from_access(report(read(down).value["requestSeqNum"])), "core"))
    answer = read(up).value
    assert answer["requestSeqNum"] == 902 and address_of(answer["callSignalAddress"][0]) == own.address
    assert_no_trace(up.data, PHONE.host, NAT.host)


def test_a_report_that_nobody_asked_for_crosses_with_or_without_an_answer() -> None:
    rig = h323_rig()
    own = registered(rig)
    up = only(to(rig.from_access(report(60, unsolicited=True, needResponse=False)), "core"))
    assert up.listener == own and not of(Send, rig.wait(30))
    sent = only(to(rig.from_access(report(61, unsolicited=True, needResponse=True)), "core"))
    back = only(to(rig.from_core(plain("infoRequestAck", sent.data), GATEKEEPER, at=own), "access"))
    assert read(back).value["requestSeqNum"] == 61


def test_a_terminal_of_an_older_version_reports_unasked_and_does_not_say_so() -> None:
    """Of version 3 or before: `unsolicited` came later. It tells how each of its calls goes (irrFrequency)."""
    rig = h323_rig()
    own = registered(rig)
    session = {
        "rtpAddress": {"sendAddress": ip(TERMINAL_CALLS._replace(port=4000))},
        "cname": "a",
        "ssrc": 1,
        "sessionId": 1,
    }
    session |= {"rtcpAddress": {"sendAddress": ip(TERMINAL_CALLS._replace(port=4001))}, "associatedSessionIds": []}
    a_call = {
        "callReferenceValue": 77,
        "conferenceID": GUID,
        "originator": True,
        "audio": [session],
        "h245": {"sendAddress": ip(TERMINAL_CALLS), "recvAddress": ip(GATEKEEPER)},
        "callSignalling": {"sendAddress": ip(TERMINAL_CALLS)},
        "callType": ("pointToPoint", 0),
        "bandWidth": 1280,
        "callModel": ("direct", 0),
        "callIdentifier": {"guid": GUID},
    }
    orders = rig.from_access(report(60, perCallInfo=[a_call]))
    up = only(to(orders, "core"))
    told = only(read(up).value["perCallInfo"])
    assert up.listener == own and "stray-reply" not in events(orders)
    assert address_of(told["audio"][0]["rtpAddress"]["sendAddress"]).host == SBC_CORE.host
    assert_no_trace(up.data, PHONE.host, NAT.host)
    assert not of(Send, rig.wait(30))  # nobody answers it
    sent = only(to(rig.from_access(report(61, needResponse=True)), "core"))
    back = only(to(rig.from_core(plain("infoRequestAck", sent.data), GATEKEEPER, at=own), "access"))
    assert read(back).value["requestSeqNum"] == 61
    again = only(to(rig.from_access(report(61, needResponse=True)), "access"))
    assert again.data == back.data


def test_a_report_that_was_asked_for_is_the_answer_though_it_wants_one_itself() -> None:
    rig = h323_rig()
    own = registered(rig)
    asked = build_ras("infoRequest", {"requestSeqNum": 902, "callReferenceValue": 0})
    down = only(to(rig.from_core(asked, GATEKEEPER, at=own), "access"))
    number = read(down).value["requestSeqNum"]
    up = only(to(rig.from_access(report(number, needResponse=True, unsolicited=False)), "core"))
    assert read(up).value["requestSeqNum"] == 902 and up.to == GATEKEEPER


def test_a_report_of_who_is_not_registered_goes_nowhere() -> None:
    rig = h323_rig()
    registered(rig)
    for source, data in ((NEXT_DOOR, report(60)), (NAT, report(60, endpointIdentifier="18_endp"))):
        orders = rig.from_access(data, source)
        assert not of(Send, orders) and "refused" in events(orders)


def test_what_is_not_standard_passes() -> None:
    rig = h323_rig()
    registered(rig)
    identifier = ("h221NonStandard", {"t35CountryCode": 9, "t35Extension": 0, "manufacturerCode": 61})
    said = {"nonStandardIdentifier": identifier, "data": b"\x01\x02"}
    asked = build_ras("nonStandardMessage", {"requestSeqNum": 70, "nonStandardData": said})
    assert read(only(to(rig.from_access(asked), "core"))).value["nonStandardData"]["data"] == b"\x01\x02"


def test_what_a_terminal_does_not_understand_the_gatekeeper_hears_of() -> None:
    rig = h323_rig()
    own = registered(rig)
    asked = build_ras("infoRequest", {"requestSeqNum": 903, "callReferenceValue": 0})
    down = only(to(rig.from_core(asked, GATEKEEPER, at=own), "access"))
    up = only(to(rig.from_access(plain("unknownMessageResponse", down.data)), "core"))
    assert (read(up).name, read(up).value["requestSeqNum"]) == ("unknownMessageResponse", 903)


def test_terminals_may_use_the_same_numbers_at_the_same_time() -> None:
    rig = h323_rig()
    first, second = registered(rig), registered(rig, NEXT_DOOR, "18_endp")
    asked = [(only(to(rig.from_access(arq(20, name), source), "core")), source) for name, source in TWO]
    numbers = [read(sent).value["requestSeqNum"] for sent, _ in asked]
    assert len(set(numbers)) == 2 and first != second
    for sent, source in reversed(asked):
        back = only(to(rig.from_core(acf(sent.data), GATEKEEPER, at=sent.listener), "access"))
        assert (back.to, read(back).value["requestSeqNum"]) == (source, 20)


TWO = (("17_endp", NAT), ("18_endp", NEXT_DOOR))


def test_a_silent_terminal_is_asked_for_a_report_and_may_be_dead() -> None:
    rig = h323_rig(keepalive=Keepalive(period=20.0))
    registered(rig)
    orders = rig.wait(25)
    asked = next(send for send in to(orders, "access") if read(send).name == "infoRequest")
    assert asked.to == NAT
    rig.from_access(report(read(asked).value["requestSeqNum"]))
    binding = only(list(rig.border.registry.bindings.values()))
    assert binding.state is BindingState.BOUND
    rig.wait(55)
    assert binding.state is BindingState.DEAD
    down = rig.from_core(build_ras("infoRequest", {"requestSeqNum": 9, "callReferenceValue": 0}), GATEKEEPER)
    assert read(only(to(down, "core"))).name == "unknownMessageResponse"


def test_nobody_but_the_gatekeeper_speaks_to_terminals() -> None:
    rig = h323_rig()
    own = registered(rig)
    stranger = Address("198.51.100.99", 1719)
    assert to(rig.from_core(drq(900), stranger, at=own), "access") == []
    sent = only(to(rig.from_access(arq(20)), "core"))
    assert to(rig.from_core(acf(sent.data), stranger, at=own), "access") == []


def test_too_many_registrations_are_refused() -> None:
    rig = h323_rig(limits=Limits(bindings=1))
    registered(rig)
    answer = read(only(to(rig.from_access(rrq(7, Address("192.168.1.77", 2000)), NEXT_DOOR), "access")))
    assert (answer.name, answer.value["rejectReason"][0]) == ("registrationReject", "resourceUnavailable")


def test_what_is_no_ras_is_dropped_and_counted() -> None:
    rig = h323_rig()
    for data in (b"\xff" * 40, b"\x00", rrq(6)[:20]):
        assert events(rig.from_access(data)) == ["bad-message"]


def test_all_is_forgotten_in_the_end() -> None:
    rig = h323_rig()
    registered(rig)
    rig.from_access(arq(20))
    rig.from_access(grq(21))
    rig.wait(100_000)
    registry = rig.border.registry
    assert not registry.live_exchanges and not registry.bindings and not len(registry.names)
