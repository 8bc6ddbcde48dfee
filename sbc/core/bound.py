"""Which binding is meant: by a place and who is at it, by the registrar's name of it, by where a message comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sbc.core import group
from sbc.core.address import Address
from sbc.core.binding import Binding, BindingState
from sbc.core.message import Cause, Intent, Place, Refused, Slot
from sbc.core.orders import Listener, Order
from sbc.core.realm import Realm

if TYPE_CHECKING:
    from sbc.core.registry import Arrival, Registry


def binding_of(registry: Registry, arrival: Arrival, intent: Intent, place: Place, flow: bytes = b"") -> Binding | None:
    """The binding of `place` that the sender of `arrival` means by it.

    Two terminals of one user may believe to be at the same private address, in two homes: they are told apart by the
    host they are seen at, or, where one has moved, by the label it registers under (RFC 3261 section 10.2). One that
    keeps several ways open, by which it calls itself the same, says which is which by their `flow`.
    """
    for binding in named(registry, arrival, intent.handle):
        if binding.place == place:
            return binding
    there, label = registry.bindings_at.get((arrival.listener.realm, intent.user, place), ()), intent.label
    same = (b for b in there if not (flow and b.flow) or b.flow == flow)
    host = arrival.source.host
    known = next((b for b in same if b.seen.host == host or (label and b.label == label)), None)
    return known or registry.pending.find(arrival.listener.realm, intent.user, place, flow, host, label)


def refuse_second(registry: Registry, arrival: Arrival, intent: Intent, place: Place) -> None:
    """See that nobody takes over what is bound for good and lives: the registrar would not notice, since both come by
    the same port of ours. @raises Refused."""
    known = binding_of(registry, arrival, intent, place)
    if known is None or not known.lasting or known.seen.host == arrival.source.host:
        return
    if known.state is BindingState.BOUND and known.watch is not None:
        raise Refused(Cause.FORBIDDEN, "another lives by that name", detail=f"{known} does", counted="second")


def flow_of(slot: Slot, host: str) -> bytes:
    """The flow of a place, as it is told from all others, of a terminal at a host."""
    return slot.flow + b" " + host.encode() if slot.nearby else slot.flow


def before(registry: Registry, arrival: Arrival, intent: Intent, flow: bytes) -> Binding | None:
    """The binding that a terminal of that user had by the same `flow`, at the host that it comes from: it has begun
    anew, and believes to be at another port."""
    there = registry.bindings_by_user.get((arrival.listener.realm, intent.user), ()) if flow else ()
    same = [each for each in there if each.flow == flow and each.seen.host == arrival.source.host]
    return min(same, key=lambda b: b.id, default=None)


def otherwise(registry: Registry, arrival: Arrival, intent: Intent, place: Place, flow: bytes) -> Binding | None:
    """The gateway that is bound for good by the same `flow`, and speaks otherwise from now on: it is at `place`."""
    known = before(registry, arrival, intent, flow) if intent.lasting else None
    if known is None or known.listener.dialect != arrival.listener.dialect:
        return None
    group.leave(registry.bindings_at, (known.realm.name, known.user, known.place), known)
    known.place = place
    group.enter(registry.bindings_at, (known.realm.name, known.user, place), known)
    return known


def named(registry: Registry, arrival: Arrival, handle: bytes) -> list[Binding]:
    """The bindings that the registrar calls `handle`, of terminals at the host that `arrival` comes from: what one
    terminal is called is no business of another's. Two registrars may call two there the same: who is bound at the very
    source is meant before others."""
    there = registry.bindings_by_handle.get((arrival.listener.realm, handle), ()) if handle else ()
    same = [each for each in there if each.seen.host == arrival.source.host]
    own = [each for each in same if each.seen == arrival.source]
    return sorted(own or same, key=lambda binding: binding.id)


def rename(registry: Registry, binding: Binding, handle: bytes) -> None:
    """Let a binding be found by what the registrar calls it, and no longer by what it called it before."""
    by_handle, realm = registry.bindings_by_handle, binding.realm.name
    group.leave(by_handle, (realm, binding.handle), binding)
    binding.handle = handle
    if handle:
        group.enter(by_handle, (realm, handle), binding)


def here(registry: Registry, listener: Listener, source: Address) -> Iterator[Binding]:
    """The terminals bound at `source`, as it speaks to a listener. A NAT may have one port for the datagrams of one
    terminal and for the connection of another; without a NAT both are of the host that has the address."""
    for binding in registry.bindings_by_source.get((listener.realm, source), ()):
        if binding.state is BindingState.PENDING:
            continue
        if binding.listener.reliable is listener.reliable or not binding.behind_nat:
            yield binding


def terminal_of(registry: Registry, listener: Listener, source: Address, user: bytes) -> Binding | None:
    """The bound terminal at `source`, as it speaks to a listener; the one of `user` where several are behind one
    transport address."""
    for binding in registry.bindings_by_user.get((listener.realm, user), ()):
        if binding.seen == source:
            return binding
    return next(here(registry, listener, source), None)


def speaker(registry: Registry, arrival: Arrival, intent: Intent) -> Binding | None:
    """The bound terminal at the source of what has come, as above."""
    return terminal_of(registry, arrival.listener, arrival.source, intent.user)


def caller(registry: Registry, realm: Realm, host: str, user: bytes) -> Binding | None:
    """The bound terminal of `user` at that host: its calls come by connections, from another port than it registers."""
    mine = registry.bindings_by_user.get((realm.name, user), ()) if user else ()
    return next((each for each in mine if each.seen.host == host), None)


def terminal(registry: Registry, arrival: Arrival, intent: Intent, realm: Realm) -> Binding | None:
    """The bound terminal that a request from access comes from, if it is one. @raises Refused where it calls itself by
    what the registrar calls another, or nobody."""
    if not intent.handle:
        return speaker(registry, arrival, intent)
    known = named(registry, arrival, intent.handle)
    if not known:
        raise Refused(Cause.UNBOUND, "not registered here")
    return next((binding for binding in known if binding.seen == arrival.source), known[0])


def present(registry: Registry, bindings: Iterable[Binding], now: float) -> list[Order]:
    """Let those terminals that come again be presented as their paths have it now. Not before all bindings of a request
    are had: where one of them is refused, what opens the ports of others, which stay, would be lost."""
    orders: list[Order] = []
    for binding in bindings:
        if binding.state is not BindingState.PENDING or len(binding.claims) > 1:
            registry.touch(binding)
            orders += registry.terminal_ports.renew(binding, registry.plan.core_listener(binding.path), now)
    return orders
