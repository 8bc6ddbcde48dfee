"""``[realms.NAME.tls]`` and ``[realms.NAME.websocket]``: how a realm's connections are secured, and which web pages may
make one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sbc.config import kinds
from sbc.config.faults import Findings, Unfit, joined
from sbc.config.keys import Key, read_keys
from sbc.core.orders import Listener
from sbc.core.wires import KeyPair, Tls, TlsVersion, Web

Files = Callable[..., dict[str, Any]]
_FILE = kinds.text("the path of a file; a relative one starts at the configuration file's directory")
_ORIGIN = re.compile(r"https?://(?:\*\.)?[0-9a-z](?:[0-9a-z.-]*[0-9a-z])?(?::[0-9]{1,5})?|null|none", re.IGNORECASE)
_TLS, _CERTIFICATES, _WEBSOCKET = "realms.NAME.tls", "realms.NAME.tls.certificates[]", "realms.NAME.websocket"


def _origin() -> kinds.Kind:
    """Where a page comes from, as browsers say it (RFC 6454 section 6.2)."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not _ORIGIN.fullmatch(value):
            raise Unfit
        return value.lower()

    return kinds.Kind('an origin, for example "https://phone.example" or "https://*.example", or "none"', read)


def _path() -> kinds.Kind:
    """The path of a URL, without what is asked for there."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not value.startswith("/") or not value.isascii() or not value.isprintable():
            raise Unfit
        if any(each in value for each in "?# "):
            raise Unfit
        return value

    return kinds.Kind('the path of a URL, for example "/ws"', read)


TABLES: dict[str, tuple[Key, ...]] = {
    _TLS: (
        Key("certificate", _FILE, required=True),
        Key("key", _FILE, required=True),
        Key("certificates", kinds.tables("[[realms.NAME.tls.certificates]]")),
        Key("ca", _FILE),
        Key("crl", _FILE),
        Key("require_peer", kinds.boolean()),
        Key("server_name", kinds.host_name()),
        Key("minimum", kinds.choice(TlsVersion)),
        Key("ciphers", kinds.text("ciphers in OpenSSL's words")),
    ),
    _CERTIFICATES: (Key("certificate", _FILE, required=True), Key("key", _FILE, required=True)),
    _WEBSOCKET: (
        Key("origins", kinds.many(_origin(), 0, "origins")),
        Key("hosts", kinds.many(kinds.host_name(), 0, "names")),
        Key("paths", kinds.many(_path(), 0, "paths")),
        Key("ping", kinds.seconds(0.0, 3600.0)),
        Key("target", _path()),
    ),
}


def read_tls(table: Mapping[str, Any], at: str, files: Files, findings: Findings) -> Tls | None:
    """The value of a realm's table for TLS; None where too much of it is wrong. `files` makes paths absolute."""
    values = files(read_keys(table, at, TABLES[_TLS], findings), "certificate", "key", "ca", "crl")
    pairs = []
    for index, each in enumerate(values.pop("certificates", ())):
        pair = files(read_keys(each, f"{at}.certificates[{index}]", TABLES[_CERTIFICATES], findings), *_PAIR)
        if pair.keys() >= _PAIR:
            pairs.append(KeyPair(**pair))
    return Tls(**values, certificates=tuple(pairs)) if values.keys() >= _PAIR else None


_PAIR = frozenset({"certificate", "key"})


def read_websocket(table: Mapping[str, Any], at: str, findings: Findings) -> Web:
    """The value of a realm's table for WebSockets."""
    return Web(**read_keys(table, joined(at, "websocket"), TABLES[_WEBSOCKET], findings))


def check_wires(
    tls: Tls | None, faulty: bool, listeners: list[tuple[str, Listener]], at: str, findings: Findings
) -> None:
    """Secured listeners need a certificate, and who asks peers for theirs must know who signs them. `faulty`: what is
    wrong with `tls` was said already."""
    secured = [(key, own.transport) for key, own in listeners if own.secured]
    if secured and tls is None and not faulty:
        findings.add(f"{secured[0][0]}.transport", secured[0][1], "needs a certificate and a key", f"[{at}.tls]")
    if tls is not None and tls.require_peer and not tls.ca:
        findings.missing(f"{at}.tls.ca", "a file of the authorities by which peers are known")
