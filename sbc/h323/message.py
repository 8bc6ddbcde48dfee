"""A message as the dialect's functions hand it on: the codec's, and what is to be done to it when it is written."""

from __future__ import annotations

from copy import copy
from typing import Any

import attrs

from sbc.core.message import BadMessage
from sbc.h323.carried import wrap
from sbc.h323.codec import Message, Spot, Wire, decode
from sbc.h323.features import Answered, answered, has_ours
from sbc.h323.narrow import Narrowing, narrowed
from sbc.h323.pinholes import Offer, offered, said_of_calls
from sbc.h323.securing import Securing, secured


@attrs.define(eq=False)
class H323Message:
    """The codec's `message`; `lifetime` are the seconds to be put in where it says none, `features` what it is to say
    of those. `pinholes`: what it is to say of how media's way is kept open; None where it need not be looked at.
    `narrowing`: what is to be left of what it proposes, or could take; None where all is. `securing`: how its channels
    are said to be secured; None where that stays as it is.
    `remarks` are what is to be said of it when it has crossed, each a fixed word and why. `carried`: it is RAS that
    goes by a connection; `came` is the packet that it came in."""

    message: Message
    lifetime: int | None = None
    features: Answered | None = None
    pinholes: Offer | None = None
    carried: bool = False
    came: bytes = b""
    narrowing: Narrowing | None = None
    securing: Securing | None = None
    remarks: list[tuple[str, str]] = attrs.field(factory=list)

    @property
    def name(self) -> str:
        """What it is: ``registrationRequest``, ``setup``."""
        return self.message.name

    @property
    def value(self) -> Any:
        """What it says, as the recommendation calls it."""
        return self.message.value

    def put(self, spot: Spot, value: Any) -> None:
        """Write a value at a spot. @raises BadMessage where that would lose something else."""
        try:
            self.message.put(spot, value)
        except ValueError as error:
            raise BadMessage(str(error)) from error

    def take_out(self, spot: Spot) -> None:
        """Take out what stands at a spot, which may be missing. @raises BadMessage where that would lose something
        else."""
        try:
            self.message.take_out(spot)
        except ValueError as error:
            raise BadMessage(str(error)) from error

    @property
    def changed(self) -> bool:
        """Whether anything in it is other than it came."""
        return self.message.changed or self.narrowing is not None or self.securing is not None

    def encode(self) -> bytes:
        """Its octets. @raises BadMessage."""
        data = self._inner()
        if not self.carried:
            return data
        return self.came if self.came and data == self.message.data else wrap(data)

    def _secured(self, data: bytes, wanted: Securing) -> bytes:
        try:
            return secured(data, wanted, self.message.resized)
        except ValueError as error:  # as it is it would say keys of the other side
            raise BadMessage(str(error)) from error

    def _inner(self) -> bytes:
        data = self.message.encode()
        if self.securing is not None:
            data = self._secured(data, self.securing)
        if self.narrowing is not None:
            data = narrowed(data, self.narrowing, self.message.resized)
        if self.pinholes is not None:
            return said_of_calls(offered(data, self.pinholes) if self.pinholes.put else data, self.pinholes)
        if self.features is not None:
            data = _with_features(data, self.features)
        return data if self.lifetime is None else _with_lifetime(data, self.lifetime)


def _with_lifetime(data: bytes, seconds: int) -> bytes:
    """The RAS message with a timeToLive, which it has not: that moves other things, so it is encoded anew. Where that
    would lose something it stays as it is: then its receiver believes what it believes."""
    message, name, value = _ras(data)
    value["timeToLive"] = seconds
    return _anew(message, name, value) or data


def _with_features(data: bytes, answer: Answered) -> bytes:
    """The RAS message with other features, encoded anew. Where that would lose something none is put in, and if it has
    any of ours, it loses all: the other side may do without, but must not be offered what it cannot answer."""
    message, name, value = _ras(data)
    found = _anew(message, name, answered(value, answer))
    if found is None and has_ours(value) and message.pdu is not None:
        message.drop_addition(message.pdu, (name, "featureSet"))
        return message.encode()
    return found or data


def _ras(data: bytes) -> tuple[Message, str, dict[str, Any]]:
    message = decode(data, Wire.RAS)
    if message.pdu is None:
        raise BadMessage("no RAS message")
    name, value = message.pdu.whole
    return message, name, copy(value)


def _anew(message: Message, name: str, value: Any) -> bytes | None:
    assert message.pdu is not None
    try:
        message.rebuild(message.pdu, (name, value))
    except ValueError:
        return None
    return message.encode()
