"""What is our own in a SIP message that crosses: Via, Call-ID, routes, hops, target; and what an answer gets back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from sbc.core import front
from sbc.core.address import Address, bracketed, canonical
from sbc.core.crossing import Crossing
from sbc.core.message import BadMessage, Keys, Phase, Place, Role, Slot
from sbc.core.orders import SECURED, Listener
from sbc.core.realm import Hosts
from sbc.sip import bulk, reliable, rules, tags, telephone
from sbc.sip.codec import TOO_LARGE, SipMessage
from sbc.sip.describe import dialogue_name, exchange_name, opening_name, request_uri, single
from sbc.sip.headers import vias
from sbc.sip.identity import filter_asserted
from sbc.sip.memo import Memo
from sbc.sip.mentions import Mentions
from sbc.sip.options import of
from sbc.sip.params import to_bytes, unfold, unquote
from sbc.sip.slots import IDENTITIES, refer_targets, uri_of, write_host
from sbc.sip.uri import Uri, said, unescape
from sbc.sip.xml import escape_xml, unescape_xml
from sbc.text.holds import holds
from sbc.text.literals import ESCAPE, IPV6

MAX_FORWARDS = 70
_ROUTES: Final = frozenset({"record-route", "route", "path", "service-route"})
_OTHER_CALLS: Final = frozenset({"replaces", "join", "target-dialog"})
_REPLACES: Final = re.compile(rb"(?:^|(?<=[?&]))replaces=([^&]*)", re.IGNORECASE)
_PLAIN: Final = ("via", "call-id", "cseq", "max-forwards", "content-type", "content-length")
# covered by a digest, which a rewriting would break (RFC 7616 section 3.4.2)
_DIGEST: Final = (
    "authorization",
    "proxy-authorization",
    "www-authenticate",
    "proxy-authenticate",
    "authentication-info",
)
_KNOWN: Final = frozenset((*_ROUTES, *_OTHER_CALLS, *_PLAIN, *_DIGEST))
"""Headers that are rewritten by rules of their own, or may not be."""
_ANSWERED: Final = _KNOWN | {"from", "to"}  # an answer's are written whole
_KEPT: Final = _KNOWN | IDENTITIES
_IPV4_EDGES: Final = (re.compile(rb"(?<![0-9])(?<![0-9]\.)|" + ESCAPE), re.compile(rb"(?![0-9]|\.[0-9])"))
_NO_NAME: Final = re.compile(rb"[\s;]")  # a Call-ID and a tag hold neither
_RACK: Final = re.compile(rb"[0-9]{1,10}\s++([0-9]{1,10})\s++[^\s]++")
_UNSAFE_IN_HEADERS: Final = re.compile(rb"[^0-9A-Za-z\-_.!~*'()\[\]/?:+$]")


def escape_in_header(text: bytes) -> bytes:
    """Escape `text` for the value of a header inside a URI (RFC 3261 section 25.1, `hvalue`)."""
    return _UNSAFE_IN_HEADERS.sub(lambda match: b"%%%02X" % match[0][0], text)


def remember(message: SipMessage, source: Address) -> Memo:
    """The Memo of a request that came from `source`; unfolded, since its answers may end their lines in another way."""
    return Memo(
        vias=unfold(b", ".join(received_vias(message, source))),
        from_=message.value("from") or b"",
        to=message.value("to") or b"",
        tagged=bool(single(message, "to").tag),
        call_id=message.call_id,
        record_routes=tuple([unfold(message.data[h.start : h.end]) for h in message.all("record-route")]),
    )


def received_vias(message: SipMessage, source: Address) -> list[bytes]:
    """The Via values of a request, the topmost with `received` and `rport` filled in.

    RFC 3261 section 18.2.1, RFC 3581 section 4.
    """
    known: tuple[Address, list[bytes]] | None = message.cache.get("received")  # asked for again to say 100
    if known is not None and known[0] == source:
        return known[1]
    values = vias(message)
    top = values[0]
    first, asked = message.data[top.start : top.end], top.rport
    for start, end in reversed(top.seen):  # what the peer wrote there itself does not count
        first = first[: start - top.start] + first[end - top.start :]
    if asked or top.host != source.host:
        first += b";received=" + source.host.encode()
    if asked:
        first += b";rport=%d" % source.port
    found = [first, *[message.data[value.start : value.end] for value in values[1:]]]
    message.cache["received"] = (source, found)
    return found


def own_via(listener: Listener, token: bytes) -> bytes:
    """Our Via value for what is sent from `listener`, with a branch of our own."""
    host, port = listener.advertised
    transport = listener.transport.upper().encode()
    return b"SIP/2.0/%b %b:%d;branch=%b;rport" % (transport, bracketed(host).encode(), port, _branch(token))


def _branch(token: bytes) -> bytes:
    return b"z9hG4bK" + token


def stamp_request(message: SipMessage, crossing: Crossing, hidden: list[bytes]) -> None:
    """Make a request our own on the hop to come; `hidden` are the hosts that are not to be seen there."""
    if crossing.intent.phase is not Phase.CONFIRM:  # which nobody answers
        crossing.exchange.memo = remember(message, crossing.arrival.source)
    _replace_vias(message, own_via(crossing.hop.listener, crossing.exchange.token))
    _drop_routes(message)
    hops = crossing.target.route.hops if crossing.target is not None else ()
    if hops:
        insert_after_via(message, b"Route: " + b", ".join(hops))
    offer = reliable.shield(message, crossing) if message.method == "INVITE" else b""
    if offer:
        insert_after_via(message, offer)
    _write_target(message, crossing, hidden)
    _write_hops(message)
    _write_label(message, crossing.label)
    _write_numbers(message, crossing)
    for header in message.among(_OTHER_CALLS):
        written = tags.elsewhere(crossing, message.data[header.start : header.end])
        message.edits.replace(header.start, header.end, written)
    _write_dialogues(message, crossing)
    for value in refer_targets(message):
        match = _REPLACES.search(message.data, value.headers_start, value.end) if value.headers_start >= 0 else None
        if match is not None:
            message.edits.overwrite(*match.span(1), escape_in_header(tags.elsewhere(crossing, unescape(match[1]))))


def stamp_reply(message: SipMessage, crossing: Crossing) -> None:
    """Give an answer back what the request had brought, so that its asker knows it."""
    memo: Memo = crossing.exchange.memo
    _replace_vias(message, memo.vias)
    _drop_routes(message)
    if crossing.exchange.receives:
        reliable.make_plain(message, crossing)
    if message.method == "REGISTER" and message.status < 300:
        _write_flow_timer(message, front.shows(crossing))
    if memo.record_routes and message.status < 300:
        insert_after_via(message, b"Record-Route: " + b", ".join(memo.record_routes))
    from_, to = message.first("from"), message.first("to")
    assert from_ is not None and to is not None
    tag = tags.answered(message, crossing)
    message.edits.replace(from_.start, from_.end, memo.from_)
    message.edits.replace(to.start, to.end, memo.to if memo.tagged or not tag else memo.to + b";tag=" + tag)
    _write_dialogues(message, crossing)
    _write_label(message, crossing.label)
    _write_numbers(message, crossing)


def stamp(message: SipMessage, crossing: Crossing) -> None:
    """Write what is our own on this hop."""
    if message.body_end < len(message.data):
        message.edits.delete(message.body_end, len(message.data))  # what follows the body is no part of the message
    if crossing.hop.listener.reliable:
        message.cache["framed"] = True  # a stream needs Content-Length (RFC 3261 section 18.3)
    filter_asserted(message, crossing)
    hidden = [host.encode() for host in crossing.hidden_hosts() if host != crossing.local.host]
    if crossing.reply:
        _sweep(message, crossing, hidden)
        stamp_reply(message, crossing)
    else:
        tags.write(message, crossing)
        _sweep(message, crossing, hidden)
        stamp_request(message, crossing, hidden)
    if crossing.path.options or (crossing.call is not None and crossing.call.memo is not None):
        _note_rules(message, crossing)


def _note_rules(message: SipMessage, crossing: Crossing) -> None:
    """What the path's rules are to do with the message, once it is written."""
    options, side = of(crossing.path), crossing.there.side
    numbers, lines = options.numbers.towards(side), options.rules.towards(side)
    after: list[Callable[[bytes], bytes]] = []
    if telephone.is_needed(numbers, crossing):
        after.append(partial(telephone.renumber, numbers, crossing))
    if lines:
        after.append(partial(rules.apply, lines))
    message.cache["after"] = after


