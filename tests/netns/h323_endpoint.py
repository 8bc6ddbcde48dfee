"""An H.323 terminal for exact assertions: registers with a gatekeeper and keeps that alive, calls and is called with
slow start, fast connect or tunnelled H.245, talks, holds, switches to fax, and keeps every message it sent and got.

It behaves like an ordinary terminal that knows nothing of NATs: all its messages hold its own address. It shares no
code with `sbc`, and its PER is its own (`h323_per.py`). Each endpoint runs in a thread, as the SIP softphone does;
its public methods may be called from any other. From the command line (`python -m tests.netns.h323_endpoint --help`)
it carries out a list of steps and prints a report as JSON.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.netns.h323_call import H323Call
from tests.netns.h323_control import PCMU
from tests.netns.h323_link import Door, Link, Place
from tests.netns.h323_ras import Ras
from tests.netns.h323_shared import SharedMedia
from tests.netns.h323_types import H225
from tests.netns.h323_wire import (
    PROTOCOL,
    Q931,
    TERMINAL,
    VENDOR,
    Peer,
    address,
    alias,
    peer_of,
)
from tests.netns.phone_loop import PhoneLoop
from tests.netns.waiting import PATIENCE, wait_for

RAS_PORT, SIGNAL_PORT = 1719, 1720
TRAVERSAL = {"id": ("standard", 18)}  # H.460.18 section 8
Heard = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class Manner:
    """How the endpoint makes and takes calls: fast connect, tunnelled H.245, and how calls reach it through a NAT: it
    offers H.460.18, says all by one connection (H.460.17, `carried`), or keeps those open that it makes for calls.
    `early`: where it does not tunnel, it takes H.245 from its Setup on. `shared`: it sends the audio of all calls by
    one pair of ports, and asks for it so. `codecs`: what it can talk by, best first. `secured`: its audio is secured by
    that suite (H.235.8), and none is taken that is not."""

    fast: bool = False
    tunnel: bool = False
    traversal: bool = False
    early: bool = False
    keep: bool = False
    carried: bool = False
    shared: bool = False
    codecs: tuple[str, ...] = (PCMU,)
    secured: str = ""


SLOW, FAST, TUNNEL = Manner(), Manner(fast=True), Manner(tunnel=True)


def coming(guid: bytes, tunnel: bool = True) -> bytes:
    """What is said first on a connection that was opened for a call (H.460.18 section 8.1.1)."""
    here = Q931("facility", 0)
    body = {
        "protocolIdentifier": PROTOCOL,
        "reason": ("undefinedReason", None),
        "callIdentifier": {"guid": guid},
        "multipleCalls": False,
        "maintainConnection": False,
    }
    here.uu = {"h323-uu-pdu": {"h323-message-body": ("facility", body), "h245Tunneling": tunnel}}
    return here.encode()


class H323Endpoint:
    """An endpoint at a place. `names` are its aliases; without a `gatekeeper` it calls addresses.

    `on_setup` says what it does with a call: "answer" (rings, then answers), "ring", "busy", or "full" (no channel).
    """

    def __init__(
        self,
        names: tuple[str, ...] | str,
        place: Place,
        gatekeeper: Peer | None = None,
        manner: Manner = SLOW,
        on_setup: str = "answer",
        ras_port: int = RAS_PORT,
        signal_port: int = SIGNAL_PORT,
        media_port: int = 16384,
    ) -> None:
        self.names = (names,) if isinstance(names, str) else names
        self.place, self.gatekeeper, self.manner, self.on_setup = place, gatekeeper, manner, on_setup
        self.media_port = media_port
        self.calls: list[H323Call] = []
        self.by_link: dict[Link, list[H323Call]] = {}
        self.trunk: Link | None = None  # the connection by which all goes (H.460.17)
        self.identifier = ""  # given by the gatekeeper
        self.gatekeeper_name = ""
        self.registered_for = 0  # seconds granted
        self.renewals = 0  # lightweight registrations that were confirmed
        self.inquiries = 0  # IRQs answered
        self._reference = secrets.randbelow(1000)
        self._keep_at: float | None = None
        self._waiting: list[Link] = []  # connections we made for calls that are yet to come (H.460.18)
        self.ras = Ras(place.udp(ras_port), self._requested)
        self.ras_peer: Peer = (place.address, int(self.ras.sock.getsockname()[1]))
        self.loop = PhoneLoop(f"h323 {self.names[0]}", self._tick, self._moments)
        self.faults = self.loop.faults
        self.do, self.watch = self.loop.do, self.loop.watch
        self.door = Door(self.loop, place.listen(signal_port), self._heard, self._lost)
        self.watch(self.ras.sock, self.ras.readable)
        self.shared = SharedMedia(place) if manner.shared else None
        for sock in self.shared.sockets if self.shared else ():
            self.watch(sock, self.shared.readable)
        if manner.carried and gatekeeper is not None:
            self.trunk = self.link(place.connect((gatekeeper[0], SIGNAL_PORT)))
            self.ras.way = self._tunnel
        self.loop.start()

    @property
    def trace(self) -> list[Any]:
        """Every RAS message."""
        return self.ras.trace

    # What a person at the terminal does.

    def register(self, ttl: int = 60, discover: bool = True, timeout: float = PATIENCE) -> tuple[str, dict[str, Any]]:
        """Find the gatekeeper and register; the answer's name and value. TimeoutError without one. Registrations are
        renewed by themselves after half the lifetime that was granted."""
        answers: list[tuple[str, dict[str, Any]]] = []
        self.do(lambda: self._discover(ttl, answers) if discover else self._register(ttl, answers))
        return wait_for(lambda: answers and answers[0], timeout, f"{self.names[0]} to register")

    def keep_alive(self, timeout: float = PATIENCE) -> tuple[str, dict[str, Any]]:
        """Renew the registration now, by the lightweight RRQ (H.323 section 7.2.2); the answer."""
        answers: list[tuple[str, dict[str, Any]]] = []
        self.do(lambda: self._renew(lambda name, value: answers.append((name, value))))
        return wait_for(lambda: answers and answers[0], timeout, f"{self.names[0]}'s registration to be renewed")

    def unregister(self, timeout: float = PATIENCE) -> str:
        """Take the registration back; the answer's name."""
        request = {
            "callSignalAddress": [address(self._signal)],
            "endpointAlias": [alias(n) for n in self.names],
            "endpointIdentifier": self.identifier,
        }
        name, _ = self.request("unregistrationRequest", request, timeout)
        self._forget()
        return name

    def request(self, name: str, value: dict[str, Any], timeout: float = PATIENCE) -> tuple[str, dict[str, Any]]:
        """Any RAS request to the gatekeeper, and its answer."""
        answers: list[tuple[str, dict[str, Any]]] = []
        self.do(lambda: self._ask(name, value, lambda *answer: answers.append(answer)))
        return wait_for(lambda: answers and answers[0], timeout, f"an answer to {self.names[0]}'s {name}")

    def locate(self, name: str) -> tuple[str, dict[str, Any]]:
        """Ask where somebody is (LRQ); the answer."""
        request = {"destinationInfo": [alias(name)], "replyAddress": address(self.ras_peer), "canMapAlias": False}
        return self.request("locationRequest", request)

    def dial(self, target: str, via: Peer | None = None) -> H323Call:
        """Call an alias, through the gatekeeper or straight to `via`. Returns at once; wait for what is expected with
        the call's methods."""
        return self.do(lambda: H323Call.outgoing(self, target, via))

    def wait_call(self, number: int = 0, timeout: float = PATIENCE) -> H323Call:
        """The endpoint's call with that number (0 is its first), as soon as there is one."""
        return wait_for(
            lambda: len(self.calls) > number and self.calls[number], timeout, f"call {number} at {self.names[0]}"
        )

    def send_fax(self, call: H323Call, count: int) -> None:
        self.do(lambda: call.fax.send(count))

    def close(self) -> None:
        """Stop without a word to anybody. RuntimeError if anything went wrong before."""
        self.loop.close()
        for call in self.calls:
            call.close()
        for link in [*self._waiting, *self.by_link, *([self.trunk] if self.trunk is not None else [])]:
            link.close()
        self.door.sock.close()
        self.ras.sock.close()
        if self.shared is not None:
            self.shared.close()
        if self.faults:
            raise RuntimeError(f"H.323 endpoint {self.names[0]}: {self.faults}")

    def report(self) -> dict[str, Any]:
        """What happened, in values JSON knows."""
        return {
            "names": list(self.names),
            "identifier": self.identifier,
            "registered_for": self.registered_for,
            "renewals": self.renewals,
            "ras": [{"sent": t.sent, "peer": list(t.peer), "name": t.name} for t in self.ras.trace],
            "calls": [call.report() for call in self.calls],
            "faults": self.faults,
        }

    # What calls ask of the endpoint, in its thread.

    @property
    def keeps(self) -> dict[str, bool]:
        """What its call signalling says of its connections."""
        stays = self.manner.keep or self.manner.carried
        return {"multipleCalls": stays, "maintainConnection": stays}

    def let_go(self, link: Link, call: H323Call) -> None:
        """A call is over; so is its connection, unless it is kept."""
        self.by_link.get(link, [call]).remove(call)
        if not self.keeps["maintainConnection"]:
            self.by_link.pop(link, None)
            link.close()

    def _tunnel(self, data: bytes) -> None:
        assert self.trunk is not None
        around = Q931("facility", 0)
        parameter = {"id": ("standard", 1), "content": ("raw", data)}
        held = {"h323-message-body": ("empty", None), "h245Tunneling": True}
        around.uu = {"h323-uu-pdu": {**held, "genericData": [{"id": ("standard", 17), "parameters": [parameter]}]}}
        self.trunk.send(around.encode())

    def next_reference(self) -> int:
        self._reference = self._reference % 0x7FFE + 1
        return self._reference

    def link(self, sock: Any) -> Link:
        return Link(self.loop, sock, self._heard, self._lost)

    def admit(self, call: H323Call, others: list[Any], hear: Heard) -> None:
        """Ask the gatekeeper for a call (ARQ); `others` are who is called, or who calls."""
        mine = [alias(name) for name in self.names]
        request = {
            "callType": ("pointToPoint", None),
            "endpointIdentifier": self.identifier,
            "destinationInfo": others if call.is_outgoing else mine,
            "srcInfo": mine if call.is_outgoing else others,
            "bandWidth": 1280,
            "callReferenceValue": call.reference,
            "conferenceID": call.conference,
            "activeMC": False,
            "answerCall": not call.is_outgoing,
            "canMapAlias": True,
            "callIdentifier": {"guid": call.call_id},
            "willSupplyUUIEs": False,
        }
        if call.is_outgoing:
            request["srcCallSignalAddress"] = address(self._signal)
        else:
            request["destCallSignalAddress"] = address(self._signal)
        self._ask("admissionRequest", request, hear)

    def disengage(self, call: H323Call, hear: Heard) -> None:
        """Tell the gatekeeper that a call has ended (DRQ)."""
        request = {
            "endpointIdentifier": self.identifier,
            "conferenceID": call.conference,
            "callReferenceValue": call.reference,
            "disengageReason": ("normalDrop", None),
            "callIdentifier": {"guid": call.call_id},
            "answeredCall": not call.is_outgoing,
        }
        self._ask("disengageRequest", request, hear)

    # Registration.

    @property
    def _signal(self) -> Peer:
        return self.place.address, self.door.port

    def _ask(self, name: str, value: dict[str, Any], hear: Heard) -> None:
        if self.gatekeeper is None:
            raise ValueError(f"{self.names[0]} has no gatekeeper")
        if self.gatekeeper_name and name != "registrationRequest":
            value = {**value, "gatekeeperIdentifier": self.gatekeeper_name}
        self.ras.ask(name, value, self.gatekeeper, hear)

    def _discover(self, ttl: int, answers: list[tuple[str, dict[str, Any]]]) -> None:
        request: dict[str, Any] = {
            "protocolIdentifier": PROTOCOL,
            "rasAddress": address(self.ras_peer),
            "endpointType": TERMINAL,
            "endpointAlias": [alias(name) for name in self.names],
            "supportsAltGK": None,
        }
        if self.manner.traversal:
            request["featureSet"] = {"replacementFeatureSet": False, "supportedFeatures": [TRAVERSAL]}

        def hear(name: str, value: dict[str, Any]) -> None:
            if name == "gatekeeperConfirm":
                self.gatekeeper = peer_of(value["rasAddress"])
                self.gatekeeper_name = value.get("gatekeeperIdentifier", "")
                self._register(ttl, answers)
            else:
                answers.append((name, value))

        self.gatekeeper_name = ""
        self._ask("gatekeeperRequest", request, hear)

    def _register(self, ttl: int, answers: list[tuple[str, dict[str, Any]]]) -> None:
        request: dict[str, Any] = {
            "protocolIdentifier": PROTOCOL,
            "discoveryComplete": bool(self.gatekeeper_name),
            "callSignalAddress": [address(self._signal)],
            "rasAddress": [address(self.ras_peer)],
            "terminalType": TERMINAL,
            "terminalAlias": [alias(name) for name in self.names],
            "endpointVendor": VENDOR,
            "timeToLive": ttl,
            "keepAlive": False,
            "willSupplyUUIEs": False,
            "maintainConnection": False,
        }
        if self.gatekeeper_name:
            request["gatekeeperIdentifier"] = self.gatekeeper_name
        if self.manner.traversal:
            request["featureSet"] = {"replacementFeatureSet": False, "supportedFeatures": [TRAVERSAL]}

        def hear(name: str, value: dict[str, Any]) -> None:
            if name == "registrationConfirm":
                self.identifier = value["endpointIdentifier"]
                self._granted(value.get("timeToLive", 0))
            answers.append((name, value))

        self._ask("registrationRequest", request, hear)

    def _renew(self, hear: Heard) -> None:
        request: dict[str, Any] = {
            "protocolIdentifier": PROTOCOL,
            "discoveryComplete": False,
            "callSignalAddress": [address(self._signal)],
            "rasAddress": [address(self.ras_peer)],
            "terminalType": TERMINAL,
            "endpointVendor": VENDOR,
            "timeToLive": self.registered_for or 60,
            "keepAlive": True,
            "endpointIdentifier": self.identifier,
            "willSupplyUUIEs": False,
            "maintainConnection": False,
        }
        if self.gatekeeper_name:
            request["gatekeeperIdentifier"] = self.gatekeeper_name

        def renewed(name: str, value: dict[str, Any]) -> None:
            if name == "registrationConfirm":
                self.renewals += 1
                self._granted(value.get("timeToLive", self.registered_for))
            elif name == "registrationReject":
                self._register(60, [])  # H.323 section 7.2.2: register in full again
            hear(name, value)

        self._ask("registrationRequest", request, renewed)

    def _granted(self, seconds: int) -> None:
        self.registered_for = seconds
        self._keep_at = time.monotonic() + seconds / 2 if seconds else None

    def _forget(self) -> None:
        self.identifier, self.registered_for, self._keep_at = "", 0, None

    # What the gatekeeper asks.

    def _requested(self, name: str, value: dict[str, Any], peer: Peer) -> None:
        number = {"requestSeqNum": value["requestSeqNum"]}
        if name == "unregistrationRequest":
            self._forget()  # first, so that who has the answer finds it so
            self.ras.answer("unregistrationConfirm", number, peer)
        elif name == "disengageRequest":
            self.ras.answer("disengageConfirm", number, peer)
            for call in self._named(value):
                call.forced()
        elif name == "bandwidthRequest":
            self.ras.answer("bandwidthConfirm", {**number, "bandWidth": value["bandWidth"]}, peer)
        elif name == "infoRequest":
            self.inquiries += 1
            self.ras.answer("infoRequestResponse", self._account(value), peer)
        elif name == "serviceControlIndication":
            self.ras.answer("serviceControlResponse", number, peer)
            self._traverse(value)
        else:
            self.ras.answer("unknownMessageResponse", {**number, "messageNotUnderstood": name.encode()}, peer)

    def _named(self, value: dict[str, Any]) -> list[H323Call]:
        """The calls, not ended, that a request is about."""
        wanted = value.get("callIdentifier", {}).get("guid", bytes(16))  # version 1 has none
        return [c for c in self.calls if c.state != "ended" and (c.call_id == wanted or not any(wanted))]

    def _account(self, value: dict[str, Any]) -> dict[str, Any]:
        """What an IRR tells: of the calls that an IRQ asks for, or of all."""
        told = []
        for call in self._named(value):
            if value["callReferenceValue"] not in (0, call.reference):
                continue
            told.append(
                {
                    "callReferenceValue": call.reference,
                    "conferenceID": call.conference,
                    "originator": call.is_outgoing,
                    "h245": {},
                    "callSignaling": {"recvAddress": address(self._signal)},
                    "callType": ("pointToPoint", None),
                    "bandWidth": 1280,
                    "callModel": ("direct", None),
                    "callIdentifier": {"guid": call.call_id},
                    "substituteConfIDs": [],
                }
            )
        return {
            "requestSeqNum": value["requestSeqNum"],
            "endpointType": TERMINAL,
            "endpointIdentifier": self.identifier,
            "rasAddress": address(self.ras_peer),
            "callSignalAddress": [address(self._signal)],
            "endpointAlias": [alias(name) for name in self.names],
            "perCallInfo": told,
            "needResponse": False,
            "unsolicited": False,
        }

    def _traverse(self, value: dict[str, Any]) -> None:
        """An incoming call: connect to where it waits and say so by a Facility (H.460.18 section 8.1.1)."""
        for feature in value.get("genericData", []):
            if feature["id"] != ("standard", 18):
                continue
            content = feature["parameters"][0]["content"][1]
            told = H225.decode("IncomingCallIndication", content)
            peer = peer_of(told["callSignallingAddress"])
            link = self.link(self.place.connect(peer))
            self._waiting.append(link)
            link.send(coming(told["callID"]["guid"], self.manner.tunnel))

    # The loop.

    def _moments(self) -> Iterable[float]:
        yield from self.ras.moments()
        yield from (call.media.due for call in self.calls if call.media.due is not None)
        if self._keep_at is not None:
            yield self._keep_at

    def _tick(self, now: float) -> None:
        for call in self.calls:
            call.media.tick(now)
        self.ras.tick(now)
        if self._keep_at is not None and self._keep_at <= now:
            self._keep_at = None
            self._renew(lambda name, value: None)

    def _heard(self, link: Link, data: bytes) -> None:
        message = Q931.decode(data)
        held = message.pdu.get("genericData", []) if message.uu else []
        for feature in (each for each in held if each["id"] == ("standard", 17)):
            self.ras.came(feature["parameters"][0]["content"][1], link.peer)
            return
        calls = self.by_link.setdefault(link, [])
        call = next((c for c in calls if (c.reference, c.is_outgoing) == (message.reference, message.answering)), None)
        if call is not None:
            call.receive(message)
        elif message.kind == "setup":
            H323Call.incoming(self, link, message)
        elif message.kind != "releaseComplete":
            self.faults.append(f"a {message.kind} of no call from {link.peer}")

    def _lost(self, link: Link) -> None:
        for call in self.by_link.pop(link, []):
            call.lost(link)


if __name__ == "__main__":
    from tests.netns.h323_cli import main

    main()
