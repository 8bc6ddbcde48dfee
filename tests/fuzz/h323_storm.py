"""A storm of H.323: terminals, gatekeeper, called parties and strangers say what is half true and half spoilt.

What they say is spoilt after it was made of what the border had told them, so that it gets deep: answers, calls that
were given leave, messages inside calls, channels; connections break, and streams bring no packets at all. What comes by
a connection goes through the framer, as it does on the wire.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.message import BadMessage
from sbc.core.orders import HangUp, Listener, Order, Send
from sbc.core.registry import Arrival
from sbc.h323.codec import Message, Wire, build_control, build_ras, build_signal, decode
from sbc.octets.tpkt import TpktFramer
from tests import h323_calls as h323
from tests.fuzz.gale import Gale, Saying
from tests.fuzz.h323_mutate import packed, spoilt
from tests.h323_messages import ALL

TERMINALS = tuple(Address(f"203.0.113.{11 + n % 9}", 40001 + n // 9) for n in range(36))
STRANGER = Address("198.51.100.66", 1719)
CALLED = Address(h323.GATEKEEPER.host, h323.CALLS)
CONFIRMS = {
    "disengageRequest": "disengageConfirm",
    "unregistrationRequest": "unregistrationConfirm",
    "resourcesAvailableIndicate": "unregistrationConfirm",
    "infoRequestResponse": "infoRequestAck",
    "serviceControlIndication": "serviceControlResponse",
}
REJECTS = {
    "gatekeeperRequest": ("gatekeeperReject", {"protocolIdentifier": h323.PROTOCOL}),
    "registrationRequest": ("registrationReject", {"protocolIdentifier": h323.PROTOCOL}),
    "admissionRequest": ("admissionReject", {}),
    "disengageRequest": ("disengageReject", {}),
}
_CONTROL = [
    build_control("indication", "userInput", ("alphanumeric", "1"), tpkt=False),
    build_control("request", "roundTripDelayRequest", {"sequenceNumber": 1}, tpkt=False),
    build_control("request", "terminalCapabilitySet", {
        "sequenceNumber": 1, "protocolIdentifier": (0, 0, 8, 245, 0, 13)}, tpkt=False),
    build_control("request", "closeLogicalChannel", {
        "forwardLogicalChannelNumber": 1, "source": ("user", 0)}, tpkt=False),
    build_control("command", "endSessionCommand", ("disconnect", 0), tpkt=False),
]  # fmt: skip


@attrs.frozen
class Told:
    """A message of the border's as somebody got it."""

    message: Message
    at: Address
    listener: Listener


