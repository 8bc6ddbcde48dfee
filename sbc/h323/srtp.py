"""Keys of SRTP as H.323 says them (H.235.8): SrtpCryptoCapability, which stands in a generic capability of H.245, and
SrtpKeys, which stand in the h235Key of an EncryptionSync. Both are octets there, and aligned PER of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sbc.core.message import BadMessage
from sbc.core.secured import LONGEST_LIFE, SUITES, Key
from sbc.h323 import per
from sbc.h323.reader import Compiler
from sbc.h323.types import Boolean, Choice, Component, Integer, ListOf, Null, ObjectId, Octets
from sbc.h323.types import Sequence as Components
from sbc.h323.walk import Read, Walk

CAPABILITY = (0, 0, 8, 235, 0, 4, 90)
"""The generic capability that SrtpCryptoCapability is of."""
OIDS = {
    "AES_CM_128_HMAC_SHA1_80": (0, 0, 8, 235, 0, 4, 91),
    "AES_CM_128_HMAC_SHA1_32": (0, 0, 8, 235, 0, 4, 92),
}
"""The suites that it has numbers for, and the SBC can, by their names in SDP. F8_128_HMAC_SHA1_80, its third, nobody
here does."""
MOST = 32
"""Elements of all lists of one capability, or of one key. There are three suites."""
MOST_MKI = 128
"""Octets of a master key identifier."""
_NAMES = {number: name for name, number in OIDS.items()}
_INTEGRITY, _CAPABLE = "encryptionAuthenticationAndIntegrity", "genericH235SecurityCapability"
_IDENTIFIER, _RAW = "capabilityIdentifier", "nonCollapsingRaw"
_KEY, _GENERIC, _SYNC = "H235Key", "genericKeyMaterial", "secureSharedSecret"


def capability(suites: Sequence[str]) -> bytes:
    """The SrtpCryptoCapability of who can those of OIDS, the best liked first."""
    infos = [_info(OIDS[suite]) for suite in suites]
    return bytes((len(infos),)) + b"".join(infos)


def suites(data: bytes) -> tuple[str, ...]:
    """The suites that a capability names and that can be had as it asks, each once: none of what we do not do (no
    encryption, no authentication, another key derivation rate, an order of error correction, what nobody here knows).
    Nothing where it is no capability."""
    found: dict[str, None] = {}
    for info in _read(data, "capability") or ():
        name = _NAMES.get(tuple(info.get("cryptoSuite", ())))
        if name is not None and _has_no_strangers(info) and _is_plain(info.get("sessionParams", {})):
            found[name] = None
    return tuple(found)


def generic(names: Sequence[str]) -> dict[str, Any]:
    """The generic capability of H.245 of who can those."""
    return {_IDENTIFIER: ("standard", CAPABILITY), _RAW: capability(names)}


def secured_by(names: Sequence[str]) -> dict[str, Any]:
    """What an encryptionAuthenticationAndIntegrity of H.245 says for those."""
    return {_INTEGRITY: {_CAPABLE: generic(names)}}


def names_in(said: dict[str, Any]) -> tuple[str, ...]:
    """The suites that stand in one, of a channel or of an entry that secures another; nothing where there are none."""
    return suites(capability_in(said))


def capability_in(said: dict[str, Any]) -> bytes:
    """The SrtpCryptoCapability that stands in one, as it stands; empty where there is none."""
    return _raw(said.get(_INTEGRITY, {}).get(_CAPABLE))


def named(said: Any) -> tuple[str, ...]:
    """The suites that a generic capability of H.245 names; nothing where it is of something else."""
    return suites(_raw(said))


def _raw(said: Any) -> bytes:
    if not isinstance(said, dict) or said.get(_IDENTIFIER) != ("standard", CAPABILITY):
        return b""
    found: bytes = said.get(_RAW, b"")
    return found


def keys(key: Key) -> bytes:
    """The h235Key that says a key of ours: SrtpKeys, as generic key material of H.235 version 3."""
    size = SUITES[key.suite].key
    master, salt = key.secret[:size], key.secret[size:]
    said = b"\x01\x00" + bytes((len(master),)) + master + bytes((len(salt),)) + salt
    return per.encode(_KEY, (_SYNC, {"paramS": {}, _GENERIC: said}))


def key(data: bytes, suite: str, tag: int) -> Key | None:
    """What an h235Key says, for that suite. None where it says none that we could use: several in turn, of another
    length, of zeros, with a lifetime that no suite allows. Some put SrtpKeys there by themselves, without what H.235
    has around them: that is read, too."""
    outer = _read(data, "outer")
    if isinstance(outer, tuple) and outer[0] == _SYNC and isinstance(outer[1], dict) and _GENERIC in outer[1]:
        data = outer[1][_GENERIC]
    said = _read(data, "keys")
    if said is None or len(said) != 1 or not _has_no_strangers(said[0]):
        return None
    (one,) = said
    secret, wanted = one["masterKey"] + one["masterSalt"], SUITES[suite]
    if len(one["masterKey"]) != wanted.key or len(secret) != wanted.secret or not any(one["masterKey"]):
        return None
    mki, lifetime = _mki(one.get("mki")), _lifetime(one.get("lifetime"))
    return None if mki is None or lifetime is None else Key(suite, secret, mki, tag, lifetime)


def _info(number: tuple[int, ...]) -> bytes:
    """An SrtpCryptoInfo that names its suite and no more: four bits, then an object identifier in octets of its own."""
    octets = _object_id(number)
    return b"\x40" + bytes((len(octets),)) + octets


def _object_id(number: tuple[int, ...]) -> bytes:
    found = bytearray((number[0] * 40 + number[1],))
    for each in number[2:]:
        found += bytes((0x80 | each >> 7, each & 0x7F)) if each > 0x7F else bytes((each,))
    return bytes(found)


def _is_plain(parameters: dict[str, Any]) -> bool:
    """Whether nothing is asked for that we would have to do; a window size is a hint."""
    flags = ("unencryptedSrtp", "unencryptedSrtcp", "unauthenticatedSrtp", "kdr", "newParameter", "fecOrder")
    return not any(parameters.get(each) for each in flags) and _has_no_strangers(parameters)


def _has_no_strangers(value: dict[str, Any]) -> bool:
    return not any(name.startswith("_") for name in value)


def _mki(said: dict[str, Any] | None) -> bytes | None:
    if said is None:
        return b""
    value: bytes = said["value"]
    return value if 0 < len(value) == said["length"] <= MOST_MKI else None


def _lifetime(said: tuple[str, Any] | None) -> int | None:
    """Packets that a key is good for, 0 as many as the suite allows."""
    if said is None:
        return 0
    form, number = said
    if form not in ("powerOfTwo", "specific") or not 0 <= number <= LONGEST_LIFE:
        return None
    if form == "powerOfTwo":
        number = 1 << number if number < LONGEST_LIFE.bit_length() else 0
    return number % LONGEST_LIFE if number else None


def _read(data: bytes, name: str) -> Any:
    """The value that octets are; None where they are none, or more."""
    walk = Walk(data, 0, len(data), left=MOST)
    try:
        value = _readers()[name](walk)
    except BadMessage:
        return None
    return value if walk.end - walk.pos < 8 else None


@cache
def _readers() -> dict[str, Read]:
    compiler = Compiler(lambda node, name, read: read)
    fec = Components(
        root=(Component("fecBeforeSrtp", Null(), True), Component("fecAfterSrtp", Null(), True)), extensible=True
    )
    parameters = Components(
        root=(
            Component("kdr", Integer(0, 24), True),
            Component("unencryptedSrtp", Boolean(), True),
            Component("unencryptedSrtcp", Boolean(), True),
            Component("unauthenticatedSrtp", Boolean(), True),
            Component("fecOrder", fec, True),
            Component("windowSizeHint", Integer(64, 65535), True),
            Component("newParameter", ListOf(item=per.node("GenericData")), True),
        ),
        extensible=True,
    )
    info = Components(
        root=(
            Component("cryptoSuite", ObjectId(), True),
            Component("sessionParams", parameters, True),
            Component("allowMKI", Boolean(), True),
        ),
        extensible=True,
    )
    lifetime = Choice(root=(("powerOfTwo", Integer()), ("specific", Integer())), extensible=True)
    mki = Components(root=(Component("length", Integer(1, 128)), Component("value", Octets())), extensible=True)
    one = Components(
        root=(
            Component("masterKey", Octets()),
            Component("masterSalt", Octets()),
            Component("lifetime", lifetime, True),
            Component("mki", mki, True),
        ),
        extensible=True,
    )
    return {
        "capability": compiler.reader(ListOf(item=info)),
        "keys": compiler.reader(ListOf(item=one)),
        "outer": compiler.reader(per.node(_KEY)),
    }
