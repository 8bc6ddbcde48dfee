"""From whom one side's media is taken, and so where its answers go: latching no stranger wins (docs/security.rst)."""

from __future__ import annotations

from typing import NamedTuple

from sbc.core.address import Address, canonical, is_unspecified
from sbc.core.orders import Latch, SideSpec
from sbc.media.packet import Kind
from sbc.media.rtp import continues

RELATCH_AFTER = 1.0
"""Seconds of a reopened window after which a latched source that has not spoken in it may be replaced by its equal."""

_NOBODY, _OTHER, _SEEN_HOST, _RTP_HOST, _SIGNALLED = range(5)


class Verdict(NamedTuple):
    """What becomes of one packet. `latched` is the address this very packet has latched, None where nothing changed.

    `reason` is a fixed word. Accepted: ``latched`` (the known source), ``signalled``, ``seen-host``, ``rtp-host``,
    ``nat``, ``continues``, ``moved``. Not accepted: ``not-signalled``, ``latch-off``, ``not-behind-nat``,
    ``not-seen-host``, ``not-rtp-host``, ``window-closed``, ``latched-elsewhere``, ``may-not-latch``.
    """

    accept: bool
    latched: Address | None
    reason: str


class SideLatch:
    """The latch of one port (RTP, RTCP or T.38) of one side.

    **Who may come in at all.** The signalled address, at once. Any other only if the peer is behind a NAT, only while
    the learning window is open, and in mode `strict` only from the host its signalling came from; never in mode `off`.
    Before the peer has signalled an address: only from that host, whatever the mode.

    **Who wins.** The first packet is not always the peer's: whoever sprays our ports may be first. So sources have a
    rank, signalled > host where this side's RTP is latched (asked of an RTCP port only) > host of the signalling > any
    other, and within the window a higher rank takes the latch from a lower one; an equal or lower one does not. When
    the window has closed only the signalled address may still take over, and only from a latch of the lowest rank:
    there a first comer must not win for ever, while a better latch must not be undone by a forged source address.

    **Re-latching.** An update or `reopen` opens the window again. A latch that was carried into it gives way, besides
    to a higher rank, to a source that *continues* its stream: the same SSRC and a sequence number that follows (a NAT
    that rebound; an outsider would have to guess 48 bits); or, when it has not spoken for `RELATCH_AFTER` seconds of
    the new window, to an equal rank.

    **RTCP.** The first report may come later than the window is long (RFC 3550 section 6.2: 5 seconds and more), so an
    RTCP port without a latch (or with one of the lowest rank) takes the host where RTP is latched at any time. While
    RTP is latched, RTCP from a host that is neither that nor the signalling's is not accepted.
    """

    __slots__ = (
        "_behind_nat", "_carried", "_closes", "_mode", "_opened", "_rtp", "_seen_host", "_sequence", "_spoken", "_ssrc",
        "held", "latched", "reason", "signalled",
    )  # fmt: skip

    def __init__(self, spec: SideSpec, signalled: Address | None, now: float, rtp: SideLatch | None = None) -> None:
        """`signalled` is the one of `spec.remote` this port is for; `rtp` is given to the latch of an RTCP port."""
        self._rtp = rtp
        self._ssrc: int | None = None
        self._sequence: int | None = None
        self.signalled: Address | None = None
        self.latched: Address | None = None
        self.held = False
        self.reason = ""  # why `latched` is what it is
        self.update(spec, signalled, now)
        if rtp is None and spec.latched is not None and self._rank(spec.latched)[0] > _NOBODY:
            self.latched, self.reason = spec.latched, "kept"
            self.reopen(now, spec.window)

    @property
    def destination(self) -> Address | None:
        """Where packets for this side go: None while nothing is known or the peer is on hold."""
        return None if self.held else self.latched or self.signalled

    def update(self, spec: SideSpec, signalled: Address | None, now: float) -> None:
        """Take what the peer has signalled anew, and open the window.

        The latch is kept if the signalled address is the same or the first one, and dropped if it has changed or the
        new spec no longer permits the latched one. On hold (the unspecified address, or port 0: RFC 3264 sections 5.1
        and 8.4) says that nothing is to be sent, not where the peer is: what was known remains, for what it sends
        meanwhile and for when it resumes.
        """
        self._mode, self._behind_nat = spec.latch, spec.behind_nat
        self._seen_host = canonical(spec.seen_host) if spec.seen_host else ""
        self.held = signalled is not None and (signalled.port == 0 or is_unspecified(signalled.host))
        if not self.held:
            known = self.signalled
            self.signalled = None if signalled is None else Address(canonical(signalled.host), signalled.port)
            if known is not None and known != self.signalled:
                self._forget()
        if self.latched is not None and self._rank(self.latched)[0] == _NOBODY:
            self._forget()
        self.reopen(now, spec.window)

    def reopen(self, now: float, window: float) -> None:
        """Open the learning window from `now` for `window` seconds."""
        self._opened, self._closes = now, now + window
        self._carried = self.latched is not None
        self._spoken = False

    def learning(self, now: float) -> bool:
        """Whether the window is open."""
        return now < self._closes

    def firm(self, now: float) -> bool:
        """Whether the latched source keeps its place as long as it is not silent: nobody can outrank it, now or later.

        In the window only the signalled address is; after it whoever has a rank that the signalled address (or, at an
        RTCP port, the host where RTP is latched) can no longer take the latch from."""
        if self.latched is None:
            return False
        rank = self._rank(self.latched)[0]
        return rank == _SIGNALLED or (rank > _OTHER and not self.learning(now))

    def heard(self, ssrc: int | None, sequence: int | None) -> None:
        """Note what the latched source sent last, if it came through without being judged."""
        if ssrc is not None:
            self._ssrc = ssrc
            if sequence is not None:
                self._sequence = sequence

    def judge(
        self, source: Address, now: float, kind: Kind, ssrc: int | None = None, sequence: int | None = None
    ) -> Verdict:
        """Judge a packet of `kind` from `source`; `ssrc` and `sequence` where the packet has them."""
        if source == self.latched:
            self._spoken = True
            self.heard(ssrc, sequence)
            return Verdict(True, None, "latched")
        rank, reason = self._rank(source)
        if rank == _NOBODY:
            return Verdict(False, None, reason)
        current = _NOBODY if self.latched is None else self._rank(self.latched)[0]
        if kind is Kind.OPAQUE:  # nothing in it proves a sender: good only from where packets are expected anyway
            expected = rank == _SIGNALLED and self.latched is None
            return Verdict(expected, None, reason if expected else "may-not-latch")
        if not self.learning(now):
            if rank < _RTP_HOST or current > _OTHER:
                return Verdict(False, None, "window-closed")
        elif rank <= current:
            if not self._carried:
                return Verdict(False, None, "latched-elsewhere")
            if self._follows(ssrc, sequence):
                reason = "continues"
            elif rank == current and not self._spoken and now - self._opened >= RELATCH_AFTER:
                reason = "moved"
            else:
                return Verdict(False, None, "latched-elsewhere")
        self._take(source, reason, ssrc, sequence)
        return Verdict(True, source, reason)

    def _rank(self, source: Address) -> tuple[int, str]:
        """How good a source is under the present spec, and why."""
        if source == self.signalled:
            return _SIGNALLED, "signalled"
        if self._mode is Latch.OFF:
            return _NOBODY, "latch-off"
        if not self._behind_nat:
            return _NOBODY, "not-behind-nat"
        seen = source.host == self._seen_host
        if self._mode is Latch.STRICT and not seen:
            return _NOBODY, "not-seen-host"
        rtp = None if self._rtp is None else self._rtp.latched
        if rtp is not None and rtp.host == source.host:
            return _RTP_HOST, "rtp-host"
        if seen:
            return _SEEN_HOST, "seen-host"
        if self.signalled is None:
            return _NOBODY, "not-signalled"
        if rtp is not None:
            return _NOBODY, "not-rtp-host"
        return _OTHER, "nat"

    def _follows(self, ssrc: int | None, sequence: int | None) -> bool:
        """Whether a packet goes on with the latched source's stream."""
        if ssrc is None or ssrc != self._ssrc:
            return False
        return sequence is None or self._sequence is None or continues(self._sequence, sequence)

    def _take(self, source: Address, reason: str, ssrc: int | None, sequence: int | None) -> None:
        self.latched, self.reason = source, reason
        self._ssrc, self._sequence = ssrc, sequence
        self._carried, self._spoken = False, True

    def _forget(self) -> None:
        self.latched, self.reason = None, ""
        self._ssrc = self._sequence = None
