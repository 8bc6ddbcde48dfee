"""What of a stream may be forwarded without judging: plain rewrites from a latched source to a known destination."""

from __future__ import annotations

import attrs

from sbc.core.address import Address, Pair
from sbc.core.orders import UNSET, Rate, SideSpec


@attrs.frozen
class Flow:
    """One direction of a stream, as a rewrite: what comes from `source` to our `local` goes out from `out` to `to`.

    It arrives from side `side`, in `realm`; `limit`, `clock` and `incoming` are that side's. `dscp` and `priority` are
    the other side's, with which it goes out. `rtcp` tells of which port the flow is: with RTCP on the RTP port (RFC
    5761) there is only that flow.
    """

    side: int
    local: Address
    source: Address
    out: Address
    to: Address
    rtcp: bool
    dscp: int
    limit: Rate | None
    realm: str
    clock: int
    priority: int = UNSET
    incoming: bytes = b""


@attrs.frozen
class Tap:
    """An interface whose packets the kernel forwards: its name, how ("native" or "generic" XDP, or "tc"), why no
    better than that, and whether what TC sends by it is handed to the other end of the veth at once."""

    interface: str
    mode: str
    why: str
    to_peer: bool = False


@attrs.frozen
class KernelView:
    """What an engine has the kernel forward: where, how many flows, of how many there can be, and the folder that its
    programs and maps are pinned in."""

    taps: tuple[Tap, ...]
    flows: int
    room: int
    directory: str


@attrs.frozen
class Footing:
    """How one port of a side stands: from whom it takes media, whether nobody may take that one's place without its
    falling silent (`firm`), and where media to the peer goes."""

    latched: Address | None
    firm: bool
    to: Address | None


@attrs.frozen
class Stance:
    """How one side stands: `mux` whether RTCP comes and goes on its RTP port, `rtcp` None where there is no such port
    of its own. `shared`: numbers stand before its packets, as they come or as they go (see Shared)."""

    spec: SideSpec
    held: bool
    mux: bool
    rtp: Footing
    rtcp: Footing | None
    shared: bool = False


@attrs.frozen
class SideView:
    """A side as it stands now, for people: where its media goes and why, and whom its latches refused; how it is marked
    (`dscp`, `priority` and `incoming` of its SideSpec); `security`: by which suite it is
    sent to, "unkeyed" while by none, empty where it is not secured."""

    realm: str
    local: Pair
    signalled: Pair | None
    rtp: Address | None
    rtp_reason: str
    rtcp: Address | None
    rtcp_reason: str
    mux: bool
    held: bool
    refused: dict[str, int]
    dscp: int
    priority: int
    incoming: bytes
    security: str = ""


def flows_of(kind: str, stances: tuple[Stance, Stance]) -> tuple[tuple[Flow, ...], str]:
    """The flows of a stream of that kind ("rtp" or "t38"), and where there are none the word that says why:

    ``t38`` (its packets are judged one by one), ``secured`` (they are to be encrypted or decrypted), ``shaped`` (what
    is over its rate waits), ``multiplexed`` (numbers stand before them), ``held``, ``not-latched``, ``learning``
    (somebody better may still take the latch),
    ``no-destination``, ``mux`` (RTCP must be told from RTP to go by another port).

    RTCP has a flow once it is latched and firm; until then it is judged like everything else.
    """
    if kind != "rtp":
        return (), "t38"
    if any(stance.spec.security is not None for stance in stances):
        return (), "secured"
    if any(stance.spec.limit is not None and stance.spec.limit.wait for stance in stances):
        return (), "shaped"
    if any(stance.shared for stance in stances):
        return (), "multiplexed"
    if any(stance.held for stance in stances):
        return (), "held"
    if any(stance.rtp.latched is None for stance in stances):
        return (), "not-latched"
    if not all(stance.rtp.firm for stance in stances):
        return (), "learning"
    if any(stance.rtp.to is None for stance in stances):
        return (), "no-destination"
    first, second = stances
    if any(here.mux and not there.mux and there.rtcp is not None for here, there in ((first, second), (second, first))):
        return (), "mux"
    ways = (_ways(0, first, second), _ways(1, second, first))
    return tuple(flow for way in ways for flow in way), ""


def _ways(side: int, here: Stance, there: Stance) -> list[Flow]:
    """The flows from `here` to `there`: of RTP, and of RTCP where that can be."""
    ours, far = here.spec.local, there.spec.local
    found = [_flow(side, here, there, ours.rtp, here.rtp, far.rtp, there.rtp.to, rtcp=False)]
    if here.rtcp is not None and ours.rtcp is not None and not here.mux and here.rtcp.firm:
        if there.mux:
            found.append(_flow(side, here, there, ours.rtcp, here.rtcp, far.rtp, there.rtp.to, rtcp=True))
        elif there.rtcp is not None and far.rtcp is not None:
            found.append(_flow(side, here, there, ours.rtcp, here.rtcp, far.rtcp, there.rtcp.to, rtcp=True))
    return [flow for flow in found if flow is not None]


def _flow(
    side: int,
    here: Stance,
    there: Stance,
    local: Address,
    footing: Footing,
    out: Address,
    to: Address | None,
    rtcp: bool,
) -> Flow | None:
    if footing.latched is None or to is None:
        return None
    return Flow(
        side=side,
        local=local,
        source=footing.latched,
        out=out,
        to=to,
        rtcp=rtcp,
        dscp=there.spec.dscp,
        limit=here.spec.limit,
        realm=here.spec.realm,
        clock=here.spec.clock,
        priority=there.spec.priority,
        incoming=here.spec.incoming,
    )
