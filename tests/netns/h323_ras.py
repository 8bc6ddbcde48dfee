"""RAS over UDP (H.225.0 section 7) as both the lab's gatekeeper and its endpoint speak it: requests with
retransmission, answers by number, and a record of every message."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.netns.h323_types import H225
from tests.netns.h323_wire import Peer
from tests.netns.phone_loop import datagrams

_WAIT, _TRIES = 1.0, 6  # H.225.0 section 7.20 recommends 3 to 5 s and 2 more tries; a lab is impatient
ANSWERS = {
    "gatekeeperRequest": ("gatekeeperConfirm", "gatekeeperReject"),
    "registrationRequest": ("registrationConfirm", "registrationReject"),
    "unregistrationRequest": ("unregistrationConfirm", "unregistrationReject"),
    "admissionRequest": ("admissionConfirm", "admissionReject"),
    "bandwidthRequest": ("bandwidthConfirm", "bandwidthReject"),
    "disengageRequest": ("disengageConfirm", "disengageReject"),
    "locationRequest": ("locationConfirm", "locationReject"),
    "infoRequest": ("infoRequestResponse",),
    "serviceControlIndication": ("serviceControlResponse",),
    "resourcesAvailableIndicate": ("resourcesAvailableConfirm",),
}
REQUESTS = {answer: request for request, answers in ANSWERS.items() for answer in answers}


@dataclass(frozen=True)
class RasTrace:
    """A RAS message that was sent or came."""

    time: float
    sent: bool
    peer: Peer
    name: str
    value: dict[str, Any]


@dataclass
class _Asked:
    name: str
    data: bytes
    peer: Peer
    hear: Callable[[str, dict[str, Any]], None]
    at: float
    tries: int = 1


class Ras:
    """One RAS socket. `requested(name, value, peer)` answers what others ask; its answers are kept for repetitions.
    Where there is a `way`, what is sent goes by that instead."""

    way: Callable[[bytes], None] | None = None

    def __init__(self, sock: socket.socket, requested: Callable[[str, dict[str, Any], Peer], None]) -> None:
        self.sock, self.requested = sock, requested
        self.trace: list[RasTrace] = []
        self._number = 0
        self._asked: dict[int, _Asked] = {}
        self._kept: dict[tuple[Peer, str, int], bytes | None] = {}

    def ask(self, name: str, value: dict[str, Any], peer: Peer, hear: Callable[[str, dict[str, Any]], None]) -> None:
        """Send a request with the next number. `hear` gets the answer, or ("timeout", {})."""
        self._number = self._number % 65535 + 1
        value = {"requestSeqNum": self._number, **value}
        data = H225.encode("RasMessage", (name, value))
        self._asked[self._number] = _Asked(name, data, peer, hear, time.monotonic() + _WAIT)
        self._send(name, value, data, peer)

    def answer(self, name: str, value: dict[str, Any], peer: Peer) -> None:
        """Answer a request, whose number stands in `value`."""
        data = H225.encode("RasMessage", (name, value))
        request = REQUESTS.get(name, "")
        self._kept[peer, request, value["requestSeqNum"]] = data
        self._send(name, value, data, peer)

    def tell(self, name: str, value: dict[str, Any], peer: Peer) -> None:
        """Send what nobody answers, or what is no last answer (RIP)."""
        self._send(name, value, H225.encode("RasMessage", (name, value)), peer)

    def received(self, name: str) -> list[RasTrace]:
        return [one for one in list(self.trace) if not one.sent and one.name == name]

    def moments(self) -> Iterable[float]:
        return [asked.at for asked in self._asked.values()]

    def tick(self, now: float) -> None:
        for number, asked in list(self._asked.items()):
            if asked.at > now:
                continue
            if asked.tries >= _TRIES:
                del self._asked[number]
                asked.hear("timeout", {})
            else:
                asked.tries, asked.at = asked.tries + 1, now + _WAIT
                self._send_raw(asked.data, asked.peer)

    def readable(self, sock: socket.socket) -> None:
        for data, peer in datagrams(sock):
            self.came(data, peer)

    def came(self, data: bytes, peer: Peer) -> None:
        """A message has come."""
        name, value = H225.decode("RasMessage", data)
        self.trace.append(RasTrace(time.monotonic(), False, peer, name, value))
        number = value["requestSeqNum"]
        asked = self._asked.get(number)
        if name == "requestInProgress":
            if asked is not None:
                asked.at, asked.tries = time.monotonic() + value["delay"] / 1000, 1
        elif asked is not None and (name in ANSWERS[asked.name] or name == "unknownMessageResponse"):
            del self._asked[number]
            asked.hear(name, value)
        elif name in ANSWERS:
            key = (peer, name, number)
            if key not in self._kept:
                self._kept[key] = None  # no answer yet: a repetition finds it and waits with us
                self.requested(name, value, peer)
            elif (kept := self._kept[key]) is not None:
                self._send_raw(kept, peer)

    def _send(self, name: str, value: dict[str, Any], data: bytes, peer: Peer) -> None:
        self.trace.append(RasTrace(time.monotonic(), True, peer, name, value))
        self._send_raw(data, peer)

    def _send_raw(self, data: bytes, peer: Peer) -> None:
        if self.way is not None:
            self.way(data)
        else:
            self.sock.sendto(data, peer)
