"""The border: the one loop that takes every message of every protocol across. Bytes and `now` in, orders out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import attrs

from sbc.core import (
    beside,
    control,
    failover,
    front,
    gating,
    inquiry,
    keepalive,
    keyed,
    lost,
    probing,
    reach,
    recall,
    resume,
    transact,
)
from sbc.core.address import Address, is_literal, parse_address
from sbc.core.backlog import Backlog
from sbc.core.binding import Binding
from sbc.core.call import Call
from sbc.core.doors import Control
from sbc.core.ending import end_call, resumed, silent, unsecured
from sbc.core.exchange import Exchange, Hop
from sbc.core.held import Held
from sbc.core.hops import Neighbour, Target
from sbc.core.message import BadMessage, Cause, Ending, NoMessage, Refused
from sbc.core.mint import Mint
from sbc.core.networks import Networks
from sbc.core.orders import Listener, Order, Send, Wake
from sbc.core.plain import Frame
from sbc.core.promises import Promise
from sbc.core.pulse import Pulse
from sbc.core.realm import Path, Plan, Side
from sbc.core.refusing import answer_late, bad_message, refuse
from sbc.core.registry import Arrival, Registry
from sbc.core.replan import replan, sweep
from sbc.core.reuse import offered
from sbc.core.secured import Fingerprint, Key
from sbc.core.standing import as_it_stands, call_of
from sbc.core.taking import Mishap, take_reply, take_request
from sbc.core.timers import Timed
from sbc.core.trust import is_known, standing
from sbc.core.watch import Watch
from sbc.core.way import refuse_misled

MOST_PARTS = 16
"""Messages that one datagram or frame may be made of; what follows is not read."""


class Border:
    """All state of the SBC's signalling, and the only way in: `receive`, `wake`, and what went wrong outside.
    Synchronous throughout.

    `dialects` maps each protocol's word to its IDialect.
    """

    def __init__(self, plan: Plan, dialects: Mapping[str, Any], mint: Mint) -> None:
        self.dialects = dialects
        self.registry = Registry(plan, mint)
        self.registry.gate.flood.exempt = partial(gating.is_exempt, self.registry)
        self.concerned = ""  # the id of the call that the last message belongs to, empty where it belongs to none
        self._wake_order: Wake | None = None  # the last that was given, until it is met

    def start(self, now: float) -> list[Order]:
        """The listeners are open: from now on next hops can be asked whether they live."""
        probing.begin(self.registry, now)
        return self._and_wake([])

    def resolved(self, path: Path, targets: Sequence[Target], now: float) -> list[Order]:
        """The next hops of `path` are at these addresses from now on. Calls under way are not touched."""
        return self._and_wake(probing.replace(self.registry, path, targets, now))

    @property
    def plan(self) -> Plan:
        """What is configured, and realms of former plans that somebody is still in."""
        return self.registry.plan

    def replan(self, plan: Plan, now: float, retry_after: int = 30) -> list[Order]:
        """Let another plan count from now on; its new listeners are open. Live calls keep what they began with. Who is
        turned away at what the old plan had may come again after `retry_after` seconds."""
        self.registry.networks.retry_after = retry_after
        return self._and_wake(replan(self.registry, plan, now))

    def parts(self, arrival: Arrival) -> Sequence[Arrival]:
        """The messages that one datagram or frame is made of, each as if it had come alone: none spoils another. Of a
        stranger's only the first, since each would be answered."""
        parts = self.dialects[arrival.listener.dialect].parts(arrival.data)
        most = MOST_PARTS if len(parts) == 1 or is_known(self.registry, arrival) else 1
        return (arrival,) if len(parts) == 1 else [attrs.evolve(arrival, data=part) for part in parts[:most]]

    def receive(self, arrival: Arrival) -> list[Order]:
        """Take one message across; `concerned` then says which call it belongs to. @raises Mishap."""
        self.concerned = ""
        orders = cross(self, arrival)
        if not self.concerned:  # it is part of no exchange that is known: a confirmation, or what was refused
            self.concerned = next((call for order in orders if (call := getattr(order, "call", ""))), "")
        return self._and_wake(orders)

    def cross(self, arrival: Arrival) -> list[Order]:
        """Take across what is part of a message that `receive` has been given. @raises Mishap."""
        return cross(self, arrival)

    def concerns(self, call: Call | None) -> None:
        """The message that is being taken across belongs to `call`, if to any, which is not what it was."""
        if call is not None:
            self.concerned = call.id
            self.registry.touch(call)

    def wake(self, now: float) -> list[Order]:
        """Do all that is due by `now`. @raises Mishap, where something may be due still."""
        self._wake_order = None
        orders: list[Order] = []
        for owner in self.registry.timers.due(now):
            try:
                orders += self._wake(owner, now)
            except Exception as fault:  # it may not keep others waiting, nor be done again at once
                if owner.due is None:
                    self.registry.timers.set(owner, now + self.plan.timers.linger)
                raise Mishap(orders, fault) from fault
        return self._and_wake(orders)

    def _wake(self, owner: Timed, now: float) -> list[Order]:
        if isinstance(owner, Exchange):
            self.registry.touch(owner.call)
            if beside.is_beside(owner):
                return beside.wake(self.registry, owner, now)
            return failover.wake(self.registry, self.dialects, owner, now)
        if isinstance(owner, Watch):
            return keepalive.wake_watch(self.registry, self.dialects[owner.dialect], owner, now)
        if isinstance(owner, Binding):
            self.registry.touch(owner)
            if owner.lasting:
                return lost.wake(self.registry, self.dialects[owner.dialect], owner, now)
            return front.wake_binding(self.registry, owner, now)
        if isinstance(owner, Neighbour):
            return probing.wake_neighbour(self.registry, self.dialects[owner.hop.listener.dialect], owner, now)
        if isinstance(owner, Pulse):
            return inquiry.look(self.registry, self.dialects[owner.call.dialect], owner, now)
        if isinstance(owner, Promise):
            return recall.wake(self.registry, self.dialects[owner.dialect], owner, now)
        if isinstance(owner, Backlog):
            return failover.see_to_next(self.registry, self.dialects, now)
        if isinstance(owner, Control):
            return control.wake(self.registry, owner, now)
        if isinstance(owner, Held):
            return answer_late(self.registry, self.dialects[owner.arrival.listener.dialect], owner, now)
        if isinstance(owner, Networks):
            return sweep(self.registry, now)
        return inquiry.wake_call(self.registry, self.dialects, owner, now) if isinstance(owner, Call) else []

    def restless(self) -> float:
        """When to wake, after a fault that may have lost the order to: at once if something is due."""
        at = self.registry.timers.next()
        self._wake_order = None if at is None else Wake(at)
        return 0.0 if at is None else at

    def unopened(self, stream_id: str, why: str, now: float) -> tuple[list[Order], bool]:
        """The ports of a stream could not be opened. Returns what to do, and whether the orders that came with the
        stream still hold (they do where the stream came with an answer: the call goes on without it)."""
        registry = self.registry
        exchange, unopened = reach.unopened(registry, stream_id)
        if exchange is not None:
            refused = Refused(Cause.NO_PORTS, "no media ports", 5, why)
            orders = transact.give_up(registry, self.dialects[exchange.dialect], exchange, refused, now)
            return self._and_wake(reach.without(orders, unopened)), False
        return reach.lost(registry, stream_id, why, now), True

    def silent(self, stream_id: str, seconds: float, now: float) -> list[Order]:
        """The engine has heard nobody on a stream for that long."""
        return self._and_wake(silent(self.registry, self.dialects, stream_id, seconds, now))

    def resumed(self, stream_id: str) -> None:
        """The engine has heard somebody on a stream again."""
        resumed(self.registry, stream_id)

    def latched(self, stream_id: str, side: int, address: Address) -> None:
        """The engine has found where the media of one side comes from."""
        call = self.registry.calls.get(stream_id.partition("/")[0])
        for stream in call.streams.values() if call is not None else ():
            if stream.id == stream_id:
                if stream.latched_rtcp[side] is not None and stream.latched_rtcp[side] == stream.latched[side]:
                    stream.latched_rtcp[side] = address  # they come by one port
                stream.latched[side] = address
                self.registry.touch(call)

    def rtcp_latched(self, stream_id: str, side: int, address: Address) -> None:
        """The engine has found where the RTCP of one side comes from. What was signalled is known without that."""
        call = self.registry.calls.get(stream_id.partition("/")[0])
        for stream in call.streams.values() if call is not None else ():
            if stream.id == stream_id:
                remote = stream.remote[side]
                found = None if remote is not None and address == remote.rtcp else address
                if stream.latched_rtcp[side] != found:
                    stream.latched_rtcp[side] = found
                    self.registry.touch(call)

    def secured(
        self,
        stream_id: str,
        side: int,
        receive: Key,
        send: Key,
        fingerprints: tuple[Fingerprint, ...],
        rtcp: bool = False,
    ) -> None:
        """A handshake with the peer of one side, whose certificate has one of the fingerprints, has agreed on keys:
        those of `rtcp` alone, where it was made at the port of that."""
        keyed.secured(self.registry, stream_id, side, receive, send, fingerprints, rtcp)

    def unsecured(self, stream_id: str, side: int, why: str, now: float) -> list[Order]:
        """The peer of one side has no keys by a handshake, and will have none."""
        return self._and_wake(unsecured(self.registry, self.dialects, stream_id, side, why, now))

    def resume(self, kind: str, data: bytes, now: float, shift: float) -> list[Order]:
        """Take up a "binding", "promise", "answer" or "ban" that outlived a restart; `shift` is from our clock to
        the time of day. @raises Unfit."""
        return self._and_wake(resume.OTHERS[kind](self.registry, data, now, Frame(self.plan, shift)))

    def resume_call(self, data: bytes, now: float, shift: float, away: float, run: int = 1) -> tuple[Call, list[Order]]:
        """Take up a call again, after an absence of `away` seconds, in the process that is the `run`th, 0 where that is
        not known: then none that has keys. With it comes what is to be done. @raises Unfit."""
        frame = Frame(self.plan, shift, run)
        call, orders = resume.resume_call(self.registry, self.dialects, data, now, frame, away)
        return call, self._and_wake(orders)

    def end_call(self, call_id: str, cause: str, now: float, ending: Ending = Ending.CLEARED) -> list[Order]:
        """End a call from our side; both parties are told. @raises KeyError for an unknown id."""
        call = self.registry.calls[call_id]
        return self._and_wake(end_call(self.registry, self.dialects[call.dialect], call, cause, ending, now))

    def drain(self, retry_after: int | None) -> None:
        """Take nothing new from now on; who is turned away may come again after so many seconds. None: take all."""
        self.registry.draining = retry_after

    def unlistened(self, listener: Listener, why: str, now: float) -> list[Order]:
        """A terminal's own listener could not be opened: whoever asked for it is refused."""
        return self._and_wake(reach.unlistened(self.registry, self.dialects, listener, why, now))

    def stirred(self, arrival: Arrival) -> list[Order]:
        """Something has come on a connection that shows no more than that its peer lives."""
        return self._and_wake(keepalive.heard(self.registry, arrival, True))

    def unframed(self, arrival: Arrival, bad: BadMessage) -> list[Order]:
        """What came on a connection is no message, or the last that can be told apart. `arrival` has no data."""
        return bad_message(self.registry, self.dialects[arrival.listener.dialect], bad, arrival)

    def unreachable(self, listener: Listener, peer: Address, why: str, now: float) -> list[Order]:
        """There is no connection to `peer`, or none any more."""
        hop = Hop(listener, peer)
        self.registry.lines.lost(hop)
        orders = failover.unreached(self.registry, self.dialects, hop, why, now)
        orders += control.lost(self.registry, self.dialects, hop, why, now)
        return self._and_wake(orders + reach.untied(self.registry, self.dialects, hop, why, now))

    def bounced(self, listener: Listener, peer: Address, data: bytes, why: str, now: float) -> list[Order]:
        """A datagram from `listener` to `peer` that began with `data` has come back."""
        return self._and_wake(failover.bounced(self.registry, self.dialects, Hop(listener, peer), data, why, now))

    def knock(self, listener: Listener, source: Address, size: int, proven: str, now: float) -> str:
        """The fixed word for why `size` octets from `source` are to be dropped unread; empty where they are not."""
        return gating.knock(self.registry, listener, source, size, proven, now)

    def spent(self, seconds: float, now: float) -> None:
        """So long was spent on what has knocked last."""
        self.registry.gate.spent(seconds, now)

    def worked(self, listener: Listener, peer: Address, seconds: float, now: float) -> None:
        """So long was spent on securing a connection of `peer`'s, or of ours to it."""
        self.registry.gate.worked(listener, peer, standing(self.registry, listener, peer, now), seconds, now)

    def barred(self, listener: Listener, peer: Address, now: float) -> str:
        """Why a connection from `peer` is not to be taken at a listener; empty where it is."""
        return self.knock(listener, peer, 0, "", now) or control.barred(self.registry, listener, peer, now)

    def accepted(self, listener: Listener, peer: Address, now: float) -> list[Order]:
        """A connection from `peer` was taken by us, or ours to it is up."""
        hop = Hop(listener, peer)
        orders = probing.took(self.registry, hop, now)
        return self._and_wake(orders + control.accepted(self.registry, self.dialects, hop, now))

    def named(self, listener: Listener, peer: Address, usual: str = "") -> str:
        """The name that the certificate of the next hop at `peer` must hold: its own, or the `usual` one if there is
        such, or the one that it was found by; empty where it was configured by its address."""
        neighbour = self.registry.hops.neighbours.get((listener.realm, listener.transport, peer))
        host = "" if neighbour is None else parse_address(neighbour.name, 0).host
        own = "" if neighbour is None else neighbour.holds
        return own or usual or ("" if is_literal(host) else host)

    def door(self, listener: Listener, peer: Address) -> Address | None:
        """Where a connection to `peer` may be opened: in a core realm there, else where a trunk at its host takes some.
        None: nowhere."""
        realm = self.plan.realms[listener.realm]
        if realm.side is Side.CORE:
            return peer
        known = (listener.dialect, peer.host) in realm.trunk_sources
        return self.registry.hops.door(listener, peer) if known else None

    def needs(self, listener: Listener, peer: Address) -> bool:
        """Whether somebody is reached by the connection to `peer` alone: a terminal, or who waits for an answer."""
        return reach.needed(self.registry, Hop(listener, peer))

    def _and_wake(self, orders: list[Order]) -> list[Order]:
        at, last = self.registry.timers.next(), self._wake_order
        exact = self.registry.backlog.due is not None  # whose pauses are short
        if at is not None and (last is None or at < last.at or exact > last.exact):
            self._wake_order = Wake(at, exact)
            return [self._wake_order, *orders]  # first, since the rest is dropped where a port cannot be had
        return orders


