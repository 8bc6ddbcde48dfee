"""NATs as nft rules: what each kind does to a UDP mapping and who may come in through it (RFC 4787's words).

===============  ==========================  ============================  ==========================================
kind             mapping                     filtering                     like
===============  ==========================  ============================  ==========================================
MASQUERADE       endpoint-independent, port  address and port dependent    a bare Linux router
                 kept while it is free
PORT_RESTRICTED  endpoint-independent, port  address and port dependent,   a home router: "port-restricted cone"
                 never kept                  the rest dropped silently
SYMMETRIC        per destination, random     address and port dependent,   a strict firewall or carrier NAT
                                             the rest dropped silently
FULL_CONE        endpoint-independent, port  endpoint-independent          as near to "full cone" as nft gets
                 kept
===============  ==========================  ============================  ==========================================

Limits, all of Linux' connection tracking, which keys its entries by both ends:

* MASQUERADE has no firewall: an unsolicited packet to the router's own address makes an entry of its own (and an ICMP
  error). If the phone then sends from the same port to that sender, the kept port is taken and the mapping moves. Real
  phones meet this when the far end's media comes first; the other kinds drop such packets before an entry is made.
* PORT_RESTRICTED computes the outer port from the inner address and port; two inner sockets of one home meet in one
  port with a chance of 1 in 32768 a pair, and then only the first gets through to the same destination.
* FULL_CONE remembers in an nft map which host sent from a port, and sends whatever comes to that port there. Two hosts
  of one home that use the same port share the entry (the last one wins), and hairpinning is not done.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class NatKind(Enum):
    """How a NAT maps and filters; see the table above."""

    MASQUERADE = "masquerade"
    PORT_RESTRICTED = "port-restricted"
    SYMMETRIC = "symmetric"
    FULL_CONE = "full-cone"


@dataclass(frozen=True)
class Nat:
    """A NAT's kind and the lifetime in seconds of its UDP mappings: `timeout` before and `stream_timeout` after
    packets have gone both ways (Linux takes two seconds of both ways before it counts as a stream)."""

    kind: NatKind = NatKind.MASQUERADE
    timeout: int = 30
    stream_timeout: int = 120

    def sysctls(self) -> dict[str, str | int]:
        """What the router's namespace needs."""
        return {
            "net.ipv4.ip_forward": 1,
            "net.netfilter.nf_conntrack_udp_timeout": self.timeout,
            "net.netfilter.nf_conntrack_udp_timeout_stream": self.stream_timeout,
        }

    def rules(self) -> str:
        """The nft ruleset of a router with the interfaces `lan` and `wan`."""
        return _RULES[self.kind].format(stream_timeout=self.stream_timeout)

    def flush(self) -> list[list[str]]:
        """Commands that make the router forget all mappings, as a restart does."""
        commands = [["conntrack", "-F"]]
        if self.kind is NatKind.FULL_CONE:
            commands.append(["nft", "flush", "map", "ip", "nat", "cone"])
        return commands


_FIREWALL = """
table inet firewall {{
    chain router {{
        type filter hook input priority filter; policy accept;
        iifname "wan" ct state new drop
    }}
    chain through {{
        type filter hook forward priority filter; policy accept;
        iifname "wan" ct status dnat accept
        iifname "wan" ct state new drop
    }}
}}
"""

_MASQUERADE = """
table ip nat {{
    chain outward {{
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan" {how}
    }}
}}
"""

_FULL_CONE = """
table ip nat {{
    map cone {{
        type inet_service : ipv4_addr
        flags dynamic,timeout
        timeout {stream_timeout}s
    }}
    chain learn {{
        type filter hook forward priority filter; policy accept;
        iifname "lan" oifname "wan" meta l4proto udp update @cone {{ udp sport : ip saddr }}
    }}
    chain inward {{
        type nat hook prerouting priority dstnat; policy accept;
        iifname "wan" meta l4proto udp dnat to udp dport map @cone
    }}
    chain outward {{
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan" masquerade
    }}
}}
"""

_HASHED = "meta l4proto udp masquerade to :jhash ip saddr . udp sport mod 32768 seed 0x5bc offset 20000"

_RULES = {
    NatKind.MASQUERADE: _MASQUERADE.replace("{how}", "masquerade"),
    NatKind.PORT_RESTRICTED: _FIREWALL
    + _MASQUERADE.replace("{how}", _HASHED + '\n        oifname "wan" meta l4proto != udp masquerade'),
    NatKind.SYMMETRIC: _FIREWALL + _MASQUERADE.replace("{how}", "masquerade random,fully-random"),
    NatKind.FULL_CONE: _FIREWALL + _FULL_CONE,
}
