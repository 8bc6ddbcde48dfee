"""Turns of accounts as Accounting-Requests, and what a server answers: pyrad's encoding, no more of it.

Attributes are those of RFC 2866 and RFC 2869, by their numbers; the SBC has no vendor's.
"""

from __future__ import annotations

from enum import Enum

import attrs
from pyrad.packet import AccountingResponse, AcctPacket, PacketError

from sbc.config.values import Event, Octets
from sbc.ledger.turns import Turn
from sbc.ledger.usage import Count, Usage

LONGEST = 253
"""Octets of an attribute's value (RFC 2865 section 5)."""
LONGEST_PACKET = 4096
"""Octets of a packet (RFC 2865 section 3)."""
IDENTIFIERS = 256


class Attribute(Enum):
    """What of an Accounting-Request is used, by the numbers of RFC 2865, 2866 and 2869."""

    USER_NAME = 1
    NAS_PORT_TYPE = 61
    CALLED_STATION_ID = 30
    CALLING_STATION_ID = 31
    NAS_IDENTIFIER = 32
    ACCT_STATUS_TYPE = 40
    ACCT_DELAY_TIME = 41
    ACCT_INPUT_OCTETS = 42
    ACCT_OUTPUT_OCTETS = 43
    ACCT_SESSION_ID = 44
    ACCT_SESSION_TIME = 46
    ACCT_INPUT_PACKETS = 47
    ACCT_OUTPUT_PACKETS = 48
    ACCT_TERMINATE_CAUSE = 49
    ACCT_MULTI_SESSION_ID = 50
    ACCT_INPUT_GIGAWORDS = 52
    ACCT_OUTPUT_GIGAWORDS = 53
    EVENT_TIMESTAMP = 55
    CONNECT_INFO = 77
    NAS_PORT_ID = 87


_STATUS = {Event.START: 1, Event.STOP: 2, Event.INTERIM: 3}
_VIRTUAL = 5  # NAS-Port-Type (RFC 2865 section 5.41)
_USER_REQUEST, _LOST_CARRIER, _IDLE, _SESSION, _ADMIN_RESET, _ADMIN_REBOOT = 1, 2, 4, 5, 6, 7
_NAS_ERROR, _NAS_REQUEST, _NAS_REBOOT, _UNAVAILABLE = 9, 10, 11, 15
_CAUSES = {
    "normal": _USER_REQUEST,
    "cancelled": _USER_REQUEST,
    "moved": _USER_REQUEST,
    "silent": _IDLE,
    "vanished": _LOST_CARRIER,
    "unreachable": _LOST_CARRIER,
    "expired": _SESSION,
    "spent": _SESSION,
    "cleared": _ADMIN_RESET,
    "shutdown": _ADMIN_REBOOT,
    "failed": _NAS_ERROR,
    "congestion": _NAS_REQUEST,
    "incomplete": _NAS_REBOOT,
}
"""Acct-Terminate-Cause (RFC 2866 section 5.10) by the ending of a record; of attempts that failed: service
unavailable."""


@attrs.frozen
class Naming:
    """How requests are written: our NAS-Identifier, and which octets are the volume."""

    identifier: str
    octets: Octets


class Unanswered(Exception):
    """What came is no answer to the request; says why."""


@attrs.frozen
class Asked:
    """A request as it is sent, and sent again: the same octets each time (RFC 2866 section 2)."""

    packet: AcctPacket
    data: bytes

    def check(self, data: bytes) -> None:
        """See that `data` answers it, and comes from who knows the secret. @raises Unanswered, and nothing else."""
        if len(data) > LONGEST_PACKET:
            raise Unanswered("is too long")
        try:
            answer = self.packet.CreateReply(packet=data)
            verified = self.packet.VerifyReply(answer)
        except (PacketError, ValueError, IndexError, KeyError) as error:
            raise Unanswered(f"is no packet: {error}") from error
        if answer.code != AccountingResponse:
            raise Unanswered(f"has code {answer.code}")
        if not verified:
            raise Unanswered("was not made with our secret, or answers another")


def request(turn: Turn, identifier: int, secret: bytes, now: float, naming: Naming) -> Asked:
    """The Accounting-Request of a turn, sent first at the time of day `now`."""
    packet = AcctPacket(id=identifier, secret=secret)
    for attribute, value in _attributes(turn, now, naming):
        packet[attribute.value] = [value]
    return Asked(packet, packet.RequestPacket())


def _attributes(turn: Turn, now: float, naming: Naming) -> list[tuple[Attribute, bytes]]:
    usage, event = turn.usage, turn.event
    found = [
        (Attribute.ACCT_STATUS_TYPE, _number(_STATUS[event])),
        (Attribute.ACCT_SESSION_ID, _text(usage.session)),
        (Attribute.ACCT_MULTI_SESSION_ID, _text(usage.record)),
        (Attribute.EVENT_TIMESTAMP, _number(int(turn.at))),
        (Attribute.ACCT_DELAY_TIME, _number(int(max(0.0, now - turn.at)))),
        (Attribute.NAS_IDENTIFIER, _text(naming.identifier)),
        (Attribute.NAS_PORT_TYPE, _number(_VIRTUAL)),
        (Attribute.NAS_PORT_ID, _text(usage.realm)),
        (Attribute.USER_NAME, _text(usage.user or usage.seen)),
        (Attribute.CALLING_STATION_ID, _text(usage.caller)),
        (Attribute.CALLED_STATION_ID, _text(usage.called or usage.callee)),
        (Attribute.CONNECT_INFO, _text(_told_of_media(usage))),
    ]
    if event is not Event.START:
        flow = usage.total
        found += [(Attribute.ACCT_SESSION_TIME, _number(int(usage.duration or 0)))]
        found += _volume(flow.into, naming.octets, Attribute.ACCT_INPUT_OCTETS, Attribute.ACCT_INPUT_GIGAWORDS,
                         Attribute.ACCT_INPUT_PACKETS)  # fmt: skip
        found += _volume(flow.out, naming.octets, Attribute.ACCT_OUTPUT_OCTETS, Attribute.ACCT_OUTPUT_GIGAWORDS,
                         Attribute.ACCT_OUTPUT_PACKETS)  # fmt: skip
    if event is Event.STOP:
        found.append((Attribute.ACCT_TERMINATE_CAUSE, _number(_CAUSES.get(usage.ending or "", _UNAVAILABLE))))
    return [(attribute, value) for attribute, value in found if value]


def _volume(
    count: Count, which: Octets, low: Attribute, high: Attribute, packets: Attribute
) -> list[tuple[Attribute, bytes]]:
    octets = count.ip_octets if which is Octets.IP else count.octets
    return [
        (low, _number(octets)),
        (high, _number(octets >> 32)),
        (packets, _number(count.packets)),
    ]


def _told_of_media(usage: Usage) -> str:
    """The codecs, and the payload octets of each kind of media: "audio PCMU/8000 in 17260 out 8660"."""
    kinds = [f"{kind} in {flow.into.octets} out {flow.out.octets}" for kind, flow in usage.media.items()]
    return ", ".join([*usage.codecs, *kinds])


def _number(value: int) -> bytes:
    return (value % 2**32).to_bytes(4, "big")


def _text(value: str) -> bytes:
    """As UTF-8, no longer than an attribute may be; no character is cut through."""
    data = value.encode("utf-8", "replace")[:LONGEST]
    return data.decode("utf-8", "ignore").encode()
