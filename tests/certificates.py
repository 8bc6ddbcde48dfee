"""Certificates for tests: authorities and what they sign, made on the spot."""

from __future__ import annotations

import datetime
from ipaddress import ip_address
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
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

    def sign(self, name: str, *names: str | x509.ExtensionType, days: int = 30, bits: int = 0) -> tuple[Path, Path]:
        """Files with a certificate that holds these DNS names, URIs, IP addresses, or an extension as it is, and with
        its key (of RSA, if it is to have so many bits); it is valid for so many days, from now on or, if fewer than 0,
        until so many ago."""
        key = rsa.generate_private_key(65_537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
        certificate, kept = self.directory / f"{name}.crt", self.directory / f"{name}.key"
        self._write(certificate, name, key, list(names), authority=False, days=days)
        kept.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        kept.chmod(0o600)
        return certificate, kept

    def revoke(self, *certificates: Path, days: int = 7) -> Path:
        """The file of its list of what it has revoked: these. It counts for so many days, or did until so many ago."""
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
            .last_update(now + datetime.timedelta(days=min(days, 0) - 1))
            .next_update(now + datetime.timedelta(days=days))
        )
        for each in certificates:
            number = x509.load_pem_x509_certificate(each.read_bytes()).serial_number
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now).build()
            )
        path = self.directory / f"{self.name}.crl"
        path.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))
        return path

    def _write(
        self,
        path: Path,
        name: str,
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
        names: list[str | x509.ExtensionType],
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
        for each in names:
            if not isinstance(each, str):
                builder = builder.add_extension(each, False)
        said = [_general(each) for each in names if isinstance(each, str)]
        if said:
            builder = builder.add_extension(x509.SubjectAlternativeName(said), False)
        path.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.UniformResourceIdentifier(name) if ":" in name else x509.DNSName(name)
