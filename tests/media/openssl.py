"""The openssl program as a peer of DTLS, on loopback, and one association of ours that speaks with it."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sbc.media.certificate import Certificate
from sbc.media.dtls import Association, State

PATIENCE = 20.0
"""Seconds that only a failing test takes."""
EXPORTED = re.compile(rb"Keying material: ([0-9A-F]+)")
PROFILE = re.compile(rb"SRTP Extension negotiated, profile=(\w+)")


def write(certificate: Certificate, directory: Path) -> tuple[str, str]:
    """Files of a certificate and its key."""
    shown, key = directory / "peer.crt", directory / "peer.key"
    shown.write_bytes(certificate.certificate.public_bytes(Encoding.PEM))
    key.write_bytes(certificate.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(shown), str(key)


@contextmanager
def running(arguments: list[str], certificate: Certificate, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """openssl s_client or s_server, with that certificate; it exports keys for SRTP."""
    shown, key = write(certificate, directory)
    usual = ["-dtls1_2", "-cert", shown, "-key", key]
    usual += ["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "60"]
    program = subprocess.Popen(
        ["openssl", *arguments, *usual], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield program
    finally:
        program.kill()
        program.communicate()


def speak(sock: socket.socket, association: Association, to: tuple[str, int] | None = None) -> None:
    """Shake hands by a socket; `to` is where the peer listens, if it is us who begin."""
    until = time.monotonic() + PATIENCE
    sock.settimeout(0.05)
    for data in association.begin() if to is not None else ():
        sock.sendto(data, to)
    while association.state in (State.LISTENING, State.SHAKING):
        assert time.monotonic() < until
        try:
            data, to = sock.recvfrom(4096)
            flight = association.take(data)
        except (TimeoutError, ConnectionRefusedError):
            due = association.due(time.monotonic())
            flight = [] if due is None or due > time.monotonic() else association.expire(time.monotonic())
        for each in flight:
            assert to is not None
            sock.sendto(each, to)


def said(program: subprocess.Popen[bytes]) -> bytes:
    """All that the program has said when it has ended; it ends when its input does."""
    return program.communicate(b"Q\n", timeout=PATIENCE)[0]
