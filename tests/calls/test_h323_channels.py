"""Logical channels opened and closed one by one in a call, held, switched, moved; in the tunnel or beside it."""

from __future__ import annotations

from typing import Any

from sbc.core.address import Address
from sbc.core.call import Call, CallState, Stream
from sbc.core.orders import CloseStream, Note, OpenStream, Order, UpdateStream
from sbc.h323.codec import build_control
from tests.calls.test_h323_calls import (
    AUDIO,
    BY_TCP,
    admitted,
    answered,
    for_fax,
    from_gatekeeper,
    heard,
    only,
    opened,
    tcp,
)
from tests.h323_calls import addresses, h323_rig, media, said_back, setup, to, tunnel
from tests.laws import assert_no_trace
from tests.rig import PHONE, SBC_CORE, SOFTSWITCH, of

TERMINAL, CORE = PHONE.host, SOFTSWITCH.host
H224: Any = ("data", {"application": ("h224", ("hdlcFrameTunnelling", 0)), "maxBitRate": 64})
_H261 = {"qcifMPI": 1, "temporalSpatialTradeOffCapability": False, "maxBitRate": 1, "stillImageTransmission": False}
VIDEO: Any = ("videoData", ("h261VideoCapability", _H261))


class Conversation:
    """A call that came up without media, in whose tunnel both parties then say H.245."""

    def __init__(self) -> None:
        self.rig = h323_rig()
        admitted(self.rig)
        self.sent = opened(self.rig, fast=False)
        from_gatekeeper(self.rig, self.sent, said_back("connect", self.sent.data))
        self.call: Call = only(list(self.rig.border.registry.calls.values()))

    def up(self, *control: bytes) -> list[Order]:
        """The terminal says it."""
        return heard(self.rig, tcp(self.rig, "access"), BY_TCP, tunnel(setup(), list(control)))

    def down(self, *control: bytes) -> list[Order]:
        """The other party does."""
        return from_gatekeeper(self.rig, self.sent, tunnel(self.sent.data, list(control), back=True))

    def stream(self, key: int = 1, kind: str = "rtp") -> Stream:
        return self.call.streams[key, kind]

    def used(self) -> list[int]:
        """How many pairs of ports are used in each realm."""
        return [len(pool.used) for pool in self.rig.border.registry.media_ports.values()]


def olc(host: str, number: int, port: int | None, session: int = 1, carries: Any = AUDIO) -> bytes:
    """A channel that its sender opens: with RTCP at `port`, or without an address."""
    parameters: Any = {"sessionID": session, "mediaGuaranteedDelivery": False}
    if port is not None:
        parameters["mediaControlChannel"] = media(Address(host, port))
    forward = {"dataType": carries, "multiplexParameters": ("h2250LogicalChannelParameters", parameters)}
    said = {"forwardLogicalChannelNumber": number, "forwardLogicalChannelParameters": forward}
    return build_control("request", "openLogicalChannel", said, tpkt=False)


def ack(host: str, number: int, port: int, session: int | None = 1) -> bytes:
    """Its answer: where the media is to go, and RTCP above."""
    parameters: Any = {
        "mediaChannel": media(Address(host, port)),
        "mediaControlChannel": media(Address(host, port + 1)),
    }
    if session is not None:
        parameters["sessionID"] = session
    multiplex = ("h2250LogicalChannelAckParameters", parameters)
    said = {"forwardLogicalChannelNumber": number, "forwardMultiplexAckParameters": multiplex}
    return build_control("response", "openLogicalChannelAck", said, tpkt=False)


def close(number: int) -> bytes:
    said = {"forwardLogicalChannelNumber": number, "source": ("user", 0)}
    return build_control("request", "closeLogicalChannel", said, tpkt=False)


def ask_to_close(number: int) -> bytes:
    return build_control("request", "requestChannelClose", {"forwardLogicalChannelNumber": number}, tpkt=False)


def reject(number: int) -> bytes:
    said = {"forwardLogicalChannelNumber": number, "cause": ("dataTypeNotSupported", 0)}
    return build_control("response", "openLogicalChannelReject", said, tpkt=False)


def capabilities(empty: bool) -> bytes:
    said: Any = {"sequenceNumber": 1, "protocolIdentifier": (0, 0, 8, 245, 0, 7)}
    if not empty:
        audio = ("receiveAudioCapability", ("g711Alaw64k", 20))
        said["capabilityTable"] = [{"capabilityTableEntryNumber": 1, "capability": audio}]
    return build_control("request", "terminalCapabilitySet", said, tpkt=False)


