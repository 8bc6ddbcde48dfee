"""The registry: every call, binding and exchange there is, found by the keys messages carry, given back whole."""

from __future__ import annotations

from collections import Counter

import attrs

from sbc.core import account, admission, ahead, answers, bound, group, local
from sbc.core.address import Address
from sbc.core.backlog import Backlog
from sbc.core.binding import Binding, BindingState
from sbc.core.call import MOST_PARTIES, Call, CallState, Leg
from sbc.core.crowd import Crowd
from sbc.core.doors import Controls
from sbc.core.exchange import Exchange, Hop
from sbc.core.group import Group
from sbc.core.habits import Learner
from sbc.core.held import Held, HeldKey
from sbc.core.hops import Hops
from sbc.core.keys import CallKey, ExchangeKey, bound_key, call_key, is_far, local_key
from sbc.core.lines import Lines
from sbc.core.members import Members
from sbc.core.message import Intent, Place
from sbc.core.mint import Mint
from sbc.core.names import Names
from sbc.core.networks import Networks
from sbc.core.orders import Listener, Note, Order
from sbc.core.pending import Pending
from sbc.core.ports import PortPool
from sbc.core.promises import Promise, Promises
from sbc.core.realm import Path, Plan, Probing, Realm, Side
from sbc.core.streams import close_stream
from sbc.core.terminals import TerminalPorts
from sbc.core.ties import Ties
from sbc.core.timers import Timers
from sbc.core.value import value
from sbc.core.vouched import Vouched
from sbc.core.waits import Waits
from sbc.core.watch import Watch, WatchKey
from sbc.policy.ahead import Ahead
from sbc.policy.gate import Gate

MOST_KEYS = 4 * MOST_PARTIES
"""Keys a call may have: so many answers of forked branches, on both sides, twice over. More are a flood."""


@value
class Arrival:
    """A message as it arrived: on which listener, from which transport address, its bytes, and when (seconds)."""

    listener: Listener
    source: Address
    data: bytes
    now: float
    proven: str = ""  # the name the peer has proven to have, where connections are secured


