"""SRTP at the lab's H.323 endpoint (H.235.8): how its channels say their suite and the key of what it sends, read and
written by the lab's own tables, and its media by pylibsrtp."""

from __future__ import annotations

import secrets
import socket
from typing import Any

from pylibsrtp import Error, Policy, Session

from tests.netns.h323_types import H245
from tests.netns.phone_media import PhoneMedia

CAPABILITY = "0.0.8.235.0.4.90"
AES_80, AES_32 = "0.0.8.235.0.4.91", "0.0.8.235.0.4.92"
_PROFILES = {AES_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80, AES_32: Policy.SRTP_PROFILE_AES128_CM_SHA1_32}
TAGS = {AES_80: 10, AES_32: 4}
"""Octets that a packet of RTP is longer by."""
_KEY = 16


class SrtpKeys:
    """Those of one call: what it sends with, by its own suite, and what the other end has said that it sends with."""

    def __init__(self, suite: str) -> None:
        self.suite = suite
        self.mine = secrets.token_bytes(30)
        self.theirs = b""
        self.their_suite = ""
        self.out = Session(self._policy(self.mine, suite, Policy.SSRC_ANY_OUTBOUND))
        self.into: Session | None = None

    @staticmethod
    def _policy(key: bytes, suite: str, kind: int) -> Policy:
        return Policy(key=key, ssrc_type=kind, srtp_profile=_PROFILES[suite])

    def secures(self, kind: tuple[str, Any]) -> tuple[str, Any]:
        """A DataType of what flows, secured."""
        return "h235Media", {"encryptionAuthenticationAndIntegrity": self.able(), "mediaType": kind}

    def able(self) -> dict[str, Any]:
        octets = H245.encode("CryptoCapability", [{"cryptoSuite": self.suite}])
        generic = {"capabilityIdentifier": ("standard", CAPABILITY), "nonCollapsingRaw": octets}
        return {"genericH235SecurityCapability": generic}

    def says(self) -> dict[str, Any]:
        """The EncryptionSync of a channel by which we send."""
        said = H245.encode("SrtpKeys", [{"masterKey": self.mine[:_KEY], "masterSalt": self.mine[_KEY:]}])
        key = H245.encode("H235Key", ("secureSharedSecret", {"paramS": {}, "genericKeyMaterial": said}))
        return {"synchFlag": 0, "h235Key": key}

    def hears(self, channel: dict[str, Any], kind: tuple[str, Any]) -> None:
        """The other end opens a channel by which it sends, of that secured DataType."""
        (info,) = H245.decode(
            "CryptoCapability",
            kind[1]["encryptionAuthenticationAndIntegrity"]["genericH235SecurityCapability"]["nonCollapsingRaw"],
        )
        name, material = H245.decode("H235Key", channel["encryptionSync"]["h235Key"])
        assert name == "secureSharedSecret"
        (said,) = H245.decode("SrtpKeys", material["genericKeyMaterial"])
        key = said["masterKey"] + said["masterSalt"]
        if key != self.theirs:
            self.theirs, self.their_suite = key, info["cryptoSuite"]
            self.into = Session(self._policy(key, self.their_suite, Policy.SSRC_ANY_INBOUND))


class SecuredMedia(PhoneMedia):
    """Media that is encrypted; `forged` counts packets that nobody with the key has written, `clear` those that came
    before there was one."""

    def __init__(self, rtp: socket.socket, rtcp: socket.socket, keys: SrtpKeys) -> None:
        super().__init__(rtp, rtcp)
        self.keys, self.forged, self.early = keys, 0, 0

    def _send(self, sock: socket.socket, data: bytes, to: tuple[str, int]) -> None:
        out = self.keys.out
        super()._send(sock, out.protect(data) if sock is self.rtp else out.protect_rtcp(data), to)

    def take(self, kind: str, data: bytes, source: tuple[str, int]) -> None:
        """Count one packet, if it is who has the key."""
        into = self.keys.into
        if into is None:
            self.early += 1
            return
        try:
            data = into.unprotect(data) if kind == "rtp" else into.unprotect_rtcp(data)
        except Error:
            self.forged += 1
            return
        super().take(kind, data, source)
