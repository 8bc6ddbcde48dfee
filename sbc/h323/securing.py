"""How channels of H.245 are secured (H.235.8): what their opener says of that, and how it is written anew for the other
side. Keys are of one side alone, and capabilities, too: nothing of it crosses.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import attrs

from sbc.core.crossing import Crossing
from sbc.core.message import Cause, Refused
from sbc.core.secured import UNFIT, Key, OneWay, Secured
from sbc.core.securing import End, translates
from sbc.core.weighed import bars_fax
from sbc.h323 import srtp
from sbc.h323.capabilities import sets
from sbc.h323.codec import Message, decode
from sbc.h323.formats import SECURED, flowing
from sbc.h323.logical import (
    FAST_START,
    FAX,
    FORWARD,
    NUMBER,
    REVERSE,
    carries,
    parameters_of,
    proposals,
    sends,
    session_of,
)
from sbc.h323.pdu import Pdu
from sbc.h323.securing_sets import Able, rewrite, suites_of

SYNC = "encryptionSync"
_MEDIA = "mediaType"
_OPENS, _ACK = ("OpenLogicalChannel", "openLogicalChannel"), "openLogicalChannelAck"
_COMMAND = "miscellaneousCommand"
_UPDATES = frozenset({"encryptionUpdate", "encryptionUpdateCommand"})


@attrs.define(eq=False)
class Securing:
    """What is to be said of channels, by their place among the message's PDUs; `able` is what its sender is told to be
    able to, None where nothing is to be changed of that; `bare` are the places from where keys are taken out."""

    channels: dict[int, Secured | None] = attrs.field(factory=dict)
    able: Able | None = None
    bare: set[int] = attrs.field(factory=set)


def one_way(message: Any, pdu: Pdu) -> OneWay:
    """Which direction the channel is for that a PDU speaks of."""
    if pdu.group and pdu.name == _ACK:
        return OneWay(False, mute=True)
    return OneWay(sends(message, pdu), pdu.holder == FAST_START, False, _channel(pdu)[NUMBER], tuple(srtp.OIDS))


def said(pdu: Pdu) -> Secured | None:
    """What a channel's opener says of how it is secured; None: it is plain."""
    value = _channel(pdu)
    kind = parameters_of(value).get("dataType")
    if kind is None or not _is_secured(kind):
        return None
    takes = srtp.names_in(kind[1])
    number = value[NUMBER]
    sync = value.get(SYNC)
    keys: tuple[Key, ...] = ()
    if isinstance(sync, dict) and takes:
        found = srtp.key(sync["h235Key"], takes[0], number)
        keys = () if found is None else (found,)
    return Secured(keys, demands=True, takes=takes)


def suites(message: Message) -> tuple[str, ...] | None:
    """The suites by which a message's sender says that it can take secured media; None where it has no table."""
    found = None
    for pdu in sets(message):
        found = suites_of(pdu.value)
    return found


def settle(message: Message, wanted: Securing | None, crossing: Crossing) -> Securing | None:
    """What else is to be written of a message whose channels are `wanted` so: what the core has not heard of must not
    say keys either. None where all stays as it is. @raises Refused where it cannot be taken across."""
    realms = crossing.here, crossing.there
    call = crossing.call
    if call is None or not translates(realms[0].protection, realms[1].protection):
        return None
    wanted = wanted or Securing()
    goes_on = any(each is not UNFIT for each in wanted.channels.values())
    gone: dict[tuple[int, bool], Refused] = {}
    for place, pdu in enumerate(message.pdus):
        if _opens(pdu) and place not in wanted.channels:
            try:
                _check(pdu, crossing)
            except Refused as no:
                if pdu.holder != FAST_START or not goes_on:
                    raise
                wanted.channels[place] = UNFIT  # beside what fits
                gone.setdefault(_direction(message, pdu), no)
        if (_opens(pdu) or (pdu.group and pdu.name == _ACK)) and place not in wanted.channels:
            wanted.bare |= {place} if SYNC in _channel(pdu) else set()
        elif pdu.group and pdu.name == _COMMAND and _updates(pdu.value):
            raise Refused(Cause.SECURITY, "a key that is not said with a channel", counted="key-update")
    _refuse_halves(message, wanted, gone)
    if not sets(message):
        return wanted if wanted.channels or wanted.bare else None
    leg = call.legs[1 - crossing.from_leg]
    end = End(leg.realm.protection, leg.listener.transport, crossing.registry.networks.suites & srtp.OIDS.keys())
    wanted.able = Able(end.protection.mode, end.suites if end.may_say_keys else ())
    return wanted


