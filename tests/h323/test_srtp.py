"""SrtpCryptoCapability and SrtpKeys (H.235.8): against octets written down by hand, and whatever else may come."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.secured import LONGEST_LIFE, Key
from sbc.h323 import per, srtp

_80, _32 = srtp.OIDS
MASTER, SALT = bytes(range(1, 17)), bytes(range(101, 115))
KEY = Key(_80, MASTER + SALT, tag=3)
# one SrtpKeyParameters: no extension, no lifetime, no mki; then two strings with their lengths
PLAIN = bytes.fromhex("01 00 10") + MASTER + bytes.fromhex("0e") + SALT
WITH_LIFE = bytes.fromhex("01 40 10") + MASTER + bytes.fromhex("0e") + SALT
WITH_MKI = bytes.fromhex("01 20 10") + MASTER + bytes.fromhex("0e") + SALT
SUITE_80, SUITE_32 = (bytes.fromhex("07 00 08 81 6b 00 04") + bytes((last,)) for last in (91, 92))


SHAPES = """
Shapes DEFINITIONS AUTOMATIC TAGS ::= BEGIN
Keys ::= SEQUENCE OF SEQUENCE {
    masterKey OCTET STRING, masterSalt OCTET STRING,
    lifetime CHOICE { powerOfTwo INTEGER, specific INTEGER, ... } OPTIONAL,
    mki SEQUENCE { length INTEGER (1..128), value OCTET STRING, ... } OPTIONAL, ... }
Capability ::= SEQUENCE OF SEQUENCE {
    cryptoSuite OBJECT IDENTIFIER OPTIONAL,
    sessionParams SEQUENCE {
        kdr INTEGER (0..24) OPTIONAL, unencryptedSrtp BOOLEAN OPTIONAL, unencryptedSrtcp BOOLEAN OPTIONAL,
        unauthenticatedSrtp BOOLEAN OPTIONAL,
        fecOrder SEQUENCE { fecBeforeSrtp NULL OPTIONAL, fecAfterSrtp NULL OPTIONAL, ... } OPTIONAL,
        windowSizeHint INTEGER (64..65535) OPTIONAL, newParameter SEQUENCE OF NULL OPTIONAL, ... } OPTIONAL,
    allowMKI BOOLEAN OPTIONAL, ... }
END
"""


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A second opinion: the same shapes as the ASN.1 library compiles and encodes them."""
    from pycrate_asn1c.asnproc import compile_text
    from pycrate_asn1c.generator import PycrateGenerator

    made: Path = tmp_path_factory.mktemp("shapes") / "shapes.py"
    compile_text(SHAPES)
    PycrateGenerator(str(made))
    spec = importlib.util.spec_from_file_location("shapes", made)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Shapes


def of_library(kind: Any, value: Any) -> bytes:
    kind.set_val(value)
    data: bytes = kind.to_aper()
    return data


_LIVES = st.none() | st.tuples(st.sampled_from(("powerOfTwo", "specific")), st.integers(-3, 1 << 50))
_MKIS = st.none() | st.tuples(st.integers(1, 128), st.binary(max_size=20))


@given(st.binary(min_size=15, max_size=17), st.binary(min_size=13, max_size=15), _LIVES, _MKIS)
def test_the_library_reads_what_we_do(shapes: Any, master: bytes, salt: bytes, life: Any, mki: Any) -> None:
    value: dict[str, Any] = {"masterKey": master, "masterSalt": salt}
    value |= {} if life is None else {"lifetime": life}
    value |= {} if mki is None else {"mki": dict(zip(("length", "value"), mki, strict=True))}
    found = srtp.key(of_library(shapes.Keys, [value]), _80, 1)
    lives = 0 if life is None else life[1] if life[0] == "specific" else 1 << life[1] if 0 <= life[1] < 60 else 0
    fits = len(master) == 16 and len(salt) == 14 and any(master) and (life is None or 0 < lives <= LONGEST_LIFE)
    fits = fits and (mki is None or 0 < len(mki[1]) == mki[0])
    expected = Key(_80, master + salt, b"" if mki is None else mki[1], 1, lives % LONGEST_LIFE)
    assert found == (expected if fits else None)


_PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "kdr": st.integers(0, 24),
        "unencryptedSrtp": st.booleans(),
        "unencryptedSrtcp": st.booleans(),
        "unauthenticatedSrtp": st.booleans(),
        "windowSizeHint": st.integers(64, 65535),
    },
)
_INFOS = st.fixed_dictionaries(
    {},
    optional={
        "cryptoSuite": st.sampled_from([*srtp.OIDS.values(), (0, 0, 8, 235, 0, 4, 93), (1, 3, 6, 1, 99999)]),
        "sessionParams": _PARAMETERS,
        "allowMKI": st.booleans(),
    },
)


@given(st.lists(_INFOS, max_size=6))
def test_the_library_reads_the_suites_that_we_do(shapes: Any, infos: list[dict[str, Any]]) -> None:
    names = {number: name for name, number in srtp.OIDS.items()}
    asked = ("kdr", "unencryptedSrtp", "unencryptedSrtcp", "unauthenticatedSrtp")
    fits = [each for each in infos if not any(each.get("sessionParams", {}).get(name) for name in asked)]
    expected = dict.fromkeys(names[each["cryptoSuite"]] for each in fits if each.get("cryptoSuite") in names)
    assert srtp.suites(of_library(shapes.Capability, infos)) == tuple(expected)
    assert srtp.capability(tuple(expected)) == of_library(
        shapes.Capability, [{"cryptoSuite": srtp.OIDS[name]} for name in expected]
    )


def test_a_capability_is_a_list_of_suites() -> None:
    assert srtp.capability((_80, _32)) == b"\x02\x40" + SUITE_80 + b"\x40" + SUITE_32
    assert srtp.suites(srtp.capability((_32, _80))) == (_32, _80)
    assert srtp.named(srtp.generic((_32,))) == (_32,)
    assert srtp.named(None) == srtp.named({"capabilityIdentifier": ("standard", (0, 0, 8, 235, 0, 3, 76))}) == ()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", ()),
        (b"\x00", ()),
        (b"\x01\x40" + SUITE_80 + b"\x00", ()),  # an octet too many
        (b"\x01\x40" + SUITE_80[:-1], ()),
        (b"\x01\x40\x07" + bytes.fromhex("00 08 81 6b 00 04 5d"), ()),  # F8_128_HMAC_SHA1_80
        (b"\x01\x00", ()),  # no suite
        (b"\x01\x50" + SUITE_80 + b"\x80", (_80,)),  # MKI allowed
        (b"\x01\x60" + SUITE_80 + b"\x38\x00", (_80,)),  # all that it could do without, it does not do without
        (b"\x01\x60" + SUITE_80 + b"\x20\x80", ()),  # no encryption
        (b"\x01\x60" + SUITE_80 + b"\x10\x80", ()),  # none of RTCP
        (b"\x01\x60" + SUITE_80 + b"\x08\x80", ()),  # no authentication
        (b"\x01\x60" + SUITE_80 + b"\x40\x00", (_80,)),  # key derivation rate 0
        (b"\x01\x60" + SUITE_80 + b"\x40\x80", ()),
        (b"\x01\x60" + SUITE_80 + b"\x02\x00\x40", (_80,)),  # a window of 128
        (b"\x01\x60" + SUITE_80 + b"\x04\x80\x00", ()),  # error correction first
        (b"\x02\x40" + SUITE_80 + b"\x40" + SUITE_80, (_80,)),
    ],
)
def test_what_a_capability_says(data: bytes, found: tuple[str, ...]) -> None:
    assert srtp.suites(data) == found


