"""Conversations of H.248 in memory: gateways that a controller commands, by text or binary, through a border."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.binding import Binding
from sbc.core.call import Call
from sbc.core.message import Intent, Role
from sbc.core.orders import Listener, Order, Send
from sbc.core.realm import Signaling
from sbc.h248.dialect import H248Dialect
from sbc.h248.message import H248Message
from tests.h248_words import (
    LINE,
    WRITERS,
    command,
    media,
    message,
    registration,
    reply,
    sdp,
    transaction,
)
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, make_plan, of

GATEWAY = Address(PHONE.host, 2944)
FAR = Address("198.51.100.77", 6000)
"""Where the controller lets media go: another gateway in the core."""
NEAR = Address(PHONE.host, 4000)
RTP = b"rtp/1"
DIALECT = H248Dialect()


def gateway_rig(**plan: Any) -> Rig:
    """A rig in which every gateway has a port of its own."""
    return Rig.make(DIALECT, make_plan("h248", signaling=Signaling.PORT_PER_TERMINAL, **plan))


@attrs.define
class Gateway:
    """A gateway in a rig: where it is seen, the port of ours that it is at for the controller, how it speaks, what it
    and its controller call themselves."""

    rig: Rig
    at: Address
    own: Listener
    wire: str = "text"
    mid: bytes | Address = GATEWAY
    controller: bytes | Address = SOFTSWITCH

    @property
    def binding(self) -> Binding:
        port = self.rig.border.registry.terminal_ports.find(self.own)
        assert port is not None and port.binding is not None
        return port.binding

    @property
    def calls(self) -> list[Call]:
        return self.rig.border.registry.members.of(self.binding.id)

    def name(self, termination: bytes) -> bytes:
        """What a termination is called by the core."""
        return termination if self.wire == "text" else termination.hex().encode()

    def ask(self, *bodies: bytes, source: Address = SOFTSWITCH) -> list[Order]:
        """The controller asks it, or answers."""
        data = WRITERS[self.wire](message(self.controller, *bodies))
        return self.rig.from_core(data, source, at=self.own)

    def say(self, *bodies: bytes) -> list[Order]:
        """It says something."""
        return self.rig.from_access(WRITERS[self.wire](message(self.mid, *bodies)), self.at)

    def told(self, orders: list[Order]) -> list[bytes]:
        """What it is sent."""
        return [each.data for each in of(Send, orders) if each.to == self.at]

    def heard(self, orders: list[Order]) -> list[bytes]:
        """What its controller is sent in its name."""
        return [each.data for each in of(Send, orders) if each.listener == self.own]

    def add(self, number: int = 10, context: bytes | int = b"$", remote: Address | None = None) -> H248Message:
        """The controller has a line and an RTP termination put into a context. What the gateway gets of that."""
        far = sdp(remote.host, remote.port) if remote is not None else b""
        line, rtp = command(b"Add", LINE), command(b"Add", b"$", media(local=sdp(), remote=far))
        return read(*self.told(self.ask(transaction(number, context, line, rtp))))

    def added(self, asked: H248Message, context: int = 5, near: Address = NEAR, name: bytes = RTP) -> list[Order]:
        """Its answer to that."""
        local = command(b"Add", name, media(local=sdp(near.host, near.port)))
        return self.say(reply(asked.transaction, context, command(b"Add", LINE), local))

    def call(self, context: int = 5, remote: Address | None = None) -> Call:
        """A call that is up."""
        self.added(self.add(remote=remote), context)
        (call,) = self.calls
        return call

    def modify(self, number: int = 20, context: int = 5, remote: Address = FAR, name: bytes = RTP) -> list[Order]:
        """The controller says where media is to go."""
        far = sdp(remote.host, remote.port)
        return self.ask(transaction(number, context, command(b"Modify", name, media(remote=far))))

    def subtract(self, number: int = 30, context: int = 5) -> H248Message:
        """The controller has both terminations taken out."""
        gone = (command(b"Subtract", LINE), command(b"Subtract", RTP, b"Audit { Statistics }"))
        return read(*self.told(self.ask(transaction(number, context, *gone))))


def gateway(
    rig: Rig | None = None, at: Address = NAT, wire: str = "text", mid: bytes | Address = GATEWAY, number: int = 1
) -> Gateway:
    """A gateway that has registered."""
    rig = rig or gateway_rig()
    sent = registers(rig, at, wire, mid, number)
    found = Gateway(rig, at, sent.listener, wire, mid)
    found.ask(answer_to(sent.data))
    return found


def registers(
    rig: Rig, at: Address, wire: str = "text", mid: bytes | Address = GATEWAY, number: int = 1, *how: bytes
) -> Send:
    """A gateway asks to be registered. What goes on to its controller."""
    data = WRITERS[wire](message(mid, registration(number, *how)))
    (sent,) = [each for each in of(Send, rig.from_access(data, at)) if each.listener.realm == "core"]
    return sent


def answer_to(sent: bytes, services: bytes = b"Services { Version = 1 }") -> bytes:
    """The controller's yes to a registration."""
    return reply(read(sent).transaction, b"-", command(b"ServiceChange", b"ROOT", services))


def read(*data: bytes) -> H248Message:
    """The one message."""
    (only,) = data
    return DIALECT.decode(only).message


def meaning(*data: bytes) -> Intent:
    """What the one message means by itself."""
    (only,) = data
    return DIALECT.describe(DIALECT.decode(only))


def places(*data: bytes) -> list[Address]:
    """The media addresses in the one message."""
    (only,) = data
    return [each.place.address for each in DIALECT.slots(DIALECT.decode(only)) if each.role is Role.RTP]