class Registry:
    """Tables and their book-keeping. Whatever adds to a table here has its twin that takes away."""

    def __init__(self, plan: Plan, mint: Mint) -> None:
        self.networks, self.mint = Networks(plan, mint), mint
        self.draining: int | None = None  # seconds after which who is turned away may ask again; None: nobody is
        self.gate = Gate(plan)
        self.networks.book, self.ahead = self.gate.book, Ahead(self.gate.book)
        self.names, self.timers, self.hops = Names(mint), Timers(), Hops(plan, mint)
        self.calls: dict[str, Call] = {}
        self.calls_by_key: dict[CallKey, Call] = {}
        self.ties, self.promises, self.vouched = Ties(self.stays), Promises(self.timers), Vouched()
        self.lines, self.members, self.live_exchanges = Lines(), Members(), set[Exchange]()
        self.calls_by_label: dict[tuple[str, bytes], list[Call]] = {}
        self.exchanges: dict[ExchangeKey, Exchange] = {}
        self.crowd, self.waits, self.backlog, self.held = Crowd(plan), Waits(), Backlog(), dict[HeldKey, Held]()
        self.bindings: dict[str, Binding] = {}  # by id
        self.bindings_at: dict[tuple[str, bytes, Place], Group[Binding]] = {}
        self.bindings_by_user: dict[tuple[str, bytes], Group[Binding]] = {}
        self.bindings_by_source: dict[tuple[str, Address], Group[Binding]] = {}
        self.bindings_by_handle: dict[tuple[str, bytes], Group[Binding]] = {}
        self.pending = Pending(self.bindings_at, self.bindings_by_user)
        self.terminal_ports, self.controls = TerminalPorts(plan), Controls(plan, self.timers)
        self.changed: dict[Call | Binding | Promise | Exchange, None] | None = None  # for who keeps them, if anybody
        self.watches: dict[WatchKey, Watch] = {}
        adaptive = (each for each in plan.realms.values() if each.keepalive.mode is Probing.ADAPTIVE)
        self.learners = {each.name: Learner(each.keepalive.longest) for each in adaptive}

    # -- what the plan says

    @property
    def plan(self) -> Plan:
        """What is configured, and realms of former plans that somebody is still in."""
        return self.networks.plan

    @property
    def media_ports(self) -> dict[str, PortPool]:
        """The media ports of each configured realm."""
        return self.networks.media.current

    def touch(self, owner: Call | Binding | Promise | Exchange | None) -> None:
        """`owner` is not what it was: what is kept of it is to be written anew."""
        if self.changed is not None and owner is not None:
            self.changed[owner] = None

    # -- calls

    def add_call(self, call: Call, now: float) -> list[Order]:
        """Take in a new call, which has been let in."""
        call.ends_at = now + self.plan.timers.call_max
        self.enter_call(call, call.ends_at)
        return [account.opened(call)]

    def enter_call(self, call: Call, due: float) -> None:
        """Let a call that is admitted be found."""
        self.crowd.in_realm["dialogues", call.legs[0].realm.name] += 1
        self.calls[call.id] = call
        for leg in call.legs:
            self.waits.join(leg)
            self.calls_by_label.setdefault((leg.realm.name, leg.label), []).append(call)
        self.ties.tie(call)
        self.members.enter(call)
        self.touch(ahead.begun(self, self.promises.begin(call), call))
        self.terminal_ports.hold(call, [leg.listener for leg in call.legs])
        self.timers.set(call, due)
        self.touch(call)

    def name_call(self, call: Call, leg: Leg, name: bytes) -> None:
        """Let `name` on that leg mean `call` too. A name another live call holds stays with that call."""
        key = self.key_of(call, leg, name)
        if len(call.keys) < MOST_KEYS and self.calls_by_key.setdefault(key, call) is call:
            call.keys.add(key)

    def move_leg(self, call: Call, leg: Leg, hop: Hop, now: float) -> list[Order]:
        """Let the peer of one leg of `call` be reached by `hop` from now on."""
        old, live = leg.listener, call.state is not CallState.CLOSED
        orders = self.ties.move(call, Hop(old, leg.seen), hop)
        if live:
            self.waits.leave(leg)
        leg.listener, leg.seen = hop.listener, hop.peer
        if live:
            self.waits.join(leg)
        self.terminal_ports.hold(call, kept := [each.listener for each in call.legs])
        return orders if old in kept else orders + self.terminal_ports.let_go(call, [old], now)

    def has_call(self, id: str) -> bool:
        """Whether there is a call of that id that is not over."""
        return (call := self.calls.get(id)) is not None and call.state is not CallState.CLOSED

    def is_named(self, call: Call, leg: Leg, name: bytes) -> bool:
        """Whether `name` on that leg means `call` already."""
        return self.key_of(call, leg, name) in call.keys

    def call_named(self, realm: Realm, source: Address, name: bytes) -> Call | None:
        """The call that somebody at `source` means by `name`."""
        return self.calls_by_key.get(call_key(realm, source, name))

    def call_meant(self, arrival: Arrival, intent: Intent) -> Call | None:
        """The call that a message means by its name, and by the connection or gateway it came by where that counts."""
        if intent.local:
            return local.call_meant(self, arrival, intent)
        if intent.bound:
            return self.calls_by_key.get(bound_key(arrival.listener, arrival.source, intent.call, bool(intent.back)))
        return self.call_named(self.plan.realms[arrival.listener.realm], arrival.source, intent.call)

    def key_of(self, call: Call, leg: Leg, name: bytes) -> CallKey:
        """What `call` is found by where it is called `name` on that leg."""
        if call.gathering is not None:
            return local_key(leg.realm.name, call.gathering.gateway, name)
        if not call.bound:
            return call_key(leg.realm, leg.seen, name)
        return bound_key(leg.listener, leg.seen, name, call.directed and leg is call.legs[1])

    def unname_call(self, call: Call) -> None:
        """Take all keys from a call, so that a new attempt may have them."""
        for key in call.keys:
            del self.calls_by_key[key]
        call.keys.clear()

    def close_call(self, call: Call, now: float) -> list[Order]:
        """Close a call's streams and end its record; its keys stay for late messages until `forget_call`."""
        orders: list[Order] = []
        for stream in list(call.streams.values()):
            orders += close_stream(self.networks, call, stream, now)
        self.members.leave(call)
        self.timers.set(call, now + self.plan.timers.linger)
        self.leave(call, now)
        self.touch(call)
        for leg in call.legs:
            self.waits.leave(leg)
        orders += self.ties.cut(call) + self.controls.close(call, now)
        if call.pulse is not None:
            self.timers.set(call.pulse, None)
            call.pulse = None
        self.promises.over(call, now)
        orders.append(account.closed(call, now))
        self.gate.book.close(call.ticket)
        for old in self.crowd.end_call(call):
            self.crowd.late_calls.drop(old)
            for exchange in [each for each in old.exchanges if each in self.crowd.late_exchanges]:
                orders += self.forget_exchange(exchange, now)
            if not old.exchanges:  # else it goes with the last of them
                orders += self.forget_call(old, now)
        return orders

    def forget_call(self, call: Call, now: float) -> list[Order]:
        """The last anybody hears of a call."""
        del self.calls[call.id]
        call.opening = None  # which knows the call: neither is left to the garbage collector
        self.crowd.late_calls.drop(call)
        self.unname_call(call)
        self.names.release(call)
        for leg in call.legs:
            named = self.calls_by_label[leg.realm.name, leg.label]
            named.remove(call)
            if not named:
                del self.calls_by_label[leg.realm.name, leg.label]
        self.timers.set(call, None)
        return self.terminal_ports.let_go(call, [leg.listener for leg in call.legs], now)

    def lane(self, listener: Listener, awaited: bool = False) -> Listener:
        """A connection of its own that is made from there: by us or, `awaited`, by the peer."""
        return attrs.evolve(listener, lane=self.mint.short(), awaited=awaited)

    def stays(self, hop: Hop) -> bool:
        """Whether a terminal is reached by that connection, whatever goes by it."""
        there = self.bindings_by_source.get((hop.listener.realm, hop.peer), ())
        return self.lines.holds(hop) or any(binding.listener == hop.listener for binding in there)

    # -- exchanges

    def add_exchange(self, exchange: Exchange, now: float) -> None:
        """Take in an exchange, to be found from the side it came from.

        @raises Refused when its source or realm asks too much at once.
        """
        self.crowd.add_exchange(exchange)
        near = exchange.near
        if near is not None:
            self.key_exchange(exchange, near.key(exchange.intent, exchange.intent.exchange))
        self.live_exchanges.add(exchange)
        self.terminal_ports.hold(exchange, exchange.listeners)
        exchange.deadline = now + exchange.timing.limit

    def asker(self, arrival: Arrival, intent: Intent) -> Hop:
        """Where its answer goes: to where it came from; in a core realm, without NATs, to where it wants to be told."""
        listener, source = arrival.listener, arrival.source
        if self.plan.realms[listener.realm].side is Side.ACCESS:
            return Hop(listener, source)
        if listener.reliable:
            return Hop(listener, source, source._replace(port=intent.claimed.port) if intent.claimed else None)
        return Hop(listener, source._replace(port=intent.answers.port) if intent.answers else source)

    def move_exchange(self, exchange: Exchange, near: Hop, now: float) -> list[Order]:
        """Let whoever asked be reached by another hop from now on; it is found from there, too."""
        self.crowd.move_exchange(exchange, near)
        old, exchange.near = exchange.listeners, near
        self.terminal_ports.hold(exchange, exchange.listeners)
        for name in {key[3] for key in exchange.keys if not is_far(key)}:
            self.key_exchange(exchange, near.key(exchange.intent, name))
        return self.terminal_ports.let_go(exchange, set(old) - set(exchange.listeners), now)

    def linger(self, exchange: Exchange, now: float) -> list[Order]:
        """An exchange has ended: from now on it only absorbs what comes late, and counts against nobody."""
        answers.keep(self, exchange)
        return [each for old in self.crowd.end_exchange(exchange) for each in self.forget_exchange(old, now)]

    def join(self, exchange: Exchange, call: Call | None) -> None:
        """Make a live exchange part of `call`, until it is forgotten."""
        exchange.call = call
        if call is not None:
            call.exchanges.add(exchange)

    def reach(self, exchange: Exchange, far: Hop | None, now: float, fallback: Hop | None = None) -> list[Order]:
        """Let an exchange speak to the far side by another hop than it did, or by none; by `fallback` after that."""
        self.waits.drop(exchange)  # until it is sent by the new one
        old, exchange.far, exchange.fallback = exchange.listeners, far, fallback
        self.terminal_ports.hold(exchange, exchange.listeners)
        return self.terminal_ports.let_go(exchange, set(old) - set(exchange.listeners), now)

    def key_exchange(self, exchange: Exchange, key: ExchangeKey) -> None:
        """Let `key` find the exchange."""
        self.exchanges[key] = exchange
        exchange.keys.append(key)

    def unkey_exchange(self, exchange: Exchange, key: ExchangeKey) -> None:
        """The twin of `key_exchange`: the name is another's from now on."""
        del self.exchanges[key]
        exchange.keys.remove(key)

    def forget_exchange(self, exchange: Exchange, now: float) -> list[Order]:
        """The last anybody hears of an exchange; registrations that it left pending go with it."""
        self.crowd.drop_exchange(exchange)
        self.ahead.drop(exchange)
        for key in exchange.keys:
            if self.exchanges.get(key) is exchange:
                del self.exchanges[key]
        self.live_exchanges.discard(exchange)
        self.waits.drop(exchange)
        self.touch(exchange if exchange.kept else None)
        if exchange.call is not None:
            exchange.call.exchanges.discard(exchange)
            if exchange.timing.confirmed:
                self.touch(exchange.call)
        self.names.release(exchange)
        self.timers.set(exchange, None)
        orders = self.terminal_ports.let_go(exchange, exchange.listeners, now)
        return orders + self.drop_pending(exchange, now)

    def drop_pending(self, exchange: Exchange, now: float) -> list[Order]:
        """Let go of the bindings an exchange would have made; those nobody else vouches for are forgotten."""
        orders: list[Order] = []
        for binding in exchange.bindings:
            binding.claims = group.parted(binding.claims, exchange)
            alive = binding.id in self.bindings
            if alive and binding.state is BindingState.PENDING and not binding.claims:
                orders += self.forget_binding(binding, "not confirmed by the registrar", now)
        exchange.bindings.clear()
        return orders

    # -- bindings

    def binding_for(
        self, arrival: Arrival, path: Path, intent: Intent, place: Place, flow: bytes
    ) -> tuple[Binding, list[Order]]:
        """The binding of `place`, made PENDING if there is none: then it has the port of the one that it will replace,
        which had come by the same `flow`. @raises Refused when the realm is full."""
        realm = self.plan.realms[path.access]
        known = (arrival, intent, place, flow)
        found = bound.binding_of(self, *known) or bound.otherwise(self, *known)
        if found is not None:
            return found, []
        before = bound.before(self, arrival, intent, flow)
        admission.may_bind(self, arrival, path, intent.user, before)
        if before is not None and before.path is path:
            onward, orders = before.onward, list[Order]()
        else:
            onward, orders = self.terminal_ports.take(path, self.plan.core_listener(path), arrival.now)
        own, id, said = arrival.listener, self.mint.token()[:8].decode(), (intent.user, place)
        binding = Binding(id, own.dialect, path, realm, *said, arrival.source, own, onward, intent.label, flow=flow)
        self.enter_binding(binding)
        return binding, orders

    def enter_binding(self, binding: Binding) -> None:
        """Let a binding be found."""
        realm = binding.realm.name
        admission.entered(self, binding)
        self.bindings[binding.id] = binding
        self.pending.enter(binding)
        group.enter(self.bindings_by_source, (realm, binding.seen), binding)
        bound.rename(self, binding, binding.handle)
        self.terminal_ports.give_to(binding)

    def move_binding(self, binding: Binding, source: Address, listener: Listener) -> bool:
        """Let the terminal be at `source` from now on, spoken to by `listener`; whether that is news."""
        moved = binding.seen != source
        if moved:
            self._unsee(binding)
            binding.seen = source
            group.enter(self.bindings_by_source, (binding.realm.name, source), binding)
        binding.listener = listener
        return moved

    def forget_binding(self, binding: Binding, why: str, now: float) -> list[Order]:
        """Take a binding out, and give its port back unless a call still uses it."""
        del self.bindings[binding.id]
        for call in self.members.of(binding.id):  # they are over, and who is left in them hears of it
            self.timers.set(call, now)
        self.pending.leave(binding)
        admission.left(self, binding)
        self._unsee(binding)
        orders = self.ties.hang_up(self.lines.take(binding))
        bound.rename(self, binding, b"")
        self.names.release(binding)
        self.leave(binding, now)
        self.touch(binding)
        self.timers.set(binding, None)
        note = Note("unbound", why, "", {"binding": binding.id, "user": binding.user.decode(errors="replace")})
        return [note, *orders, *self.terminal_ports.let_go(binding, [binding.onward], now)]

    def leave(self, owner: Binding | Call, now: float) -> None:
        """`owner` no longer needs its terminal watched; a watch that nobody needs is over."""
        watch, owner.watch = owner.watch, None
        if watch is None:
            return
        watch.owners = group.parted(watch.owners, owner)
        if not watch.owners:
            del self.watches[watch.key]
            self.timers.set(watch, None)
            if watch.probe is not None:
                self.forget_exchange(watch.probe, now)
            learner = self.learners.get(watch.listener.realm)
            if learner is not None:
                learner.release((watch.listener.transport, watch.peer.host), watch)

    def counts(self) -> Counter[tuple[str, str]]:
        """What is there, counted anew; for the auditor."""
        return self.crowd.counts(self.calls.values(), self.bindings.values(), self.live_exchanges)

    def _unsee(self, binding: Binding) -> None:
        group.leave(self.bindings_by_source, (binding.realm.name, binding.seen), binding)
