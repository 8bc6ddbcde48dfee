"""Calls and bindings as they come back after a restart, from what sbc/core/snapshot.py wrote of them.

A call goes on in the state it was in, with its names, its keys and its ports; its streams are opened again. What no
longer fits the plan is not taken up, or ended, with the reason. Times were written as times of day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import attrs

from sbc.core import (
    admission,
    admitted,
    answers,
    beside,
    channels,
    disband,
    homes,
    keepalive,
    keyed,
    lasting,
    leave,
    reach,
    sessions,
)
from sbc.core.address import Address
from sbc.core.banned import resume_ban
from sbc.core.binding import Binding, BindingState
from sbc.core.call import Call, CallState, Leg, Stream
from sbc.core.ending import end_call
from sbc.core.exchange import Change, Exchange, ExchangeState, Hop
from sbc.core.hops import literal_targets
from sbc.core.meeting import joined
from sbc.core.message import BadMessage, Ending, Refused, StreamKey, Who
from sbc.core.moving import as_it_was
from sbc.core.orders import Listener, Note, OpenStream, Order, StreamSpec
from sbc.core.plain import Frame, Unfit, form, read_object
from sbc.core.promises import Promise
from sbc.core.realm import Path, Realm
from sbc.core.registry import Registry
from sbc.core.snapshot import ANSWER, BINDING, CALL, CHANGE, EXCHANGE, LEG, PROMISE, STREAM, unpack

SHORT = 15.0
"""Seconds of absence in which no NAT forgets a mapping that media kept alive: nothing need be learned anew then."""
NO_PORTS = "its media ports could not be had after the restart"

_STATE = form(CallState)
_NUMBER = form(int)
_STREAM = form(tuple[StreamKey, str])
_CHANNELS = form(list[tuple[int, bytes, StreamKey, str]])


def resume_binding(registry: Registry, data: bytes, now: float, frame: Frame) -> list[Order]:
    """Take up a binding again. What it has told its terminal counts from now: the terminal will be back by then.

    @raises Unfit, having changed nothing.
    """
    binding = _made(Binding, read_object(BINDING, unpack("binding", data), frame))
    path, state = binding.path, binding.state
    if binding.lasting and state is BindingState.BOUND:  # for as long as it answers, and it is asked soon
        binding.grant_ends = now + binding.realm.registrations.core
    if registry.plan.realms[path.access] is not binding.realm:
        raise Unfit(f"its path {path.name} no longer begins in realm {binding.realm.name}")
    if binding.grant_ends <= now:
        raise Unfit("expired")
    if binding.id in registry.bindings or state is BindingState.PENDING:
        raise Unfit("is there already" if binding.id in registry.bindings else "was never confirmed")
    binding.listener = _own(binding.realm, binding.listener)
    binding.onward, orders = _terminals_own(registry, path, registry.plan.realms[path.core], binding.onward)
    registrar, binding.registrar = binding.registrar, _registrar(registry.plan.realms[path.core], binding)
    if binding.registrar != registrar:
        registry.touch(binding)
    told = min(max(binding.expires_at - binding.told_at, 0.0), binding.grant_ends - now)
    binding.told_at, binding.expires_at = now, now + told
    due, binding.due = binding.grant_ends if binding.due is None else max(binding.due, binding.expires_at), None
    registry.enter_binding(binding)
    _enter_names(registry, binding)
    registry.timers.set(binding, min(due, binding.grant_ends))
    keepalive.attend(registry, binding, now)
    if state is BindingState.DEAD and binding.watch is not None:
        keepalive.bury(registry, binding.watch, now)
    if len(literal_targets(path)) == len(path.next_hops) and homes.is_homeless(registry, binding):  # no name is open
        binding.untold = True
    if binding.lasting and binding.state is BindingState.BOUND:
        if binding.registrar is not None and binding.registrar.reliable:
            binding.untold = True  # the connection by which the core reached it is gone with the process
        registry.timers.set(binding, binding.grant_ends)
        if binding.is_to_be_restored:
            lasting.come_back(registry, binding, now)
        if binding.watch is not None:
            keepalive.ask_soon(registry, binding.watch, now)
    return orders


def resume_promise(registry: Registry, data: bytes, now: float, frame: Frame) -> list[Order]:
    """Take up leave for a call again. If the call had come, it is gone: who gave the leave hears of it, as ever.

    @raises Unfit, having changed nothing.
    """
    promise = _made(Promise, read_object(PROMISE, unpack("promise", data), frame))
    path, far = promise.path, promise.far
    if far is None or (promise.until <= now and not promise.begun):
        raise Unfit("holds no more")
    own, orders = _terminals_own(registry, path, registry.plan.realms[path.core], far.listener)
    promise.far, promise.ending = attrs.evolve(far, listener=own), Ending.SHUTDOWN
    registry.promises.keep(promise, now)
    leave.hold(registry, promise)
    return orders


def resume_answer(registry: Registry, data: bytes, now: float, frame: Frame) -> list[Order]:
    """Take up what a request was answered, for as long as it may come again.

    @raises Unfit, having changed nothing.
    """
    found = {"pieces": (), "receipt": None} | read_object(ANSWER, unpack("answer", data), frame)
    if found.keys() != ANSWER.keys() or not found["keys"] or found["due"] <= now:
        raise Unfit("nobody needs it any more")
    if any(key in registry.exchanges for key in found["keys"]):
        raise Unfit("has come again meanwhile")
    near = Hop(_our_end(registry, found["dialect"], found["own"]), found["peer"], found["otherwise"])
    said, receipt = (*found["pieces"], found["answer"]), None
    if found["receipt"] is not None:
        own, peer, token, heard, confirmation = found["receipt"]
        with suppress(Unfit):  # the asker's answer does not hang on it
            receipt = answers.Receipt(Hop(_our_end(registry, found["dialect"], own), peer), token, heard, confirmation)
    return answers.take_up(registry, found["dialect"], near, found["keys"], said, found["due"], now, receipt)


def _our_end(registry: Registry, dialect: str, own: tuple[str, str, Address]) -> Listener:
    """Our end of an exchange. @raises Unfit where there is no such realm any more."""
    name, transport, address = own
    realm, listener = registry.plan.realms.get(name), Listener(name, dialect, transport, address, address)
    known = registry.terminal_ports.find(listener)
    if known is not None:
        return known.over(transport)
    if realm is None:
        raise Unfit(f"there is no realm {name} any more")
    return _own(realm, listener)


OTHERS = {"binding": resume_binding, "promise": resume_promise, "answer": resume_answer, "ban": resume_ban}
"""What takes up what is no call, by what it is."""


def _registrar(core: Realm, binding: Binding) -> Hop | None:
    """Where the core would hear of its death, if that can still be said."""
    hop = binding.registrar
    own = (own for own in (binding.onward, *core.listeners) if hop is not None and _same(own, hop.listener))
    found = next(own, None)
    return None if hop is None or found is None else attrs.evolve(hop, listener=found)


def resume_call(
    registry: Registry, dialects: Mapping[str, Any], data: bytes, now: float, frame: Frame, away: float
) -> tuple[Call, list[Order]]:
    """Take up a call again, after an absence of `away` seconds; one that cannot go on is ended and its parties told.

    @raises Unfit where nobody can be told, having changed nothing.
    """
    plain = unpack("call", data)
    found = read_object(CALL, plain, frame)
    legs = [LEG.read(each, frame) for each in _list(plain, "legs")]
    streams: list[Stream] = [STREAM.read(each, frame) for each in _list(plain, "streams")]
    if any(
        len(both) != 2
        for each in streams
        for both in (each.remote, each.media, each.flows, each.held, each.latched, each.latched_rtcp, each.shared)
    ):
        raise Unfit("a stream has two sides")
    call, dialect = _call(registry, dialects, found, legs)
    call.memo = _memo(dialect, plain, frame)
    exchanges = [_exchange(call, dialect, each, streams, frame) for each in _list(plain, "exchanges")]
    state = _STATE.read(plain.get("state"), frame)
    runs = max(1, frame.run - _NUMBER.read(plain.get("run", 0), frame))
    if not frame.run and any(ward.force is not None for each in streams for ward in each.wards or ()):
        raise Unfit("its keys may have been used further than is known")
    if state is CallState.CLOSED:
        raise Unfit("has ended")
    joins = _CHANNELS.read(plain.get("channels", []), frame)
    orders = _enter(registry, call, state, found.get("due"), now)
    opening = plain.get("opening")
    if isinstance(opening, int) and 0 <= opening < len(exchanges):
        call.opening = exchanges[opening]
    for exchange in exchanges:
        orders += _enter_exchange(registry, call, exchange, now)
    lost = _enter_streams(registry, call, streams)
    for leg, name, key, kind in joins:
        if (key, kind) in call.streams:
            channels.join(call, leg, name, call.streams[key, kind])
    keepalive.attend(registry, call, now)
    if lost or state is CallState.CLOSING:
        return call, orders + reach.without(_end(registry, dialect, call, lost, now), {each.id for each in streams})
    for stream in streams:
        keyed.reopen(stream, runs)
    for exchange in exchanges:
        exchange.undo = tuple(attrs.evolve(each, wards=keyed.passed_over(each.wards, runs)) for each in exchange.undo)
    orders += [OpenStream(_spec(call, each, away)) for each in streams]
    orders.append(Note("call-resumed", f"after {away:.1f} s", call.id, {"state": state.value}))
    orders += [joined(call, other, now) for other in call.gathering.met] if call.gathering is not None else []
    return call, orders


def _call(registry: Registry, dialects: Mapping[str, Any], found: dict[str, Any], legs: list[Leg]) -> tuple[Call, Any]:
    later = {"gathering", "terminal", "holder", "urgent", "urgency"}  # which older releases' values lack
    missing = CALL.keys() - found.keys() - later
    if missing or len(legs) != 2:
        raise Unfit(f"lacks {sorted(missing) or 'a leg'}")
    path, dialect = found["path"], dialects.get(found["dialect"])
    if dialect is None:
        raise Unfit(f"{found['dialect']} is not spoken")
    if {leg.realm.name for leg in legs} != {path.access, path.core}:
        raise Unfit(f"its path {path.name} joins other realms")
    if found["id"] in registry.calls:
        raise Unfit("is there already")
    gathering = found.get("gathering")
    if gathering is not None:
        members = gathering.members
        taken = any(registry.members.find(gathering.gateway, each) is not None for each in members)
        if taken or len(set(members)) < len(members):
            raise Unfit("has a member that stands twice")
    call = Call(found.pop("id"), found.pop("dialect"), found.pop("path"), (legs[0], legs[1]), found.pop("opened_at"))
    for name, value in found.items():
        if name not in ("due", "keys"):
            setattr(call, name, value)
    call.keys = {key for key in found["keys"] if key not in registry.calls_by_key}
    return call, dialect


def _enter(registry: Registry, call: Call, state: CallState, due: float | None, now: float) -> list[Order]:
    orders: list[Order] = []
    for leg in sorted(call.legs, key=lambda leg: leg.realm.name == call.path.core):  # what may open a port comes last
        leg.listener, listen = _terminals_own(registry, call.path, leg.realm, leg.listener)
        orders += listen
    if state is CallState.EARLY:
        call.life.ring()
    elif state is not CallState.OPENING:
        call.life.answer()
    if state is CallState.CLOSING:
        call.life.hang_up()
    admission.resumed(registry, call)
    registry.enter_call(call, now if due is None else due)
    sessions.resumed(registry, call, now)
    if disband.deserted(registry, call) is not None:
        registry.timers.set(call, now)
    registry.calls_by_key.update((key, call) for key in call.keys)
    _enter_names(registry, call)
    return orders


def _enter_names(registry: Registry, owner: Call | Binding) -> None:
    for (realm, peer), token in owner.tokens.items():
        registry.names.enter(owner, realm, peer, token)


def _exchange(call: Call, dialect: Any, plain: Any, streams: list[Stream], frame: Frame) -> Exchange:
    """An exchange of `call` as it was, not yet in the registry. @raises Unfit."""
    found = read_object(EXCHANGE, plain, frame)
    try:
        intent = dialect.describe(dialect.decode(found.get("asked", b"")))
    except BadMessage as bad:
        raise Unfit(f"what was asked cannot be read: {bad.reason}") from bad
    timing = dialect.timing(intent)
    names = {key[3] for key in found.get("keys", ())}
    intent = next((each for each in intent.beside if each.exchange in names), intent)
    found = {"told": bool(found.get("heard")), **found, "intent": intent, "timing": timing, "path": call.path}
    exchange: Exchange = _made(Exchange, {**found, "memo": _memo(dialect, plain, frame)})
    alone = exchange.far is None and not beside.is_beside(exchange)
    if exchange.near is None or alone or not exchange.keys:
        raise Unfit("an exchange leads nowhere")
    own = [own.address for leg in call.legs for own in (*leg.realm.listeners, leg.listener)]
    if not all(listener.address in own for listener in exchange.listeners):
        raise Unfit("an exchange speaks by a listener that is no more")
    by_key = {(each.key, each.kind): each for each in streams}
    for each in _list(plain, "undo"):
        found = read_object(CHANGE, each, frame)
        stream = by_key.get(_STREAM.read(each.get("stream"), frame))
        if stream is not None:
            exchange.undo += (_made(Change, {**found, "stream": stream}),)
    return exchange


def _memo(dialect: Any, plain: Any, frame: Frame) -> Any:
    try:
        return dialect.recall_memo(form(bytes).read(plain.get("memo"), frame))
    except BadMessage as bad:
        raise Unfit(f"what its messages must say cannot be read: {bad.reason}") from bad


def _enter_exchange(registry: Registry, call: Call, exchange: Exchange, now: float) -> list[Order]:
    """Let an exchange go on where it was. What waits for an answer by a connection asks again: that is gone."""
    due, exchange.due, exchange.call = exchange.due, None, call
    for name in ("near", "far", "fallback"):
        setattr(exchange, name, _as_it_is(call, getattr(exchange, name)))
    if exchange.far is not None:
        exchange.neighbour = registry.hops.at(call.path, exchange.far)
    exchange.terminal = None if call.gathering is None else registry.bindings.get(call.gathering.gateway)
    registry.crowd.enter_exchange(exchange)
    registry.live_exchanges.add(exchange)
    registry.terminal_ports.hold(exchange, exchange.listeners)
    call.exchanges.add(exchange)
    registry.exchanges.update((key, exchange) for key in exchange.keys)
    registry.timers.set(exchange, now if due is None else due)
    if not exchange.open:
        return registry.linger(exchange, now)
    registry.waits.add(exchange)
    again = exchange.state is ExchangeState.TRYING and exchange.far is not None and exchange.far.reliable
    return [*exchange.onward(exchange.sent)] if again else []


def _as_it_is(call: Call, hop: Hop | None) -> Hop | None:
    """The hop by the listener as the plan has it now."""
    own = [own for leg in call.legs for own in (leg.listener, *leg.realm.listeners)]
    same = (each for each in own if hop is not None and _same(each, hop.listener))
    found = next(same, None)
    return hop if hop is None or found is None else attrs.evolve(hop, listener=found)


def _same(one: Listener, other: Listener) -> bool:
    return one.address == other.address and one.transport == other.transport


def _enter_streams(registry: Registry, call: Call, streams: Iterable[Stream]) -> bool:
    """Take the streams' ports again; whether one of them is not to be had."""
    lost = False
    for stream in streams:
        taken: list[tuple[Leg, int]] = []
        for leg, pair in zip(call.legs, stream.ours, strict=True):
            pool, port = registry.media_ports[leg.realm.name], pair.rtp.port
            if pair.rtp.host == leg.realm.media.address and pool.claim(port):
                taken.append((leg, port))
        numbers = registry.networks.numbers
        if len(taken) == 2 and numbers is not None and numbers.claim(stream.shared):
            call.streams[stream.key, stream.kind] = stream
            registry.networks.meetings.enter(call, stream)
            if stream.admitted is not None:
                admitted.hold(registry.networks, call, stream, stream.admitted, forced=True)
            continue
        lost = True
        for leg, port in taken:
            registry.media_ports[leg.realm.name].give(port, 0.0)
    return lost


