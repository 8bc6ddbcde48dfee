"""Calls of H.323 whose channels are secured by H.235.8 on one side, on both, or in neither way that is demanded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.orders import Note, OpenStream, Order, Send, UpdateStream
from sbc.core.secured import Key, MediaSecurity, Protection, SideSecurity
from sbc.h323 import srtp
from sbc.h323.codec import build_control, decode
from sbc.h323.dialect import H323Dialect
from sbc.h323.per import encode
from sbc.h323.shown import mask
from tests.calls.test_h323_calls import AUDIO, BY_TCP, admitted, for_fax, from_gatekeeper, heard, only, opened, tcp
from tests.calls.test_h323_channels import CORE, TERMINAL, Conversation, ack, olc
from tests.h323_calls import A_LAW, fast_start, h323_plan, said_back, setup, to, tunnel
from tests.rig import Rig, of

SDES, NONE, OPTIONAL, PASS = MediaSecurity.SDES, MediaSecurity.NONE, MediaSecurity.OPTIONAL, MediaSecurity.PASS
_80, _32 = srtp.OIDS
PHONE_KEY, OTHER_KEY, CORE_KEY = bytes(range(31, 61)), bytes(range(101, 131)), bytes(range(201, 231))


def protected(near: Any, far: Any) -> Rig:
    """An SBC whose realms demand these; keys may be said in the clear, unless a Protection says otherwise."""
    plan = h323_plan()
    realms = {}
    for name, demanded in (("access", near), ("core", far)):
        protection = demanded if isinstance(demanded, Protection) else Protection(demanded, sdes_over_clear=True)
        realms[name] = attrs.evolve(plan.realms[name], protection=protection)
    return Rig.make(H323Dialect(), attrs.evolve(plan, realms=realms))


class Talk(Conversation):
    """A call between realms that demand these, in whose tunnel H.245 is said."""

    def __init__(self, near: Any = SDES, far: Any = NONE) -> None:
        self.rig = protected(near, far)
        admitted(self.rig)
        self.sent = opened(self.rig, fast=False)
        from_gatekeeper(self.rig, self.sent, said_back("connect", self.sent.data))
        self.call = only(list(self.rig.border.registry.calls.values()))


def secured(kind: Any = AUDIO, suite: str = _80) -> Any:
    """What flows, secured."""
    integrity = {"genericH235SecurityCapability": srtp.generic((suite,))}
    return ("h235Media", {"encryptionAuthenticationAndIntegrity": integrity, "mediaType": kind})


def keyed(control: bytes, secret: bytes, suite: str = _80, bare: bool = False) -> bytes:
    """A channel, or its Ack, with a key."""
    message = decode(b"\x03\x00" + (len(control) + 4).to_bytes(2, "big") + control)
    assert message.pdu is not None
    group, (name, value) = message.pdu.whole
    said = b"\x01\x00\x10" + secret[:16] + b"\x0e" + secret[16:] if bare else srtp.keys(Key(suite, secret))
    value = {**value, "encryptionSync": {"synchFlag": 0, "h235Key": said}}
    return encode("MultimediaSystemControlMessage", (group, (name, value)))


def channel(host: str, number: int, port: int, secret: bytes, suite: str = _80, bare: bool = False) -> bytes:
    return keyed(olc(host, number, port, carries=secured(suite=suite)), secret, suite, bare)


def told(orders: list[Order] | Send, realm: str = "core") -> list[Any]:
    """The PDUs of H.245, or of fast connect, in what goes there."""
    data = orders.data if isinstance(orders, Send) else only(to(orders, realm)).data
    return [pdu for pdu in decode(data).pdus if pdu.holder]


def key_of(pdu: Any) -> Key | None:
    """The key that a channel says."""
    value = pdu.value if pdu.group else pdu.whole
    parameters = value.get("reverseLogicalChannelParameters") or value["forwardLogicalChannelParameters"]
    if "encryptionSync" not in value:
        return None
    kind, said = parameters["dataType"]
    assert kind == "h235Media"
    names = srtp.named(said["encryptionAuthenticationAndIntegrity"]["genericH235SecurityCapability"])
    return srtp.key(value["encryptionSync"]["h235Key"], names[0], 1)


def kind_of(pdu: Any) -> Any:
    value = pdu.value if pdu.group else pdu.whole
    parameters = value.get("reverseLogicalChannelParameters") or value["forwardLogicalChannelParameters"]
    return parameters["dataType"]


def sides(rig: Rig) -> list[SideSecurity | None]:
    """How the engine has the last stream."""
    found: list[SideSecurity | None] = [None, None]
    for order in rig.log:
        if isinstance(order, OpenStream):
            found = [each.security for each in order.spec.sides]
        elif isinstance(order, UpdateStream):
            found[order.side] = order.spec.security
    return found


def secrets(side: SideSecurity | None) -> tuple[bytes | None, bytes | None]:
    assert side is not None
    return (
        None if side.receive is None else side.receive.secret,
        None if side.send is None else side.send.secret,
    )


def rejects(orders: list[Order], realm: str = "access") -> str:
    """Why a channel is not opened, as its opener hears."""
    pdu = only(told(orders, realm))
    assert pdu.name == "openLogicalChannelReject"
    return str(pdu.value["cause"][0])


def no_trace(data: bytes, *keys: bytes) -> None:
    for key in keys:
        assert key not in data and key[:16] not in data and key[16:] not in data


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("suite", [_80, _32])
def test_a_secured_terminal_talks_to_a_plain_gatekeeper(suite: str, bare: bool) -> None:
    talk = Talk()
    orders = talk.up(channel(TERMINAL, 3, 4001, PHONE_KEY, suite, bare))
    assert kind_of(only(told(orders))) == AUDIO and key_of(only(told(orders))) is None
    no_trace(only(to(orders, "core")).data, PHONE_KEY)
    assert secrets(sides(talk.rig)[0]) == (PHONE_KEY, None) and sides(talk.rig)[1] is None

    orders = talk.down(ack(CORE, 3, 5000), olc(CORE, 7, 5001))
    answered, opened = told(orders, "access")
    assert answered.name == "openLogicalChannelAck" and "encryptionSync" not in answered.value
    ours = key_of(opened)
    assert ours is not None and ours.suite == _80 and kind_of(opened) == secured()  # the first of the realm's
    assert secrets(sides(talk.rig)[0]) == (PHONE_KEY, ours.secret) and sides(talk.rig)[1] is None
    assert kind_of(only([pdu for pdu in told(orders, "access") if pdu.name == "openLogicalChannel"])) != AUDIO

    orders = talk.up(ack(TERMINAL, 7, 4000))
    assert only(told(orders)).name == "openLogicalChannelAck"
    assert secrets(sides(talk.rig)[0]) == (PHONE_KEY, ours.secret)
    assert talk.stream().remote[0].rtp == Address(TERMINAL, 4000)  # type: ignore[union-attr]


def test_a_plain_terminal_talks_to_a_secured_gateway() -> None:
    talk = Talk(NONE, SDES)
    (opened,) = told(talk.up(olc(TERMINAL, 3, 4001)))
    ours = key_of(opened)
    assert ours is not None and secrets(sides(talk.rig)[1]) == (None, ours.secret) and sides(talk.rig)[0] is None
    answered, back = told(talk.down(ack(CORE, 3, 5000), channel(CORE, 7, 5001, CORE_KEY)), "access")
    assert kind_of(back) == AUDIO and key_of(back) is None and "encryptionSync" not in answered.value
    assert secrets(sides(talk.rig)[1]) == (CORE_KEY, ours.secret)


def test_both_sides_are_secured_each_with_keys_of_its_own() -> None:
    talk = Talk(SDES, SDES)
    (there,) = told(talk.up(channel(TERMINAL, 3, 4001, PHONE_KEY)))
    _, here = told(talk.down(ack(CORE, 3, 5000), channel(CORE, 7, 5001, CORE_KEY)), "access")
    to_core, to_phone = key_of(there), key_of(here)
    assert to_core is not None and to_phone is not None
    assert len({to_core.secret, to_phone.secret, PHONE_KEY, CORE_KEY}) == 4
    assert secrets(sides(talk.rig)[0]) == (PHONE_KEY, to_phone.secret)
    assert secrets(sides(talk.rig)[1]) == (CORE_KEY, to_core.secret)


def test_nothing_is_touched_between_realms_that_let_it_pass() -> None:
    talk = Talk(PASS, PASS)
    (opened,) = told(talk.up(channel(TERMINAL, 3, 4001, PHONE_KEY)))
    key = key_of(opened)
    assert key is not None and key.secret == PHONE_KEY and sides(talk.rig) == [None, None]


@pytest.mark.parametrize(
    ("near", "said", "event"),
    [
        (SDES, lambda: olc(TERMINAL, 3, 4001), "media-plain"),
        (NONE, lambda: channel(TERMINAL, 3, 4001, PHONE_KEY), "media-secured"),
        (PASS, lambda: channel(TERMINAL, 3, 4001, PHONE_KEY), "media-secured"),
        (SDES, lambda: olc(TERMINAL, 3, 4001, carries=secured()), "media-secured"),  # no key
        (SDES, lambda: channel(TERMINAL, 3, 4001, bytes(30)), "media-secured"),
        (Protection(SDES), lambda: channel(TERMINAL, 3, 4001, PHONE_KEY), "keys-in-clear"),
        (SDES, lambda: olc(TERMINAL, 3, None, carries=secured()), "media-secured"),
        (SDES, lambda: olc(TERMINAL, 3, None), "media-plain"),
    ],
)
def test_a_channel_that_does_not_fit_is_rejected(near: Any, said: Callable[[], bytes], event: str) -> None:
    talk = Talk(near, NONE)
    if near is PASS:
        talk = Talk(near, SDES)
    orders = talk.up(said())
    assert rejects(orders) == "securityDenied" and not to(orders, "core") and not talk.call.streams
    assert event in [note.event for note in of(Note, orders)] or event in str(of(Note, orders))
    assert talk.used() == [0, 0]


def test_a_key_of_ours_is_nobody_elses() -> None:
    talk = Talk(SDES, SDES)
    (there,) = told(talk.up(channel(TERMINAL, 3, 4001, PHONE_KEY)))
    ours = key_of(there)
    assert ours is not None
    assert rejects(talk.down(channel(CORE, 7, 5001, ours.secret)), "core") == "securityDenied"


def test_another_key_comes_with_another_channel() -> None:
    talk = Talk()
    talk.up(channel(TERMINAL, 3, 4001, PHONE_KEY))
    _, back = told(talk.down(ack(CORE, 3, 5000), olc(CORE, 7, 5001)), "access")
    ours = key_of(back)
    assert ours is not None
    talk.up(channel(TERMINAL, 4, 4001, OTHER_KEY))
    assert secrets(sides(talk.rig)[0]) == (OTHER_KEY, ours.secret)


def test_a_key_that_comes_by_itself_goes_no_further() -> None:
    talk = Talk()
    talk.up(channel(TERMINAL, 3, 4001, PHONE_KEY))
    sync = {"synchFlag": 0, "h235Key": srtp.keys(Key(_80, OTHER_KEY))}
    said = {"logicalChannelNumber": 3, "type": ("encryptionUpdate", sync)}
    orders = talk.up(build_control("command", "miscellaneousCommand", said, tpkt=False))
    assert not to(orders, "core") and "key-update" in str(of(Note, orders))
    assert secrets(sides(talk.rig)[0]) == (PHONE_KEY, None)


def test_no_key_is_shown_to_people() -> None:
    """As trace, console and log have messages: what came, what went on, and what the call is said to be."""
    talk = Talk(SDES, SDES)
    talk.up(channel(TERMINAL, 3, 4001, PHONE_KEY))
    talk.down(ack(CORE, 3, 5000), channel(CORE, 7, 5001, CORE_KEY))
    talk.up(channel(TERMINAL, 4, 4001, OTHER_KEY, bare=True))
    keys = {key for side in sides(talk.rig) for key in secrets(side) if key is not None}
    assert len(keys) == 4
    came = [channel(TERMINAL, 3, 4001, PHONE_KEY), channel(TERMINAL, 4, 4001, OTHER_KEY, bare=True)]
    shown = [mask(tunnel(setup(), [each])) for each in came]
    shown += [mask(each.data) for each in of(Send, talk.rig.log)]
    shown += [repr(each).encode() for each in talk.rig.log if not isinstance(each, Send)]
    assert any(b"encryptionSync: (hidden)" in each for each in shown)
    for each in shown:
        for key in {*keys, PHONE_KEY, OTHER_KEY}:
            no_trace(each, key)
            assert key[:16].hex().encode() not in each and repr(key)[2:-1].encode() not in each


def test_who_says_that_it_takes_nothing_secured_is_opened_no_channel_though_it_secures_its_own() -> None:
    talk = Talk()
    talk.up(channel(TERMINAL, 3, 4001, PHONE_KEY))
    talk.up(table())
    assert rejects(talk.down(olc(CORE, 7, 5001)), "core") == "securityDenied"


# -- fast connect


def proposals(
    host: str,
    secret: bytes,
    port: int = 4000,
    offers: bool = True,
    suite: str = _80,
    first: int = 0,
    plain: bool = False,
) -> list[bytes]:
    """As fast_start, secured: the channel by which its sender sends has its key."""
    made = []
    for data in fast_start(host, port, offers, A_LAW):
        message = decode_channel(data)
        sends = ("reverseLogicalChannelParameters" in message) != offers
        name = "reverseLogicalChannelParameters" if "reverseLogicalChannelParameters" in message else FORWARD
        parameters = {**message[name], "dataType": secured(message[name]["dataType"], suite)}
        message = {**message, name: parameters, NUMBER: message[NUMBER] + first}
        if sends:
            message["encryptionSync"] = {"synchFlag": 0, "h235Key": srtp.keys(Key(suite, secret))}
        made.append(encode("OpenLogicalChannel", message))
    return made


FORWARD, NUMBER = "forwardLogicalChannelParameters", "forwardLogicalChannelNumber"


def decode_channel(data: bytes) -> Any:
    from sbc.h323.per import decode as read

    return read("OpenLogicalChannel", data)


def called(rig: Rig, started: list[bytes]) -> tuple[list[Order], list[Send]]:
    orders = heard(rig, tcp(rig, "access"), BY_TCP, setup(fastStart=started))
    return orders, to(orders, "core")


def test_fast_connect_of_a_secured_terminal_is_plain_in_the_core() -> None:
    rig = protected(SDES, NONE)
    admitted(rig)
    _, (sent,) = called(rig, proposals(TERMINAL, PHONE_KEY))
    assert [kind_of(pdu) for pdu in told(sent)] == [AUDIO, AUDIO] and not any(key_of(pdu) for pdu in told(sent))
    no_trace(sent.data, PHONE_KEY)
    first = secrets(sides(rig)[0])
    assert first[0] == PHONE_KEY and first[1] is not None
    orders = from_gatekeeper(rig, sent, said_back("connect", sent.data, CORE))
    back = told(orders, "access")
    assert all(kind_of(pdu)[0] == "h235Media" for pdu in back)
    ours = [key for pdu in back if (key := key_of(pdu)) is not None]
    assert [key.secret for key in ours] == [first[1]] and secrets(sides(rig)[0]) == first and sides(rig)[1] is None


def test_fast_connect_of_a_plain_terminal_is_secured_in_the_core() -> None:
    rig = protected(NONE, SDES)
    admitted(rig)
    _, (sent,) = called(rig, fast_start(TERMINAL))
    assert all(kind_of(pdu)[0] == "h235Media" for pdu in told(sent))
    (ours,) = [key for pdu in told(sent) if (key := key_of(pdu)) is not None]
    assert secrets(sides(rig)[1]) == (None, ours.secret)
    answer = said_back("connect", sent.data, fastStart=proposals(CORE, CORE_KEY, offers=False))
    back = told(from_gatekeeper(rig, sent, answer), "access")
    assert [kind_of(pdu) for pdu in back] == [AUDIO, AUDIO] and not any(key_of(pdu) for pdu in back)
    assert secrets(sides(rig)[1]) == (CORE_KEY, ours.secret) and sides(rig)[0] is None


def test_of_proposals_those_that_do_not_fit_are_taken_out() -> None:
    rig = protected(SDES, NONE)
    admitted(rig)
    _, (sent,) = called(rig, [*fast_start(TERMINAL), *proposals(TERMINAL, PHONE_KEY, first=10)])
    assert [pdu.whole[NUMBER] for pdu in told(sent)] == [11, 111]
    assert secrets(sides(rig)[0])[0] == PHONE_KEY


VIDEO = {"qcifMPI": 1, "temporalSpatialTradeOffCapability": False, "maxBitRate": 640, "stillImageTransmission": False}


def beside(kind: Any, session: int) -> list[bytes]:
    """Plain proposals of fast connect for something else than voice, channels 3 and 103."""
    made = []
    for data in fast_start(TERMINAL, 6000):
        whole = decode_channel(data)
        name = "reverseLogicalChannelParameters" if "reverseLogicalChannelParameters" in whole else FORWARD
        form, said = whole[name]["multiplexParameters"]
        parameters = {**whole[name], "dataType": kind, "multiplexParameters": (form, {**said, "sessionID": session})}
        made.append(encode("OpenLogicalChannel", {**whole, name: parameters, NUMBER: whole[NUMBER] + 2}))
    return made


@pytest.mark.parametrize(
    ("near", "far", "kind", "left"),
    [
        (SDES, NONE, ("videoData", ("h261VideoCapability", VIDEO)), [1, 101]),
        (SDES, NONE, for_fax(), [1, 101]),
        (NONE, SDES, for_fax(), [1, 101]),
        (NONE, OPTIONAL, for_fax(), [1, 101, 3, 103]),
    ],
)
def test_what_nothing_secures_goes_and_the_voice_beside_it_stays(near: Any, far: Any, kind: Any, left: Any) -> None:
    rig = protected(near, far)
    admitted(rig)
    voice = proposals(TERMINAL, PHONE_KEY) if near is SDES else fast_start(TERMINAL)
    _, (sent,) = called(rig, [*voice, *beside(kind, 2 if kind[0] == "videoData" else 3)])
    assert [pdu.whole[NUMBER] for pdu in told(sent)] == left
    (call,) = rig.border.registry.calls.values()
    assert len(call.streams) == len(rig.open_streams) == len(left) / 2
    taken = said_back("connect", sent.data, fastStart=fast_start(CORE, offers=False))
    if far is not SDES:
        assert len(told(from_gatekeeper(rig, sent, taken), "access")) == 2


def test_fax_alone_that_nothing_secures_is_refused() -> None:
    rig = protected(NONE, SDES)
    admitted(rig)
    orders, sent = called(rig, beside(for_fax(), 3))
    assert not sent and "fax-in-clear" in str(of(Note, orders))


def test_an_optional_realm_takes_what_is_secured_first() -> None:
    rig = protected(OPTIONAL, NONE)
    admitted(rig)
    _, (sent,) = called(rig, [*fast_start(TERMINAL), *proposals(TERMINAL, PHONE_KEY, first=10)])
    assert [pdu.whole[NUMBER] for pdu in told(sent)] == [11, 111]
    rig = protected(OPTIONAL, NONE)
    admitted(rig)
    _, (sent,) = called(rig, fast_start(TERMINAL))
    assert [pdu.whole[NUMBER] for pdu in told(sent)] == [1, 101] and sides(rig) == [None, None]


def test_the_key_counts_that_was_taken_of_several() -> None:
    rig = protected(SDES, NONE)
    admitted(rig)
    offered = [*proposals(TERMINAL, PHONE_KEY), *proposals(TERMINAL, OTHER_KEY, first=10)]
    _, (sent,) = called(rig, offered)
    taken = [
        encode("OpenLogicalChannel", {**decode_channel(data), NUMBER: decode_channel(data)[NUMBER] + 10})
        for data in fast_start(CORE, offers=False)
    ]
    from_gatekeeper(rig, sent, said_back("connect", sent.data, fastStart=taken))
    assert secrets(sides(rig)[0])[0] == OTHER_KEY


def halved(near: Any, first: list[bytes], second: list[bytes]) -> tuple[Rig, list[Order], list[Send]]:
    """Of two sets of proposals the channel to the caller of the one, and that from it of the other."""
    rig = protected(near, NONE)
    admitted(rig)
    return rig, *called(rig, [first[0], second[1]])


@pytest.mark.parametrize("near", [SDES, OPTIONAL])
@pytest.mark.parametrize("back", [False, True])
def test_fast_connect_of_which_one_direction_alone_fits_is_refused(near: MediaSecurity, back: bool) -> None:
    """It would come up one-way, and nobody would say so."""
    both = proposals(TERMINAL, PHONE_KEY), fast_start(TERMINAL)
    rig, orders, sent = halved(near, *(both if back else both[::-1]))
    assert not sent and decode(only(to(orders, "access")).data).value["reason"] == ("securityDenied", 0)
    assert [len(pool.used) for pool in rig.border.registry.media_ports.values()] == [0, 0]


def without_address(data: bytes) -> bytes:
    """The channel, of whose RTCP nothing is said: the core hears nothing of it."""
    whole = decode_channel(data)
    form, said = whole[FORWARD]["multiplexParameters"]
    said = {name: each for name, each in said.items() if name != "mediaControlChannel"}
    return encode("OpenLogicalChannel", {**whole, FORWARD: {**whole[FORWARD], "multiplexParameters": (form, said)}})


def test_a_direction_of_which_no_address_is_said_may_not_be_lost_alone_either() -> None:
    one, _ = proposals(TERMINAL, PHONE_KEY)
    _, other = fast_start(TERMINAL)
    rig, orders, sent = halved(SDES, [one], [b"", without_address(other)])
    assert not sent and decode(only(to(orders, "access")).data).value["reason"] == ("securityDenied", 0)
    assert [len(pool.used) for pool in rig.border.registry.media_ports.values()] == [0, 0]
    rig = protected(SDES, NONE)
    admitted(rig)
    whole = proposals(TERMINAL, PHONE_KEY)
    _, (sent,) = called(rig, [*whole, without_address(other)])
    assert [pdu.whole[NUMBER] for pdu in told(sent)] == [1, 101], "it is one of several"


def test_who_proposes_one_direction_alone_has_it() -> None:
    rig = protected(SDES, NONE)
    admitted(rig)
    _, (sent,) = called(rig, proposals(TERMINAL, PHONE_KEY)[1:])
    assert [pdu.whole[NUMBER] for pdu in told(sent)] == [101]


def test_where_plain_is_let_pass_both_directions_are_plain_if_one_could_be_secured_alone() -> None:
    rig = protected(OPTIONAL, NONE)
    admitted(rig)
    _, (sent,) = called(rig, [*fast_start(TERMINAL), *proposals(TERMINAL, PHONE_KEY, first=10)[1:]])
    assert [pdu.whole[NUMBER] for pdu in told(sent)] == [1, 101] and sides(rig) == [None, None]


def test_video_of_which_one_direction_fits_goes_and_the_voice_beside_it_stays() -> None:
    rig = protected(SDES, NONE)
    admitted(rig)
    video = beside(("videoData", ("h261VideoCapability", VIDEO)), 2)
    whole = decode_channel(video[1])
    kind = secured(whole[FORWARD]["dataType"])
    sync = {"synchFlag": 0, "h235Key": srtp.keys(Key(_80, OTHER_KEY))}
    whole = {**whole, FORWARD: {**whole[FORWARD], "dataType": kind}, "encryptionSync": sync}
    offered = [*proposals(TERMINAL, PHONE_KEY), video[0], encode("OpenLogicalChannel", whole)]
    _, (sent,) = called(rig, offered)
    assert [pdu.whole[NUMBER] for pdu in told(sent)] == [1, 101]
    (call,) = rig.border.registry.calls.values()
    assert len(call.streams) == len(rig.open_streams) == 1
    no_trace(sent.data, OTHER_KEY)


def test_an_answer_of_which_one_direction_alone_fits_is_none() -> None:
    rig = protected(NONE, SDES)
    admitted(rig)
    _, (sent,) = called(rig, fast_start(TERMINAL))
    taken = [proposals(CORE, CORE_KEY, offers=False)[0], fast_start(CORE, offers=False)[1]]
    orders = from_gatekeeper(rig, sent, said_back("connect", sent.data, fastStart=taken))
    assert {decode(each.data).name for each in of(Send, orders)} == {"releaseComplete"}


def test_fast_connect_that_fits_nowhere_is_refused() -> None:
    rig = protected(SDES, NONE)
    admitted(rig)
    orders, sent = called(rig, fast_start(TERMINAL))
    assert not sent
    answer = decode(only(to(orders, "access")).data)
    assert answer.name == "releaseComplete" and answer.value["reason"] == ("securityDenied", 0)
    assert [len(pool.used) for pool in rig.border.registry.media_ports.values()] == [0, 0]


def test_an_answer_that_does_not_fit_is_none() -> None:
    rig = protected(NONE, SDES)
    admitted(rig)
    _, (sent,) = called(rig, fast_start(TERMINAL))
    orders = from_gatekeeper(rig, sent, said_back("connect", sent.data, CORE))
    names = {realm: [decode(each.data).name for each in to(orders, realm)] for realm in ("access", "core")}
    assert names == {"access": ["releaseComplete"], "core": ["releaseComplete"]}


# -- capabilities


def table(*more: Any, audio: Any = A_LAW) -> bytes:
    """A capability set of one codec, entry 5, with further entries that mean it."""
    entries = [{"capabilityTableEntryNumber": 5, "capability": ("receiveAudioCapability", audio)}]
    entries += [{"capabilityTableEntryNumber": 6 + place, "capability": each} for place, each in enumerate(more)]
    numbers = [each["capabilityTableEntryNumber"] for each in entries]
    said: Any = {"sequenceNumber": 1, "protocolIdentifier": (0, 0, 8, 245, 0, 7), "capabilityTable": entries}
    said["capabilityDescriptors"] = [{"capabilityDescriptorNumber": 0, "simultaneousCapabilities": [numbers]}]
    return build_control("request", "terminalCapabilitySet", said, tpkt=False)


def secures(*suites: str) -> Any:
    integrity = {"genericH235SecurityCapability": srtp.generic(suites)}
    return ("h235SecurityCapability", {"encryptionAuthenticationAndIntegrity": integrity, "mediaCapability": 5})


def set_of(orders: list[Order], realm: str) -> tuple[dict[int, Any], list[list[int]]]:
    value = only(told(orders, realm)).value
    entries = {each["capabilityTableEntryNumber"]: each["capability"] for each in value["capabilityTable"]}
    return entries, value["capabilityDescriptors"][0]["simultaneousCapabilities"]


def test_what_a_terminal_can_secure_the_core_does_not_hear_of() -> None:
    talk = Talk()
    entries, together = set_of(talk.up(table(secures(_32))), "core")
    assert entries == {5: ("receiveAudioCapability", A_LAW)} and together == [[5]]


def test_a_set_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not where nobody asks for it."""
    read: list[bytes] = []
    monkeypatch.setattr(srtp, "suites", lambda data: read.append(data) or (_32,))
    talk = Talk()
    assert to(talk.up(table(secures(_32))), "core") and len(read) == 1
    assert talk.call.legs[0].suites == (_32,)


