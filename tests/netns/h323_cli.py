"""The H.323 endpoint and gatekeeper from the command line: steps as arguments, a JSON report on standard output.

    python -m tests.netns.h323_cli --alias alice --gatekeeper 203.0.113.1 --address 192.168.1.10 \\
        --fast register dial:bob wait:up talk:100 release unregister
    python -m tests.netns.h323_cli --gatekeeper-at 198.51.100.2 --routed sleep:60

Steps: register[:SECONDS] renew unregister dial:TARGET expect (a call from somebody) answer wait:STATE flowing
talk[:PACKETS] control hold resume fax[:PACKETS] audio ping press:DIGITS release[:CAUSE] sleep:SECONDS. The exit code
is 0 if every step did what it says.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from typing import Any

from tests.netns.h323_call import H323Call
from tests.netns.h323_endpoint import H323Endpoint, Manner
from tests.netns.h323_gatekeeper import H323Gatekeeper
from tests.netns.h323_link import Place
from tests.netns.sip import host_port
from tests.netns.waiting import wait_for


@dataclass
class _Script:
    endpoint: H323Endpoint
    call: H323Call | None = None
    calls: int = 0
    batch: int = 0

    def step(self, name: str, value: str) -> None:
        endpoint = self.endpoint
        if name == "register":
            answer = endpoint.register(int(value or 60))[0]
            if answer != "registrationConfirm":
                raise RuntimeError(f"register: {answer}")
        elif name == "renew":
            endpoint.keep_alive()
        elif name == "unregister":
            endpoint.unregister()
        elif name == "dial":
            self.call = endpoint.dial(value)
            self.calls = len(endpoint.calls)
        elif name == "expect":
            self.call = endpoint.wait_call(self.calls, float(value or 30))
            self.calls += 1
        elif name == "sleep":
            time.sleep(float(value))
        elif self.call is None:
            raise RuntimeError(f"{name}: there is no call")
        else:
            self._in_call(self.call, name, value)

    def _in_call(self, call: H323Call, name: str, value: str) -> None:
        if name == "wait":
            call.wait(value)
        elif name == "flowing":
            call.wait_flowing()
        elif name == "talk":
            self.batch += 1
            call.send_batch(self.batch, int(value or 50), 2)
            wait_for(lambda: call.media.idle, 600, "everything to be sent")
        elif name == "fax":
            call.to_fax()
            self.endpoint.send_fax(call, int(value or 10))
        elif name == "audio":
            call.to_audio()
        elif name == "control":
            call.start_control()
        elif name == "release":
            call.release(int(value or 16))
        elif name == "press":
            call.press(value)
        elif name in ("answer", "hold", "resume", "ping"):
            getattr(call, name)()
        else:
            raise RuntimeError(f"no such step: {name}")


def _gatekeeper(options: argparse.Namespace) -> int:
    gatekeeper = H323Gatekeeper(Place(options.gatekeeper_at), options.routed)
    try:
        for step in options.steps:
            time.sleep(float(step.partition(":")[2]))
    finally:
        seen: list[Any] = sorted(gatekeeper.seen())
        print(json.dumps({"seen": seen, "sources": sorted(gatekeeper.sources()), "faults": gatekeeper.faults}))
        gatekeeper.close()
    return 0


def _endpoint(options: argparse.Namespace) -> int:
    manner = Manner(options.fast, options.tunnel, options.traversal)
    where = host_port(options.gatekeeper, 1719) if options.gatekeeper else None
    endpoint = H323Endpoint(tuple(options.alias), Place(options.address), where, manner, options.on_setup)
    script, failed = _Script(endpoint), ""
    try:
        for step in options.steps:
            name, _, value = step.partition(":")
            script.step(name, value)
    except (RuntimeError, TimeoutError) as error:
        failed = str(error)
    print(json.dumps({**endpoint.report(), "failed": failed}, indent=1))
    endpoint.close()
    return 1 if failed else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alias", action="append")
    parser.add_argument("--gatekeeper", default="", help="HOST[:PORT]")
    parser.add_argument("--address", default="", help="the endpoint's own address")
    parser.add_argument("--fast", action="store_true", help="fast connect")
    parser.add_argument("--tunnel", action="store_true", help="H.245 in the signalling connection")
    parser.add_argument("--traversal", action="store_true", help="offer H.460.18")
    parser.add_argument("--on-setup", default="answer", choices=["answer", "ring", "busy"])
    parser.add_argument("--gatekeeper-at", default="", help="be a gatekeeper at this address instead")
    parser.add_argument("--routed", action="store_true", help="the gatekeeper routes calls' signalling")
    parser.add_argument("steps", nargs="+")
    options = parser.parse_args()
    sys.exit(_gatekeeper(options) if options.gatekeeper_at else _endpoint(options))


if __name__ == "__main__":
    main()
