"""The connections of a realm: how many, for how long, how secured. Plain values, made by the config."""

from __future__ import annotations

from enum import Enum

import attrs


class ControlHosts(Enum):
    """Whose the other end of a call's control channel may be."""

    PEER = "peer"  # the host that the call's signalling comes from
    ANY = "any"  # whatever host that names, or that comes


@attrs.frozen
class Connections:
    """How far the peers of a realm are trusted with connections: how many at once, octets that may wait, seconds.

    `control_ports` are those that control channels of calls are taken at, of the media's address; if empty, ports of
    the same numbers as the media's."""

    total: int = 20_000  # of one listener
    per_source: int = 250  # of one host there
    handshakes: int = 100  # of those, the ones that have not brought a message yet
    message: float = 10.0  # for a message to become whole, and for the first to begin
    idle: float = 900.0  # without a message, where nobody is known to need it
    connect: float = 4.0
    queue: int = 262_144  # what waits for a connection to open or a peer to read
    keep: bool = True  # whether a terminal's own, if it says so, stays for `idle` when its last call has ended
    alias: bool = False  # whether a next hop's connection is used for requests to it on its mere word
    control_ports: range = range(0)
    control_hosts: ControlHosts = ControlHosts.PEER


class TlsVersion(Enum):
    """The oldest version of TLS that is spoken."""

    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"


@attrs.frozen
class KeyPair:
    """The files (absolute paths) of a certificate, with those that sign it, and of its key."""

    certificate: str
    key: str


@attrs.frozen
class Tls:
    """The files (absolute paths) that a realm's secured connections need, and what peers must show.

    `certificates` are shown, instead of the first, to who asks for a name that they hold. `ca` are the authorities that
    peers' certificates are signed by, the system's if empty, and `crl` the lists of what they have revoked, empty:
    nobody asks. `require_peer`: also those who connect to us must show one. `server_name`: what the certificates of
    those we connect to must hold, their IP address if empty. `ciphers` are those of TLS 1.2, in OpenSSL's words; empty:
    those that forward secrecy is had with.
    """

    certificate: str
    key: str
    ca: str = ""
    crl: str = ""
    require_peer: bool = False
    server_name: str = ""
    certificates: tuple[KeyPair, ...] = ()
    minimum: TlsVersion = TlsVersion.TLS_1_2
    ciphers: str = ""

    @property
    def pairs(self) -> tuple[KeyPair, ...]:
        """All certificates, the one first that is shown to who asks for no name that any of them holds."""
        return (KeyPair(self.certificate, self.key), *self.certificates)


@attrs.frozen
class Web:
    """Who may open a WebSocket in a realm, and what is done about one that says nothing.

    `origins` are the pages from where browsers may, as they call them ("https://phone.example"); "none" is who names no
    page, and is no browser. `hosts` and `paths` are what must be asked for. Where one of the three is empty, anything
    goes. After `ping` seconds of silence the peer is asked whether it lives, and closed after as many again; 0: never.
    `target` is the path that next hops are asked for.
    """

    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    ping: float = 25.0
    target: str = "/"
