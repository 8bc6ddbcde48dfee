"""Calls whose terminal brings all its media to one pair of ports of the SBC, or wants what it gets so (H.460.19)."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.audit import audit
from sbc.core.call import Call, Stream
from sbc.core.multiplexed import shared_pair
from sbc.core.orders import CloseStream, OpenStream, Order, UpdateStream
from sbc.h323.codec import build_control
from sbc.h323.dialect import H323Dialect
from sbc.h323.per import decode as decode_plain
from tests.calls.test_h323_calls import BY_TCP, GATEKEEPER_CALLS, for_fax, from_gatekeeper, heard, tcp
from tests.calls.test_h323_channels import CORE, TERMINAL, ack, close, olc
from tests.calls.test_h323_traversal import TRAVERSAL, access, called, came, coming, only
from tests.h323_calls import (
    GATEKEEPER,
    acf,
    address_in,
    addresses,
    arq,
    asking,
    fast_start,
    h323_plan,
    media,
    read,
    registered,
    release,
    said_back,
    setup,
    to,
    tunnel,
)
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, of

PORTS = shared_pair(SBC_ACCESS.host, 2776)
CAN: Any = {"id": ("standard", 19), "parameters": [{"id": ("standard", 1)}]}
CANNOT: Any = {"id": ("standard", 19)}
WANTED = Pair(Address(TERMINAL, 3000), Address(TERMINAL, 3001))


def rig_with(port: int = 2776) -> Rig:
    plan = h323_plan()
    realm = plan.realms["access"]
    realms = {**plan.realms, "access": attrs.evolve(realm, media=attrs.evolve(realm.media, multiplexed=port))}
    return Rig.make(H323Dialect(), attrs.evolve(plan, realms=realms))


def features(feature: Any) -> Any:
    return {"replacementFeatureSet": False, "supportedFeatures": [feature]}


def told(data: bytes) -> list[dict[str, Any]]:
    """The traversal parameters of each channel in a message."""
    return [pdu.whole for pdu in read(data).pdus if pdu.type == "TraversalParameters"]


class Talk:
    """A call that the terminal has made, without media as yet, in whose tunnel both parties then say H.245."""

    def __init__(self, feature: Any = CAN, port: int = 2776) -> None:
        self.rig = rig_with(port)
        own = registered(self.rig, featureSet=TRAVERSAL)
        sent = only(to(self.rig.from_access(arq(20)), "core"))
        self.rig.from_core(acf(sent.data, GATEKEEPER_CALLS), GATEKEEPER, at=own)
        asked = setup(fast=False, supportedFeatures=[feature])
        self.sent = only(to(heard(self.rig, tcp(self.rig, "access"), BY_TCP, asked), "core"))
        self.connect = only(to(from_gatekeeper(self.rig, self.sent, said_back("connect", self.sent.data)), "access"))
        self.call: Call = only(list(self.rig.border.registry.calls.values()))

    def up(self, *control: bytes) -> list[Order]:
        return heard(self.rig, tcp(self.rig, "access"), BY_TCP, tunnel(setup(), list(control)))

    def down(self, *control: bytes) -> list[Order]:
        return from_gatekeeper(self.rig, self.sent, tunnel(self.sent.data, list(control), back=True))

    @property
    def stream(self) -> Stream:
        found: Stream = only(list(self.call.streams.values()))
        return found


def asked_for(control: bytes, number: int = 7) -> bytes:
    where = {"multiplexedMediaChannel": WANTED.rtp, "multiplexedMediaControlChannel": WANTED.rtp._replace(port=3001)}
    return asking(control, multiplexID=number, **{name: media(address) for name, address in where.items()})


def test_a_terminal_that_can_is_told_the_ports_and_a_number() -> None:
    talk = Talk()
    assert_no_trace(talk.sent.data, PHONE.host, NAT.host, SBC_ACCESS.host)
    assert "supportedFeatures" not in read(talk.sent).value, "the core hears nothing of it"
    parameters = read(talk.connect).value["featureSet"]["supportedFeatures"][0]["parameters"]
    assert [each["id"] for each in parameters] == [("standard", 1), ("standard", 2)], "we can send so, too"
    orders = talk.up(olc(TERMINAL, 3, 4001))
    shared = only(of(OpenStream, orders)).spec.sides[0].shared
    assert (shared.local, shared.told) == (PORTS, False)
    assert only(of(OpenStream, orders)).spec.sides[1].shared is None
    assert not told(only(to(orders, "core")).data)
    orders = talk.down(ack(CORE, 3, 5000))
    (said,) = told(only(to(orders, "access")).data)
    assert address_in(said["multiplexedMediaChannel"]) == PORTS.rtp
    assert address_in(said["multiplexedMediaControlChannel"]) == PORTS.rtcp
    assert said["multiplexID"] == shared.number and "keepAliveChannel" not in said
    where = addresses(only(to(orders, "access")).data)
    assert (where["mediaChannel"], where["mediaControlChannel"]) == ([PORTS.rtp], [PORTS.rtcp]), "some send there"
    assert talk.stream.shared[0] == attrs.evolve(shared, told=True)
    assert [each.spec.shared for each in of(UpdateStream, orders) if each.side == 0] == [talk.stream.shared[0]]
    orders = talk.down(olc(CORE, 3, 5001))
    (said,) = told(only(to(orders, "access")).data)
    assert said["multiplexID"] == shared.number, "of one session, whoever opens the channel"
    assert address_in(said["keepAliveChannel"]) == PORTS.rtp, "what keeps the way open has the number, too"
    assert addresses(only(to(orders, "access")).data)["mediaControlChannel"] == [PORTS.rtcp]
    assert audit(talk.rig.border.registry) == []


def test_what_a_terminal_asks_for_is_what_it_gets() -> None:
    """By its openLogicalChannel RTCP, by its Ack both; and where it says, from then on."""
    talk = Talk()
    orders = talk.up(asked_for(olc(TERMINAL, 3, 4001), 5))
    shared = only(of(OpenStream, orders)).spec.sides[0].shared
    assert (shared.rtp, shared.rtcp) == (None, 5)
    crossed = only(to(orders, "core")).data
    assert not told(crossed)
    assert_no_trace(crossed, TERMINAL, SBC_ACCESS.host)
    talk.down(olc(CORE, 3, 5001))
    orders = talk.up(asked_for(ack(TERMINAL, 3, 4000)))
    spec = [each.spec for each in of(UpdateStream, orders) if each.side == 0][-1]
    assert (spec.shared.rtp, spec.shared.rtcp, spec.remote) == (7, 7, WANTED)
    crossed = only(to(orders, "core")).data
    assert not told(crossed)
    assert_no_trace(crossed, TERMINAL, SBC_ACCESS.host)
    talk.up(ack(TERMINAL, 3, 4000))
    assert talk.stream.shared[0] is not None
    assert (talk.stream.shared[0].rtp, talk.stream.shared[0].rtcp) == (None, None), "it has thought better of it"
    assert talk.stream.remote[0] == Pair(Address(TERMINAL, 4000), Address(TERMINAL, 4001))


@pytest.mark.parametrize(("feature", "port"), [(CANNOT, 2776), (CAN, 0)], ids=["it cannot", "the realm has none"])
def test_others_are_told_nothing_of_numbers(feature: Any, port: int) -> None:
    talk = Talk(feature, port)
    offered = [each["id"][1] for each in read(talk.connect).value["featureSet"]["supportedFeatures"][0]["parameters"]]
    assert offered == ([1, 2] if port else [2])
    talk.up(olc(TERMINAL, 3, 4001))
    assert not told(only(to(talk.down(ack(CORE, 3, 5000)), "access")).data)
    (said,) = told(only(to(talk.down(olc(CORE, 3, 5001)), "access")).data)
    assert said.keys() == {"keepAliveChannel", "keepAliveInterval"}
    assert address_in(said["keepAliveChannel"]) == talk.stream.ours[0].rtp
    orders = talk.up(asked_for(ack(TERMINAL, 3, 4000)))
    spec = [each.spec for each in of(UpdateStream, orders) if each.side == 0][-1]
    if port:
        assert (spec.shared.rtp, spec.shared.told) == (7, False), "it may ask, who cannot do the same"
    else:
        assert spec.shared is None and spec.remote.rtp == Address(TERMINAL, 4000)


def test_fax_has_no_number() -> None:
    talk = Talk()
    orders = talk.up(olc(TERMINAL, 3, None, session=3, carries=for_fax()))
    orders += talk.down(ack(CORE, 3, 5000, session=3))
    assert only(of(OpenStream, orders)).spec.kind == "t38"
    assert all(side.shared is None for side in only(of(OpenStream, orders)).spec.sides)
    last = only(to(orders, "access"))
    assert not told(last.data) and addresses(last.data)["mediaChannel"] == [talk.stream.ours[0].rtp]


def test_the_number_is_free_when_the_channels_are_closed() -> None:
    talk = Talk()
    numbers = talk.rig.border.registry.networks.numbers
    assert numbers is not None and numbers.used == {}
    talk.up(olc(TERMINAL, 3, 4001))
    first = talk.stream.shared[0]
    assert first is not None and numbers.used == {PORTS.rtp: {first.number}}
    assert len(of(CloseStream, talk.up(close(3)))) == 1
    assert numbers.used == {}
    talk.up(olc(TERMINAL, 4, 4001))
    second = talk.stream.shared[0]
    assert second is not None and second.number != first.number
    heard(talk.rig, tcp(talk.rig, "access"), BY_TCP, release(setup()))
    assert numbers.used == {} and audit(talk.rig.border.registry) == []


def test_a_called_terminal_says_in_its_answer_that_it_can() -> None:
    rig = rig_with()
    own, down, _ = called(rig)
    offered = read(down).value["supportedFeatures"][0]["parameters"]
    assert [each["id"] for each in offered] == [("standard", 1), ("standard", 2)]
    (said,) = told(down.data)
    assert "multiplexID" not in said, "it has not said yet that it can"
    adopt = came(rig, heard(rig, access(rig), BY_TCP, coming()))
    heard(rig, adopt.listener, adopt.peer, said_back("callProceeding", down.data, featureSet=features(CAN)))
    connect = said_back("connect", down.data)
    heard(rig, adopt.listener, adopt.peer, connect)
    caller = SOFTSWITCH._replace(port=33000)
    by = attrs.evolve(own, transport="tcp")
    orders = heard(rig, by, caller, tunnel(setup(), [olc(CORE, 9, 5001, session=2)]))
    (said,) = told(only(to(orders, "access")).data)
    spec = only(of(OpenStream, orders)).spec
    assert said["multiplexID"] == spec.sides[1].shared.number and spec.sides[1].shared.told
    assert address_in(said["keepAliveChannel"]) == PORTS.rtp
    assert SBC_CORE.host not in str(said)


def test_a_caller_by_fast_start_is_told_in_the_answer() -> None:
    rig = rig_with()
    own = registered(rig, featureSet=TRAVERSAL)
    sent = only(to(rig.from_access(arq(20)), "core"))
    rig.from_core(acf(sent.data, GATEKEEPER_CALLS), GATEKEEPER, at=own)
    asked = setup(supportedFeatures=[CAN])
    sent = only(to(heard(rig, tcp(rig, "access"), BY_TCP, asked), "core"))
    back = only(to(from_gatekeeper(rig, sent, said_back("connect", sent.data, SOFTSWITCH.host)), "access"))
    said = told(back.data)
    stream = only(list(only(list(rig.border.registry.calls.values())).streams.values()))
    assert [each["multiplexID"] for each in said] == [stream.shared[0].number]
    assert stream.shared[0].told
    assert fast_start(SOFTSWITCH.host) != read(back).value["fastStart"]


@pytest.mark.parametrize("size", [9000, 100])
def test_a_terminal_is_sent_nothing_from_ports_that_its_channel_could_not_be_told_of(size: int) -> None:
    """What is too long to be encoded anew crosses without them; the next message tells it."""
    talk = Talk()
    talk.up(olc(TERMINAL, 3, 4001))
    vendor = {"messageIdentifier": ("standard", (1, 2, 3)), "messageContent": [
        {"parameterIdentifier": ("standard", 0), "parameterValue": ("octetString", bytes(size))}]}  # fmt: skip
    orders = talk.down(with_information(ack(CORE, 3, 5000), vendor))
    is_told = size < 8192
    assert bool(told(only(to(orders, "access")).data)) is is_told
    shared = talk.stream.shared[0]
    assert shared is not None and shared.told is is_told
    assert [each.spec.shared.told for each in of(UpdateStream, orders) if each.side == 0] == [True] * is_told
    where = addresses(only(to(orders, "access")).data)["mediaChannel"]
    assert where == [PORTS.rtp if is_told else talk.stream.ours[0].rtp]
    talk.down(ack(CORE, 3, 5000))
    assert talk.stream.shared[0] == attrs.evolve(shared, told=True)
    assert audit(talk.rig.border.registry) == []


def with_information(control: bytes, information: Any) -> bytes:
    """The same openLogicalChannelAck with a generic information more."""
    group, (name, value) = decode_plain("MultimediaSystemControlMessage", control)
    return build_control(group, name, {**value, "genericInformation": [information]}, tpkt=False)
