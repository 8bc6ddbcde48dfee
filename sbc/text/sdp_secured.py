"""What the lines of one stream say of how it is secured: profile, keys, fingerprints, ICE (RFC 4568, 8122, 8839)."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error, unhexlify

from sbc.core.secured import LONGEST_LIFE, MOST_SOURCES, SUITES, Fingerprint, Ice, Key, Secured
from sbc.text.secrets import HOLDING

MOST_KEYS = 16
"""``a=crypto`` lines of one stream that are read."""
MOST_FINGERPRINTS = 8
"""``a=fingerprint`` lines of one stream, or of the session, that are read."""
MOST_MKI = 128
"""Octets of a master key identifier (RFC 4568 section 9.2)."""
LEAST_PASSWORD = 22
"""Characters of a password of ICE (RFC 8839 section 5.4)."""

_LONGEST = 512  # octets of a line that is read; all keys are far shorter
_LINES = re.compile(
    rb"^a=(?:(crypto|fingerprint|setup|ice-ufrag|ice-pwd|mid|group|extmap|ssrc):[ \t]*+([^\r\n]*+)"
    rb"|(ice-lite|bundle-only)(?![^ \t\r\n]))",
    re.MULTILINE | re.IGNORECASE,
)
_MOST_LINES = 128
_CRYPTO = re.compile(
    rb"([0-9]{1,9})[ \t]++([A-Za-z0-9_]{1,64})[ \t]++inline:[ \t]*+([A-Za-z0-9+/]{8,128}={0,2})"
    rb"(?:\|(?:2\^([0-9]{1,3})|([0-9]{1,18})))?(?:\|([0-9]{1,40}):([0-9]{1,3}))?((?>(?:[ \t]++[!-~]{1,64})*))[ \t]*+"
)
_TAG = re.compile(rb"[0-9]{1,9}(?![0-9])")
_IGNORED = re.compile(rb"(?i:WSH=[0-9]{1,9}|-(?!KDR|UNENCRYPTED|UNAUTHENTICATED|FEC|WSH)\S*+)")
"""A hint, and what says itself that it may be ignored: that is for extensions alone (RFC 4568 section 6.3.7)."""
_ICE = re.compile(r"[A-Za-z0-9+/]{4,256}")
_MID = re.compile(rb"[!#-'*+.0-9A-Z^-~-]{1,64}")  # a token (RFC 8866)
_SETUPS = frozenset({"actpass", "active", "passive", "holdconn"})
_DIGESTS = {b"sha-256": 32, b"sha-384": 48, b"sha-512": 64}
"""Hashes and their octets. By MD2, MD5 (RFC 8122 section 5 forbids them) and SHA-1 nothing is proven."""

SAYING = (
    rb"a=(?:" + HOLDING + rb"|fingerprint|setup|connection|tls-id|dtls-id|identity|zrtp-hash|encryption|3ge2ae"
    rb"|tcap|pcfg|acfg|ice-[a-z0-9-]{1,32}|candidate|remote-candidates|end-of-candidates)(?![a-z0-9-])|k="
)
"""How a line begins, in small letters, that says how its sender secures or finds media, or might (RFC 5939): none of
that is true of the other side of the SBC. ``encryption`` is MS-SDPEXT's, ``3ge2ae`` is of 3GPP TS 33.328."""

_SAYING = re.compile(rb"\n(?:" + SAYING + b")")

_PLAIN = frozenset({"RTP/AVP", "RTP/AVPF"})
_BY_KEYS = frozenset({"RTP/SAVP", "RTP/SAVPF"})
_BY_DTLS = frozenset({"UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"})
PROFILES = _PLAIN | _BY_KEYS | _BY_DTLS
"""Of RTP, in upper case; of another what flows is foreign to us."""
NOTHING = Secured(best_effort=True)
"""What is said of a plain stream where lines are left that say something of security, but nothing to us."""


def speaks(data: bytes, start: int, end: int) -> bool:
    """Whether the description in ``data[start:end]`` says anything of that; profiles are told by `m=` alone."""
    return _SAYING.search(b"\n" + data[start:end].lower()) is not None


def read(session: bytes, stream: bytes, transport: str, mux: bool) -> Secured | None:
    """What a stream's own lines and those of the `session` before the first ``m=`` say; None of plain RTP/AVP. What is
    malformed or unknown to us is passed over: then that was not said."""
    profile = transport.upper()
    by_keys, by_dtls = profile in _BY_KEYS, profile in _BY_DTLS
    own, common = _lines(stream), _lines(session)
    mid = _mid(own)
    secured = Secured(
        keys=_keys(own.get(b"crypto", [])),
        fingerprints=_fingerprints(own.get(b"fingerprint") or common.get(b"fingerprint", [])),
        setup=_setup((own.get(b"setup") or common.get(b"setup", [b""]))[0]),
        ice=_ice(own, common),
        feedback=profile.endswith("F"),
        best_effort=not (by_keys or by_dtls),
        mux=mux,
        mid=mid,
        bundle=_bundle(mid, common) if mid else "",
        extension=_extension(own.get(b"extmap", []) + common.get(b"extmap", [])),
        sources=_sources(own.get(b"ssrc", [])),
        demands=by_keys or by_dtls,
        foreign=profile not in PROFILES,
    )
    said = secured.keys or secured.fingerprints or secured.ice or secured.feedback
    return secured if said or secured.demands or secured.foreign else None


