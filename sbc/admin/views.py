"""What is to be seen of a running SBC as plain values, fit for JSON: calls, streams, bindings, realms."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import attrs

from sbc.admin.marked import side_marks
from sbc.compiled import version
from sbc.core import keyed
from sbc.core.address import Address, Pair
from sbc.core.binding import Binding, BindingState
from sbc.core.border import Border
from sbc.core.call import Call, CallState, Leg, Stream
from sbc.core.fan import Fan
from sbc.core.hops import Neighbour, Target
from sbc.core.ports import PortPool
from sbc.core.realm import Path
from sbc.core.registry import Registry
from sbc.core.secured import said
from sbc.core.trunk import Trunk
from sbc.media.counters import Quality, SideCounters, Volume
from sbc.media.flow import SideView
from sbc.runner import Runner

View = dict[str, Any]


def words(data: bytes) -> str:
    """Bytes that a peer chose, as text; what is not UTF-8 is escaped."""
    return data.decode("utf-8", "backslashreplace")


def _host(address: Address | None) -> str | None:
    return None if address is None else str(address)


def _pair(pair: Pair | None) -> View | None:
    return None if pair is None else {"rtp": str(pair.rtp), "rtcp": _host(pair.rtcp)}


# -- calls


def call_view(call: Call, engine: Any, now: float) -> View:
    """A call in one row. `age` is in seconds since it was opened; `packets` came from leg 0 and from leg 1."""
    packets = [0, 0]
    for stream in call.streams.values():
        for index, side in enumerate(_counters(engine, stream.id)):
            packets[index] += side.received_rtp.packets + side.received_rtcp.packets
    return {
        "id": call.id,
        "state": call.state.value,
        "dialect": call.dialect,
        "path": call.path.name,
        "age": now - call.opened_at,
        "user": _user(call),
        "target": _target(call),
        "from": _end(call.legs[0]),
        "to": _end(call.legs[1]),
        "streams": len(call.streams),
        "packets": packets,
    }


def _user(call: Call) -> str:
    return "" if call.opening is None else words(call.opening.intent.user)


def _target(call: Call) -> str:
    """Whom the call is for: the place that a name of ours stood for, or what the caller wrote. Of who has no name there
    is where the call was asked to be taken, as the endpoint of a gateway."""
    place = call.target
    if place is None and call.opening is not None and call.opening.intent.target is not None:
        place = call.opening.intent.target.place
    named = words(call.asked.called or call.asked.callee) if call.gathering is not None else ""
    return named if place is None else words(place.name or call.asked.called) or str(place.address)


def _end(leg: Leg) -> View:
    return {"realm": leg.realm.name, "seen": str(leg.seen), "label": words(leg.label)}


def call_details(call: Call, engine: Any, now: float) -> View:
    """All of a call: both legs and every stream. `answered_after` is in seconds, None while nobody has."""
    return {
        **call_view(call, engine, now),
        "answered_after": None if call.answered_at is None else call.answered_at - call.opened_at,
        "cause": call.cause,
        "session": _session(call, now),
        "legs": [_leg(leg) for leg in call.legs],
        "media": [stream_details(call, stream, engine) for stream in call.streams.values()],
    }


def _session(call: Call, now: float) -> View | None:
    """Seconds until the parties must have refreshed the call, or until they are asked; None where they need not be."""
    session = call.session
    if session is None:
        return None
    return {
        "ends_in": None if session.until is None else session.until - now,
        "asks_in": None if session.ask_at is None else session.ask_at - now,
        "asking": len(session.open),
    }


def _leg(leg: Leg) -> View:
    return {
        **_end(leg),
        "listener": str(leg.listener),
        "behind_nat": leg.behind_nat,
        "latest": None if leg.latest is None else str(leg.latest.address),
        "parties": [
            {"party": words(party), "hops": [words(hop) for hop in route.hops]} for party, route in leg.routes.items()
        ],
    }


def call_matches(call: Call, find: str) -> bool:
    """Whether `find` is in what names the call: id, state, path, labels, seen addresses, user, target.

    Case is ignored, here and in the like of it below.
    """
    texts = [call.id, call.state.value, call.path.name, _user(call), _target(call)]
    return _any(find, texts + [text for leg in call.legs for text in (words(leg.label), str(leg.seen))])


def _any(find: str, texts: list[str]) -> bool:
    wanted = find.casefold()
    return any(wanted in text.casefold() for text in texts)


# -- streams


def stream_details(call: Call, stream: Stream, engine: Any) -> View:
    """A stream with both sides. `open` is False where the engine does not hold it, which is a fault in the books;
    `engine` is who forwards it now, and `engine_why` what keeps it from the kernel."""
    try:
        views, forwarder = engine.sides(stream.id), engine.forwarder(stream.id)
    except KeyError:
        views = forwarder = None
    counters = _counters(engine, stream.id)
    return {
        "id": stream.id,
        "call": call.id,
        "key": stream.key,
        "kind": stream.kind,
        "open": views is not None,
        "engine": None if forwarder is None else forwarder[0],
        "engine_why": "" if forwarder is None else forwarder[1],
        "sides": [
            {
                "realm": call.legs[index].realm.name,
                "ours": _pair(stream.ours[index]),
                "signalled": _pair(stream.remote[index]),
                **_latched(None if views is None else views[index]),
                "security": said(keyed.transport(call, stream, index)),
                "marks": side_marks(None if views is None else views[index]),
                **_counted(counters[index]),
            }
            for index in (0, 1)
        ],
    }


def _latched(view: SideView | None) -> View:
    """Where a side's media goes and why; `refused` counts the packets its latches turned away, by reason."""
    return {
        "rtp": _host(view.rtp) if view else None,
        "rtp_reason": view.rtp_reason if view else "",
        "rtcp": _host(view.rtcp) if view else None,
        "rtcp_reason": view.rtcp_reason if view else "",
        "mux": view.mux if view else False,
        "held": view.held if view else False,
        "refused": dict(view.refused) if view else {},
    }