def talking() -> Conversation:
    """Audio flows both ways: the terminal's channel is number 3, the other's is 3, too."""
    talk = Conversation()
    talk.up(olc(TERMINAL, 3, 4001))
    talk.down(ack(CORE, 3, 5000), olc(CORE, 3, 5001))
    talk.up(ack(TERMINAL, 3, 4000))
    assert len(talk.call.streams) == 1 and talk.used() == [1, 1]
    return talk


def test_a_stream_closes_with_the_last_of_its_channels_and_its_ports_go_back() -> None:
    talk = talking()
    assert not of(CloseStream, talk.up(close(3)))
    assert not of(CloseStream, talk.up(ask_to_close(3)))  # the other's channel, which it may close or not
    orders = talk.down(close(3))
    assert len(of(CloseStream, orders)) == 1 and not talk.call.streams and talk.used() == [0, 0]
    assert only(to(orders, "access"))
    assert talk.call.state is CallState.UP


def test_another_is_opened_later_in_the_same_session() -> None:
    talk = talking()
    ports = talk.stream().ours
    talk.up(close(3))
    talk.down(close(3))
    orders = talk.up(olc(TERMINAL, 4, 4001))
    spec = only(of(OpenStream, orders)).spec
    assert spec.sides[0].local != ports[0] and spec.sides[1].local != ports[1]  # these rest
    told = addresses(only(to(orders, "core")).data)
    assert told["mediaControlChannel"] == [spec.sides[1].local.rtcp]
    talk.down(ack(CORE, 4, 6000))
    assert talk.stream().remote[1].rtp == Address(CORE, 6000)  # type: ignore[union-attr]


def test_a_number_that_is_closed_and_used_again_at_once_is_a_new_channel() -> None:
    talk = talking()
    orders = talk.up(close(3), olc(TERMINAL, 3, 4003))
    assert not of(CloseStream, orders) and not of(OpenStream, orders)
    assert not of(CloseStream, talk.down(close(3))) and len(of(CloseStream, talk.up(close(3)))) == 1


def test_a_channel_that_is_not_taken_leaves_no_stream() -> None:
    talk = Conversation()
    talk.up(olc(TERMINAL, 3, 4001))
    assert len(of(CloseStream, talk.down(reject(3)))) == 1 and talk.used() == [0, 0]
    assert not of(CloseStream, talk.down(reject(3)))


def test_channels_of_fast_connect_are_closed_one_by_one_too() -> None:
    rig = h323_rig()
    sent, _ = answered(rig)
    call = only(list(rig.border.registry.calls.values()))
    assert set(call.channels) == {(0, b"101"), (1, b"1")}
    heard(rig, tcp(rig, "access"), BY_TCP, tunnel(setup(), [close(101)]))
    orders = from_gatekeeper(rig, sent, tunnel(sent.data, [close(1)], back=True))
    assert len(of(CloseStream, orders)) == 1 and not call.streams


def test_the_master_says_which_session_it_is() -> None:
    """What the slave proposes as session 0 without an address is T.38, whatever the master calls it."""
    talk = talking()
    assert not of(OpenStream, talk.up(olc(TERMINAL, 5, None, 0, for_fax())))
    orders = talk.down(ack(CORE, 5, 7000, session=34))
    spec = only(of(OpenStream, orders)).spec
    assert spec.kind == "t38" and spec.sides[1].remote.rtp == Address(CORE, 7000)
    assert addresses(only(to(orders, "access")).data)["mediaChannel"] == [spec.sides[0].local.rtp]
    talk.down(olc(CORE, 6, None, 34, for_fax()))
    assert not of(OpenStream, talk.up(ack(TERMINAL, 6, 6000, session=34)))
    assert talk.stream(34, "t38").remote[0].rtp == Address(TERMINAL, 6000)  # type: ignore[union-attr]


def test_a_session_of_the_masters_is_one_stream_with_what_the_slave_had_proposed() -> None:
    talk = talking()
    spec = only(of(OpenStream, talk.up(olc(TERMINAL, 5, 4101, 0, VIDEO)))).spec
    talk.down(ack(CORE, 5, 5100, session=32))
    assert talk.stream(32).id == spec.id and talk.stream(32).remote[1].rtp == Address(CORE, 5100)  # type: ignore[union-attr]
    talk.down(olc(CORE, 6, 5101, 32, VIDEO))
    assert not of(OpenStream, talk.up(ack(TERMINAL, 6, 4100, session=32)))
    assert len(talk.call.streams) == 2 and talk.stream(32).media == ["video H261/90000"] * 2


