"""From whom one side's media is taken, and so where its answers go: latching no stranger wins (docs/security.rst)."""

from __future__ import annotations

from typing import NamedTuple

from sbc.core.address import Address, canonical, is_unspecified
from sbc.core.orders import Latch, SideSpec
from sbc.media.packet import Kind
from sbc.media.rtp import MAX_DROPOUT, continues

RELATCH_AFTER = 1.0
"""Seconds of a reopened window after which a latched source that has not spoken in it may be replaced by its equal."""
SILENCE = 0.15
"""Seconds for which a latched source has said nothing when another may take its stream up outside the window."""
LEEWAY = 1.0
"""Seconds by which the RTP timestamp of a stream that is taken up may be ahead of the time gone by, or behind it: a
telephone event keeps the timestamp of its beginning (RFC 4733 section 2.4.1.2)."""
STRAGGLING = 1.0
"""Seconds after which a packet of the source that was left is no late one: it has not gone."""
PROOF = 3
"""Packets in a row, none `SILENCE` after the one before, by which a source that nothing speaks for shows a stream."""
NEXT = 5
"""Sequence numbers by less than which the packets of a proof are apart: who sprays many ports counts on at each."""
COURTESY = 0.5
"""Seconds of a window in which such a source leaves the latch to whoever has something that speaks for it."""

_NOBODY, _OTHER, _SEEN_HOST, _RTP_HOST, _SIGNALLED = range(5)


class Verdict(NamedTuple):
    """What becomes of one packet. `latched` is the address this very packet has latched, None where nothing changed.

    `reason` is a fixed word. Accepted: ``latched`` (the known source), ``signalled``, ``seen-host``, ``rtp-host``,
    ``nat``, ``continues``, ``moved``, ``rebound``, ``returned``, ``nominated``. Not accepted: ``not-signalled``,
    ``latch-off``, ``not-behind-nat``, ``not-seen-host``, ``not-rtp-host``, ``window-closed``, ``latched-elsewhere``,
    ``unproven``, ``may-not-latch``, ``not-nominated``, ``no-stream``.
    """

    accept: bool
    latched: Address | None
    reason: str


class _Last(NamedTuple):
    """What was heard last of a stream: of RTP all, of RTCP alone no sequence and timestamp. `at` is when that came."""

    ssrc: int | None
    sequence: int | None
    timestamp: int | None
    at: float

    def follows(self, ssrc: int | None, sequence: int | None) -> bool:
        """Whether a packet belongs to the stream, as far as can be told."""
        if ssrc is None or ssrc != self.ssrc:
            return False
        return sequence is None or self.sequence is None or continues(self.sequence, sequence)

    def resumes(
        self,
        now: float,
        ssrc: int | None,
        sequence: int | None,
        timestamp: int | None,
        clock: int,
        farthest: int = MAX_DROPOUT,
    ) -> bool:
        """Whether a packet takes the stream up where it was: RTP, of the same SSRC, ahead in sequence by less than
        `farthest`, and (if `clock`, in Hz, is known) with a timestamp that is right for the time gone by."""
        if sequence is None or timestamp is None or self.sequence is None or self.timestamp is None:
            return False
        if ssrc != self.ssrc or not 0 < (sequence - self.sequence) & 0xFFFF < farthest:
            return False
        error = (timestamp - self.timestamp - int((now - self.at) * clock)) & 0xFFFFFFFF
        return not clock or min(error, 0x100000000 - error) <= LEEWAY * clock


class _Left(NamedTuple):
    """Who was latched until its stream was taken up from elsewhere, where it was then, and until when it may return."""

    address: Address
    last: _Last
    since: float
    until: float


class _Claim(NamedTuple):
    """Who is on the way to prove a stream, its latest packet, and how many there have been in a row."""

    source: Address
    last: _Last
    packets: int


_UNHEARD = _Last(None, None, None, 0.0)


