"""Certificates of DTLS: made and read, and whose fingerprint they have."""

from __future__ import annotations

import datetime
from hashlib import sha1, sha256, sha384, sha512
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from sbc.config.faults import ConfigError
from sbc.config.values import DtlsConfig
from sbc.core.secured import Fingerprint
from sbc.media.certificate import LIFETIME, fingerprint_of, fits, make_certificate, take_certificate, usable
from tests.certificates import Authority

NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC)
ONE, OTHER = make_certificate(NOW), make_certificate(NOW)
DER, OTHER_DER = (each.certificate.public_bytes(Encoding.DER) for each in (ONE, OTHER))


def test_a_certificate_is_made_for_long() -> None:
    assert isinstance(ONE.key.curve, ec.SECP256R1)
    assert ONE.certificate.not_valid_before_utc < NOW < ONE.certificate.not_valid_after_utc == NOW + LIFETIME
    assert ONE.fingerprint == Fingerprint("sha-256", sha256(DER).digest()) != OTHER.fingerprint
    assert "PrivateKey" not in repr(ONE)


@pytest.mark.parametrize(("algorithm", "digest"), [("sha-256", sha256), ("sha-384", sha384), ("SHA-512", sha512)])
def test_the_promised_certificate_fits(algorithm: str, digest: type) -> None:
    claimed = [Fingerprint(algorithm, digest(DER).digest())]  # type: ignore[call-arg]
    assert fits(DER, claimed)
    assert not fits(OTHER_DER, claimed)
    assert fits(DER, [Fingerprint(algorithm, b"\0" * 32), *claimed])  # RFC 8122 section 5: any of them


def test_of_several_algorithms_the_best_counts() -> None:
    right, wrong = fingerprint_of(DER), Fingerprint("sha-512", b"\0" * 64)
    assert usable([right, wrong]) == (wrong,)
    assert not fits(DER, [right, wrong])
    assert fits(DER, [Fingerprint("sha-1", b"\0" * 20), right])


@pytest.mark.parametrize("claimed", [[], [Fingerprint("sha-1", sha1(DER).digest())], [Fingerprint("md5", b"\0" * 16)]])
def test_what_proves_nothing_fits_nothing(claimed: list[Fingerprint]) -> None:
    assert usable(claimed) == () and not fits(DER, claimed)


def test_one_is_read_from_files(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).sign("sbc")
    files = DtlsConfig(str(certificate), str(key))
    found = take_certificate(files)
    assert found.key.public_key() == found.certificate.public_key() == take_certificate(files).key.public_key()
    key.chmod(0o644)
    with pytest.raises(ConfigError, match=r"media\.dtls\.key"):
        take_certificate(files)


def test_without_files_one_is_made() -> None:
    assert take_certificate(None).fingerprint != take_certificate(None).fingerprint
