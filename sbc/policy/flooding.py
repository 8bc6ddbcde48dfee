"""How a realm is protected from floods, as it is configured. Plain values."""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv4Network, IPv6Network

import attrs

from sbc.core.word import Word
from sbc.policy.prefixes import Prefixes

Network = IPv4Network | IPv6Network

SCANNERS = (
    "friendly-scanner",
    "sipvicious",
    "sundayddr",
    "sipcli",
    "pplsip",
    "sipsak",
    "siparmyknife",
    "smap ",
    "iwar",
    "vaxsipuseragent",
    "vaxipuseragent",
    "nm@nmap",
)
"""What programs that look for prey call themselves: parts of their names."""


class Rank(Word):
    """How well a source is served, worst first. Who misbehaves goes down, who behaves well goes up."""

    STRANGER = "stranger"
    COURTED = "courted"  # a stranger whose request the other side has understood, and asked credentials for
    REGISTERED = "registered"  # a registrar has confirmed it; or its call was answered, or its certificate verified
    TRUSTED = "trusted"  # the same for long, without a fault; or configured to be


class Ill(Enum):
    """What becomes of a registered terminal that misbehaves, where anybody may have sent that in its name."""

    DEMOTE = "demote"  # it is served as strangers are for a while
    BAN = "ban"


@attrs.frozen
class Flooding:
    """How a realm is protected; see docs/floods.rst.

    Rates are in messages a second, and so many at once after a pause (`burst`); 0: no limit. They count one transport
    address, but `host_rate`, which counts all strangers at one host, `realm_rate`, which counts those of the realm,
    `terminal_rate`, which counts requests of one registered terminal wherever it sends from, and `open_rate`, which
    counts new calls of one stranger. Shares are parts of the processor. Times are in seconds, scores in points.
    """

    stranger_rate: float = 20.0
    stranger_burst: int = 100
    registered_rate: float = 500.0
    registered_burst: int = 2_000
    trusted_rate: float = 2_000.0
    trusted_burst: int = 8_000
    host_rate: float = 500.0
    host_burst: int = 5_000
    realm_rate: float = 0.0
    realm_burst: int = 10_000
    terminal_rate: float = 0.0
    terminal_burst: int = 200
    open_rate: float = 2.0
    open_burst: int = 20
    stranger_share: float = 0.3
    registered_share: float = 0.6
    busy: float = 0.7
    trusted_after: float = 600.0
    sources: int = 50_000
    half_life: float = 60.0
    ban_score: float = 100.0
    host_score: float = 1_000.0
    ban: float = 60.0
    ban_longest: float = 86_400.0
    registered: Ill = Ill.DEMOTE
    demotion: float = 300.0
    scanners: tuple[str, ...] = SCANNERS
    fraud_destinations: int = 10
    fraud_prefixes: tuple[str, ...] = ()
    trusted: tuple[Network, ...] = ()
    never: tuple[Network, ...] = ()
    trusts: Prefixes = attrs.field(init=False, eq=False, repr=False)
    """Who is `trusted`: asked for with all that comes."""

    @trusts.default
    def _trusts(self) -> Prefixes:
        return Prefixes((network, 1) for network in self.trusted)