def _counters(engine: Any, stream: str) -> tuple[SideCounters, SideCounters]:
    try:
        sides: tuple[SideCounters, SideCounters] = engine.counters(stream).sides
    except KeyError:  # not open: the console shows what the books say, whatever is wrong
        return SideCounters(), SideCounters()
    return sides


def _counted(side: SideCounters) -> View:
    return {
        "received": {"rtp": _volume(side.received_rtp), "rtcp": _volume(side.received_rtcp)},
        "sent": {"rtp": _volume(side.sent_rtp), "rtcp": _volume(side.sent_rtcp)},
        "dropped": side.drops.total,
        "drops": {name: count for name, count in attrs.asdict(side.drops).items() if count},
        "quality": None if side.quality is None else attrs.asdict(side.quality),
    }


def _volume(volume: Volume) -> View:
    return {"packets": volume.packets, "octets": volume.octets}


def stream_matches(call: Call, stream: Stream, find: str) -> bool:
    """Whether `find` is in the stream's id, kind, or one of its addresses, ours or signalled."""
    texts = [stream.id, stream.kind]
    for pair in (*stream.ours, *stream.remote):
        if pair is not None:
            texts += [str(pair.rtp), str(pair.rtcp)]
    return _any(find, texts) or call_matches(call, find)


# -- bindings


def binding_view(binding: Binding, now: float) -> View:
    """A binding. `place` is where the terminal believes to be, `presented` where the core side finds it.

    `expires_in` is what is left of what the terminal was told, `granted_for` of what the registrar granted, in seconds;
    None where there is no such time. `silent_for` is how long a watched terminal has been. `tokens` are its names.
    """
    return {
        "id": binding.id,
        "user": words(binding.user),
        "state": binding.state.value,
        "dialect": binding.dialect,
        "path": binding.path.name,
        "realm": binding.realm.name,
        "place": str(binding.place.address),
        "name": words(binding.place.name),
        "seen": str(binding.seen),
        "listener": str(binding.listener),
        "behind_nat": binding.behind_nat,
        "presented": str(binding.onward.advertised),
        "tokens": [{"realm": realm, "token": words(token)} for (realm, _), token in binding.tokens.items()],
        "lasting": binding.lasting,
        "expires_in": None if binding.lasting or binding.state is not BindingState.BOUND else binding.expires_at - now,
        "granted_for": None if binding.state is BindingState.PENDING else binding.grant_ends - now,
        "silent_for": None if binding.watch is None else now - binding.watch.heard_at,
    }


def binding_matches(binding: Binding, find: str) -> bool:
    """Whether `find` is in what names the binding: id, user, place, seen address, state."""
    place = binding.place
    texts = [binding.id, words(binding.user), words(place.name), str(place.address), str(binding.seen)]
    return _any(find, [*texts, binding.state.value])


# -- realms


def status_view(border: Border, runner: Runner, state: str, uptime: float, source: str) -> View:
    """The SBC as a whole: `uptime` is in seconds, `calls` those that are not over."""
    return {
        "version": version(),
        "state": state,
        "uptime": uptime,
        "process": os.getpid(),
        "configuration": source,
        "engine": runner.engine.name,
        "engine_why": runner.choice.why,
        "calls": sum(call.state is not CallState.CLOSED for call in border.registry.calls.values()),
        "bindings": len(border.registry.bindings),
        "streams": len(runner.engine.streams()),
        "remembered": len(runner.memory),
    }


