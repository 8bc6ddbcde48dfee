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
from typing import Any

from tests.netns.h323_endpoint import H323Endpoint, Manner
from tests.netns.h323_gatekeeper import H323Gatekeeper
from tests.netns.h323_link import Place
from tests.netns.script import Script
from tests.netns.sip import host_port


class _Script(Script):
    plain = frozenset({"answer", "hold", "resume", "ping"})

    def registers(self, name: str, value: str) -> bool:
        if name == "register":
            answer = self.agent.register(int(value or 60))[0]
            if answer != "registrationConfirm":
                raise RuntimeError(f"register: {answer}")
        elif name == "renew":
            self.agent.keep_alive()
        elif name == "unregister":
            self.agent.unregister()
        else:
            return False
        return True

    def in_call(self, name: str, value: str) -> bool:
        if name == "wait":
            self.call.wait(value)
        elif name == "flowing":
            self.call.wait_flowing()
        elif name == "fax":
            self.call.to_fax()
            self.agent.send_fax(self.call, int(value or 10))
        elif name == "audio":
            self.call.to_audio()
        elif name == "control":
            self.call.start_control()
        elif name == "release":
            self.call.release(int(value or 16))
        elif name == "press":
            self.call.press(value)
        else:
            return False
        return True


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
    return _Script(endpoint).play(options.steps)


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
