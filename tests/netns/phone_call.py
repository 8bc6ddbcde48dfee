"""One call at the softphone: its dialog, its description of media, its states.

calling -> ringing -> early (183 with SDP) -> up -> ended       (outgoing; each may be skipped)
ringing -> early -> up -> ended                                 (incoming)
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

from tests.netns.phone_media import PhoneMedia
from tests.netns.sip import GIVE_UP, Sdp, SipMessage, keep_final, parameter, token, uri_of
from tests.netns.waiting import PATIENCE, wait_for

if TYPE_CHECKING:
    from tests.netns.softphone import Peer, Softphone

_MIRROR = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive", "sendrecv": "sendrecv"}


class PhoneCall:
    """A call, outgoing or incoming."""

    def __init__(self, phone: Softphone, outgoing: bool, call_id: str) -> None:
        self.phone, self.is_outgoing, self.call_id = phone, outgoing, call_id
        self.state = "calling" if outgoing else "ringing"
        self.history = [self.state]
        self.status = 0  # the final response to our INVITE
        self.cause = ""  # why it ended
        self.early_tags: list[str] = []  # a tag for each early dialog: several when the call was forked
        self.declined_tags: list[str] = []  # further answers of a forked call, acknowledged and hung up
        self.direction = "sendrecv"  # the one this phone last described
        self.remote_sdp: Sdp | None = None
        self.offered = b""  # what the other has described last
        self.invite: SipMessage  # the first INVITE as sent last, or as received
        self._peer: Peer  # where it went to, or came from
        self._local = self._remote = ""  # From and To of our own requests in the dialog
        self._routes: list[str] = []
        self._target = ""
        self._cseq = 1
        self._sdp_version = 0
        self._session = time.time_ns() >> 20
        self._ack: tuple[SipMessage, Peer] | None = None
        self._acked: set[int] = set()  # CSeqs whose ACK has come
        self._to_tag = token()
        self.media = PhoneMedia(*self._sockets())
        for sock in (self.media.rtp, self.media.rtcp):
            phone.watch(sock, self.media.readable)

    def _sockets(self) -> list[socket.socket]:
        first = self.phone.media_port
        self.phone.media_port += 2
        made = [self.phone.make_socket(first), self.phone.make_socket(first + 1)]
        for sock in made:
            sock.setblocking(False)
        return made

    # What a person does.

    def wait(self, state: str, timeout: float = PATIENCE) -> PhoneCall:
        """Wait until the call is, or has been, in a state. RuntimeError if it ends instead."""
        wait_for(lambda: state in self.history or self.state == "ended", timeout, f"{self} to be {state}")
        if state not in self.history:
            raise RuntimeError(f"{self} ended ({self.status} {self.cause}) and was never {state}")
        return self

    @property
    def tags(self) -> tuple[str, str]:
        """The tags of the dialogue: one's own, and the other's."""
        return parameter(self._local, "tag"), parameter(self._remote, "tag")

    @property
    def acknowledged(self) -> bool:
        """Whether the ACK to our final response to the first INVITE has come."""
        return int(self.invite.get("cseq").split()[0]) in self._acked

    def ring(self) -> None:
        self.phone.do(lambda: self._provisional("180 Ringing", b""))

    def early(self) -> None:
        """Give early media: 183 with a description."""
        self.phone.do(lambda: self._provisional("183 Session Progress", self._answer()))

    def answer(self) -> None:
        self.phone.do(self._accept)

    def reject(self, status: str = "486 Busy Here") -> None:
        self.phone.do(lambda: self._refuse(status))

    def cancel(self) -> None:
        """Take an outgoing call back before it is answered."""
        self.phone.do(self._cancel)

    def hold(self, timeout: float = PATIENCE) -> None:
        """Put the other end on hold and wait for its agreement."""
        self.reinvite("sendonly", timeout)

    def resume(self, timeout: float = PATIENCE) -> None:
        self.reinvite("sendrecv", timeout)

    def reinvite(self, direction: str, timeout: float = PATIENCE) -> SipMessage:
        """Offer another direction; the final response. RuntimeError if it is no 200."""
        finals: list[SipMessage] = []

        def ask() -> None:
            self.direction = direction
            request = self._in_dialog("INVITE")
            request.add("Contact", f"<{self.phone.contact}>").add("Content-Type", "application/sdp")
            request.body = self._sdp(direction)

            def hear(reply: SipMessage) -> None:
                if finals:
                    if 200 <= reply.status < 300:  # once more: our ACK was late; what it describes is old by now
                        self._acknowledge(reply)
                    return
                if 200 <= reply.status < 300:
                    self._described(reply)
                    self._acknowledge(reply)
                if reply.status >= 200:
                    finals.append(reply)

            self.phone.ask(request, self._hop(), hear)

        self.phone.do(ask)
        reply = wait_for(lambda: finals and finals[0], timeout, f"{self} to be re-negotiated to {direction}")
        if reply.status != 200:
            raise RuntimeError(f"{self}: re-INVITE was answered {reply.start}")
        return reply

    def bye(self, timeout: float = PATIENCE) -> SipMessage:
        """Hang up; the final response to the BYE."""
        finals: list[SipMessage] = []

        def ask() -> None:
            self.phone.ask(self._in_dialog("BYE"), self._hop(), keep_final(finals))
            self._become("ended", "hung up here")

        self.phone.do(ask)
        return wait_for(lambda: finals and finals[0], timeout, f"{self} to be hung up")

    def request(
        self,
        method: str,
        body: bytes = b"",
        content_type: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        timeout: float = PATIENCE,
    ) -> SipMessage:
        """Any other request inside the dialog (INFO, UPDATE, REFER, ...), with `headers`; its final response."""
        finals: list[SipMessage] = []

        def ask() -> None:
            request = self._in_dialog(method).add("Contact", f"<{self.phone.contact}>")
            request.headers += headers
            if body:
                request.add("Content-Type", content_type).body = body
            self.phone.ask(request, self._hop(), keep_final(finals))

        self.phone.do(ask)
        return wait_for(lambda: finals and finals[0], timeout, f"a final response to {method}")

    def send_batch(self, batch: int, packets: int, reports: int) -> None:
        """Begin to send media; `media.idle` says when all of it is out."""
        self.phone.do(lambda: self.media.begin(batch, packets, reports, time.monotonic()))

    def stop_sending(self) -> None:
        self.phone.do(self.media.stop)

    def report(self) -> dict[str, Any]:
        heard = {str(b): {"rtp": h.rtp, "rtcp": h.rtcp, "repeated": h.repeated} for b, h in self.media.heard.items()}
        return {
            "outgoing": self.is_outgoing, "history": self.history, "status": self.status, "cause": self.cause,
            "sent": {f"{kind} {batch}": n for (kind, batch), n in self.media.sent.items()},
            "heard": heard, "other": self.media.other,
            "sources": [[kind, *source, n] for (kind, source), n in self.media.sources.items()],
        }  # fmt: skip

    def __str__(self) -> str:
        return f"{self.phone.account.user}'s {'outgoing' if self.is_outgoing else 'incoming'} call ({self.state})"

    # Outgoing.

    @classmethod
    def outgoing(cls, phone: Softphone, uri: str, headers: tuple[tuple[str, str], ...] = ()) -> PhoneCall:
        request = phone.request("INVITE", uri, uri)
        call = cls(phone, True, request.get("call-id"))
        request.add("Contact", f"<{phone.contact}>").add(
            "Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, UPDATE, INFO"
        )
        request.headers += headers
        request.add("Content-Type", "application/sdp").body = call._sdp("sendrecv")
        call.invite, call._peer = request, phone.account.proxy
        call._local = request.get("from")
        phone.calls.append(call)
        phone.ask(request, call._peer, call._progress)
        return call

    def _progress(self, reply: SipMessage) -> None:
        """A response to our first INVITE."""
        tag = reply.tag("to")
        if reply.status < 200:
            if tag and tag not in self.early_tags:
                self.early_tags.append(tag)
            if self.state in ("calling", "ringing", "early") and reply.status > 100:
                if reply.body:
                    self._described(reply)
                self._become("early" if reply.body else "ringing")
        elif reply.status < 300:
            if self.status == 200 and reply.get("to") != self._remote:
                self._decline(reply)
                return
            if self.status == 200:  # the 200 once more: our ACK was lost
                self.phone.send(*self._ack)
                return
            self.status = reply.status
            self._remote, self._target = reply.get("to"), uri_of(reply.get("contact"))
            self._routes = reply.all("record-route")[::-1]
            self._described(reply)
            self._cseq = int(reply.get("cseq").split()[0])
            self._acknowledge(reply)
            self._become("up")
        else:
            self.status = reply.status
            self._become("ended", reply.start)

    def _acknowledge(self, reply: SipMessage) -> None:
        ack = self._in_dialog("ACK", int(reply.get("cseq").split()[0]))
        self._ack = (ack, self._hop())
        self.phone.send(*self._ack)

    def _decline(self, reply: SipMessage) -> None:
        """Another branch of a forked call was answered too: acknowledge it and hang it up (RFC 3261 section
        13.2.2.4)."""
        kept = self._remote, self._target, self._routes
        self._remote, self._target = reply.get("to"), uri_of(reply.get("contact"))
        self._routes = reply.all("record-route")[::-1]
        self.phone.send(self._in_dialog("ACK", int(reply.get("cseq").split()[0])), self._hop())
        if reply.tag("to") not in self.declined_tags:
            self.declined_tags.append(reply.tag("to"))
            self.phone.ask(self._in_dialog("BYE"), self._hop(), lambda _: None)
        self._remote, self._target, self._routes = kept

    def _cancel(self) -> None:
        sent = next(
            t.message
            for t in reversed(self.phone.trace)
            if t.sent and t.message.method == "INVITE" and t.message.get("call-id") == self.call_id
        )
        cancel = SipMessage(f"CANCEL {sent.uri} SIP/2.0")
        wanted = ("via", "max-forwards", "route", "from", "to", "call-id")
        cancel.headers = [(n, v) for n, v in sent.headers if n.lower() in wanted]
        cancel.add("CSeq", f"{sent.get('cseq').split()[0]} CANCEL")
        self.phone.ask(cancel, self._peer, lambda _: None)

    # Incoming.

    @classmethod
    def incoming(cls, phone: Softphone, request: SipMessage, peer: Peer) -> PhoneCall:
        call = cls(phone, False, request.get("call-id"))
        call.invite, call._peer = request, peer
        call._local, call._remote = f"{request.get('to')};tag={call._to_tag}", request.get("from")
        call._routes, call._target = request.all("record-route"), uri_of(request.get("contact"))
        call._described(request)
        phone.calls.append(call)  # only now: others may look at it at once
        manner = phone.on_invite
        if manner == "busy":
            call._refuse("486 Busy Here")
        elif manner == "early":
            call._provisional("183 Session Progress", call._answer())
        elif manner != "silent":
            call._provisional("180 Ringing", b"")
        if manner == "answer":
            call._accept()
        return call

    def requested(self, request: SipMessage, peer: Peer) -> bool:
        """A request with this call's Call-ID. False if it is none of this call's."""
        method = request.method
        if method == "CANCEL":
            self.phone.reply(request, peer, "200 OK", self._to_tag)
            if self.state in ("ringing", "early"):
                self._refuse("487 Request Terminated", "cancelled there")
        elif method == "ACK":
            self._acked.add(int(request.get("cseq").split()[0]))
        elif method == "BYE" and self.state != "calling":
            self.phone.reply(request, peer, "200 OK", self._to_tag)
            self._become("ended", "hung up there")
        elif method == "INVITE" and request.tag("to") and self.state == "up":
            self._reinvited(request, peer)
        elif method == "REFER":
            self.phone.reply(request, peer, "202 Accepted", self._to_tag)
        elif method in ("INFO", "OPTIONS", "NOTIFY", "UPDATE", "MESSAGE"):
            self.phone.reply(request, peer, "200 OK", self._to_tag)
        else:
            return False
        return True

    def _provisional(self, status: str, body: bytes) -> None:
        self.phone.reply(self.invite, self._peer, status, self._to_tag, body)
        self._become("early" if body else "ringing")

    def _accept(self) -> None:
        self._repeat_until_acked(self.invite, self._peer, self._answer())
        self.status = 200
        self._become("up")

    def _refuse(self, status: str, cause: str = "refused here") -> None:
        self.phone.reply(self.invite, self._peer, status, self._to_tag)
        self.status = int(status.split()[0])
        self._become("ended", cause)

    def _reinvited(self, request: SipMessage, peer: Peer) -> None:
        self._described(request)
        self._target = uri_of(request.get("contact")) or self._target
        self._repeat_until_acked(request, peer, self._answer())

    def _repeat_until_acked(self, request: SipMessage, peer: Peer, body: bytes) -> None:
        """A 200 to an INVITE is sent again until its ACK comes (RFC 3261 section 13.3.1.4)."""
        response = self.phone.reply(request, peer, "200 OK", self._to_tag, body)
        number = int(request.get("cseq").split()[0])
        began = time.monotonic()

        def again(wait: float) -> None:
            if number in self._acked or self.state == "ended":
                return
            if time.monotonic() - began > GIVE_UP:
                self.phone.faults.append(f"{self}: no ACK came")
                return
            self.phone.send(response, peer)
            self.phone.later(min(wait * 2, 4.0), lambda: again(wait * 2))

        self.phone.later(0.5, lambda: again(0.5))

    # Both.

    def _in_dialog(self, method: str, cseq: int = 0) -> SipMessage:
        if not cseq:
            self._cseq += 1
        message = SipMessage(f"{method} {self._target} SIP/2.0")
        message.add("Via", self.phone.via()).add("Max-Forwards", "70")
        for route in self._routes:
            message.add("Route", route)
        message.add("From", self._local).add("To", self._remote).add("Call-ID", self.call_id)
        return message.add("CSeq", f"{cseq or self._cseq} {method}")

    def _hop(self) -> Peer:
        return self.phone.next_hop(self._routes, self._target)

    def _sdp(self, direction: str) -> bytes:
        self._sdp_version += 1
        if self.phone.describes is not None:
            return self.phone.describes(self.offered)
        port = self.media.rtp.getsockname()[1]
        address = self.phone.address
        return Sdp((address, port), (address, port + 1), direction, self._session, self._sdp_version).encode()

    def _answer(self) -> bytes:
        offered = self.remote_sdp.direction if self.remote_sdp else "sendrecv"
        self.direction = _MIRROR[offered]
        return self._sdp(self.direction)

    def _described(self, message: SipMessage) -> None:
        if message.body:
            self.remote_sdp, self.offered = Sdp.parse(message.body), message.body
            self.media.remote = (self.remote_sdp.rtp, self.remote_sdp.rtcp)

    def _become(self, state: str, cause: str = "") -> None:
        """Another thread that sees the state sees its cause and the history, too."""
        if self.state != state:
            self.cause = cause
            self.history.append(state)
            self.state = state
            if state == "ended":
                self.media.stop()
