"""A SIP phone for exact assertions: registers, calls, answers, holds, cancels, talks, and keeps every message it sent
and got.

It behaves like an ordinary phone that knows nothing of NATs: Via, Contact and SDP hold its own address. It shares no
code with `sbc`. Each phone runs in a thread; its public methods may be called from any other and do not return before
the thread has done what they ask. From the command line (`python -m tests.netns.softphone --help`) it carries out a
list of steps and prints a report as JSON.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.netns.phone_loop import PhoneLoop, datagrams
from tests.netns.sip import (
    GIVE_UP,
    T1,
    T2,
    SipMessage,
    digest,
    first_of_each,
    host_port,
    keep_final,
    token,
    uri_of,
)
from tests.netns.waiting import PATIENCE, wait_for

if TYPE_CHECKING:
    from tests.netns.phone_call import PhoneCall

Peer = tuple[str, int]
MakeSocket = Callable[[int], socket.socket]


@dataclass(frozen=True)
class Trace:
    """A SIP datagram the phone sent or received."""

    time: float
    sent: bool
    peer: Peer
    data: bytes

    @property
    def message(self) -> SipMessage:
        return SipMessage.parse(self.data)


@dataclass
class _Asked:
    """A request of ours that waits for its final response."""

    request: SipMessage
    peer: Peer
    hear: Callable[[SipMessage], None]
    next_at: float
    deadline: float
    wait: float = T1
    repeat: bool = True
    final: bool = False


@dataclass
class Account:
    """Who the phone is: user, password and domain; `proxy` is where it sends what no dialog routes elsewhere."""

    user: str
    password: str
    domain: str
    proxy: Peer
    preload_route: bool = False  # write a Route to the proxy, as phones with an "outbound proxy" setting do
    headers: list[tuple[str, str]] = field(default_factory=list)  # added to every request outside a dialog

    @property
    def aor(self) -> str:
        return f"sip:{self.user}@{self.domain}"


class Softphone:
    """A phone. `make_socket(port)` gives a bound UDP socket (inside a namespace, or not); `address` is what it believes
    its own to be.

    `on_invite` says what it does with a call: "answer" (rings, then answers), "ring", "early" (183 with SDP), "busy"
    (486) or "silent".
    """

    def __init__(
        self,
        account: Account,
        address: str,
        make_socket: MakeSocket,
        port: int = 5060,
        media_port: int = 16384,
        on_invite: str = "answer",
    ) -> None:
        self.account, self.address, self.make_socket, self.on_invite = account, address, make_socket, on_invite
        self.sip = make_socket(port)
        self.sip.setblocking(False)
        self.port = int(self.sip.getsockname()[1])
        self.media_port = media_port
        self.instance = token()
        self._register_cseq = 0
        self.registered_for = 0  # seconds granted by the registrar
        self.calls: list[PhoneCall] = []
        self.describes: Callable[[bytes], bytes] | None = None  # its media, beside what it was offered, if not itself
        self.trace: list[Trace] = []
        self._asked: dict[tuple[str, str], _Asked] = {}
        self._answered: dict[tuple[str, str], SipMessage] = {}
        self.loop = PhoneLoop(f"phone {account.user}", self._tick, self._moments)
        self.faults = self.loop.faults  # what broke in the phone's own thread, or reached it malformed
        self.do, self.later, self.watch = self.loop.do, self.loop.later, self.loop.watch
        self.watch(self.sip, self._sip_readable)
        self.loop.start()

    # What a person at the phone does.

    def register(self, expires: int = 60, timeout: float = PATIENCE) -> SipMessage:
        """Register (or with `expires` 0 unregister), answering a challenge; the final response. TimeoutError without
        one."""
        finals: list[SipMessage] = []

        def ask() -> None:
            self._register_cseq += 2  # the challenged request takes one, its repetition the next (section 10.2.4)
            uri, name = f"sip:{self.account.domain}", f"reg-{self.instance}"
            request = self.request("REGISTER", uri, self.account.aor, name, self._register_cseq)
            request.add("Contact", f"<{self.contact}>").add("Expires", str(expires))
            self.ask(request, self.account.proxy, keep_final(finals))

        self.do(ask)
        reply = wait_for(lambda: finals and finals[0], timeout, f"{self.account.user} to register")
        granted = [v for v in reply.all("contact") if self.contact in v]
        self.registered_for = expires if reply.status == 200 and granted else 0
        return reply

    def dial(self, target: str, headers: tuple[tuple[str, str], ...] = ()) -> PhoneCall:
        """Call a user of the own domain or a SIP URI. Returns at once; wait for what is expected with the call's
        methods."""
        from tests.netns.phone_call import PhoneCall

        uri = target if target.startswith("sip:") else f"sip:{target}@{self.account.domain}"
        return self.do(lambda: PhoneCall.outgoing(self, uri, headers))

    def message(self, target: str, text: str, method: str = "MESSAGE", timeout: float = PATIENCE) -> SipMessage:
        """Send a request outside any dialog (MESSAGE, OPTIONS, ...) and return the final response."""
        finals: list[SipMessage] = []

        def ask() -> None:
            uri = f"sip:{target}@{self.account.domain}"
            request = self.request(method, uri, uri)
            request.add("Contact", f"<{self.contact}>")
            if text:
                request.add("Content-Type", "text/plain").body = text.encode()
            self.ask(request, self.account.proxy, keep_final(finals))

        self.do(ask)
        return wait_for(lambda: finals and finals[0], timeout, f"a final response to {method}")

    def wait_call(self, number: int = 0, timeout: float = PATIENCE) -> PhoneCall:
        """The phone's call with that number (0 is its first), incoming or outgoing, as soon as there is one."""
        return wait_for(
            lambda: len(self.calls) > number and self.calls[number], timeout, f"call {number} at {self.account.user}"
        )

    def received(self, method: str = "", status: int | None = None) -> list[Trace]:
        """What reached the phone: of a method (for responses, the one they answer), of a status (0: requests), or
        all. What came again, because somebody was slow to answer, counts once."""
        return first_of_each(
            one
            for one in list(self.trace)
            if not one.sent and method in ("", one.message.method) and status in (None, one.message.status)
        )

    def close(self) -> None:
        """Stop the phone without a word to anybody. RuntimeError if anything went wrong in it before."""
        self.loop.close()
        for call in self.calls:
            call.media.close()
        self.sip.close()
        if self.faults:
            raise RuntimeError(f"phone {self.account.user}: {self.faults}")

    def report(self) -> dict[str, Any]:
        """What happened, in values JSON knows."""
        return {
            "user": self.account.user,
            "registered_for": self.registered_for,
            "sip": [
                {"sent": t.sent, "peer": list(t.peer), "bytes": len(t.data), "start": t.message.start}
                for t in self.trace
            ],
            "calls": [call.report() for call in self.calls],
            "faults": self.faults,
        }

    # What calls ask of the phone, in its thread.

    @property
    def contact(self) -> str:
        return f"sip:{self.account.user}@{self.address}:{self.port}"

    def request(self, method: str, uri: str, to: str, call_id: str = "", cseq: int = 1) -> SipMessage:
        """A request outside a dialog, with a new Call-ID (that tells the phone's address, as phones' do) unless
        given."""
        message = SipMessage(f"{method} {uri} SIP/2.0")
        message.add("Via", self.via()).add("Max-Forwards", "70")
        if self.account.preload_route:
            message.add("Route", "<sip:{}:{};lr>".format(*self.account.proxy))
        message.add("From", f'"{self.account.user.title()}" <{self.account.aor}>;tag={token()}').add("To", f"<{to}>")
        message.add("Call-ID", f"{call_id or token()}@{self.address}").add("CSeq", f"{cseq} {method}")
        message.add("User-Agent", "lab softphone")
        message.headers += self.account.headers
        return message

    def via(self) -> str:
        return f"SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bK{token()};rport"

    def ask(
        self, request: SipMessage, peer: Peer, hear: Callable[[SipMessage], None], deadline: float = GIVE_UP
    ) -> None:
        """Send a request, repeat it as UDP needs, answer one challenge, and hand every other response to `hear`."""

        def answered(reply: SipMessage) -> None:
            if reply.status not in (401, 407) or any(n.endswith("uthorization") for n, _ in request.headers):
                hear(reply)
                return
            again = self.authorized(request, reply)
            self.ask(again, peer, hear, deadline)

        now = time.monotonic()
        self._asked[request.branch, request.method] = _Asked(request, peer, answered, now + T1, now + deadline)
        self.send(request, peer)

    def authorized(self, request: SipMessage, challenge: SipMessage) -> SipMessage:
        """The request once more, with credentials, the next CSeq and a new branch (RFC 3261 section 22.2)."""
        proxy = challenge.status == 407
        asked = challenge.get("proxy-authenticate" if proxy else "www-authenticate")
        value = digest(asked, request.method, request.uri, self.account.user, self.account.password)
        number = int(request.get("cseq").split()[0]) + 1
        fresh = {"Via": self.via(), "CSeq": f"{number} {request.method}"}
        again = SipMessage(request.start, [(n, fresh.get(n, v)) for n, v in request.headers], request.body)
        return again.add("Proxy-Authorization" if proxy else "Authorization", value)

    def send(self, message: SipMessage, peer: Peer) -> None:
        data = message.encode()
        self.trace.append(Trace(time.monotonic(), True, peer, data))
        self.sip.sendto(data, peer)

    def reply(self, request: SipMessage, peer: Peer, status: str, to_tag: str = "", body: bytes = b"") -> SipMessage:
        """Answer a request and keep the answer for its retransmissions."""
        response = SipMessage(f"SIP/2.0 {status}")
        response.headers = [(n, v) for n, v in request.headers if n.lower() in ("via", "v", "record-route")]
        for name in ("From", "To", "Call-ID", "CSeq"):
            value = request.get(name)
            response.add(name, f"{value};tag={to_tag}" if name == "To" and to_tag and not request.tag("to") else value)
        if response.method in ("INVITE", "UPDATE"):
            response.add("Contact", f"<{self.contact}>")
        if body:
            response.add("Content-Type", "application/sdp").body = body
        self._answered[request.branch, request.method] = response
        self.send(response, peer)
        return response

    def next_hop(self, routes: list[str], target: str) -> Peer:
        """Where a request inside a dialog goes (RFC 3261 section 12.2.1.1); to the proxy where that is a name."""
        host, port = host_port(uri_of(routes[0]) if routes else target)
        return (host, port) if host.replace(".", "").isdigit() or ":" in host else self.account.proxy

    # The loop.

    def _moments(self) -> Iterable[float]:
        yield from (asked.next_at for asked in self._asked.values() if not asked.final)
        yield from (call.media.due for call in self.calls if call.media.due is not None)

    def _tick(self, now: float) -> None:
        for call in self.calls:
            call.media.tick(now)
        for key, asked in list(self._asked.items()):
            if asked.final or asked.next_at > now:
                continue
            if now >= asked.deadline:
                del self._asked[key]
                asked.hear(SipMessage("SIP/2.0 408 no answer", [("CSeq", asked.request.get("cseq"))]))
            else:
                asked.wait = asked.wait * 2 if key[1] == "INVITE" else min(asked.wait * 2, T2)
                asked.next_at = min(now + asked.wait, asked.deadline)
                if asked.repeat:
                    self.send(asked.request, asked.peer)

    def _sip_readable(self, sock: socket.socket) -> None:
        for data, peer in datagrams(sock):
            if not data.strip():
                continue  # a keepalive
            self.trace.append(Trace(time.monotonic(), False, peer, data))
            message = SipMessage.parse(data)
            if message.status:
                self._response(message)
            else:
                self._requested(message, peer)

    def _response(self, reply: SipMessage) -> None:
        asked = self._asked.get((reply.branch, reply.method))
        if asked is None:
            self.faults.append(f"an answer to nothing: {reply.start} {reply.get('cseq')}")
            return
        if reply.status >= 300 and reply.method == "INVITE":
            self._acknowledge(asked, reply)
        repeated = asked.final and not (reply.method == "INVITE" and 200 <= reply.status < 300)
        asked.repeat = asked.repeat and reply.method != "INVITE"
        asked.final = asked.final or reply.status >= 200
        if not repeated:
            asked.hear(reply)

    def _acknowledge(self, asked: _Asked, reply: SipMessage) -> None:
        """ACK to a failure: same branch, same route, the To of the response (RFC 3261 section 17.1.1.3)."""
        ack = SipMessage(f"ACK {asked.request.uri} SIP/2.0")
        wanted = ("via", "max-forwards", "route", "from", "call-id")
        ack.headers = [(n, v) for n, v in asked.request.headers if n.lower() in wanted]
        ack.add("To", reply.get("to")).add("CSeq", f"{asked.request.get('cseq').split()[0]} ACK")
        self.send(ack, asked.peer)

    def _requested(self, request: SipMessage, peer: Peer) -> None:
        from tests.netns.phone_call import PhoneCall

        kept = self._answered.get((request.branch, request.method))
        if kept is not None:
            self.send(kept, peer)
            return
        for call in self.calls:
            if call.call_id == request.get("call-id") and call.requested(request, peer):
                return
        if request.method == "INVITE" and not request.tag("to"):
            PhoneCall.incoming(self, request, peer)
        elif request.method in ("OPTIONS", "NOTIFY", "MESSAGE", "INFO"):
            self.reply(request, peer, "200 OK", token())
        elif request.method != "ACK":
            self.reply(request, peer, "481 Call/Transaction Does Not Exist", token())


if __name__ == "__main__":
    from tests.netns.phone_cli import main

    main()
