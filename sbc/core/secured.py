"""How media is secured: what parties say of it in their messages, and what an engine is told of one side of a stream.

Nothing in here says a key when it is printed. A side's values never cross to the other: securing.py says what does.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from sbc.core.address import Address
from sbc.core.word import Word


class MediaSecurity(Word):
    """What a realm speaks (docs/encryption.rst)."""

    PASS = "pass"  # what comes: keys go end to end, if the other realm says so too; beside one that does not, plain
    NONE = "none"  # plain RTP, nothing else
    SDES = "sdes"  # SRTP, keys by a=crypto (RFC 4568); nothing else
    DTLS = "dtls"  # SRTP, keys by DTLS (RFC 5764); nothing else
    OPTIONAL = "optional"  # what the peer offers; it is offered SDES, and may answer plain


@attrs.frozen
class Suite:
    """What an SRTP crypto suite takes: octets of master key and of master salt, and of the tag on RTP and on RTCP."""

    key: int
    salt: int
    tag: int
    rtcp_tag: int

    @property
    def secret(self) -> int:
        """Octets of master key and salt together: what Key.secret has."""
        return self.key + self.salt


SUITES = {
    "AES_CM_128_HMAC_SHA1_80": Suite(16, 14, 10, 10),  # RFC 4568 section 6.2
    "AES_CM_128_HMAC_SHA1_32": Suite(16, 14, 4, 10),
    "AES_256_CM_HMAC_SHA1_80": Suite(32, 14, 10, 10),  # RFC 6188 section 4
    "AES_256_CM_HMAC_SHA1_32": Suite(32, 14, 4, 10),
    "AEAD_AES_128_GCM": Suite(16, 12, 16, 16),  # RFC 7714 section 14.2
    "AEAD_AES_256_GCM": Suite(32, 12, 16, 16),
}
"""The suites the SBC speaks, by their names in SDP; the best liked first where nothing is configured."""
LONGEST_LIFE = 1 << 48
"""Packets that one key may encrypt, by any suite (RFC 3711 section 9.2)."""


@attrs.frozen
class Key:
    """What one party encrypts with. `suite` is one of SUITES, `secret` its master key and salt in that order. `mki` is
    what its packets name the key by, empty where they do not; `tag` what it is told by from others that were offered.
    `lifetime` is how many packets it is good for, 0 as many as the suite allows."""

    suite: str
    secret: bytes = attrs.field(repr=False)
    mki: bytes = b""
    tag: int = 1
    lifetime: int = 0


@attrs.frozen
class Fingerprint:
    """Of a certificate (RFC 8122 section 5): `algorithm` in lower case as in SDP ("sha-256"), and the digest."""

    algorithm: str
    digest: bytes


@attrs.frozen
class Ice:
    """What a party's STUN checks are known by (RFC 8839 section 5.4); `lite`: it makes none (section 5.3)."""

    ufrag: str
    password: str = attrs.field(repr=False)
    lite: bool = False


