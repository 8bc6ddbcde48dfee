"""One H.248 message as both codecs, text and binary, give it to the dialect: what it says, and marks of what may be
written in it (H.248.1, versions 1 to 3).

Each codec has ``decode(data)``, which gives an H248Message of one transaction; ``parts(data)``, which cuts a message of
several into such; and ``write(message)``, which gives the octets of one that was made and not read.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.core.word import Word

Mark = Any
"""A codec's own name for a spot in one of its messages, for `H248Message.edit` and `drop`; None where nothing came from
the wire. It is no part of what a message means: messages of both wires compare equal."""


class Wire(Enum):
    """How a message is written."""

    TEXT = "text"  # Annex B
    BINARY = "binary"  # Annex A: BER


class Body(Word):
    """What a message holds: one transaction, a part of one, or an error that is about a whole message."""

    REQUEST = "request"
    REPLY = "reply"
    PENDING = "pending"
    ACK = "ack"  # TransactionResponseAck: the replies that have arrived
    SEGMENT = "segment"  # SegmentReply: a segment of a reply that has arrived (version 3)
    ERROR = "error"


class Verb(Word):
    """The commands. Each value is the long token of the text encoding."""

    ADD = "Add"
    MOVE = "Move"
    MODIFY = "Modify"
    SUBTRACT = "Subtract"
    AUDIT_VALUE = "AuditValue"
    AUDIT_CAPABILITY = "AuditCapability"
    NOTIFY = "Notify"
    SERVICE_CHANGE = "ServiceChange"


class Form(Word):
    """The forms of a message identifier (MId), and of a ServiceChangeAddress, which may be a port alone."""

    IP4 = "ip4"
    IP6 = "ip6"
    DOMAIN = "domain"
    DEVICE = "device"
    MTP = "mtp"
    PORT = "port"


VERSIONS = range(1, 4)
"""The versions of the protocol that there are."""
NULL, CHOOSE, ALL = b"-", b"$", b"*"
"""The contexts that are none: no context, one the gateway is to choose, all there are."""
ROOT = b"root"
"""The termination that stands for the gateway itself, as `Termination.key` has it."""


@attrs.define
class Mid:
    """Where, or who, a sender says it is. `text` is how the text encoding writes it; of a binary one, how it would.

    `address` is the host, an IP literal in its canonical spelling or a domain name in lower case, and the port, 0 where
    none is given; None for device names and MTP point codes. Of a PORT the host is empty.
    """

    form: Form
    address: Address | None
    text: bytes = attrs.field(eq=False)
    name: bytes = b""  # the device name, or the MTP address in hexadecimal digits, in lower case
    at: Mark = attrs.field(default=None, eq=False, repr=False)


@attrs.define
class Termination:
    """A termination's name as it came; `key` is the same in lower case, for names mean the same in any.

    Binary identifiers that are not the root are written in hexadecimal digits. `choose`, `every`: whether a part of it
    is the wildcard ``$``, or ``*``.
    """

    name: bytes = attrs.field(eq=False)
    key: bytes
    choose: bool = False
    every: bool = False
    at: Mark = attrs.field(default=None, eq=False, repr=False)


@attrs.define
class Group:
    """One alternative of a description: a session description as text, beginning with its ``v=`` line, line ends as
    they came; nothing in it is escaped. Of a binary one, its properties (Annex C.11) as lines, each ended by CR LF.

    ``$`` stands for what the gateway is to choose. It is written (`H248Message.edit`) as a whole, by a text of the same
    kind. Two are equal whose lines are, whatever ends them.
    """

    text: bytes = attrs.field(eq=lambda text: [line.strip() for line in text.split(b"\n") if line.strip()])
    at: Mark = attrs.field(default=None, eq=False, repr=False)


@attrs.define
class Description:
    """A Local or Remote descriptor: its alternatives, best first; none where it is empty."""

    groups: tuple[Group, ...]
    at: Mark = attrs.field(default=None, eq=False, repr=False)


@attrs.define
class Stream:
    """One stream of a termination's Media. `id` is 1 where the message names no stream (H.248.1 section 7.1.4).

    `mode` is the LocalControl's, in lower case and long (``sendreceive``, ``inactive``), empty where none is set;
    `reserves` whether the gateway is to hold all alternatives ready (ReserveGroup), None where that stays as it is.
    """

    id: int
    mode: str = ""
    local: Description | None = None
    remote: Description | None = None
    statistics: tuple[tuple[bytes, bytes], ...] | None = None
    reserves: bool | None = None


@attrs.define
class Failure:
    """An error descriptor: the code (H.248.8) and the text, without its quotes."""

    code: int
    text: bytes = b""


@attrs.define
class Services:
    """A ServiceChange descriptor, of a request or reply. What is not said is None, or empty.

    `method` is in lower case and long (``restart``, ``forced``, ``graceful``, ``disconnected``, ``handoff``,
    ``failover``, or an extension's name). `address` says where the sender takes messages from now on; `mgc` whom the
    receiver is to turn to (ServiceChangeMgcId; MgcIdToTry in text). `delay` is in seconds.
    """

    method: str = ""
    reason: bytes = b""  # as written, without quotes: ``901 Cold Boot``
    address: Mid | None = None
    mgc: Mid | None = None
    delay: int | None = None
    version: int | None = None
    profile: bytes = b""
    timestamp: bytes = b""  # ``yyyymmddThhmmssss``
    incomplete: bool = False  # ServiceChangeIncompleteFlag (version 3)
    version_at: Mark = attrs.field(default=None, eq=False, repr=False)

    @property
    def code(self) -> int:
        """The number that the reason begins with (H.248.8), 0 where there is none."""
        number = self.reason.lstrip()[:3]
        return int(number) if number.isdigit() else 0


@attrs.define
class Command:
    """A command of a request, or its part of a reply.

    `audit`, `signals`, `events` and `observed` are words for the dialect to look at, in lower case, None where the
    message has no such descriptor: what is to be audited (``media``, ``statistics``; sorted, each once), the signals
    and events with their packages (``ipnapt/latch``, ``al/of``). All else is kept as it is and not told.
    """

    verb: Verb
    terminations: tuple[Termination, ...]
    optional: bool = False  # O-: its failure does not stop what comes after it
    wild: bool = False  # W-: one reply is enough for all that a wildcard meets
    streams: tuple[Stream, ...] = ()
    services: Services | None = None
    statistics: tuple[tuple[bytes, bytes], ...] | None = None  # names in lower case, values as the text encoding's
    audit: tuple[str, ...] | None = None
    signals: tuple[bytes, ...] | None = None
    events: tuple[bytes, ...] | None = None
    observed: tuple[bytes, ...] | None = None
    error: Failure | None = None
    at: Mark = attrs.field(default=None, eq=False, repr=False)

    @property
    def termination(self) -> Termination:
        """The first termination, which is the only one before version 3."""
        return self.terminations[0]


@attrs.define
class Action:
    """What is to be done, or was done, in one context: ``-``, ``$``, ``*``, or a number in decimal digits."""

    context: bytes
    commands: tuple[Command, ...] = ()
    error: Failure | None = None
    emergency: bool = False
    context_at: Mark = attrs.field(default=None, eq=False, repr=False)


class BadH248(BadMessage):
    """What came is no H.248 message. `code` is what the complaint says (H.248.8: 400 syntax of the message, 403 of the
    request, 406 version, 413 too many transactions, 422 of an action, 442 of a command); `partial` the message as far
    as it was read, to answer it by; None where not even its header could be read."""

    def __init__(self, reason: str, code: int = 400, partial: H248Message | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.partial = partial


@attrs.define(eq=False, slots=False)
class H248Message:
    """One message with one transaction, as it came in `data`, or to be written (`data` empty).

    `transaction` is 0 for ERROR, and for ACK, whose `acks` are the ranges (first, last) that are acknowledged. `error`
    is what stands in place of the actions of a REPLY, or is the whole of an ERROR. `segment` is the number of a segment
    of a REPLY, or the one that a SEGMENT acknowledges; `last` whether it is the end of the reply.
    """

    wire: Wire
    version: int
    mid: Mid
    body: Body
    transaction: int = 0
    actions: tuple[Action, ...] = ()
    error: Failure | None = None
    acks: tuple[tuple[int, int], ...] = ()
    wants_ack: bool = False  # of a REPLY: ImmAckRequired
    segment: int | None = None
    last: bool = False
    signed: bool = False  # whether it has an authentication header, which covers all octets after it
    transaction_at: Mark = attrs.field(default=None, eq=False, repr=False)
    signed_at: Mark = attrs.field(default=None, eq=False, repr=False)
    compact: bool = False  # whether text is written in short tokens
    data: bytes = attrs.field(default=b"", repr=False)

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands of all actions, in order."""
        return tuple(command for action in self.actions for command in action.commands)

    @property
    def meaning(self) -> tuple[object, ...]:
        """All that is said, by which messages of both wires compare."""
        return (
            self.version, self.mid, self.body, self.transaction, self.actions, self.error, self.acks, self.wants_ack,
            self.segment, self.last, self.signed,
        )  # fmt: skip

    def edit(self, at: Mark, new: bytes) -> None:
        """Write `new` at a mark, in the form of the text encoding whatever the wire: a number in decimal digits, an MId
        as ``[192.0.2.1]:2944`` (a ServiceChangeAddress also as ``2944``), a session description as in Group. The same
        mark again replaces what was written. @raises BadMessage where `new` cannot stand there."""
        raise NotImplementedError

    def drop(self, at: Mark) -> None:
        """Take out what stands at a mark, which may be missing by the syntax: a parameter of a ServiceChange, an
        authentication header, with the comma that parts it from its neighbours. @raises BadMessage where it may not."""
        raise NotImplementedError

    def encode(self) -> bytes:
        """The octets, with what was written; untouched, the very ones it came in. @raises BadMessage where it has grown
        larger than is read."""
        raise NotImplementedError
