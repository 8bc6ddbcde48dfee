"""Where a call goes that has a connection of its own on each side, in protocols that register by other means.

From access it goes where the core has given leave to call; else where the core takes the calls of that terminal, or to
a next hop that takes connections. A terminal that has said so is asked to open one itself; to another one a connection
is opened, which leads to none that is behind a NAT.
"""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core import asking, bound
from sbc.core.address import Address
from sbc.core.binding import ABSENT, Binding
from sbc.core.exchange import Hop
from sbc.core.keys import bound_key
from sbc.core.lines import Line
from sbc.core.message import Cause, Intent, Kind, Place, Refused
from sbc.core.orders import Order
from sbc.core.realm import Callers, Path, Realm, Side
from sbc.core.registry import Arrival, Registry
from sbc.core.trunk import is_at
from sbc.core.trunks import to_trunk
from sbc.core.way import Way, is_core_peer


def way(registry: Registry, arrival: Arrival, intent: Intent, realm: Realm) -> Way:
    """The way of a request that begins a call. @raises Refused."""
    return (
        _to_core(registry, arrival, intent, realm)
        if realm.side is Side.ACCESS
        else _to_access(registry, arrival, intent, realm)
    )


def _to_core(registry: Registry, arrival: Arrival, intent: Intent, realm: Realm) -> Way:
    path = registry.networks.path_of(realm)
    if path is None:
        raise Refused(Cause.FORBIDDEN, "nothing is reached from here", detail=f"realm {realm.name} is on no path")
    promise = registry.promises.find((realm.name, arrival.source.host, intent.heralds, False), arrival.now)
    terminal = None if promise is None else registry.bindings.get(promise.binding)
    if terminal is None or intent.handle:
        named = bound.terminal(registry, arrival, intent, realm)
        if terminal is not None and named is not terminal:
            raise Refused(Cause.UNBOUND, "the leave to call is another's")
        terminal = named or bound.caller(registry, realm, arrival.source.host, intent.user)
    known = promise is not None or terminal is not None
    refuse_strangers(path, intent, known or is_at(realm, arrival.listener, arrival.source))
    # leave proves who was given it, and not whom a neighbour says to be who has it and is registered no more
    given = promise is not None and terminal is not None and promise.binding == terminal.id
    proven = given or bool(intent.handle)
    if promise is not None:
        return attrs.evolve(_by_own(registry, path, promise.to, terminal), proven=proven)
    to = registry.promises.diverted.find(terminal.id, arrival.now) if terminal and not intent.called else None
    if to is not None:  # it calls nobody by name: the address that it was told
        return attrs.evolve(_by_own(registry, path, to, terminal), proven=proven)
    if terminal is not None and terminal.service.first is not None:
        return attrs.evolve(_by_own(registry, path, terminal.service.first, terminal), proven=proven)
    turns = [each for each in registry.hops.turns(path, intent.label or intent.exchange) if each.hop.reliable]
    if not turns:
        raise Refused(
            Cause.NOT_FOUND, "no leave was given for this call", detail=f"path {path.name} has no hop for calls"
        )
    found = _by_own(registry, path, turns[0].hop.peer, terminal, turns[0].hop.listener.transport)
    return attrs.evolve(found, neighbour=turns[0], proven=proven)


def refuse_strangers(path: Path, intent: Intent, known: bool) -> None:
    """See that nobody begins a call who may not: it is not `known` who does, no rule welcomes it, and the path does not
    let anybody. Who calls for help always may. @raises Refused."""
    may = known or intent.welcome or intent.urgent or path.callers is Callers.ANY
    if intent.kind is Kind.OPEN and not may:
        raise Refused(Cause.FORBIDDEN, "only who is registered may call", detail=f"path {path.name}")


