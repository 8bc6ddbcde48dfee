"""How calls, terminals and users are named in messages of H.323."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GUID = 16
"""Octets of a callIdentifier."""


def call_of(value: Mapping[str, Any]) -> bytes:
    """The callIdentifier that a message speaks of, or in its place, as old terminals do, the conferenceID; empty where
    there is neither."""
    identifier = value.get("callIdentifier")
    if isinstance(identifier, dict) and any(identifier.get("guid", b"")):
        return bytes(identifier["guid"])
    return bytes(value.get("conferenceID") or b"")


def name_of(value: Mapping[str, Any], which: str) -> bytes:
    """A gatekeeper's or endpoint's name, as octets; empty where there is none."""
    return str(value.get(which) or "").encode("utf-8", "surrogatepass")


def user_of(aliases: Any) -> bytes:
    """The first alias of a list that is text; empty where there is none."""
    for form, text in aliases or ():
        if isinstance(text, str):
            return f"{form}:{text}".encode("utf-8", "surrogatepass")
    return b""