@attrs.frozen
class Secured:
    """What a party says of how its end of a stream is secured.

    `keys` are those of a=crypto, best first; one in an answer. `setup` is the party's part in DTLS ("actpass",
    "active", "passive", "holdconn"; empty: it says nothing). `feedback`: it speaks the AVPF profiles (RFC 4585, 5124).
    `best_effort`: its profile is that of plain RTP, whatever keys or fingerprints it says. `mux`: RTCP comes by the
    port of RTP (RFC 5761). `mid` is what it calls the stream (RFC 5888), and `bundle` the first of the streams that are
    to share one transport with it (RFC 9143), which says what is true of all; empty: it has its own. `extension` is the
    number of the header extension that has the name, 0 where there is none, `sources` are SSRCs that it sends by.
    `rides`: of the transport the first alone speaks, and this one not. `at` is where the stream is by that, if nowhere
    by itself: port 0: not at all.
    `demands`: its profile is a secured one, though it may say no key we understand. `foreign`: what flows is no RTP.
    Of a channel: `takes` are the suites that it may be sent with.
    """

    keys: tuple[Key, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()
    setup: str = ""
    ice: Ice | None = None
    feedback: bool = False
    best_effort: bool = False
    mux: bool = False
    mid: str = ""
    bundle: str = ""
    extension: int = 0
    sources: tuple[int, ...] = ()
    rides: bool = False
    at: Address | None = None
    demands: bool = False
    foreign: bool = False
    takes: tuple[str, ...] = ()


UNFIT = Secured(foreign=True)
"""What is told of a channel that was proposed beside others, and is taken out."""


@attrs.frozen
class OneWay:
    """A stream's place in a message is that of a channel for one direction: each party says the keys of what it sends
    by itself, and nothing answers that. `sent`: it is the message's sender who sends by it; else it says what may be
    sent to it, or takes what was proposed. `beside`: it is one of several that are proposed, of which some may go.
    `mute`: nothing can be said there of how it is secured. `tag` is that of the key that its opener says with it.
    `suites` are those that its protocol has words for."""

    sent: bool
    beside: bool = False
    mute: bool = False
    tag: int = 0
    suites: tuple[str, ...] = ()


@attrs.frozen
class Dtls:
    """Keys of a side come by DTLS. `client`: it is us who begin; `fingerprints` are those of the peer's certificate,
    empty until it has said them: then no key counts yet."""

    client: bool
    fingerprints: tuple[Fingerprint, ...] = ()


@attrs.frozen
class IcePair:
    """What checks between us and the peer are known by; `theirs` is None until the peer has said it."""

    ours: Ice
    theirs: Ice | None = None


MOST_BUNDLED = 8
"""Streams that one transport carries."""
MOST_SOURCES = 16
"""SSRCs that a peer may say of one of them."""


@attrs.frozen
class Bundled:
    """A side's media goes by one transport together with that of other streams' (BUNDLE, RFC 9143): by that of stream
    `carrier`, whose side of the same number it is; empty: by its own. What comes there is for this stream where the
    header extension of number `extension` (0: there is none) has `mid`; or its SSRC is known, at first from `sources`;
    or its payload type is one of `types`, which no other of these streams has."""

    carrier: str = ""
    mid: str = ""
    extension: int = 0
    sources: tuple[int, ...] = ()
    types: tuple[int, ...] = ()


@attrs.frozen
class OwnRtcp:
    """RTCP has a port of its own, and keys that a handshake of its own gives there (RFC 5764 section 4.1): these."""

    receive: Key | None = None
    send: Key | None = None


@attrs.frozen
class SideSecurity:
    """How one side of a stream is secured, for an engine.

    `receive` is what the peer encrypts with, `send` what is sent to it is encrypted with. With `dtls` and no keys yet
    nothing passes, either way. With `ice` only where checks have agreed on is spoken to, and nobody else is heard.
    `rtcp` where RTCP has keys of its own; None: it has those of RTP.
    `bundled` where its transport carries several streams, or is another's: then checks, handshakes and keys are there.
    `rollover` is what the engine itself had said of its counters when the stream was open before, in another process:
    rows of numbers, which nobody but sbc.core.keyed reads. `begins`: every SSRC that has no row there begins its RTCP
    behind that number; -1: no other process has had the keys, and it begins with the first.
    """

    receive: Key | None = None
    send: Key | None = None
    dtls: Dtls | None = None
    ice: IcePair | None = None
    rollover: tuple[tuple[int, ...], ...] = ()
    begins: int = -1
    bundled: Bundled | None = None
    rtcp: OwnRtcp | None = None

    @property
    def rides(self) -> bool:
        """Whether its media goes by the transport of another stream."""
        return self.bundled is not None and bool(self.bundled.carrier)

    @property
    def keyed(self) -> bool:
        """Whether packets can be read and written."""
        return self.receive is not None and self.send is not None

    @property
    def hears(self) -> bool:
        """Whether the peer is to begin with checks or a handshake, which others than the engine see to."""
        return (self.dtls is not None or self.ice is not None) and not self.rides


def same(one: Key | None, other: Key | None) -> bool:
    """Whether two are one key, whatever else is said of them: counters go on."""
    if one is None or other is None:
        return one is other
    return (one.suite, one.secret, one.mki) == (other.suite, other.secret, other.mki)


OF_RTCP = 2
"""By so much the first number of a row of SideSecurity.rollover is higher that is of RTCP's own keys."""


def of_rtcp(security: SideSecurity) -> SideSecurity | None:
    """How RTCP is secured that has keys of its own, as if a side had no other media; None where it has none."""
    own = security.rtcp
    if own is None:
        return None
    rows = tuple((row[0] - OF_RTCP, *row[1:]) for row in security.rollover if row[0] >= OF_RTCP)
    return attrs.evolve(security, receive=own.receive, send=own.send, rollover=rows, bundled=None, rtcp=None)


def _keys(security: SideSecurity) -> tuple[Key | None, ...]:
    """By the first number of their rows."""
    own = security.rtcp or OwnRtcp()
    return security.receive, security.send, own.receive, own.send


def of_keys(security: SideSecurity, rows: Iterable[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    """Those rows that are of a key which a side has: it may have one for one direction alone, or for RTCP alone."""
    keys = _keys(security)
    return tuple(row for row in rows if keys[row[0]] is not None)


def going_on(fresh: SideSecurity, before: SideSecurity | None) -> SideSecurity:
    """What is to be in force of a side, with how far those of its keys were used that were so before."""
    if before is None:
        return fresh
    stays = tuple(same(*each) for each in zip(_keys(fresh), _keys(before), strict=True))
    rows = (*(row for row in before.rollover if stays[row[0]]), *(row for row in fresh.rollover if not stays[row[0]]))
    return attrs.evolve(fresh, rollover=rows, begins=max(fresh.begins, before.begins))


def said(security: SideSecurity | None) -> str:
    """How a side is secured, for people and records: "none", "sdes" or "dtls", and the suite once there are keys."""
    if security is None:
        return "none"
    suite = "" if security.receive is None else f" {security.receive.suite}"
    return ("sdes" if security.dtls is None else "dtls") + suite


@attrs.frozen
class Protection:
    """What a realm demands of media there, as configured. `suites` are offered in their order, and no other is taken.
    `sdes_over_clear`: keys may be said where signalling is not encrypted; `fax_in_clear`: T.38 over UDPTL, which
    nothing secures, is let pass where media is to be secured. `end_unkeyed`: a call ends of which no handshake comes to
    keys."""

    mode: MediaSecurity = MediaSecurity.PASS
    suites: tuple[str, ...] = tuple(SUITES)
    sdes_over_clear: bool = False
    fax_in_clear: bool = False
    end_unkeyed: bool = True
    demands: bool = attrs.field(init=False, eq=False, repr=False)
    """Whether nothing in the clear is let pass there."""

    @demands.default
    def _demands(self) -> bool:
        return self.mode in (MediaSecurity.SDES, MediaSecurity.DTLS)
