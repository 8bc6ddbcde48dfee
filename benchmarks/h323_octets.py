"""Messages of H.323 for the load of a benchmark: encoded once by the tests' own encoder, which shares nothing with the
SBC, and then copied with another number, call reference and call identifier in their places."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from tests.netns.h323_control import Control
from tests.netns.h323_types import H225
from tests.netns.h323_wire import BEARER, CALLED, PROTOCOL, Q931, TERMINAL, VENDOR, Peer, address, alias, tpkt
from tests.netns.h323_wire import user_information as uu

CALLEE_NAME = "200"
MARK = b"bench call"
"""What every call identifier begins with: ten of its sixteen octets, by which it is found in any message."""
_ONE, _TWO = b"\x55" * 16, b"\xaa" * 16  # differ in every bit

# The alternatives of RasMessage (H.225.0) by their place in it, and message types of Q.931 (its table 4-2).
ARQ, ACF, ARJ, DRQ, DCF, DRJ = 9, 10, 11, 15, 16, 17
SETUP, CONNECT, RELEASE, FACILITY = 0x05, 0x07, 0x5A, 0x62

_ANSWERING = 0x80  # the flag before a call reference, which says that its other end has drawn it (Q.931 clause 4.3)

Make = Callable[[int, int, bytes], bytes]
"""Encodes a message with a number, a call reference and a call identifier."""


class Template:
    """A message that is made again by writing over its number, call reference and identifier."""

    def __init__(self, make: Make) -> None:
        self._octets = make(0x1111, 0x1111, _ONE)
        self._number = self._places(make(0x2222, 0x1111, _ONE), 2)
        self._reference = self._places(make(0x1111, 0x2222, _ONE), 2)
        self._guid = self._places(make(0x1111, 0x1111, _TWO), 16)

    def _places(self, other: bytes, size: int) -> list[int]:
        """Where runs of `size` octets differ."""
        assert len(other) == len(self._octets)
        differs = [at for at, (mine, its) in enumerate(zip(self._octets, other, strict=True)) if mine != its]
        assert len(differs) % size == 0
        return differs[::size]

    @property
    def number_at(self) -> int:
        """Where the number stands: in every message of this kind at the same place, since it comes first."""
        return self._number[0]

    def __call__(self, number: int = 0, reference: int = 0, guid: bytes = b"") -> bytes:
        """The message with these."""
        made = bytearray(self._octets)
        for places, octets in (
            (self._number, number.to_bytes(2, "big")),
            (self._reference, reference.to_bytes(2, "big")),
            (self._guid, guid),
        ):
            for at in places:
                made[at : at + len(octets)] = octets
        for at in self._reference:
            made[at] |= self._octets[at] & _ANSWERING
        return bytes(made)


def ras_kind(data: bytes) -> int:
    """Which RAS message it is; -1 where it is none of the older ones."""
    return -1 if data[0] & 0x80 else data[0] >> 2 & 0x1F


def identifier(number: int) -> bytes:
    """A call's, for each number and process another."""
    return MARK + _SALT + number.to_bytes(4, "big")


_SALT = secrets.token_bytes(2)


class Medium:
    """What a party's H.245 is told of its media: one address for all calls, where nobody listens."""

    def __init__(self, host: str) -> None:
        self._host = host

    def own(self, kind: str) -> tuple[Peer, Peer | None]:
        return (self._host, 6000), (self._host, 6001)

    def towards(self, kind: str, media: Peer | None, control: Peer | None) -> None:
        """They do not talk."""

    def asks(self, kind: str) -> dict[str, Any]:
        """Nothing is multiplexed."""
        return {}


class Talk:
    """What both parties of a call say of channels: proposed and taken up in fast start, capabilities and who is master
    through the tunnel, in three messages."""

    def __init__(self, caller: str, callee: str) -> None:
        self.first: list[bytes] = []
        self.second: list[bytes] = []
        self.third: list[bytes] = []
        one, other = Control(Medium(caller), self.first.append), Control(Medium(callee), self.second.append)
        self.offers = one.offers()
        self.answers = other.accept_offers(self.offers)
        one.offers_accepted(self.answers)
        one.begin()
        other.begin()
        one.send = self.third.append
        for said, hears in ((tuple(self.first), other), (tuple(self.second), one)):
            for each in said:
                hears.receive(each)


def _named(guid: bytes) -> dict[str, Any]:
    return {"callIdentifier": {"guid": guid}, "multipleCalls": False, "maintainConnection": False}


def _signal(kind: str, answering: bool, body: Callable[[bytes], dict[str, Any]], control: list[bytes]) -> Template:
    elements = [(BEARER, b"\x88\x93\xa5"), (CALLED, b"\x81" + CALLEE_NAME.encode())] if kind == "setup" else []
    if kind == "releaseComplete":
        elements = [(0x08, b"\x80\x90")]

    def make(_: int, reference: int, guid: bytes) -> bytes:
        said = {"protocolIdentifier": PROTOCOL, **body(guid), **_named(guid)}
        if kind == "releaseComplete":
            del said["multipleCalls"], said["maintainConnection"]
        return tpkt(Q931(kind, reference, answering, elements, uu(kind, said, True, control)).encode())

    return Template(make)


