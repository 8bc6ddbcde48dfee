"""The H.245 of one call at the lab's H.323 endpoint, on a connection of its own or in a tunnel: capabilities, who is
master, logical channels for audio and fax, hold by the empty capability set (H.323 section 8.4.6)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.netns.h323_srtp import SrtpKeys
from tests.netns.h323_types import H245
from tests.netns.h323_wire import H245_PROTOCOL, Peer, channel, peer_of

AUDIO, FAX = "audio", "fax"
SESSIONS = {AUDIO: 1, FAX: 3}
_TERMINAL_TYPE = 50  # H.323 table 1
PCMU, G729 = "g711Ulaw64k", "g729"
_FRAMES = {PCMU: 20, G729: 2}  # of a packet of 20 ms
_T38 = (
    "t38fax",
    {
        "t38FaxProtocol": ("udp", None),
        "t38FaxProfile": {
            "fillBitRemoval": False, "transcodingJBIG": False, "transcodingMMR": False, "version": 0,
            "t38FaxRateManagement": ("transferredTCF", None),
            "t38FaxUdpOptions": {
                "t38FaxMaxBuffer": 200, "t38FaxMaxDatagram": 72, "t38FaxUdpEC": ("t38UDPRedundancy", None),
            },
        },
    },
)  # fmt: skip
_INTEGRITY = "encryptionAuthenticationAndIntegrity"
_KEEPS = "0.0.8.460.19.0.1"  # H.460.19 section 8
_MULTIPOINT = {"multicastCapability": False, "multiUniCastConference": False, "mediaDistributionCapability": []}


class Medium(Protocol):
    """Where the call's audio and fax are received, and what becomes of them."""

    def own(self, kind: str) -> tuple[Peer, Peer | None]: ...

    def towards(self, kind: str, media: Peer | None, control: Peer | None) -> None: ...

    def keep_open(self, peer: Peer) -> None: ...

    def asks(self, kind: str) -> dict[str, Any]: ...

    def numbered(self, told: int) -> None: ...


@dataclass
class Channel:
    """A logical channel: what it carries, whether the other end has agreed, the codec of audio."""

    kind: str
    agreed: bool = False
    codec: str = ""


def data_type(kind: str, codec: str = PCMU) -> tuple[str, Any]:
    if kind == AUDIO:
        return "audioData", (codec, _FRAMES[codec])
    return "data", {"application": _T38, "maxBitRate": 144}


def kind_of(value: tuple[str, Any], codecs: Sequence[str]) -> str:
    """What a DataType carries: "audio", "fax", or "" for what the lab's endpoint does not know."""
    if value[0] == "audioData" and value[1][0] in codecs:
        return AUDIO
    if value[0] == "data" and value[1]["application"][0] == "t38fax":
        return FAX
    return ""


