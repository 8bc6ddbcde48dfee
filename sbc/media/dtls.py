"""One DTLS association that agrees on keys for SRTP (RFC 5763, RFC 5764): datagrams in, datagrams and keys out.

OpenSSL speaks the protocol, in memory; sockets, addresses and the clock are the caller's. What a peer may cost is
bounded here: octets, datagrams, time. The retransmission timer is OpenSSL's own, by the system's clock: the caller asks
by `due` when to call `expire`.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from enum import Enum
from os import urandom
from typing import Any

from OpenSSL import SSL, crypto

from sbc.core.secured import SUITES, Fingerprint, Key
from sbc.media.certificate import Certificate, fits

MTU = 1200
"""The most octets of a datagram that we send: what passes every path without fragments, as browsers have it."""
PATIENCE = 30.0
"""Seconds after which a handshake is given up."""
LONGEST = 4096
"""Octets of a datagram that is looked at; a flight is sent in packets that pass a network."""
MOST_OCTETS, MOST_DATAGRAMS = 65_536, 200
"""What a peer may send until its handshake is done."""
COOKIES = 15.0
"""Seconds for which a cookie counts, or up to twice as long: who was at an address once does not speak for it for
ever."""
_MOST_RECORDS = 16  # of one datagram, after the handshake

_PROFILES = {
    b"SRTP_AEAD_AES_128_GCM": "AEAD_AES_128_GCM",
    b"SRTP_AEAD_AES_256_GCM": "AEAD_AES_256_GCM",
    b"SRTP_AES128_CM_SHA1_80": "AES_CM_128_HMAC_SHA1_80",
    b"SRTP_AES128_CM_SHA1_32": "AES_CM_128_HMAC_SHA1_32",
}
"""Protection profiles by OpenSSL's names, in the order of preference, and the suites that they are (RFC 5764 section
4.1.2, RFC 7714 section 14.2)."""
AGREED = tuple(_PROFILES.values())
"""The suites that can be agreed on."""

_LABEL = b"EXTRACTOR-dtls_srtp"  # RFC 5764 section 4.2
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES"  # with forward secrecy (RFC 8827 section 6.5)
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_RECORD, _RANDOM = 13, slice(27, 59)  # octets of a record's header; where a ClientHello has its random number
_DTLS_1_2 = 0xFEFD


class State(Enum):
    """How far an association is."""

    LISTENING = "listening"  # the peer has not shown yet that it is where it says it is
    SHAKING = "shaking"
    SHAKEN = "shaken"  # there are keys
    OVER = "over"  # `why` says why


class Terms:
    """What all our associations have in common: the certificate, the suites that may be agreed on, the secret of
    cookies."""

    def __init__(self, certificate: Certificate, suites: tuple[str, ...] = AGREED) -> None:
        self._secret = urandom(32)
        context = self._context = SSL.Context(SSL.DTLS_METHOD)
        context.set_min_proto_version(_DTLS_1_2)
        context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_cipher_list(_CIPHERS)
        context.use_certificate(certificate.certificate)
        context.use_privatekey(certificate.key)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _is_promised)
        context.set_tlsext_use_srtp(b":".join(name for name, suite in _PROFILES.items() if suite in suites))
        context.set_cookie_generate_callback(self._cookie)
        context.set_cookie_verify_callback(self._is_cookie)

    def connection(self, association: Association) -> SSL.Connection:
        """What OpenSSL holds of an association."""
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(association)
        connection.set_ciphertext_mtu(MTU)
        return connection

    def _cookie(self, connection: SSL.Connection, ago: int = 0) -> bytes:
        """What the peer of an association is to show, or was so many times `COOKIES` ago."""
        association: Association = connection.get_app_data()
        time = int(association.begun // COOKIES) - ago
        return hmac.digest(self._secret, b"%d %b" % (time, association.source), "sha256")

    def _is_cookie(self, connection: SSL.Connection, cookie: bytes) -> bool:
        return any(hmac.compare_digest(cookie, self._cookie(connection, ago)) for ago in (0, 1))


class Association:
    """Both roles. `fingerprints` are what the peer's certificate must have; while they are not known any is taken, and
    whoever uses the keys asks `proves` before."""

    def __init__(
        self, terms: Terms, client: bool, fingerprints: tuple[Fingerprint, ...], now: float, unproven: bytes = b""
    ) -> None:
        """`client`: we begin. `unproven` is the source, in octets, of a client that must show by a cookie that it is
        there (RFC 6347 section 4.2.1); empty where that is known."""
        self.client, self.fingerprints, self.source, self.begun = client, fingerprints, unproven, now
        self.state = State.LISTENING if unproven else State.SHAKING
        self.why = ""
        """Of one that is over: ``alert``, ``closed``, ``fingerprint``, ``no-profile``, ``refused`` or ``timeout``."""
        self.detail = ""  # what OpenSSL says of it
        self.keys: tuple[Key, Key] | None = None
        """What the peer encrypts with, and what we do."""
        self.certificate = b""
        """The peer's, in DER, when the handshake is done."""
        self._random = b""  # the client's
        self._until = now + PATIENCE
        self._taken = self._datagrams = 0
        self._connection: SSL.Connection | None = terms.connection(self)
        if client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()

    def begin(self) -> list[bytes]:
        """The first flight of a client."""
        self._shake()
        return self._flight()

    def take(self, data: bytes) -> list[bytes]:
        """Take a datagram of the peer's; what is to be sent there at once. Any octets may come."""
        if self._connection is None or not _RECORD <= len(data) <= LONGEST:  # nothing at all is an error to OpenSSL
            return []
        if self.state is not State.SHAKEN:
            self._taken += len(data)
            self._datagrams += 1
            if self._taken > MOST_OCTETS or self._datagrams > MOST_DATAGRAMS:
                self._end("refused", "the handshake takes too much")
                return []
        self._connection.bio_write(data)
        if self.state is State.LISTENING:
            self._listen()
        if self.state is State.SHAKING:
            self._shake()
        if self.state is State.SHAKEN:
            self._read()
        return self._flight()

    def due(self, now: float) -> float | None:
        """When to `expire`, by the caller's clock; None where nothing is waited for."""
        if self._connection is None or self.state is not State.SHAKING:
            return None
        wait = self._connection.DTLSv1_get_timeout()
        return self._until if wait is None else min(self._until, now + wait)

    def expire(self, now: float) -> list[bytes]:
        """Time has passed: what is to be sent again, or it is over."""
        if self._connection is None or self.state is not State.SHAKING:
            return []
        if now >= self._until:
            self._end("timeout", "")
            return []
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            self._fail(error)
        return self._flight()

    def proves(self, fingerprints: tuple[Fingerprint, ...]) -> bool:
        """Whether the peer's certificate has one of these."""
        return bool(self.certificate) and fits(self.certificate, fingerprints)

    def repeats(self, hello: bytes) -> bool:
        """Whether a ClientHello is the one that this association began with."""
        return hello[_RANDOM] == self._random

    def rest(self) -> None:
        """Let go of what OpenSSL holds (60 kB), and keep the keys: from now on nothing is heard and nothing said."""
        if self._connection is not None and self.state is State.SHAKEN:
            self._let_go()

    def leave(self) -> list[bytes]:
        """Let go of it; what tells the peer so."""
        if self._connection is None:
            return []
        flight: list[bytes] = []
        if self.state is State.SHAKEN:
            try:
                self._connection.shutdown()
            except SSL.Error as error:
                self._fail(error)
            flight = self._flight()
        self._end("closed", "")
        return flight

    # -- what OpenSSL is asked

    def _listen(self) -> None:
        assert self._connection is not None
        try:
            self._connection.DTLSv1_listen()
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            self._fail(error)
            return
        self.state = State.SHAKING
        self._connection.set_ciphertext_mtu(MTU)  # which it has forgotten

    def _shake(self) -> None:
        assert self._connection is not None
        try:
            self._connection.do_handshake()
        except (SSL.WantReadError, SSL.WantWriteError):
            return
        except SSL.Error as error:
            self._fail(error)
            return
        self._agree(self._connection)

    def _agree(self, connection: SSL.Connection) -> None:
        """The handshake is done: whose it is, and the keys (RFC 5764 section 4.2)."""
        shown = connection.get_peer_certificate()
        suite = _PROFILES.get(connection.get_selected_srtp_profile())
        if shown is None or suite is None:
            self._end("no-profile", "")
            return
        key, salt = SUITES[suite].key, SUITES[suite].salt
        material = connection.export_keying_material(_LABEL, 2 * (key + salt))
        keys, salts = material[: 2 * key], material[2 * key :]
        client = Key(suite, keys[:key] + salts[:salt])
        server = Key(suite, keys[key:] + salts[salt:])
        self.keys = (server, client) if self.client else (client, server)
        self.certificate = crypto.dump_certificate(crypto.FILETYPE_ASN1, shown)
        self._random = connection.client_random() or b""
        self.state = State.SHAKEN
        if self.fingerprints and not self.proves(self.fingerprints):
            self._end("fingerprint", "")

    def _read(self) -> None:
        """Read what comes after the handshake: nothing that we have use for, but it may say that it is over, and be
        the peer's last flight again, which OpenSSL answers by ours."""
        assert self._connection is not None
        for _ in range(_MOST_RECORDS):
            try:
                self._connection.recv(LONGEST)
            except (SSL.WantReadError, SSL.WantWriteError):
                return
            except SSL.ZeroReturnError:
                self._end("closed", "")
                return
            except SSL.Error as error:
                self._fail(error)
                return

    def _fail(self, error: SSL.Error) -> None:
        said = _reason(error)
        why = "fingerprint" if "certificate verify failed" in said else "alert" if "alert" in said else "refused"
        self._end(why, said)

    def _end(self, why: str, detail: str) -> None:
        if self.state is not State.OVER:
            self.state, self.why, self.detail, self.keys = State.OVER, why, detail, None

    def _flight(self) -> list[bytes]:
        """What OpenSSL has written, as datagrams. It writes them one behind the other."""
        assert self._connection is not None
        written = []
        while True:
            try:
                written.append(self._connection.bio_read(MOST_OCTETS))
            except SSL.Error:  # nothing, or no more
                break
        if self.state is State.OVER:
            self._let_go()
        return list(datagrams(b"".join(written)))

    def _let_go(self) -> None:
        assert self._connection is not None
        self._connection.set_app_data(None)  # or it would be a circle
        self._connection = None


