"""One message over all of H.323: identity, no leak, there and back, what tshark says of it, and whatever may come."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.h323 import per, q931
from sbc.h323.codec import (
    MOST_ANEW,
    MOST_OCTETS_ANEW,
    Message,
    Wire,
    build_control,
    build_ras,
    build_signal,
    decode,
)
from sbc.h323.per import Unencodable
from sbc.h323.spots import Noted
from sbc.octets.tpkt import wrap
from tests.circles import no_circles
from tests.effort import effort
from tests.h323_laws import ADDRESSES, keep_the_laws, replaced
from tests.h323_messages import (
    ALL,
    GUID,
    MADE,
    RECORDED,
    channel,
    needs_recorded,
    registration,
    setup,
    source_route,
    token,
)
from tests.h323_tshark import judge, needs_tshark

DATA = dict(MADE)
WIRES = {"ras": Wire.RAS, "q931": Wire.SIGNAL, "h245": Wire.CONTROL}


def packed(host: str) -> bytes:
    return inet_pton(AF_INET6 if ":" in host else AF_INET, host)


@pytest.mark.parametrize(("name", "data"), ALL, ids=[name for name, _ in ALL])
def test_laws(name: str, data: bytes) -> None:
    message = decode(data)
    if name.rpartition(".")[2] in WIRES:
        assert message.wire is WIRES[name.rpartition(".")[2]]
    assert message.name and all(pdu.understood for pdu in message.pdus)
    assert message.encode() is data  # identity
    assert decode(data, message.wire).encode() == data
    for family in "46":
        there, new = replaced(data, family)
        sent = there.encode()
        olds = [spot.value for spot in message.spots if spot.kind in ADDRESSES]
        hosts = {old.host for old in olds} | {host for spot in message.spots for host in spot.route}
        for host in hosts - {"0.0.0.0"}:  # no leak: neither as text nor packed
            assert packed(host) not in sent and host.encode() not in sent
        if family == "4":
            assert len(sent) == len(data) and not there.resized
        assert bool(there.resized) == (len(sent) != len(data))
        back = decode(sent)
        found = [spot for spot in back.spots if spot.kind in ADDRESSES]
        assert [spot.value for spot in found] == new
        for spot, old in zip(found, olds, strict=True):
            back.put(spot, old)
        if not any(spot.route for spot in message.spots):  # the hops of a source route are gone for good
            assert back.encode() == data  # there and back


@needs_recorded
def test_the_corpora_are_all_of_it() -> None:
    assert len(RECORDED) == 130
    names = {decode(data).name for _, data in RECORDED}
    assert {"gatekeeperRequest", "registrationConfirm", "admissionConfirm", "disengageRequest"} <= names
    assert {"setup", "connect", "releaseComplete", "terminalCapabilitySet", "openLogicalChannelAck"} <= names


def enlarged(data: bytes) -> Message:
    """The message with whatever can grow or go grown and gone."""
    message, _ = replaced(data, "6")
    for spot in message.spots:
        if spot.kind is Noted.TOKENS and spot.droppable:
            message.drop(spot)
        elif spot.kind is Noted.LIFETIME:
            message.put(spot, 70_000)
        elif spot.kind is Noted.NAME:
            message.put(spot, f"{spot.value}-and-more")
        elif spot.kind is Noted.ALIAS:
            more = "12" if spot.form == "dialledDigits" else "-and-more"
            message.put(spot, (spot.form, spot.value[1] + more))
    return message


def rebuilt(data: bytes) -> Message:
    """The message with its root PDU encoded anew, with one thing more in it."""
    message = decode(data)
    pdu = message.pdu
    if pdu is not None:
        message.rebuild(pdu, pdu.whole)
    return message


@needs_tshark
@pytest.mark.parametrize("wire", list(Wire))
def test_tshark_finds_no_fault(wire: Wire, tmp_path: Path) -> None:
    """In what was rewritten in place, spliced, or encoded anew; and it sees the new addresses alone."""
    chosen = [(name, data) for name, data in ALL if decode(data).wire is wire]
    assert chosen
    messages = []
    for name, data in chosen:
        plain = decode(data)
        olds = {spot.value.host for spot in plain.spots if spot.kind in ADDRESSES}
        for message in (plain, replaced(data)[0], enlarged(data), rebuilt(data)):
            messages.append((name, message, olds if message is not plain and message.changed else set()))
    judged = judge(tmp_path, wire, [message.encode() for _, message, _ in messages])
    for (name, message, olds), said in zip(messages, judged, strict=True):
        assert not said.faults, (name, message.encode().hex())
        after = decode(message.encode())
        seen = {
            spot.value.host
            for spot in after.spots
            if spot.kind is Noted.ADDRESS and "multicastAddress" not in spot.path
        }
        assert set(said.hosts) == seen, name
        if olds and not any("anew" in why for why in message.resized):
            assert not (olds & set(said.hosts)) - {"0.0.0.0"}, name
    assert sum(len(said.hosts) for said in judged) > 10  # made-up messages alone have more


def test_a_packet_is_told_by_its_octets() -> None:
    mode = {"sequenceNumber": 2, "requestedModes": [[{"type": ("audioMode", ("g711Ulaw64k", 0))}]]}
    data = build_control("request", "requestMode", mode)
    assert data[4] == q931.DISCRIMINATOR  # and yet it is H.245
    assert decode(data).wire is Wire.CONTROL
    assert decode(DATA["setup"]).wire is Wire.SIGNAL
    assert decode(DATA["registration"]).wire is Wire.RAS


def test_ras_that_looks_like_a_packet_is_ras() -> None:
    """A gatekeeperRequest may begin as TPKT does, with its own length as its number."""
    value = {
        "protocolIdentifier": (0, 0, 8, 2250, 0, 6),
        "nonStandardData": {"nonStandardIdentifier": ("object", (1, 2, 3)), "data": b"\x08"},
        "rasAddress": ("ipAddress", {"ip": bytes(4), "port": 1719}),
        "endpointType": {"mc": False, "undefinedNode": False},
    }
    sized = build_ras("gatekeeperRequest", {"requestSeqNum": 1, **value, "supportsAltGK": 0})
    data = build_ras("gatekeeperRequest", {"requestSeqNum": len(sized) + 1, **value, "supportsAltGK": 0})
    assert data[:2] == b"\x03\x00" and data[2] << 8 | data[3] == len(data)
    assert decode(data).name == "gatekeeperRequest"
    assert decode(data, Wire.RAS).encode() == data
    for wire in (Wire.SIGNAL, Wire.CONTROL):
        with pytest.raises(BadMessage):
            decode(data, wire)


@pytest.mark.parametrize("wire", [None, *Wire])
@pytest.mark.parametrize("data", [b"", b"\x03", b"\x03\x00\x00\x04", b"\x03\x00\x00\x05", bytes(70_000), b"\xff" * 40])
def test_what_is_none(data: bytes, wire: Wire | None) -> None:
    with pytest.raises(BadMessage):
        decode(data, wire)


def test_what_is_written_is_told() -> None:
    message = decode(registration())
    assert not message.changed and not message.resized
    spots = {spot.field: spot for spot in message.spots}
    message.put(spots["requestSeqNum"], 9)
    message.put(spots["timeToLive"], 400)
    assert message.changed and not message.resized
    message.put(spots["timeToLive"], 60)
    message.drop(spots["tokens"])
    assert message.resized == [
        "timeToLive in registrationRequest: 3 octets became 2",
        "tokens was taken out of registrationRequest",
    ]
    after = decode(message.encode())
    assert after.value["timeToLive"] == 60 and "tokens" not in after.value
    assert after.value["requestSeqNum"] == 9
    with pytest.raises(ValueError, match="addition"):
        message.drop(spots["requestSeqNum"])


def test_additions_are_dropped_by_their_path() -> None:
    message = decode(setup())
    pdu = message.pdu
    assert pdu is not None
    top = ("h323-uu-pdu", "h323-message-body", "setup")
    assert message.drop_addition(pdu, (*top, "fastStart"))
    assert message.drop_addition(pdu, (*top, "parallelH245Control"))
    assert not message.drop_addition(pdu, (*top, "cryptoTokens"))
    after = decode(message.encode())
    assert after.value == {
        name: value for name, value in message.value.items() if name not in ("fastStart", "parallelH245Control")
    }
    assert [each.holder for each in after.pdus if each.holder != "genericInformation"] == [
        "",
        "h245Control",
        "h245Control",
    ]


def test_what_is_dropped_forgets_what_was_written_in_it() -> None:
    message = decode(setup())
    assert message.pdu is not None
    for spot in message.spots:
        if spot.kind is Noted.ADDRESS:
            message.put(spot, Address("2001:db8::1", 1))
    assert message.drop_addition(message.pdu, ("h323-uu-pdu", "h323-message-body", "setup", "fastStart"))
    after = decode(message.encode())
    assert "fastStart" not in after.value
    assert {spot.value for spot in after.spots if spot.kind is Noted.ADDRESS} == {Address("2001:db8::1", 1)}


def test_a_pdu_is_encoded_anew() -> None:
    """Whatever can be in it, nested or not; the lengths around it are mended."""
    message = decode(setup())
    nested = next(pdu for pdu in message.pdus if pdu.holder == "h245Control" and pdu.index == 1)
    message.rebuild(nested, ("indication", ("userInput", ("alphanumeric", "1234"))))
    root = decode(message.encode())
    assert [pdu.name for pdu in root.pdus if pdu.holder == "h245Control"] == ["openLogicalChannel", "userInput"]
    assert root.pdu is not None
    whole = dict(root.pdu.whole)
    uu = dict(whole["h323-uu-pdu"])
    uu["h323-message-body"] = ("setup", {**root.value, "hopCount": 3, "callServices": {
        "q932Full": False, "q951Full": False, "q952Full": False, "q953Full": False, "q955Full": False,
        "q956Full": False, "q957Full": False,
        "q954Info": {"conferenceCalling": False, "threePartyService": False}}})  # fmt: skip
    root.rebuild(root.pdu, {**whole, "h323-uu-pdu": uu})
    assert len(root.resized) == 1
    again = decode(root.encode())
    assert again.value["hopCount"] == 3
    assert [pdu.name for pdu in again.pdus] == [pdu.name for pdu in root.pdus]


def test_what_is_encoded_anew_goes_with_what_is_written_and_dropped() -> None:
    """In whatever order; in nested PDUs too, where those before them are dropped."""
    message = decode(DATA["ras-in-facility"])
    spots = {(spot.field, spot.form, str(spot.value)): spot for spot in message.spots}
    digits = next(spot for (field, _, value), spot in spots.items() if field == "terminalAlias" and "100" in value)
    message.put(digits, ("dialledDigits", "1000"))
    for spot in message.spots:
        if spot.kind is Noted.ADDRESS:
            message.put(spot, Address("2001:db8::7", 7))
        elif spot.kind is Noted.TOKENS:
            message.drop(spot)
    after = decode(message.encode())
    assert ("dialledDigits", "1000") in [spot.value for spot in after.spots]
    assert {spot.value for spot in after.spots if spot.kind is Noted.ADDRESS} == {Address("2001:db8::7", 7)}
    assert "tokens" not in after.pdus[1].value
    message.put(digits, ("dialledDigits", "999"))
    assert ("dialledDigits", "999") in [spot.value for spot in decode(message.encode()).spots]
    assert message.encode() == message.encode()


def test_each_pdu_is_encoded_once_however_much_of_it_is_written_anew() -> None:
    """Source routes in a registration, alone and inside a Facility: it is encoded once to see what would be lost, and
    once to be written."""
    route = source_route()
    held = registration(callSignalAddress=[route] * 10)
    generic = {"id": ("standard", 17), "parameters": [{"id": ("standard", 1), "content": ("raw", held)}]}
    data = build_signal("facility", 0, False, ("empty", {}), extra={"h245Tunnelling": False, "genericData": [generic]})
    for made in (held, data):
        message = decode(made)
        with patch.object(per, "encode", wraps=per.encode) as encoder:
            for spot in message.spots:
                if spot.kind is Noted.SOURCE_ROUTE:
                    message.put(spot, Address("2001:db8::7", 7))
            sent = message.encode()
        assert encoder.call_count == 2
        found = [spot for spot in decode(sent).spots if spot.field == "callSignalAddress"]
        assert [(spot.kind, spot.value) for spot in found] == [(Noted.ADDRESS, Address("2001:db8::7", 7))] * 10


def test_what_is_encoded_anew_is_bounded() -> None:
    def rewritten(data: bytes) -> Message:
        message = decode(data)
        for spot in message.spots:
            if spot.kind is Noted.SOURCE_ROUTE:
                message.put(spot, Address("2001:db8::7", 7))
        return message

    rewritten(registration(callSignalAddress=[source_route()] * MOST_ANEW)).encode()
    with pytest.raises(ValueError, match="parts"):
        rewritten(registration(callSignalAddress=[source_route()] * (MOST_ANEW + 1)))
    vendor = {"nonStandardIdentifier": ("object", (1, 2, 3)), "data": bytes(MOST_OCTETS_ANEW)}
    with pytest.raises(ValueError, match="too long"):
        rewritten(registration(nonStandardData=vendor))


def test_the_only_addition_may_be_dropped() -> None:
    """With the only addition gone, the bitmap that is left is empty, and still the rest can be encoded anew."""
    message = decode(DATA["tokens-alone"])
    value = {name: each for name, each in message.value.items() if name != "tokens"}
    spots = {spot.field: spot for spot in message.spots}
    message.drop(spots["tokens"])
    assert decode(message.encode()).value == value
    message.put(spots["endpointAlias"], ("dialledDigits", "1001"))
    assert decode(message.encode()).value == value | {"endpointAlias": [("dialledDigits", "1001")]}


def unknown_addition(data: bytes) -> bytes:
    """The same message of a sender who knows more: its bitmap has one bit more, and that addition three octets."""
    message = decode(data)
    assert message.pdu is not None
    name, value = message.pdu.whole
    return build_ras(name, {**value, "_additions": 50, "_ext_49": b"\xde\xad\xbe"})


def test_what_is_not_understood_is_passed_and_never_encoded_anew() -> None:
    data = unknown_addition(registration())
    message = decode(data)
    assert message.pdu is not None and not message.pdu.understood
    assert message.value["_ext_49"] == b"\xde\xad\xbe"
    with pytest.raises(ValueError, match="lost"):
        message.rebuild(message.pdu, message.pdu.whole)
    for spot in message.spots:
        if spot.kind in ADDRESSES and not spot.route:
            message.put(spot, Address("2001:db8::1", 5))
    after = decode(message.encode())
    assert after.value["_ext_49"] == b"\xde\xad\xbe" and after.value["_additions"] == 50


def test_an_unknown_alternative_is_passed() -> None:
    data = b"\x9f\x02\xab\xcd"  # RasMessage, the 32nd of those added: nobody has defined it
    message = decode(data)
    assert (message.name, message.value) == ("_ext_31", b"\xab\xcd")
    assert message.encode() == data and message.pdu is not None and not message.pdu.understood
    control = decode(wrap(b"\x81\x01\xff"))
    assert control.pdu is not None and control.name == control.pdu.name == "_ext_1"


def test_call_references_and_elements() -> None:
    message = decode(setup())
    head = message.q931
    assert head is not None
    message.put_call_reference(1)
    display, calling = head.find(q931.DISPLAY), head.find(q931.CALLING)
    assert display is not None and calling is not None
    message.put_element(display, b"somebody else")
    message.drop_element(calling)
    assert len(message.resized) == 2
    after = decode(message.encode()).q931
    assert after is not None
    assert (after.call_reference, after.from_destination) == (1, False)
    assert (after.display, after.calling, after.called) == ("somebody else", None, "200")
    assert [each.kind for each in after.elements] == [q931.DISPLAY, q931.CALLED, q931.USER_USER]
    for number in (-1, 0x8000):
        with pytest.raises(ValueError, match="reference"):
            message.put_call_reference(number)
    answer = decode(build_signal("alerting", 0x7FFF, True, None))
    answer.put_call_reference(2)
    changed = decode(answer.encode()).q931
    assert changed is not None and (changed.call_reference, changed.from_destination) == (2, True)


def test_what_grows_too_long_is_refused() -> None:
    message = decode(setup())
    assert message.q931 is not None
    display = message.q931.find(q931.DISPLAY)
    assert display is not None
    with pytest.raises(BadMessage):
        message.put_element(display, bytes(300))
    held = message.q931.find(q931.USER_USER)
    assert held is not None
    message.put_element(held, b"\x05" + bytes(65_530))
    with pytest.raises(BadMessage):
        message.encode()


@pytest.mark.parametrize(
    "more",
    [
        {"destExtraCallInfo": [("h323-ID", "a")] * 500},
        {"sourceAddress": [("dialledDigits", "1" * 128)] * 500},
        {"tokens": [token()] * 400},
    ],
)
def test_the_largest_messages_are_read_soon(more: dict[str, Any]) -> None:
    data = setup(**more)
    assert len(decode(data).spots) > 10
    assert effort(lambda: decode(data), enough=500) < 500


def test_built_messages() -> None:
    cause = {q931.CAUSE: q931.cause(16)}
    body = {"protocolIdentifier": (0, 0, 8, 2250, 0, 6), "callIdentifier": {"guid": GUID}}
    tunnelled = build_control("command", "endSessionCommand", ("disconnect", 0), tpkt=False)
    data = build_signal("releaseComplete", 5, True, body, cause, [tunnelled], {"h245Tunnelling": True})
    message = decode(data)
    assert (message.name, message.wire) == ("releaseComplete", Wire.SIGNAL)
    assert message.q931 is not None and (message.q931.cause, message.q931.call_reference) == (16, 5)
    assert message.value == body
    assert [pdu.name for pdu in message.pdus] == ["releaseComplete", "endSessionCommand"]
    assert decode(build_control("request", "openLogicalChannel", channel())).value == channel()
    with pytest.raises(Unencodable):
        build_ras("registrationReject", {})
    with pytest.raises(KeyError):
        build_signal("nothing", 1, False)


mutations = st.tuples(st.floats(0, 1), st.integers(0, 4), st.binary(max_size=4))


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from([data for _, data in ALL]),
    st.lists(mutations, max_size=4),
    st.floats(0.2, 1),
    st.booleans(),
    st.sampled_from([None, *Wire]),
)
def test_whatever_comes(
    data: bytes, changes: list[tuple[float, int, bytes]], kept: float, mended: bool, wire: Wire | None
) -> None:
    """Mutated and truncated messages, with lengths that lie and with such that do not."""
    is_packet = data[:2] == b"\x03\x00"
    for where, length, new in changes:
        at = int(where * len(data))
        data = data[:at] + new + data[at + length :]
    data = data[: int(kept * len(data)) + 1] if kept < 0.9 else data
    keep_the_laws(wrap(data[4:]) if is_packet and mended else data, wire)


@given(st.binary(max_size=120), st.sampled_from([None, *Wire]))
def test_whatever_octets(data: bytes, wire: Wire | None) -> None:
    keep_the_laws(data, wire)
    keep_the_laws(wrap(data), wire)
    keep_the_laws(wrap(b"\x08\x02\x00\x01\x05\x7e" + len(data).to_bytes(2, "big") + data), wire)


def test_nothing_is_left_to_the_garbage_collector() -> None:
    with no_circles():
        for _, data in ALL:
            message = enlarged(data)
            message.encode()
            assert all(pdu.parent is not None for pdu in message.pdus[1:])
        with suppress(BadMessage):
            decode(b"\xff")
        del message


def test_values_are_plain() -> None:
    """What is read can be compared, copied and shown: there is nothing of the library's in it."""

    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(isinstance(name, str) and plain(each) for name, each in value.items())
        if isinstance(value, list | tuple):
            return all(map(plain, value))
        return type(value) in (int, str, bytes, bool)

    for name, data in ALL:
        assert all(plain(pdu.whole) for pdu in decode(data).pdus), name