class Control:
    """One end of it. `send` takes each encoded message; `codecs` are those of audio, best first; with `keys` audio is
    secured, and none is taken that is not."""

    def __init__(
        self,
        medium: Medium,
        send: Callable[[bytes], None],
        codecs: Sequence[str] = (PCMU,),
        first: int = 101,
        keys: SrtpKeys | None = None,
    ) -> None:
        self.keys = keys
        self.medium, self.send, self.codecs = medium, send, codecs
        self.able: list[str] = []  # the codecs that the other end takes, as it says
        self.secures = False  # whether it says that it can secure any of that
        self.refusals: list[str] = []  # why channels of ours were not taken
        self.out: dict[int, Channel] = {}
        self.into: dict[int, Channel] = {}
        self.master: bool | None = None
        self.mode = AUDIO
        self.paused = False  # by the other's empty set
        self.holding = False  # by ours
        self.began = self.ended = self.ended_there = False
        self.trace: list[tuple[bool, str]] = []  # (sent, the message's name)
        self.heard: list[tuple[str, Any]] = []  # every message that came
        self.digits = ""
        self.pings = 0  # answers to our round trip requests
        self._sequence = 0
        self._acknowledged = self._capable = False
        self._lot = secrets.randbits(24)
        self._next = first

    @property
    def flowing(self) -> bool:
        """Whether a channel of the present mode is open each way."""
        return all(any(c.agreed and c.kind == self.mode for c in way.values()) for way in (self.out, self.into))

    @property
    def spoken(self) -> set[str]:
        """The codecs of the audio channels that are open."""
        return {each.codec for way in (self.out, self.into) for each in way.values() if each.agreed and each.codec}

    # What the call asks for.

    def begin(self) -> None:
        """Tell what we can, and draw lots."""
        if not self.began:
            self.began = True
            self._tell_capabilities()
            self._draw()

    def hold(self) -> None:
        self.holding = True
        self._tell_capabilities()

    def resume(self) -> None:
        self.holding = False
        self._tell_capabilities()
        self._draw()

    def switch(self, mode: str) -> None:
        """Ask the other end for another mode; ours follows when it agrees."""
        self._sequence = (self._sequence + 1) % 256
        wanted = ("audioMode", ("g711Ulaw64k", None))
        if mode == FAX:
            wanted = ("dataMode", {"application": _T38, "bitRate": 144})
        self._say("request", "requestMode", {"sequenceNumber": self._sequence, "requestedModes": [[{"type": wanted}]]})

    def ping(self) -> None:
        self._say("request", "roundTripDelayRequest", {"sequenceNumber": secrets.randbelow(256)})

    def press(self, digits: str) -> None:
        self._say("indication", "userInput", ("alphanumeric", digits))

    def end(self) -> None:
        if not self.ended:
            self.ended = True
            self._say("command", "endSessionCommand", ("disconnect", None))

    # Fast connect (H.323 section 8.1.7).

    def offers(self) -> list[bytes]:
        """What a Setup proposes: of each codec a channel to receive, and one to send."""
        media, control = self.medium.own(AUDIO)
        proposed = []
        for place, codec in enumerate(self.codecs):
            take = self._open_channel(1 + place, None, None, None)
            take["reverseLogicalChannelParameters"] = {
                "dataType": self._typed(AUDIO, codec),
                "multiplexParameters": ("h2250LogicalChannelParameters", _h2250(AUDIO, media, control)),
            }
            proposed += [take, self._open_channel(self._number(), AUDIO, None, control, codec)]
        return [H245.encode("OpenChannel", each) for each in proposed]

    def accept_offers(self, offers: list[bytes]) -> list[bytes]:
        """The answer to another's proposals: what it sends we receive, and the reverse. Empty if we know none of
        them."""
        media, control = self.medium.own(AUDIO)
        answers: dict[str, bytes] = {}
        for offer in (H245.decode("OpenChannel", each) for each in offers):
            self._pinhole(offer)
            forward, reverse = offer["forwardLogicalChannelParameters"], offer.get("reverseLogicalChannelParameters")
            if reverse is None and self._kind(forward["dataType"]) == AUDIO and "into" not in answers:
                number, codec = offer["forwardLogicalChannelNumber"], self._flowing(forward["dataType"])[1][0]
                self._hear(offer, forward["dataType"])
                self.into[number] = Channel(AUDIO, True, codec)
                taken = self._open_channel(number, AUDIO, media, control, codec)
                taken.pop("encryptionSync", None)  # it is the other end that sends by it
                answers["into"] = H245.encode("OpenChannel", taken)
            elif reverse is not None and self._kind(reverse["dataType"]) == AUDIO and "out" not in answers:
                theirs, codec = reverse["multiplexParameters"][1], self._flowing(reverse["dataType"])[1][0]
                number = self._number()
                self.out[number] = Channel(AUDIO, True, codec)
                self.medium.towards(AUDIO, _peer(theirs, "mediaChannel"), _peer(theirs, "mediaControlChannel"))
                answer = self._open_channel(number, None, None, None)
                answer |= {"encryptionSync": self.keys.says()} if self.keys is not None else {}
                answer["reverseLogicalChannelParameters"] = {
                    "dataType": self._typed(AUDIO, codec),
                    "multiplexParameters": ("h2250LogicalChannelParameters", _h2250(AUDIO, None, control)),
                }
                answers["out"] = H245.encode("OpenChannel", answer)
        return list(answers.values()) if len(answers) == 2 else []

    def offers_accepted(self, answers: list[bytes]) -> None:
        """What the called end chose of our proposals."""
        for answer in (H245.decode("OpenChannel", each) for each in answers):
            number = answer["forwardLogicalChannelNumber"]
            if "reverseLogicalChannelParameters" in answer:
                kind = answer["reverseLogicalChannelParameters"]["dataType"]
                self._hear(answer, kind)
                self.into[number] = Channel(AUDIO, True, self._flowing(kind)[1][0])
            else:
                kind = answer["forwardLogicalChannelParameters"]["dataType"]
                self.out[number] = Channel(AUDIO, True, self._flowing(kind)[1][0])
                self._pinhole(answer)
                self._towards(AUDIO, answer, answer["forwardLogicalChannelParameters"]["multiplexParameters"][1])

    # What comes.

    def receive(self, data: bytes) -> None:
        group, (name, value) = H245.decode("Message", data)
        self.trace.append((False, name))
        self.heard.append((name, value))
        action = getattr(self, f"_on_{name}", None)
        if action is not None:
            action(value)
        elif group == "request":
            self._say("indication", "functionNotUnderstood", data)

    def _on_terminalCapabilitySet(self, value: dict[str, Any]) -> None:
        self._say("response", "terminalCapabilitySetAck", {"sequenceNumber": value["sequenceNumber"]})
        if "capabilityTable" not in value:
            self.paused, self._capable = True, False
            self._close_all()
            return
        self._capable = True
        said = [entry["capability"] for entry in value["capabilityTable"] if "capability" in entry]
        self.able = [codec[0] for name, codec in said if name.endswith("AudioCapability")]
        self.secures = any(name == "h235SecurityCapability" for name, _ in said)
        if self.paused:  # as if the control channel had just been opened
            self.paused = False
            self._tell_capabilities()
            self._draw()
        self._open_if_agreed()

    def _on_terminalCapabilitySetAck(self, value: dict[str, Any]) -> None:
        if value["sequenceNumber"] == self._sequence:
            self._acknowledged = True
            self._open_if_agreed()

    def _on_masterSlaveDetermination(self, value: dict[str, Any]) -> None:
        """H.245 section C.2.1."""
        difference = (value["statusDeterminationNumber"] - self._lot) % (1 << 24)
        if value["terminalType"] != _TERMINAL_TYPE:
            master = value["terminalType"] < _TERMINAL_TYPE
        elif difference in (0, 1 << 23):
            self._lot = secrets.randbits(24)
            self._say("response", "masterSlaveDeterminationReject", {"cause": ("identicalNumbers", None)})
            return
        else:
            master = difference < 1 << 23
        self.master = master
        decision = ("slave" if master else "master", None)  # what the other is
        self._say("response", "masterSlaveDeterminationAck", {"decision": decision})
        self._open_if_agreed()

    def _on_masterSlaveDeterminationAck(self, value: dict[str, Any]) -> None:
        self.master = value["decision"][0] == "master"
        self._open_if_agreed()

    def _on_masterSlaveDeterminationReject(self, value: dict[str, Any]) -> None:
        self._draw()

    def _on_openLogicalChannel(self, value: dict[str, Any]) -> None:
        number = value["forwardLogicalChannelNumber"]
        forward = value["forwardLogicalChannelParameters"]
        kind = self._kind(forward["dataType"])
        if not kind or self.holding:
            reject = {"forwardLogicalChannelNumber": number, "cause": ("dataTypeNotSupported", None)}
            self._say("response", "openLogicalChannelReject", reject)
            return
        if kind == AUDIO:
            self._hear(value, forward["dataType"])
        self.into[number] = Channel(kind, True, self._flowing(forward["dataType"])[1][0] if kind == AUDIO else "")
        self._pinhole(value)
        media, control = self.medium.own(kind)
        session = forward["multiplexParameters"][1]["sessionID"] or SESSIONS[kind]
        answer = {"sessionID": session, "mediaChannel": channel(media)}
        if control is not None:
            answer["mediaControlChannel"] = channel(control)
        acknowledged = ("h2250LogicalChannelAckParameters", answer)
        body = {"forwardLogicalChannelNumber": number, "forwardMultiplexAckParameters": acknowledged}
        body |= self._asking(kind)
        self._say("response", "openLogicalChannelAck", body)

    def _on_openLogicalChannelAck(self, value: dict[str, Any]) -> None:
        opened = self.out.get(value["forwardLogicalChannelNumber"])
        if opened is None:
            return  # closed again meanwhile
        opened.agreed = True
        self._towards(opened.kind, value, value["forwardMultiplexAckParameters"][1])

    def _on_openLogicalChannelReject(self, value: dict[str, Any]) -> None:
        self.out.pop(value["forwardLogicalChannelNumber"], None)
        self.refusals.append(value["cause"][0])

    def _on_closeLogicalChannel(self, value: dict[str, Any]) -> None:
        number = value["forwardLogicalChannelNumber"]
        self.into.pop(number, None)
        self._say("response", "closeLogicalChannelAck", {"forwardLogicalChannelNumber": number})

    def _on_closeLogicalChannelAck(self, value: dict[str, Any]) -> None:
        pass

    def _on_requestMode(self, value: dict[str, Any]) -> None:
        name, wanted = value["requestedModes"][0][0]["type"]
        number = {"sequenceNumber": value["sequenceNumber"]}
        if name == "dataMode" and wanted["application"][0] == "t38fax":
            mode = FAX
        elif name == "audioMode":
            mode = AUDIO
        else:
            self._say("response", "requestModeReject", {**number, "cause": ("modeUnavailable", None)})
            return
        agreed = {**number, "response": ("willTransmitMostPreferredMode", None)}
        self._say("response", "requestModeAck", agreed)
        self._change(mode)

    def _on_requestModeAck(self, value: dict[str, Any]) -> None:
        self._change(FAX if self.mode == AUDIO else AUDIO)

    def _on_roundTripDelayRequest(self, value: dict[str, Any]) -> None:
        self._say("response", "roundTripDelayResponse", {"sequenceNumber": value["sequenceNumber"]})

    def _on_roundTripDelayResponse(self, value: dict[str, Any]) -> None:
        self.pings += 1

    def _on_userInput(self, value: tuple[str, Any]) -> None:
        if value[0] == "alphanumeric":
            self.digits += value[1]

    def _on_endSessionCommand(self, value: tuple[str, Any]) -> None:
        self.ended_there = True
        self.end()

    # How.

    def _tell_capabilities(self) -> None:
        self._sequence = (self._sequence + 1) % 256
        self._acknowledged = False
        value: dict[str, Any] = {"sequenceNumber": self._sequence, "protocolIdentifier": H245_PROTOCOL}
        if not self.holding:
            value["multiplexCapability"] = ("h2250Capability", _multiplex())
            able = [("receiveAudioCapability", (codec, _FRAMES[codec])) for codec in self.codecs]
            able.append(("receiveAndTransmitDataApplicationCapability", data_type(FAX)[1]))
            able.append(("receiveUserInputCapability", ("basicString", None)))
            if self.keys is not None:
                integrity = self.keys.able()
                able += [
                    ("h235SecurityCapability", {_INTEGRITY: integrity, "mediaCapability": number})
                    for number in range(1, len(self.codecs) + 1)
                ]
            value["capabilityTable"] = [
                {"capabilityTableEntryNumber": number, "capability": each} for number, each in enumerate(able, 1)
            ]
            plain = len(self.codecs) + 2
            together = [[*range(1, plain), *range(plain + 1, len(able) + 1)], [plain]]
            value["capabilityDescriptors"] = [{"capabilityDescriptorNumber": 0, "simultaneousCapabilities": together}]
        self._say("request", "terminalCapabilitySet", value)

    def _draw(self) -> None:
        self.master = None
        self._lot = secrets.randbits(24)
        lot = {"terminalType": _TERMINAL_TYPE, "statusDeterminationNumber": self._lot}
        self._say("request", "masterSlaveDetermination", lot)

    def _open_if_agreed(self) -> None:
        """Open a channel of the present mode, unless there is one, when all that comes before has been agreed."""
        agreed = self._acknowledged and self._capable and self.master is not None and not self.paused
        if agreed and not any(each.kind == self.mode for each in self.out.values()):
            number = self._number()
            codec = next((each for each in self.codecs if each in self.able), self.codecs[0])
            self.out[number] = Channel(self.mode, codec=codec if self.mode == AUDIO else "")
            control = self.medium.own(self.mode)[1]
            self._say("request", "openLogicalChannel", self._open_channel(number, self.mode, None, control, codec))

    def _change(self, mode: str) -> None:
        if mode != self.mode:
            self.mode = mode
            self._close_all()
            self._open_if_agreed()

    def _close_all(self) -> None:
        for number, closed in list(self.out.items()):
            del self.out[number]
            self.medium.towards(closed.kind, None, None)
            self._say(
                "request", "closeLogicalChannel", {"forwardLogicalChannelNumber": number, "source": ("user", None)}
            )

    def _traversal(self, value: dict[str, Any]) -> dict[str, Any]:
        """What a channel, or the answer to one, says of NATs (H.460.19 section 8)."""
        for generic in value.get("genericInformation", []):
            if generic["messageIdentifier"] == ("standard", _KEEPS):
                octets = generic["messageContent"][0]["parameterValue"][1]
                told: dict[str, Any] = H245.decode("TraversalParameters", octets)
                return told
        return {}

    def _pinhole(self, opened: dict[str, Any]) -> None:
        """Where a channel says to keep the way open for it, if it does (H.460.19 section 7.2)."""
        told = self._traversal(opened)
        if "multiplexID" in told:
            self.medium.numbered(told["multiplexID"])
        if "keepAliveChannel" in told:
            self.medium.keep_open(peer_of(told["keepAliveChannel"]))

    def _towards(self, kind: str, value: dict[str, Any], theirs: dict[str, Any]) -> None:
        """What we send goes where an answer says, or to the ports that it says are shared."""
        told = self._traversal(value)
        if "multiplexID" in told:
            self.medium.numbered(told["multiplexID"])
            media, control = "multiplexedMediaChannel", "multiplexedMediaControlChannel"
            self.medium.towards(kind, _peer(told, media), _peer(told, control))
        else:
            self.medium.towards(kind, _peer(theirs, "mediaChannel"), _peer(theirs, "mediaControlChannel"))

    def _asking(self, kind: str) -> dict[str, Any]:
        """The same of us."""
        said = self.medium.asks(kind)
        if not said:
            return {}
        value = ("octetString", H245.encode("TraversalParameters", said))
        parameter = {"parameterIdentifier": ("standard", 1), "parameterValue": value}
        return {"genericInformation": [{"messageIdentifier": ("standard", _KEEPS), "messageContent": [parameter]}]}

    def _typed(self, kind: str, codec: str = PCMU) -> tuple[str, Any]:
        plain = data_type(kind, codec)
        return plain if self.keys is None or kind != AUDIO else self.keys.secures(plain)

    def _flowing(self, kind: tuple[str, Any]) -> tuple[str, Any]:
        found: tuple[str, Any] = kind[1]["mediaType"] if kind[0] == "h235Media" else kind
        return found

    def _kind(self, kind: tuple[str, Any]) -> str:
        """What a DataType carries, if it is secured as we are."""
        found = kind_of(self._flowing(kind), self.codecs)
        return "" if found == AUDIO and (kind[0] == "h235Media") != (self.keys is not None) else found

    def _hear(self, opened: dict[str, Any], kind: tuple[str, Any]) -> None:
        """A channel by which the other end sends says its key."""
        if self.keys is not None and kind[0] == "h235Media":
            self.keys.hears(opened, kind)

    def _number(self) -> int:
        self._next += 1
        return self._next - 1

    def _open_channel(
        self, number: int, kind: str | None, media: Peer | None, control: Peer | None, codec: str = PCMU
    ) -> dict[str, Any]:
        """An OpenLogicalChannel that sends audio or fax, or nothing."""
        forward: dict[str, Any] = {"dataType": ("nullData", None), "multiplexParameters": ("none", None)}
        if kind is not None:
            forward = {
                "dataType": self._typed(kind, codec),
                "multiplexParameters": ("h2250LogicalChannelParameters", _h2250(kind, media, control)),
            }
        asking = {} if kind is None else self._asking(kind)
        if kind == AUDIO and self.keys is not None:
            asking["encryptionSync"] = self.keys.says()
        return {"forwardLogicalChannelNumber": number, "forwardLogicalChannelParameters": forward, **asking}

    def _say(self, group: str, name: str, value: Any) -> None:
        self.trace.append((True, name))
        self.send(H245.encode("Message", (group, (name, value))))


def _h2250(kind: str, media: Peer | None, control: Peer | None) -> dict[str, Any]:
    """H2250LogicalChannelParameters."""
    value: dict[str, Any] = {"sessionID": SESSIONS[kind], "mediaGuaranteedDelivery": False}
    if media is not None:
        value["mediaChannel"] = channel(media)
    if control is not None:
        value |= {"mediaControlChannel": channel(control), "mediaControlGuaranteedDelivery": False}
    if kind == AUDIO:
        value["silenceSuppression"] = False
    return value


def _multiplex() -> dict[str, Any]:
    return {
        "maximumAudioDelayJitter": 250,
        "receiveMultipointCapability": _MULTIPOINT,
        "transmitMultipointCapability": _MULTIPOINT,
        "receiveAndTransmitMultipointCapability": _MULTIPOINT,
        "mcCapability": {"centralizedConferenceMC": False, "decentralizedConferenceMC": False},
        "rtcpVideoControlCapability": False,
        "mediaPacketizationCapability": {"h261aVideoPacketization": False},
    }


def _peer(value: dict[str, Any], name: str) -> Peer | None:
    return peer_of(value[name]) if name in value else None
