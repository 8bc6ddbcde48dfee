"""TLS for signalling: certificates, keys and authorities read from their files, and names compared with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from OpenSSL.crypto import X509
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address

from sbc.config.faults import ConfigError, Fault, printable
from sbc.config.owned import Exposed, contents
from sbc.core.address import is_literal
from sbc.core.realm import Realm
from sbc.core.wires import KeyPair, Tls

_DOMAIN = re.compile(r"sip:([0-9a-z](?:[0-9a-z.-]*[0-9a-z])?)")
"""A URI that names a domain, and nobody in it (RFC 5922 section 7.1)."""
_CRL = re.compile(b"-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----")
LONGEST_FILE = 1_048_576
"""Octets: a chain or a set of authorities that is longer was not meant."""


@attrs.frozen
class Identity:
    """A certificate, with those that sign it, and its key."""

    key: Any
    chain: list[x509.Certificate]

    @property
    def names(self) -> frozenset[str]:
        """The DNS names that it holds, in small letters; ``*`` in one stands for one label."""
        return frozenset(name.lower() for name in names_of(self.chain[0], x509.DNSName))

    @property
    def until(self) -> datetime:
        """When it, or one of those that sign it, is no longer valid."""
        return min(each.not_valid_after_utc for each in self.chain)


@attrs.frozen
class Security:
    """What a realm's connections are secured with. Peers' certificates are signed by `authorities`, None: the
    system's."""

    tls: Tls
    identities: tuple[Identity, ...]
    authorities: list[x509.Certificate] | None
    revoked: list[x509.CertificateRevocationList] | None = None
    """What each of them has revoked; None: nobody asks."""


def read_tls(realms: Mapping[str, Realm], source: str = "") -> dict[str, Security]:
    """What the realms' files hold, by realm. `source`: the configuration file. @raises ConfigError with every fault."""
    found: dict[str, Security] = {}
    faults: list[Fault] = []
    for realm in realms.values():
        if realm.tls is not None:
            security = read_one(realm.tls, f"realms.{realm.name}.tls", source, faults)
            if security is not None:
                found[realm.name] = security
    if faults:
        raise ConfigError(faults)
    return found


def read_one(tls: Tls, at: str, source: str, faults: list[Fault]) -> Security | None:
    """What the files of one table hold; None where `faults` are added. `at` is the table of the configuration."""
    before = len(faults)

    def blame(name: str, path: str, problem: str, allowed: str) -> None:
        faults.append(Fault(source, f"{at}.{name}", f'"{printable(path)}"', problem, allowed))

    authorities = revoked = None
    identities = []
    for index, pair in enumerate(tls.pairs):
        identity = _identity(pair, f"certificates[{index - 1}]." if index else "", blame)
        if identity is not None:
            identities.append(identity)
    if tls.ca:
        try:
            authorities = _certificates(tls.ca)
        except (OSError, ValueError) as error:
            blame("ca", tls.ca, _said(error), "a PEM file of the authorities that peers' certificates are signed by")
    if tls.crl:
        try:
            revoked = _revocations(tls.crl)
        except (OSError, ValueError) as error:
            blame("crl", tls.crl, _said(error), "a PEM file of the lists of what the authorities have revoked")
    if tls.ciphers and not _are_ciphers(tls.ciphers):
        blame("ciphers", tls.ciphers, "names no cipher of TLS 1.2", "what `openssl ciphers` takes")
    return Security(tls, tuple(identities), authorities, revoked) if len(faults) == before else None


def _identity(pair: KeyPair, at: str, blame: Callable[[str, str, str, str], None]) -> Identity | None:
    chain = key = None
    try:
        chain = _certificates(pair.certificate)
    except (OSError, ValueError) as error:
        allowed = "a PEM file of the certificate, then those that sign it"
        blame(f"{at}certificate", pair.certificate, _said(error), allowed)
    try:
        key = _private_key(pair.key)
    except (OSError, ValueError, TypeError) as error:  # TypeError: it is encrypted
        allowed = "a PEM private key without a password that only its owner may read"
        blame(f"{at}key", pair.key, _said(error), allowed)
    if not chain or key is None:
        return None
    if not _fits(key, chain[0]):
        blame(f"{at}key", pair.key, "is not the key of the certificate", f"the key of {printable(pair.certificate)}")
    elif weak := _why_useless(key, chain[0]):
        blame(f"{at}certificate", pair.certificate, f"is of no use for TLS: {weak}", "another one")
    return Identity(key, chain)


