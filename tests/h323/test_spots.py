"""Spots: what is noted, under which name, and that whatever is written there is what is read again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.h323.codec import Message, build_control, build_ras, build_signal, decode
from sbc.h323.splice import Patch, joined
from sbc.h323.spots import Noted, Spot
from tests.h323_calls import arq
from tests.h323_messages import ALL, GUID, MADE, OTHER, PROTOCOL, TERMINAL, endpoint_type, ip, registration

DATA = dict(MADE)
V4, V6 = Address("203.0.113.9", 30000), Address("2001:db8::9", 30001)


def spot_in(message: Message, field: str, which: int = 0) -> Spot:
    return [spot for spot in message.spots if spot.field == field][which]


def route_at(message: Message) -> int:
    return next(at for at, spot in enumerate(message.spots) if spot.kind is Noted.SOURCE_ROUTE)


def rewritten(data: bytes, field: str, value: Any, which: int = 0) -> tuple[Message, Message]:
    """The message as it was, and as it is read after `value` was written there; nothing else may have changed."""
    before = decode(data)
    before.put(spot_in(before, field, which), value)
    after = decode(before.encode())
    assert spot_in(after, field, which).value == value
    old = [spot.value for spot in before.spots if spot is not spot_in(before, field, which)]
    assert [spot.value for spot in after.spots if spot is not spot_in(after, field, which)] == old
    return before, after


def test_what_is_noted() -> None:
    found = [(spot.kind, spot.field, spot.value, spot.droppable) for spot in decode(DATA["registration"]).spots]
    assert [each for each in found if each[0] is not Noted.TOKENS] == [
        (Noted.NUMBER, "requestSeqNum", 7, False),
        (Noted.ADDRESS, "callSignalAddress", TERMINAL, False),
        (Noted.SOURCE_ROUTE, "callSignalAddress", TERMINAL, False),
        (Noted.ADDRESS, "rasAddress", OTHER, False),
        (Noted.ALIAS, "terminalAlias", ("h323-ID", "alice"), False),
        (Noted.ALIAS, "terminalAlias", ("dialledDigits", "100"), False),
        (Noted.ALIAS, "terminalAlias", ("url-ID", "sip:a@b"), False),
        (Noted.ALIAS, "terminalAlias", ("dialledDigits", "12"), False),
        (Noted.NAME, "gatekeeperIdentifier", "gk", False),
        (Noted.LIFETIME, "timeToLive", 300, True),
        (Noted.NAME, "endpointIdentifier", "1234_ep", True),
        (Noted.FLAG, "maintainConnection", False, False),
    ]
    assert [(field, droppable) for kind, field, _, droppable in found if kind is Noted.TOKENS] == [("tokens", True)]


def test_paths_lead_through_the_value() -> None:
    message = decode(DATA["setup"])
    paths = {spot.path for spot in message.spots if spot.kind is Noted.ADDRESS and spot.pdu.holder == "fastStart"}
    assert paths == {
        (
            "forwardLogicalChannelParameters",
            "multiplexParameters",
            "h2250LogicalChannelParameters",
            field,
            "unicastAddress",
        )
        for field in ("mediaChannel", "mediaControlChannel")
    }


@pytest.mark.parametrize("family", [V4, V6])
@pytest.mark.parametrize(("name", "data"), MADE, ids=[name for name, _ in MADE])
def test_addresses(name: str, data: bytes, family: Address) -> None:
    """All at once, to either family, and back to the very octets."""
    there = decode(data)
    for spot in there.spots:
        if spot.kind is Noted.ADDRESS:
            there.put(spot, family)
    assert bool(there.resized) == (family is V6 and there.changed)
    back = decode(there.encode())
    read = [spot for spot in back.spots if spot.kind is Noted.ADDRESS]
    assert all(spot.value == family for spot in read)
    for spot, old in zip(read, [spot for spot in there.spots if spot.kind is Noted.ADDRESS], strict=True):
        back.put(spot, old.value)
    assert back.encode() == data


def test_a_source_route_is_told_to_nobody() -> None:
    for name in ("registration", "route-in-h245"):
        message = decode(DATA[name])
        route = next(spot for spot in message.spots if spot.kind is Noted.SOURCE_ROUTE)
        assert route.route == ("192.168.1.20", "192.168.1.21")
        message.put(route, V4)
        after = next(spot for spot in decode(message.encode()).spots if spot.kind is Noted.SOURCE_ROUTE)
        assert after.value == V4 and after.route == (V4.host, V4.host)
        assert not message.resized
        message.put(route, V6)
        assert message.resized == [f"{route.field} in {route.pdu.name}: it was encoded anew"]
        written = decode(message.encode())
        assert V6 in [spot.value for spot in written.spots if spot.kind is Noted.ADDRESS]
        assert all(spot.kind is not Noted.SOURCE_ROUTE for spot in written.spots)
        message.put(route, V4)
        assert decode(message.encode()).spots[route_at(message)].value == V4


@pytest.mark.parametrize("seconds", [1, 60, 256, 257, 65536, 65537, 2**24 + 1, 4294967295])
def test_lifetimes(seconds: int) -> None:
    before, _ = rewritten(DATA["registration"], "timeToLive", seconds)
    assert bool(before.resized) == (not 256 < seconds <= 65536)
    rewritten(DATA["setup"], "keepAliveInterval", seconds, which=3)


@pytest.mark.parametrize("units", [0, 255, 256, 65536, 4294967295])
def test_bandwidth(units: int) -> None:
    before, _ = rewritten(arq(20, bandWidth=1280), "bandWidth", units)
    assert bool(before.resized) == (not 255 < units < 65536)
    before, _ = rewritten(arq(20, bandWidth=units), "bandWidth", 1280)
    assert decode(before.encode()).value["bandWidth"] == 1280


@pytest.mark.parametrize("number", [1, 255, 256, 65535])
def test_numbers(number: int) -> None:
    before, _ = rewritten(DATA["registration"], "requestSeqNum", number)
    assert not before.resized


def test_call_references_in_ras() -> None:
    data = build_ras(
        "disengageRequest",
        {
            "requestSeqNum": 1,
            "endpointIdentifier": "ep",
            "conferenceID": GUID,
            "callReferenceValue": 40000,
            "disengageReason": ("normalDrop", 0),
            "callIdentifier": {"guid": GUID},
            "answeredCall": False,
        },
    )
    assert [spot.kind for spot in decode(data).spots] == [
        Noted.NUMBER,
        Noted.NAME,
        Noted.CONFERENCE,
        Noted.REFERENCE,
        Noted.CALL,
    ]
    for number in (0, 1, 32767, 65535):
        rewritten(data, "callReferenceValue", number)
    rewritten(data, "callIdentifier", bytes(16))
    rewritten(data, "conferenceID", b"\xff" * 16)
    rewritten(data, "endpointIdentifier", "a much longer name of an endpoint")


@pytest.mark.parametrize(
    ("which", "value"),
    [
        (0, ("h323-ID", "bob")),
        (0, ("h323-ID", "é" * 256)),
        (1, ("dialledDigits", "999")),
        (1, ("dialledDigits", "1")),
        (1, ("dialledDigits", "12345")),
        (1, ("dialledDigits", "12")),
        (1, ("dialledDigits", "1" * 128)),
        (3, ("dialledDigits", "1")),
        (2, ("url-ID", "sip:somebody@voice.example")),
        (3, ("dialledDigits", "98")),
        (3, ("dialledDigits", "98765432")),
    ],
)
def test_aliases(which: int, value: tuple[str, str]) -> None:
    rewritten(DATA["registration"], "terminalAlias", value, which)
    rewritten(DATA["ras-in-facility"], "terminalAlias", value, which)


@pytest.mark.parametrize(
    ("field", "which", "value"),
    [
        ("requestSeqNum", 0, 0),
        ("requestSeqNum", 0, 65536),
        ("timeToLive", 0, 0),
        ("timeToLive", 0, 2**32),
        ("gatekeeperIdentifier", 0, ""),
        ("gatekeeperIdentifier", 0, "x" * 129),
        ("gatekeeperIdentifier", 0, "\U0001f600"),
        ("terminalAlias", 0, ("dialledDigits", "1")),
        ("terminalAlias", 1, ("dialledDigits", "12a")),
        ("terminalAlias", 1, ("dialledDigits", "1a")),
        ("terminalAlias", 1, ("dialledDigits", "1" * 129)),
        ("terminalAlias", 2, ("url-ID", "é")),
        ("callSignalAddress", 0, Address("gk.example", 1720)),
        ("tokens", 0, []),
    ],
)
def test_what_cannot_be_written_is_refused(field: str, which: int, value: Any) -> None:
    message = decode(DATA["registration"])
    with pytest.raises(ValueError, match=r"is no|characters|digits|written"):
        message.put(spot_in(message, field, which), value)
    assert message.encode() == DATA["registration"]


def test_addresses_of_other_networks_are_told_as_such() -> None:
    netbios = ("netBios", b"0123456789abcdef")
    message = decode(registration(rasAddress=[netbios, ip(OTHER)]))
    spot = spot_in(message, "rasAddress")
    assert (spot.kind, spot.form, spot.value) == (Noted.FOREIGN, "netBios", netbios[1])
    with pytest.raises(ValueError, match="netBios"):
        message.put(spot, V4)


def test_addresses_wherever_they_hide() -> None:
    """In alternate gatekeepers, as aliases, in generic data: by the type, not by the field's name."""
    data = build_ras(
        "gatekeeperConfirm",
        {
            "requestSeqNum": 1,
            "protocolIdentifier": PROTOCOL,
            "rasAddress": ip(),
            "alternateGatekeeper": [
                {"rasAddress": ip(OTHER), "gatekeeperIdentifier": "b", "needToRegister": True, "priority": 1}
            ],
            "genericData": [
                {
                    "id": ("standard", 99),
                    "parameters": [
                        {"id": ("standard", 1), "content": ("transport", ip(OTHER))},
                        {"id": ("standard", 2), "content": ("alias", ("transportID", ip(OTHER)))},
                        {"id": ("standard", 3), "content": ("compound", [{"id": ("standard", 4), "content": (
                            "nested", [{"id": ("standard", 5), "parameters": [
                                {"id": ("standard", 6), "content": ("transport", ip(OTHER))}]}])}])},
                    ],
                }
            ],
        },
    )  # fmt: skip
    values = [spot.value for spot in decode(data).spots if spot.kind is Noted.ADDRESS]
    assert values == [TERMINAL, OTHER, OTHER, OTHER, OTHER]


