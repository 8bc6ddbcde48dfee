"""What forwards packets, and who hears of it: the interfaces of media engines, with each error they may raise."""

from __future__ import annotations

from zope.interface import Attribute, Interface

from sbc.core.address import Address


class IMediaEngine(Interface):
    """What forwards packets. One contract, one test suite (tests/contract), several engines."""

    name = Attribute("'twisted', 'native' or 'kernel'.")

    charges = Attribute(
        "Knows what of streams that go on without the process was paid for (sbc.media.kernel.charges.Charges); None "
        "where none does."
    )

    def open(spec):
        """Open the sockets of both sides of a StreamSpec and relay between them. Ports that it shares with others are
        opened with the first of them, and closed with the last.

        @raises PortUnavailable; then nothing is left open; ValueError for a number that another stream has there."""

    def update(stream, side, spec):
        """Take a new SideSpec for side 0 or 1 of a stream, and open the learning windows of both sides again.

        @raises KeyError for an unknown stream; ValueError for another local pair, mark or network than it has, or other
        shared ports or another number there."""

    def close(stream):
        """Close the stream and return its final StreamCounters, which are the charged volume. @raises KeyError."""

    def counters(stream):
        """The StreamCounters of a live stream, now. @raises KeyError."""

    def received(stream):
        """How many packets were accepted of a stream until now, from both sides: the one number of its counters that is
        asked of very many at once. @raises KeyError."""

    def recorded(stream):
        """The same, for a record that outlives the process: what forwards by itself until another process comes is
        counted by that one from here on. @raises KeyError."""

    def sides(stream):
        """How both sides of a stream stand, as a pair of sbc.media.stream.SideView. @raises KeyError."""

    def streams():
        """The ids of all open streams."""

    def report_silence(seconds):
        """From now on tell the observer of streams that nobody has spoken on for so long; 0: of none."""

    def limit_realm(realm, rate):
        """From now on what arrives from peers in the realm (its name), on all streams together, shares one bucket (a
        Rate); None: nothing is policed there but by the streams' own limits."""

    def forwarder(stream):
        """Which engine forwards the stream now ("twisted", "native", "kernel"), and in a fixed word why none below it
        does; empty where nothing keeps it from doing so (see sbc.media.flow). @raises KeyError."""

    def in_kernel():
        """What the kernel forwards for the engine, as sbc.media.flow.KernelView; None where it does nothing."""

    def strays():
        """Packets so far that came to ports which streams share, and had no number of a stream before them."""

    def suites():
        """Which of sbc.core.secured.SUITES streams can be secured by here, in that order, as a tuple; none where what
        that needs is not there."""

    def key(stream, side, receive, send, rtcp=False):
        """From now on the side's packets are read and written with these two of sbc.core.secured.Key, as a handshake
        has given them. A key that is in force already goes on where it was; one that was still counts a moment for what
        is under way. `rtcp`: what comes and goes by the port of RTCP alone, which by the side's security has its own.

        @raises KeyError for an unknown stream; ValueError for a side that has none, or a key that is none."""

    def aim(stream, side, rtp, rtcp):
        """From now on the side's media goes to these addresses, as checks or a handshake have shown that the peer is
        there; `rtcp` None: with RTP (RFC 5761), or nowhere where RTCP has keys of its own. `rtp` None: nothing is sent
        until the next. Where the side's security has `ice`, nobody else is heard, either; else others may take the
        latch as ever. An address that nothing of the side may come from is passed over. @raises KeyError."""

    def say(stream, side, data, to, rtcp=False):
        """Send a datagram from the side's port for RTP, or for RTCP if it has one; whether the system took it. It is of
        no counter. @raises KeyError."""

    def rollovers(stream):
        """How far the keys of each side have been used, as a pair of what SideSecurity.rollover takes, for a record
        that outlives the process: who opens the stream again with that goes on there. What is in it nobody else reads.
        @raises KeyError."""

    def stop(keep=False):
        """Close all streams, end all threads and let go of everything that must not outlive the process. `keep`: what
        forwards by itself goes on, for a process to come. Nothing is asked of the engine afterwards."""


class IUserSpaceEngine(IMediaEngine):
    """What an engine provides on which the kernel's stands: it judges and learns, the kernel forwards what is known."""

    def flows(stream):
        """The directions of a stream that may be forwarded without judging, as a tuple of sbc.media.flow.Flow; empty
        where the stream must not be (`forwarder` says why). @raises KeyError."""

    def share_realm(realm, bucket):
        """Instead of limit_realm: from now on what arrives from peers in the realm is taken out of `bucket`
        (sbc.media.bucket.SharedBucket), which the kernel's programs draw from, too; None: nothing is policed there but
        by the streams' own limits."""

    def lend(stream, side, bucket):
        """From now on take what arrives from the side out of `bucket` (sbc.media.bucket.LentBucket), not of its own.
        It is full, fills by the side's rate, loses what its own lacks, and the kernel's programs draw from it, too.
        None: out of its own again, which holds what that one did. A side without a rate has none.

        @raises KeyError."""

    def away(stream, side, away):
        """The RTP that comes from the side is somebody else's from now on; or (`away` False) it comes here again. What
        comes here all the same is relayed and counted, but what is missing between is not taken for lost.

        @raises KeyError."""

    def carried(stream, side, rtcp, ssrc, sequence, timestamp, ago=0.0):
        """Note what somebody else has seen last of a side's flow, `ago` seconds before: SSRC, sequence number and RTP
        timestamp, so that the latch can judge what continues. Of RTCP the SSRC alone counts; where it came on the RTP
        port, the other two are None. @raises KeyError."""


class IMediaObserver(Interface):
    """Who hears what an engine finds. Called on the reactor's thread."""

    def latched(stream, side, address, reason):
        """The side's media now goes to `address` (it differs from the signalled one, or is the first), or from the
        other of its own and its shared ports, which is told once a second at most."""

    def rtcp_latched(stream, side, address):
        """The side's RTCP, where that comes by a port of its own or was found to come by RTP's, now goes to `address`,
        as signalled or not. To be kept for whoever opens the stream again."""

    def silent(stream, seconds):
        """No packet has come from either side for that long. Told once, and again after `resumed` or an update."""

    def resumed(stream):
        """A packet has come on a stream that was silent."""

    def policed(stream, side):
        """Something that came from the side was more than its stream's or realm's rate allows. Told once, and again
        after an update of the stream."""

    def expired(stream, side):
        """The key that the side's peer writes with is good for no more packets, and it still does. Told once of a
        key."""

    def used(stream):
        """Keys of the stream are used for an SSRC more than before: how far (`rollovers`) is to be kept soon."""

    def forwards(stream, engine, reason):
        """From now on `engine` forwards the stream, for that reason (a fixed word). Told of each promotion and
        demotion, not of the engine that opened it."""


class IHandshakeObserver(IMediaObserver):
    """Who sees to checks and handshakes, too, by which media is secured."""

    def handshake(stream, side, rtcp, data, source):
        """STUN or DTLS (RFC 7983) has come from `source` on a side whose security has `ice` or `dtls`, on its port for
        RTCP if `rtcp`. At most some hundred a second are told of a port; more are dropped, and counted as policed."""


class PortUnavailable(Exception):
    """A local media port could not be had; `address` names it."""

    def __init__(self, address: Address, why: str) -> None:
        super().__init__(f"{address}: {why}")
        self.address = address