def test_a_terminal_hears_what_can_be_secured_in_its_realm_and_nothing_else() -> None:
    talk = Talk()
    entries, together = set_of(talk.down(table()), "access")
    assert entries == {5: ("receiveAudioCapability", A_LAW), 6: secures(_80, _32)} and together == [[6]]
    talk = Talk(OPTIONAL, NONE)
    entries, together = set_of(talk.down(table()), "access")
    assert entries == {5: ("receiveAudioCapability", A_LAW), 6: secures(_80, _32)} and together == [[6, 5]]


def test_between_two_secured_realms_each_hears_our_own() -> None:
    talk = Talk(SDES, Protection(SDES, suites=(_32,), sdes_over_clear=True))
    entries, together = set_of(talk.up(table(secures(_80))), "core")
    assert list(entries.values()) == [("receiveAudioCapability", A_LAW), secures(_32)]
    assert together == [[number for number in entries if number != 5]]


def test_a_terminal_is_sent_to_by_a_suite_that_it_can() -> None:
    talk = Talk()
    talk.up(table(secures(_32)))
    ours = key_of(only(told(talk.down(olc(CORE, 7, 5001)), "access")))
    assert ours is not None and ours.suite == _32
    talk = Talk()
    talk.up(table())
    assert rejects(talk.down(olc(CORE, 7, 5001)), "core") == "securityDenied"  # it can take none


def test_an_optional_realm_is_told_keys_where_the_terminal_can_take_them() -> None:
    talk = Talk(OPTIONAL, NONE)
    talk.up(table(secures(_80)))
    assert key_of(only(told(talk.down(olc(CORE, 7, 5001)), "access"))) is not None
    talk = Talk(OPTIONAL, NONE)
    talk.up(table())
    assert kind_of(only(told(talk.down(olc(CORE, 7, 5001)), "access"))) == AUDIO
    assert sides(talk.rig) == [None, None]


def test_nothing_is_said_of_keys_where_they_would_be_in_the_clear() -> None:
    talk = Talk(Protection(OPTIONAL), NONE)
    entries, together = set_of(talk.down(table()), "access")
    assert entries == {5: ("receiveAudioCapability", A_LAW)} and together == [[5]]
    talk.up(table(secures(_80)))
    assert kind_of(only(told(talk.down(olc(CORE, 7, 5001)), "access"))) == AUDIO
