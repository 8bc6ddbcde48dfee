"""The softphone from the command line: steps as arguments, a JSON report on standard output.

    python -m tests.netns.softphone --user alice --password alice --proxy 203.0.113.1 --address 192.168.1.10 \\
        register dial:bob wait:up talk:100 hold resume bye unregister

Steps: register[:SECONDS] unregister dial:TARGET expect (a call from somebody) answer early reject[:STATUS] cancel
wait:STATE talk[:PACKETS] hold resume bye sleep:SECONDS. The exit code is 0 if every step did what it says.
"""

from __future__ import annotations

import argparse
import socket
import sys

from tests.netns.script import Script
from tests.netns.sip import host_port
from tests.netns.softphone import Account, Softphone


class _Script(Script):
    plain = frozenset({"answer", "early", "cancel", "hold", "resume", "bye"})

    def registers(self, name: str, value: str) -> bool:
        if name not in ("register", "unregister"):
            return False
        reply = self.agent.register(int(value or 60) if name == "register" else 0)
        if reply.status != 200:
            raise RuntimeError(f"{name}: {reply.start}")
        return True

    def in_call(self, name: str, value: str) -> bool:
        if name == "wait":
            self.call.wait(value, 30)
        elif name == "reject":
            self.call.reject(value or "486 Busy Here")
        else:
            return False
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", default="", help="the user's name by default")
    parser.add_argument("--domain", default="voice.example")
    parser.add_argument("--proxy", required=True, help="HOST[:PORT]")
    parser.add_argument("--address", required=True, help="the phone's own address")
    parser.add_argument("--port", type=int, default=5060)
    parser.add_argument("--on-invite", default="answer", choices=["answer", "ring", "early", "busy", "silent"])
    parser.add_argument("steps", nargs="+")
    options = parser.parse_args()

    def bound(port: int) -> socket.socket:
        made = socket.socket(socket.AF_INET6 if ":" in options.address else socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((options.address, port))
        return made

    account = Account(options.user, options.password or options.user, options.domain, host_port(options.proxy))
    phone = Softphone(account, options.address, bound, options.port, on_invite=options.on_invite)
    sys.exit(_Script(phone).play(options.steps))
