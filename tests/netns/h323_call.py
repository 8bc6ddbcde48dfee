"""One call at the lab's H.323 endpoint: its signalling connection, its states, its media.

calling -> proceeding -> ringing -> up -> ended       (outgoing; each may be skipped)
proceeding -> ringing -> up -> ended                  (incoming)
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

from tests.netns.h323_control import AUDIO, FAX, Control
from tests.netns.h323_fax import Fax
from tests.netns.h323_link import Door, Link
from tests.netns.h323_shared import FEATURE, number
from tests.netns.h323_srtp import SecuredMedia, SrtpKeys
from tests.netns.h323_wire import (
    BEARER,
    CALLED,
    CAUSE,
    DISPLAY,
    PROTOCOL,
    Q931,
    TERMINAL,
    Peer,
    address,
    alias,
    guid,
    peer_of,
    user_information,
)
from tests.netns.phone_media import PhoneMedia
from tests.netns.waiting import PATIENCE, wait_for

if TYPE_CHECKING:
    from tests.netns.h323_endpoint import H323Endpoint

_SPEECH = b"\x80\x90\xa5"  # bearer capability of Q.931 section 4.5.5: speech, 64 kbit/s, H.221 and H.242
_REASONS = {
    17: "inConf",
    21: "destinationRejection",
    3: "unreachableDestination",
    34: "gatewayResources",
    42: "gatewayResources",
}


class H323Call:
    """A call, outgoing or incoming."""

    def __init__(
        self, endpoint: H323Endpoint, outgoing: bool, reference: int, call_id: bytes, conference: bytes
    ) -> None:
        self.endpoint, self.is_outgoing, self.reference = endpoint, outgoing, reference
        self.call_id, self.conference = call_id, conference
        self.state = "calling" if outgoing else "proceeding"
        self.history = [self.state]
        self.cause = 0  # Q.850, of the ReleaseComplete sent or received
        self.reason = ""  # why it ended
        self.fast = False  # fast connect was agreed
        self.tunnel = endpoint.manner.tunnel
        self.setup: Q931  # as sent, or as received
        self.disengaged = False  # the gatekeeper has confirmed the end
        self.messages: list[tuple[bool, str]] = []  # (sent, the message's name), as in a ladder
        self.seen: list[Q931] = []  # every message that came
        self.link: Link | None = None
        self.control_link: Link | None = None
        self._door: Door | None = None
        self.pinhole: Peer | None = None  # where H.460.19 has us send what keeps our NAT open
        self._target = ""
        self._admitted = False
        self._gathered: list[bytes] | None = None
        keys = SrtpKeys(endpoint.manner.secured) if endpoint.manner.secured else None
        if endpoint.shared:
            self.media = endpoint.shared.media()
        else:
            sockets = self._sockets()
            self.media = PhoneMedia(*sockets) if keys is None else SecuredMedia(sockets[0], sockets[1], keys)
        self.fax = Fax(self._sockets(1)[0])
        self.control = Control(self, self._send_control, endpoint.manner.codecs, keys=keys)
        for sock in (self.media.rtp, self.media.rtcp) if endpoint.shared is None else ():
            endpoint.watch(sock, self.media.readable)
        endpoint.watch(self.fax.sock, self.fax.readable)
        endpoint.calls.append(self)

    def _sockets(self, count: int = 2) -> list[socket.socket]:
        first = self.endpoint.media_port
        self.endpoint.media_port += 2
        return [self.endpoint.place.udp(first + n) for n in range(count)]

    # What a person does.

    def wait(self, state: str, timeout: float = PATIENCE) -> H323Call:
        """Wait until the call is, or has been, in a state. RuntimeError if it ends instead."""
        wait_for(lambda: state in self.history or self.state == "ended", timeout, f"{self} to be {state}")
        if state not in self.history:
            raise RuntimeError(f"{self} ended ({self.cause} {self.reason}) and was never {state}")
        return self

    def wait_flowing(self, timeout: float = PATIENCE) -> H323Call:
        """Wait until a channel of the present mode is open each way."""
        wait_for(lambda: self.control.flowing, timeout, f"logical channels both ways of {self}")
        return self

    def answer(self) -> None:
        self.endpoint.do(self._connect)

    def release(self, cause: int = 16, timeout: float = PATIENCE) -> None:
        """Hang up, or refuse, and wait until the gatekeeper (if there is one) knows."""
        self.endpoint.do(lambda: self._release(cause, "released here"))
        if self._admitted:
            wait_for(lambda: self.disengaged, timeout, f"{self} to be disengaged")

    def start_control(self) -> None:
        """Begin H.245 in a call that came about by fast connect."""
        self.endpoint.do(self._start_control)

    def hold(self, timeout: float = PATIENCE) -> None:
        """Send the empty capability set and wait until the other end has closed its channel."""
        self.endpoint.do(self.control.hold)
        wait_for(lambda: not self.control.into, timeout, f"the other end of {self} to fall silent")

    def resume(self, timeout: float = PATIENCE) -> None:
        self.endpoint.do(self.control.resume)
        self.wait_flowing(timeout)

    def to_fax(self, timeout: float = PATIENCE) -> None:
        """Ask for T.38 and wait until its channels are open."""
        self.endpoint.do(lambda: self.control.switch(FAX))
        wait_for(lambda: self.control.mode == FAX and self.control.flowing, timeout, f"{self} to become a fax")

    def to_audio(self, timeout: float = PATIENCE) -> None:
        self.endpoint.do(lambda: self.control.switch(AUDIO))
        wait_for(lambda: self.control.mode == AUDIO and self.control.flowing, timeout, f"{self} to become a talk")

    def ping(self, timeout: float = PATIENCE) -> None:
        """Measure the round trip by H.245."""
        already = self.control.pings
        self.endpoint.do(self.control.ping)
        wait_for(lambda: self.control.pings > already, timeout, f"an answer to the round trip request of {self}")

    def press(self, digits: str) -> None:
        self.endpoint.do(lambda: self.control.press(digits))

    def send_batch(self, batch: int, packets: int, reports: int) -> None:
        """Begin to send media; `media.idle` says when all of it is out."""
        self.endpoint.do(lambda: self.media.begin(batch, packets, reports, time.monotonic()))

    def stop_sending(self) -> None:
        self.endpoint.do(self.media.stop)

    def report(self) -> dict[str, Any]:
        heard = {str(b): {"rtp": h.rtp, "rtcp": h.rtcp, "repeated": h.repeated} for b, h in self.media.heard.items()}
        return {
            "outgoing": self.is_outgoing, "history": self.history, "cause": self.cause, "reason": self.reason,
            "fast": self.fast, "tunnel": self.tunnel, "messages": self.messages, "control": self.control.trace,
            "sent": {f"{kind} {batch}": n for (kind, batch), n in self.media.sent.items()},
            "heard": heard, "other": self.media.other, "disengaged": self.disengaged,
        }  # fmt: skip

    def __str__(self) -> str:
        return f"{self.endpoint.names[0]}'s {'outgoing' if self.is_outgoing else 'incoming'} call ({self.state})"

    # Media, as H.245 sees it.

    def own(self, kind: str) -> tuple[Peer, Peer | None]:
        host = self.endpoint.place.address
        if kind == FAX:
            return (host, int(self.fax.sock.getsockname()[1])), None
        return (host, int(self.media.rtp.getsockname()[1])), (host, int(self.media.rtcp.getsockname()[1]))

    def towards(self, kind: str, media: Peer | None, control: Peer | None) -> None:
        if kind == FAX:
            self.fax.remote = media
        elif media is None:
            self.media.remote = None
        else:
            self.media.remote = (media, control or (media[0], media[1] + 1))

    def asks(self, kind: str) -> dict[str, Any]:
        shared = self.endpoint.shared
        return {} if shared is None or kind == FAX else shared.asks(self.media)

    def numbered(self, told: int) -> None:
        number(self.media, told)

    def keep_open(self, peer: Peer) -> None:
        """Where packets without content keep a NAT open for media; the first goes at once."""
        self.pinhole = peer
        self.media.send_empty(peer)

    # Outgoing.

    @classmethod
    def outgoing(cls, endpoint: H323Endpoint, target: str, via: Peer | None) -> H323Call:
        call = cls(endpoint, True, endpoint.next_reference(), guid(), guid())
        call._target = target
        if via is not None:
            call._call(via)
        else:
            endpoint.admit(call, [alias(target)], call._admission)
        return call

    def _admission(self, name: str, value: dict[str, Any]) -> None:
        if name != "admissionConfirm":
            self.reason = value["rejectReason"][0] if value else "no answer from the gatekeeper"
            self._become("ended")
            return
        self._admitted = True
        self._call(peer_of(value["destCallSignalAddress"]))

    def _call(self, peer: Peer) -> None:
        endpoint = self.endpoint
        try:
            self.link = endpoint.trunk or endpoint.link(endpoint.place.connect(peer))
        except OSError as error:
            self._over(f"{peer} cannot be reached: {error}")
            return
        endpoint.by_link.setdefault(self.link, []).append(self)
        body: dict[str, Any] = {
            "protocolIdentifier": PROTOCOL,
            "sourceAddress": [alias(name) for name in endpoint.names],
            "sourceInfo": TERMINAL,
            "destinationAddress": [alias(self._target)],
            "destCallSignalAddress": address(peer),
            "activeMC": False,
            "conferenceID": self.conference,
            "conferenceGoal": ("create", None),
            "callType": ("pointToPoint", None),
            "sourceCallSignalAddress": address((endpoint.place.address, self.link.local[1])),
            "callIdentifier": {"guid": self.call_id},
            "mediaWaitForConnect": False,
            "canOverlapSend": False,
            **endpoint.keeps,
        }
        if endpoint.identifier:
            body["endpointIdentifier"] = endpoint.identifier
        if endpoint.manner.shared:
            body["supportedFeatures"] = [FEATURE]
        if endpoint.manner.fast:
            body["fastStart"] = self.control.offers()
        if endpoint.manner.early:
            body["h245Address"] = self._listen()
        elements = [(BEARER, _SPEECH), (DISPLAY, endpoint.names[0].encode())]
        if alias(self._target)[0] == "dialedDigits":
            elements.append((CALLED, b"\x81" + self._target.encode()))
        self.setup = self._send("setup", body, elements)

    # Incoming.

    @classmethod
    def incoming(cls, endpoint: H323Endpoint, link: Link, message: Q931) -> H323Call:
        body = message.body
        call = cls(endpoint, False, message.reference, body["callIdentifier"]["guid"], body["conferenceID"])
        call.link, call.setup = link, message
        endpoint.by_link[link].append(call)
        call.messages.append((False, "setup"))
        call.seen.append(message)
        call.tunnel = call.tunnel and message.pdu.get("h245Tunneling", False)
        said = {"protocolIdentifier": PROTOCOL, "destinationInfo": TERMINAL, **call._named()}
        if endpoint.manner.shared:
            said["featureSet"] = {"replacementFeatureSet": False, "supportedFeatures": [FEATURE]}
        call._send("callProceeding", said)
        if "h245Address" in body:
            call._join_control(peer_of(body["h245Address"]))
        if endpoint.gatekeeper is not None:
            source = [each for each in body.get("sourceAddress", [])] or [alias("unknown")]
            endpoint.admit(call, source, call._admitted_in)
        else:
            call._ring()
        return call

    def _admitted_in(self, name: str, value: dict[str, Any]) -> None:
        if name != "admissionConfirm":
            self._release(21, value["rejectReason"][0] if value else "no answer from the gatekeeper")
            return
        self._admitted = True
        self._ring()

    def _ring(self) -> None:
        if self.state == "ended":
            return
        manner = self.endpoint.on_setup
        if manner in ("busy", "full"):
            self._release(17 if manner == "busy" else 42, "refused here")
            return
        self._send("alerting", {"protocolIdentifier": PROTOCOL, "destinationInfo": TERMINAL, **self._named()})
        self._become("ringing")
        if manner == "answer":
            self._connect()

    def _connect(self) -> None:
        body: dict[str, Any] = {"protocolIdentifier": PROTOCOL, "destinationInfo": TERMINAL, **self._named()}
        body["conferenceID"] = self.conference
        offers = self.setup.body.get("fastStart", [])
        answers = self.control.accept_offers(offers) if offers and self.endpoint.manner.fast else []
        control = None
        if answers:
            self.fast, body["fastStart"] = True, answers
        elif self.tunnel:
            control = self._gather(self.control.begin)
        elif self.control_link is None:
            body["h245Address"] = self._listen()
        self._send("connect", body, control=control)
        self._become("up")

    # Both.

    def receive(self, message: Q931) -> None:
        """A message of this call."""
        self.messages.append((False, message.name if message.kind == "facility" and message.uu else message.kind))
        self.seen.append(message)
        if message.uu and not message.pdu.get("h245Tunneling", False) and message.kind != "releaseComplete":
            self.tunnel = False
        body = message.body
        if "fastStart" in body and self.is_outgoing and not self.fast:
            self.fast = True
            self.control.offers_accepted(body["fastStart"])
        if message.kind in ("callProceeding", "progress"):
            self._become("proceeding")
        elif message.kind == "alerting":
            self._become("ringing")
        elif message.kind == "connect":
            self._become("up")
            if self.tunnel and not self.fast:
                self.control.begin()
        elif message.kind == "releaseComplete":
            self.cause = message.cause
            self._over("released there")
        elif message.kind == "statusInquiry":
            self._send("status", {"protocolIdentifier": PROTOCOL, "callIdentifier": {"guid": self.call_id}})
        if "h245Address" in body and self.state != "ended":
            asked = body.get("reason", ("", None))[0] == "startH245"
            if asked and self._door is not None and self.control_link is None:
                self._door.close()  # nobody comes: we are asked to come
                self._door = None
            self._join_control(peer_of(body["h245Address"]))
        for data in message.pdu.get("h245Control", []) if message.uu else []:
            self.control.begin()
            self.control.receive(data)

    def lost(self, link: Link) -> None:
        """A connection of this call was closed by the other end."""
        if link is self.link and self.state != "ended":
            self._over("the signalling connection was closed")

    def forced(self) -> None:
        """The gatekeeper disengages the call (H.323 section 8.5.2)."""
        self._admitted = False
        self._release(16, "disengaged by the gatekeeper")

    def close(self) -> None:
        for link in (self.link, self.control_link):
            if link is not None:
                link.close()
        if self._door is not None:
            self._door.close()
        self.media.close()
        self.fax.close()

    def _named(self) -> dict[str, Any]:
        return {"callIdentifier": {"guid": self.call_id}, **self.endpoint.keeps}

    def _send(
        self,
        kind: str,
        body: dict[str, Any] | None,
        elements: list[tuple[int, bytes]] | None = None,
        control: list[bytes] | None = None,
    ) -> Q931:
        name = kind if body is not None else "empty"
        message = Q931(kind, self.reference, not self.is_outgoing, elements or [])
        message.uu = user_information(name, body, self.tunnel, control)
        self.messages.append((True, name))
        if self.link is not None:
            self.link.send(message.encode())
        return message

    def _send_control(self, data: bytes) -> None:
        if self.control_link is not None:
            self.control_link.send(data)
        elif self._gathered is not None:
            self._gathered.append(data)
        elif self.tunnel and self.state != "ended":
            self._send("facility", None, control=[data])

    def _gather(self, action: Any) -> list[bytes]:
        """What an action would send by H.245, for a message that takes it along."""
        self._gathered = []
        action()
        gathered, self._gathered = self._gathered, None
        return gathered

    def _listen(self) -> tuple[str, Any]:
        """Listen for the H.245 connection, and the address to tell."""
        endpoint = self.endpoint
        if self._door is None:
            self._door = Door(
                endpoint.loop, endpoint.place.listen(), self._control_heard, self.lost, self._control_came
            )
        return address((endpoint.place.address, self._door.port))

    def _control_came(self, link: Link) -> None:
        if self.control_link is not None:
            link.close()
            return
        self.control_link = link
        self.control.begin()

    def _join_control(self, peer: Peer) -> None:
        if self.control_link is not None or self.tunnel or self._door is not None:
            return
        try:
            sock = self.endpoint.place.connect(peer)
        except OSError as error:
            self._release(41, f"no H.245 connection to {peer}: {error}")
            return
        self.control_link = Link(self.endpoint.loop, sock, self._control_heard, self.lost)
        self.control.begin()

    def _control_heard(self, link: Link, data: bytes) -> None:
        self.control.receive(data)

    def _start_control(self) -> None:
        if self.tunnel:
            self.control.begin()
        else:
            body = {
                "protocolIdentifier": PROTOCOL, "conferenceID": self.conference, "reason": ("startH245", None),
                "h245Address": self._listen(), **self._named(),
            }  # fmt: skip
            self._send("facility", body)

    def _release(self, cause: int, reason: str) -> None:
        if self.state == "ended":
            return
        if self.control.began:
            self.control.end()
        body: dict[str, Any] = {"protocolIdentifier": PROTOCOL, "callIdentifier": {"guid": self.call_id}}
        body["reason"] = (_REASONS.get(cause, "undefinedReason"), None)
        self.cause = cause
        self._send("releaseComplete", body, [(CAUSE, bytes([0x80, 0x80 | cause]))])
        self._over(reason)

    def _over(self, reason: str) -> None:
        self.reason = reason
        self._become("ended")
        if self.link is not None:
            self.endpoint.let_go(self.link, self)
        if self.control_link is not None:
            self.control_link.close()
        if self._door is not None:
            self._door.close()
        if self._admitted:
            self.endpoint.disengage(self, self._disengaged)

    def _disengaged(self, name: str, value: dict[str, Any]) -> None:
        self.disengaged = name == "disengageConfirm"

    def _become(self, state: str) -> None:
        if self.state not in (state, "ended"):
            self.history.append(state)  # first: who sees the state looks for it there
            self.state = state
            if state == "ended":
                self.media.stop()