NAMES = b"urn:ietf:params:rtp-hdrext:sdes:mid"
"""What the header extension is called that has the name of a stream (RFC 9143 section 15)."""


def bundles(session: bytes) -> list[list[bytes]]:
    """The streams of each bundle, by their names."""
    return [words[1:] for line in _lines(session).get(b"group", []) if (words := line.split())[:1] == [b"BUNDLE"]]


def bundled_alone(stream: bytes) -> bytes:
    """What a stream is called that is to be had in a bundle alone (RFC 9143 section 6); empty: it is none."""
    own = _lines(stream)
    return _mid(own).encode("ascii") if b"bundle-only" in own else b""


def name_of(stream: bytes) -> bytes:
    """What a stream is called; empty: nothing."""
    return _mid(_lines(stream)).encode("ascii")


def _bundle(mid: str, common: dict[bytes, list[bytes]]) -> str:
    """The first of its bundle."""
    groups = [words[1:] for line in common.get(b"group", []) if (words := line.split())[:1] == [b"BUNDLE"]]
    found = next((group[0] for group in groups if mid.encode() in group), b"")
    return "" if _MID.fullmatch(found) is None else found.decode("ascii")


def _extension(lines: list[bytes]) -> int:
    for line in lines:
        number, _, name = line.partition(b" ")
        number = number.partition(b"/")[0]
        if name.split()[:1] == [NAMES] and number.isdigit() and 0 < int(number) < 256:
            return int(number)
    return 0


def _sources(lines: list[bytes]) -> tuple[int, ...]:
    numbers = dict.fromkeys(line.split()[0] for line in lines if line.split())
    found = [int(each) for each in numbers if each.isdigit() and len(each) < 11]
    return tuple(each for each in found if 0 < each < 1 << 32)[:MOST_SOURCES]


def _lines(data: bytes) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for count, match in enumerate(_LINES.finditer(data)):
        if count == _MOST_LINES:
            break
        name, value = match[1] or match[3], match[2] or b""
        if len(value) <= _LONGEST:
            found.setdefault(name.lower(), []).append(value)
    return found


def _keys(lines: list[bytes]) -> tuple[Key, ...]:
    """The keys of ``a=crypto`` lines that we could use, in their order; of one tag the first counts, usable or not: by
    the tag its sender is told which was taken."""
    found: dict[int, Key | None] = {}
    for line in lines[:MOST_KEYS]:
        tag = _TAG.match(line)
        if tag is not None and int(tag[0]) not in found:
            found[int(tag[0])] = _key(line)
    return tuple(key for key in found.values() if key is not None)


def _key(line: bytes) -> Key | None:
    """None of a suite we do not know, of several keys in turn, of a key of zeros, of a lifetime that no suite allows
    (RFC 4568 section 6.1), and of session parameters that we would have to follow: no encryption, no authentication,
    key derivation rates, the order of FEC (section 6.3)."""
    match = _CRYPTO.fullmatch(line)
    suite = None if match is None else SUITES.get(match[2].decode("ascii"))
    if match is None or suite is None or not all(_IGNORED.fullmatch(word) for word in match[8].split()):
        return None
    secret = _decoded(match[3])
    if len(secret) != suite.secret or not any(secret[: suite.key]):
        return None
    mki = b""
    if match[6] is not None:
        value, octets = int(match[6]), int(match[7])
        if not 0 < octets <= MOST_MKI or value >= 1 << 8 * octets:
            return None
        mki = value.to_bytes(octets, "big")
    lifetime = 1 << int(match[4]) if match[4] else int(match[5] or LONGEST_LIFE)
    if not 0 < lifetime <= LONGEST_LIFE:
        return None
    return Key(match[2].decode("ascii"), secret, mki, int(match[1]), lifetime % LONGEST_LIFE)


def _decoded(text: bytes) -> bytes:
    text = text.rstrip(b"=")
    try:
        return b64decode(text + b"=" * (-len(text) % 4), validate=True)  # some leave the padding out
    except Error:
        return b""


def _fingerprints(lines: list[bytes]) -> tuple[Fingerprint, ...]:
    found = []
    for line in lines[:MOST_FINGERPRINTS]:
        algorithm, _, digest = line.lower().partition(b" ")
        try:
            octets = unhexlify(digest.strip().replace(b":", b""))
        except Error:
            continue
        if len(octets) == _DIGESTS.get(algorithm):
            found.append(Fingerprint(algorithm.decode("ascii"), octets))
    return tuple(found)


def _setup(value: bytes) -> str:
    word = value.strip().decode("latin-1").lower()
    return word if word in _SETUPS else ""


def _ice(own: dict[bytes, list[bytes]], common: dict[bytes, list[bytes]]) -> Ice | None:
    """Both or none (RFC 8839 section 5.4), at the stream or for all."""
    of = own if b"ice-ufrag" in own else common
    ufrag, password = (of.get(name, [b""])[0].strip().decode("latin-1") for name in (b"ice-ufrag", b"ice-pwd"))
    if _ICE.fullmatch(ufrag) is None or _ICE.fullmatch(password) is None or len(password) < LEAST_PASSWORD:
        return None
    return Ice(ufrag, password, lite=b"ice-lite" in common)


def _mid(own: dict[bytes, list[bytes]]) -> str:
    value = own.get(b"mid", [b""])[0].strip()
    return "" if _MID.fullmatch(value) is None else value.decode("ascii")