class H323Storm(Gale):
    """Terminals and gatekeeper. `worst` is the longest that the border took for one message, in seconds of processor
    time, and which that was."""

    def __init__(self, border: Border, seed: int) -> None:
        super().__init__(border, seed)
        self.outside.other = self._other
        self.worst: tuple[float, bytes] = (0.0, b"")
        self.seeds = [data for _, data in ALL]
        self._told: dict[str, deque[Told]] = {name: deque(maxlen=40) for name in border.plan.realms}
        self._live: dict[tuple[Listener, Address], TpktFramer] = {}  # connections
        self._known: deque[tuple[Address, str]] = deque(maxlen=60)  # who is registered where, and as what
        self._asked: dict[bytes, Address] = {}  # who has asked for leave for a call
        self._leave: deque[tuple[Address, bytes]] = deque(maxlen=30)  # who has it

    def settle(self) -> list[str]:
        """Every connection ends, too."""
        registry = self.outside.border.registry
        for listener, peer in list(self._live):
            self._break(listener, peer)
        left = super().settle()
        left += [f"{len(registry.promises)} promises"] if len(registry.promises) else []
        left += [f"{len(registry.ties.all())} ties"] if registry.ties.all() else []
        for table in (*self._told.values(), self._known, self._asked, self._leave, self._live):
            table.clear()
        return left

    def _arrive(self, listener: Listener, source: Address, data: bytes) -> None:
        """As the wire would bring it, and timed."""
        began = time.process_time()
        if listener.reliable:
            self._stream(listener, source, data)
        elif data:
            self.outside.receive(listener, source, data)
        took = time.process_time() - began
        if took > self.worst[0]:
            self.worst = took, data

    def _stream(self, listener: Listener, source: Address, data: bytes) -> None:
        framer = self._live.setdefault((listener, source), TpktFramer())
        framed = framer.feed(data)
        for each in framed.messages:
            self.outside.receive(listener, source, each)
        if framed.broken is not None:
            self.counted["broken"] += 1
            at = Arrival(listener, source, b"", self.outside.now)
            self.outside.carry_out(self.outside.border.unframed(at, framed.broken))
            self._break(listener, source)
        elif framer.partial and self.random.random() < 0.9:  # nobody waits for the rest for ever
            self._break(listener, source)

    def _break(self, listener: Listener, peer: Address) -> None:
        self._live.pop((listener, peer), None)
        orders = self.outside.border.unreachable(listener, peer, "the connection is lost", self.outside.now)
        self.outside.carry_out(orders)

    def _other(self, order: Order) -> None:
        if isinstance(order, HangUp) and self._live.pop((order.listener, order.peer), None):
            self.counted["hung up"] += 1

    def _hear(self, send: Send) -> None:
        self.counted["heard"] += 1
        if send.listener.reliable:
            self._live.setdefault((send.listener, send.to), TpktFramer())
        wire = Wire.SIGNAL if send.listener.reliable else Wire.RAS
        told = Told(decode(send.data, wire), send.to, send.listener)  # what the border says can be read, always
        self._told[send.listener.realm].append(told)
        message = told.message
        if message.name == "admissionConfirm":
            self.counted["admitted"] += 1
        elif message.name in ("connect", "setup", "registrationConfirm"):
            self.counted[message.name] += 1
        if message.name == "registrationConfirm" and send.listener.realm == "access":
            self._known.append((send.to, str(message.value["endpointIdentifier"])))

    # -- what is said next

    def _next(self) -> Saying:
        random = self.random
        kind = random.random()
        if kind < 0.04 and self._recent:
            self.counted["repeated"] += 1
            return self._still(*random.choice(self._recent))
        if kind < 0.05 and self._live:
            self._break(*random.choice(list(self._live)))
        realm = random.choice(tuple(self._told))
        if kind < 0.2:
            self.counted["spoilt"] += 1
            data = spoilt(random.choice(self.seeds), random, self.seeds, random.choice((1, 1, 2, 4)))
            return self._stray(realm, data)
        try:
            listener, source, data = self._made(realm)
        except (BadMessage, KeyError, ValueError, TypeError, AttributeError, IndexError, AssertionError):
            # what the border had to pass on was spoilt, and these simple hands cannot answer it
            self.counted["unanswerable"] += 1
            return self._stray(realm, random.choice(self.seeds))
        listener, source, data = self._still(listener, source, data)
        if random.random() < 0.3:
            self.counted["spoilt"] += 1
            data = spoilt(data, random, self.seeds, random.choice((1, 1, 2, 5)))
        if not listener.reliable and random.random() < 0.04:  # whoever moves, or pretends
            source = self._source(realm)
        return listener, source, data

    def _still(self, listener: Listener, source: Address, data: bytes) -> Saying:
        """The same, where its listener, or the connection that we had made, is still there; else at one that is."""
        if listener.lane and (listener, source) not in self._live:
            return self._stray(listener.realm, data)
        if listener.shared not in self.outside.listeners:
            return self._stray(listener.realm, data)
        return listener, source, data

    def _stray(self, realm: str, data: bytes) -> Saying:
        """Somebody says that on what is open to all."""
        ras, calls = self.outside.border.plan.realms[realm].listeners[:2]
        if data[:2] != b"\x03\x00" and self.random.random() < 0.97:
            return ras, self._source(realm), data
        source = self._source(realm)._replace(port=self.random.randrange(1024, 60_000))
        known = [peer for listener, peer in self._live if listener == calls]
        if known and self.random.random() < 0.6:
            source = self.random.choice(known)
        return calls, source, data if data[:1] == b"\x03" else packed(data[:60_000])

    def _source(self, realm: str) -> Address:
        random = self.random
        if realm == "core":
            return STRANGER if random.random() < 0.1 else h323.GATEKEEPER
        if random.random() < 0.02:
            return Address(f"203.0.{random.randrange(256)}.{random.randrange(256)}", random.randrange(1, 65536))
        return random.choice(TERMINALS)

    def _made(self, realm: str) -> Saying:
        random = self.random
        if self._told[realm] and random.random() < 0.6:
            told = self._heard_last(realm) if random.random() < 0.75 else random.choice(self._told[realm])
            return told.listener, told.at, self._answer(told, realm)
        return self._asked_by_terminal() if realm == "access" else self._asked_by_gatekeeper()

    def _heard_last(self, realm: str) -> Told:
        """What was heard last and not answered, in a call rather than else."""
        heard = self._told[realm]
        told = next((each for each in reversed(heard) if each.listener.reliable), heard[-1])
        if self.random.random() < 0.4:
            told = heard[-1]
        heard.remove(told)
        return told

    def _asked_by_terminal(self) -> Saying:
        random, number = self.random, self.counted["said"] % 65_535 + 1
        ras, calls = self.outside.border.plan.realms["access"].listeners[:2]
        which = random.randrange(len(TERMINALS))
        source, name = TERMINALS[which], "1_endp"
        if self._known and random.random() < 0.9:
            source, name = random.choice(self._known)
        own = Address("192.168.1.10", 10_000 + which)
        alias = [("h323-ID", f"user{which}"), ("dialledDigits", f"{which}")]
        kind = random.random()
        if kind < 0.25:
            lives = random.choice((1, 60, 300, 300, 4_000_000_000))
            said = h323.rrq(number, own, own._replace(port=own.port + 10_000), terminalAlias=alias, timeToLive=lives)
            return ras, TERMINALS[which], said
        if kind < 0.5:
            guid = random.randbytes(16)
            self._asked[guid] = source
            return ras, source, h323.arq(number, name, callIdentifier={"guid": guid})
        if kind < 0.85 and self._leave:
            source, guid = random.choice(self._leave)
            fast, more = random.random() < 0.8, self._control_place(own.host)
            said = h323.setup(own, reference=number % 32_768, fast=fast, callIdentifier={"guid": guid}, **more)
            return calls, source._replace(port=random.randrange(1024, 60_000)), said
        made: Callable[[], bytes] = random.choice(
            (
                lambda: h323.grq(number, own),
                lambda: h323.keepalive(number, name),
                lambda: h323.keepalive(number, name),
                lambda: h323.urq(number, name, own),
                lambda: h323.drq(number, name),
                lambda: build_ras("infoRequest", {"requestSeqNum": number, "callReferenceValue": 0}),
                lambda: build_ras("nonStandardMessage", {"requestSeqNum": number, "nonStandardData": {
                    "nonStandardIdentifier": ("object", (1, 2, 3)), "data": bytes(20)}}),
            )
        )  # fmt: skip
        return ras, source, made()

    def _asked_by_gatekeeper(self) -> Saying:
        random, number = self.random, self.counted["said"] % 65_535 + 1
        own = sorted(
            (each for each in self.outside.listeners if each.realm == "core"),
            key=lambda each: (each.address, each.transport),
        )
        listener = random.choice(own)
        name = random.choice(self._known)[1] if self._known else "1_endp"
        if listener.reliable:
            called = ("dialledDigits", f"{random.randrange(len(TERMINALS))}")
            said = h323.setup(CALLED, listener.address, number % 32_768, destinationAddress=[called],
                              callIdentifier={"guid": random.randbytes(16)})  # fmt: skip
            return listener, CALLED._replace(port=random.randrange(1024, 60_000)), said
        said = random.choice(
            (
                build_ras("infoRequest", {"requestSeqNum": number, "callReferenceValue": 0}),
                h323.drq(number, name),
                h323.urq(number, name, listener.address),
                h323.grq(number, h323.GATEKEEPER),
            )
        )
        return listener, h323.GATEKEEPER, said

    def _answer(self, told: Told, realm: str) -> bytes:
        if told.listener.reliable:
            return self._signal(told, realm)
        message, random = told.message, self.random
        name, data, number = message.name, message.data, {"requestSeqNum": message.value["requestSeqNum"]}
        kind = random.random()
        if kind < 0.06:
            return build_ras("requestInProgress", {**number, "delay": random.choice((1, 5000, 65535))})
        if kind < 0.1:
            return build_ras("unknownMessageResponse", number)
        if kind < 0.18 and name in REJECTS:
            reject, more = REJECTS[name]
            return build_ras(reject, {**number, **more, "rejectReason": ("resourceUnavailable", 0)})
        if name == "registrationRequest":
            return h323.rcf(data, f"{self.counted['said']}_endp")
        if name == "admissionRequest":
            guid = message.value["callIdentifier"]["guid"]
            if guid in self._asked:
                self._leave.append((self._asked.pop(guid), guid))
            return h323.acf(data, CALLED)
        if name == "gatekeeperRequest":
            return build_ras("gatekeeperConfirm", {**number, "protocolIdentifier": h323.PROTOCOL,
                                                   "rasAddress": h323.ip(h323.GATEKEEPER)})  # fmt: skip
        if name == "infoRequest":
            return build_ras("infoRequestResponse", {**number, "endpointType": h323.endpoint(), "callSignalAddress": [],
                             "endpointIdentifier": "x", "rasAddress": h323.ip(h323.TERMINAL_RAS)})  # fmt: skip
        return build_ras(CONFIRMS[name], number)

    def _signal(self, told: Told, realm: str) -> bytes:
        """What comes next on a connection: of who was called, or of the caller."""
        random, message = self.random, told.message
        head = message.q931
        assert head is not None
        host = "192.168.1.10" if realm == "access" else CALLED.host
        back = not head.from_destination
        kind = random.random()
        if head.name == "setup":
            name = random.choice(("callProceeding", "alerting", "progress", "connect", "connect", "connect"))
            if kind < 0.75:
                more = self._control_place(host) if name != "progress" else {}
                return h323.said_back(name, message.data, host if random.random() < 0.7 else "", **more)
            return h323.release(message.data, random.choice((16, 17, 34, 41)), back=True)
        if kind < 0.12:
            return h323.release(message.data, 16, back=back)
        if kind < 0.25:
            return build_signal(
                random.choice(("statusInquiry", "notify", "information", "status")), head.call_reference, back
            )
        channel = self._channel(host)
        if random.random() < 0.3:  # it wants its media with a number before it
            at = h323.media(Address(host, random.randrange(1024, 65_000)))
            channel = h323.asking(channel, multiplexID=random.getrandbits(32), multiplexedMediaChannel=at)
        control = random.choices((*_CONTROL, channel), k=random.choice((1, 1, 2, 4)))
        if random.random() < 0.4:
            control = [spoilt(each, random, _CONTROL, 1) for each in control]
        return h323.tunnel(message.data, control, back=back)

    def _control_place(self, host: str) -> dict[str, Any]:
        """Now and then a party says where it takes H.245."""
        if self.random.random() < 0.7:
            return {}
        return {"h245Address": h323.ip(Address(host, self.random.randrange(1024, 65_000)))}

    def _channel(self, host: str) -> bytes:
        """A proposal for a channel, or the answer to one."""
        random = self.random
        rtp = Address(host, random.randrange(1024, 65_000))
        number, session = random.randrange(1, 9), random.choice((1, 1, 1, 2, 3, 9))
        parameters = {"sessionID": session, "mediaControlChannel": h323.media(rtp._replace(port=rtp.port + 1))}
        if random.random() < 0.4:
            said = {"forwardLogicalChannelNumber": number, "forwardMultiplexAckParameters": (
                "h2250LogicalChannelAckParameters", {**parameters, "mediaChannel": h323.media(rtp)})}  # fmt: skip
            return build_control("response", "openLogicalChannelAck", said, tpkt=False)
        flow = random.choice((("audioData", ("g711Alaw64k", 20)), ("nullData", 0)))
        towards = {"dataType": flow, "multiplexParameters": ("h2250LogicalChannelParameters", parameters)}
        opened = {"forwardLogicalChannelNumber": number, "forwardLogicalChannelParameters": towards}
        return build_control("request", "openLogicalChannel", opened, tpkt=False)