def is_dtls(data: bytes) -> bool:
    """Whether a datagram is for DTLS, by its first octet (RFC 7983 section 7)."""
    return len(data) >= _RECORD and 20 <= data[0] <= 63


def is_hello(data: bytes) -> bool:
    """Whether a datagram begins with a ClientHello, in its first fragment and before anything was agreed on."""
    return (
        len(data) >= _RANDOM.stop
        and data[0] == _HANDSHAKE
        and data[3:5] == b"\0\0"  # epoch
        and data[_RECORD] == _CLIENT_HELLO
        and data[_RECORD + 6 : _RECORD + 9] == b"\0\0\0"  # fragment_offset
    )


def datagrams(written: bytes) -> Iterator[bytes]:
    """Records that stand one behind the other, as many to a datagram as `MTU` has room for."""
    begun = at = 0
    while at < len(written):
        end = at + _RECORD + int.from_bytes(written[at + 11 : at + 13], "big")
        if end - begun > MTU and at > begun:
            yield written[begun:at]
            begun = at
        at = end
    if begun < len(written):
        yield written[begun:]


def _is_promised(connection: SSL.Connection, shown: crypto.X509, error: int, depth: int, good: int) -> bool:
    """Whether the peer's certificate is to be taken. Whoever has signed it says nothing."""
    association: Any = connection.get_app_data()
    if depth or not association.fingerprints:
        return True
    return fits(crypto.dump_certificate(crypto.FILETYPE_ASN1, shown), association.fingerprints)


def _reason(error: SSL.Error) -> str:
    """OpenSSL's own words, out of its table."""
    stack: Any = error.args[0] if error.args else ()
    return str(stack[-1][2]) if isinstance(stack, list) and stack else type(error).__name__
