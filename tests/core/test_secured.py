"""What is said of secured media: lengths of suites, and that nothing printed holds a key."""

from __future__ import annotations

import pytest

from sbc.core.secured import SUITES, Dtls, Ice, IcePair, Key, Secured, SideSecurity, said

SECRET = bytes(range(65, 95))
KEY = Key("AES_CM_128_HMAC_SHA1_80", SECRET)
ICE = Ice("abcd", "a-password-of-22-chars")


def test_lengths_of_suites() -> None:
    assert [(name, suite.secret) for name, suite in SUITES.items()] == [
        ("AES_CM_128_HMAC_SHA1_80", 30),
        ("AES_CM_128_HMAC_SHA1_32", 30),
        ("AES_256_CM_HMAC_SHA1_80", 46),
        ("AES_256_CM_HMAC_SHA1_32", 46),
        ("AEAD_AES_128_GCM", 28),
        ("AEAD_AES_256_GCM", 44),
    ]


@pytest.mark.parametrize(
    "value", [KEY, ICE, Secured((KEY,), ice=ICE), SideSecurity(KEY, KEY, ice=IcePair(ICE, ICE)), IcePair(ICE)]
)
def test_nothing_printed_holds_a_key(value: object) -> None:
    for text in (repr(value), str(value), f"{value!r}"):
        assert "password" not in text and SECRET.decode() not in text and repr(SECRET) not in text


def test_a_side_is_keyed_with_a_key_either_way() -> None:
    assert SideSecurity(KEY, KEY).keyed
    assert not SideSecurity(KEY).keyed and not SideSecurity(dtls=Dtls(client=False)).keyed


def test_how_a_side_is_secured_is_said_without_keys() -> None:
    dtls = SideSecurity(dtls=Dtls(client=True))
    sides = (None, SideSecurity(), SideSecurity(KEY, KEY), dtls, SideSecurity(KEY, KEY, dtls.dtls))
    words = [said(each) for each in sides]
    suite = "AES_CM_128_HMAC_SHA1_80"
    assert words == ["none", "sdes", f"sdes {suite}", "dtls", f"dtls {suite}"]