def cross(border: Border, arrival: Arrival) -> list[Order]:
    """Decode, describe, find the slots, translate each through the call's realm pair, stamp our own hop, encode.

    A reply crosses by the same loop with the legs swapped.
    """
    dialect = border.dialects[arrival.listener.dialect]
    try:
        message = dialect.decode(arrival.data)
        intent = dialect.describe(message)
        refuse_misled(border.registry, dialect, intent, arrival)
        if intent.control != control.is_one(border.registry, arrival):
            raise BadMessage("on a control channel what is for none, or the other way round")
    except NoMessage as sign:
        answer = dialect.complain(sign, arrival.source)
        told = [] if answer is None else [Send(arrival.listener, arrival.source, answer)]
        return [*keepalive.heard(border.registry, arrival, True), *told]
    except BadMessage as bad:
        return bad_message(border.registry, dialect, bad, arrival)
    intent = as_it_stands(border.registry, intent, arrival)
    take = take_reply if intent.phase.reply else take_request
    back = keepalive.heard(border.registry, arrival, not intent.phase.reply)
    back += offered(border.registry, intent, arrival)
    if not intent.phase.reply:
        back += probing.spoke(border.registry, arrival)
    try:
        return back + take(border, dialect, message, intent, arrival)
    except BadMessage as bad:
        return back + bad_message(border.registry, dialect, bad, arrival)
    except Refused as no:
        return back + refuse(border.registry, dialect, message, intent, no, arrival)
    except Mishap as mishap:
        mishap.orders = back + mishap.orders
        raise
    finally:
        if not border.concerned:
            border.concerned = call_of(border.registry, intent, arrival)
