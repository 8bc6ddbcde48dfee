"""A call told in full: the block of text that `call(id)` prints."""

from __future__ import annotations

from collections.abc import Iterator

from sbc.admin.further import further_lines
from sbc.admin.gathered import gathered_lines
from sbc.admin.tables import Row, duration, shown

MOST_PARTIES = 8
"""Parties of a forked call that are shown."""


def status_text(status: Row) -> str:
    """The text of what `views.status_view` returns."""
    return "\n".join(
        (
            f"sbc {status['version']}, {status['state']}, up for {duration(status['uptime'])}",
            f"  process       {status['process']}",
            f"  configuration {shown(status['configuration'])}",
            f"  media engine  {shown(status['engine'])}{_because(status['engine_why'])}",
            f"  calls         {status['calls']}",
            f"  bindings      {status['bindings']}",
            f"  streams       {status['streams']}",
            f"  remembered    {status['remembered']} calls",
        )
    )


def _because(why: str) -> str:
    return f", {shown(why)}" if why else ""


def call_text(call: Row) -> str:
    """The text of what `views.call_details` returns."""
    return "\n".join(_lines(call))


def _lines(call: Row) -> Iterator[str]:
    yield f"call {call['id']}: {call['state']}, {call['dialect']}, path {call['path']}"
    answered = call["answered_after"]
    when = "not answered" if answered is None else f"answered after {duration(answered)}"
    yield f"  opened {duration(call['age'])} ago, {when}"
    yield f"  user   {shown(call['user'])}"
    yield f"  target {shown(call['target'])}"
    yield f"  cause  {shown(call['cause'])}"
    if call["session"] is not None:
        yield f"  session {_session(call['session'])}"
    for index, leg in enumerate(call["legs"]):
        yield from _leg(index, leg)
    yield from further_lines(call.get("further", []))
    yield from gathered_lines(call.get("gathered"))
    for stream in call["media"]:
        yield from _stream(stream)
    if not call["media"]:
        yield "  no streams"


def _session(session: Row) -> str:
    if session["ends_in"] is not None:
        return f"to be refreshed within {duration(session['ends_in'])}"
    asking = f"asking {session['asking']} of its parties"
    return asking if session["asks_in"] is None else f"parties are asked in {duration(session['asks_in'])}"


def _leg(index: int, leg: Row) -> Iterator[str]:
    yield f"  leg {index} in {leg['realm']}"
    yield f"    listener   {leg['listener']}"
    yield f"    seen       {leg['seen']}"
    yield f"    behind NAT {shown(leg['behind_nat'])}"
    yield f"    label      {shown(leg['label'])}"
    yield f"    place      {shown(leg['latest'])}"
    routed = [party for party in leg["parties"] if party["hops"]]
    for party in routed[:MOST_PARTIES]:
        yield f"    route      {shown(party['party'])} by {', '.join(map(shown, party['hops']))}"
    if len(routed) > MOST_PARTIES:
        yield f"    ... and {len(routed) - MOST_PARTIES} more"


def _stream(stream: Row) -> Iterator[str]:
    yield f"  stream {stream['id']}, {stream['kind']}, {_engine(stream)}"
    for index, side in enumerate(stream["sides"]):
        marks = (", RTCP on the RTP port" if side["mux"] else "") + (", on hold" if side["held"] else "")
        yield f"    side {index} in {side['realm']}{marks}"
        yield f"      ours      {_pair(side['ours'])}"
        yield f"      signalled {_pair(side['signalled'])}"
        if side["security"] != "none":
            yield f"      secured   {side['security']}"
        yield f"      RTP to    {_latched(side['rtp'], side['rtp_reason'])}"
        if side["ours"]["rtcp"] is not None:
            yield f"      RTCP to   {_latched(side['rtcp'], side['rtcp_reason'])}"
        for way, name in (("received", "received "), ("sent", "sent     ")):
            yield f"      {name} {_volume(side[way]['rtp'])}; RTCP {_volume(side[way]['rtcp'])}"
        yield f"      dropped   {_reasons(side['drops'])}"
        if side["quality"] is not None:
            yield f"      quality   {_quality(side['quality'])}"
        if side["marks"] is not None:
            yield f"      marked    {side['marks']['sent']}; incoming: {side['marks']['incoming']}"
        if side["refused"]:
            yield f"      refused   {_reasons(side['refused'])}"


def _engine(stream: Row) -> str:
    if not stream["open"]:
        return "NOT OPEN in the engine"
    why = f" ({shown(stream['engine_why'])})" if stream["engine_why"] else ""
    return f"forwarded by {shown(stream['engine'])}{why}"


def _pair(pair: Row | None) -> str:
    if pair is None:
        return "-"
    return pair["rtp"] if pair["rtcp"] is None else f"{pair['rtp']} and {pair['rtcp']}"


def _latched(address: str | None, reason: str) -> str:
    return f"{shown(address)} ({shown(reason) if reason else 'not latched'})"


def _volume(volume: Row) -> str:
    return f"{volume['packets']} packets, {volume['octets']} octets"


def _quality(quality: Row) -> str:
    expected, lost = quality["expected"], quality["lost"]
    told = [] if quality["mos"] is None else [f"MOS {quality['mos']:.2f}"]
    told.append(f"{lost} of {expected} lost ({100 * lost / expected:.2f} %)")
    told += [f"{quality[name]} {name}" for name in ("late", "duplicates") if quality[name]]
    if quality["jitter"] is not None:
        told.append(f"jitter {quality['jitter']:.1f} ms, {quality['jitter_max']:.1f} at most")
    if quality["rtt"] is not None:
        told.append(f"round trip {quality['rtt']:.1f} ms")
    if quality["missed"] is not None:
        told.append(f"misses {quality['missed']} of what was sent to it")
    return "; ".join(told)


def _reasons(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {shown(reason)}" for reason, count in counts.items()) or "0"
