"""`make demo-webrtc`: a browser on this machine calls a phone of a softswitch, through the SBC, all on loopback.

The page, the SBC, Kamailio and baresip run here, without namespaces, until Ctrl-C. ``--check`` has Chromium open the
page, call, and say what it heard.
"""

from __future__ import annotations

import argparse
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.certificates import Authority
from tests.netns import jssip
from tests.netns.baresipphone import BaresipPhone
from tests.netns.browser import Browser, PageServer
from tests.netns.lab import Lab, LabHost
from tests.netns.sbc_process import SbcProcess
from tests.netns.softswitch import DOMAIN, Softswitch, password
from tests.netns.topology import Host, Interface, Topology

SBC, SBC_CORE, SWITCH = "127.0.0.1", "127.0.0.2", "127.0.0.3"
PHONE = "127.0.0.1"  # where its audio comes from, whatever else it is told
WSS, PAGE = 8443, 8080

_CONFIG = """
[drain]
limit = 0.0

[realms.browsers]
side = "access"
media_security = "dtls"
[realms.browsers.media]
address = "{sbc}"
ports = "20000-20999"
[realms.browsers.tls]
certificate = "{certificate}"
key = "{key}"
[realms.browsers.websocket]
origins = ["http://{sbc}:{page}", "http://localhost:{page}"]
[[realms.browsers.listeners]]
protocol = "sip"
transport = "wss"
address = "{sbc}"
port = {wss}

[realms.core]
side = "core"
[realms.core.media]
address = "{core}"
ports = "20000-20999"
[[realms.core.listeners]]
protocol = "sip"
transport = "udp"
address = "{core}"
port = 5060

[[paths]]
name = "browsers"
access = "browsers"
core = "core"
next_hops = ["{switch}:5060"]
domain = "{domain}"
"""

_WELCOME = f"""
  Open    http://{SBC}:{PAGE}/    in a browser on this machine (Chromium, Firefox).

  1. The SBC's certificate was made a moment ago, and nobody your browser trusts has signed it. Open
         https://{SBC}:{WSS}/
     once and accept it ("Advanced", "Proceed"). The page there says that it is a WebSocket, and no web page.
  2. Back on the first page: "register", then "call". Allow the microphone. You hear a tone: it is a phone (baresip)
     that registers at a softswitch (Kamailio) and speaks plain RTP. The table shows what is sent and heard.

  Between browser and SBC everything is encrypted (WSS, DTLS-SRTP); between SBC and softswitch nothing is.
  Ctrl-C ends it all.
"""


class Here(LabHost):
    """A host of a lab that is none of its own, but an address of this machine's loopback."""

    def __init__(self, lab: Lab, name: str, address: str) -> None:
        super().__init__(lab, Host(name, (Interface("lo", (f"{address}/8",), name=address),)))  # as baresip knows it
        self.netns = ""

    def command(self, argv: Sequence[str]) -> list[str]:
        return list(argv)


def stage(lab: Lab, ending: ExitStack) -> Path:
    """The SBC, the softswitch and bob's phone, up and registered; the SBC's certificate."""
    certificate, key = Authority(lab.directory).sign("sbc", SBC, "localhost")
    places = {"sbc": SBC, "core": SBC_CORE, "switch": SWITCH, "page": PAGE, "wss": WSS, "domain": DOMAIN}
    Softswitch.start(Here(lab, "softswitch", SWITCH))
    toml = _CONFIG.format(certificate=certificate, key=key, **places)
    ending.callback(SbcProcess.start(Here(lab, "sbc", SBC), toml).stop)
    phone = BaresipPhone(Here(lab, "phone", PHONE), "bob", SWITCH, DOMAIN)
    phone.wait_registered()
    return certificate


def settings() -> dict[str, Any]:
    """What the page is told."""
    who = {"user": "alice", "password": password("alice"), "callee": "bob"}
    return {"ws": f"wss://{SBC}:{WSS}/", "domain": DOMAIN, **who}


def check(lab: Lab, script: str, certificate: Path) -> int:
    """Chromium calls; whether it and the phone heard each other."""
    browser = Browser(Here(lab, "browser", SBC), script, {**settings(), "calls": True}, certificate, port=PAGE)
    try:
        browser.wait("confirmed")
        heard = browser.wait_hearing()
        browser.tell("hangup")
        browser.wait("ended")
    finally:
        browser.close()
    print(f"heard {heard['heard']['packets']} packets, sent {heard['spoken']['packets']}, by {heard['transport']}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="have Chromium call, and end")
    asked = parser.parse_args()
    try:
        script = jssip.script()
    except jssip.NoJsSip as why:
        print(f"JsSIP, which the page needs, cannot be had: {why}", file=sys.stderr)
        return 1
    with Lab(Topology(())) as lab, ExitStack() as ending:
        try:
            certificate = stage(lab, ending)
            if asked.check:
                return check(lab, script, certificate)
            page = PageServer(socket.create_server((SBC, PAGE)), script, settings())
            ending.callback(page.close)
            print(_WELCOME, flush=True)
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print("\nIt ends.")
            return 0
        except (OSError, RuntimeError, TimeoutError) as fault:
            print(f"{fault}\n{lab.logs(20)}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
