"""Actions and commands of a binary message, requests and replies, and what in their descriptors matters (H.248.1 Annex
A); all else is kept as it is and not told."""

from __future__ import annotations

from sbc.core.message import BadMessage
from sbc.h248 import ber
from sbc.h248.ber import Tlv
from sbc.h248.binary_values import (
    LARGEST,
    PLACE_FORMS,
    Spot,
    What,
    context,
    failure,
    mid,
    only,
    termination,
    unsigned,
    wanted,
)
from sbc.h248.message import Action, BadH248, Command, Description, Group, Services, Stream, Termination, Verb
from sbc.h248.packages import EVENTS, SIGNALS, STATISTICS, Names
from sbc.h248.properties import lines, plain, told

VERBS = (
    Verb.ADD,
    Verb.MOVE,
    Verb.MODIFY,
    Verb.SUBTRACT,
    Verb.AUDIT_CAPABILITY,
    Verb.AUDIT_VALUE,
    Verb.NOTIFY,
    Verb.SERVICE_CHANGE,
)
"""The alternatives of a command and of its reply, by their tags."""
MODES = ("sendonly", "receiveonly", "sendreceive", "inactive", "loopback")
METHODS = ("failover", "forced", "graceful", "restart", "disconnected", "handoff")
AUDITED = (
    "mux",
    "modem",
    "media",
    "events",
    "signals",
    "digitmap",
    "statistics",
    "observedevents",
    "packages",
    "eventbuffer",
)
"""What may be audited, by its bit."""
_SINGLY = ("media", "events", "eventbuffer", "signals", "digitmap", "statistics", "packages")
"""What may be audited one by one, by its tag."""
_AUDITS = (Verb.AUDIT_CAPABILITY, Verb.AUDIT_VALUE)
_REPORTED = {"error": 0, "media": 1, "events": 4, "signals": 6, "observed": 8, "statistics": 9}
_ASKED = {"media": 0, "events": 3, "signals": 5, "audit": 7, "statistics": 8}
"""The descriptors that are looked at, by their tags in a reply and in a request."""


def action(data: bytes, tlv: Tlv, reply: bool) -> Action:
    """An ActionRequest, or an ActionReply. @raises BadH248."""
    number = tlv.part(0)
    try:
        name = context(unsigned(data, number, LARGEST, "context"))
        asked = tlv.part(2 if reply else 1)
        emergency = asked is not None and (each := asked.part(1)) is not None and any(data[each.start : each.end])
        failed = tlv.part(1) if reply else None
        error = None if failed is None else failure(data, failed)
    except BadMessage as bad:
        raise BadH248(bad.reason, 422) from bad
    commands = tlv.part(3)
    found = () if commands is None else tuple([_one(data, each, reply) for each in commands.parts or ()])
    return Action(name, found, error, emergency, Spot(What.CONTEXT, wanted(number, "context")))


def _one(data: bytes, tlv: Tlv, reply: bool) -> Command:
    """A command, or the answer to one."""
    try:
        return _reply(data, tlv) if reply else _request(data, tlv)
    except BadH248:
        raise
    except BadMessage as bad:
        raise BadH248(bad.reason, 442) from bad


def _request(data: bytes, tlv: Tlv) -> Command:
    chosen = only(tlv.part(0), "command")
    command = _command(data, chosen, tlv)
    command.optional = tlv.part(1) is not None
    command.wild = tlv.part(2) is not None
    _read_request(data, chosen, command)
    return command


def _reply(data: bytes, tlv: Tlv) -> Command:
    command = _command(data, tlv, tlv)
    _read_reply(data, tlv, command)
    return command


def _command(data: bytes, tlv: Tlv, whole: Tlv) -> Command:
    """A command's verb and terminations."""
    number = tlv.tag & 0x1F
    if tlv.tag & 0xC0 != 0x80 or number >= len(VERBS):
        raise BadH248("unknown command", 443)
    verb = VERBS[number]
    return Command(verb, _named(data, tlv, verb, whole is tlv), at=Spot(What.PART, tlv, whole))


