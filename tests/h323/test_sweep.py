"""Addresses in what nobody reads: the other side sees none of them, and everything else comes as it went."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from sbc.core.address import Address, literal
from sbc.core.message import BadMessage, Intent, Kind, Phase
from sbc.core.mint import Mint
from sbc.core.orders import Note, Order, Send
from sbc.core.realm import Hosts, Side
from sbc.core.registry import Arrival, Registry
from sbc.h323 import slots
from sbc.h323.codec import Message, Wire, build_control, build_ras, build_signal, decode
from sbc.h323.message import H323Message
from sbc.h323.spots import Noted
from sbc.h323.sweep import sweep
from tests.h323_calls import GATEKEEPER, arq, endpoint, h323_rig, ip, rcf, read, registered, rrq, setup, to
from tests.h323_messages import ALL, UNREAD, supplementary, transfer, vendors
from tests.h323_tshark import judge, needs_tshark
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SECRET, SOFTSWITCH, listener, make_plan, of

THEIRS, OURS = "203.0.113.77", "198.51.100.1"


def packed(host: str) -> bytes:
    ip = literal(host)
    assert ip is not None
    return ip.packed


def written(host: str) -> list[bytes]:
    return [packed(host), host.encode(), host.encode("utf-16-be"), host.encode("utf-16-le")]


def registration(octets: bytes, **more: Any) -> tuple[Send, list[Order]]:
    """A registration with non-standard data, as it goes on."""
    orders = h323_rig().from_access(rrq(6, nonStandardData=vendors(octets), **more))
    (sent,) = to(orders, "core")
    return sent, orders


def data_of(send: Send) -> bytes:
    octets: bytes = read(send).value["nonStandardData"]["data"]
    return octets


@pytest.mark.parametrize("host", [PHONE.host, NAT.host, SBC_ACCESS.host])
def test_packed_and_written_addresses_in_octets(host: str) -> None:
    octets = b"\x01\x04" + packed(host) + b"\x06\xb8\x00" + host.encode() + b"\x00" + host.encode("utf-16-be") + b"\xff"
    sent, orders = registration(octets)
    assert_no_trace(sent.data, host)
    data = data_of(sent)
    assert len(data) == len(octets) and data[:6] == b"\x01\x04" + packed(SBC_CORE.host) and data[-1:] == b"\xff"
    assert host.encode("utf-16-be") not in data
    (note,) = [each for each in of(Note, orders) if each.event == "swept"]
    assert note.reason == "registrationRequest.nonStandardData.data"


def test_names_of_products_and_carriers_and_foreign_addresses() -> None:
    """Vendors write where a terminal is into what it is called; an NSAP may hold an IP address (RFC 4548)."""
    host = PHONE.host
    vendor = {"vendor": {"t35CountryCode": 9, "t35Extension": 0, "manufacturerCode": 61}}
    vendor |= {"productId": b"Phone at %s" % host.encode(), "versionId": b"\x80" + packed(host) + b"1.2"}
    nsap = ("nsap", b"\x35\x00\x01" + packed(host) + bytes(13))
    asked = rrq(6, endpointVendor=vendor, callSignalAddress=[ip(PHONE._replace(port=1720)), nsap])
    orders = h323_rig().from_access(asked)
    (sent,) = to(orders, "core")
    assert_no_trace(sent.data, host)
    found = read(sent).value
    assert found["endpointVendor"]["productId"] == b"Phone at " + SBC_CORE.host.encode()
    assert found["endpointVendor"]["versionId"] == b"\x80" + packed(SBC_CORE.host) + b"1.2"
    assert ("nsap", b"\x35\x00\x01" + packed(SBC_CORE.host) + bytes(13)) in found["callSignalAddress"]
    (note,) = [each for each in of(Note, orders) if each.event == "swept"]
    assert "productId" in note.reason and "nsap" in note.reason
    carrier = {"carrierName": f"via {host}", "carrierIdentificationCode": b"abc"}
    call = h323_rig()
    registered(call)
    (sent,) = to(call.from_access(arq(20, circuitInfo={"sourceCircuitID": {"carrier": carrier}})), "core")
    assert_no_trace(sent.data, host)
    assert read(sent).value["circuitInfo"]["sourceCircuitID"]["carrier"]["carrierName"] == f"via {SBC_CORE.host}"


def test_whatever_else_is_there_stays() -> None:
    for octets in (
        b"",
        bytes(range(256)),
        b"version 1.2.3.4.5",
        b"10.20.30.40",
        bytes((192, 168, 1, 11)),
        b"\xa8\x01\x0a",
        b"\x80" + PHONE.host.encode() + b"5",
        b"\x801" + PHONE.host.encode(),
        b"\x80" + (PHONE.host + "5").encode("utf-16-be"),
        b"\x80" + ("1" + PHONE.host + ".5").encode("utf-16-le"),
    ):
        sent, orders = registration(octets)
        assert data_of(sent) == octets and not [each for each in of(Note, orders) if each.event == "swept"]


def test_octets_stay_as_many_though_all_are_printable() -> None:
    """One of them may be a length, as of a URL in PER."""
    host = PHONE.host  # as long as ours
    sent, _ = registration(f"contact={host}:1720; via=1{host}1, {host}5".encode())
    assert data_of(sent) == f"contact={SBC_CORE.host}:1720; via=1{host}1, {host}5".encode()
    for octets in (b"(http://%s:1720/index.html", b"2http://%s:1720/", b"0%s:1720", b"\x80ip=%s:1720", b"%s"):
        for other in (Address(NAT.host, 1720), PHONE):
            url = octets % other.host.encode()
            url = url[:1] + url[1:].ljust(url[0], b"x")
            sent, _ = registration(url)
            assert_no_trace(sent.data, other.host)
            assert len(data_of(sent)) == len(url) and data_of(sent)[:1] in (url[:1], SBC_CORE.host[:1].encode(), b"0")


def test_what_is_text_by_its_type_has_our_address_in_its_place() -> None:
    said = f"h323:alice@{PHONE.host}:1720; via=1{PHONE.host}1"
    for form, went in (("text", f"h323:alice@{SBC_CORE.host}:41000; via=1{PHONE.host}1"), ("unicode", None)):
        content = [{"id": ("standard", 1), "content": (form, said)}]
        (sent,) = to(
            h323_rig().from_access(rrq(6, genericData=[{"id": ("standard", 99), "parameters": content}])), "core"
        )
        ((kind, text),) = [each["content"] for each in read(sent).value["genericData"][0]["parameters"]]
        assert kind == form and text == (went or f"h323:alice@000.000.0.00:0000; via=1{PHONE.host}1")


def test_a_report_of_calls_says_no_cname_of_theirs() -> None:
    rig = h323_rig()
    registered(rig)
    ((binding),) = rig.border.registry.bindings.values()
    stream = {"rtpAddress": {"recvAddress": ip(PHONE)}, "rtcpAddress": {"recvAddress": ip(PHONE)}}
    stream |= {"cname": f"alice {PHONE.host}", "ssrc": 1, "sessionId": 1, "associatedSessionIds": []}
    call = {"callReferenceValue": 1, "conferenceID": bytes(16), "callSignalling": {}, "h245": {}, "audio": [stream]}
    call |= {"callType": ("pointToPoint", 0), "bandWidth": 640, "callModel": ("gatekeeperRouted", 0)}
    said = {"requestSeqNum": 9, "endpointType": endpoint(), "endpointIdentifier": binding.handle.decode()}
    said |= {"rasAddress": ip(PHONE), "callSignalAddress": [ip(PHONE)], "perCallInfo": [call], "unsolicited": True}
    (sent,) = to(rig.from_access(build_ras("infoRequestResponse", said)), "core")
    assert read(sent).value["perCallInfo"][0]["audio"][0]["cname"] == f"alice {SBC_CORE.host}"
    assert_no_trace(sent.data, PHONE.host)


def test_a_message_that_is_given_back_does_not_tell_how_it_arrived() -> None:
    """Who does not know a request gives all of it back: it is ours, with our address there."""
    rig = h323_rig()
    (asked,) = to(rig.from_access(rrq(6)), "core")
    said = {"requestSeqNum": read(asked).value["requestSeqNum"], "tokens": [], "cryptoTokens": []}
    answer = build_ras("unknownMessageResponse", said | {"messageNotUnderstood": asked.data})
    (back,) = to(rig.from_core(answer, GATEKEEPER, at=asked.listener), "access")
    assert_no_trace(back.data, SBC_CORE.host, GATEKEEPER.host)
    assert packed(SBC_ACCESS.host) in read(back).value["messageNotUnderstood"]


CALL = decode(setup()).value
SAID = [
    build_control("indication", "functionNotSupported", {
        "cause": ("unknownFunction", 0), "returnedFunction": b"\x00" + packed(THEIRS)}),
    build_control("indication", "userInput", ("alphanumeric", f"call {THEIRS}")),
    build_signal("facility", 7, False, ("empty", 0), extra={
        "stimulusControl": {"h248Message": f"MEGACO/1 [{THEIRS}]:2944".encode()}}),
    build_signal("setup", 7, False, {**CALL, "displayName": [{"name": f"alice {THEIRS}"}]}),
    build_signal("setup", 7, False, {**CALL, "serviceControl": [{
        "sessionId": 1, "contents": ("signal", b"\x00" + THEIRS.encode()), "reason": ("open", 0)}]}),
    *(build_signal("setup", 7, False, CALL, {kind: b"\x81" + THEIRS.encode()})
      for kind in (0x28, 0x2C, 0x4C, 0x6C, 0x6D, 0x70, 0x71, 0x74)),
]  # fmt: skip


@pytest.mark.parametrize("data", SAID)
def test_no_other_place_tells_an_address(data: bytes) -> None:
    assert [each for each in written(THEIRS) if each in data]
    for ours in (OURS, "2001:db8::1"):
        sent, message = crossed(data, ours)
        assert_no_trace(sent, THEIRS)
        assert [event for event, _ in message.remarks] == ["swept"]
        decode(sent)


def test_nor_does_an_element_of_another_codeset() -> None:
    data = bytearray(build_signal("setup", 7, False, CALL))
    data[9:9] = b"\x9e\x28" + bytes([len(THEIRS)]) + THEIRS.encode()
    data[2:4] = len(data).to_bytes(2, "big")
    sent, _ = crossed(bytes(data))
    assert_no_trace(sent, THEIRS)
    before, after = decode(bytes(data)).q931, decode(sent).q931
    assert before is not None and after is not None
    assert [(each.kind, len(each.octets)) for each in after.elements if each.kind != 0x7E] == [
        (each.kind, len(each.octets)) for each in before.elements if each.kind != 0x7E
    ]


def test_more_addresses_and_octets_than_may_be_looked_through_are_refused() -> None:
    calls = [("transportID", ip(Address(f"192.168.{1 + each // 200}.{1 + each % 200}", 1720))) for each in range(400)]
    body = CALL | {"sourceAddress": calls}
    few, many = (
        build_signal("setup", 7, False, body, extra={"nonStandardData": vendors(bytes(n))}) for n in (5000, 15000)
    )
    crossed(few)
    with pytest.raises(BadMessage, match="too large"):
        crossed(many)


def test_what_comes_from_the_core_is_swept_alike() -> None:
    rig = h323_rig()
    (asked,) = to(rig.from_access(rrq(6)), "core")
    octets = b"\x00" + packed(SOFTSWITCH.host) + SOFTSWITCH.host.encode() + packed(SBC_CORE.host)
    confirmed = rcf(asked.data, nonStandardData=vendors(octets))
    (back,) = to(rig.from_core(confirmed, GATEKEEPER, at=asked.listener), "access")
    assert_no_trace(back.data, SOFTSWITCH.host, SBC_CORE.host)
    assert len(data_of(back)) == len(octets) and packed(SBC_ACCESS.host) in data_of(back)


def test_a_terminal_that_is_known_speaks_of_where_it_was_bound() -> None:
    """What says no address itself may still hold the one of the registration."""
    rig = h323_rig()
    registered(rig)
    said = {"requestSeqNum": 9, "nonStandardData": vendors(b"\x01" + packed(PHONE.host))}
    (sent,) = to(rig.from_access(build_ras("nonStandardMessage", said)), "core")
    assert_no_trace(sent.data, PHONE.host)


@pytest.mark.parametrize(
    ("form", "came", "went"),
    [
        ("h323-ID", f"alice@{PHONE.host}", f"alice@{SBC_CORE.host}"),
        ("url-ID", f"h323:alice@{PHONE.host}:1720", f"h323:alice@{SBC_CORE.host}:41000"),
        ("url-ID", f"h323:alice@{SBC_ACCESS.host}", f"h323:alice@{SOFTSWITCH.host}"),  # who is meant is the gatekeeper
        ("email-ID", f"alice@[{PHONE.host}]", f"alice@[{SBC_CORE.host}]"),
        ("h323-ID", "alice@example.com", "alice@example.com"),
        ("h323-ID", "alice@10.9.8.7", "alice@10.9.8.7"),
    ],
)
def test_addresses_in_names(form: str, came: str, went: str) -> None:
    (sent,) = to(h323_rig().from_access(rrq(6, terminalAlias=[("dialledDigits", "100"), (form, came)])), "core")
    assert read(sent).value["terminalAlias"] == [("dialledDigits", "100"), (form, went)]


def test_a_name_that_would_be_too_long_has_no_address_at_all() -> None:
    ras, rest = Address("10.0.0.9", 1719), "é" * 248
    (sent,) = to(h323_rig().from_access(rrq(6, ras, terminalAlias=[("h323-ID", ras.host + rest)])), "core")
    assert read(sent).value["terminalAlias"] == [("h323-ID", "00.0.0.0" + rest)]


def test_names_come_back_as_the_terminals_network_knows_them() -> None:
    rig = h323_rig()
    (asked,) = to(rig.from_access(rrq(6, terminalAlias=[("url-ID", f"h323:alice@{SBC_ACCESS.host}")])), "core")
    confirmed = rcf(asked.data, terminalAlias=read(asked).value["terminalAlias"])
    (back,) = to(rig.from_core(confirmed, GATEKEEPER, at=asked.listener), "access")
    assert read(back).value["terminalAlias"] == [("url-ID", f"h323:alice@{SBC_ACCESS.host}")]


def test_a_path_may_let_names_pass() -> None:
    alias = [("url-ID", f"h323:alice@{PHONE.host}")]
    (sent,) = to(h323_rig(hosts=Hosts.KEEP).from_access(rrq(6, terminalAlias=alias)), "core")
    assert read(sent).value["terminalAlias"] == alias


# -- the law, over every message there is


def crossing(message: Message, ours: str = OURS, claimed: str = THEIRS) -> Any:
    """One from the access side, whose address there is `claimed`."""
    here = SimpleNamespace(name="access", side=Side.ACCESS)
    there = SimpleNamespace(name="core", side=Side.CORE, addresses=frozenset({ours}))
    return SimpleNamespace(
        here=here,
        there=there,
        registry=Registry(make_plan("h323"), Mint(SECRET)),
        path=SimpleNamespace(hosts=Hosts.ADDRESSES),
        local=Address(ours, 1719),
        own=lambda transport: Address(ours, 1720),
        arrival=Arrival(listener("access", SBC_ACCESS, "h323"), Address(claimed, 1719), b"", 0.0),
        intent=Intent(Kind.OTHER, Phase.REQUEST, b"", b""),
        hidden_hosts=lambda: frozenset({claimed}),
        peer_host="198.51.100.2",
    )


def crossed(data: bytes, ours: str = OURS) -> tuple[bytes, H323Message]:
    """The message with its addresses and all that is opaque as the other side gets them."""
    message = H323Message(decode(data))
    at = crossing(message.message, ours)
    for slot in slots.slots(message):
        message.put(slot.at, Address(ours, 1720))
    sweep(message, at)
    return message.encode(), message


def planted(data: bytes) -> list[bytes]:
    """The message with a hidden address put into each of its opaque places, one after the other."""
    made = []
    for index, spot in enumerate(decode(data).spots):
        if spot.kind is Noted.OPAQUE and len(spot.value) >= 5:
            message = decode(data)
            message.put(message.spots[index], b"\x00" + packed(THEIRS) + spot.value[5:])
            made.append(message.encode())
    return made


def open_octets(message: Message) -> bytes:
    """All octets of a message but those of names and identifiers, which pass as they are."""
    passes = (Noted.NAME, Noted.CALL, Noted.CONFERENCE, Noted.TOKENS)
    spans = [(spot.found.start >> 3, (spot.found.end + 7) >> 3) for spot in message.spots if spot.kind in passes]
    octets = bytearray(message.data)
    for start, end in spans:
        octets[start:end] = bytes(end - start)
    return bytes(octets)


@pytest.mark.parametrize("ours", [OURS, "2001:db8::1"])
def test_no_message_there_is_leaks_an_address_in_what_nobody_reads(ours: str) -> None:
    tried = 0
    for name, data in [*ALL, *UNREAD]:
        for each in planted(data):
            sent, message = crossed(each, ours)
            assert packed(THEIRS) not in sent, name
            assert [event for event, _ in message.remarks] == ["swept"], name
            tried += 1
    assert tried >= 8


def test_no_message_leaks_an_address_it_holds() -> None:
    for name, data in [*ALL, *UNREAD]:
        before = decode(data)
        hosts = {spot.value.host for spot in before.spots if spot.kind is Noted.ADDRESS} - {"0.0.0.0", "::"}
        sent, _ = crossed(data)
        after = open_octets(decode(sent))
        own = [spot for spot in before.spots if before.name == "setup" and spot.field == slots.DESTINATION]
        for host in hosts - {spot.value.host for spot in own}:
            if packed(host) != bytes(4):
                assert_no_trace(after, host)
        assert name


def test_unknown_additions_are_swept_too() -> None:
    """What a later edition adds to a message nobody here reads."""
    data = rrq(6, _ext_40=b"\x04" + packed(PHONE.host) + b"\x06\xb8")
    message = decode(data)
    assert not message.pdu.understood  # type: ignore[union-attr]
    (sent,) = to(h323_rig().from_access(data), "core")
    assert_no_trace(sent.data, PHONE.host)
    assert read(sent).value["_ext_40"] == b"\x04" + packed(SBC_CORE.host) + b"\x06\xb8"


@needs_tshark
def test_tshark_finds_no_fault_in_what_was_swept(tmp_path: Path) -> None:
    came = [supplementary(Address(THEIRS, 1720)), supplementary()]
    sent, message = crossed(came[0])
    assert not [spelling for spelling in written(THEIRS) if spelling in sent]
    assert decode(sent).q931.display == f"alice [{OURS}]"  # type: ignore[union-attr]
    assert transfer(Address(OURS, 1720)) in sent
    ((event, reason),) = message.remarks
    assert event == "swept" and "information element 40" in reason
    for word in ("nonStandardData", "nonStandardControl", "h4501SupplementaryService", "messageContent"):
        assert word in reason
    before, after = judge(tmp_path, Wire.SIGNAL, [came[0], sent])
    assert (before.faults, after.faults) == ("", "")
    for wire in Wire:
        messages = [crossed(data, ours)[0] for _, data in UNREAD for ours in (OURS, "2001:db8::1")]
        mine = [each for each in messages if decode(each).wire is wire]
        assert mine and {said.faults for said in judge(tmp_path, wire, mine)} == {""}
    assert (THEIRS in before.hosts, THEIRS in after.hosts, OURS in after.hosts) == (True, False, True)


def test_it_is_bounded() -> None:
    """Many places, each of a few octets, and as many hosts as a message may name."""
    calls = [ip(Address(f"192.168.7.{each}", 1720)) for each in range(1, 120)]
    sent, _ = crossed(rrq(6, callSignalAddress=calls, nonStandardData=vendors(bytes(range(256)) * 60)))
    assert attrs.fields(Send) and sent
