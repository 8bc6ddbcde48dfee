"""What nobody is to find in anything that a call leaves behind, and where it would be found."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from time import time
from typing import Any

from sbc.store.sealed import SealedStore, take_key
from sbc.store.sqlite import SqliteStore

LEAVES = """
[log]
level = "debug"
[control]
socket = "control"
[audit]
file = "audit.log"
[cdr]
json = "cdr.json"
"""
"""Settings by which the SBC leaves much behind; what is put behind them goes on about [cdr]."""
_ICE = re.compile(r"a=ice-pwd:(\S+)")
_RESPONSE = re.compile(rb'\bresponse="([0-9a-f]{32})"')


def of_descriptions(texts: Iterable[str]) -> set[bytes]:
    """The passwords of ICE that descriptions hold."""
    return {found.encode() for text in texts for found in _ICE.findall(text)}


def of_digests(messages: Iterable[bytes]) -> set[bytes]:
    """The answers to challenges that messages hold."""
    return {found for message in messages for found in _RESPONSE.findall(message)}


def of_store(file: Path, key_file: Path, folder: Path) -> set[bytes]:
    """The keys of media that a store holds, which the key opens; and that key. A running SBC has the store for itself:
    what is opened is a copy of it, in `folder`."""
    key = take_key(str(key_file))
    copy = folder / "copy.sqlite"
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as there, closing(sqlite3.connect(copy)) as here:
        there.backup(here)
    store = SealedStore(SqliteStore(str(copy), time), key)
    store.open()
    try:
        values = [json.loads(value) for _, _, value in store.load()]
    finally:
        store.close()
    return {key, *(secret for value in values for secret in _keys(value))}


def _keys(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        if "suite" in value and "secret" in value:
            yield str(value["secret"]).encode("latin-1")  # as sbc/core/plain.py writes octets
        for each in value.values():
            yield from _keys(each)
    elif isinstance(value, list):
        for each in value:
            yield from _keys(each)


def forms(secret: bytes) -> set[bytes]:
    """How a secret might stand somewhere: as it is, in hexadecimal digits, in base 64."""
    whole = base64.b64encode(secret).rstrip(b"=")
    return {secret, secret.hex().encode(), secret.hex().upper().encode(), whole, repr(secret)[2:-1].encode()}


def leaks(where: dict[str, bytes], secrets: Iterable[bytes]) -> list[str]:
    """Which of `secrets` stand in what was left behind, and where; their own first octets alone are told."""
    return [
        f"{secret[:4]!r}... in {name}"
        for secret in secrets
        for name, data in where.items()
        if any(form in data for form in forms(secret))
    ]
