"""SRTP<->RTP in user space: the native engine beside rtpengine, in one run; prints figures and ratios.

    .venv/bin/python -m benchmarks.srtp [--flows N] [--suite NAME] [--rounds N]

Client and server speak plain RTP, as in benchmarks.media, but between them a relay takes each packet twice: a first
call encrypts it and sends it to a second of the same relay, which decrypts it. So a packet that arrives was encrypted
once and decrypted once, and what generator and sink can do with plain packets tells about both. The generator begins
anew with each run: of ours the first packets of a run, whose numbers were encrypted before, are not sent again.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from benchmarks import media_contenders as contenders
from benchmarks import media_network as network
from benchmarks.media import Bench, Size
from benchmarks.media_contenders import Native, Opened, Peer
from benchmarks.media_network import NETWORK
from benchmarks.report import machine, medians, say
from benchmarks.rtpengine import place_in, plain_sdp
from benchmarks.traffic import Flow
from tests.netns.lab import Lab

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM")
BASE = "rtpengine-srtp"


class NativeSrtp(Native):
    """Ours: two streams for each flow."""

    suite = SUITES[0]

    def _order(self) -> dict[str, Any]:
        return {"do": "chain", "suite": self.suite}

    def settle(self) -> str:
        return ""


class PeerSrtp(Peer):
    """rtpengine: two calls for each flow, whose keys it makes itself."""

    suite = SUITES[0]

    def open(self, count: int) -> Opened:
        began = time.perf_counter()
        for number in range(len(self.there), len(self.there) + count):
            client, server = network.client_place(number), network.server_place(number)
            access, core = self._chain(number, client, server)
            self.there.append(Flow(client, access))
            self.back.append(Flow(server, core))
        return Opened(count, time.perf_counter() - began, 0.0)

    def _chain(self, number: int, client: tuple[str, int], server: tuple[str, int]) -> tuple[Any, Any]:
        """Our places towards client and server. The keys of each call are known when the other's are asked for."""
        first = {"call_id": f"a{number}", "from_tag": "a", "replace": ["origin", "session-connection"]}
        second = {**first, "call_id": f"b{number}"}
        suites = {"SDES": [f"only-{self.suite}"], "ICE": "remove"}
        out = self._ask_sdp(
            "offer", first, plain_sdp(client), direction=["access", "core"], transport_protocol="RTP/SAVP", **suites
        )
        into = self._ask_sdp(
            "offer", second, out, direction=["core", "core"], transport_protocol="RTP/AVP", ICE="remove"
        )
        back = self._ask_sdp("answer", second, plain_sdp(server), to_tag="b", **suites)
        near = self._ask_sdp("answer", first, back, to_tag="b", ICE="remove")
        return place_in(near), place_in(into)

    def _ask_sdp(self, what: str, names: dict[str, Any], sdp: str, **how: Any) -> str:
        return str(self._engine.ask(command=what, sdp=sdp, **names, **how)["sdp"])

    def close(self) -> Opened:
        return Opened(0, 0.0, 0.0)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--flows", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6, help="of the search for the highest rate; 0: none")
    parser.add_argument("--suite", choices=SUITES, default=SUITES[0])
    asked = parser.parse_args(arguments)
    for kind in (NativeSrtp, PeerSrtp):
        kind.suite = asked.suite  # type: ignore[attr-defined]
    contenders.CONTENDERS.update({"native-srtp": NativeSrtp, BASE: PeerSrtp})
    say(machine())
    with Lab(NETWORK) as lab:
        bench = Bench(lab, Size(asked.rounds, (asked.flows,), 1.5, asked.steps, 0.0, 0))
        for number in range(asked.rounds):
            for name in ("native-srtp", BASE):
                say(f"round {number + 1} of {asked.rounds}: {name}, {asked.suite}")
                bench._throughput(name, asked.flows)
    found = medians(bench.figures)
    say("\n".join(bench.notes))
    for measure in (each for each in found[BASE] if not each.startswith("machine")):
        ours, theirs = found["native-srtp"][measure], found[BASE][measure]
        better = theirs / ours if measure.startswith("cpu") else ours / theirs
        say(f"{measure}: native {ours:.2f}, rtpengine {theirs:.2f}, ratio {better:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