def test_h224_goes_over_rtp() -> None:
    talk = talking()
    spec = only(of(OpenStream, talk.up(olc(TERMINAL, 7, 4201, 5, H224)))).spec
    assert (spec.kind, spec.sides[0].media) == ("rtp", "application")


def test_fax_takes_the_place_of_voice_and_voice_that_of_fax() -> None:
    talk = talking()
    talk.up(close(3))
    talk.down(close(3))
    talk.up(olc(TERMINAL, 8, None, 3, for_fax()))
    talk.down(ack(CORE, 8, 7000, session=3))
    assert set(talk.call.streams) == {(3, "t38")}
    talk.up(close(8), olc(TERMINAL, 9, 4001))
    assert set(talk.call.streams) == {(1, "rtp")} and talk.used() == [1, 1]


def test_an_empty_capability_set_puts_the_call_on_hold_until_a_full_one() -> None:
    talk = talking()
    orders = talk.up(capabilities(empty=True))
    assert [note.event for note in of(Note, orders)] == ["paused"] and talk.call.paused == [True, False]
    assert all(update.spec.held for update in of(UpdateStream, orders)) and of(UpdateStream, orders)
    talk.down(close(3))
    silent = talk.rig.border.silent(talk.stream().id, 600, talk.rig.now)
    assert not [order for order in silent if not isinstance(order, Note)] and talk.call.state is CallState.UP
    orders = talk.up(capabilities(empty=False))
    assert [note.event for note in of(Note, orders)] == ["resumed"] and talk.call.paused == [False, False]
    talk.down(olc(CORE, 4, 5003))
    talk.up(ack(TERMINAL, 4, 4000))
    assert talk.stream().held == [False, False]
    assert not of(Note, talk.up(capabilities(empty=False)))


def test_a_third_party_pauses_and_leads_elsewhere() -> None:
    """H.323 clause 8.4.6: both are paused, close their channels, and open others to somebody else."""
    talk = talking()
    orders = talk.down(capabilities(empty=True))
    assert only(to(orders, "access")) and talk.call.paused == [False, True]
    talk.up(close(3))
    talk.down(close(3))
    assert not talk.call.streams
    talk.down(capabilities(empty=False))
    talk.up(olc(TERMINAL, 11, 4001))
    orders = talk.down(ack("198.51.100.66", 11, 9000))
    assert talk.stream().remote[1].rtp == Address("198.51.100.66", 9000)  # type: ignore[union-attr]
    assert_no_trace(only(to(orders, "access")).data, "198.51.100.66", SBC_CORE.host)


def test_moved_without_being_closed_it_goes_where_it_was_said_last() -> None:
    talk = talking()
    talk.up(olc(TERMINAL, 12, 4001))
    talk.down(ack("198.51.100.66", 12, 9000))
    assert talk.stream().remote[1].rtp == Address("198.51.100.66", 9000) and len(talk.call.streams) == 1  # type: ignore[union-attr]


def test_what_is_known_of_channels_is_bounded() -> None:
    talk = talking()
    for number in range(100, 300):
        talk.up(olc(TERMINAL, number, None, 0, for_fax()))
    assert len(talk.call.channels) == 64


def test_everything_else_crosses_as_it_is() -> None:
    talk = talking()
    mode = ("audioMode", ("g711Alaw64k", 0))
    said = [
        ("indication", "userInput", ("alphanumeric", "17#")),
        ("request", "roundTripDelayRequest", {"sequenceNumber": 9}),
        ("request", "masterSlaveDetermination", {"terminalType": 50, "statusDeterminationNumber": 12345}),
        ("response", "masterSlaveDeterminationAck", {"decision": ("master", 0)}),
        ("request", "requestMode", {"sequenceNumber": 3, "requestedModes": [[{"type": mode}]]}),
        ("response", "requestModeAck", {"sequenceNumber": 3, "response": ("willTransmitMostPreferredMode", 0)}),
        ("response", "requestChannelCloseReject", {"forwardLogicalChannelNumber": 3, "cause": ("unspecified", 0)}),
        ("indication", "functionNotUnderstood", ("response", ("roundTripDelayResponse", {"sequenceNumber": 1}))),
    ]
    for group, name, value in said:
        data = build_control(group, name, value, tpkt=False)
        for orders, there in ((talk.up(data), "core"), (talk.down(data), "access")):
            assert data in only(to(orders, there)).data, name
            assert not of(OpenStream, orders) and not of(CloseStream, orders)