def _by_own(registry: Registry, path: Path, to: Address, terminal: Binding | None, transport: str = "") -> Way:
    """The way to `to` by a new connection, from the terminal's own port if it has one; over that transport, if any."""
    shared = registry.plan.core_listener(path)
    own = shared if terminal is None else terminal.onward
    port = registry.terminal_ports.find(own)
    core = registry.plan.realms[path.core]
    ours = [each for each in (port.listeners if port is not None else (own,)) if each.reliable]
    line = core.listener(own.dialect, transport) or core.line(own.dialect)
    listener = next((each for each in ours if each.transport == transport), ours[0] if ours else line)
    if listener is None:
        raise Refused(Cause.UNREACHABLE, "no calls from here", detail=f"realm {path.core} has no listener for them")
    return Way(path, Hop(registry.lane(listener), to), None, terminal=terminal)


def _to_access(registry: Registry, arrival: Arrival, intent: Intent, realm: Realm) -> Way:
    if not is_core_peer(registry, realm, arrival):
        raise Refused(Cause.FORBIDDEN, "not one of the path's next hops")
    port = registry.terminal_ports.find(arrival.listener)
    if port is None or port.binding is None:
        return to_trunk(registry, arrival, intent, realm)
    binding = port.binding
    if binding.state in ABSENT:
        raise Refused(Cause.ABSENT, f"the terminal is {binding.state.value}")
    listener, to = binding.realm.line(binding.dialect), binding.route.first
    if binding.listener.reliable:  # what it is registered by
        return _by_open(binding, Hop(binding.listener, binding.seen))
    if listener is not None and binding.comes and intent.heralds:
        place = Place(binding.seen, transport=listener.transport)
        return Way(binding.path, Hop(registry.lane(listener, awaited=True), binding.seen), place, terminal=binding)
    line = registry.lines.of(binding)
    if binding.behind_nat and line is not None and (line.many or not registry.ties.at(line.hop)):
        return _by_open(binding, line.hop)
    if listener is None or to is None or binding.behind_nat:
        raise Refused(Cause.ABSENT, "no connection leads to the terminal", detail=_lack(binding), counted="no-way")
    networks, realm = registry.networks, binding.realm
    if to.host != binding.seen.host or networks.is_ours(realm, to.host) or networks.is_own_media(realm, to.host):
        raise Refused(Cause.ABSENT, "a terminal takes calls where it is, and nowhere else", detail=f"it says {to}")
    place = Place(to, transport=listener.transport)
    return Way(binding.path, Hop(registry.lane(listener), to), place, terminal=binding)


def _by_open(binding: Binding, hop: Hop) -> Way:
    """The way to a terminal by a connection that it has open."""
    return Way(binding.path, hop, Place(hop.peer, transport=hop.listener.transport), terminal=binding)


def keep_line(registry: Registry, arrival: Arrival, intent: Intent, way: Way) -> list[Order]:
    """A terminal that begins a call may let its connection be the way for the next call to it."""
    listener, terminal = arrival.listener, way.terminal
    realm = registry.plan.realms[listener.realm]
    if realm.side is not Side.ACCESS or terminal is None or listener.lane or not (intent.keeps and way.proven):
        return []
    if not realm.connections.keep or terminal.listener.reliable:
        return []
    line = Line(Hop(listener, arrival.source), intent.many)
    return registry.ties.hang_up(registry.lines.give(terminal, line))


def number(registry: Registry, dialect: Any, hop: Hop) -> int:
    """What a call is to be called on a connection that others go by, too: nothing there is called so now, as far as
    some draws can tell."""
    for _ in range(asking.TRIES):
        found = asking.drawn(registry, dialect.references)
        if bound_key(hop.listener, hop.peer, b"%d" % found, True) not in registry.calls_by_key:
            return found
    raise Refused(Cause.BUSY, "too many calls by one connection")


def _lack(binding: Binding) -> str:
    """Why there is no way to a terminal."""
    if binding.realm.line(binding.dialect) is None:
        return f"realm {binding.realm.name} has no listener for connections"
    if not binding.behind_nat:
        return "it has not said where it takes calls"
    said = "it is behind a NAT, and has not said that it opens connections itself when asked to"
    return f"{said}, nor has it one open that others may go by"