def test_our_key_is_generic_key_material_of_h235() -> None:
    data = srtp.keys(KEY)
    assert data == bytes.fromhex("80 27 80 00 20 23 22") + PLAIN
    name, said = per.decode("H235Key", data)
    assert name == "secureSharedSecret" and said["genericKeyMaterial"] == PLAIN
    assert srtp.key(data, _80, 3) == KEY


@pytest.mark.parametrize("wrap", [False, True], ids=["by itself", "in H.235"])
@pytest.mark.parametrize(
    ("said", "found"),
    [
        (PLAIN, KEY),
        (WITH_LIFE + bytes.fromhex("00 01 1f"), Key(_80, MASTER + SALT, tag=3, lifetime=1 << 31)),  # a power of two
        (WITH_LIFE + bytes.fromhex("40 01 05"), Key(_80, MASTER + SALT, tag=3, lifetime=5)),
        (WITH_LIFE + bytes.fromhex("00 01 30"), KEY),  # 2^48: as many as the suite allows
        (WITH_LIFE + bytes.fromhex("00 01 31"), None),
        (WITH_LIFE + bytes.fromhex("40 01 00"), None),
        (WITH_LIFE + bytes.fromhex("40 01 ff"), None),
        (WITH_MKI + bytes.fromhex("01 02 ab cd"), Key(_80, MASTER + SALT, b"\xab\xcd", 3)),
        (WITH_MKI + bytes.fromhex("02 02 ab cd"), None),  # it says that it is longer
        (b"\x00", None),
        (b"\x02" + PLAIN[1:] + PLAIN[1:], None),  # two in turn
        (b"\x01\x00\x10" + bytes(16) + b"\x0e" + SALT, None),
        (b"\x01\x00\x0f" + MASTER[:15] + b"\x0f" + SALT + b"\x01", None),  # its parts are of other lengths
        (b"\x01\x00\x20" + MASTER * 2 + b"\x0e" + SALT, None),
        (PLAIN[:-1], None),
        (PLAIN + b"\x00", None),
    ],
)
def test_what_a_key_says(said: bytes, found: Key | None, wrap: bool) -> None:
    data = per.encode("H235Key", ("secureSharedSecret", {"paramS": {}, "genericKeyMaterial": said})) if wrap else said
    assert srtp.key(data, _80, 3) == found


def test_a_key_of_another_kind_is_none() -> None:
    for kind in (("secureChannel", (5, 3)), ("secureSharedSecret", {"paramS": {}})):
        assert srtp.key(per.encode("H235Key", kind), _80, 1) is None


@given(st.binary(max_size=80))
def test_whatever_comes_is_read_or_not(data: bytes) -> None:
    assert set(srtp.suites(data)) <= set(srtp.OIDS)
    found = srtp.key(data, _80, 1)
    assert found is None or (len(found.secret) == 30 and len(found.mki) <= srtp.MOST_MKI)


@given(st.sampled_from(list(srtp.OIDS)), st.binary(min_size=30, max_size=30), st.data())
def test_ours_are_read_again_and_a_flipped_bit_breaks_nothing(suite: str, secret: bytes, data: Any) -> None:
    written = srtp.keys(Key(suite, secret))
    assert srtp.key(written, suite, 1) == (Key(suite, secret) if any(secret[:16]) else None)
    at = data.draw(st.integers(0, 8 * len(written) - 1))
    broken = bytearray(written)
    broken[at // 8] ^= 1 << at % 8
    found = srtp.key(bytes(broken), suite, 1)
    assert found is None or 0 <= found.lifetime < LONGEST_LIFE


def test_a_long_list_costs_little() -> None:
    """Elements that take four bits each: many are read, and no more than are allowed."""
    assert srtp.suites(b"\xbf\xff" + bytes(20_000)) == ()
    assert srtp.key(b"\xbf\xff" + bytes(60_000), _80, 1) is None
