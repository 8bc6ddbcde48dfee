"""Addresses of one side in parameters nobody here reads, in comments, in what is said in words, and in descriptions
beside what is a slot: written over before the other side sees them. Only addresses that it must not see are looked for,
each as a whole, and only where nothing has been written yet."""

from __future__ import annotations

from bisect import bisect_right

from sbc.core import bound
from sbc.core.address import is_specific
from sbc.core.binding import Binding
from sbc.core.crossing import Crossing
from sbc.core.realm import Side
from sbc.mgcp.codec import MgcpMessage
from sbc.mgcp.names import domain, entity
from sbc.text.literals import Literal, literals


def gateway_of(crossing: Crossing) -> Binding | None:
    """The bound gateway that a message is from or for."""
    registry, there = crossing.registry, crossing.there
    if there.side is Side.ACCESS:
        return bound.terminal_of(registry, crossing.hop.listener, crossing.hop.peer, b"")
    return bound.speaker(registry, crossing.arrival, crossing.intent)


def sweep(message: MgcpMessage, crossing: Crossing, names: list[tuple[int, int]]) -> None:
    """Write over what the other side is not to see; `message.cache["swept"]` names the parameters it was in. An address
    in a local part, of which `names` has the spans in their order, is none, but what both sides call the endpoint."""
    data, hidden = message.data, _hidden(message, crossing)
    for sdp in message.cache.pop("sdp", ()):
        sdp.finish()
    found: list[str] = []
    spans = [(line.name or "a comment", line.line_start, line.end) for line in message.lines]
    spans += [("a description", *span) for span in message.bodies]
    if message.text[0] >= 0:
        spans.append(("the first line", *message.text))
    for name, start, end in spans:
        if data.find(b".", start, end) < 0 and data.count(b":", start, end) < 2:
            continue
        for literal in literals(data, start, end):
            at = bisect_right(names, (literal.start, len(data))) - 1
            if at >= 0 and literal.start < names[at][1]:
                continue
            if literal.host in hidden and message.edits.is_free(literal.start, literal.end):
                message.edits.replace(literal.start, literal.end, _instead(data, literal, crossing))
                found.append(name)
    if found:
        message.cache["swept"] = ", ".join(dict.fromkeys(found))


def _hidden(message: MgcpMessage, crossing: Crossing) -> frozenset[str]:
    """Hosts of this side: who sent it, who is bound there, whoever the message itself speaks of, all call agents."""
    said = {slot.place.address.host for sdp in message.cache.get("sdp", ()) for slot in sdp.slots}
    gateway = gateway_of(crossing) if crossing.here.side is Side.ACCESS else None
    if gateway is not None:
        said.add(gateway.place.address.host)
    if crossing.there.side is Side.ACCESS:
        gateway = gateway_of(crossing)
        said.update(hop.to.host for hop in crossing.path.next_hops)
        agents = [entity(hop, 0, len(hop)) for hop in (gateway.service.hops if gateway is not None else ())]
        agents += [entity(message.data, line.start, line.end) for line in message.all("N")]
        said.update(agent.host for agent in agents if agent is not None)
    hidden = crossing.hidden_hosts().union(filter(is_specific, said))
    return hidden - crossing.there.addresses - {crossing.local.host}


def _instead(data: bytes, found: Literal, crossing: Crossing) -> bytes:
    """What stands for an address: in the core, where the SBC itself is meant by it, whom it stands for there."""
    host, port = crossing.local
    if crossing.there.side is Side.CORE and crossing.registry.networks.is_ours(crossing.here, found.host):
        host, port = crossing.peer_host, crossing.hop.peer.port
    bare = data[found.start : found.start + 1] != b"[" and ":" not in host
    written = host.encode() if bare else domain(host)
    return b"%b:%d" % (written, port) if found.port else written