def _end(registry: Registry, dialect: Any, call: Call, lost: bool, now: float) -> list[Order]:
    """End what cannot go on. The answer to a party's wish to end may be lost: both are told, and it was the party's."""
    if lost:
        return end_call(registry, dialect, call, NO_PORTS, Ending.CLEARED, now)
    cause, ending, who = call.cause or "hung up", call.ending or Ending.NORMAL, call.ended_by or Who.SBC
    return end_call(registry, dialect, call, cause, ending, now, who)


def _spec(call: Call, stream: Stream, away: float) -> StreamSpec:
    """The stream as the engine is to have it: media goes on to where it went. That the SBC was away is no reason to
    listen to strangers; only after a longer absence may a NAT have given the peer another address."""
    spec = as_it_was(call, stream)
    first, second = (
        each if each.latched is None or away >= SHORT else attrs.evolve(each, window=0.0) for each in spec.sides
    )
    return attrs.evolve(spec, sides=(first, second))


def _own(realm: Realm, listener: Listener) -> Listener:
    """The realm's listener that was this one. @raises Unfit."""
    own = next((own for own in realm.listeners if own.dialect == listener.dialect and _same(own, listener)), None)
    if own is None:
        raise Unfit(f"there is no listener {listener} any more")
    return own


def _terminals_own(registry: Registry, path: Path, realm: Realm, listener: Listener) -> tuple[Listener, list[Order]]:
    """The listener of realm or terminal that was this one, and what opens it. @raises Unfit."""
    if realm.name != path.core or any(_same(own, listener) for own in realm.listeners):
        return _own(realm, listener), []
    shared = registry.plan.core_listener(path)
    if (shared.realm, shared.address.host) != (listener.realm, listener.address.host):
        raise Unfit(f"there is no listener {listener} any more")
    try:
        return registry.terminal_ports.retake(path, shared, listener)
    except Refused as no:
        raise Unfit(f"{no.told}: {listener}") from no


def _made(kind: Any, found: dict[str, Any]) -> Any:
    names = {each.name: each.alias for each in attrs.fields(kind)}
    try:
        return kind(**{names[name]: value for name, value in found.items()})
    except TypeError as error:
        raise Unfit(f"is no whole {kind.__name__}: {error}") from error


def _list(plain: Any, name: str) -> list[Any]:
    found = plain.get(name)
    if not isinstance(found, list):
        raise Unfit(f"has no {name}")
    return found
