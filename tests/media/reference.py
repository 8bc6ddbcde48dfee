"""SRTP and SRTCP once more, from RFC 3711, 6188 and 7714 alone and by `cryptography`: what libraries are held to."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sbc.core.secured import SUITES, Key


def keystream(key: bytes, iv: bytes, size: int) -> bytes:
    """AES in counter mode (RFC 3711 section 4.1.1); `iv` is 16 octets."""
    return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(bytes(size))


def derived(key: bytes, salt: bytes, label: int, size: int) -> bytes:
    """A session key (RFC 3711 section 4.3.1, 4.3.3), of a key derivation rate of 0. A salt of 12 octets has two more,
    of 0, behind it (RFC 7714 section 11)."""
    x = int.from_bytes(salt.ljust(14, b"\0"), "big") ^ label << 48
    return keystream(key, (x << 16).to_bytes(16, "big"), size)


def counted(salt: bytes, ssrc: int, index: int) -> bytes:
    """The initial counter of AES-CM (RFC 3711 section 4.1.1)."""
    return (int.from_bytes(salt, "big") << 16 ^ ssrc << 64 ^ index << 16).to_bytes(16, "big")


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def gcm_rtp(key: bytes, salt: bytes, packet: bytes, rolls: int) -> bytes:
    """RTP by AEAD_AES_*_GCM with session key and salt (RFC 7714 section 8); its header is the fixed one."""
    iv = xor(b"\0\0" + packet[8:12] + rolls.to_bytes(4, "big") + packet[2:4], salt)
    return packet[:12] + AESGCM(key).encrypt(iv, packet[12:], packet[:12])


def gcm_rtcp(key: bytes, salt: bytes, packet: bytes, index: int) -> bytes:
    """The same of RTCP (section 9)."""
    iv = xor(b"\0\0" + packet[4:8] + b"\0\0" + index.to_bytes(4, "big"), salt)
    told = (index | 1 << 31).to_bytes(4, "big")
    return packet[:8] + AESGCM(key).encrypt(iv, packet[8:], packet[:8] + told) + told


def protect_rtp(key: Key, packet: bytes, rolls: int = 0) -> bytes:
    """An SRTP packet; the RTP header is the fixed one."""
    suite = SUITES[key.suite]
    master, salt = key.secret[: suite.key], key.secret[suite.key :]
    cipher, salting = derived(master, salt, 0, suite.key), derived(master, salt, 2, suite.salt)
    if suite.salt == 12:
        return gcm_rtp(cipher, salting, packet, rolls) + key.mki
    index = rolls << 16 | int.from_bytes(packet[2:4], "big")
    stream = keystream(cipher, counted(salting, int.from_bytes(packet[8:12], "big"), index), len(packet) - 12)
    sealed = packet[:12] + xor(packet[12:], stream)
    tag = hmac.new(derived(master, salt, 1, 20), sealed + rolls.to_bytes(4, "big"), hashlib.sha1).digest()
    return sealed + key.mki + tag[: suite.tag]


def protect_rtcp(key: Key, packet: bytes, index: int) -> bytes:
    """An SRTCP packet."""
    suite = SUITES[key.suite]
    master, salt = key.secret[: suite.key], key.secret[suite.key :]
    cipher, salting = derived(master, salt, 3, suite.key), derived(master, salt, 5, suite.salt)
    if suite.salt == 12:
        return gcm_rtcp(cipher, salting, packet, index) + key.mki
    stream = keystream(cipher, counted(salting, int.from_bytes(packet[4:8], "big"), index), len(packet) - 8)
    sealed = packet[:8] + xor(packet[8:], stream) + (index | 1 << 31).to_bytes(4, "big")
    tag = hmac.new(derived(master, salt, 4, 20), sealed, hashlib.sha1).digest()
    return sealed + key.mki + tag[: suite.rtcp_tag]