def test_octets_that_nobody_reads_may_be_written() -> None:
    """Vendors put addresses into their own data, and supplementary services (H.450) into theirs."""
    vendor = {"nonStandardIdentifier": ("object", (1, 2, 3)), "data": b"from 192.168.1.10"}
    generic = {"id": ("standard", 9), "parameters": [{"id": ("standard", 1), "content": ("raw", b"\xc0\xa8\x01\x0a")}]}
    body = {"protocolIdentifier": PROTOCOL, "callIdentifier": {"guid": GUID}}
    extra = {"nonStandardData": vendor, "h4501SupplementaryService": [b"one", b"two"], "genericData": [generic]}
    data = build_signal("alerting", 1, True, body | {"destinationInfo": endpoint_type()}, extra=extra)
    message = decode(data)
    opaque = [spot for spot in message.spots if spot.kind is Noted.OPAQUE]
    assert [(spot.field, spot.value) for spot in opaque] == [
        ("data", vendor["data"]),
        ("h4501SupplementaryService", b"one"),
        ("h4501SupplementaryService", b"two"),
        ("raw", b"\xc0\xa8\x01\x0a"),
    ]
    for spot in opaque:
        message.put(spot, b"" if spot.value == b"two" else spot.value * 20)
    after = [spot.value for spot in decode(message.encode()).spots if spot.kind is Noted.OPAQUE]
    assert after == [vendor["data"] * 20, b"one" * 20, b"", b"\xc0\xa8\x01\x0a" * 20]


