"""The softphone from the command line: steps as arguments, a JSON report on standard output.

    python -m tests.netns.softphone --user alice --password alice --proxy 203.0.113.1 --address 192.168.1.10 \\
        register dial:bob wait:up talk:100 hold resume bye unregister

Steps: register[:SECONDS] unregister dial:TARGET expect (a call from somebody) answer early reject[:STATUS] cancel
wait:STATE talk[:PACKETS] hold resume bye sleep:SECONDS. The exit code is 0 if every step did what it says.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
from dataclasses import dataclass

from tests.netns.phone_call import PhoneCall
from tests.netns.sip import host_port
from tests.netns.softphone import Account, Softphone
from tests.netns.waiting import wait_for


@dataclass
class _Script:
    phone: Softphone
    call: PhoneCall | None = None
    calls: int = 0
    batch: int = 0

    def step(self, name: str, value: str) -> None:
        phone = self.phone
        if name in ("register", "unregister"):
            reply = phone.register(int(value or 60) if name == "register" else 0)
            if reply.status != 200:
                raise RuntimeError(f"{name}: {reply.start}")
        elif name == "dial":
            self.call = phone.dial(value)
            self.calls = len(phone.calls)
        elif name == "expect":
            self.call = phone.wait_call(self.calls, float(value or 30))
            self.calls += 1
        elif name == "sleep":
            time.sleep(float(value))
        elif self.call is None:
            raise RuntimeError(f"{name}: there is no call")
        elif name == "wait":
            self.call.wait(value, 30)
        elif name == "reject":
            self.call.reject(value or "486 Busy Here")
        elif name == "talk":
            self.batch += 1
            self.call.send_batch(self.batch, int(value or 50), 2)
            wait_for(lambda: self.call.media.idle, 600, "everything to be sent")
        elif name in ("answer", "early", "cancel", "hold", "resume", "bye"):
            getattr(self.call, name)()
        else:
            raise RuntimeError(f"no such step: {name}")


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
    script = _Script(phone)
    failed = ""
    try:
        for step in options.steps:
            name, _, value = step.partition(":")
            script.step(name, value)
    except (RuntimeError, TimeoutError) as error:
        failed = str(error)
    print(json.dumps({**phone.report(), "failed": failed}, indent=1))
    phone.close()
    sys.exit(1 if failed else 0)