def _named(data: bytes, tlv: Tlv, verb: Verb, reply: bool) -> tuple[Termination, ...]:
    listed = tlv.part(0)
    if verb in _AUDITS and reply:
        chosen = only(tlv, "result")
        number = chosen.tag & 0x1F
        if number == 1 or (number == 0 and not chosen.parts):
            return ()
        listed = chosen if number == 0 else chosen.part(0)
        if number == 2:
            return (termination(data, wanted(listed, "termination")),)
    elif verb in _AUDITS:
        several = tlv.part(2)
        if several is None:
            return (termination(data, wanted(listed, "termination")),)
        listed = several
    found = tuple([termination(data, each) for each in wanted(listed, "termination").parts or ()])
    if not found:
        raise BadMessage("no termination")
    return found


def _read_request(data: bytes, tlv: Tlv, command: Command) -> None:
    verb, said = command.verb, tlv.part(1)
    if verb in (Verb.ADD, Verb.MOVE, Verb.MODIFY):
        _descriptors(data, said, _ASKED, command)
    elif verb is Verb.SUBTRACT or verb in _AUDITS:
        command.audit = None if said is None else _audited(data, said)
    elif verb is Verb.NOTIFY:
        command.observed = _observed(data, wanted(said, "observed events"))
        failed = tlv.part(2)
        command.error = None if failed is None else failure(data, failed)
    else:
        command.services = _services(data, wanted(said, "parameters"))


def _read_reply(data: bytes, tlv: Tlv, command: Command) -> None:
    verb = command.verb
    if verb in _AUDITS:
        chosen = only(tlv, "result")
        if chosen.tag & 0x1F == 1:
            command.error = failure(data, chosen)
        elif chosen.tag & 0x1F in (2, 3):
            _descriptors(data, chosen.part(1), _REPORTED, command)
    elif verb is Verb.NOTIFY:
        failed = tlv.part(1)
        command.error = None if failed is None else failure(data, failed)
    elif verb is Verb.SERVICE_CHANGE:
        chosen = only(tlv.part(1), "result")
        if chosen.tag & 0x1F == 0:
            command.error = failure(data, chosen)
        else:
            command.services = _answered(data, chosen)
    else:
        _descriptors(data, tlv.part(1), _REPORTED, command)


def _descriptors(data: bytes, tlv: Tlv | None, tags: dict[str, int], command: Command) -> None:
    for each in () if tlv is None else tlv.parts or ():
        number = each.tag & 0x1F
        if number == tags["media"]:
            command.streams += _media(data, each)
        elif number == tags["statistics"]:
            command.statistics = _statistics(data, each)
        elif number == tags["signals"]:
            command.signals = tuple(_signals(data, each))
        elif number == tags["events"]:
            command.events = _each(data, EVENTS, each.part(1))
        elif number == tags.get("observed"):
            command.observed = _observed(data, each)
        elif number == tags.get("audit"):
            command.audit = _audited(data, each)
        elif number == tags.get("error"):
            command.error = failure(data, each)


def _media(data: bytes, tlv: Tlv) -> tuple[Stream, ...]:
    streams = tlv.part(1)
    if streams is None:
        return ()
    chosen = only(streams, "streams")
    if chosen.tag & 0x1F == 0:
        return (_stream(data, 1, chosen),)
    found = []
    for each in chosen.parts or ():
        number = unsigned(data, each.part(0), 0xFFFF, "stream")
        found.append(_stream(data, number, wanted(each.part(1), "stream parameters")))
    return tuple(found)


def _stream(data: bytes, number: int, tlv: Tlv) -> Stream:
    control, statistics = tlv.part(0), tlv.part(3)
    mode, reserves = "", None
    if control is not None and (said := control.part(0)) is not None:
        value = unsigned(data, said, 0xFFFF, "mode")
        mode = MODES[value] if value < len(MODES) else ""
    if control is not None and (said := control.part(2)) is not None:
        reserves = any(ber.octets(data, said))
    return Stream(
        number,
        mode,
        _description(data, tlv.part(1)),
        _description(data, tlv.part(2)),
        None if statistics is None else _statistics(data, statistics),
        reserves,
    )


