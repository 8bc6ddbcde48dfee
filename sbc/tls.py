"""TLS for signalling: certificates, keys and authorities read from their files, and contexts made of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL.crypto import X509
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    TLSVersion,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)

from sbc.config.faults import ConfigError, Fault, printable
from sbc.core.address import is_literal
from sbc.core.realm import Realm
from sbc.core.wires import Tls

LONGEST_FILE = 1_048_576
"""Octets: a chain or a set of authorities that is longer was not meant."""


@attrs.frozen
class Security:
    """What a realm's connections are secured with."""

    tls: Tls
    key: Any
    chain: list[x509.Certificate]
    authorities: Any

    def server(self) -> Any:
        """The context of connections that come in: TLS 1.2 or later, the peer's certificate asked for where it must
        be shown."""
        more = {"trustRoot": self.authorities} if self.tls.require_peer else {}
        return CertificateOptions(**self._own(), **more)

    def client(self, host: str) -> Any:
        """The context of a connection to `host`: its certificate must hold the configured name, or that address."""
        name = self.expected(host)
        options = self._own()
        del options["raiseMinimumTo"]
        return optionsForClientTLS(name, trustRoot=self.authorities, extraCertificateOptions=options)

    def expected(self, host: str) -> str:
        """The name or address that the certificate of a next hop at `host` must hold."""
        return self.tls.server_name or host

    def _own(self) -> dict[str, Any]:
        first, *rest = self.chain
        return {
            "privateKey": self.key,
            "certificate": first,
            "extraCertChain": rest,
            "raiseMinimumTo": TLSVersion.TLSv1_2,
        }


def read_tls(realms: Mapping[str, Realm], source: str = "") -> dict[str, Security]:
    """What the realms' files hold, by realm. `source`: the configuration file. @raises ConfigError with every fault."""
    found: dict[str, Security] = {}
    faults: list[Fault] = []
    for realm in realms.values():
        if realm.tls is not None:
            security = _read(realm.tls, f"realms.{realm.name}.tls", source, faults)
            if security is not None:
                found[realm.name] = security
    if faults:
        raise ConfigError(faults)
    return found


def _read(tls: Tls, at: str, source: str, faults: list[Fault]) -> Security | None:
    before = len(faults)

    def blame(name: str, path: str, problem: str, allowed: str) -> None:
        faults.append(Fault(source, f"{at}.{name}", f'"{printable(path)}"', problem, allowed))

    chain = key = None
    authorities: Any = platformTrust()
    try:
        chain = _certificates(tls.certificate)
    except (OSError, ValueError) as error:
        blame("certificate", tls.certificate, _said(error), "a PEM file of the certificate, then those that sign it")
    try:
        key = _private_key(tls.key)
    except (OSError, ValueError, TypeError) as error:  # TypeError: it is encrypted
        blame("key", tls.key, _said(error), "a PEM private key without a password that only its owner may read")
    if tls.ca:
        try:
            authorities = _trusted(_certificates(tls.ca))
        except (OSError, ValueError) as error:
            blame("ca", tls.ca, _said(error), "a PEM file of the authorities that peers' certificates are signed by")
    if chain and key is not None and not _fits(key, chain[0]):
        blame("key", tls.key, "is not the key of the certificate", f"the key of {printable(tls.certificate)}")
    if len(faults) > before or key is None or not chain:
        return None
    return Security(tls, key, chain, authorities)


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return str(error).splitlines()[0] if type(error) is _Unusable else "holds nothing of the kind"


class _Unusable(ValueError):
    """A file that says something else than it should, with a reason fit for a person."""


def _contents(path: str) -> bytes:
    with open(path, "rb") as file:
        data = file.read(LONGEST_FILE + 1)
    if len(data) > LONGEST_FILE:
        raise _Unusable("is too long")
    return data


def _certificates(path: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(_contents(path))


def _trusted(certificates: list[x509.Certificate]) -> Any:
    return trustRootFromCertificates([Certificate(X509.from_cryptography(each)) for each in certificates])


def _private_key(path: str) -> Any:
    mode = os.stat(path)
    if mode.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _Unusable(f"others than its owner may use it (mode {stat.S_IMODE(mode.st_mode):04o})")
    if mode.st_uid not in (os.geteuid(), 0):
        raise _Unusable("belongs to somebody else")
    return load_pem_private_key(_contents(path), None)


def _fits(key: Any, certificate: x509.Certificate) -> bool:
    return bool(key.public_key() == certificate.public_key())


def misnamed(connection: Any, expected: str) -> str:
    """Why the peer of an OpenSSL connection is not who was expected; empty if it is.

    Twisted asks the same, but takes a certificate without any name for one that fits (its callback raises where nobody
    hears it), so nothing is sent before we have asked, too.
    """
    verify = verify_ip_address if is_literal(expected) else verify_hostname
    try:
        verify(connection, expected)
    except VerificationError:
        return f"its certificate is not for {expected}"
    except CertificateError as error:
        return f"its certificate cannot be used: {error}"
    return ""


def proven_name(certificate: X509 | None) -> str:
    """The name that a verified certificate is for: its first DNS name, URI or address, else its common name."""
    return name_of(certificate.to_cryptography()) if certificate is not None else ""


def name_of(held: x509.Certificate) -> str:
    """See `proven_name`."""
    try:
        names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        names = None
    for kind in (x509.DNSName, x509.UniformResourceIdentifier, x509.IPAddress):
        for name in names.get_values_for_type(kind) if names is not None else ():
            return str(name)
    common = held.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(common[0].value) if common else ""