def _why_useless(key: Any, certificate: x509.Certificate) -> str:
    """Why OpenSSL does not secure connections by a certificate and its key; empty if it does. Asked when they are read,
    since who connects would find out else."""
    context = SSL.Context(SSL.TLS_METHOD)
    try:
        context.use_certificate(certificate)
        context.use_privatekey(key)
        name_of(certificate)
    except SSL.Error as error:
        return ", ".join(reason for *_, reason in error.args[0])
    except ValueError:
        return "its names cannot be read"
    return ""


def _are_ciphers(said: str) -> bool:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    try:
        context.set_cipher_list(said.encode())
    except SSL.Error:
        return False
    return True


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return str(error).splitlines()[0] if isinstance(error, _Unusable | Exposed) else "holds nothing of the kind"


class _Unusable(ValueError):
    """A file that says something else than it should, with a reason fit for a person."""


def _contents(path: str) -> bytes:
    with open(path, "rb") as file:
        return _bounded(file.read(LONGEST_FILE + 1))


def _bounded(data: bytes) -> bytes:
    if len(data) > LONGEST_FILE:
        raise _Unusable("is too long")
    return data


def _certificates(path: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(_contents(path))


def _revocations(path: str) -> list[x509.CertificateRevocationList]:
    found = _CRL.findall(_contents(path))
    if not found:
        raise _Unusable("holds nothing of the kind")
    return [x509.load_pem_x509_crl(each) for each in found]


def _private_key(path: str) -> Any:
    return load_pem_private_key(_bounded(contents(path, LONGEST_FILE)), None)


def _fits(key: Any, certificate: x509.Certificate) -> bool:
    return bool(key.public_key() == certificate.public_key())


def misnamed(connection: Any, expected: str) -> str:
    """Why the peer of an OpenSSL connection, whose certificate is verified, is not who was expected; empty if it is. A
    certificate of a SIP domain says so by a URI (RFC 5922 section 7.1), others by a DNS name or an address."""
    held: X509 | None = connection.get_peer_certificate()
    if held is None:
        return "it has shown no certificate"
    try:
        if expected.lower() in domains_of(held.to_cryptography()):
            return ""
        verify = verify_ip_address if is_literal(expected) else verify_hostname
        verify(connection, expected)
    except VerificationError:
        return f"its certificate is not for {expected}"
    except CertificateError as error:
        return f"its certificate cannot be used: {error}"
    except ValueError:  # by the authority's fault
        return "the names in its certificate cannot be read"
    return ""


def proven_name(certificate: X509 | None) -> str:
    """The name that a verified certificate is for: its first SIP domain, DNS name, URI or address, else its common
    name; empty where what stands there cannot be read."""
    try:
        return name_of(certificate.to_cryptography()) if certificate is not None else ""
    except ValueError:
        return ""


def name_of(held: x509.Certificate) -> str:
    """See `proven_name`. @raises ValueError."""
    for domain in domains_of(held):
        return domain
    for kind in (x509.DNSName, x509.UniformResourceIdentifier, x509.IPAddress):
        for name in names_of(held, kind):
            return name
    common = held.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(common[0].value) if common else ""


def domains_of(held: x509.Certificate) -> list[str]:
    """The SIP domains that a certificate holds, in small letters. @raises ValueError."""
    found = (_DOMAIN.fullmatch(each.lower()) for each in names_of(held, x509.UniformResourceIdentifier))
    return [match[1] for match in found if match is not None]


def names_of(held: x509.Certificate, kind: Any) -> list[str]:
    """The alternative names of one kind that a certificate holds (RFC 5280 section 4.2.1.6). @raises ValueError where
    they cannot be read."""
    try:
        names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    except x509.DuplicateExtension as twice:
        raise ValueError("names that stand there twice") from twice
    return [str(name) for name in names.get_values_for_type(kind)]
