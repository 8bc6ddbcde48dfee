"""Calls between telephones at media gateways, as a call agent (MGCP) or a controller (H.248) makes them: a connection
at each, either told of the other, and what the gateways have counted in the end."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.netns.h248_peers import PHYSICAL, H248Peer
from tests.netns.mgcp_agent import CallAgent
from tests.netns.mgcp_gateway import Gateway
from tests.netns.mgcp_wire import Peer, description
from tests.netns.rtp_phone import RtpPhone

_ports = itertools.count(6000, 2)  # of telephones: none is used twice, so that nothing late of one call is in another
_calls = itertools.count(0x2A)
_OPTIONS = "L: p:20, a:PCMA, nt:IN"


@dataclass
class Connection:
    """One end of a call: its telephone, where the other end is to send, as whoever controls it was told; what tells it
    where to send, and what ends it and gives the counters: (packets sent, received), (octets sent, received)."""

    phone: RtpPhone
    media: Peer
    tell: Callable[[Peer], None]
    end: Callable[[], tuple[tuple[int, int], tuple[int, int]]]
    names: dict[str, str] = field(default_factory=dict)  # what the protocol calls it


def join(one: Connection, other: Connection) -> None:
    """Each is told where the other is."""
    one.tell(other.media)
    other.tell(one.media)


def mgcp_connection(agent: CallAgent, to: Peer, gateway: Gateway, call: str = "") -> Connection:
    """A telephone of a gateway is lifted, which the agent has at `to`, and connected (CRCX)."""
    call = call or f"{next(_calls):x}"
    own, phone = gateway.phone(call, next(_ports))
    endpoint = f"{own.partition('@')[0]}@[{to[0]}]"  # as the agent knows it
    answer = agent.command(to, "CRCX", endpoint, f"C: {call}", _OPTIONS, "M: recvonly")
    if answer.code != 200:
        raise RuntimeError(f"CRCX: {answer.text}")
    named = (f"C: {call}", f"I: {answer['I']}")

    def tell(there: Peer) -> None:
        changed = agent.command(to, "MDCX", endpoint, *named, _OPTIONS, "M: sendrecv", body=description(*there))
        if changed.code != 200:
            raise RuntimeError(f"MDCX: {changed.text}")

    def end() -> tuple[tuple[int, int], tuple[int, int]]:
        deleted = agent.command(to, "DLCX", endpoint, *named)
        if deleted.code != 250:
            raise RuntimeError(f"DLCX: {deleted.text}")
        gateway.locally("DLCX", own, f"C: {call}")
        counted = deleted.counted
        return (counted["PS"], counted["PR"]), (counted["OS"], counted["OR"])

    return Connection(phone, answer.media, tell, end, {"endpoint": endpoint, "call": call, "id": answer["I"]})


def h248_connection(controller: H248Peer, number: int, gateway: H248Peer) -> Connection:
    """A context with a telephone's termination, and one that the gateway, the controller's `number`-th, is to choose
    (Add)."""
    port = next(_ports)
    gateway.ask(f"media {port}")
    chosen = "Add=${Media{Stream=1{LocalControl{Mode=ReceiveOnly},Local{\nv=0\nc=IN IP4 $\nm=audio $ RTP/AVP 8\n}}}}"
    added = controller.request(f"Context=${{Add={PHYSICAL},{chosen}}}", number)
    if added.error:
        raise RuntimeError(f"Add: {added.text}")
    context, termination = added.context, added.terminations[-1]
    phone = gateway.phone(port)

    def tell(there: Peer) -> None:
        told = f"Remote{{\nv=0\nc=IN IP4 {there[0]}\nm=audio {there[1]} RTP/AVP 8\n}}"
        media = f"Media{{Stream=1{{LocalControl{{Mode=SendReceive}},{told}}}}}"
        changed = controller.request(f"Context={context}{{Modify={termination}{{{media}}}}}", number)
        if changed.error:
            raise RuntimeError(f"Modify: {changed.text}")
        phone.towards(*gateway.remote(termination))

    def end() -> tuple[tuple[int, int], tuple[int, int]]:
        packets, octets = phone.volume()
        names = dict(zip(("rtp/ps", "rtp/pr", "nt/os", "nt/or"), (*packets, *octets), strict=True))
        listed = ",".join(f"{name}={value}" for name, value in names.items())
        gateway.ask(f"statistics {termination} {listed}")
        both = f"Subtract={PHYSICAL}{{Audit{{}}}},Subtract={termination}{{Audit{{Statistics}}}}"
        told = controller.request(f"Context={context}{{{both}}}", number).statistics
        counted = [told[name] for name in names]
        return (counted[0], counted[1]), (counted[2], counted[3])

    return Connection(phone, added.media, tell, end, {"context": str(context), "termination": termination})
