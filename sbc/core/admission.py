"""What is let in, and for whom it counts: calls and registrations get their tickets here, and give them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sbc.core.address import network_of
from sbc.core.binding import ABSENT, Binding, BindingState
from sbc.core.call import Call
from sbc.core.message import Intent, Refused
from sbc.core.realm import Path, Realm, Side
from sbc.policy.book import Tallies
from sbc.policy.marking import Urgency

if TYPE_CHECKING:
    from sbc.core.registry import Arrival, Registry

SPARE = 10
"""One call for help in so many goes past what a realm may hold of calls and subscriptions."""


def admit(registry: Registry, call: Call, intent: Intent, terminal: Binding | None, now: float) -> None:
    """Let a new call in, which is to or from `terminal`, if that is known. @raises Refused where there is no room; of
    who is known that has a record.

    Subscriptions and the like are no calls to whoever counts those, but take as much memory.
    """
    asking = call.legs[0].realm
    at_access = call.legs[call.leg_in(call.path.access)]
    call.urgent = is_urgent(registry, asking, intent)
    if call.urgent:
        call.urgency = Urgency.EMERGENCY if intent.urgent else Urgency.PRIORITY
    most = asking.limits.dialogues
    registry.crowd.within("dialogues", asking, most + most // SPARE if call.urgent else most)
    if call.lifetime:
        return
    call.holder = holder(terminal, at_access.seen.host)
    legs = _legs(registry, call)
    asked = -1 if asking.side is Side.ACCESS else call.leg_in(call.path.access)
    try:
        if not call.urgent:
            registry.gate.quota.ask(call.path.access, call.holder, asked >= 0)
        call.ticket = registry.gate.book.attempt(legs, asked, call.urgent, now)
    except Refused as no:
        if terminal is not None or asking.side is Side.CORE:  # of strangers there may be very many
            no.attempt = call
        raise


def reseated(registry: Registry) -> None:
    """Terminals and customers have limits now that had none, or other ones: what they have counts for them."""
    for call in registry.calls.values():
        moved(registry, call)
    for binding in registry.bindings.values():
        moved(registry, binding)


def moved(registry: Registry, owner: Call | Binding) -> None:
    """A terminal may be in another's network than it was: what it has counts for that one."""
    if isinstance(owner, Binding):
        if owner.ticket is not None:
            registry.gate.book.reseat(owner.ticket, (_seats(registry, owner), ()))
    elif owner.ticket.counts:
        registry.gate.book.reseat(owner.ticket, _legs(registry, owner))


def resumed(registry: Registry, call: Call) -> None:
    """A call goes on that was let in before a restart."""
    if not call.lifetime:
        call.ticket = registry.gate.book.resumed(_legs(registry, call), call.urgent)


def may_call(registry: Registry, path: Path, terminal: Binding | None, intent: Intent, arrival: Arrival) -> None:
    """See that there is room for the call that a terminal wants leave for, which may never come: it is not counted.
    @raises Refused."""
    host = arrival.source.host
    if not is_urgent(registry, registry.plan.realms[path.access], intent):
        registry.gate.quota.ask(path.access, holder(terminal, host), False)
        registry.gate.book.may_call(seats_of(registry, path, holder(terminal, host), host), arrival.now)


def seats_of(registry: Registry, path: Path, who: bytes, host: str) -> tuple[Tallies, Tallies]:
    """For whom a call counts that is made by `who`, seen at `host`."""
    book = registry.gate.book
    return book.seats(path.access, path.name, who, host), (book.realm(path.core),)


def may_bind(registry: Registry, arrival: Arrival, path: Path, user: bytes, before: Binding | None) -> None:
    """See that there is room for another registration of `user`, which takes the place of `before`. Those of terminals
    that are gone count for the user no more; those that no registrar has confirmed yet, where they come from the same
    host. @raises Refused."""
    realm = registry.plan.realms[path.access]
    registry.crowd.within("pending", realm, realm.limits.bindings)  # apart, so that such a flood takes nobody's place
    host = arrival.source.host
    mine = registry.bindings_by_user.get((realm.name, user), ()) if user else ()
    absent = sum(each.state in ABSENT and each is not before for each in mine)
    pending = registry.pending.count(realm.name, user, host) if user else 0
    book = registry.gate.book
    seats = book.seats(realm.name, path.name, user, host)
    book.may_bind(seats, before is not None, absent - pending)


def entered(registry: Registry, binding: Binding) -> None:
    """A registration can be found from now on."""
    if binding.state is BindingState.PENDING:
        registry.crowd.in_realm["pending", binding.realm.name] += 1
    else:
        _count(registry, binding)


def confirmed(registry: Registry, binding: Binding) -> None:
    """A registrar has said yes to it for the first time."""
    registry.crowd.in_realm["pending", binding.realm.name] -= 1
    _count(registry, binding)


def left(registry: Registry, binding: Binding) -> None:
    """It is over."""
    if binding.ticket is None:
        registry.crowd.in_realm["pending", binding.realm.name] -= 1
    else:
        registry.gate.book.close(binding.ticket)
        binding.ticket = None


def is_urgent(registry: Registry, realm: Realm, intent: Intent) -> bool:
    """Whether a request from `realm` goes past all limits: it calls for help, or is said to be as urgent, by who is
    believed there."""
    least = registry.plan.priority.least
    return intent.urgent or (0 < least <= intent.priority and realm.believes_priority)


def holder(terminal: Binding | None, host: str) -> bytes:
    """What a terminal is known by to whoever counts: its user, or, where that is not known, the network it is at."""
    return terminal.user if terminal is not None and terminal.user else network_of(host).encode()


def _count(registry: Registry, binding: Binding) -> None:
    binding.ticket = registry.gate.book.bound(_seats(registry, binding))


def _seats(registry: Registry, binding: Binding) -> Tallies:
    return registry.gate.book.seats(binding.realm.name, binding.path.name, binding.user, binding.seen.host)


def _legs(registry: Registry, call: Call) -> tuple[Tallies, Tallies]:
    book, path = registry.gate.book, call.path
    at = call.leg_in(path.access)
    seats, core = book.seats(path.access, path.name, call.holder, call.legs[at].seen.host), (book.realm(path.core),)
    return (core, seats) if at else (seats, core)
