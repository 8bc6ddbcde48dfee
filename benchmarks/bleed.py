"""The RTP-bleed attack: a third host sprays all media ports with RTP, from before the calls begin or in their midst.

What it gets of their media, what it takes away from them, and what of its own they hear."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import media_network as network
from benchmarks.traffic import Flow, Generator, Sink, new_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.media_contenders import Relay
    from benchmarks.media_network import Places
    from benchmarks.traffic import Received

OCTETS = 172  # of each RTP packet
RATE = 10_000  # packets a second of the attacker's
PHONE = 50  # packets a second of each flow
_PORT = 6_000  # the attacker's own, the same for all it sprays: so it reads what comes back
_RINGING = 0.3  # seconds that the server is heard before the client says anything
_SETTLED = 4.0  # seconds after which a call has ended its learning: 3 s here and with rtpengine


@dataclass(frozen=True)
class Plan:
    """An attack: how many calls there are, which ports are sprayed, whether from before the calls begin or only when
    they have settled, and for how many seconds of the calls."""

    streams: int = 100
    ports: tuple[int, int] = (20_000, 21_999)
    early: bool = True
    seconds: float = 4.0


@dataclass(frozen=True)
class Outcome:
    """What came of it, in packets. `stolen`: media of the calls that the attacker got; `injected`: his that peers got.
    `sent` and `heard`: the peers' own, from server to client and from client to server."""

    sprayed: int
    stolen: int
    injected_client: int
    injected_server: int
    sent_back: int
    heard_back: int
    sent_there: int
    heard_there: int

    @property
    def stolen_octets(self) -> int:
        return self.stolen * OCTETS


def attack(places: Places, start: Callable[[Places], Relay], plan: Plan) -> Outcome:
    """Attack the calls of a relay on `network.ATTACKED`. `start` makes it running; it is stopped here."""
    attacker = places.lab.host("attacker")
    first, last = plan.ports
    aims = [Flow((network.ATTACKER, _PORT), (network.SBC_ACCESS, port)) for port in range(first, last + 1)]
    spray = Generator(attacker, "access", places.macs["sbc", "access"], aims)
    theirs, forth, back = new_run(), new_run(), new_run()
    thief = network.ATTACKER
    ears = {
        "stolen back": Sink(attacker, "access", run=back, target=thief),
        "stolen there": Sink(attacker, "access", run=forth, target=thief),
        "client": Sink(places.client, "access", run=back, target=network.CLIENT),
        "server": Sink(places.server, "core", run=forth, target=network.SERVER),
        "injected client": Sink(places.client, "access", run=theirs, target=network.CLIENT),
        "injected server": Sink(places.server, "core", run=theirs, target=network.SERVER),
    }
    relay = start(places)
    try:
        length = plan.seconds + _RINGING + (0 if plan.early else _SETTLED)
        spraying = None
        if plan.early:
            spraying = spray.start(theirs, RATE, length + 1.0)
            time.sleep(0.1)
        relay.open(plan.streams)
        rate = PHONE * plan.streams
        answering = places.back(relay.back)
        server = answering.start(back, rate, length)
        time.sleep(_RINGING)
        calling = places.there(relay.there)
        client = calling.start(forth, rate, length - _RINGING)
        if spraying is None:
            time.sleep(_SETTLED)
            spraying = spray.start(theirs, RATE, plan.seconds)
        sent = [spray.finish(spraying), answering.finish(server), calling.finish(client)]
        time.sleep(0.3)  # what is queued
        heard: dict[str, Received] = {name: sink.result() for name, sink in ears.items()}
    finally:
        relay.stop()
    return Outcome(
        sprayed=sent[0].sent,
        stolen=heard["stolen back"].received + heard["stolen there"].received,
        injected_client=heard["injected client"].received,
        injected_server=heard["injected server"].received,
        sent_back=sent[1].sent,
        heard_back=heard["client"].unique,
        sent_there=sent[2].sent,
        heard_there=heard["server"].unique,
    )