class SideLatch:
    """The latch of one port (RTP, RTCP or T.38) of one side.

    **Who may come in at all.** The signalled address, at once. Any other only if the peer is behind a NAT, only while
    the learning window is open, and in mode `strict` only from the host its signalling came from; never in mode `off`.
    Before the peer has signalled an address: only from that host, whatever the mode.

    **Who wins.** The first packet is not always the peer's: whoever sprays our ports may be first. So sources have a
    rank, signalled > host where this side's RTP is latched (asked of an RTCP port only) > host of the signalling > any
    other, and within the window a higher rank takes the latch from a lower one; an equal or lower one does not. When
    the window has closed, only a latch of the lowest rank (or nobody) may still be replaced, and by any better one: a
    first comer must not win for ever over a phone that had nothing to say for so long, while a better latch must not
    be undone by a forged source address, nor one that goes on with the peer's stream by the peer's own host.

    **Proof.** Nothing speaks for a source of the lowest rank, and whoever sprays our ports is one. So it takes no latch
    by its rank, nor as its equal, in the first `COURTESY` seconds of a window, in which the peer's packets from a
    better place most likely come, and not before `PROOF` of its packets in a row were those of one RTP stream that
    runs in real time (of T.38, which has no more to show: came from it). One such source is listened to at a time. RTCP
    proves nothing.

    **Re-latching.** An update or `reopen` opens the window again. A latch that was carried into it gives way, besides
    to a higher rank, to a source that *continues* its stream: the same SSRC and a sequence number that follows (a NAT
    that rebound; an outsider would have to guess 48 bits); or, when it has not spoken for `RELATCH_AFTER` seconds of
    the new window, to an equal rank.

    **Rebound.** Outside the window as in it, what a NAT does when it forgets its mapping is followed: a source that is
    allowed at all takes over where the latched one has been silent for `SILENCE` seconds and the packet takes its RTP
    stream up: the same SSRC, a sequence number ahead, and a timestamp that is right for the time gone by within
    `LEEWAY` (if the clock is known). Who has not seen the stream would have to guess more than 50 bits. Who has might
    wait for a pause: if the source that was left speaks again, in its own stream, later than a late packet can be
    (`STRAGGLING`) and within the time a window lasts, it had not gone, and it gets the latch back.

    **RTCP.** The first report may come later than the window is long (RFC 3550 section 6.2: 5 seconds and more), so an
    RTCP port without a latch (or with one of the lowest rank) takes the host where RTP is latched at any time. While
    RTP is latched, RTCP from a host that is neither that nor the signalling's is not accepted. It has no sequence to
    take up: when RTP has changed hands since the RTCP port's source last spoke, a report with RTP's SSRC from RTP's
    host counts as rebound.

    **Secured media** proves its sender by a key, which is more than a run of packets does: `consider` says what would
    become of it, and once the key has been tried `learn` has it count. What fails that is as if it had never come.
    Where checks of ICE agree on an address (`aim`), that is the latch; and with ICE nobody else is heard.
    """

    __slots__ = (
        "_behind_nat", "_carried", "_claim", "_clock", "_closes", "_heard_at", "_ice", "_last", "_left", "_mode",
        "_nominated", "_opened", "_paused", "_replaced_at", "_rtp", "_seen_host", "_spoken", "_window", "held",
        "latched", "reason", "signalled",
    )  # fmt: skip

    def __init__(self, spec: SideSpec, signalled: Address | None, now: float, rtp: SideLatch | None = None) -> None:
        """`signalled` is the one of `spec.remote` this port is for; `rtp` is given to the latch of an RTCP port."""
        self._rtp = rtp
        self._last = _UNHEARD
        self._heard_at = now  # when the latched source spoke last
        self._replaced_at: float | None = None  # when another took the place of a latched source
        self._left: _Left | None = None
        self._claim: _Claim | None = None
        self._nominated: Address | None = None  # by checks of ICE, or a handshake
        self._ice = self._paused = False
        self.signalled: Address | None = None
        self.latched: Address | None = None
        self.held = False
        self.reason = ""  # why `latched` is what it is
        self.update(spec, signalled, now)
        kept = spec.latched if rtp is None else spec.latched_rtcp
        if kept is not None and self._rank(kept)[0] > _NOBODY:
            self.latched, self.reason = kept, "kept"
            self.reopen(now, spec.window)

    @property
    def destination(self) -> Address | None:
        """Where packets for this side go: None while nothing is known or the peer is on hold."""
        if self.held or self._paused:
            return None
        return self.latched if self._ice else self.latched or self.signalled

    def update(self, spec: SideSpec, signalled: Address | None, now: float) -> None:
        """Take what the peer has signalled anew, and open the window.

        The latch is kept if the signalled address is the same or the first one, and dropped if it has changed or the
        new spec no longer permits the latched one. On hold (the unspecified address, or port 0: RFC 3264 sections 5.1
        and 8.4) says that nothing is to be sent, not where the peer is: what was known remains, for what it sends
        meanwhile and for when it resumes.
        """
        self._mode, self._behind_nat, self._clock = spec.latch, spec.behind_nat, spec.clock
        self._seen_host = canonical(spec.seen_host) if spec.seen_host else ""
        ice = self._ice = spec.security is not None and spec.security.ice is not None
        if spec.security is None:
            self._nominated, self._paused = None, False
        # With ICE what is signalled is but a candidate, and often none (RFC 8840 section 4.1.1).
        self.held = signalled is not None and (signalled.port == 0 or (not ice and is_unspecified(signalled.host)))
        if not self.held:
            known = self.signalled
            self.signalled = None if signalled is None else Address(canonical(signalled.host), signalled.port)
            if known is not None and known != self.signalled and not ice:
                self._forget()
        if self.latched is not None and self._rank(self.latched)[0] == _NOBODY:
            self._forget()
        self.reopen(now, spec.window)

    def reopen(self, now: float, window: float) -> None:
        """Open the learning window from `now` for `window` seconds."""
        self._opened, self._closes, self._window = now, now + window, window
        self._carried = self.latched is not None
        self._spoken = False

    def aim(self, address: Address | None, now: float) -> None:
        """Take `address`, of which checks or a handshake have shown that the peer is there, if it may come in at all;
        None: nothing is sent until the next."""
        self._nominated, self._paused = address, address is None
        if address is not None and address != self.latched and self._rank(address)[0] > _NOBODY:
            self._take(address, now, "nominated", _UNHEARD)

    def learning(self, now: float) -> bool:
        """Whether the window is open."""
        return now < self._closes

    def firm(self, now: float) -> bool:
        """Whether the latched source keeps its place as long as it is not silent: nobody can outrank it, now or later.

        In the window only the signalled address is; after it whoever has a rank that the signalled address (or, at an
        RTCP port, the host where RTP is latched) can no longer take the latch from. Nobody is while the source that was
        latched before may return."""
        if self.latched is None or (self._left is not None and now < self._left.until):
            return False
        rank = self._rank(self.latched)[0]
        return rank == _SIGNALLED or (rank > _OTHER and not self.learning(now))

    def heard(
        self, at: float, ssrc: int | None = None, sequence: int | None = None, timestamp: int | None = None
    ) -> None:
        """Note what the latched source sent last, at `at`, if it came through without being judged."""
        self._heard_at = max(self._heard_at, at)
        if sequence is not None:
            self._last = _Last(ssrc, sequence, timestamp, at)
        elif ssrc is not None:
            self._last = self._last._replace(ssrc=ssrc)

    def judge(
        self,
        source: Address,
        now: float,
        kind: Kind,
        ssrc: int | None = None,
        sequence: int | None = None,
        timestamp: int | None = None,
    ) -> Verdict:
        """Judge a packet of `kind` from `source`; `ssrc`, `sequence` and `timestamp` where the packet has them."""
        if source == self.latched:
            self._spoken = True
            self.heard(now, ssrc, sequence, timestamp)
            return Verdict(True, None, "latched")
        rank, reason = self._rank(source)
        if rank == _NOBODY:
            return Verdict(False, None, reason)
        if kind is Kind.OPAQUE:  # nothing in it proves a sender: good only from where packets are expected anyway
            expected = rank == _SIGNALLED and self.latched is None
            return Verdict(expected, None, reason if expected else "may-not-latch")
        verdict = self._contends(source, now, rank, reason, ssrc, sequence, timestamp)
        if not verdict.accept:
            return verdict
        last = _Last(ssrc, sequence, timestamp, now)
        if rank == _OTHER and verdict.reason in ("nat", "moved") and not self._proves(source, kind, last):
            return Verdict(False, None, "unproven")
        self._take(source, now, verdict.reason, last)
        return verdict

    def consider(self, source: Address, now: float, *packet: int | None) -> Verdict:
        """What becomes of RTP or RTCP from `source` (`packet` is SSRC, sequence number and timestamp) if it proves its
        sender by a key. Nothing is learned of it yet."""
        if source == self.latched:
            return Verdict(True, None, "latched")
        rank, reason = self._rank(source)
        if rank == _NOBODY:
            return Verdict(False, None, reason)
        return self._contends(source, now, rank, reason, *packet)

    def learn(self, source: Address, now: float, verdict: Verdict, *packet: int | None) -> None:
        """It has, and was accepted with that verdict."""
        if verdict.latched is None:
            self._spoken = True
            self.heard(now, *packet)
        else:
            self._take(source, now, verdict.reason, _Last(packet[0], packet[1], packet[2], now))

    def permits(self, source: Address) -> bool:
        """Whether anything from `source` may come in: with ICE, that is for its checks to say."""
        return self._ice or self._rank(source)[0] > _NOBODY

    def _contends(self, source: Address, now: float, rank: int, reason: str, *packet: int | None) -> Verdict:
        """Whether a packet of a source that is not the latched one takes the latch, and why; `reason` is its rank's."""
        current = _NOBODY if self.latched is None else self._rank(self.latched)[0]
        learning = self.learning(now)
        if self._outranked(rank, current, learning):
            pass  # it is better than whoever is latched, and says so by its rank
        elif learning and self._carried and self._last.follows(*packet[:2]):
            reason = "continues"
        elif learning and self._carried and rank == current and self._was_silent(now):
            reason = "moved"
        elif self._rebinds(source, now, rank, *packet):
            reason = "rebound"
        elif self._returns(source, now, *packet):
            reason = "returned"
        else:
            return Verdict(False, None, "latched-elsewhere" if learning else "window-closed")
        return Verdict(True, source, reason)

    def _rank(self, source: Address) -> tuple[int, str]:
        """How good a source is under the present spec, and why."""
        if self._ice:
            return (_SIGNALLED, "nominated") if source == self._nominated else (_NOBODY, "not-nominated")
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

    def _outranked(self, rank: int, current: int, learning: bool) -> bool:
        """Whether a source takes the latch by its rank alone, from one of rank `current`."""
        if learning:
            return rank > current
        proved = self.reason in ("continues", "rebound", "returned")  # by the peer's own stream
        return current <= _OTHER and rank >= (_RTP_HOST if proved else _SEEN_HOST)

    def _proves(self, source: Address, kind: Kind, packet: _Last) -> bool:
        """Whether a packet is the last that was wanting to prove its source's stream."""
        claim, now = self._claim, packet.at
        if claim is None or now - claim.last.at > SILENCE:
            packets = 1
        elif source != claim.source:
            return False
        elif kind is Kind.UDPTL or claim.last.resumes(now, *packet[:3], self._clock, NEXT):
            packets = claim.packets + 1
        else:
            packets = 0
        self._claim = _Claim(source, packet, packets) if packets and kind is not Kind.RTCP else None
        return self._claim is not None and packets >= PROOF and now - self._opened >= COURTESY

    def _was_silent(self, now: float) -> bool:
        """Whether the latched source, carried into the window, has not spoken in it for long enough to be given up."""
        return not self._spoken and now - self._opened >= RELATCH_AFTER

    def _rebinds(
        self, source: Address, now: float, rank: int, ssrc: int | None, sequence: int | None, timestamp: int | None
    ) -> bool:
        """Whether a packet goes on with the stream of the latched source, which has fallen silent."""
        if self.latched is None or now - self._heard_at < SILENCE:
            return False
        if self._rtp is None:
            return self._last.resumes(now, ssrc, sequence, timestamp, self._clock)
        replaced = self._rtp._replaced_at
        if rank != _RTP_HOST or replaced is None or replaced <= self._heard_at:
            return False
        return ssrc is not None and ssrc == self._rtp._last.ssrc

    def _returns(
        self, source: Address, now: float, ssrc: int | None, sequence: int | None, timestamp: int | None
    ) -> bool:
        """Whether a packet shows that the source the stream was taken from has not gone."""
        left = self._left
        if left is None or source != left.address or not left.since + STRAGGLING <= now < left.until:
            return False
        return left.last.resumes(now, ssrc, sequence, timestamp, self._clock)

    def _take(self, source: Address, now: float, reason: str, last: _Last) -> None:
        self._left = self._claim = None
        if self.latched is not None:
            self._replaced_at = now
            if reason == "rebound" and self._rtp is None:
                self._left = _Left(self.latched, self._last, now, now + self._window)
        self.latched, self.reason = source, reason
        self._last, self._heard_at = last, now
        self._carried, self._spoken = False, True

    def _forget(self) -> None:
        self.latched, self.reason = None, ""
        self._last, self._left = _UNHEARD, None