def keys(message: SipMessage, crossing: Crossing) -> Keys:
    """What a stamped message is found by where it goes: `describe` would say the same of it there."""
    label, intent, asked = crossing.label, crossing.intent, crossing.exchange.intent
    if crossing.reply:
        party = unquote(tags.answered(message, crossing))
        call = dialogue_name(label, asked.party, party) if party else label
        return Keys(asked.call if asked.within else call, asked.exchange)
    from_tag = _tag_as_written(message, "from")
    if intent.within:
        call = dialogue_name(label, from_tag, _tag_as_written(message, "to"))
    else:
        uri = message.edits.between(message.data, message.uri_start, message.uri_end)
        call = opening_name(label, from_tag, uri)
    return Keys(call, exchange_name(_branch(crossing.exchange.token), message.method, label))


def _tag_as_written(message: SipMessage, name: str) -> bytes:
    """The tag of From or To as it goes on: some are hidden."""
    value = single(message, name)
    start, end = value.tag_span
    if start < 0 or message.edits.is_free(start, end):
        return value.tag
    return unfold(unquote(message.edits.between(message.data, start, end)))


def _alone(data: bytes, host: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where an address stands that is not part of a longer one; of IPv6 in any spelling, with its brackets."""
    if holds(host, b":"):
        for match in IPV6.finditer(data, start, end):
            if canonical(match[0].decode()).encode() == host:
                at, behind = match.span()
                around = data[at - 1 : at] == b"[" and data[behind : behind + 1] == b"]"
                yield at - around, behind + around
        return
    before, after = _IPV4_EDGES
    at = data.find(host, start, end)
    while at >= 0:
        behind = at + len(host)
        if before.match(data, at) is not None and after.match(data, behind, end) is not None:
            yield at, behind
        at = data.find(host, behind, end)


def _sweep(message: SipMessage, crossing: Crossing, hidden: list[bytes]) -> None:
    """Hide what headers say besides, of the side they come from: vendors write addresses into their own, phones into
    display names and parameters.

    Only addresses that the other side must not see are looked for, each as a whole, so that all else passes untouched;
    and only where nothing has been written yet.
    """
    spared = _KEPT if crossing.path.hosts is Hosts.KEEP else _ANSWERED if crossing.reply else _KNOWN
    for index, name in enumerate(message.names):
        if name not in spared and (found := _named(message.lines[index], hidden)):
            header = message.header(index)
            _hide(message, crossing, found, header.start, header.end)
    if message.reason:
        end = message.headers_start - len(message.eol)
        _hide(message, crossing, hidden, end - len(message.reason), end)
    mentions: Mentions | None = message.cache.get("mentions")
    for start, end in mentions.swept if mentions is not None else ():
        _hide(message, crossing, hidden, start, end)


def _named(text: bytes, hosts: list[bytes]) -> list[bytes]:
    """Which of `hosts` may be in `text`; of IPv6 in any spelling."""
    return [host for host in hosts if holds(text, host) or (holds(host, b":") and IPV6.search(text))]


def _hide(message: SipMessage, crossing: Crossing, hosts: list[bytes], start: int, end: int) -> None:
    for host in hosts:
        for span in _alone(message.data, host, start, end):
            if message.edits.is_free(*span):
                local = crossing.local.host
                around = message.data[span[0] : span[0] + 1] == b"["
                message.edits.replace(*span, (bracketed(local) if around else local).encode())


def _write_dialogues(message: SipMessage, crossing: Crossing) -> None:
    """Name the dialogues that a body tells of (RFC 4235) as they are named on the other side, so that what replaces one
    (RFC 3891) names it so."""
    mentions: Mentions | None = message.cache.get("mentions")
    for told in mentions.dialogues if mentions is not None else ():
        spans = (told.call_id, *told.tags)
        label, *marks = (unescape_xml(message.data[start:end]) for start, end in spans)
        if any(not name or _NO_NAME.search(name) for name in (label, *marks)):
            continue
        named = tags.elsewhere(crossing, b";local-tag=".join((label, *marks))).split(b";local-tag=")
        for (start, end), name in zip(spans, named, strict=True):
            message.edits.overwrite(start, end, escape_xml(name))


def _replace_vias(message: SipMessage, value: bytes) -> None:
    first, *others = message.all("via")
    message.edits.replace(first.start, first.end, value)
    for header in others:
        message.edits.delete(header.line_start, header.line_end)


def _drop_routes(message: SipMessage) -> None:
    for header in message.among(_ROUTES):
        message.edits.delete(header.line_start, header.line_end)


def insert_after_via(message: SipMessage, line: bytes) -> None:
    """Add a header line of our own, where hop-by-hop headers stand."""
    message.edits.insert(message.all("via")[0].line_end, line + message.eol)


def _write_target(message: SipMessage, crossing: Crossing, hidden: list[bytes]) -> None:
    uri = request_uri(message)
    target = crossing.target
    if target is not None and target.name:
        written = bulk.for_user(uri_of(target, uri.scheme), uri) if uri.is_sip else uri_of(target, uri.scheme)
        message.edits.replace(message.uri_start, message.uri_end, written)
        return
    if uri.is_sip:
        _write_transport(message, uri, crossing.hop.listener.transport)
        place = crossing.translate(Slot(Role.IDENTITY, Place(uri.address), uri))
        # whom it is for is never us: what may not be told of this side is the other side's to know
        write_host(message, uri, Place(Address(crossing.peer_host, 0)) if place.ours else place)
        _write_maddr(message, uri, hidden)
        _hide(message, crossing, hidden, uri.start, uri.host_start)
        _hide(message, crossing, hidden, uri.host_end, uri.end)
    else:
        _hide(message, crossing, hidden, uri.start, uri.end)


def _write_maddr(message: SipMessage, uri: Uri, hidden: list[bytes]) -> None:
    """Take out an `maddr` that led to us (RFC 3261 section 16.4): written as ours there, it would lead back."""
    if not holds(message.data[uri.start : uri.end].lower(), b";maddr="):
        return
    value, span = uri.params.get("maddr"), uri.param_whole("maddr")
    if value is not None and span is not None and to_bytes(value).strip(b"[]").lower() in hidden:
        message.edits.delete(*span)


def _write_transport(message: SipMessage, uri: Uri, transport: str) -> None:
    """Take out what the URI says of the hop before, which is not how the next one is reached."""
    span = uri.transport_span
    if uri.scheme == "sips" and transport not in SECURED:
        message.edits.replace(uri.start, uri.start + len(b"sips"), b"sip")
    if span is not None and said(uri.transport) != said(transport):
        message.edits.delete(*span)


def _write_hops(message: SipMessage) -> None:
    header = message.first("max-forwards")
    if header is None or message.hops is None:
        insert_after_via(message, b"Max-Forwards: %d" % MAX_FORWARDS)
    else:
        message.edits.replace(header.start, header.end, b"%d" % max(message.hops - 1, 0))


def _write_flow_timer(message: SipMessage, seconds: int) -> None:
    """Say within how many seconds a terminal is to send a keepalive, unless its registrar asks for more of them
    (RFC 5626 section 4.4): the way that it keeps open leads to us."""
    headers = message.all("flow-timer")
    said = [message.data[each.start : each.end].strip() for each in headers]
    if not seconds or any(each.isdigit() and 0 < int(each[:9]) <= seconds for each in said):
        return
    for header in headers:
        message.edits.delete(header.line_start, header.line_end)
    insert_after_via(message, b"Flow-Timer: %d" % seconds)


def _write_label(message: SipMessage, label: bytes) -> None:
    header = message.first("call-id")
    assert header is not None  # the decoder has seen to it
    message.edits.replace(header.start, header.end, label)


def _write_numbers(message: SipMessage, crossing: Crossing) -> None:
    """The CSeq number as the other side counts, where we have put requests of our own in between; RAck names one too
    (RFC 3262 section 7.2)."""
    number, method = message.cseq
    written = crossing.number(number)
    if written >= TOO_LARGE:
        raise BadMessage("CSeq number out of range")
    if written != number:
        header = message.first("cseq")
        assert header is not None  # the decoder has seen to it
        message.edits.replace(header.start, header.end, b"%d %b" % (written, method.encode()))
    if method != "PRACK" or crossing.reply:
        return
    for header in message.all("rack"):
        match = _RACK.fullmatch(message.data, header.start, header.end)
        asked = int(match[1]) if match is not None else 0
        if match is not None and crossing.number(asked) != asked:
            message.edits.replace(*match.span(1), b"%d" % crossing.number(asked))
