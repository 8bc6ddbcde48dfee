"""Certificates for tests: authorities and what they sign, made on the spot."""

from __future__ import annotations

import datetime
from ipaddress import ip_address
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@attrs.define
class Authority:
    """Signs certificates; all files are in `directory`."""

    directory: Path
    name: str = "authority"
    key: ec.EllipticCurvePrivateKey = attrs.field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def certificate(self) -> Path:
        """Its own, signed by itself."""
        path = self.directory / f"{self.name}.crt"
        if not path.exists():
            self._write(path, self.name, self.key, [], authority=True)
        return path

    def sign(self, name: str, *names: str, days: int = 30) -> tuple[Path, Path]:
        """Files with a certificate that holds these DNS names and IP addresses, and with its key; it is valid for so
        many days, from now on or, if fewer than 0, until so many ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, kept = self.directory / f"{name}.crt", self.directory / f"{name}.key"
        self._write(certificate, name, key, list(names), authority=False, days=days)
        kept.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        kept.chmod(0o600)
        return certificate, kept

    def _write(
        self,
        path: Path,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        names: list[str],
        authority: bool,
        days: int = 30,
    ) -> None:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=min(days, 0) - 1))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), False)
        path.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
