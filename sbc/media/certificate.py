"""The certificate that we show in DTLS handshakes, and whether a peer's is the one that its SDP has promised.

Nobody signs these but whoever uses them: what makes them trusted is the fingerprint in the signalling (RFC 5763).
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from sbc.config.faults import ConfigError, Fault
from sbc.config.values import DtlsConfig
from sbc.core.secured import Fingerprint
from sbc.core.wires import Tls
from sbc.tls import read_one

LIFETIME = datetime.timedelta(days=3650)
"""How long one that is made at the start is valid. A process may run for years, and peers look at the fingerprint."""
_SKEW = datetime.timedelta(days=1)
_NAME = "sbc"  # whatever stands there tells every peer who it talks to (RFC 8827 section 6.5)

_HASHES = {"sha-512": hashlib.sha512, "sha-384": hashlib.sha384, "sha-256": hashlib.sha256}
"""By the names of RFC 8122 section 5, the best first. MD2, MD5 and SHA-1 prove nothing any more."""


@attrs.frozen
class Certificate:
    """A certificate and its private key, as the cryptography library has them."""

    certificate: x509.Certificate
    key: Any = attrs.field(repr=False)

    @property
    def fingerprint(self) -> Fingerprint:
        """What peers are told of it."""
        return fingerprint_of(self.certificate.public_bytes(Encoding.DER))


def make_certificate(now: datetime.datetime) -> Certificate:
    """A new one, ECDSA on P-256 as RFC 8827 section 6.5 has it. `now` has a time zone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _NAME)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + LIFETIME)
    )
    return Certificate(builder.sign(key, hashes.SHA256()), key)


def take_certificate(files: DtlsConfig | None, source: str = "") -> Certificate:
    """The configured one, or one that is made now. `source`: the configuration file. @raises ConfigError with every
    fault of its files; nobody but its owner may read the key."""
    if files is None:
        return make_certificate(datetime.datetime.now(datetime.UTC))
    faults: list[Fault] = []
    found = read_one(Tls(files.certificate, files.key), "media.dtls", source, faults)
    if found is None:
        raise ConfigError(faults)
    own = found.identities[0]
    return Certificate(own.chain[0], own.key)


def fingerprint_of(certificate: bytes, algorithm: str = "sha-256") -> Fingerprint:
    """The fingerprint of a certificate in DER. @raises KeyError for an algorithm that is not used."""
    return Fingerprint(algorithm, _HASHES[algorithm](certificate).digest())


def usable(claimed: Iterable[Fingerprint]) -> tuple[Fingerprint, ...]:
    """Those fingerprints that count: of the best algorithm that the peer has used and we know (RFC 8122 section 5)."""
    every = tuple(claimed)
    for algorithm in _HASHES:
        found = tuple(each for each in every if each.algorithm.lower() == algorithm)
        if found:
            return found
    return ()


def fits(certificate: bytes, claimed: Iterable[Fingerprint]) -> bool:
    """Whether a certificate in DER is one of those that a peer has promised; none is, if it has promised none that
    counts."""
    return any(each.digest == fingerprint_of(certificate, each.algorithm.lower()).digest for each in usable(claimed))
