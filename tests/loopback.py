"""A piece of loopback of this process's own, and what an SBC on it is configured with."""

from __future__ import annotations

import os
import socket
from functools import cache
from itertools import islice, product

_CLAIM = ("254", 1)
"""The host and port in a network that whoever has it holds."""
_held: list[socket.socket] = []

_REALM = """
[realms.{name}]
side = "{name}"
{keys}
[[realms.{name}.listeners]]
protocol = "sip"
transport = "udp"
address = "{host}"
port = 5060
[realms.{name}.media]
address = "{host}"
ports = "{ports}"
"""
_PATH = """
[[paths]]
name = "main"
access = "access"
core = "core"
next_hops = ["{softswitch}:5060"]
callers = "any"
"""


@cache
def loopback(purpose: str) -> str:
    """The first three numbers of loopback hosts, "127.x.y", that nobody else has as long as this process lives: tests
    run beside each other, and beside those of others. For each purpose another."""
    start = os.getpid() % (200 * 250)
    networks = list(product(range(20, 220), range(250)))
    for second, third in islice(networks[start:] + networks[:start], 1000):
        net = f"127.{second}.{third}"
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind((f"{net}.{_CLAIM[0]}", _CLAIM[1]))
        except OSError:
            claim.close()
            continue
        _held.append(claim)
        return net
    raise RuntimeError(f"no loopback network is free for {purpose}")


def sbc_on(net: str, first: str = "", access: str = "", ports: str = "20000-20099") -> str:
    """A configuration (TOML): realm `access` at host 1 of the network, realm `core` at host 2, a next hop at host 3.
    `first` is put in front of it, `access` are further keys of that realm; tables may follow."""
    realms = (("access", f"{net}.1", access), ("core", f"{net}.2", ""))
    text = "".join(_REALM.format(name=name, host=host, keys=keys, ports=ports) for name, host, keys in realms)
    return f"{first}{text}" + _PATH.format(softswitch=f"{net}.3")
