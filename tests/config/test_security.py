"""What is configured of how media is secured."""

from __future__ import annotations

import pytest

from sbc.config.faults import ConfigError
from sbc.config.load import load_text
from sbc.core.secured import SUITES, MediaSecurity, Protection
from tests.config.test_load import SMALL

REALM = "[realms.a]\n"
TABLE = '[realms.a.srtp]\nsuites = ["AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"]\nsdes_over_clear = true\n'


def configured(value: str, table: str = TABLE) -> str:
    assert SMALL.count(REALM) == 1
    return SMALL.replace(REALM, f'{REALM}media_security = "{value}"\n') + table


@pytest.mark.parametrize("mode", MediaSecurity)
def test_a_realm_says_how_its_media_is_secured(mode: MediaSecurity) -> None:
    realms = load_text(configured(mode.value), "x.toml").plan.realms
    suites = ("AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80")
    assert realms["a"].protection == Protection(mode, suites, sdes_over_clear=True)
    assert realms["c"].protection == Protection(), "which leaves all to the peers"


def test_what_is_not_said() -> None:
    protection = (
        load_text(configured("dtls", "[realms.a.srtp]\nfax_in_clear = true\n"), "x.toml").plan.realms["a"].protection
    )
    assert protection == Protection(MediaSecurity.DTLS, tuple(SUITES), fax_in_clear=True) and protection.demands


def test_h323_has_words_for_two_suites() -> None:
    """What else is wrong with such a configuration is of its path."""
    h323 = configured("sdes").replace('protocol = "sip"', 'protocol = "h323"', 1)
    said = []
    for text in (h323, h323.replace(', "AES_CM_128_HMAC_SHA1_80"', "")):
        with pytest.raises(ConfigError) as error:
            load_text(text, "x.toml")
        said.append({fault.key for fault in error.value.faults} - {"paths[0].core"})
    assert said == [set(), {"realms.a.srtp.suites"}]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (configured("srtp"), "realms.a.media_security"),
        (configured("sdes", ""), "realms.a.media_security"),
        (configured("dtls").replace('protocol = "sip"', 'protocol = "h323"', 1), "realms.a.media_security"),
        (configured("sdes", '[realms.a.srtp]\nsuites = ["F8_128_HMAC_SHA1_80"]\n'), "realms.a.srtp.suites"),
        (configured("sdes", "[realms.a.srtp]\nsuites = []\nsdes_over_clear = true\n"), "realms.a.srtp.suites"),
        (
            configured("sdes", '[realms.a.srtp]\nsuites = ["AEAD_AES_128_GCM", "AEAD_AES_128_GCM"]\n'),
            "realms.a.srtp.suites",
        ),
    ],
)
def test_what_does_not_fit_is_said(text: str, key: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_text(text, "x.toml")
    assert key in [fault.key for fault in error.value.faults]