class CallerSignals:
    """What a caller at `host` says on its connection; `name` is what the gatekeeper calls it, `signal` where it takes
    calls, `at` where its calls go."""

    def __init__(self, talk: Talk, user: str, name: str, signal: Peer, at: Peer, media: bool) -> None:
        def setup(guid: bytes) -> dict[str, Any]:
            said = {
                "sourceAddress": [alias(user)],
                "sourceInfo": TERMINAL,
                "destinationAddress": [alias(CALLEE_NAME)],
                "destCallSignalAddress": address(at),
                "activeMC": False,
                "conferenceID": guid,
                "conferenceGoal": ("create", None),
                "callType": ("pointToPoint", None),
                "sourceCallSignalAddress": address(signal),
                "mediaWaitForConnect": False,
                "canOverlapSend": False,
                "endpointIdentifier": name,
            }
            return {**said, "fastStart": talk.offers} if media else said

        self.setup = _signal("setup", False, setup, [])
        self.first = _signal("facility", False, _undefined, talk.first)
        self.third = _signal("facility", False, _undefined, talk.third)
        self.release = _signal("releaseComplete", False, lambda guid: {}, [])


class CalleeSignals:
    """What who is called says back."""

    def __init__(self, talk: Talk, media: bool) -> None:
        def connect(guid: bytes) -> dict[str, Any]:
            said = {"destinationInfo": TERMINAL, "conferenceID": guid}
            return {**said, "fastStart": talk.answers} if media else said

        self.proceeding = _signal("callProceeding", True, lambda guid: {"destinationInfo": TERMINAL}, [])
        self.alerting = _signal("alerting", True, lambda guid: {"destinationInfo": TERMINAL}, [])
        self.connect = _signal("connect", True, connect, [])
        self.second = _signal("facility", True, _undefined, talk.second)


def _undefined(guid: bytes) -> dict[str, Any]:
    return {"reason": ("undefinedReason", None)}


def _ras(name: str, value: Callable[[int, bytes], dict[str, Any]]) -> Template:
    return Template(
        lambda number, reference, guid: H225.encode(
            "RasMessage", (name, {"requestSeqNum": number, **value(reference, guid)})
        )
    )


class CallerRas:
    """What a registered terminal asks; `name` is what the gatekeeper calls it."""

    def __init__(self, user: str, name: str) -> None:
        self.admission = _ras(
            "admissionRequest",
            lambda reference, guid: {
                "callType": ("pointToPoint", None),
                "endpointIdentifier": name,
                "destinationInfo": [alias(CALLEE_NAME)],
                "srcInfo": [alias(user)],
                "bandWidth": 1280,
                "callReferenceValue": reference,
                "conferenceID": guid,
                "activeMC": False,
                "answerCall": False,
                "canMapAlias": True,
                "callIdentifier": {"guid": guid},
                "willSupplyUUIEs": False,
            },
        )
        self.disengage = _ras(
            "disengageRequest",
            lambda reference, guid: {
                "endpointIdentifier": name,
                "conferenceID": guid,
                "callReferenceValue": reference,
                "disengageReason": ("normalDrop", None),
                "callIdentifier": {"guid": guid},
                "answeredCall": False,
            },
        )


def registration(number: int, user: str, ras: Peer, signal: Peer, name: str = "") -> bytes:
    """A full registrationRequest; with `name`, which the gatekeeper has given, one that keeps it alive."""
    said: dict[str, Any] = {
        "requestSeqNum": number,
        "protocolIdentifier": PROTOCOL,
        "discoveryComplete": not name,
        "callSignalAddress": [address(signal)],
        "rasAddress": [address(ras)],
        "terminalType": TERMINAL,
        "endpointVendor": VENDOR,
        "timeToLive": 3600,
        "keepAlive": bool(name),
        "willSupplyUUIEs": False,
        "maintainConnection": False,
    }
    said |= {"endpointIdentifier": name} if name else {"terminalAlias": [alias(user)]}
    return H225.encode("RasMessage", ("registrationRequest", said))


def name_given(data: bytes) -> str:
    """The endpointIdentifier in a registrationConfirm. @raises KeyError for another message."""
    kind, value = H225.decode("RasMessage", data)
    if kind != "registrationConfirm":
        raise KeyError(f"{kind} {value.get('rejectReason')}")
    return str(value["endpointIdentifier"])


class GatekeeperRas:
    """What a gatekeeper at `ras` answers, who sends all calls to `callee`."""

    def __init__(self, ras: Peer, callee: Peer) -> None:
        self._ras = ras
        self._given = 0
        asked = CallerRas("alice", "1_bench")
        admitted = {
            "bandWidth": 1280,
            "callModel": ("direct", None),
            "destCallSignalAddress": address(callee),
            "willRespondToIRR": False,
        }
        self._made = {  # of the requests of each call: where the number stands, and the answer
            ARQ: (asked.admission.number_at, _ras("admissionConfirm", lambda reference, guid: admitted)),
            DRQ: (asked.disengage.number_at, _ras("disengageConfirm", lambda reference, guid: {})),
        }

    def answer(self, data: bytes) -> bytes | None:
        """The answer to a request; None where it is none of those it knows."""
        found = self._made.get(ras_kind(data))
        if found is not None:
            at, template = found
            return template(int.from_bytes(data[at : at + 2], "big"))
        kind, asked = H225.decode("RasMessage", data)
        said = {
            "protocolIdentifier": PROTOCOL,
            "requestSeqNum": asked["requestSeqNum"],
            "gatekeeperIdentifier": "bench",
        }
        if kind == "gatekeeperRequest":
            return H225.encode("RasMessage", ("gatekeeperConfirm", {**said, "rasAddress": address(self._ras)}))
        if kind != "registrationRequest":
            return None
        self._given += 1
        said |= {
            "callSignalAddress": [],
            "endpointIdentifier": asked.get("endpointIdentifier") or f"{self._given}_bench",
            "timeToLive": asked.get("timeToLive", 3600),
            "willRespondToIRR": False,
            "maintainConnection": False,
        }
        return H225.encode("RasMessage", ("registrationConfirm", said))
