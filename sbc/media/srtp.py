"""SRTP for the engine in Python, by pylibsrtp (BSD), which brings a libsrtp of its own; and which suites there are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

from sbc.core.secured import SUITES, Key
from sbc.media import rtp, srtcp
from sbc.media.sealing import SOURCES, USED, Row, Unsealed, follow

_WINDOW = 128  # packets behind the furthest that are still told from replayed ones
_LONGEST = 65_535 + 148  # octets of a packet, and what libsrtp may put behind it
_STRIDE = 0x7000  # sequence numbers by which an index may be put forward at once
_FURTHEST = 4096 << 16  # an index that was counted further is not taken up again: 62 days at 50 packets a second
_AHEAD = 127  # by so much the furthest number of a window of libsrtp's is ahead of its first, of RTCP
_NO_RTCP = 1 << 31  # an index that no packet has
_AES_256 = b"\x05\0\0\0\x2e\0\0\0"  # SRTP_AES_ICM_256 and its octets of key and salt: what a policy begins with
_REPORT = b"\x80\xc9\0\1"  # an empty receiver report (RFC 3550 section 6.4.2), but for its SSRC


def missing() -> str:
    """Why media cannot be secured by this, in one sentence; empty where it can."""
    try:
        import_module("pylibsrtp")
    except ImportError as error:
        return f"pylibsrtp is not installed: {error}"
    return ""


def suites() -> tuple[str, ...]:
    """What of SUITES can be done, in that order."""
    return () if missing() else tuple(SUITES)


class Session:
    """One key in one direction, by a session of libsrtp: see sbc.media.sealing.Seal."""

    def __init__(self, key: Key, sends: bool, rows: Sequence[Row] = (), begins: int = -1) -> None:
        """@raises ValueError for a suite that there is not, or a key of another length; ImportError (see `missing`)."""
        suite = SUITES.get(key.suite)
        if suite is None or len(key.secret) != suite.secret:
            raise ValueError(f"no key for {key.suite}")
        self._library: Any = import_module("pylibsrtp")
        self._key, self._sends, self._begins = key, sends, begins if sends else -1
        self._gcm = key.suite.startswith("AEAD")
        self._tags = (0, 0) if self._gcm else (suite.tag, suite.rtcp_tag)  # what stands behind the MKI, of RTP and RTCP
        self._least = suite.tag + len(key.mki)
        self._used: dict[int, list[int]] = {}  # by SSRC, the furthest index of RTP and of RTCP
        self._floor: dict[int, tuple[int, int]] = {}  # those of another process: what it has taken is not taken again
        self._taken = [0, 0]  # packets of RTP and of RTCP
        self._grew = False
        self._session = self._made(sends)
        for _, ssrc, index, index_rtcp in rows[: SOURCES + 1]:
            if ssrc == USED:
                self._taken = [index, index_rtcp]
            else:
                self._resume(ssrc, index, index_rtcp)
        self._grew = False

    def open(self, data: bytes, is_rtcp: bool) -> bytes:
        """See Seal."""
        size, mki = len(data), len(self._key.mki)
        if size < self._least + (rtp.MIN_SIZE if not is_rtcp else 12):
            raise Unsealed("clear")
        end = size - self._tags[is_rtcp]
        if mki:
            if data[end - mki : end] != self._key.mki:
                raise Unsealed("forged")
            data = data[: end - mki] + data[end:]
        ssrc, index = self._place(data, is_rtcp)
        if ssrc not in self._used and len(self._used) >= SOURCES:
            raise Unsealed("unkeyed")
        self._check_lifetime(is_rtcp)
        if index <= self._floor.get(ssrc, (-1, -1))[is_rtcp]:
            raise Unsealed("replayed")
        plain = self._by(self._session.unprotect_rtcp if is_rtcp else self._session.unprotect, data)
        self._note(ssrc, index, is_rtcp)
        self._taken[is_rtcp] += 1
        return plain

    def close(self, data: bytes, is_rtcp: bool) -> bytes:
        """See Seal."""
        ssrc = int.from_bytes(data[4:8] if is_rtcp else data[8:12], "big")
        if ssrc not in self._used and len(self._used) >= SOURCES:
            raise Unsealed("unkeyed")
        if ssrc not in self._used and self._begins >= 0:
            self._resume(ssrc, -1, self._begins)
        if is_rtcp and ssrc in self._used and self._used[ssrc][1] >= _NO_RTCP - 1:
            raise Unsealed("unkeyed")  # it is used up
        self._check_lifetime(is_rtcp)
        if not is_rtcp and self._place(data, False)[1] <= self._floor.get(ssrc, (-1, -1))[0]:
            raise Unsealed("replayed")
        sealed = self._by(self._session.protect_rtcp if is_rtcp else self._session.protect, data)
        index = self._place(sealed, is_rtcp)[1]
        if is_rtcp and index <= self._used.get(ssrc, (-1, -1))[1]:
            raise Unsealed("unkeyed")  # libsrtp has not gone on where it was put: no number goes out twice
        self._note(ssrc, index, is_rtcp)
        self._taken[is_rtcp] += 1
        if not self._key.mki:
            return sealed
        end = len(sealed) - self._tags[is_rtcp]
        return sealed[:end] + self._key.mki + sealed[end:]

    def rollover(self) -> tuple[Row, ...]:
        """See Seal."""
        used = ((USED, self._taken),) if self._key.lifetime else ()
        return tuple((int(self._sends), ssrc, *furthest) for ssrc, furthest in (*self._used.items(), *used))

    def grew(self) -> bool:
        """See Seal."""
        grew, self._grew = self._grew, False
        return grew

    def _check_lifetime(self, is_rtcp: bool) -> None:
        """RFC 4568 section 6.1: as many of RTP, and as many of RTCP."""
        if self._key.lifetime and self._taken[is_rtcp] >= self._key.lifetime:
            raise Unsealed("expired")

    def _place(self, sealed: bytes, is_rtcp: bool) -> tuple[int, int]:
        """Whose a packet is, and its index, most likely; `sealed` is without MKI."""
        if is_rtcp:
            end = len(sealed) - self._tags[True]
            return int.from_bytes(sealed[4:8], "big"), int.from_bytes(sealed[end - 4 : end], "big") & 0x7FFFFFFF
        ssrc = int.from_bytes(sealed[8:12], "big")
        furthest = self._used[ssrc][0] if ssrc in self._used else -1
        return ssrc, follow(furthest, int.from_bytes(sealed[2:4], "big"))

    def _note(self, ssrc: int, index: int, is_rtcp: bool) -> None:
        self._grew = self._grew or ssrc not in self._used
        used = self._used.setdefault(ssrc, [-1, -1])
        used[is_rtcp] = max(used[is_rtcp], index)

    def _by(self, function: Any, data: bytes) -> bytes:
        try:
            done: bytes = function(data)
        except self._library.Error as error:
            raise Unsealed("replayed" if str(error).startswith("replay check") else "forged") from error
        return done

    def _made(self, sends: bool) -> Any:
        """A session of libsrtp for any SSRCs."""
        policy_of = self._library.Policy
        profiles = {
            "AES_CM_128_HMAC_SHA1_80": policy_of.SRTP_PROFILE_AES128_CM_SHA1_80,
            "AES_CM_128_HMAC_SHA1_32": policy_of.SRTP_PROFILE_AES128_CM_SHA1_32,
            "AES_256_CM_HMAC_SHA1_80": policy_of.SRTP_PROFILE_AES128_CM_SHA1_80,
            "AES_256_CM_HMAC_SHA1_32": policy_of.SRTP_PROFILE_AES128_CM_SHA1_32,
            "AEAD_AES_128_GCM": policy_of.SRTP_PROFILE_AEAD_AES_128_GCM,
            "AEAD_AES_256_GCM": policy_of.SRTP_PROFILE_AEAD_AES_256_GCM,
        }
        policy = policy_of(
            key=self._key.secret,
            ssrc_type=policy_of.SSRC_ANY_OUTBOUND if sends else policy_of.SSRC_ANY_INBOUND,
            srtp_profile=profiles[self._key.suite],
        )
        policy.window_size = _WINDOW
        binding: Any = import_module("pylibsrtp._binding")
        if self._key.suite.startswith("AES_256_CM"):
            # It has no name for these, but libsrtp has them: this is what its own functions for them set.
            for part in (policy._policy.rtp, policy._policy.rtcp):
                binding.ffi.buffer(binding.ffi.addressof(part))[: len(_AES_256)] = _AES_256
        session = self._library.Session(policy)
        session._cdata, session._buffer = _room()  # its own is too short for long packets
        return session

    def _resume(self, ssrc: int, index: int, index_rtcp: int) -> None:
        """Go on where another process was: libsrtp is put there by packets that nobody gets."""
        peer = None if self._sends else self._made(sends=True)
        if 0 <= index < _FURTHEST:
            for at in (*range(0, index, _STRIDE), index):
                sealed = (peer or self._session).protect(
                    b"\x80\0" + at.to_bytes(6, "big")[4:] + bytes(4) + _octets(ssrc)
                )
                if peer is not None:
                    self._session.unprotect(sealed)
            self._note(ssrc, index, False)
        if self._sends and index_rtcp >= _NO_RTCP - 1 - _AHEAD:
            index_rtcp = _NO_RTCP  # it is used up
        elif self._sends and index_rtcp >= 0:
            # It has no function for that, but takes what has come for the furthest, whoever has written it.
            self._session.unprotect_rtcp(srtcp.empty(self._key, _REPORT + _octets(ssrc), index_rtcp + _AHEAD))
        if index_rtcp >= 0:
            self._note(ssrc, index_rtcp, True)
        self._floor[ssrc] = (index, -1 if self._sends else index_rtcp)


def _octets(ssrc: int) -> bytes:
    return ssrc.to_bytes(4, "big")


@cache
def _room() -> tuple[Any, Any]:
    """Where packets are read and written: one for all sessions, which are of one thread."""
    ffi: Any = import_module("pylibsrtp._binding").ffi
    room = ffi.new("char[]", _LONGEST)
    return room, ffi.buffer(room)
