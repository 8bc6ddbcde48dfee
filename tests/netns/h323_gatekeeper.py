"""A gatekeeper for exact assertions: registers, admits (calls go directly or through it), locates, inquires,
disengages, and keeps every message and every address it has seen.

It knows nothing of NATs: what an endpoint tells it, it believes. It shares no code with `sbc`. It runs in a thread,
as the lab's phones do.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from tests.netns.h323_link import Door, Link, Place
from tests.netns.h323_ras import Ras, RasTrace
from tests.netns.h323_types import H245
from tests.netns.h323_wire import PROTOCOL, Q931, Peer, address, addresses, alias, alias_names, peer_of
from tests.netns.phone_loop import PhoneLoop
from tests.netns.waiting import PATIENCE, wait_for

NAME = "lab-gk"


@dataclass
class Registration:
    """An endpoint as it registered."""

    identifier: str
    names: list[str]
    ras: Peer
    signal: Peer
    source: Peer  # where its requests come from
    until: float
    renewals: int = 0


@dataclass
class AdmittedCall:
    """A call by its identifier: who was admitted to it, with the reference each has given."""

    call_id: bytes
    conference: bytes
    parties: dict[str, int] = field(default_factory=dict)  # endpoint identifier -> call reference


@dataclass
class _Routed:
    """A call whose signalling goes through us: both connections."""

    caller: Link
    called: Link | None = None


class H323Gatekeeper:
    """A gatekeeper at a place. `routed`: calls' signalling goes through it. `ttl`: the longest registration it
    grants."""

    def __init__(
        self, place: Place, routed: bool = False, ttl: int = 60, ras_port: int = 1719, signal_port: int = 1720
    ) -> None:
        self.place, self.routed, self.ttl = place, routed, ttl
        self.registrations: dict[str, Registration] = {}
        self.calls: dict[bytes, AdmittedCall] = {}
        self.ended: list[bytes] = []  # calls that all parties have left
        self.signalling: list[tuple[Peer, Q931]] = []  # what passed, and where it came from
        self.refuses: set[str] = set()  # names that may not be called
        self._routes: list[_Routed] = []
        self.ras = Ras(place.udp(ras_port), self._requested)
        self.peer: Peer = (place.address, int(self.ras.sock.getsockname()[1]))
        self.loop = PhoneLoop("gatekeeper", self._tick, self.ras.moments)
        self.faults = self.loop.faults
        self.door = Door(self.loop, place.listen(signal_port), self._heard, self._lost, self._came)
        self.loop.watch(self.ras.sock, self.ras.readable)
        self.loop.start()

    # What a test asks.

    def registration(self, name: str) -> Registration | None:
        """Who is registered under a name and has not expired."""
        for each in list(self.registrations.values()):
            if name in each.names and each.until > time.monotonic():
                return each
        return None

    def seen(self) -> set[Peer]:
        """Every transport address in any message that came: RAS, call signalling, H.245 within it."""
        found: set[Peer] = set()
        for one in list(self.ras.trace):
            if not one.sent:
                found.update(addresses(one.value))
        for _, message in list(self.signalling):
            found.update(addresses(message.uu))
            for key in ("fastStart", "parallelH245Control"):
                for data in message.body.get(key, []) if message.uu else []:
                    found.update(addresses(H245.decode("OpenChannel", data)))
            for data in message.pdu.get("h245Control", []) if message.uu else []:
                found.update(addresses(H245.decode("Message", data)))
        return found

    def sources(self) -> set[Peer]:
        """Everybody a message came from."""
        return {one.peer for one in list(self.ras.trace) if not one.sent} | {peer for peer, _ in list(self.signalling)}

    def received(self, name: str) -> list[RasTrace]:
        return self.ras.received(name)

    def disengage(self, name: str, timeout: float = PATIENCE) -> str:
        """Demand the end of a name's first call; the answer's name."""
        where = self._known(name)
        call, said = self._first_call(where)
        request = {**said, "disengageReason": ("forcedDrop", None)}
        answer = self.request(name, "disengageRequest", request, timeout)[0]
        self.loop.do(lambda: self._left(call, where.identifier))  # an endpoint that confirms sends no DRQ of its own
        return answer

    def unregister(self, name: str, timeout: float = PATIENCE) -> str:
        """Take a registration off (URQ); the answer's name."""
        where = self._known(name)
        request = {"callSignalAddress": [address(where.signal)], "endpointIdentifier": where.identifier}
        answer = self.request(name, "unregistrationRequest", request, timeout)[0]
        self.registrations.pop(where.identifier, None)
        return answer

    def inquire(self, name: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """Ask an endpoint about all its calls (IRQ); what it tells (IRR)."""
        request = {"callReferenceValue": 0, "replyAddress": address(self.peer), "callIdentifier": {"guid": bytes(16)}}
        return self.request(name, "infoRequest", request, timeout)[1]

    def bandwidth(self, name: str, units: int, timeout: float = PATIENCE) -> str:
        """Ask an endpoint to change the bandwidth of its first call (BRQ); the answer's name."""
        where = self._known(name)
        _, said = self._first_call(where)
        request = {**said, "bandWidth": units}
        return self.request(name, "bandwidthRequest", request, timeout)[0]

    def request(
        self, to: str, name: str, value: dict[str, Any], timeout: float = PATIENCE
    ) -> tuple[str, dict[str, Any]]:
        """Any RAS request to a registered endpoint, and its answer."""
        answers: list[tuple[str, dict[str, Any]]] = []
        peer = self._known(to).ras
        self.loop.do(lambda: self.ras.ask(name, value, peer, lambda *answer: answers.append(answer)))
        return wait_for(lambda: answers and answers[0], timeout, f"{to}'s answer to {name}")

    def close(self) -> None:
        """Stop without a word to anybody. RuntimeError if anything went wrong before."""
        self.loop.close()
        for route in self._routes:
            route.caller.close()
            if route.called is not None:
                route.called.close()
        self.door.sock.close()
        self.ras.sock.close()
        if self.faults:
            raise RuntimeError(f"gatekeeper: {self.faults}")

    # RAS.

    def _known(self, name: str) -> Registration:
        where = self.registration(name)
        if where is None:
            raise KeyError(f"{name} is not registered")
        return where

    def _first_call(self, where: Registration) -> tuple[Any, dict[str, Any]]:
        """An endpoint's first call, and how a request to it says which that is."""
        call = next(c for c in self.calls.values() if where.identifier in c.parties)
        return call, {
            "endpointIdentifier": where.identifier,
            "conferenceID": call.conference,
            "callReferenceValue": call.parties[where.identifier],
            "callIdentifier": {"guid": call.call_id},
            "answeredCall": False,
        }

    def _tick(self, now: float) -> None:
        self.ras.tick(now)

    def _requested(self, name: str, value: dict[str, Any], peer: Peer) -> None:
        action = getattr(self, f"_on_{name}", None)
        number = {"requestSeqNum": value["requestSeqNum"]}
        if action is None:
            self.ras.answer("unknownMessageResponse", {**number, "messageNotUnderstood": name.encode()}, peer)
            return
        answer, body = action(value, peer)
        self.ras.answer(answer, {**number, **body}, peer)

    def _on_gatekeeperRequest(self, value: dict[str, Any], peer: Peer) -> tuple[str, dict[str, Any]]:
        """Discovery."""
        head = {"protocolIdentifier": PROTOCOL, "gatekeeperIdentifier": NAME}
        if value.get("gatekeeperIdentifier", NAME) != NAME:
            return "gatekeeperReject", {**head, "rejectReason": ("terminalExcluded", None)}
        return "gatekeeperConfirm", {**head, "rasAddress": address(self.peer)}

    def _on_registrationRequest(self, value: dict[str, Any], peer: Peer) -> tuple[str, dict[str, Any]]:
        head = {"protocolIdentifier": PROTOCOL, "gatekeeperIdentifier": NAME}
        now, lifetime = time.monotonic(), min(value.get("timeToLive", self.ttl), self.ttl)
        known = self.registrations.get(value.get("endpointIdentifier", ""))
        if value.get("keepAlive", False):
            if known is None or known.until <= now:
                return "registrationReject", {**head, "rejectReason": ("fullRegistrationRequired", None)}
            known.until, known.source = now + lifetime, peer
            known.renewals += 1
        else:
            names = alias_names(value, "terminalAlias")
            signal = peer_of(value["callSignalAddress"][0])
            taken = [r for n in names if (r := self.registration(n)) is not None and r.signal != signal]
            if taken:
                return "registrationReject", {
                    **head, "rejectReason": ("duplicateAlias", [alias(n) for n in names]),
                }  # fmt: skip
            for same in [i for i, r in self.registrations.items() if set(r.names) & set(names)]:
                del self.registrations[same]
            ras = peer_of(value["rasAddress"][0])
            identifier = f"{secrets.randbelow(10**8)}_{NAME}"
            known = Registration(identifier, names, ras, signal, peer, now + lifetime)
            self.registrations[identifier] = known
        body: dict[str, Any] = {
            **head,
            "callSignalAddress": [address((self.place.address, self.door.port))] if self.routed else [],
            "terminalAlias": [alias(n) for n in known.names],
            "endpointIdentifier": known.identifier,
            "timeToLive": lifetime,
            "willRespondToIRR": False,
            "maintainConnection": False,
        }
        return "registrationConfirm", body

    def _on_unregistrationRequest(self, value: dict[str, Any], peer: Peer) -> tuple[str, dict[str, Any]]:
        if self.registrations.pop(value.get("endpointIdentifier", ""), None) is None:
            return "unregistrationReject", {"rejectReason": ("notCurrentlyRegistered", None)}
        return "unregistrationConfirm", {}

    def _on_admissionRequest(self, value: dict[str, Any], peer: Peer) -> tuple[str, dict[str, Any]]:
        asking = self.registrations.get(value["endpointIdentifier"])
        if asking is None:
            return "admissionReject", {"rejectReason": ("callerNotRegistered", None)}
        where = self._destination(value)
        if where is None:
            return "admissionReject", {"rejectReason": ("calledPartyNotRegistered", None)}
        if set(alias_names(value, "destinationInfo")) & self.refuses:
            return "admissionReject", {"rejectReason": ("requestDenied", None)}
        call_id = value["callIdentifier"]["guid"]
        call = self.calls.setdefault(call_id, AdmittedCall(call_id, value["conferenceID"]))
        call.parties[asking.identifier] = value["callReferenceValue"]
        target = (self.place.address, self.door.port) if self.routed and not value["answerCall"] else where
        body = {
            "bandWidth": value["bandWidth"],
            "callModel": ("gatekeeperRouted" if self.routed else "direct", None),
            "destCallSignalAddress": address(target),
            "willRespondToIRR": False,
        }
        return "admissionConfirm", body

    def _destination(self, value: dict[str, Any]) -> Peer | None:
        if value["answerCall"]:
            return self.registrations[value["endpointIdentifier"]].signal
        for name in alias_names(value, "destinationInfo"):
            found = self.registration(name)
            if found is not None:
                return found.signal
        if not value.get("destinationInfo") and "destCallSignalAddress" in value:
            return peer_of(value["destCallSignalAddress"])
        return None

    def _on_bandwidthRequest(self, value: dict[str, Any], peer: Peer) -> tuple[str, dict[str, Any]]:
        if value["callIdentifier"]["guid"] not in self.calls:
            return "bandwidthReject", {"rejectReason": ("invalidConferenceID", None), "allowedBandWidth": 0}
        return "bandwidthConfirm", {"bandWidth": value["bandWidth"]}

    def _on_disengageRequest(self, value: dict[str, Any], peer: Peer) -> tuple[str, dict[str, Any]]:
        call_id = value["callIdentifier"]["guid"]
        call = self.calls.get(call_id)
        if value["endpointIdentifier"] not in self.registrations:
            return "disengageReject", {"rejectReason": ("notRegistered", None)}
        if call is not None:
            self._left(call, value["endpointIdentifier"])
        return "disengageConfirm", {}

    def _left(self, call: AdmittedCall, identifier: str) -> None:
        """An endpoint is no longer in a call; the last one ends it."""
        call.parties.pop(identifier, None)
        if not call.parties and self.calls.pop(call.call_id, None) is not None:
            self.ended.append(call.call_id)

    def _on_locationRequest(self, value: dict[str, Any], peer: Peer) -> tuple[str, dict[str, Any]]:
        for name in alias_names(value, "destinationInfo"):
            found = self.registration(name)
            if found is not None:
                target = (self.place.address, self.door.port) if self.routed else found.signal
                ras = self.peer if self.routed else found.ras
                return "locationConfirm", {"callSignalAddress": address(target), "rasAddress": address(ras)}
        return "locationReject", {"rejectReason": ("notRegistered", None)}

    def _on_resourcesAvailableIndicate(self, value: dict[str, Any], peer: Peer) -> tuple[str, dict[str, Any]]:
        return "resourcesAvailableConfirm", {"protocolIdentifier": PROTOCOL}

    # Routed calls: each message goes on as it is, but for the addresses of a Setup.

    def _came(self, link: Link) -> None:
        self._routes.append(_Routed(link))

    def _heard(self, link: Link, data: bytes) -> None:
        message = Q931.decode(data)
        self.signalling.append((link.peer, message))
        route = next(r for r in self._routes if link in (r.caller, r.called))
        if message.kind == "setup" and link is route.caller:
            self._setup(route, message)
            return
        other = route.called if link is route.caller else route.caller
        if other is not None:
            other.send(data)

    def _setup(self, route: _Routed, message: Q931) -> None:
        names = alias_names(message.body, "destinationAddress")
        found = next((r for r in map(self.registration, names) if r is not None), None)
        if found is not None:
            try:
                sock = self.place.connect(found.signal)
            except OSError:
                found = None
        if found is None:
            refused = Q931("releaseComplete", message.reference, True, [(8, b"\x80\x83")])
            body = {
                "protocolIdentifier": PROTOCOL,
                "reason": ("unreachableDestination", None),
                "callIdentifier": message.body["callIdentifier"],
            }
            refused.uu = {"h323-uu-pdu": {"h323-message-body": ("releaseComplete", body), "h245Tunneling": False}}
            route.caller.send(refused.encode())
            return
        route.called = Link(self.loop, sock, self._heard, self._lost)
        message.body["destCallSignalAddress"] = address(found.signal)
        message.body["sourceCallSignalAddress"] = address((self.place.address, self.door.port))
        route.called.send(message.encode())

    def _lost(self, link: Link) -> None:
        for route in self._routes:
            if link in (route.caller, route.called):
                other = route.called if link is route.caller else route.caller
                if other is not None:
                    other.close()
