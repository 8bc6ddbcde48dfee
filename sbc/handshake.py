"""How a connection becomes secured: contexts of OpenSSL made of what a realm's files hold, and why a handshake failed.

What is resumed is resumed by tickets (RFC 5077, RFC 8446 section 2.2): nothing is kept here of who has gone. They are
sealed by a key of the context, so that they end with it: with a reload, and after RENEWED. Where certificates are
looked up in lists of what was revoked there are none.
"""

from __future__ import annotations

import os
from time import perf_counter
from typing import Any

from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreFlags
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from sbc.core.address import is_literal
from sbc.core.wires import TlsVersion
from sbc.tls import Identity, Security

RENEWED = 21_600.0
"""Seconds after which a listener has new keys for tickets."""
RESUMABLE = 3_600
"""Seconds for which a connection that has ended may be resumed."""
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: all that have both forward secrecy and authenticated encryption."""

_MINIMUM = {TlsVersion.TLS_1_2: SSL.TLS1_2_VERSION, TlsVersion.TLS_1_3: SSL.TLS1_3_VERSION}
_SHOWN = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
_NOT_YET, _EXPIRED = 9, 10
_VERDICTS = {
    3: "there is no list of what its authority has revoked",
    11: "the list of what its authority has revoked does not count yet",
    12: "the list of what its authority has revoked is out of date",
    _NOT_YET: "its certificate is not valid yet",
    _EXPIRED: "its certificate has expired",
    18: "its certificate is signed by itself",
    19: "its certificate is signed by somebody who is not trusted",
    20: "its certificate is signed by somebody who is not trusted",
    21: "its certificate is signed by somebody who is not trusted",
    23: "its certificate is revoked",
    24: "its certificate is signed by what signs none",
    26: "its certificate is for another purpose",
    68: "its certificate is signed in a way that is too weak",
    66: "the key of its certificate is too short",
    67: "the key of who signed its certificate is too short",
}
"""Why OpenSSL does not trust a certificate, by its numbers (X509_STORE_CTX_get_error(3))."""


class TlsWire(TLSMemoryBIOProtocol):
    """A connection that is secured, or is about to be. `verdict` is why its peer's certificate is not trusted, empty if
    it is."""

    verdict = ""

    def worked(self, seconds: float) -> None:
        """So long was spent on a step of its handshake."""
        inner: Any = self.wrappedProtocol
        inner.worked(seconds)


class Handshake(SSL.Connection):
    """One end of a handshake, which tells whom it secures what each step has cost: much, for what anybody may ask."""

    def __init__(self, made_by: SSL.Context, secured: Any) -> None:
        super().__init__(made_by, None)
        self._secured = secured
        self.set_app_data(secured)

    def do_handshake(self) -> None:
        """Go as far as what has come allows. @raises OpenSSL.SSL.Error."""
        began = perf_counter()
        try:
            super().do_handshake()
        finally:
            self._secured.worked(perf_counter() - began)


@implementer(IOpenSSLServerConnectionCreator)
class Entrance:
    """Secures connections that come in, each by the certificate that holds the name which it asks for."""

    def __init__(self, security: Security) -> None:
        more = _SHOWN if security.tls.require_peer else SSL.VERIFY_NONE
        session = os.urandom(16)  # tickets of one certificate are taken by the others: it is one realm
        self._contexts = [context(security, each, more, session) for each in security.identities]
        self._named: dict[str, SSL.Context] = {}
        for each, made in zip(security.identities, self._contexts, strict=True):
            for name in each.names:
                self._named.setdefault(name, made)
        self._contexts[0].set_tlsext_servername_callback(self._choose)

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """See IOpenSSLServerConnectionCreator."""
        return Handshake(self._contexts[0], tlsProtocol)

    def _choose(self, connection: SSL.Connection) -> None:
        name = (connection.get_servername() or b"").decode("ascii", "replace").lower()
        found = self._named.get(name) or self._named.get("*." + name.partition(".")[2])
        if found is not None and found is not self._contexts[0]:
            connection.set_context(found)


@implementer(IOpenSSLClientConnectionCreator)
class Exit:
    """Secures connections that we make, to who holds the name `expected`; the name itself is compared when the
    handshake is over (`sbc.tls.misnamed`), before anything is sent."""

    def __init__(self, security: Security, expected: str) -> None:
        self._context = context(security, security.identities[0], _SHOWN, b"")
        self._name = b"" if is_literal(expected) else expected.encode("idna")

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """See IOpenSSLClientConnectionCreator."""
        made = Handshake(self._context, tlsProtocol)
        if self._name:
            made.set_tlsext_host_name(self._name)
        return made


def context(security: Security, identity: Identity, verify: int, session: bytes) -> SSL.Context:
    """A context that shows `identity`. @raises OpenSSL.SSL.Error where there is no such cipher."""
    made = SSL.Context(SSL.TLS_METHOD)
    made.set_min_proto_version(_MINIMUM[security.tls.minimum])
    made.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    made.set_mode(SSL.MODE_RELEASE_BUFFERS)  # of connections that say nothing, 34 KB each
    made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    if session:
        made.set_session_id(session)
        made.set_timeout(RESUMABLE)
    first, *rest = identity.chain
    made.use_privatekey(identity.key)
    made.use_certificate(first)
    for each in rest:
        made.add_extra_chain_cert(each)
    store: Any = made.get_cert_store()
    if security.authorities is None:
        made.set_default_verify_paths()
    for authority in security.authorities or ():
        store.add_cert(X509.from_cryptography(authority))
    for revoked in security.revoked or ():
        store.add_crl(revoked)
    if security.revoked is not None:
        store.set_flags(X509StoreFlags.CRL_CHECK)
        if verify != SSL.VERIFY_NONE:
            made.set_options(SSL.OP_NO_TICKET)  # who resumes is not looked up, and a list may have run out meanwhile
    made.set_verify(verify, _verify)
    made.set_cipher_list((security.tls.ciphers or CIPHERS).encode())
    return made


def _verify(connection: SSL.Connection, certificate: X509, error: int, depth: int, ok: int) -> bool:
    if not ok:
        secured: TlsWire = connection.get_app_data()
        why = _VERDICTS.get(error, f"its certificate is not trusted (error {error} of OpenSSL)")
        secured.verdict = secured.verdict or why
    return bool(ok)


def why_unsecured(secured: TlsWire, error: BaseException | None) -> str:
    """Why a handshake has come to nothing."""
    if secured.verdict:
        return secured.verdict
    if isinstance(error, SSL.Error) and error.args and error.args[0]:
        return ", ".join(dict.fromkeys(reason for *_, reason in error.args[0]))
    return "it ends in the handshake" if isinstance(error, ConnectionDone | SSL.Error) else str(error)
