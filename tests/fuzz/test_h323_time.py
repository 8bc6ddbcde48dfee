"""However hostile a message of H.323, the border is done with it soon: nobody is held up by what one host says.

Each of these is the worst of its kind that could be made: lists as long as they may be, whatever can be nested, and
octets that mean something wherever they are read. Run with ``-s`` it prints what each takes.
"""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.registry import Arrival
from sbc.h323.codec import build_control, build_signal, decode
from sbc.h323.per import encode
from sbc.octets.tpkt import wrap
from tests.effort import effort
from tests.h323_calls import GATEKEEPER, GUID, TUNNELLED, acf, arq, h323_rig, ip, rcf, rrq, setup, to
from tests.h323_messages import channel, ip6, traversal, vendors
from tests.rig import NAT, Rig

ENOUGH = 250  # yardsticks, which only a fault takes: none of these took 50
PHONE = Address("192.168.1.10", 1720)
MADE_OF = (b"\x00", b"\xff", b"\x80", b"\x55", b"\xaa", b"\x01", b"\x40\x01", b"\x08\x02", b"\x01\x00\x05\x00")


def holding(control: list[bytes] | None = None, **more: Any) -> bytes:
    """A Setup with H.245 in the tunnel, and more in its H323-UU-PDU."""
    body = ("setup", decode(setup(fast=False)).value)
    return build_signal("setup", 77, False, body, control=control or [], extra={**TUNNELLED, **more})


def generic(value: Any, feature: int = 18) -> list[Any]:
    return [{"id": ("standard", feature), "parameters": value}]


def compound(depth: int, wide: int) -> Any:
    made: Any = {"id": ("standard", 1)}
    for _ in range(depth):
        made = {"id": ("standard", 1), "content": ("compound", [made] * wide)}
    return [made]


def capabilities(entries: int, parameters: int) -> bytes:
    each = [
        {"parameterIdentifier": ("standard", at % 128), "parameterValue": ("logical", 0)} for at in range(parameters)
    ]
    kind = {"capabilityIdentifier": ("standard", (0, 0, 8, 245, 1, 1, 1)), "collapsing": each}
    said = [
        {
            "capabilityTableEntryNumber": at + 1,
            "capability": ("receiveAudioCapability", ("genericAudioCapability", kind)),
        }
        for at in range(entries)
    ]
    asked = {"sequenceNumber": 1, "protocolIdentifier": (0, 0, 8, 245, 0, 13), "capabilityTable": said}
    return build_control("request", "terminalCapabilitySet", asked, tpkt=False)


def opened(number: int) -> bytes:
    return build_control("request", "openLogicalChannel", channel(number), tpkt=False)


def hosts_and_octets(hosts: int, octets: bytes) -> bytes:
    """A Setup that names many hosts, each of which is looked for in the octets."""
    named = [("transportID", ip(Address(f"192.168.{1 + at // 200}.{1 + at % 200}", 1720))) for at in range(hosts)]
    body = ("setup", {**decode(setup(fast=False)).value, "sourceAddress": named})
    return build_signal("setup", 77, False, body, extra={**TUNNELLED, "nonStandardData": vendors(octets)})


_CALL = encode("IncomingCallIndication", {"callSignallingAddress": ip(PHONE), "callID": {"guid": GUID}})
_REGISTRATION = {"id": ("standard", 1), "content": ("raw", rrq(callSignalAddress=[ip(PHONE)] * 20))}
_ROUTE = ("ipSourceRoute", {**ip(PHONE)[1], "route": [bytes((192, 168, 1, 20))] * 12, "routing": ("strict", 0)})
DATAGRAMS: dict[str, bytes] = {
    "addresses": rrq(callSignalAddress=[ip(PHONE)] * 250),
    "addresses of IPv6": rrq(callSignalAddress=[ip6()] * 250),
    "aliases that are addresses": rrq(terminalAlias=[("transportID", ip6())] * 250),
    "source routes": rrq(callSignalAddress=[_ROUTE] * 16),
    "aliases": rrq(terminalAlias=[("h323-ID", "a" * 120)] * 250),
    "generic data": rrq(genericData=generic(compound(2, 14))),
    **{f"octets {each.hex()}": (each * 65_507)[:65_507] for each in MADE_OF},
}
PACKETS: dict[str, bytes] = {
    "aliases": setup(fast=False, sourceAddress=[("transportID", ip6())] * 500),
    "source routes": setup(fast=False, sourceAddress=[("transportID", _ROUTE)] * 16),
    "channels in fast start": setup(fastStart=[encode("OpenLogicalChannel", channel(at)) for at in range(1, 60)]),
    "channels in the tunnel": holding([opened(at) for at in range(1, 60)]),
    "capabilities": holding([capabilities(100, 38)]),
    "capabilities alone": wrap(capabilities(250, 15)),
    "generic data": holding(genericData=generic(compound(10, 1))),
    "wide generic data": holding(genericData=generic(compound(2, 20))),
    "generic data that nobody reads": holding(
        genericData=generic([{"id": ("standard", 1), "content": ("raw", traversal())}] * 500, 99)
    ),
    **{f"{hosts} hosts and octets {each.hex()}": hosts_and_octets(hosts, (each * 16_000)[:many])
       for hosts, many in ((480, 8_000), (250, 15_500), (480, 13_000))
       for each in (b"\0", b"\xff", b"\xc0\xa8", b"192.168.1.", b"0\x001\x009")},
    "calls that come": holding(genericData=generic([{"id": ("standard", 1), "content": ("raw", _CALL)}] * 120)),
    "RAS in a Setup": holding(genericData=generic([_REGISTRATION] * 12, 17)),
    **{f"octets {each.hex()}": wrap((each * 65_000)[:65_000]) for each in MADE_OF},
    **{f"user-user {each.hex()}": wrap(b"\x08\x02\0\1\5\x7e\xfd\xe9\5" + (each * 65_000)[:65_000]) for each in MADE_OF},
}  # fmt: skip


def may_call() -> Rig:
    """A terminal is registered, and has leave for a call."""
    rig = h323_rig()
    for asked, answer in ((rrq(), rcf), (arq(7), acf)):
        (sent,) = to(rig.from_access(asked), "core")
        rig.from_core(answer(sent.data), GATEKEEPER, at=sent.listener)
    return rig


@pytest.mark.parametrize("which", [*((False, name) for name in DATAGRAMS), *((True, name) for name in PACKETS)])
def test_no_message_takes_long(which: tuple[bool, str]) -> None:
    reliable, name = which
    data = (PACKETS if reliable else DATAGRAMS)[name]
    assert len(data) <= 65_535

    def ready() -> tuple[Border, Arrival]:
        rig = may_call()
        listener = rig.border.plan.realms["access"].listeners[reliable]
        return rig.border, Arrival(listener, NAT._replace(port=50_000) if reliable else NAT, data, rig.now)

    took = effort(Border.receive, ready, ENOUGH)
    print(f"{took:6.1f} yardsticks, {len(data)} octets")  # noqa: T201
    assert took < ENOUGH


@pytest.mark.parametrize("many", [513, 4000])
def test_call_signalling_lists_no_more_than_anybody_needs(many: int) -> None:
    rig = may_call()
    rig.from_access(
        setup(fast=False, sourceAddress=[("dialledDigits", "1")] * many),
        NAT._replace(port=50_000),
        at=rig.border.plan.realms["access"].listeners[1],
    )
    assert [order.reason for order in rig.log if getattr(order, "event", "") == "bad-message"] == ["too many elements"]
