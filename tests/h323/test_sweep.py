"""Addresses in what nobody reads: the other side sees none of them, and everything else comes as it went."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from sbc.core.address import Address, literal
from sbc.core.orders import Note, Order, Send
from sbc.core.realm import Hosts, Side
from sbc.h323 import slots
from sbc.h323.codec import Message, Wire, build_ras, decode
from sbc.h323.message import H323Message
from sbc.h323.spots import Noted
from sbc.h323.sweep import sweep
from tests.h323_calls import GATEKEEPER, h323_rig, ip, rcf, read, registered, rrq, to
from tests.h323_messages import ALL, UNREAD, supplementary, transfer, vendors
from tests.h323_tshark import judge, needs_tshark
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, of

THEIRS, OURS = "203.0.113.77", "198.51.100.1"


def packed(host: str) -> bytes:
    ip = literal(host)
    assert ip is not None
    return ip.packed


def written(host: str) -> list[bytes]:
    return [packed(host), host.encode(), host.encode("utf-16-be")]


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


def test_whatever_else_is_there_stays() -> None:
    for octets in (
        b"",
        bytes(range(256)),
        b"version 1.2.3.4.5",
        b"10.20.30.40",
        bytes((192, 168, 1, 11)),
        b"\xa8\x01\x0a",
    ):
        sent, orders = registration(octets)
        assert data_of(sent) == octets and not [each for each in of(Note, orders) if each.event == "swept"]


def test_in_a_text_ours_stands_in_its_place() -> None:
    sent, _ = registration(f"contact={PHONE.host}:1720; via=1{PHONE.host}1".encode())
    assert data_of(sent) == f"contact={SBC_CORE.host}:41000; via=1{PHONE.host}1".encode()


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
    registry = SimpleNamespace(
        bindings_by_user={}, bindings_by_source={}, networks=SimpleNamespace(is_ours=lambda realm, host: False)
    )
    return SimpleNamespace(
        here=here,
        there=there,
        registry=registry,
        path=SimpleNamespace(hosts=Hosts.ADDRESSES),
        local=Address(ours, 1719),
        own=lambda transport: Address(ours, 1720),
        arrival=SimpleNamespace(source=Address(claimed, 1719)),
        intent=SimpleNamespace(user=b""),
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
        if spot.kind is Noted.OPAQUE and len(spot.value) >= 4:
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