def path_view(registry: Registry, path: Path, calls: int, now: float) -> View:
    """A path: what it joins, the next hops as configured and as they are; `calls` are those that are on it."""
    return {
        "name": path.name,
        "access": path.access,
        "core": path.core,
        "transport": path.transport,
        **_hops_view(registry, path, now),
        "trunks": [trunk_view(registry, trunk, now) for trunk in registry.plan.realms[path.access].trunks],
        "domain": path.domain,
        "signaling": path.signaling.value,
        "calls": calls,
    }


def trunk_view(registry: Registry, trunk: Trunk, now: float) -> View:
    """A trunk of a path's access realm: what is called there, and its next hops as configured and as they are."""
    return {
        "name": trunk.name,
        "protocol": trunk.protocol,
        "transport": trunk.transport,
        "called": [each.written for each in trunk.called],
        **_hops_view(registry, trunk, now),
    }


def _hops_view(registry: Registry, fan: Fan, now: float) -> View:
    """The next hops of a path or trunk as configured, and as they are."""
    return {
        "next_hops": [
            {"to": str(hop.to), "priority": hop.priority, "weight": hop.weight, "transport": hop.transport}
            for hop in fan.next_hops
        ],
        "neighbours": neighbours_view(registry, fan, now),
    }


def neighbours_view(registry: Registry, fan: Fan, now: float) -> list[View]:
    """The next hops of a path or trunk as they are."""
    ways = sorted(registry.hops.of(fan), key=lambda way: (way[0].priority, -way[0].weight))
    return [neighbour_view(fan, target, neighbour, now) for target, neighbour in ways]


def neighbour_view(fan: Fan, target: Target, neighbour: Neighbour, now: float) -> View:
    """A next hop as it is known to be. `since`, `heard` and `asked_again` are in seconds, None where that never was or
    will be; `sent` are requests, `failures` those of them that went elsewhere in the end."""
    heard = now - neighbour.heard_at
    return {
        "path": fan.label,
        "hop": str(neighbour.hop.peer),
        "name": target.name,
        "transport": neighbour.hop.listener.transport,
        "priority": ".".join(map(str, target.priority)),
        "weight": target.weight,
        "state": neighbour.state.value,
        "why": neighbour.why,
        "since": now - neighbour.since if neighbour.since else None,
        "heard": heard if heard != float("inf") else None,
        "answer": neighbour.said,
        "sent": neighbour.sent,
        "failures": neighbour.failures,
        "probed": neighbour.probes is not None,
    }


def media_view(registry: Registry, engine: Any, now: float) -> list[View]:
    """What is relayed in each realm by the streams there are now: packets and octets, RTP and RTCP together; and of the
    RTP from there how many packets were lost, and the highest jitter (ms) and lowest MOS of any."""
    streams: Counter[str] = Counter()
    received: dict[str, Volume] = {}
    sent: dict[str, Volume] = {}
    dropped: Counter[str] = Counter()
    quality: dict[str, list[Quality]] = {}
    for call in registry.calls.values():
        for stream in call.streams.values():
            for leg, side in zip(call.legs, _counters(engine, stream.id), strict=True):
                name = leg.realm.name
                streams[name] += 1
                received[name] = received.get(name, Volume()) + side.received
                sent[name] = sent.get(name, Volume()) + side.sent
                dropped[name] += side.drops.total
                if side.quality is not None:
                    quality.setdefault(name, []).append(side.quality)
    return [
        {
            "realm": realm.name,
            "address": realm.media.address,
            "ports": f"{realm.media.ports.start}-{realm.media.ports.stop - 1}",
            **ports_view(registry.media_ports[realm.name], now),
            "streams": streams[realm.name],
            "received": _volume(received.get(realm.name, Volume())),
            "sent": _volume(sent.get(realm.name, Volume())),
            "dropped": dropped[realm.name],
            **_qualities(quality.get(realm.name, [])),
        }
        for realm in registry.plan.realms.values()
    ]


def _qualities(found: list[Quality]) -> View:
    return {
        "expected": sum(each.expected for each in found),
        "lost": sum(each.lost for each in found),
        "jitter": max((each.jitter for each in found if each.jitter is not None), default=None),
        "mos": min((each.mos for each in found if each.mos is not None), default=None),
    }


def ports_view(pool: PortPool, now: float) -> View:
    """How many runs of a pool's ports are in use, resting after use, and free."""
    used = len(pool.used)
    resting = pool.resting(now)
    return {"pairs": pool.size, "used": used, "resting": resting, "free": pool.size - used - resting}
