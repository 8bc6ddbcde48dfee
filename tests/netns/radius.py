"""A RADIUS server in a lab: Debian's FreeRADIUS, which takes accounting and writes down all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.netns.processes import LabProcess

if TYPE_CHECKING:
    from tests.netns.lab import LabHost

SECRET = "a secret of the lab"
PORT = 1813

_CONFIG = """
name = lab
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {directory}
run_dir = {directory}
cleanup_delay = 5
max_request_time = 5
log {{
  destination = stdout
}}
client sbc {{
  ipaddr = {client}
  secret = "{secret}"
}}
modules {{
  detail {{
    filename = {detail}
    permissions = 0600
    header = "%t"
  }}
}}
server lab {{
  listen {{
    type = acct
    ipaddr = {address}
    port = {port}
  }}
  accounting {{
    detail
  }}
}}
thread pool {{
  start_servers = 1
  max_servers = 1
  min_spare_servers = 1
  max_spare_servers = 1
}}
"""


class RadiusServer:
    """The server on a host, for one client; it can be stopped and started again."""

    def __init__(self, host: LabHost, client: str) -> None:
        self._host = host
        self._directory = host.lab.directory / "radius"
        self._directory.mkdir()
        self._detail = self._directory / "detail"
        (self._directory / "radiusd.conf").write_text(
            _CONFIG.format(
                directory=self._directory, detail=self._detail, client=client, secret=SECRET, address=host.address(),
                port=PORT,
            )
        )  # fmt: skip
        self._process: LabProcess | None = None

    def start(self) -> None:
        """Run it and wait until it listens."""
        argv = ["freeradius", "-f", "-l", "stdout", "-d", str(self._directory), "-n", "radiusd"]
        self._process = self._host.popen(argv, log="freeradius")
        self._host.wait_bound(PORT, self._host.address(), by=self._process)

    def stop(self) -> None:
        """End it; what it has taken stays."""
        assert self._process is not None
        self._process.stop()

    def taken(self, status: str = "") -> list[dict[str, str]]:
        """The requests it has taken, in order, as their attributes' names and values; those of one Acct-Status-Type."""
        found = list(_requests(self._detail))
        return [each for each in found if status in ("", each["Acct-Status-Type"])]


def _requests(path: Path) -> Iterator[dict[str, str]]:
    text = path.read_text() if path.exists() else ""
    for block in re.findall(r"^\S.*\n((?:\t.*\n)+)\n", text, re.MULTILINE):
        pairs = (line.strip().partition(" = ") for line in block.splitlines())
        yield {name: value.strip('"') for name, _, value in pairs}
