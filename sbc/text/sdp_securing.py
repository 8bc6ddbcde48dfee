"""The lines of one stream that say how it is secured, written anew: what its sender had said of that goes, what the
receiver is to be told stands instead. Keys, fingerprints and ICE are of one side each, and never cross.
"""

from __future__ import annotations

import re
from base64 import b64encode

from sbc.core.address import Address
from sbc.core.secured import Key, Secured
from sbc.text.edits import Edits
from sbc.text.sdp_lines import MediaLine
from sbc.text.sdp_secured import NAMES, PROFILES, SAYING
from sbc.text.secrets import NAMED

_END = rb"[^\r\n]*+(?:\r?\n)?)"
_FEEDBACK = rb"|a=rtcp-(?:fb|rsize)(?![A-Za-z0-9-])"
_JOINED = (
    rb"|a=(?:rtcp-mux(?:-only)?|rtcp|mid|bundle-only|group|msid-semantic)(?![A-Za-z0-9-])"
    rb"|a=extmap:[0-9]{1,5}(?:/[a-z]{1,10}+)?[ \t]++" + re.escape(NAMES) + rb"(?![^ \t\r\n])"
)
_FLAGS = re.MULTILINE | re.IGNORECASE
_GOING = {
    (feedback, joined): re.compile(
        rb"^((?:" + SAYING + (b"" if feedback else _FEEDBACK) + (_JOINED if joined else b"") + rb")" + _END, _FLAGS
    )
    for feedback in (False, True)
    for joined in (False, True)
}
"""The lines that go: by whether the receiver speaks a profile with feedback, and whether either side speaks DTLS or
ICE, where RTCP comes by the port of RTP and names of streams are of that side alone."""

_HOLDING = re.compile(b"^(" + NAMED + _END, _FLAGS)
_BEFORE = re.compile(rb"(?>(?:[icb]=[^\r\n]*+(?:\r?\n|\Z))*)", re.IGNORECASE)  # what stands before attributes
_WORD = re.compile(rb"\S++")
_HOST_PRIORITY = 126 << 24 | 65535 << 8  # of a host candidate, but for its component (RFC 8445 section 5.1.2.1)


def joined(secured: Secured | None) -> bool:
    """Whether it is secured by DTLS, or found by ICE."""
    return secured is not None and bool(secured.fingerprints or secured.ice)


class Securing:
    """The streams of a description that are secured anew, and what is to be told of each; `write` once, at the end."""

    def __init__(self, data: bytes, start: int, end: int, edits: Edits) -> None:
        self._data, self._start, self._end, self._edits = data, start, end, edits
        self._line_end = b"\r\n" if data.find(b"\r\n", start, end) >= 0 else b"\n"
        self.joined = False

    def stream(
        self, media: MediaLine, until: int, was: Secured | None, said: Secured | None, place: Address | None
    ) -> None:
        """Write of the stream at `media`, whose lines end at `until`, that it is secured as `said`; `place` is what
        stands as its address, None or port 0 where it is rejected: then no more than the profile is told. Of what is no
        RTP nothing goes but keys."""
        if media.transport.upper() not in PROFILES and place is not None and place.port:
            self.hide(media, until)
            return
        both = joined(was) or joined(said)
        self.joined = self.joined or both
        feedback = (said is not None and said.feedback) or (was is not None and was.best_effort and not was.feedback)
        self._drop(_GOING[feedback, both], media.line.line_end, until)
        words = [match.span() for match in _WORD.finditer(self._data, media.line.start, media.line.end)]
        if media.transport.upper() in PROFILES and self._data[slice(*words[2])] != profile(said):
            self._edits.replace(*words[2], profile(said))
        if said is None or place is None or not place.port:
            return
        lines = stream_lines(said, place)
        if lines:
            before = _BEFORE.match(self._data, media.line.line_end, until)
            self._insert(media.line.line_end if before is None else before.end(), lines)

    def hide(self, media: MediaLine, until: int) -> None:
        """Leave keys out of a stream that is no RTP: all else is of its ends alone."""
        self._drop(_HOLDING, media.line.line_end, until)

    def session(self, first: MediaLine, told: list[Secured]) -> None:
        """What is said for all streams, before the `first`: what was said of security goes, `told` are ours."""
        at = first.line.line_start
        self._drop(_GOING[True, self.joined], self._start, at)
        lines = [b"a=ice-lite"] if any(each.ice is not None and each.ice.lite for each in told) else []
        for first_mid in dict.fromkeys(each.bundle for each in told if each.bundle):
            others = [each.mid for each in told if each.bundle == first_mid != each.mid]
            lines.append(b"a=group:BUNDLE " + " ".join([first_mid, *others]).encode("ascii"))
        if lines:
            self._insert(at, lines)

    def _drop(self, going: re.Pattern[bytes], start: int, end: int) -> None:
        for match in going.finditer(self._data, start, end):
            self._edits.drop(match.start(), match.end())

    def _insert(self, at: int, lines: list[bytes]) -> None:
        text = self._line_end.join(lines)
        ended = self._data[at - 1 : at] == b"\n"
        self._edits.insert(at, text + self._line_end if ended else self._line_end + text)


def profile(said: Secured | None) -> bytes:
    """The transport of an ``m=`` line (RFC 3551, 3711, 4585, 5124, 5764)."""
    if said is None:
        return b"RTP/AVP"
    secured = not said.best_effort and (said.fingerprints or said.keys or said.demands)
    layers = b"" if not secured else b"UDP/TLS/" if said.fingerprints else b""
    return layers + (b"RTP/SAVP" if secured else b"RTP/AVP") + (b"F" if said.feedback else b"")


def stream_lines(said: Secured, place: Address) -> list[bytes]:
    """The attributes that say it; `place` is where its one candidate is."""
    lines = [b"a=crypto:" + _crypto(key) for key in said.keys]
    may_decline = said.mux and said.setup == "actpass" and not said.rides  # an offer (RFC 5761 section 5.1.3)
    for fingerprint in () if said.rides else said.fingerprints:
        digest = fingerprint.digest.hex(":").upper()
        lines.append(f"a=fingerprint:{fingerprint.algorithm} {digest}".encode("ascii"))
    if said.setup and not said.rides:
        lines.append(b"a=setup:" + said.setup.encode("ascii"))
    if said.ice is not None and not said.rides:
        lines.append(b"a=ice-ufrag:" + said.ice.ufrag.encode("ascii"))
        lines.append(b"a=ice-pwd:" + said.ice.password.encode("ascii"))
        lines += [_candidate(place, component) for component in range(1, 2 if said.mux and not may_decline else 3)]
        lines.append(b"a=end-of-candidates")  # RFC 8840 section 4.1.3: there will be no more
    if said.mux:
        lines.append(b"a=rtcp-mux")
    if may_decline:
        lines.append(b"a=rtcp:%d" % (place.port + 1))
    if said.mid:
        lines.append(b"a=mid:" + said.mid.encode("ascii"))
    return lines


def _crypto(key: Key) -> bytes:
    mki = f"|{int.from_bytes(key.mki, 'big')}:{len(key.mki)}".encode("ascii") if key.mki else b""
    lifetime = f"|{key.lifetime}".encode("ascii") if key.lifetime else b""
    inline = b64encode(key.secret) + lifetime + mki
    return b"%d %s inline:%s" % (key.tag, key.suite.encode("ascii"), inline)


def _candidate(place: Address, component: int) -> bytes:
    priority, port = _HOST_PRIORITY + 256 - component, place.port + component - 1
    return f"a=candidate:1 {component} UDP {priority} {place.host} {port} typ host".encode("ascii")