def test_bits_are_joined() -> None:
    assert joined(3, 4, 0b01, 2, b"z") == Patch(0, 4, b"\x08z", 3)
    assert joined(7, 4, 0b01, 2, b"z") == Patch(0, 4, b"\x00\x80z", 7)
    assert joined(8, 4, 0, 0, b"z") == Patch(1, 4, b"z")
    assert joined(8, 4, 0b101, 3, b"") == Patch(1, 4, b"\xa0")


hosts = st.one_of(st.ip_addresses(v=4).map(str), st.integers(1, 65535).map(lambda number: f"2001:db8::{number:x}"))
addresses = st.builds(Address, hosts, st.integers(0, 65535))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([data for _, data in ALL]), st.data())
def test_any_mixture_of_addresses(data: bytes, draw: st.DataObject) -> None:
    message = decode(data)
    wanted = []
    for spot in message.spots:
        if spot.kind is Noted.ADDRESS:
            wanted.append(draw.draw(st.one_of(st.none(), addresses)) or spot.value)
            message.put(spot, wanted[-1])
    after = decode(message.encode())
    assert [spot.value for spot in after.spots if spot.kind is Noted.ADDRESS] == wanted


def test_a_message_without_user_user_has_no_spots() -> None:
    assert decode(DATA["no-user-user"]).spots == []
    assert decode(build_control("request", "roundTripDelayRequest", {"sequenceNumber": 3})).spots == []
