"""Who is turned away where the SBC takes nothing new: what is under way goes on to its end, as if nothing were."""

from __future__ import annotations

from sbc.core.binding import Binding, BindingState
from sbc.core.bound import binding_of, flow_of
from sbc.core.call import CallState
from sbc.core.leave import asks
from sbc.core.message import Cause, Intent, Kind, Phase, Refused, Role, Slot
from sbc.core.realm import Side
from sbc.core.registry import Arrival, Registry


def turn_away(registry: Registry, intent: Intent, slots: list[Slot], arrival: Arrival) -> None:
    """See that a request begins nothing which is not to begin any more. @raises Refused with `Cause.DRAINING`.

    Whatever belongs to a call goes on, an attempt that comes again with credentials too. Emergency calls are taken, as
    long as there is a way. Taking a registration off is never refused. Where all of the SBC drains, terminals that are
    bound may refresh, or they would be lost to callers before their calls have ended; at a listener that fades they are
    sent elsewhere, but calls still reach those who were presented by it.
    """
    networks, listener = registry.networks, arrival.listener
    fades = listener in networks.fading
    if (registry.draining is None and not fades) or intent.phase is not Phase.REQUEST or intent.within:
        return
    wait = networks.retry_after if registry.draining is None else registry.draining
    if _under_way(registry, intent, arrival) or (intent.kind is Kind.BIND and _takes_off(intent, slots)):
        return
    if listener.realm in networks.leaving:
        raise Refused(Cause.DRAINING, "nothing new is taken here", wait)
    if (intent.kind is Kind.OPEN or asks(intent)) and not intent.urgent:
        if registry.draining is not None or not _is_awaited(registry, intent, arrival):
            raise Refused(Cause.DRAINING, "no new calls here", wait)
    elif intent.kind is Kind.BIND and (fades or not _are_bound(registry, intent, slots, arrival)):
        raise Refused(Cause.DRAINING, "no new registrations here", wait)


def turn_probe_away(registry: Registry, arrival: Arrival) -> None:
    """See that whoever asks whether calls may be sent here hears that they may not. @raises Refused."""
    if registry.draining is not None:
        raise Refused(Cause.DRAINING, "no new calls here", registry.draining)
    if arrival.listener in registry.networks.fading:
        raise Refused(Cause.DRAINING, "no new calls here", registry.networks.retry_after)


def live_calls(registry: Registry) -> int:
    """How many calls there are to wait for. Subscriptions and the like are none: they go on for as long as one lets
    them, and who has one notices that it has ended."""
    return sum(1 for call in registry.calls.values() if call.state is not CallState.CLOSED and not call.lifetime)


def _under_way(registry: Registry, intent: Intent, arrival: Arrival) -> bool:
    if intent.kind is not Kind.OPEN:
        return False
    key = (arrival.listener.realm, arrival.source.host, intent.heralds, False)
    if intent.heralds and registry.promises.find(key, arrival.now) is not None:
        return True  # leave was given for it
    call = registry.call_meant(arrival, intent)
    return call is not None and call.state is not CallState.CLOSED


def _is_awaited(registry: Registry, intent: Intent, arrival: Arrival) -> bool:
    """Whether a call is for a terminal that this very listener was made known for."""
    realm = registry.plan.realms[arrival.listener.realm]
    if realm.side is not Side.CORE or intent.target is None:
        return False
    name = registry.names.find(realm.name, intent.target.token)
    port = registry.terminal_ports.find(arrival.listener)
    owner = name.owner if name is not None else port.binding if port is not None else None
    return isinstance(owner, Binding) and owner.onward == arrival.listener


def _takes_off(intent: Intent, slots: list[Slot]) -> bool:
    """Whether a BIND binds nothing."""
    return all((intent.expires if slot.expires is None else slot.expires) == 0 for slot in _places(slots))


def _are_bound(registry: Registry, intent: Intent, slots: list[Slot], arrival: Arrival) -> bool:
    """Whether a BIND only keeps up what is bound."""
    host = arrival.source.host
    found = [binding_of(registry, arrival, intent, slot.place, flow_of(slot, host)) for slot in _places(slots)]
    return all(binding is not None and binding.state is not BindingState.PENDING for binding in found)


def _places(slots: list[Slot]) -> list[Slot]:
    return [slot for slot in slots if slot.role is Role.SIGNAL and slot.primary]