def _description(data: bytes, tlv: Tlv | None) -> Description | None:
    if tlv is None:
        return None
    groups = tlv.part(0)
    found = [] if groups is None else groups.parts or []
    return Description(
        tuple([Group(told(lines(data, each)), Spot(What.GROUP, each)) for each in found]), Spot(What.PART, tlv, tlv)
    )


def _statistics(data: bytes, tlv: Tlv) -> tuple[tuple[bytes, bytes], ...]:
    found = []
    for each in tlv.parts or ():
        name, values = wanted(each.part(0), "name"), each.part(1)
        held = [] if values is None else [values] if values.parts is None else values.parts
        value = b",".join([plain(ber.octets(data, one)) for one in held])
        found.append((STATISTICS.name(data[name.start : name.end]), value))
    return tuple(found)


def _each(data: bytes, names: Names, tlv: Tlv | None) -> tuple[bytes, ...]:
    """The names that the elements of a list begin with."""
    found = [wanted(each.part(0), "name") for each in (() if tlv is None else tlv.parts or ())]
    return tuple([names.name(data[name.start : name.end]) for name in found])


def _observed(data: bytes, tlv: Tlv) -> tuple[bytes, ...]:
    return _each(data, EVENTS, tlv.part(1))


def _signals(data: bytes, tlv: Tlv) -> list[bytes]:
    found: list[bytes] = []
    for each in tlv.parts or ():
        if each.tag & 0x1F == 0:
            name = wanted(each.part(0), "name")
            found.append(SIGNALS.name(data[name.start : name.end]))
        else:  # a list of them, one after the other
            found += _each(data, SIGNALS, each.part(1))
    return found


def _audited(data: bytes, tlv: Tlv) -> tuple[str, ...]:
    found = set()
    token, singly = tlv.part(0), tlv.part(1)
    if token is not None:
        bits = data[token.start + 1 : token.end]
        found = {word for at, word in enumerate(AUDITED) if at >> 3 < len(bits) and bits[at >> 3] & 0x80 >> (at & 7)}
    for each in () if singly is None else singly.parts or ():
        if each.tag & 0x1F < len(_SINGLY):
            found.add(_SINGLY[each.tag & 0x1F])
    return tuple(sorted(found))


def _services(data: bytes, tlv: Tlv) -> Services:
    """What a ServiceChange asks for."""
    method = unsigned(data, tlv.part(0), 0xFFFF, "method")
    reason, delay = tlv.part(4), tlv.part(5)
    services = Services(
        method=METHODS[method] if method < len(METHODS) else "",
        reason=b"" if reason is None else plain(ber.octets(data, reason)),
        delay=None if delay is None else unsigned(data, delay, LARGEST, "delay"),
        incomplete=tlv.part(10) is not None,
    )
    _common(data, tlv, services, mgc=6, timestamp=7)
    return services


def _answered(data: bytes, tlv: Tlv) -> Services:
    """What is answered to one."""
    services = Services()
    _common(data, tlv, services, mgc=0, timestamp=4)
    return services


def _common(data: bytes, tlv: Tlv, services: Services, mgc: int, timestamp: int) -> None:
    """What requests and replies have; an address, version and profile have one tag in both."""
    address, version, profile = tlv.part(1), tlv.part(2), tlv.part(3)
    elsewhere, when = tlv.part(mgc), tlv.part(timestamp)
    if address is not None:
        services.address = mid(data, only(address, "address"), PLACE_FORMS, address)
    if version is not None:
        services.version = unsigned(data, version, 99, "version")
        services.version_at = Spot(What.NUMBER, version, version)
    if profile is not None:
        services.profile = ber.octets(data, only(profile, "profile"))
    if elsewhere is not None:
        services.mgc = mid(data, only(elsewhere, "identifier"), whole=elsewhere)
    if when is not None:
        date, time = wanted(when.part(0), "date"), wanted(when.part(1), "time")
        services.timestamp = ber.octets(data, date) + b"T" + ber.octets(data, time)