def _refuse_halves(message: Message, wanted: Securing, gone: dict[tuple[int, bool], Refused]) -> None:
    """@raises Refused where of a session that is proposed both ways one alone is left: it would be one-way."""
    left = {
        _direction(message, pdu)
        for place, pdu in enumerate(message.pdus)
        if pdu.holder == FAST_START and wanted.channels.get(place) is not UNFIT
    }
    for (session, sent), no in gone.items():
        if (session, sent) not in left and (session, not sent) in left:
            raise no


def _direction(message: Message, pdu: Pdu) -> tuple[int, bool]:
    return session_of(parameters_of(_channel(pdu))), sends(message, pdu)


def secured(data: bytes, wanted: Securing, notes: list[str]) -> bytes:
    """The message with channels and capabilities as they are `wanted`; what was done is added to `notes`. @raises
    ValueError where that cannot be written."""
    message = decode(data)
    gone = []
    for place, pdu in enumerate(message.pdus):
        if wanted.channels.get(place) is UNFIT:
            gone.append(pdu.index)
        elif place in wanted.channels:
            _write(message, pdu, wanted.channels[place])
        elif place in wanted.bare:
            _bare(message, pdu)
        elif wanted.able is not None:
            rewrite(message, pdu, wanted.able)
    data = message.encode() if message.changed else data
    notes += [note for note in message.resized if note not in notes]
    return _without(data, gone, notes) if gone else data


def _without(data: bytes, gone: Sequence[int], notes: list[str]) -> bytes:
    """The message without those proposals of fast connect."""
    message = decode(data)
    root = message.pdu
    if root is None:
        return data
    message.leave(root, FAST_START, [place for place, pdu in enumerate(proposals(message)) if pdu.index not in gone])
    notes += message.resized
    return message.encode()


def _write(message: Message, pdu: Pdu, told: Secured | None) -> None:
    value = copy(_channel(pdu))
    name = REVERSE if REVERSE in value else FORWARD
    parameters = value[name]
    kind = flowing(parameters["dataType"])
    if told is not None:
        kind = (SECURED, {**srtp.secured_by(told.takes), _MEDIA: kind})
    value[name] = {**parameters, "dataType": kind}
    value.pop(SYNC, None)
    if told is not None and told.keys:
        value[SYNC] = {"synchFlag": _payload_type(parameters), "h235Key": srtp.keys(told.keys[0])}
    if value != _channel(pdu):
        message.put_value(pdu, value)


def _bare(message: Message, pdu: Pdu) -> None:
    """Take keys out, and nothing else."""
    value = copy(_channel(pdu))
    if value.pop(SYNC, None) is not None:
        message.put_value(pdu, value)


def _payload_type(parameters: Any) -> int:
    _, said = parameters.get("multiplexParameters", ("", None))
    number = said.get("dynamicRTPPayloadType") if isinstance(said, dict) else None
    return number if isinstance(number, int) else 0


def _channel(pdu: Pdu) -> dict[str, Any]:
    value: dict[str, Any] = pdu.value if pdu.group else pdu.whole
    return value


def _is_secured(kind: Any) -> bool:
    return isinstance(kind, tuple) and kind[0] == SECURED


def _opens(pdu: Pdu) -> bool:
    return pdu.type == _OPENS[0] or (bool(pdu.group) and pdu.name == _OPENS[1])


def _check(pdu: Pdu, crossing: Crossing) -> None:
    """A channel of whose addresses nothing was said, so that the core knows nothing of it, is plain, and may be.
    @raises Refused."""
    value = _channel(pdu)
    realms = crossing.here, crossing.there
    if _is_secured(parameters_of(value).get("dataType")):
        raise Refused(Cause.SECURITY, "a channel without an address", counted="media-secured")
    fax = carries(parameters_of(value)) == FAX
    if bars_fax(realms) is not None if fax else any(realm.protection.demands for realm in realms):
        counted = "fax-in-clear" if fax else "media-plain"
        raise Refused(Cause.SECURITY, "media is to be secured", detail="a channel", counted=counted)


def _updates(value: Any) -> bool:
    kind = value.get("type") if isinstance(value, dict) else None
    return isinstance(kind, tuple) and kind[0] in _UPDATES
